"""Train the model of this project, and write down what it must answer.

Run it with the versions that modelpack.yaml pins:

    python3.11 -m venv .venv
    .venv/bin/pip install scikit-learn
    .venv/bin/python train.py
"""

import json
from pathlib import Path

from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

HERE = Path(__file__).resolve().parent
FLOWERS = [[5.1, 3.5, 1.4, 0.2], [6.0, 2.9, 4.5, 1.5], [6.9, 3.1, 5.4, 2.1]]


def main():
    iris = load_iris()
    classifier = LogisticRegression(max_iter=1000).fit(iris.data, iris.target)
    print(f"accuracy on what it has seen: {classifier.score(iris.data, iris.target):.3f}")
    (HERE / "model").mkdir(exist_ok=True)
    weights = {"coefficients": classifier.coef_.tolist(), "intercept": classifier.intercept_.tolist()}
    write("model/weights.json", weights)
    probabilities = classifier.predict_proba(FLOWERS)
    flowers = {
        "name": "flowers",
        "shape": [3, 4],
        "datatype": "FP64",
        "data": [number for flower in FLOWERS for number in flower],
    }
    write("sample-request.json", {"id": "three", "inputs": [flowers]})
    answer = {"name": "probabilities", "datatype": "FP64", "shape": [3, 3], "data": probabilities.ravel().tolist()}
    write("expected-response.json", {"id": "three", "model_name": "iris", "model_version": "1", "outputs": [answer]})


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
