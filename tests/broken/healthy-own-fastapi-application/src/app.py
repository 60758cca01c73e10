import os
from pathlib import Path

import uvicorn
from fastapi import FastAPI

app = FastAPI()
labels = Path(os.environ["AZUREML_MODEL_DIR"], "model/labels.txt").read_text().split()


@app.get("/ready")
def ready():
    return "ready"


@app.post("/score")
async def score(body: dict):
    return [labels[int(row[0])] for row in body["data"]]


if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=int(os.environ["MODELPACK_PORT"]))
