"""Environment files of conda: ``conda.yaml``, ``environment.yml``, or the same mapping inside another YAML file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from modelpack import suites
from modelpack.loading.dependencies import Dependencies, Line
from modelpack.loading.forms import other_yaml
from modelpack.loading.pip_file import read_lines
from modelpack.loading.shape_reader import near, nearest
from modelpack.loading.yamlfile import ListNode, MapNode, Node, Place, Scalar, describe, quote, read_yaml
from modelpack.spec import CondaRequirement

_KEYS = ("name", "channels", "dependencies", "variables", "prefix", "platforms")
_IGNORED = {
    "prefix": "the environment lies in the package",
    "platforms": "the spec says which platform the package is for",
}
_MATCH = re.compile(
    r"""
    (?:(?P<channel>[\w./:+-]+?)(?:/(?:noarch|linux-\w+|osx-\w+|win-\w+))?::)?
    (?P<name>[A-Za-z0-9_][\w.-]*?)\s*
    (?P<rest>(?:[\s=<>!~\[].*)?)
    """,
    re.VERBOSE,
)
_OPERATOR = re.compile(r"[=<>!~]")
_OLDEST, _NEWEST = 6, 14
"""Minor versions of Python 3 among which one is chosen when an environment file leaves it open."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conda:
    """What an environment file says beside its packages and requirements, which ``Dependencies`` has taken."""

    name: str | None = None
    python: str | None = None
    """``3.11``: major and minor of the Python that is asked for; None when any will do."""
    python_text: str | None = None
    """How that was written: ``python=3.11.7``."""
    python_place: Place | None = None
    variables: dict[str, str] = field(default_factory=dict)
    """Environment variables that are set when the environment is in use."""


def read_conda(path: Path, found: Dependencies) -> Conda:
    """Read an environment file.

    Args:
        path: the file.
        found: takes packages (``conda``, ``channels``), the pip section (``requirements``, ``constraints``,
            indexes), Python's version, and what is wrong.
    """
    node = read_yaml(path, found.folder.show(path), found.findings)
    return conda_of(node, path, found) if node else Conda()


def conda_of(node: Node, path: Path, found: Dependencies, key: str = "") -> Conda:
    """Read the content of an environment file that stands in another YAML file.

    Args:
        node: the mapping.
        path: the file that it stands in; relative paths of its pip section begin beside it.
        found: as for ``read_conda``.
        key: key path of the mapping in that file, for messages.
    """
    return _Reader(path, found, key).read(node)


class _Reader:
    def __init__(self, path: Path, found: Dependencies, key: str) -> None:
        self.path = path
        self.found = found
        self.key = key
        self.python: CondaRequirement | None = None
        self.python_place: Place | None = None

    def add(self, node: Node, message: str, hint: str | None = None, *, key: str = "") -> None:
        self.found.findings.add(node.place, message, hint, path=self.where(key))

    def where(self, key: str) -> str:
        return ".".join(part for part in (self.key, key) if part)

    def read(self, node: Node) -> Conda:
        if not isinstance(node, MapNode):
            self.add(node, f"expected a mapping with dependencies, found {describe(node)}")
            return Conda()
        values = {entry.key: entry.value for entry in node.entries}
        if "dependencies" not in values and (fault := other_yaml(node)):
            self.add(node, *fault)
            return Conda()
        if "build_dependencies" in values and "channels" not in values:
            return self.of_mlflow(values)
        if "dependencies" not in values:
            other = nearest("dependencies", (key for key in values if key not in _KEYS))
            hint = f"it has {other}" if other else "write dependencies: [python=3.11, pip]"
            self.add(node, "missing", hint, key="dependencies")
        self.judge_keys(node)
        self.found.channels += [name for name in self.channels(values.get("channels")) if name != "nodefaults"]
        self.dependencies(values.get("dependencies"))
        python = self.python and minor_version(self.python)
        if self.python and self.python_place and not python:
            hint = "write python=3.11"
            self.found.findings.add(
                self.python_place, f"no version of Python 3 meets it: {quote(self.python.text)}", hint
            )
        self.found.python = python or self.found.python
        return Conda(
            name=self.text(values.get("name")),
            python=python or None,
            python_text=self.python.text if self.python else None,
            python_place=self.python_place,
            variables=self.variables(values.get("variables")),
        )

    def of_mlflow(self, values: Mapping[str, Node]) -> Conda:
        """Read a ``python_env.yaml`` of MLflow's, whose lines are pip's."""
        for key in ("build_dependencies", "dependencies"):
            if isinstance(lines := values.get(key), ListNode):
                self.pip(lines)
        text = self.text(values.get("python")) or ""
        if match := re.match(r"3\.\d+", text):
            self.found.python = match[0]
        return Conda(python=self.found.python, python_text=text or None)

    def judge_keys(self, node: MapNode) -> None:
        for entry in node.entries:
            if entry.key not in _KEYS:
                hint = near(entry.key, _KEYS)
                self.found.findings.warn(entry.place, "unknown key, ignored", hint, path=self.where(entry.key))

    def text(self, node: Node | None) -> str | None:
        return node.text if isinstance(node, Scalar) and node.kind != "null" else None

    def channels(self, node: Node | None) -> Iterator[str]:
        if node is None or (isinstance(node, Scalar) and node.kind == "null"):
            return
        if not isinstance(node, ListNode):
            self.add(node, f"expected a list of channels, found {describe(node)}", key="channels")
            return
        for item in node.items:
            if isinstance(item, Scalar) and item.kind == "text":
                yield item.text
            else:
                self.add(item, f"expected a channel, found {describe(item)}", key="channels")

    def variables(self, node: Node | None) -> dict[str, str]:
        if node is None or (isinstance(node, Scalar) and node.kind == "null"):
            return {}
        if not isinstance(node, MapNode):
            self.add(node, f"expected a mapping from names to texts, found {describe(node)}", key="variables")
            return {}
        return {entry.key: entry.value.text for entry in node.entries if isinstance(entry.value, Scalar)}

    def dependencies(self, node: Node | None) -> None:
        if node is None:
            return
        if not isinstance(node, ListNode):
            self.add(node, f"expected a list of packages, found {describe(node)}", key="dependencies")
            return
        for item in node.items:
            if isinstance(item, MapNode):
                self.sections(item)
            elif isinstance(item, Scalar) and item.kind == "text":
                self.package(item)
            else:
                self.add(item, f"expected a package such as numpy=1.26, found {describe(item)}", key="dependencies")

    def sections(self, node: MapNode) -> None:
        for entry in node.entries:
            if entry.key != "pip":
                hint = "put what pip installs below pip:, all else beside it"
                self.add(node, f"expected pip, found {quote(entry.key)}", hint, key="dependencies")
            elif isinstance(entry.value, ListNode):
                self.pip(entry.value)
            elif not (isinstance(entry.value, Scalar) and entry.value.kind == "null"):
                message = f"expected a list of requirements, found {describe(entry.value)}"
                self.add(entry.value, message, key="dependencies.pip")

    def pip(self, node: ListNode) -> None:
        lines = []
        for item in node.items:
            if isinstance(item, Scalar) and item.kind == "text":
                text = re.sub(r"(^|\s)#.*$", "", item.text).strip()
                lines += [Line(text, item.place)] if text else []
            else:
                message = f"expected a requirement, found {describe(item)}"
                self.add(item, message, key="dependencies.pip")
        read_lines(lines, self.path, self.found)

    def package(self, node: Scalar) -> None:
        package = parse_match(node.text, self.found.origin(self.path, node.place.line))
        if package is None:
            self.add(node, f"not a package of conda's: {quote(node.text)}", "write NAME, NAME=VERSION or NAME>=VERSION")
        elif package.name == "python":
            if self.python_place:
                message = f"a second Python, beside that of line {self.python_place.line}: {quote(node.text)}"
                self.add(node, message, key="dependencies")
            self.python, self.python_place = package, node.place
        else:
            self.found.conda.append(package)


def parse_match(text: str, origin: str) -> CondaRequirement | None:
    """Take a match specification apart; None when it is none.

    ``numpy``, ``numpy=1.2``, ``numpy==1.2``, ``numpy 1.2 py39_0``, ``numpy>=1,<2``, ``blas=*=mkl``,
    ``conda-forge::numpy[version='>=1', build=*mkl*]``.
    """
    match = _MATCH.fullmatch(text.strip())
    if match is None:
        return None
    rest, brackets = _brackets(match["rest"].strip())
    version, build = _version_and_build(rest)
    version, build = brackets.get("version", version), brackets.get("build", build)
    if (
        re.search(r"[^\w.*+!<>=~|,()^$\\-]", version)
        or re.search(r"[=<>!~]($|[,|])", version)
        or re.search(r"[\s=<>]", build)
    ):
        return None
    return CondaRequirement(
        name=match["name"].lower(),
        version="" if version == "*" else version,
        build="" if build == "*" else build,
        channel=brackets.get("channel", match["channel"]),
        text=text,
        origin=origin,
    )


def _brackets(text: str) -> tuple[str, dict[str, str]]:
    """Split off ``[key=value, ...]``."""
    head, bracket, tail = text.partition("[")
    if not bracket:
        return text, {}
    pairs = re.findall(r"""(\w+)\s*=\s*(?:'([^']*)'|"([^"]*)"|([^,\]]*))""", tail)
    return head.strip(), {key: one or two or three.strip() for key, one, two, three in pairs}


def _version_and_build(text: str) -> tuple[str, str]:
    """Split ``=1.2=py39_0``, ``1.2 py39_0`` and ``>=1, <2``.

    After one ``=`` a version stands for all that begin with it, unless a build follows it.
    """
    text = re.sub(r"\s*([,|])\s*", r"\1", re.sub(r"([=<>!~])\s+", r"\1", text))
    if match := re.fullmatch(r"={0,2}([^=<>!~,|\s]+)(?:=|\s+)([^=\s]+)", text):
        return f"=={match[1]}" if match[1] != "*" and not match[1].endswith("*") else match[1], match[2]
    if match := re.fullmatch(r"([<>!~]=?[^=\s]+)(?:=|\s+)([^=\s<>!~]+)", text):
        return match[1], match[2]
    if text and not _OPERATOR.match(text) and not re.search(r"[,|*]", text):
        return f"=={text}", ""
    return text, ""


def minor_version(package: CondaRequirement) -> str:
    """Give the version of Python that an environment asks for: ``3.11``; empty when there is no such version.

    A range is met by the Python of a base, if one is in it, else by the newest that is.
    """
    if match := re.match(r"={0,2}3\.(\d+)(?![\d])", package.version):
        return f"3.{match[1]}"
    from modelpack.loading.conda_versions import specifiers  # noqa: PLC0415 - imports packaging

    allowed = specifiers(package.version)
    if allowed is None:
        return ""
    usual = [*map(suites.default_python, suites.SUITES), *(f"3.{minor}" for minor in range(_NEWEST, _OLDEST - 1, -1))]
    fitting = (version for version in usual if allowed.contains(f"{version}.99") or allowed.contains(f"{version}.0"))
    return next(fitting, "")
