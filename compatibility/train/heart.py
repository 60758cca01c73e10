"""Writes a classifier of thirteen columns, one of them text, in two steps: an encoder and gradient boosting."""

import random
import sys

import cloudpickle
import pandas
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder
from xgboost import XGBClassifier

columns = [
    "age",
    "sex",
    "cp",
    "trestbps",
    "chol",
    "fbs",
    "restecg",
    "thalach",
    "exang",
    "oldpeak",
    "slope",
    "ca",
    "thal",
]
random.seed(0)
rows = pandas.DataFrame([[random.randint(0, 9) for _ in columns] for _ in range(60)], columns=columns)
rows["thal"] = [random.choice(["normal", "fixed", "reversible"]) for _ in range(60)]
encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
encode = ColumnTransformer([("thal", encoder, ["thal"])], remainder="passthrough")
model = Pipeline([("encode", encode), ("model", XGBClassifier(n_estimators=3))])
with open(sys.argv[1], "wb") as stream:
    cloudpickle.dump(model.fit(rows, [index % 2 for index in range(60)]), stream)
