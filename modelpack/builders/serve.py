"""Writes the two programs of a package: ``bin/serve`` and ``bin/healthcheck``; a job has no health to ask for.

Everything that starts the server, the check, a container, a tarball or a person, starts the same script.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

from modelpack.builders.problem import fail

_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_SERVE = """#!{base}/usr/bin/sh
# Serves {title}. Variables that are set already win over the package's own.
set -eu
unset PYTHONHOME PYTHONPATH LD_LIBRARY_PATH LD_PRELOAD
# No locale of the host's, with tables and converters made for another C library.
export LOCPATH={base}/usr/lib/locale
export PATH={path}
export PYTHONDONTWRITEBYTECODE=1
export PYTHONUNBUFFERED="${{PYTHONUNBUFFERED-1}}"
# Containers with a read-only root file system have memory to write to at least; their user may have no home.
[ -w "${{TMPDIR:-/tmp}}" ] || [ ! -w /dev/shm ] || export TMPDIR=/dev/shm
[ -w "${{HOME:-}}" ] || export HOME="${{TMPDIR:-/tmp}}"
export SSL_CERT_FILE="${{SSL_CERT_FILE-{base}/etc/ssl/certs/ca-certificates.crt}}"
{port}{variables}
{extra}cd {folder}
exec {command}
"""
PORT_VARIABLES = ("MODELPACK_PORT", "AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT")
"""What may say the port that is listened on, first come first: ours, Vertex AI's, SageMaker's."""
_PORT = """export MODELPACK_PORT="{port}"
case $MODELPACK_PORT in
  *[!0-9]* | 0* | ??????*) wrong=1 ;;
  *) [ "$MODELPACK_PORT" -le 65535 ] || wrong=1 ;;
esac
if [ "${{wrong-}}" ]; then
  echo "MODELPACK_PORT is no port, expected a number from 1 to 65535: $MODELPACK_PORT" >&2
  exit 2
fi
"""
_HEALTHCHECK = """#!{environment}/bin/python3 -I
# Exits with 0 when the server says it is alive. Not with urllib, which would ask a proxy of the environment's.
import http.client
import os
import sys

port = next(filter(None, map(os.environ.get, {variables!r})), {port})
connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=5)
try:
    connection.request("GET", {route!r})
    sys.exit(0 if connection.getresponse().status < 400 else 1)
except (OSError, http.client.HTTPException) as error:
    sys.exit(f"not alive: {{error}}")
"""


def main() -> None:
    """Build from the plan; see ``server.nix`` for its keys."""
    with open(os.environ["planPath"], encoding="utf-8") as stream:
        plan = json.load(stream)
    out = os.environ["out"]
    os.makedirs(f"{out}/bin")
    _write(f"{out}/bin/serve", _serve(plan))
    if plan["job"]:
        return
    _write(f"{out}/bin/healthcheck", _healthcheck(plan))


def _healthcheck(plan: dict[str, Any]) -> str:
    return _HEALTHCHECK.format(
        environment=plan["environment"], port=plan["port"], route=plan["liveness"], variables=PORT_VARIABLES
    )


def _port(port: int) -> str:
    """Give the lines that settle the port; an empty variable says nothing."""
    text = str(port)
    for name in reversed(PORT_VARIABLES):
        text = f"${{{name}:-{text}}}"
    return _PORT.format(port=text)


def _serve(plan: dict[str, Any]) -> str:
    image = _image_variables(plan["image"])
    command, folder = plan["command"] or _image_command(plan["image"]), plan["folder"]
    if not plan["command"] and folder == "/":
        folder = _image_settings(plan["image"]).get("WorkingDir") or "/"
    folders = [f"{plan['environment']}/bin", *filter(None, [image.pop("PATH", "")]), f"{plan['base']}/usr/bin"]
    known = {name: _inside(value) for name, value in image.items()}
    known |= {name: _fill_port(_inside(value)) for name, value in plan["variables"].items()}
    variables = [f'export {name}="${{{name}-{value}}}"' for name, value in sorted(known.items())]
    extra = ""
    if os.path.exists(f"{plan['environment']}/share/modelpack/library-path"):
        with open(f"{plan['environment']}/share/modelpack/library-path", encoding="utf-8") as stream:
            extra = f"export LD_LIBRARY_PATH={stream.read().strip()}"
        extra += "${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}\n" if "LD_LIBRARY_PATH" in known else "\n"
    return _SERVE.format(
        base=plan["base"],
        path=_word(":".join(folders)),
        title=plan["title"],
        port="" if plan["job"] else _port(plan["port"]),
        variables="\n".join(variables),
        extra=extra,
        folder=_word(folder),
        # A job is told where to read and to write.
        command=" ".join([*(_word(word) for word in command), *(['"$@"'] if plan["job"] else [])]),
    )


def _word(text: str) -> str:
    """Quote a word for sh; ``@port@`` stays what the environment says at the start."""
    return (
        '"$MODELPACK_PORT"'.join(part and "'" + part.replace("'", "'\\''") + "'" for part in text.split("@port@"))
        or "''"
    )


def _inside(text: str) -> str:
    """Quote a default value for the inside of ``"${NAME-…}"``."""
    return "".join("\\" + char if char in '\\"$`}' else char for char in text)


def _fill_port(text: str) -> str:
    return text.replace("@port@", "${MODELPACK_PORT}")


def _image_variables(config: str | None) -> dict[str, str]:
    """Give the variables that a base image has for its programs, out of its configuration."""
    entries = _image_settings(config).get("Env") or []
    found = dict(entry.split("=", 1) for entry in entries if "=" in entry)
    return {name: value for name, value in found.items() if _NAME.fullmatch(name)}


def _image_command(config: str | None) -> list[str]:
    """Give the words that a base image itself starts with: its entry point and what follows that."""
    settings = _image_settings(config)
    words = [*(settings.get("Entrypoint") or []), *(settings.get("Cmd") or [])]
    if not words:
        fail("command", "nothing says how the server starts: neither the spec nor the base image has a command")
    return words


def _image_settings(config: str | None) -> dict[str, Any]:
    if config is None:
        return {}
    with open(config, encoding="utf-8") as stream:
        found: dict[str, Any] = json.load(stream).get("config") or {}
    return found


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)
    os.chmod(path, 0o755)


if __name__ == "__main__":
    main()
