"""A folder with what Azure ML's files name: a model, code, environments and other assets."""

from __future__ import annotations

CONDA = """\
name: model-env
channels: [conda-forge]
dependencies:
  - python=3.11
  - pip
  - pip:
    - numpy==2.3.1
"""
FILES = {
    "model/model.pkl": "weights",
    "src/score.py": "def init(): ...\n\n\ndef run(data): ...\n",
    "src/main.py": "def init(): ...\n\n\ndef run(data): ...\n",
    "src/plumber.R": "",
    "half/score.py": "def init(): ...\n",
    "docker/Dockerfile": "FROM scratch\n",
    "labels.json": "{}",
    "conda.yaml": CONDA,
    "environment/sklearn-env.yml": """\
$schema: https://schemas.example/latest/environment.schema.json
name: sklearn-env
image: registry.example/azureml/openmpi4.1.0-ubuntu22.04
conda_file: ../conda.yaml
""",
    "environment/versioned-1.yml": "name: versioned-env\nversion: 1\nimage: i\nconda_file: ../conda.yaml\n",
    "environment/versioned-2.yml": "name: versioned-env\nversion: 10\nimage: i\nconda_file: {dependencies: [python]}\n",
    "environment/double-a.yml": "name: double-env\nversion: 1\nimage: i\n",
    "environment/double-b.yml": "name: double-env\nversion: 1\nimage: i\n",
    "packages/other.yml": """\
target_environment: azureml:other-pkg:4
base_environment_source: {type: environment_asset, resource_id: "azureml:sklearn-env:1"}
inferencing_server:
  type: azureml_online
  code_configuration: {code: ../src, scoring_script: score.py}
environment_variables: {LEVEL: package, ONLY: package}
""",
    "packages/model/model.pkl": "other weights",
    "models/known.yml": "name: known-model\nversion: 7\npath: ../model\ndescription: A known one\n",
    "models/weights.yml": "name: the-weights\npath: ../model/model.pkl\n",
    "data/labels.yml": "name: labels\nversion: '2'\ntype: uri_file\npath: ../labels.json\n",
    "mlflow/MLmodel": "flavors: {}\n",
}
PACKAGE = """\
$schema: http://azureml/sdk-2-0/ModelVersionPackage.json
base_environment_source: {type: environment_asset, resource_id: "azureml:sklearn-env:1"}
target_environment: wine-pkg
inferencing_server:
  type: azureml_online
  code_configuration: {code: src, scoring_script: score.py}
"""
DEPLOYMENT = """\
$schema: https://schemas.example/latest/managedOnlineDeployment.schema.json
name: blue
endpoint_name: wine
model: {path: ./model/}
environment: {image: "registry.example/azureml/openmpi4.1.0-ubuntu22.04:latest", conda_file: conda.yaml}
code_configuration: {code: src, scoring_script: score.py}
"""


def write(folder, files=FILES):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder
