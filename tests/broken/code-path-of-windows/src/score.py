import json
import os
from pathlib import Path

labels = []


def init():
    global labels
    labels = open(r"C:\Users\ada\wine\labels.txt").read().split()


def run(data):
    rows = json.loads(data)["data"]
    return [labels[int(row[0])] for row in rows]
