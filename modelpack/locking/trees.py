"""The user's files: which belong to which tree of the lock, and what they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from modelpack import injection, places, projects
from modelpack.lock import FileEntry, Lock, Tree
from modelpack.locking import samples
from modelpack.locking.machine import Machine
from modelpack.spec import Source, Spec
from modelpack.store import files, remote


def layouts(spec: Spec, cache: Path) -> dict[str, files.Layout]:
    """Give what every tree of the lock is made of, by the tree's name.

    Args:
        spec: the spec.
        cache: where files lie that are made and not the user's.
    """
    trees: dict[str, files.Layout] = {
        tree: {path: remote.place(source, cache) for path, source in sources.items()}
        for tree, sources in _assets(spec).items()
    }
    if spec.code:
        path = spec.code.source.path
        trees["code"] = {"" if path.is_dir() else path.name: path}
    if programs := injection.programs(spec, cache / "made"):
        trees["server"] = programs
    if asked := samples.layout(spec, cache / "made"):
        trees["samples"] = asked
    return {**trees, **projects.layouts(spec, cache)}


def _assets(spec: Spec) -> dict[str, dict[str, Source]]:
    """Give models, inputs and what is required by address: by tree, by path in it."""
    model = {places.model_path(name, source): source for name, source in spec.models.items()}
    inputs = {f"input-{name}": {item.path.name: item} for name, item in spec.inputs.items()}
    return {"model": model} | inputs | projects.addressed(spec)


def bring(spec: Spec, machine: Machine) -> None:
    """Download what the spec names by address and this machine has not.

    Raises:
        FetchError: something cannot be had.
    """
    sources = [source for tree in _assets(spec).values() for source in tree.values()]
    remote.bring(sources, machine.cache, machine.progress, machine.settings.artifacts)


def bring_required(spec: Spec, machine: Machine) -> None:
    """Download what is required by address, to be looked into.

    Raises:
        FetchError: something cannot be had.
    """
    sources = [source for tree in projects.addressed(spec).values() for source in tree.values()]
    remote.bring(sources, machine.cache, machine.progress, machine.settings.artifacts)


def scan(spec: Spec, machine: Machine, previous: Lock | None = None) -> dict[str, Tree]:
    """Give all trees; what was downloaded for the previous lock need not be here for this one."""
    trees = dict(previous.trees) if previous else {}
    assets = _assets(spec)
    made_of = {name: remote.identity(sources) for name, sources in assets.items()}
    known = {name for name, found in made_of.items() if found and name in trees and trees[name].made_of == found}
    wanted = [source for name, sources in assets.items() if name not in known for source in sources.values()]
    remote.bring(wanted, machine.cache, machine.progress, machine.settings.artifacts)
    return {
        name: trees[name]
        if name in known
        else replace(
            files.scan(layout, cache=machine.cache / "files", progress=machine.progress, name=name),
            made_of=made_of.get(name),
        )
        for name, layout in layouts(spec, machine.cache).items()
    }


def scan_file(path: Path, machine: Machine) -> FileEntry:
    """Give what one file is."""
    layout = {path.name: path}
    return files.scan(layout, cache=machine.cache / "files", progress=machine.progress, name=path.name).files[0]
