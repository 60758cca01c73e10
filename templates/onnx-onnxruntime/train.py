"""Train the model of this project, and write down what it must answer.

Run it with the versions that modelpack.yaml pins:

    python3.11 -m venv .venv
    .venv/bin/pip install scikit-learn onnx
    .venv/bin/python train.py
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

HERE = Path(__file__).resolve().parent
NAME = "iris"
FLOWERS = [[5.1, 3.5, 1.4, 0.2], [6.0, 2.9, 4.5, 1.5], [6.9, 3.1, 5.4, 2.1]]


def main():
    iris = load_iris()
    classifier = LogisticRegression(max_iter=1000).fit(iris.data, iris.target)
    print(f"accuracy on what it has seen: {classifier.score(iris.data, iris.target):.3f}")
    (HERE / "model").mkdir(exist_ok=True)
    onnx.save(graph(classifier), HERE / "model" / "iris.onnx")
    probabilities = classifier.predict_proba(FLOWERS)
    flowers = {"name": "flowers", "shape": [3, 4], "datatype": "FP32", "data": FLOWERS}
    write("sample-request.json", {"id": "three", "inputs": [flowers]})
    numbers = [round(float(number), 6) for number in probabilities.ravel()]
    answer = {"name": "probabilities", "datatype": "FP32", "shape": [3, 3], "data": numbers}
    # The model goes by the name of its file.
    write("expected-response.json", {"id": "three", "model_name": NAME, "model_version": "1", "outputs": [answer]})


def graph(classifier):
    """Write the classifier as a graph: softmax(flowers @ weights + bias)."""
    weights = numpy_helper.from_array(classifier.coef_.T.astype(np.float32), "weights")
    bias = numpy_helper.from_array(classifier.intercept_.astype(np.float32), "bias")
    nodes = [
        helper.make_node("Gemm", ["flowers", "weights", "bias"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    flowers = helper.make_tensor_value_info("flowers", TensorProto.FLOAT, ["flowers", 4])
    answers = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["flowers", 3])
    made = helper.make_graph(nodes, "iris", [flowers], [answers], [weights, bias])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
