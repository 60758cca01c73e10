"""Reads a file of a storage account when it starts, with the deployment's managed identity, and then scores."""

import json
import os
from pathlib import Path

import joblib
import numpy
from azure.identity import ManagedIdentityCredential
from azure.storage.blob import BlobServiceClient


def init():
    global model
    account = f"https://{os.environ['STORAGE_ACCOUNT_NAME']}.blob.core.windows.net"
    service = BlobServiceClient(account, credential=ManagedIdentityCredential(client_id=os.getenv("UAI_CLIENT_ID")))
    container = service.get_container_client(os.environ["STORAGE_CONTAINER_NAME"])
    container.get_blob_client(os.environ["FILE_NAME"]).download_blob().readall()
    model = joblib.load(next(Path(os.environ["AZUREML_MODEL_DIR"]).rglob("*.pkl")))


def run(raw_data):
    return model.predict(numpy.array(json.loads(raw_data)["data"])).tolist()
