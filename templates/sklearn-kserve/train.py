"""Train the model of this project, and write down what it must answer.

Run it with the versions that modelpack.yaml pins, for a pickle loads only where its libraries are the same:

    python3.11 -m venv .venv
    .venv/bin/pip install scikit-learn==1.9.1 numpy==2.4.6 joblib==1.6.0
    .venv/bin/python train.py
"""

import json
from pathlib import Path

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

HERE = Path(__file__).resolve().parent
SPECIES = ("setosa", "versicolor", "virginica")
FLOWERS = [[5.1, 3.5, 1.4, 0.2], [6.0, 2.9, 4.5, 1.5], [6.9, 3.1, 5.4, 2.1]]


def main():
    iris = load_iris()
    classifier = LogisticRegression(max_iter=1000).fit(iris.data, iris.target)
    print(f"accuracy on what it has seen: {classifier.score(iris.data, iris.target):.3f}")
    (HERE / "model").mkdir(exist_ok=True)
    joblib.dump(classifier, HERE / "model" / "model.joblib", protocol=5)
    probabilities = classifier.predict_proba(FLOWERS)
    write("sample-request.json", {"instances": FLOWERS})
    write(
        "expected-response.json",
        {"predictions": [{"species": SPECIES[row.argmax()], "probability": float(row.max())} for row in probabilities]},
    )


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
