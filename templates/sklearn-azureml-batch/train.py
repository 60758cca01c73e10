"""Train the model of this project, and write down what it must answer.

Run it with the versions that modelpack.yaml pins, for a pickle loads only where its libraries are the same:

    python3.11 -m venv .venv
    .venv/bin/pip install scikit-learn==1.9.1 numpy==2.4.6 joblib==1.6.0
    .venv/bin/python train.py
"""

from pathlib import Path

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

HERE = Path(__file__).resolve().parent
SPECIES = ("setosa", "versicolor", "virginica")
FILES = {
    "first.csv": [[5.1, 3.5, 1.4, 0.2], [6.0, 2.9, 4.5, 1.5]],
    "second.csv": [[6.9, 3.1, 5.4, 2.1]],
    "third.csv": [[4.9, 3.0, 1.4, 0.2]],
}


def main():
    iris = load_iris()
    classifier = LogisticRegression(max_iter=1000).fit(iris.data, iris.target)
    print(f"accuracy on what it has seen: {classifier.score(iris.data, iris.target):.3f}")
    (HERE / "model").mkdir(exist_ok=True)
    joblib.dump(classifier, HERE / "model" / "model.joblib", protocol=5)
    expected = []
    for name, flowers in FILES.items():
        write(f"sample-inputs/{name}", [",".join(map(str, flower)) for flower in flowers])
        expected += [f"{name},{SPECIES[row.argmax()]},{row.max()}" for row in classifier.predict_proba(flowers)]
    write("expected-outputs/predictions.csv", expected)


def write(name, lines):
    path = HERE / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
