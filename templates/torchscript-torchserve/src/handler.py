"""The handler: from a request to a tensor, and back."""

import json

import torch
from ts.torch_handler.base_handler import BaseHandler

SPECIES = ("setosa", "versicolor", "virginica")


class Iris(BaseHandler):
    """Tells the species of iris flowers: lengths and widths of sepal and petal, in cm."""

    def preprocess(self, requests):
        """Give one tensor for a batch of requests, each with any number of flowers."""
        bodies = [request.get("data") or request.get("body") for request in requests]
        flowers = [(json.loads(body) if isinstance(body, (bytes, str)) else body)["data"] for body in bodies]
        self.sizes = [len(rows) for rows in flowers]
        return torch.tensor([row for rows in flowers for row in rows], dtype=torch.float32, device=self.device)

    def postprocess(self, rows):
        """Answer one species and its probability for each flower of each request."""
        answers = [{"species": SPECIES[int(row.argmax())], "probability": float(row.max())} for row in rows]
        return [[answers.pop(0) for _ in range(size)] for size in self.sizes]
