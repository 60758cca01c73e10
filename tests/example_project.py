"""A small project with a spec and, without asking any index, the lock that is its."""

from __future__ import annotations

import json
from dataclasses import replace

import example_lock

from modelpack import lockfile
from modelpack.loading.native import load_spec
from modelpack.locking.assemble import assemble
from modelpack.locking.machine import Machine
from modelpack.locking.pins import Distributions, Pins
from modelpack.locking.trees import scan
from modelpack.locking.weights import weigh_all
from modelpack.progress import Silent
from modelpack.settings import Settings

SPEC = """\
name: demo
version: "1"
model: ./model
code: {path: ./src, scoring_script: score.py}
requirements: [numpy==2.0.0]
inputs: {labels: ./labels.json}
environment_variables: {LOG_LEVEL: info}
check: {request: request.json, response: response.json}
"""
FILES = {
    "model/model.bin": "weights",
    "src/score.py": "def init(): ...\n\n\ndef run(data): ...\n",
    "labels.json": "{}",
    "request.json": "[1]",
    "response.json": "[1]",
    "modelpack.yaml": SPEC,
}


def write(folder, files=FILES):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def machine(folder):
    """Give a machine whose settings are empty and whose cache is below the folder."""
    return Machine(settings=Settings(), cache=folder / "cache", progress=Silent())


def lock_of(spec, machine):
    """Give the lock of a spec, with a base and wheels that no index has."""
    example = example_lock.lock()
    trees = scan(spec, machine)
    weights = weigh_all(spec, trees, None, machine)
    return assemble(spec, trees, Pins.of(example), Distributions.of(example), weights)


def write_lock(folder, machine, **changes):
    spec = load_spec(folder)
    lock = replace(lock_of(spec, machine), **changes)
    assert lockfile.write(lock, spec.lock_path)
    return json.loads(spec.lock_path.read_text(encoding="utf-8"))
