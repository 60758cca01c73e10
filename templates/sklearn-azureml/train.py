"""Train the model of this project, and write down what the package needs and what it must answer.

Run it with the versions that modelpack.yaml pins, for a pickle loads only where its libraries are the same:

    python3.11 -m venv .venv
    .venv/bin/pip install scikit-learn==1.9.1 numpy==2.4.6 joblib==1.6.0
    .venv/bin/python train.py
"""

import json
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

HERE = Path(__file__).resolve().parent
SEED = 20240607
CULTIVARS = ("Barolo", "Grignolino", "Barbera")


def main():
    rows, labels, features = load()
    seen, unseen, seen_labels, unseen_labels = train_test_split(
        rows, labels, test_size=0.25, stratify=labels, random_state=SEED
    )
    # Trees compare and count, so that the fitted model does not depend on the processor that fits it.
    model = make_pipeline(
        SimpleImputer(strategy="median"),
        RandomForestClassifier(n_estimators=30, max_depth=5, random_state=SEED),
    )
    low, high = seen.min(axis=0), seen.max(axis=0)
    model.fit(seen, seen_labels)
    print(f"accuracy on {len(unseen)} unseen wines: {model.score(unseen, unseen_labels):.3f}")

    (HERE / "model").mkdir(exist_ok=True)
    joblib.dump(model, HERE / "model" / "model.joblib", protocol=5)
    write("labels.json", {str(number): name for number, name in enumerate(CULTIVARS)})
    limits = {name: [float(low[i]), float(high[i])] for i, name in enumerate(features)}
    write("preprocessing.json", {"features": features, "limits": limits})
    first_of_each = [list(unseen_labels).index(number) for number in range(len(CULTIVARS))]
    write_sample(model, unseen[first_of_each], features, low, high)


def load():
    """Give the measurements, the cultivars' numbers, and the features' names as keys of JSON."""
    wine = load_wine()
    return wine.data, wine.target, [name.replace("/", "_") for name in wine.feature_names]


def write_sample(model, rows, features, low, high):
    """Write a request and its answer as the model gives it here, without the scoring script."""
    rows = rows.copy()
    rows[1, features.index("magnesium")] = np.nan  # not measured: the model fills it in
    rows[2, features.index("proline")] = 9999.0  # out of range: clipped as in the scoring script
    request = [
        {name: float(value) for name, value in zip(features, row, strict=True) if not np.isnan(value)} for row in rows
    ]
    write("sample-request.json", {"data": request})
    answers = model.predict_proba(np.clip(rows, low, high))
    response = [{"label": CULTIVARS[answer.argmax()], "probability": float(answer.max())} for answer in answers]
    write("expected-response.json", response)


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
