"""Scoring script: turns sentences into vectors of length one, or compares the sentences with each other."""

import os
from pathlib import Path

import numpy as np
import onnxruntime
from azureml_inference_server_http.api.aml_response import AMLResponse
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema
from tokenizers import Tokenizer

LONGEST = 256  # tokens; the model was trained on no more, the rest of a sentence is cut off
BATCH = 32  # sentences in one run of the model

tokenizer = None
session = None


def init():
    """Load the tokenizer and the model, once for each worker."""
    global tokenizer, session
    folder = Path(os.environ["AZUREML_MODEL_DIR"], "model")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(LONGEST)
    tokenizer.enable_padding()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("THREADS", "1"))
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])


@input_schema("sentences", StandardPythonParameterType(["A cat sleeps in the sun"]))
@input_schema("output", StandardPythonParameterType("embeddings"), optional=True)
@output_schema(StandardPythonParameterType({"embeddings": [[0.05]]}))
def run(sentences, output="embeddings"):
    """Answer ``embeddings``, a vector for each sentence, or ``similarities``, a cosine for each two."""
    if not all(isinstance(sentence, str) for sentence in sentences):
        return AMLResponse({"message": "sentences: expected strings"}, 400, json_str=True)
    if output not in ("embeddings", "similarities"):
        return AMLResponse({"message": f"unknown output: {output}"}, 400, json_str=True)
    vectors = embed(sentences)
    return {output: (vectors if output == "embeddings" else vectors @ vectors.T).tolist()}


def embed(sentences):
    """Give one row of unit length for each sentence."""
    rows = [np.empty((0, 384), dtype=np.float32)]
    for start in range(0, len(sentences), BATCH):
        encoded = tokenizer.encode_batch(sentences[start : start + BATCH])
        feed = {
            "input_ids": np.array([one.ids for one in encoded], dtype=np.int64),
            "attention_mask": np.array([one.attention_mask for one in encoded], dtype=np.int64),
        }
        rows.append(session.run(["embedding"], feed)[0])
    return np.concatenate(rows)
