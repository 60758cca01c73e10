"""Which of Azure ML's YAML files a text is, told without reading it: it may be broken, or a template."""

from __future__ import annotations

import re

from modelpack.loading.azure.deployment_keys import CLOUD_ONLY, PACKAGING

PACKAGE_KIND, DEPLOYMENT_KIND, BATCH_KIND, ENVIRONMENT_KIND, MODEL_KIND, DATA_KIND = (
    "package",
    "deployment",
    "batch deployment",
    "environment",
    "model",
    "data",
)
_ENDPOINT, _PIPELINE, _JOB, _SCHEDULE, _COMPUTE, _CONNECTION, _WORKSPACE, _FEATURES, _IMPORT, _FLOW = (
    "endpoint",
    "pipeline deployment",
    "job",
    "schedule",
    "compute",
    "connection",
    "workspace",
    "features",
    "data import",
    "flow",
)
_CONDA, _PYTHON_ENV = "conda environment", "python_env"

_SERVED = "name the YAML file of a deployment, or of a model package"
_PACKAGES = "it is named by what needs it: requirements: {0} in modelpack.yaml, or conda_file of an environment"
OTHER_KINDS = {
    _ENDPOINT: ("an endpoint, which holds deployments and no model", _SERVED),
    _PIPELINE: ("a deployment of a pipeline, whose steps are jobs of a workspace: it serves no model", _SERVED),
    _JOB: ("a job, or a component of jobs: it runs in a workspace and serves no model", _SERVED),
    _SCHEDULE: ("a schedule, which starts jobs and monitors: it holds no model", _SERVED),
    _COMPUTE: ("a compute, on which a workspace runs jobs: it holds no model", _SERVED),
    _CONNECTION: ("a datastore or connection, which leads to data: it holds no model", _SERVED),
    _WORKSPACE: ("a workspace or registry, or a setting of one: it is no model", _SERVED),
    _FEATURES: ("of a feature store, which holds no model", _SERVED),
    _IMPORT: ("an import or index of data, which a workspace runs: it holds no model", _SERVED),
    _FLOW: ("a prompt flow, which only its own runtime runs", "name the deployment whose image has that runtime"),
    _CONDA: ("a conda environment, which names packages and holds no model", _PACKAGES),
    _PYTHON_ENV: (
        "the Python environment of a model of MLflow's",
        "name the folder that it lies in, which has a file MLmodel",
    ),
}
"""Kinds that are not packaged: what such a file is, and what to name in its place; {0} is the file."""

_SCHEMAS = (
    ("modelversionpackage", PACKAGE_KIND),
    ("pipelinecomponentbatchdeployment", _PIPELINE),
    ("onlinedeployment", DEPLOYMENT_KIND),
    ("batchdeployment", BATCH_KIND),
    ("endpoint", _ENDPOINT),
    ("/environment.", ENVIRONMENT_KIND),
    ("/model.", MODEL_KIND),
    ("/data.", DATA_KIND),
    ("schedule", _SCHEDULE),
    ("monitor", _SCHEDULE),
    ("job", _JOB),
    ("component", _JOB),
    ("compute", _COMPUTE),
    ("connection", _CONNECTION),
    ("azureblob", _CONNECTION),
    ("azurefile", _CONNECTION),
    ("azuredatalake", _CONNECTION),
    ("featureset", _FEATURES),
    ("featurestore", _FEATURES),
    ("workspace", _WORKSPACE),
    ("registry", _WORKSPACE),
    ("dataimport", _IMPORT),
    ("dataindex", _IMPORT),
    ("flow", _FLOW),
    ("/run.", _FLOW),
)
"""Parts of a schema's address, in lower case, and the kind of file that it describes."""
_TYPES = (
    (r"pipeline|command|sweep|parallel|spark|automl|import|data_transfer|finetuning|distillation", _JOB),
    (r"(?:aml|synapse)\w*|computeinstance|virtualmachine", _COMPUTE),
    (r"git|container_registry|python_feed|azure_(?:blob|file|data_lake\w*)", _CONNECTION),
)
"""What files without a schema say of their type."""
_OWN_KEYS: tuple[tuple[str, frozenset[str]], ...] = (
    (
        PACKAGE_KIND,
        frozenset(("target_environment", "target_environment_name", "inferencing_server", "base_environment_source")),
    ),
    (_ENDPOINT, frozenset(("auth_mode", "traffic", "mirror_traffic", "model_id"))),
    (BATCH_KIND, frozenset(("mini_batch_size", "output_action", "max_concurrency_per_instance", "settings"))),
    (_JOB, frozenset(("jobs", "experiment_name"))),
    (
        DEPLOYMENT_KIND,
        frozenset((*CLOUD_ONLY, *PACKAGING, "code_configuration", "model_mount_path")) - {"identity", "resources"},
    ),
    (ENVIRONMENT_KIND, frozenset(("conda_file", "inference_config", "build", "os_type"))),
    (_SCHEDULE, frozenset(("create_job", "create_monitor", "trigger"))),
    (_WORKSPACE, frozenset(("managed_network", "replication_locations"))),
    (_FEATURES, frozenset(("index_columns", "feature_transformation"))),
    (_FLOW, frozenset(("nodes", "node_variants"))),
    (_PYTHON_ENV, frozenset(("build_dependencies",))),
)
_NATIVE_KEYS = frozenset(("model", "server", "requirements", "code", "check", "base", "inputs"))
_NEVER_AZURE = frozenset(("server", "requirements", "check", "base"))


def kind_of(text: str) -> str | None:
    """Tell which of Azure ML's files a text is, valid or not, or that it is a conda environment; else None."""
    keys = set(re.findall(r"^([A-Za-z_$][\w-]*) *:", text, re.MULTILINE))
    schema = re.search(r"^\$schema *: *['\"]?(\S*/\w+\.(?:schema\.)?json)", text, re.MULTILINE)
    said = re.search(r"^type *: *['\"]?(\w+)", text, re.MULTILINE)
    kind = next((kind for part, kind in _SCHEMAS if part in schema[1].lower()), None) if schema else None
    if kind is None and said and not keys & _NEVER_AZURE:
        kind = next((kind for pattern, kind in _TYPES if re.fullmatch(pattern, said[1], re.IGNORECASE)), None)
        if kind == _JOB and "endpoint_name" in keys:
            return _PIPELINE
    if kind == BATCH_KIND and said and said[1].lower() == "pipeline":
        return _PIPELINE
    return kind or _kind_by_keys(text, keys)


def _kind_by_keys(text: str, keys: set[str]) -> str | None:
    for kind, own in _OWN_KEYS:
        if keys & own:
            return kind
    if {"environment", "model"} <= keys and not keys & (_NATIVE_KEYS - {"model"}):
        return DEPLOYMENT_KIND
    if {"environment", "command"} <= keys and not keys & _NEVER_AZURE:
        return _JOB
    if "dependencies" in keys and not keys & _NATIVE_KEYS:
        return _CONDA
    if "image" in keys and not keys & _NATIVE_KEYS:
        return ENVIRONMENT_KIND
    return None if keys & _NATIVE_KEYS else _asset(text, keys)


def _asset(text: str, keys: set[str]) -> str | None:
    if re.search(r"^type *: *['\"]?(custom|mlflow|triton)_?model\b", text, re.MULTILINE | re.IGNORECASE):
        return MODEL_KIND
    if "path" not in keys:
        return None
    data = re.search(r"^type *: *['\"]?(uri_?f|mltable)", text, re.MULTILINE | re.IGNORECASE)
    return DATA_KIND if data else MODEL_KIND if keys & {"name", "type", "flavors", "version"} else None
