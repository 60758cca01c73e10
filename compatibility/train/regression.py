"""Writes a regression of ten columns as joblib does."""

import sys

import joblib
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

joblib.dump(Ridge().fit(*load_diabetes(return_X_y=True)), sys.argv[1])
