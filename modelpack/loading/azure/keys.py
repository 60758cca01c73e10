"""Every key of Azure ML's YAML files, as its schemas (azure-ai-ml 1.8 to 1.35) have them."""

from __future__ import annotations

from modelpack.loading.shape import Anything, Either, Key, Many, Named, Number, Table, Text

ANY = Anything()
PATH = Text(noun="a path", pattern=r"^[^\x00]+$")
WORD = Text(numbers=Number(minimum=None), booleans=True)
NAME = Text(noun="a name", pattern=r"^[^\x00\n]+$", numbers=Number(minimum=None))
REFERENCE = Text(noun="a reference such as azureml:NAME:VERSION", pattern=r"^[^\x00\s]+$")
TAGS = Named(name=Text(noun="a key"), value=WORD)
VARIABLES = Named(
    name=Text(noun="a name of letters, digits and _ that begins with no digit", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"),
    value=Text(pattern=r"^[^\x00]*$"),
    noun="a mapping from names to texts",
)
PORT = Text(
    noun="a port from 1 to 65535",
    pattern=r"^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$",
    numbers=Number(whole=True, minimum=1),
)
COMMAND = Text(noun="a script or a command", pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")

ROUTE = Table(
    keys=(
        Key(name="port", shape=PORT, doc="TCP port", required=True, example="5001"),
        Key(
            name="path",
            shape=Text(noun="a path that begins with /", pattern=r"^/[^\s?#]*$"),
            doc="Path",
            required=True,
            example="/",
        ),
    ),
    noun="a mapping such as {port: 5001, path: /}",
)
ROUTE_KINDS = ("liveness_route", "readiness_route", "scoring_route")
_ROUTES = tuple(Key(name=kind, shape=ROUTE, doc="Port and path") for kind in ROUTE_KINDS)

_ABOUT = (
    Key(name="$schema", shape=ANY, doc="Address of the schema"),
    Key(name="description", shape=WORD, doc="What it is, for people"),
    Key(name="tags", shape=TAGS, doc="Labels"),
    Key(name="properties", shape=ANY, doc="Properties of the asset"),
)
_ASSET = (
    *_ABOUT,
    Key(name="name", shape=NAME, doc="Name of the asset"),
    Key(name="version", shape=NAME, doc="Version of the asset"),
    Key(name="id", shape=ANY, doc="Resource identifier"),
    Key(name="datastore", shape=ANY, doc="Store in the workspace"),
    Key(name="creation_context", shape=ANY, doc="Read back from the service"),
)

CODE = Table(
    keys=(
        Key(
            name="code",
            shape=PATH,
            doc="Folder of the code, relative to this file",
            mistaken=("path", "code_path", "source_directory", "folder"),
        ),
        Key(
            name="scoring_script",
            shape=PATH,
            doc="Path below the code",
            mistaken=("script", "main"),
            example="score.py",
        ),
        Key(name="entry_script", shape=PATH, doc="The word of 2023 for scoring_script"),
    ),
    noun="a mapping such as {code: ./src, scoring_script: score.py}",
)

ENVIRONMENT = Table(
    keys=(
        *_ASSET,
        Key(name="image", shape=NAME, doc="Container image", mistaken=("docker_image", "base_image")),
        Key(
            name="build",
            shape=Table(
                keys=(
                    Key(name="path", shape=PATH, doc="Folder with the Dockerfile"),
                    Key(name="dockerfile_path", shape=PATH, doc="The Dockerfile in it"),
                )
            ),
            doc="How the image is built",
        ),
        Key(
            name="conda_file",
            shape=Either(shapes=(PATH, ANY)),
            doc="Conda environment: a path, or its content",
            mistaken=("conda", "conda_dependencies", "conda_yaml", "dependencies_file", "dependencies", "channels"),
        ),
        Key(name="inference_config", shape=Table(keys=_ROUTES), doc="Routes of an image that is a server itself"),
        Key(name="os_type", shape=Text(choices=("linux", "windows"), folded=True), doc="Operating system"),
        Key(name="auto_delete_setting", shape=ANY, doc="When the workspace deletes it"),
        Key(name="intellectual_property", shape=ANY, doc="Of a registry"),
    ),
    noun="an environment such as {image: ..., conda_file: conda.yaml}",
)

MODEL_TYPES = ("custom_model", "mlflow_model", "triton_model")
MODEL = Table(
    keys=(
        *_ASSET,
        Key(name="type", shape=Text(choices=MODEL_TYPES, folded=True), doc="Kind of model"),
        Key(
            name="path",
            shape=PATH,
            doc="File or folder, relative to this file",
            mistaken=("model_path", "local_path", "uri"),
        ),
        Key(name="flavors", shape=ANY, doc="Frameworks that it was saved for"),
        *(
            Key(name=name, shape=ANY, doc="Read back from the service, or of the workspace alone")
            for name in (
                "stage",
                "job_name",
                "system_metadata",
                "default_deployment_template",
                "allowed_deployment_templates",
                "auto_delete_setting",
                "intellectual_property",
            )
        ),
    ),
    noun="a model such as {path: ./model}",
)

DATA = Table(
    keys=(
        *_ASSET,
        Key(
            name="type",
            shape=Text(choices=("uri_folder", "uri_file", "mltable"), folded=True),
            doc="File or folder",
        ),
        Key(name="path", shape=PATH, doc="File or folder, relative to this file", required=True),
        Key(name="auto_delete_setting", shape=ANY, doc="When the workspace deletes it"),
    )
)

_INPUT_KINDS = Text(choices=("path_id", "url", "path_version"), folded=True, same=(("id", "path_id"),))
_INPUT_PATH = Either(
    shapes=(
        PATH,
        Table(
            keys=(
                Key(name="input_path_type", shape=_INPUT_KINDS, doc="Which of the following it is"),
                Key(name="resource_id", shape=REFERENCE, doc="An asset"),
                Key(
                    name="url",
                    shape=Text(noun="an http, https or file address", pattern=r"^(https?|file)://[^\s\x00]+$"),
                    doc="An address",
                ),
                Key(
                    name="sha256",
                    shape=Text(noun="64 hexadecimal digits", pattern=r"^(sha256:)?[0-9a-fA-F]{64}$", numbers=Number()),
                    doc="Digest of the file at the address, which Azure has no word for",
                ),
                Key(name="resource_name", shape=NAME, doc="Name of an asset"),
                Key(name="resource_version", shape=NAME, doc="Version of that asset"),
            ),
            noun="a mapping such as {resource_id: azureml:NAME:VERSION}",
        ),
    )
)
_MODES = Text(choices=("copy", "download", "read_only_mount"), folded=True)
_MOUNT = Text(noun="a path", pattern=r"^[^\x00]+$")

PACKAGE = Table(
    keys=(
        *_ABOUT,
        Key(
            name="target_environment",
            shape=Either(
                shapes=(
                    NAME,
                    Table(
                        keys=(
                            Key(name="name", shape=NAME, doc="Name of the package", required=True),
                            Key(name="version", shape=NAME, doc="Version of the package"),
                        ),
                        noun="a mapping such as {name: NAME}",
                    ),
                )
            ),
            doc="Name of the package",
            mistaken=("target", "environment", "name"),
        ),
        Key(name="target_environment_name", shape=NAME, doc="The word of 2023 for target_environment"),
        Key(name="target_environment_version", shape=NAME, doc="Version of the package, in the form of 2023"),
        Key(
            name="base_environment_source",
            shape=Table(
                keys=(
                    Key(
                        name="type",
                        shape=Text(choices=("environment_asset",), folded=True, same=(("asset", "environment_asset"),)),
                        doc="Kind of source",
                    ),
                    Key(name="resource_id", shape=REFERENCE, doc="The environment", required=True),
                ),
            ),
            doc="The environment that the package begins with",
            mistaken=("base_environment", "base_environment_resource", "environment_source"),
        ),
        Key(
            name="inferencing_server",
            shape=Table(
                keys=(
                    Key(
                        name="type",
                        shape=Text(
                            choices=("azureml_online", "azureml_batch", "custom", "triton"),
                            folded=True,
                            mistaken=(("azureml", "azureml_online"), ("online", "azureml_online")),
                        ),
                        doc="The server",
                        required=True,
                        example="azureml_online",
                        mistaken=("server_type", "kind", "name"),
                    ),
                    Key(name="code_configuration", shape=CODE, doc="The scoring script"),
                    Key(
                        name="inference_configuration",
                        shape=Table(
                            keys=(
                                Key(name="entry_script", shape=COMMAND, doc="Script or command to start"),
                                *_ROUTES,
                                Key(name="configuration", shape=ANY, doc="Free settings"),
                            )
                        ),
                        doc="How a server of one's own starts and where it answers",
                        mistaken=("inference_config",),
                    ),
                )
            ),
            doc="The inference server",
            required=True,
            example="{type: azureml_online}",
            mistaken=("inference_server", "server"),
        ),
        Key(
            name="model_configuration",
            shape=Table(
                keys=(
                    Key(name="mode", shape=_MODES, doc="How the model comes into the image"),
                    Key(name="mount_path", shape=_MOUNT, doc="Where it lies in the image"),
                )
            ),
            doc="How the model comes into the package",
        ),
        Key(
            name="inputs",
            shape=Many(
                item=Table(
                    keys=(
                        Key(
                            name="type",
                            shape=Text(choices=("uri_file", "uri_folder"), folded=True),
                            doc="File or folder",
                        ),
                        Key(name="mode", shape=_MODES, doc="How it comes into the image"),
                        Key(name="mount_path", shape=_MOUNT, doc="Where it lies in the image"),
                        Key(name="path", shape=_INPUT_PATH, doc="What it is", required=True),
                    ),
                    noun="a mapping such as {path: {resource_id: azureml:NAME:VERSION}}",
                ),
                noun="a list of inputs",
            ),
            doc="Further files",
        ),
        Key(name="environment_variables", shape=VARIABLES, doc="Variables of the server", mistaken=("env",)),
    ),
)
