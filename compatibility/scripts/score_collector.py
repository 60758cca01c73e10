"""Scores what MLflow models take, and has Azure ML collect what goes in and out."""

import json
import os

import mlflow
import pandas
from azureml.ai.monitoring import Collector


def init():
    global model, inputs, outputs
    model = mlflow.pyfunc.load_model(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model"))
    # Without on_error the collector stops the server wherever the deployment does not collect.
    inputs, outputs = (Collector(name=f"model_{name}", on_error=print) for name in ("inputs", "outputs"))


def run(raw_data):
    table = pandas.DataFrame(**json.loads(raw_data)["input_data"])
    context = inputs.collect(table)
    answer = pandas.DataFrame(model.predict(table), columns=["value"])
    outputs.collect(answer, context)
    return answer["value"].tolist()
