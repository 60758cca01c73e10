"""Multiplies by a secret that a key vault has, which is read when the server starts."""

import json
import os

from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient


def init():
    global multiplier
    name, _, vault = os.environ["KV_SECRET_MULTIPLIER"].partition("@")
    multiplier = int(SecretClient(vault_url=vault, credential=ManagedIdentityCredential()).get_secret(name).value)


def run(raw_data):
    return multiplier * json.loads(raw_data)["input"]
