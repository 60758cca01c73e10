"""The environment of an MLflow model: which of the files that describe it holds, and where they disagree.

MLmodel names the file in ``env``: that one holds, and of several the one for virtualenv, as MLflow itself has it. See
docs/decisions/0015-mlflow-environments.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from modelpack.loading.conda import read_conda
from modelpack.loading.dependencies import Dependencies, Line
from modelpack.loading.mlflow.mlmodel import LIBRARIES, PYFUNC, MLmodel
from modelpack.loading.pip_file import read_lines, read_requirements_file
from modelpack.loading.requirements import distribution
from modelpack.loading.sources import Folder, is_file
from modelpack.loading.yamlfile import Findings, ListNode, MapNode, Node, Place, Scalar, describe, read_yaml
from modelpack.spec import Requirement

PYTHON_ENV = "python_env.yaml"
CONDA = "conda.yaml"
REQUIREMENTS = "requirements.txt"
UV_LOCK = "uv.lock"
_TOOLS = ("pip", "setuptools", "wheel")
"""What MLflow itself calls build dependencies: a package is installed already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One file and what it says."""

    name: str
    path: Path
    found: Dependencies
    python: str | None = None
    """As it is written: ``3.8.12``."""
    python_place: Place | None = None

    def place(self, name: str) -> Place:
        """Give the place where it asks for a distribution; its beginning when it does not."""
        origins = [item.origin for item in self.found.requirements if distribution(item.text) == name]
        origins += [item.origin for item in self.found.conda if item.name == name]
        file, _, line = origins[0].rpartition(":") if origins else (self.name, "", "1")
        return Place(file=self.found.folder.show(self.path.parent / file), line=int(line), column=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """What holds, and all that was said."""

    chosen: Source | None
    others: tuple[Source, ...] = ()
    why: str = ""
    """Ends the sentence: ``conda.yaml is taken, ...``."""
    pins: dict[str, str] = field(default_factory=dict)
    """Versions of a uv.lock beside them, by distribution."""


def read_environment(model: MLmodel, folder: Folder, findings: Findings) -> Environment:
    """Read all files of the environment; what is wrong with one that does not hold is of no matter.

    Args:
        model: names the one that holds.
        folder: of the model.
        findings: takes what is wrong.
    """
    name, why = _choose(model)
    chosen, others = None, []
    for file in dict.fromkeys([name or "", PYTHON_ENV, CONDA, REQUIREMENTS]):
        path = model.folder / file
        if not file or not is_file(path):
            continue
        if file == name:
            chosen = _read(file, path, folder, findings)
        else:
            others.append(_read(file, path, folder, Findings()))
    pins = _uv_pins(model.folder / UV_LOCK)
    environment = Environment(chosen=chosen, others=tuple(others), why=why, pins=pins)
    if chosen:
        _add_conda(environment, findings)
        _compare(model, environment, findings)
    return environment


def _choose(model: MLmodel) -> tuple[str | None, str]:
    """Give the file that holds and why."""
    named = (
        (f"flavors.{PYFUNC}.env.virtualenv", "since MLmodel names it for virtualenv"),
        (f"flavors.{PYFUNC}.env", "since MLmodel names it"),
        (f"flavors.{PYFUNC}.env.conda", "since MLmodel names it"),
    )
    for key, why in named:
        name = model.get(key)
        if name and is_file(model.folder / name):
            return name, why
    first = next((name for name in (PYTHON_ENV, CONDA, REQUIREMENTS) if is_file(model.folder / name)), None)
    return first, "since MLmodel names none that is there"


def _read(name: str, path: Path, folder: Folder, findings: Findings) -> Source:
    found = Dependencies(folder=folder, findings=findings)
    if path.suffix == ".txt":
        read_requirements_file(path, found)
        return Source(name=name, path=path, found=found)
    node = read_yaml(path, folder.show(path), Findings())
    keys = {entry.key for entry in node.entries} if isinstance(node, MapNode) else set()
    if path.name == PYTHON_ENV or keys & {"python", "build_dependencies"}:
        return _read_python_env(name, path, found)
    conda = read_conda(path, found)
    found.conda[:] = [item for item in found.conda if item.name not in _TOOLS]
    python = _version(conda.python_text or "") or found.python
    return Source(name=name, path=path, found=found, python=python, python_place=conda.python_place)


def _read_python_env(name: str, path: Path, found: Dependencies) -> Source:
    """Read MLflow's own form: ``python``, ``build_dependencies`` and ``dependencies``, whose lines are pip's."""
    node = read_yaml(path, found.folder.show(path), found.findings)
    if node is not None and not isinstance(node, MapNode):
        found.findings.add(node.place, f"expected a mapping with dependencies, found {describe(node)}")
    python, place = None, None
    for entry in node.entries if isinstance(node, MapNode) else ():
        if entry.key == "python" and isinstance(entry.value, Scalar):
            python, place = _version(entry.value.text), entry.value.place
        elif entry.key in ("dependencies", "build_dependencies"):
            lines = _lines(entry.value, entry.key, found)
            read_lines([line for line in lines if distribution(line.text) not in _TOOLS], path, found)
    return Source(name=name, path=path, found=found, python=python, python_place=place)


def _lines(node: Node, key: str, found: Dependencies) -> list[Line]:
    if not isinstance(node, ListNode):
        if not (isinstance(node, Scalar) and node.kind == "null"):
            found.findings.add(node.place, f"expected a list, found {describe(node)}", path=key)
        return []
    return [Line(item.text.strip(), item.place, key) for item in node.items if isinstance(item, Scalar)]


def _version(text: str) -> str | None:
    match = re.search(r"3\.\d+(\.\d+)?", text)
    return match[0] if match else None


def _uv_pins(path: Path) -> dict[str, str]:
    """Give the versions of a uv.lock, of distributions that have one only."""
    import tomllib  # noqa: PLC0415 - few models have one

    try:
        packages = tomllib.loads(path.read_text(encoding="utf-8")).get("package", [])
    except (OSError, ValueError, AttributeError):
        return {}
    found: dict[str, set[str]] = {}
    for package in packages if isinstance(packages, list) else ():
        if isinstance(package, dict) and "registry" in package.get("source", {}):
            found.setdefault(str(package.get("name")), set()).add(str(package.get("version")))
    return {name: versions.pop() for name, versions in found.items() if len(versions) == 1}


def _compare(model: MLmodel, environment: Environment, findings: Findings) -> None:
    """Show side by side what the files say of the same thing."""
    chosen = environment.chosen
    assert chosen is not None  # noqa: S101 - the caller has looked
    taken, asked = f"{chosen.name} is taken, {environment.why}", _asked(chosen)
    for source in environment.others:
        rest = [f"{name}{text}" for name, text in _asked(source).items() if name not in asked]
        if rest:
            shown = ", ".join(rest[:8]) + (f" and {len(rest) - 8} more" if len(rest) > 8 else "")
            findings.warn(
                source.place(""), f"left out, since {chosen.name} does not have it: {shown}; {taken}", code="MP113"
            )
    for name, text in asked.items():
        said = {source.name: theirs[name] for source in environment.others if name in (theirs := _asked(source))}
        said = {file: other for file, other in said.items() if other != text}
        if name in environment.pins and not _allows(text, environment.pins[name]):
            said[UV_LOCK] = f"=={environment.pins[name]}"
        if (saved := _saved_with(model, name)) and not _allows(text, saved) and not _is_own_pin(name, text, saved):
            said["MLmodel"] = f"saved with {saved}"
        if said:
            others = ", ".join(f"{file} {other or 'any'}" for file, other in said.items())
            findings.warn(
                chosen.place(name), f"{name}: {chosen.name} has {text or 'any'}, {others}; {taken}", code="MP113"
            )


def _is_own_pin(name: str, text: str, saved: str) -> bool:
    """Say whether a pin is MLflow's own of itself, which up to 2.x leaves the patch out: ``==2.3`` for 2.3.2."""
    return name == "mlflow" and text == f"=={'.'.join(saved.split('.')[:2])}"


def _asked(source: Source) -> dict[str, str]:
    """Give what a file asks for: specifiers and markers by distribution, in an order of their own."""
    found: dict[str, set[str]] = {}
    for item in source.found.requirements:
        name = distribution(item.text)
        rest = re.sub(r"^\s*[A-Za-z0-9._-]+\s*(\[[^\]]*\])?\s*", "", item.text)
        found.setdefault(name, set()).add(",".join(sorted(re.sub(r"\s+", " ", rest).strip(" ()").split(","))))
    for package in source.found.conda:
        found.setdefault(package.name.replace("_", "-"), set()).add(package.version)
    return {name: " | ".join(sorted(texts)) for name, texts in found.items()}


def _allows(text: str, version: str) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415 - costs start-up time

    alternatives = [re.sub(r"^=(?=[^=])", "==", part.partition(";")[0].strip()) for part in text.split("|")]
    try:
        return any(SpecifierSet(part).contains(version, prereleases=True) for part in alternatives)
    except InvalidSpecifier:
        return True


def _saved_with(model: MLmodel, name: str) -> str | None:
    if name in ("mlflow", "mlflow-skinny"):
        return model.get("mlflow_version")
    keys = (f"flavors.{flavor}.{key}" for flavor, (library, key) in LIBRARIES.items() if library == name)
    return next((text for key in keys if (text := model.get(key))), None)


def _add_conda(environment: Environment, findings: Findings) -> None:
    """Take what only a conda.yaml has that does not hold: MLflow leaves conda's packages out of the other files."""
    chosen = environment.chosen
    assert chosen is not None  # noqa: S101 - the caller has looked
    have = _asked(chosen)
    for source in environment.others:
        extra = [item for item in source.found.conda if item.name not in have]
        if extra:
            chosen.found.conda += extra
            chosen.found.channels += source.found.channels
            names = ", ".join(item.text for item in extra)
            note = f"packages of conda are taken from {source.name}, which {chosen.name} cannot name: {names}"
            findings.note(source.found.place(source.path), note)


def is_renewed(model: MLmodel, environment: Environment) -> bool:
    """Say whether the environment was changed after the save: it wants a library that did not save the model."""
    asked = _asked(environment.chosen) if environment.chosen else {}
    saved = ((text, _saved_with(model, name)) for name, text in asked.items() if not name.startswith("mlflow"))
    return any(version and not _allows(text, version) for text, version in saved)


def libraries(model: MLmodel) -> tuple[Requirement, ...]:
    """Give what the flavors were saved with, for a model without any file of an environment."""
    return tuple(
        Requirement(text=f"{library}=={written.text}", origin=f"MLmodel:{written.place.line}")
        for flavor, (library, key) in LIBRARIES.items()
        if (written := model.values.get(f"flavors.{flavor}.{key}"))
    )
