"""Every key of a ``server.yaml``: the shape behind the catalogue's reader."""

from __future__ import annotations

from modelpack.loading.keys import (
    CONTENT_TYPE,
    METHOD,
    PORT,
    ROUTES,
    SAFE_NAME,
    VALUE,
    VARIABLE,
    VARIABLE_VALUE,
    default_of,
)
from modelpack.loading.shape import Key, Many, Named, Table, Text
from modelpack.spec import CheckRequest

_SIGNALS = ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2")

_INJECTED = Table(
    short="requirement",
    keys=(
        Key(name="requirement", shape=Text(noun="a requirement"), doc="As PEP 508 has it", required=True),
        Key(name="unless", shape=Many(item=Text()), doc="Distributions of the user's that take its place"),
        Key(name="only", shape=Text(), doc="Versions of the server that need it, as PEP 440 specifiers"),
    ),
)
_CHANGES = (
    Key(
        name="requirements",
        shape=Many(item=_INJECTED),
        doc="What is injected, as PEP 508 requirements; the first is the server itself",
    ),
    Key(
        name="packages",
        shape=Many(item=Text(noun="the name of a Debian package")),
        doc="Debian packages that the base has to have",
    ),
    Key(name="environment", shape=Named(name=VARIABLE, value=VARIABLE_VALUE), doc="Variables of the server"),
    Key(name="port", shape=PORT, doc="TCP port"),
    Key(name="routes", shape=ROUTES, doc="Paths on that port"),
)
_OPTION = Table(
    keys=(
        Key(name="description", shape=Text(), doc="What is chosen", required=True),
        Key(name="default", shape=VALUE, doc="What holds when the spec says nothing"),
        Key(
            name="choices",
            shape=Named(name=SAFE_NAME, value=Table(keys=_CHANGES), some=True),
            doc="What each value adds, or puts in place of the server's own",
        ),
        Key(name="variable", shape=VARIABLE, doc="Variable that gets the value, where anything may be chosen"),
        Key(name="pattern", shape=Text(), doc="Regular expression that such a value matches as a whole"),
    )
)
SERVER = Table(
    keys=(
        Key(name="description", shape=Text(), doc="What the server is", required=True),
        Key(
            name="kind",
            shape=Text(choices=("server", "job")),
            doc="job: it answers no requests, but reads a folder, writes another and ends",
            default="server",
        ),
        *_CHANGES,
        Key(name="command", shape=Many(item=VARIABLE_VALUE, some=True), doc="Words of the start command"),
        Key(name="stop_signal", shape=Text(choices=_SIGNALS), doc="Asks the server to stop", default="SIGTERM"),
        Key(
            name="request",
            shape=Table(
                keys=(
                    Key(name="method", shape=METHOD, doc="HTTP method", default=default_of(CheckRequest, "method")),
                    Key(
                        name="content_type",
                        shape=CONTENT_TYPE,
                        doc="Media type",
                        default=default_of(CheckRequest, "content_type"),
                    ),
                )
            ),
            doc="What the scoring route wants",
        ),
        Key(
            name="scoring_script",
            shape=Many(item=Text(noun="the name of a function"), some=True),
            doc="Functions that the user's scoring script has to define",
        ),
        Key(
            name="further_ports",
            shape=Named(name=Text(noun="what it is for, or a variable"), value=VARIABLE_VALUE),
            doc="Ports on which it listens too, by what they are for, or by the variable that changes them",
        ),
        Key(
            name="further_arguments",
            shape=Many(item=Text(noun="the name of an argument"), some=True),
            doc="What run() may take beside the data, by name; it takes no *args and no **kwargs then",
        ),
        Key(name="code", shape=Text(choices=("optional",)), doc="Whether the server does without the user's code"),
        Key(name="python", shape=Text(), doc="Versions of Python that it runs on, as PEP 440 specifiers"),
        Key(name="shared", shape=Many(item=Text(noun="a file")), doc="Files of the folder shared that it needs"),
        Key(name="options", shape=Named(name=SAFE_NAME, value=_OPTION), doc="What a spec may choose"),
        Key(
            name="links",
            shape=Named(name=Text(noun="an absolute path", pattern=r"^/[^\x00]*$"), value=Text()),
            doc="Absolute paths at which the server sees parts of the package, such as /models: @model@",
        ),
        Key(
            name="program",
            shape=Text(),
            doc="A program in no package index, which the spec brings: as an input, a Debian package or an image",
        ),
        Key(
            name="variables",
            shape=Named(name=VARIABLE, value=Text(choices=("integer", "boolean"))),
            doc="Variables that it reads as numbers, or as true or false",
        ),
        Key(name="programs", shape=Text(choices=("true",), booleans=True), doc="It starts programs of wheels"),
    )
)
