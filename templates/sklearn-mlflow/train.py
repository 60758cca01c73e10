"""Train the model of this project, save it as MLflow does, and write down what it must answer.

Run it with the versions that modelpack.yaml pins, for a pickle loads only where its libraries are the same:

    python3.11 -m venv .venv
    .venv/bin/pip install scikit-learn==1.9.1 numpy==2.4.6 pandas==3.1.1 mlflow-skinny==3.17.2
    .venv/bin/python train.py
"""

import json
import shutil
from pathlib import Path

import mlflow.sklearn
import pandas as pd
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

HERE = Path(__file__).resolve().parent
FLOWERS = [[5.1, 3.5, 1.4, 0.2], [6.0, 2.9, 4.5, 1.5], [6.9, 3.1, 5.4, 2.1]]


def main():
    iris = load_iris(as_frame=True)
    flowers = iris.data.rename(columns=lambda name: name.removesuffix(" (cm)").replace(" ", "_"))
    classifier = LogisticRegression(max_iter=1000).fit(flowers, iris.target)
    print(f"accuracy on what it has seen: {classifier.score(flowers, iris.target):.3f}")
    shutil.rmtree(HERE / "model", ignore_errors=True)
    mlflow.sklearn.save_model(
        classifier,
        HERE / "model",
        signature=infer_signature(flowers, classifier.predict(flowers)),
        pip_requirements=["scikit-learn==1.9.1", "numpy==2.4.6", "pandas==3.1.1"],
        serialization_format="cloudpickle",
    )
    sample = pd.DataFrame(FLOWERS, columns=flowers.columns)
    write("sample-request.json", {"dataframe_split": {"columns": list(flowers.columns), "data": FLOWERS}})
    write("expected-response.json", {"predictions": [int(number) for number in classifier.predict(sample)]})


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
