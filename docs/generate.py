"""Writes the reference pages that follow from the code: the spec's keys, the commands, the exit codes, the findings.

python docs/generate.py          # writes them
python docs/generate.py --check  # fails when they are not what the code says
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
from typer.core import TyperGroup

from modelpack import errors
from modelpack.cli import app
from modelpack.findings import codes
from modelpack.loading.schema import schema

HERE = Path(__file__).parent
_NOTE = "<!-- Written by docs/generate.py. -->\n\n"


_SPEC_INTRODUCTION = """\
Relative paths begin in the spec's folder and may not leave it; absolute ones are taken as meant. Unknown and duplicate
keys, wrong types and missing files are reported at once, with their places. For editors there is a
[JSON Schema](../modelpack.schema.json), which `modelpack schema` prints too.

The smallest spec is a name, a model and code; a `sample-request.json` beside it becomes the check:

```yaml
name: diabetes
model: ./model
requirements: [scikit-learn==1.9.1]
code: ./src
```
"""
_FINDINGS_INTRODUCTION = """\
What modelpack finds in a package has a code, whose meaning stays. `modelpack check --static` looks without building
anything; `build`, `run` and `export` look first of all, and go no further when there is an error. `modelpack check`
takes `--json`, `--sarif FILE` (for code hosts and editors) and `--strict` (warnings fail too, with exit code 12).

What is meant is silenced in the spec, with its reason:

```yaml
findings:
  ignore:
    - {code: MP207, reason: the same package serves on machines with a GPU}
```
"""
_COMMANDS_INTRODUCTION = """\
Results go to standard output; progress, logs and errors to standard error. Every command has `--help`.
"""


def spec_page() -> str:
    """Give docs/reference/spec.md."""
    rows = ["| key | takes | default | meaning |", "|---|---|---|---|"]
    rows += [f"| {' | '.join(row)} |" for row in _keys(schema(), "")]
    return f"# The spec: modelpack.yaml\n\n{_NOTE}{_SPEC_INTRODUCTION}\n" + "\n".join(rows) + "\n"


def _keys(node: dict[str, Any], path: str) -> Iterator[tuple[str, str, str, str]]:
    """Flatten the keys of an object and of the objects below it."""
    required = node.get("required", ())
    for name, value in node.get("properties", {}).items():
        if name.startswith("$"):
            continue
        where = f"{path}{name}"
        default = f"`{_plain(value['default'])}`" if "default" in value else "required" if name in required else ""
        yield f"`{where}`", _takes(value), default, value.get("description", "").replace("|", "\\|")
        for option in _objects(value):
            yield from _keys(option, f"{where}{'[]' if option is not value and _is_list(value) else ''}.")


def _objects(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the shapes with keys of their own that may stand at a key; the same one once."""
    seen = []
    for option in (value, *_options(value), *(_options(value.get("items", {}))), value.get("items", {})):
        if "properties" in option and option not in seen and set(option["properties"]) != {"path"}:
            seen.append(option)
            yield option


def _options(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for option in value.get("anyOf", ()):
        yield from _options(option) if "anyOf" in option else (option,)


def _is_list(value: dict[str, Any]) -> bool:
    return value.get("type") == "array"


def _takes(value: dict[str, Any]) -> str:
    if "anyOf" in value:
        return ", or ".join(dict.fromkeys(_takes(option) for option in _options(value)))
    if "enum" in value or "const" in value:
        choices = value.get("enum", [value.get("const")])
        return ", ".join(dict.fromkeys(f"`{_plain(choice)}`" for choice in choices))
    kind = value.get("type")
    if kind == "array":
        return "list"
    if kind == "object":
        return "mapping of names" if value.get("additionalProperties") else "keys below"
    words = {"string": "text", "number": "number", "integer": "number", "boolean": "true or false"}
    return words[kind[0] if isinstance(kind, list) else str(kind)]


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def commands_page() -> str:
    """Give docs/reference/commands.md."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    blocks = [f"# Commands\n\n{_NOTE}{_COMMANDS_INTRODUCTION}"]
    for name, command in group.commands.items():
        rows = ["| option | meaning |", "|---|---|"]
        arguments = []
        for parameter in command.params:
            names = ", ".join(f"`{text}`" for text in (*parameter.opts, *parameter.secondary_opts))
            label = parameter.metavar or (parameter.name or "").upper()
            if parameter.param_type_name == "argument":
                arguments.append(label if parameter.required or label.startswith(("[", "{")) else f"[{label}]")
                names = f"`{label}`".replace("|", "\\|")
            if "--help" not in names:
                rows.append(f"| {names} | {getattr(parameter, 'help', '') or ''} |")
        usage = " ".join(["modelpack", name, *arguments])
        example = (command.epilog or "").removeprefix("Example: ")
        options = "\n".join(rows) + "\n\n" if rows[2:] else ""
        blocks.append(f"## {name}\n\n`{usage}`: {command.help}\n\n{options}Example: `{example}`\n")
    return "\n".join(blocks)


def exit_codes_page() -> str:
    """Give docs/reference/exit-codes.md."""
    known = [("0", "done"), ("2", "the command line is wrong"), ("130", "interrupted; run it again to go on")]
    classes = {errors.ModelpackError, *errors.ModelpackError.__subclasses__()}
    known += [(str(item.exit_code), str(item.__doc__).splitlines()[0].rstrip(".")) for item in classes]
    rows = [f"| {code} | {text} |" for code, text in sorted(known, key=lambda row: int(row[0]))]
    return f"# Exit codes\n\n{_NOTE}| code | means |\n|---|---|\n" + "\n".join(rows) + "\n"


def findings_page() -> str:
    """Give docs/findings/README.md."""
    rows = [f"| [{kind.code}]({kind.code}.md) | {kind.severity} | {kind.title} |" for kind in codes.kinds().values()]
    table = "| code | usually | what |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    return f"# Findings\n\n{_NOTE}{_FINDINGS_INTRODUCTION}\n{table}"


def pages() -> dict[str, str]:
    """Give all pages by their path."""
    found = {
        "reference/spec.md": spec_page(),
        "reference/commands.md": commands_page(),
        "reference/exit-codes.md": exit_codes_page(),
        "findings/README.md": findings_page(),
    }
    return found | {f"findings/{kind.code}.md": codes.page(kind) for kind in codes.kinds().values()}


def main() -> int:
    """Write or check the pages."""
    stale = []
    for name, text in pages().items():
        path = HERE / name
        if "--check" not in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        print(f"not what the code says: {', '.join(stale)}; run: python docs/generate.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
