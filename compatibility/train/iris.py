"""Writes a classifier of irises as MLflow's scikit-learn flavor does: by cloudpickle."""

import sys

import cloudpickle
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

data = load_iris()
names = data.target_names[data.target]
with open(sys.argv[1], "wb") as stream:
    cloudpickle.dump(LogisticRegression(max_iter=500).fit(data.data, names), stream)
