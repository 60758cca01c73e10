"""Secrets that are written into code or variables, or printed into a log."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from modelpack.errors import Problem
from modelpack.findings.walk import Module

_FORMS = {
    "an AWS access key": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a token of GitHub": re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{60,})\b"),
    "a token of Hugging Face": re.compile(r"\bhf_[A-Za-z0-9]{34,}\b"),
    "an API key": re.compile(r"\b(sk-[A-Za-z0-9_-]{32,}|AIza[0-9A-Za-z_-]{35}|xox[abprs]-[0-9A-Za-z-]{20,})"),
    "the key of a storage account": re.compile(r"\bAccountKey=[A-Za-z0-9+/]{60,}={0,2}"),
    "a signed address": re.compile(r"[?&]sig=[A-Za-z0-9%]{40,}"),
    "a private key": re.compile(r"-----BEGIN ([A-Z]+ )*PRIVATE KEY-----"),
    "a password in an address": re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@{}$<>]+:[^/\s:@{}$<>]{6,}@[^/\s]+"),
}
_NAME = re.compile(
    r"(?i)(.*_)?(password|passwd|secret(_?key)?|api_?key|access_?key|account_?key|private_?key|auth_?token|access_?token"
    r"|client_secret|connection_?string|storage_key)"
)
_PRINTED = re.compile(r"(.*_)?(KEY|SECRET|TOKEN|PASSWORD|PASSWD|CONNECTION_STRING|CREDENTIALS?)")
_RANDOM = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9+/=_.~!@#$%^&*-]{16,}")
_PLACEHOLDER = re.compile(
    r"(?i).*(example|your|change|placeholder|dummy|xxx|\*\*\*|test|<|secretref|keyvault|pass(word)?@)"
)
_SAYS = re.compile(r"print|(logging|logger|log|LOGGER|_logger)\.(debug|info|warning|warn|error|exception|critical)")
_HINT = "set it where the package is deployed, read it with os.environ, and change it: it has been seen"


def kind_of(name: str, text: str) -> str:
    """Say what secret a text is, of a variable of this name; empty when it is none for all that can be told."""
    for kind, form in _FORMS.items():
        found = form.search(text)
        if found and not _PLACEHOLDER.match(found[0]):
            return kind
    if _NAME.fullmatch(name) and _RANDOM.fullmatch(text) and not _PLACEHOLDER.match(text):
        return "a secret"
    return ""


def problems(module: Module) -> Iterator[Problem]:
    """Find those of a module, with where they are in it (``LINE:COLUMN``)."""
    named: dict[int, str] = {}
    texts = []
    for spot in module.spots:
        named |= _names(spot.node)
        texts += [part for part in ast.iter_child_nodes(spot.node) if not isinstance(spot.node, ast.Expr)]
    for node in texts:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            kind = kind_of(named.get(id(node), ""), node.value)
            if kind:
                yield _problem(node, f"has {kind} in it, which everybody can read who has the package", _HINT)
    for _, call, name in module.calls:
        if _SAYS.fullmatch(name):
            yield from _printed(module, call)


def _names(node: ast.AST) -> dict[int, str]:
    """Give what texts are assigned to, by the text's node."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)], value=value):
            return {id(value): name}
        case ast.keyword(arg=str(name), value=value):
            return {id(value): name}
        case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value=str(name)))], value=value):
            return {id(value): name}
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {id(value): str(key.value) for key, value in pairs if isinstance(key, ast.Constant)}
    return {}


def _printed(module: Module, call: ast.Call) -> Iterator[Problem]:
    for node in call.args:
        if module.dotted(node) == "os.environ":
            yield _problem(call, "prints all environment variables, secrets too", "print those that you need")
        for inner in ast.walk(node):
            name = _variable(module, inner)
            if name and _PRINTED.fullmatch(name) and not _hides(node):
                message = f"prints the variable {name}, which by its name is a secret, into the log"
                yield _problem(call, message, "leave it out, or print whether it is set")


def _variable(module: Module, node: ast.AST) -> str:
    """Give the name of the environment variable that an expression reads; empty when it reads none."""
    key: ast.expr | None = None
    if isinstance(node, ast.Subscript) and module.dotted(node.value) == "os.environ":
        key = node.slice
    elif isinstance(node, ast.Call) and module.dotted(node.func) in ("os.getenv", "os.environ.get") and node.args:
        key = node.args[0]
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else ""


def _hides(node: ast.expr) -> bool:
    """Say whether an expression tells something about a value, such as its length, in place of it."""
    return any(isinstance(inner, ast.Call | ast.Compare | ast.Slice) and _tells(inner) for inner in ast.walk(node))


def _tells(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return True
    return isinstance(node.func, ast.Name) and node.func.id in ("len", "bool", "hash", "mask", "type", "isinstance")


def _problem(node: ast.expr, message: str, hint: str) -> Problem:
    where = f"{node.lineno}:{node.col_offset + 1}"
    return Problem(where=where, message=message, hint=hint, severity="warning", code="MP314")
