"""Every key of ``modelpack.yaml``: the one description behind the loader and the JSON Schema."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

from modelpack import suites
from modelpack.loading.shape import Data, Either, Key, Many, Named, Never, Number, Table, Text
from modelpack.spec import Check, CheckRequest, Image
from modelpack.weights.kinds import KINDS

DEFAULT_BASE = f"debian:{suites.DEFAULT}"
DEFAULT_SERVER = "azureml"
PLATFORMS = ("linux/amd64", "linux/arm64")

PATH = Text(noun="a path", pattern=r"^[^\x00]+$")
SAFE_NAME = Text(
    noun="a name of letters, digits and . _ - that begins with a letter or digit",
    pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
    longest=100,
)
VARIABLE = Text(noun="a name of letters, digits and _ that begins with no digit", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
VARIABLE_VALUE = Text(pattern=r"^[^\x00]*$", numbers=Number(minimum=None), booleans=True)
VALUE = Text(numbers=Number(minimum=None))
ROUTE = Text(noun="a path that begins with /", pattern=r"^/[^\s?#]*$")
ADDRESS = Text(noun="a path that begins with /", pattern=r"^/[^\s#]*$")
ROUTES = Table(
    keys=tuple(
        Key(name=kind, shape=ROUTE, doc=f"Path of the {kind} route")
        for kind in ("liveness", "readiness", "scoring", "openapi")
    )
)
PORT = Number(whole=True, minimum=1, maximum=65535)
METHOD = Text(choices=("GET", "POST", "PUT", "PATCH", "DELETE"))
CONTENT_TYPE = Text(noun="a media type such as application/json", pattern=r"^[\w.+-]+/[\w.+-]+( *;.*)?$")


def default_of(cls: type[Any], name: str) -> Data:
    """Give the default that a dataclass has for a field."""
    return cast("Data", next(field.default for field in dataclasses.fields(cls) if field.name == name))


def spec_table(servers: tuple[str, ...]) -> Table:
    """Give the shape of a whole spec, for a catalogue with these servers."""
    return Table(
        keys=(
            Key(name="$schema", shape=Text(), doc="Address of the JSON Schema of this file, for editors"),
            *_IDENTITY,
            *_CONTENT,
            Key(
                name="server",
                shape=_server(servers),
                doc="The inference server",
                required=DEFAULT_SERVER not in servers,
                example=next(iter(servers), None),
                default=DEFAULT_SERVER if DEFAULT_SERVER in servers else None,
                mistaken=("inferencing_server", "inference_server", "serving", "runtime"),
            ),
            *_SURROUNDINGS,
        )
    )


_IDENTITY = (
    Key(
        name="name",
        shape=Text(
            noun="a name of lower-case letters and digits, with single . _ - between them",
            pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$",
            longest=100,
        ),
        doc="Name of the package, also as an OCI repository name",
        required=True,
        example="diabetes",
    ),
    Key(
        name="version",
        shape=Text(
            noun="a version of letters, digits and . _ - that begins with a letter or digit",
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
            longest=128,
            numbers=Number(),
        ),
        doc="Version of the package, also as an OCI tag; taken as it is spelled",
        default="1",
    ),
    Key(name="description", shape=Text(), doc="What the package is, for people"),
)

_MOUNT = Key(
    name="mount_path",
    shape=Text(noun="a path that begins with /", pattern=r"^/[^\x00]*$"),
    doc="Absolute path at which the server sees it too, in image, check and run; one that ends in / is the folder "
    "it lies in",
    mistaken=("mount", "target", "destination"),
)
_SOURCE = Table(
    keys=(Key(name="path", shape=PATH, doc="File or folder", required=True), _MOUNT),
    short="path",
    noun="a mapping",
    marker="path",
    apart=("url", "sha256", "unpack"),
)
_REMOTE = Table(
    keys=(
        Key(
            name="url",
            shape=Text(noun="an http, https or file address", pattern=r"^(https?|file)://[^\s\x00]+$"),
            doc="Address of a file, downloaded when the package is locked or fetched; the lock does not name it",
            required=True,
        ),
        Key(
            name="sha256",
            shape=Text(noun="64 hexadecimal digits", pattern=r"^(sha256:)?[0-9a-fA-F]{64}$", numbers=Number()),
            doc="What the file at the address must be",
            required=True,
            example="..., which this prints: curl -L ADDRESS | sha256sum",
            mistaken=("hash", "digest", "checksum", "sha", "sha-256"),
        ),
        Key(
            name="unpack",
            shape=Text(choices=("true", "false"), booleans=True),
            doc="The file is a zip or tar archive, and the folder of what it holds is meant",
            default="false",
            mistaken=("extract", "unzip", "untar"),
        ),
        _MOUNT,
    ),
    marker="url",
)

_ASSET = Either(shapes=(_SOURCE, _REMOTE, dataclasses.replace(_SOURCE, marker=None, apart=())))
_MODEL = Either(
    shapes=(
        _SOURCE,
        _REMOTE,
        # A model named "path" or "url" could not be told from the forms above.
        Named(
            name=dataclasses.replace(SAFE_NAME, pattern=r"^(?!(path|url)$)[A-Za-z0-9][A-Za-z0-9._-]*$"),
            value=_ASSET,
            noun="a mapping",
            some=True,
        ),
    )
)

_CODE = Table(
    keys=(
        Key(name="path", shape=PATH, doc="Folder of the code", required=True, mistaken=("code", "folder", "source")),
        Key(
            name="scoring_script",
            shape=Text(noun="the path of a Python file", pattern=r"^[^\x00]+\.py$"),
            doc="Path below the code folder of the module with init() and run(); score.py when there is one",
            mistaken=("entry_script", "script", "main"),
            example="score.py",
        ),
        _MOUNT,
    ),
    short="path",
)

_DEPENDENCY_FILE = Table(
    short="file",
    noun="a mapping such as {file: pyproject.toml, extras: [serve]}",
    marker="file",
    keys=(
        Key(
            name="file",
            shape=PATH,
            doc="requirements.txt, pyproject.toml, uv.lock, pylock.toml, poetry.lock, pdm.lock, Pipfile.lock, or "
            "an environment file of conda",
            required=True,
            mistaken=("path",),
        ),
        Key(
            name="extras",
            shape=Many(item=Text(noun="an extra")),
            doc="Extras of the project (optional-dependencies) that are wanted too",
        ),
        Key(
            name="groups",
            shape=Many(item=Text(noun="a dependency group")),
            doc="Dependency groups of the file that are wanted too; the default groups of a pylock.toml when absent",
            mistaken=("group", "dependency-groups"),
        ),
    ),
)

_PYTHON = Table(
    short="version",
    noun="a mapping such as {version: '3.12', tarball: ./cpython.tar.gz}",
    keys=(
        Key(
            name="version",
            shape=Text(
                noun="a Python version such as 3.11",
                pattern=r"^3\.[1-9][0-9]*$",
                numbers=Number(minimum=3, above=True, maximum=3.99),
            ),
            doc="Python version, major and minor",
            required=True,
        ),
        Key(
            name="tarball",
            shape=PATH,
            doc="Archive with the interpreter, a file or its address, in the shape that python-build-standalone "
            "calls install_only; the base's own, or one that the machine has, when absent",
            mistaken=("path", "archive", "interpreter"),
        ),
        Key(
            name="flake",
            shape=Text(noun="a flake reference such as nixpkgs#python312", pattern=r"^[^\x00\s-][^\x00\s]*$"),
            doc="Nix flake and attribute with the interpreter, in Nix's words (nixpkgs#python312, ./folder#python), "
            "instead of a tarball",
            mistaken=("nixpkgs", "nix", "flake_ref"),
        ),
        Key(
            name="sha256",
            shape=Text(noun="64 hexadecimal digits", pattern=r"^(sha256:)?[0-9a-fA-F]{64}$", numbers=Number()),
            doc="What the tarball must be; required with an address",
            mistaken=("hash", "digest"),
        ),
    ),
)

_FORMATS = (
    ("torch", "pickle"),
    ("pytorch", "pickle"),
    ("joblib", "pickle"),
    ("pkl", "pickle"),
    ("npz", "numpy"),
    ("npy", "numpy"),
    ("h5", "hdf5"),
    ("ggml", "gguf"),
    ("tensorflow", "savedmodel"),
)

_CONTENT = (
    Key(
        name="model",
        shape=_MODEL,
        doc="File or folder of the model; a mapping from names to files or folders when there are several",
        required=True,
        example="./model",
        mistaken=("models", "model_path"),
    ),
    Key(
        name="python",
        shape=_PYTHON,
        doc="Python version, major and minor; the base's own when absent: "
        + ", ".join(f"{' or '.join(suite.pythons)} on {name}" for name, suite in suites.SUITES.items()),
        mistaken=("python_version", "python-version"),
    ),
    Key(
        name="requirements",
        shape=Either(shapes=(Many(item=Text(noun="a requirement"), noun="a list of requirements"), _DEPENDENCY_FILE)),
        doc="What the model needs: PEP 508 requirements and paths of projects or wheels, as the lines of a "
        "requirements.txt, paths such as ./uv.lock of files that say it, or one such file; "
        "the server's own are added and need not be written",
        mistaken=("dependencies", "packages", "pip", "conda", "conda_file", "install_requires"),
    ),
    Key(
        name="code",
        shape=_CODE,
        doc="Folder of the user's own code, with the scoring script",
        mistaken=("code_configuration", "source", "src"),
    ),
    Key(
        name="inputs",
        shape=Named(
            name=SAFE_NAME,
            value=_ASSET,
            noun="a mapping from names to paths",
        ),
        doc="Further files and folders, by name",
        mistaken=("assets", "files", "data"),
    ),
    Key(
        name="formats",
        shape=Many(item=Text(choices=KINDS, mistaken=_FORMATS), noun="a list of formats", some=True),
        doc="Formats of weights that may be in the package, told by their content; all but unsafe-pickle when absent",
        mistaken=("allowed_formats", "weights", "formats_allowed"),
    ),
)


def _server(names: tuple[str, ...]) -> Table:
    return Table(
        short="name",
        keys=(
            Key(
                name="name",
                shape=Text(
                    choices=names,
                    beside=r"^\.{0,2}/[^\x00]*$",
                    mistaken=(
                        ("azureml_online", "azureml"),
                        ("azmlinfsrv", "azureml"),
                        ("azureml_batch", "azureml-batch"),
                    ),
                ),
                doc="The server, by its name in the catalogue, or the path of a folder with a server.yaml, which "
                "begins with ./ or /",
                required=True,
                mistaken=("type", "kind"),
            ),
            Key(
                name="version",
                shape=Text(numbers=Number()),
                doc="Version or PEP 440 specifiers that narrow the catalogue's own requirement",
            ),
            Key(
                name="command",
                shape=Either(
                    shapes=(
                        Text(noun="a command", pattern=r"^[^\x00]*[^\s\x00][^\x00]*$"),
                        Many(item=VARIABLE_VALUE, noun="a list of words", some=True),
                    )
                ),
                doc="Start command, for servers that have none of their own; a base image's own when absent; "
                "@python@, @env@, @code@, @model@, @port@, @scoring_folder@ and @scoring_script@ are replaced in it",
                mistaken=("cmd", "args", "entrypoint", "run"),
            ),
            Key(
                name="options",
                shape=Named(name=SAFE_NAME, value=VALUE),
                doc="What the server lets one choose, such as {runtime: sklearn}; see the page of servers",
            ),
            Key(name="port", shape=PORT, doc="TCP port that the server listens on"),
            Key(
                name="routes",
                shape=ROUTES,
                doc="Paths on that port",
            ),
        ),
    )


_REQUEST_KEYS = (
    Key(
        name="request",
        shape=PATH,
        doc="File with the body to send; nothing is sent when absent; for a job, the file or folder that it reads",
        example="sample-request.json",
        mistaken=("input", "sample", "body", "data"),
    ),
    Key(
        name="response",
        shape=PATH,
        doc="File with the body that must come back; any will do when absent; for a job, the one file or the folder "
        "that must come out",
        mistaken=("expected", "output", "answer"),
    ),
    Key(
        name="route", shape=ADDRESS, doc="Path to ask; the server's scoring route when absent", mistaken=("path", "url")
    ),
    Key(name="method", shape=METHOD, doc="HTTP method; the one that the server's scoring route wants when absent"),
    Key(
        name="content_type",
        shape=CONTENT_TYPE,
        doc="Media type of the request; the one that the server's scoring route wants when absent",
    ),
    Key(
        name="status",
        shape=Number(whole=True, minimum=100, maximum=599),
        doc="HTTP status that must come back",
        default=default_of(CheckRequest, "status"),
    ),
    Key(
        name="tolerance",
        shape=Number(),
        doc="Numbers got and expected agree when |got - expected| <= tolerance * max(1, |expected|)",
        default=default_of(CheckRequest, "tolerance"),
    ),
)

_TIMEOUT = Key(
    name="timeout",
    shape=Number(above=True, maximum=86400),
    doc="Seconds until the server must be ready, and for each answer",
    default=default_of(Check, "timeout"),
)

_REQUEST = Table(
    keys=(
        Key(name="name", shape=SAFE_NAME, doc="Name in reports; request-1, request-2 and so on when absent"),
        *_REQUEST_KEYS,
    )
)

CHECK = Either(
    shapes=(
        Never(),
        Table(
            keys=(
                Key(
                    name="readiness",
                    shape=Text(choices=("only",)),
                    doc="Ask nothing: the server only has to become ready, and the package says so",
                    required=True,
                ),
                _TIMEOUT,
            ),
            noun="a mapping such as {request: sample-request.json}",
            marker="readiness",
            apart=("requests", *(key.name for key in _REQUEST_KEYS)),
        ),
        Table(
            keys=(
                Key(
                    name="requests",
                    shape=Many(item=_REQUEST, noun="a list of requests", some=True),
                    doc="Several sample requests, sent in this order",
                    required=True,
                ),
                _TIMEOUT,
            ),
            noun="a mapping such as {request: sample-request.json}",
            marker="requests",
            apart=tuple(key.name for key in _REQUEST_KEYS),
        ),
        Table(keys=(*_REQUEST_KEYS, _TIMEOUT), noun="a mapping such as {request: sample-request.json}"),
    )
)

_BASE = Table(
    short="from",
    keys=(
        Key(
            name="from",
            shape=Text(
                choices=tuple(f"debian:{name}" for name in suites.SUITES),
                mistaken=tuple(
                    (word, f"debian:{name}")
                    for name, number in ((name, suite.number) for name, suite in suites.SUITES.items())
                    for word in (name, f"debian:{number}", f"debian-{number}", f"debian{number}")
                ),
            ),
            doc=f"Distribution and suite whose signed packages make the base; {DEFAULT_BASE} when absent, "
            "or the suite that has the Python asked for",
            mistaken=("distribution", "suite"),
        ),
        Key(
            name="packages",
            shape=Many(item=Text(noun="the name of a Debian package", pattern=r"^[a-z0-9][a-z0-9+.-]+$")),
            doc="Debian packages beside the defaults, such as libgl1",
            mistaken=("apt", "debs"),
        ),
        Key(
            name="sources",
            shape=Many(item=SAFE_NAME),
            doc="Names of other signed archives of Debian packages, as the machine's settings have them, for packages "
            "that Debian has not",
            mistaken=("repositories", "apt_sources", "archives"),
        ),
        Key(
            name="build_packages",
            shape=Many(item=Text(noun="the name of a Debian package", pattern=r"^[a-z0-9][a-z0-9+.-]+$")),
            doc="Debian packages that building from source needs beside gcc and g++, such as libffi-dev",
            mistaken=("build_depends", "apt_build"),
        ),
        Key(
            name="image",
            shape=Text(noun="an image", pattern=r"^[^\s\x00]+$"),
            doc="Image to build on: the path of an OCI layout or of an archive, beginning with ./ or /, or its name in "
            "a registry, with or without the registry's host",
            mistaken=("base_image", "oci", "container"),
        ),
        Key(
            name="digest",
            shape=Text(noun="sha256: and 64 hexadecimal digits", pattern="^sha256:[0-9a-f]{64}$"),
            doc="What the image has to be: the digest of its manifest or index, of an archive of docker its ID; "
            "when absent, the lock keeps what the image was when it was made",
            mistaken=("sha256",),
        ),
    ),
)

_USER = Text(
    noun="a numeric user or user:group",
    pattern=r"^[0-9]{1,9}(:[0-9]{1,9})?$",
    numbers=Number(whole=True, maximum=999_999_999),
)

_IMAGE = Table(
    keys=(
        Key(
            name="user",
            shape=_USER,
            doc="Numeric user and group that the server runs as",
            default=default_of(Image, "user"),
        ),
        Key(
            name="labels",
            shape=Named(name=Text(noun="a key without spaces", pattern=r"^[^\s=]+$"), value=VARIABLE_VALUE),
            doc="Labels of the image beside the standard ones",
            mistaken=("tags", "annotations"),
        ),
        Key(
            name="compression",
            shape=Text(choices=("zstd", "gzip"), mistaken=(("zst", "zstd"), ("gz", "gzip"))),
            doc="How layers are compressed",
            default=default_of(Image, "compression"),
        ),
    )
)

_FINDINGS = Table(
    keys=(
        Key(
            name="ignore",
            shape=Many(
                item=Table(
                    short="code",
                    noun="a code such as MP207, or a mapping such as {code: MP207, reason: ...}",
                    keys=(
                        Key(
                            name="code",
                            shape=Text(noun="a code such as MP207", pattern=r"^MP[1-9][0-9]{2}$"),
                            doc="Kind of findings, as reports name it; see the pages of findings",
                            required=True,
                        ),
                        Key(
                            name="reason",
                            shape=Text(),
                            doc="Why it is meant, for those who read the spec and its reports",
                            mistaken=("because", "why", "comment"),
                        ),
                    ),
                ),
                noun="a list of codes",
            ),
            doc="Kinds of findings that are meant: they are counted and kept in JSON and SARIF, and stop nothing",
            mistaken=("silence", "disable", "suppress", "except"),
        ),
    )
)

_SURROUNDINGS = (
    Key(
        name="environment_variables",
        shape=Named(name=VARIABLE, value=VARIABLE_VALUE, noun="a mapping from names to texts"),
        doc="Environment variables of the server; numbers and true or false are taken as they are spelled",
        mistaken=("env", "environment", "variables"),
    ),
    Key(
        name="file_conflicts",
        shape=Named(
            name=Text(noun="a path inside the environment", pattern=r"^[^/\x00][^\x00]*[^/\x00]$"),
            value=Text(noun="the name of a distribution", pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"),
            noun="a mapping from paths to distributions",
        ),
        doc="Where distributions install different files: by path, below the site-packages or bin/NAME, the one that "
        "alone is taken there, such as cv2: opencv-python-headless. Top-level files that nothing imports, and "
        "top-level tests, docs and examples, need no choice: the first distribution's are taken, with a warning",
    ),
    Key(name="findings", shape=_FINDINGS, doc="What is known, and meant", mistaken=("warnings", "lint")),
    Key(name="base", shape=_BASE, doc="The base environment", mistaken=("base_image", "from")),
    Key(
        name="check",
        shape=CHECK,
        doc="What the server must answer before there is a package; false packs it unchecked. When absent, "
        "sample-request.json beside this file is the request and expected-response.json the response; for a job, the "
        "folders sample-inputs and expected-outputs",
        mistaken=("checks", "test", "tests", "sample"),
    ),
    Key(name="image", shape=_IMAGE, doc="Settings of the OCI image"),
    Key(
        name="platform",
        shape=Text(
            choices=PLATFORMS,
            mistaken=tuple(
                (word, f"linux/{name}")
                for name, words in {
                    "amd64": ("amd64", "x86_64", "linux/x86_64", "x86_64-linux"),
                    "arm64": ("arm64", "aarch64", "linux/aarch64", "aarch64-linux"),
                }.items()
                for word in words
            ),
        ),
        doc="Operating system and processor to build for; this machine's when absent",
    ),
)
