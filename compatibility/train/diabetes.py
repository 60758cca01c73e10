"""Writes a regression of the ten named columns as MLflow's scikit-learn flavor does: by cloudpickle."""

import sys

import cloudpickle
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

data = load_diabetes()
with open(sys.argv[1], "wb") as stream:
    cloudpickle.dump(LinearRegression().fit(data.data, data.target), stream)
