"""Folders that are a model as a whole: SavedModels, Triton's repositories, shards with an index, data beside ONNX."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet

from modelpack.errors import Problem
from modelpack.lock import Tree
from modelpack.store.files import Layout, locate
from modelpack.weights import prototext
from modelpack.weights.content import Content, Damaged

_LARGEST, _CONFIGURATION = 16 << 20, 1 << 20
"""Bytes of an index and of a configuration that are read."""
_SHARD = re.compile(r"variables\.data-(\d{5})-of-(\d{5})")
_FILES: Mapping[str, tuple[str, ...]] = {
    "onnxruntime_onnx": ("model.onnx",),
    "onnxruntime": ("model.onnx",),
    "tensorflow_savedmodel": ("model.savedmodel",),
    "tensorflow_graphdef": ("model.graphdef",),
    "tensorflow": ("model.savedmodel", "model.graphdef"),
    "tensorrt_plan": ("model.plan",),
    "tensorrt": ("model.plan",),
    "pytorch_libtorch": ("model.pt",),
    "pytorch": ("model.pt", "model.py", "model.pt2"),
    "openvino": ("model.xml",),
    "python": ("model.py",),
    "dali": ("model.dali", "dali.py"),
    "fil": ("xgboost.model", "xgboost.json", "model.txt", "checkpoint.tl", "xgboost.ubj"),
}
"""What Triton looks for in a version's folder, by platform or backend, unless the configuration names it."""


def backend_of(config: prototext.Message, names: Iterable[str]) -> str:
    """Give Triton's backend or platform of a model: as configured, else as its files tell; empty when nothing does."""
    if "ensemble_scheduling" in config:
        return "ensemble"
    said = _scalar(config, "backend") or _scalar(config, "platform")
    there = {*names}
    return said or next((kind for kind, files in _FILES.items() if there & {*files}), "")


def judge_folders(
    name: str, tree: Tree, contents: Mapping[str, Content], layout: Layout, problems: list[Problem]
) -> AbstractSet[str]:
    """Check what lies in several files, and give the files that belong to others.

    Args:
        name: of the tree.
        tree: its files.
        contents: what they are, by path.
        layout: where they are.
        problems: takes what is wrong.
    """
    judge = _Judge(name, {entry.path: entry.size for entry in tree.files}, contents, layout)
    for path in contents:
        folder, _, base = path.rpartition("/")
        prefix = f"{folder}/" if folder else ""
        found: Iterator[Problem] = iter(())
        if base == "saved_model.pb":
            found = judge.saved_model(path, prefix)
        elif base == "config.pbtxt":
            found = judge.triton(path, prefix)
        elif base.endswith((".safetensors.index.json", ".bin.index.json")):
            found = judge.shards(path, prefix)
        elif contents[path].external:
            found = judge.external(path, prefix)
        problems += found
    return judge.companions


class _Judge:
    """Looks at the files of one tree."""

    def __init__(self, name: str, sizes: Mapping[str, int], contents: Mapping[str, Content], layout: Layout) -> None:
        self.name = name
        self.sizes = sizes
        self.contents = contents
        self.layout = layout
        self.companions: set[str] = set()

    def problem(self, path: str, message: str, hint: str | None = None) -> Problem:
        return Problem(where=f"{self.name}: {path}", message=message, hint=hint, code="MP507")

    def text(self, path: str, longest: int = _LARGEST) -> str:
        with locate(self.layout, path).open("rb") as file:
            return file.read(longest).decode("utf-8", "replace")

    def saved_model(self, path: str, prefix: str) -> Iterator[Problem]:
        if self.contents[path].format != "savedmodel":
            yield self.problem(path, "is not a TensorFlow SavedModel, or is cut off", "download or save it again")
            return
        inside = [other for other in self.sizes if other.startswith(prefix) and other != path]
        self.companions.update(other for other in inside if self._is_other(other))
        variables = {other[len(prefix) + 10 :] for other in inside if other.startswith(f"{prefix}variables/")}
        shards = [match for name in variables if (match := _SHARD.fullmatch(name))]
        if shards and "variables.index" not in variables:
            yield self.problem(f"{prefix}variables", "variables.index is missing", "copy the whole folder")
        if variables and not shards:
            yield self.problem(f"{prefix}variables", "variables.data-... is missing", "copy the whole folder")
        numbers = {int(match[1]) for match in shards}
        for count in {int(match[2]) for match in shards}:
            missing = [number for number in range(min(count, 10_000)) if number not in numbers]
            if missing:
                lost = f"variables.data-{missing[0]:05}-of-{count:05}"
                yield self.problem(f"{prefix}variables", f"{lost} is missing", "copy the whole folder")

    def external(self, path: str, prefix: str) -> Iterator[Problem]:
        needed: dict[str, int] = {}
        for item in self.contents[path].external:
            needed[item.location] = max(needed.get(item.location, 0), item.stop)
        for location, stop in sorted(needed.items()):
            place = posixpath.normpath(prefix + location)
            if location.startswith("/") or "\\" in location or ".." in location.split("/") or "\0" in location:
                yield self.problem(
                    path, f"its data lies outside of its folder: {location}", "save it with a plain name"
                )
            elif place not in self.sizes:
                yield self.problem(path, f"its data is missing: {place}", "copy it beside the model")
            elif self.sizes[place] < stop and place in self.contents:
                size = self.sizes[place]
                message = f"is cut off: {path} needs {stop} bytes of it, it has {size}"
                yield self.problem(place, message, "download it again")
            else:
                self.companions.add(place)

    def shards(self, path: str, prefix: str) -> Iterator[Problem]:
        try:
            weights = json.loads(self.text(path)).get("weight_map")
            files = dict.fromkeys(str(file) for file in weights.values())
        except (ValueError, AttributeError, RecursionError):
            yield self.problem(path, "is not an index of shards: no weight_map")
            return
        for file in files:
            place = posixpath.normpath(prefix + file)
            if place not in self.sizes:
                yield self.problem(path, f"a shard is missing: {place}", "download all of them")
                continue
            content = self.contents.get(place)
            if content and content.format == "safetensors":
                lost = [name for name, other in weights.items() if other == file and name not in content.variables]
                if lost:
                    yield self.problem(place, f"lacks a tensor that {path} names: {lost[0]}", "download it again")

    def triton(self, path: str, prefix: str) -> Iterator[Problem]:
        try:
            config = prototext.parse(self.text(path, _CONFIGURATION))
        except Damaged as error:
            yield self.problem(path, str(error))
            return
        self.contents[path].details["server"] = "triton"
        folder = prefix.rstrip("/").rpartition("/")[2]
        named = _scalar(config, "name")
        if folder and named and named != folder:
            yield self.problem(path, f"names the model {named}, its folder is {folder}", f'write name: "{folder}"')
        kind = _scalar(config, "backend") or _scalar(config, "platform")
        if kind == "ensemble" or "ensemble_scheduling" in config:
            yield from self.ensemble(path, prefix, config)
            return
        versions = {rest.partition("/")[0] for other in self.sizes if (rest := _below(other, prefix)) and "/" in rest}
        numbers = sorted(version for version in versions if version.isdigit() and not version.startswith("0"))
        if not numbers:
            yield self.problem(path, "the model has no version: no folder such as 1 beside it holds files")
        wanted = (_scalar(config, "default_model_filename"),) if "default_model_filename" in config else ()
        names = wanted or _FILES.get(kind, ())
        for version in numbers:
            inside = {rest.partition("/")[0] for other in self.sizes if (rest := _below(other, f"{prefix}{version}/"))}
            if names and not inside & set(names):
                yield self.problem(f"{prefix}{version}", f"has no {' or '.join(names)}, which {kind or path} wants")

    def ensemble(self, path: str, prefix: str, config: prototext.Message) -> Iterator[Problem]:
        above = prefix.rstrip("/").rpartition("/")[0]
        present = {
            rest.partition("/")[0] for other in self.sizes if (rest := _below(other, f"{above}/" if above else ""))
        }
        for scheduling in config.get("ensemble_scheduling", ()):
            for step in scheduling.get("step", ()) if isinstance(scheduling, Mapping) else ():
                model = _scalar(step, "model_name") if isinstance(step, Mapping) else ""
                if model and model not in present:
                    yield self.problem(path, f"a step is done by a model that is not there: {model}")

    def _is_other(self, path: str) -> bool:
        content = self.contents.get(path)
        return content is None or content.format in ("other", "text", "empty")


def _below(path: str, prefix: str) -> str:
    return path[len(prefix) :] if path.startswith(prefix) else ""


def _scalar(message: prototext.Message, name: str) -> str:
    value = (message.get(name) or ("",))[-1]
    return value if isinstance(value, str) else ""
