"""Train the model of this project, and write down what it must answer.

Run it with the versions that modelpack.yaml pins:

    python3.11 -m venv .venv
    .venv/bin/pip install scikit-learn torch==2.13.0
    .venv/bin/python train.py
"""

import json
from pathlib import Path

import torch
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
    torch.jit.save(torch.jit.script(module(classifier)), HERE / "model" / "iris.pt")
    probabilities = classifier.predict_proba(FLOWERS)
    write("sample-request.json", {"data": FLOWERS})
    answers = [{"species": SPECIES[row.argmax()], "probability": float(row.max())} for row in probabilities]
    write("expected-response.json", answers)


def module(classifier):
    """Write the classifier as a module: softmax(flowers @ weights + bias)."""
    linear = torch.nn.Linear(4, 3)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(classifier.coef_))
        linear.bias.copy_(torch.tensor(classifier.intercept_))
    return torch.nn.Sequential(linear, torch.nn.Softmax(dim=1)).eval()


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
