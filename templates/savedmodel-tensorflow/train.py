"""Train the model of this project, and write down what it must answer.

Run it with the versions that modelpack.yaml pins:

    python3.11 -m venv .venv
    .venv/bin/pip install scikit-learn tensorflow-cpu
    .venv/bin/python train.py
"""

import json
from pathlib import Path

import tensorflow as tf
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

HERE = Path(__file__).resolve().parent
FLOWERS = [[5.1, 3.5, 1.4, 0.2], [6.0, 2.9, 4.5, 1.5], [6.9, 3.1, 5.4, 2.1]]


def main():
    iris = load_iris()
    classifier = LogisticRegression(max_iter=1000).fit(iris.data, iris.target)
    print(f"accuracy on what it has seen: {classifier.score(iris.data, iris.target):.3f}")
    (HERE / "iris").mkdir(exist_ok=True)
    module = Iris(classifier)
    tf.saved_model.save(module, str(HERE / "iris" / "1"), signatures=module.probabilities)
    probabilities = classifier.predict_proba(FLOWERS)
    write("sample-request.json", {"instances": FLOWERS})
    write(
        "expected-response.json",
        {"predictions": [[round(float(number), 6) for number in row] for row in probabilities]},
    )


class Iris(tf.Module):
    """softmax(flowers @ weights + bias)."""

    def __init__(self, classifier):
        super().__init__()
        self.weights = tf.Variable(classifier.coef_.T, dtype=tf.float32)
        self.bias = tf.Variable(classifier.intercept_, dtype=tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="flowers")])
    def probabilities(self, flowers):
        return {"probabilities": tf.nn.softmax(flowers @ self.weights + self.bias)}


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
