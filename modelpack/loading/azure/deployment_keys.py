"""The keys of Azure ML's online deployments, managed and on Kubernetes; most are of the cloud alone."""

from __future__ import annotations

from modelpack.loading.azure.keys import (
    ANY,
    CODE,
    ENVIRONMENT,
    MODEL,
    NAME,
    PATH,
    REFERENCE,
    TAGS,
    VARIABLES,
    WORD,
)
from modelpack.loading.shape import Either, Key, Many, Named, Number, Shape, Table, Text

_BOOLEAN = Text(choices=("true", "false"), folded=True, booleans=True)
_COUNT = Text(noun="a whole number", pattern=r"^[0-9]+$", numbers=Number(whole=True))
_ENABLED = Text(choices=("enabled", "disabled"), folded=True)
_QUOTED = Text(choices=("true", "false"), folded=True)


def _counts(*names: str) -> Table:
    return Table(keys=tuple(Key(name=name, shape=_COUNT, doc="A whole number") for name in names))


_PROBE = _counts("initial_delay", "period", "timeout", "success_threshold", "failure_threshold")

_SCALE = Table(
    keys=(
        Key(
            name="type",
            shape=Text(choices=("default", "target_utilization"), folded=True),
            doc="Kind of scaling",
        ),
        *(
            Key(name=name, shape=_COUNT, doc="A whole number")
            for name in ("min_instances", "max_instances", "target_utilization_percentage", "polling_interval")
        ),
    )
)

_COLLECTION = Table(
    keys=(
        Key(name="enabled", shape=_QUOTED, doc="The text 'true' or 'false'"),
        Key(name="data", shape=Either(shapes=(NAME, ANY)), doc="Data asset to write to"),
        Key(name="client_id", shape=NAME, doc="Identity that writes"),
    )
)
_COLLECTOR = Table(
    keys=(
        Key(name="collections", shape=Named(name=Text(noun="a name"), value=_COLLECTION), doc="What is collected"),
        Key(name="sampling_rate", shape=Number(maximum=1), doc="Part of the requests"),
        Key(name="rolling_rate", shape=Text(choices=("minute", "hour", "day"), folded=True), doc="Time of a file"),
        Key(
            name="request_logging",
            shape=Table(keys=(Key(name="capture_headers", shape=Many(item=NAME), doc="Headers"),)),
            doc="What is logged of requests",
        ),
    )
)
_AMOUNTS = Table(
    keys=tuple(
        Key(name=name, shape=Text(noun='a quantity such as "1"'), doc="A quantity in Kubernetes' words")
        for name in ("cpu", "memory", "nvidia.com/gpu")
    )
)

CLOUD_ONLY: dict[str, Shape] = {
    "endpoint_name": NAME,
    "instance_type": NAME,
    "instance_count": _COUNT,
    "app_insights_enabled": _BOOLEAN,
    "scale_settings": _SCALE,
    "request_settings": _counts("request_timeout_ms", "max_concurrent_requests_per_instance", "max_queue_wait_ms"),
    "liveness_probe": _PROBE,
    "readiness_probe": _PROBE,
    "startup_probe": _PROBE,
    "data_collector": _COLLECTOR,
    "egress_public_network_access": _ENABLED,
    "private_network_connection": _BOOLEAN,
    "identity": ANY,
    "resources": Table(
        keys=(
            Key(name="requests", shape=_AMOUNTS, doc="What the container is given"),
            Key(name="limits", shape=_AMOUNTS, doc="What the container may use"),
        )
    ),
}
"""Keys that say how Azure or Kubernetes runs a deployment, not what is in it."""
PACKAGING = ("with_package", "package_model")
"""The options of Azure's command line that ask for what modelpack always does."""

DEPLOYMENT = Table(
    keys=(
        Key(name="$schema", shape=ANY, doc="Address of the schema"),
        Key(name="name", shape=NAME, doc="Name of the deployment, which Azure's command line may say instead"),
        Key(name="type", shape=Text(choices=("managed", "kubernetes"), folded=True), doc="Kind of deployment"),
        Key(name="description", shape=WORD, doc="What it is, for people"),
        Key(name="tags", shape=TAGS, doc="Labels"),
        Key(
            name="model",
            shape=Either(shapes=(REFERENCE, MODEL)),
            doc="The model: a reference, or the model itself",
            mistaken=("model_path", "models"),
        ),
        Key(name="model_mount_path", shape=PATH, doc="Where the model lies in the container"),
        Key(
            name="code_configuration",
            shape=CODE,
            doc="The scoring script",
            mistaken=("code", "code_path"),
        ),
        Key(
            name="environment",
            shape=Either(shapes=(REFERENCE, ENVIRONMENT)),
            doc="The environment: a reference, or the environment itself",
        ),
        Key(name="environment_variables", shape=VARIABLES, doc="Variables of the server", mistaken=("env",)),
        *(Key(name=name, shape=shape, doc="Of the cloud") for name, shape in CLOUD_ONLY.items()),
        *(Key(name=name, shape=_BOOLEAN, doc="An option of Azure's command line") for name in PACKAGING),
        *(
            Key(name=name, shape=ANY, doc="Read back from the service")
            for name in ("id", "properties", "provisioning_state", "location", "creation_context")
        ),
    )
)
