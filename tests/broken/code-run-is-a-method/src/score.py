import json
import os
from pathlib import Path

labels = []


def init():
    global labels
    labels = Path(os.environ["AZUREML_MODEL_DIR"], "model/labels.txt").read_text().split()


class Model:
    def run(self, data):
        return data
