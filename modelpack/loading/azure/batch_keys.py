"""The keys of Azure ML's batch deployments."""

from __future__ import annotations

from modelpack.loading.azure.keys import ANY, CODE, ENVIRONMENT, MODEL, NAME, REFERENCE, TAGS, VARIABLES, WORD
from modelpack.loading.shape import Either, Key, Number, Table, Text

_WHOLE = Text(noun="a whole number above 0", pattern=r"^0*[1-9][0-9]*$", numbers=Number(whole=True, minimum=1))
_RETRIES = Table(
    keys=(
        Key(
            name="max_retries",
            shape=Text(noun="a whole number", pattern=r"^[0-9]+$", numbers=Number(whole=True)),
            doc="How often a mini batch is tried again",
        ),
        Key(name="timeout", shape=_WHOLE, doc="Seconds that a mini batch may take"),
    )
)
_SETTINGS = (
    Key(name="mini_batch_size", shape=_WHOLE, doc="Files that one call of run() is given"),
    Key(name="max_concurrency_per_instance", shape=_WHOLE, doc="Processes on a machine"),
    Key(
        name="error_threshold",
        shape=Text(
            noun="a whole number of at least -1",
            pattern=r"^(-1|[0-9]+)$",
            numbers=Number(whole=True, minimum=-1),
        ),
        doc="Files that may fail",
    ),
    Key(name="retry_settings", shape=_RETRIES, doc="What happens to a mini batch that fails"),
    Key(
        name="output_action",
        shape=Text(choices=("append_row", "summary_only"), folded=True),
        doc="Whether rows are written",
    ),
    Key(
        name="output_file_name",
        shape=Text(noun="the name of a file, without folders", pattern=r"^(?!\.{1,2}$)[^/\x00\n]+$"),
        doc="The file of the rows",
    ),
    Key(
        name="logging_level",
        shape=Text(choices=("debug", "info", "warning"), folded=True),
        doc="What is logged",
    ),
    Key(name="instance_count", shape=WORD, doc="Machines"),
)

BATCH_DEPLOYMENT = Table(
    keys=(
        Key(name="$schema", shape=ANY, doc="Address of the schema"),
        Key(name="name", shape=NAME, doc="Name of the deployment, which Azure's command line may say instead"),
        Key(
            name="type",
            shape=Text(choices=("model",), folded=True),
            doc="What is deployed; pipelines are not packages",
        ),
        Key(name="description", shape=WORD, doc="What it is, for people"),
        Key(name="tags", shape=TAGS, doc="Labels"),
        Key(name="endpoint_name", shape=NAME, doc="Name of the endpoint"),
        Key(name="model", shape=Either(shapes=(REFERENCE, MODEL)), doc="The model: a reference, or the model itself"),
        Key(name="code_configuration", shape=CODE, doc="The scoring script", mistaken=("code", "code_path")),
        Key(
            name="environment",
            shape=Either(shapes=(REFERENCE, ENVIRONMENT)),
            doc="The environment: a reference, or the environment itself",
        ),
        Key(name="environment_variables", shape=VARIABLES, doc="Variables of the job", mistaken=("env",)),
        Key(name="compute", shape=ANY, doc="Machines that it runs on"),
        Key(name="resources", shape=ANY, doc="How many of them"),
        *_SETTINGS,
        Key(
            name="settings",
            shape=Table(
                keys=(*_SETTINGS, Key(name="environment_variables", shape=VARIABLES, doc="Variables of the job"))
            ),
            doc="The same in the form of today",
        ),
        *(
            Key(name=name, shape=ANY, doc="Read back from the service")
            for name in ("id", "properties", "provisioning_state", "location", "creation_context")
        ),
    )
)
