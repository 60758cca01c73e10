"""Scores what MLflow models take, as {"input_data": {columns, index, data}}."""

import json
import os

import mlflow
import pandas


def init():
    global model
    model = mlflow.pyfunc.load_model(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model"))


def run(raw_data):
    table = pandas.DataFrame(**json.loads(raw_data)["input_data"])
    return model.predict(table).tolist()
