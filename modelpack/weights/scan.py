"""The weights of a package: every file of its models and inputs, looked into once, and what the lock says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from modelpack.errors import Problem, SpecError
from modelpack.lock import FileEntry, Lock, LockedWeights, Tree, Weights
from modelpack.store.files import Layout, locate
from modelpack.weights.kinds import ANY, PROMISED, is_unsafe

if TYPE_CHECKING:
    from modelpack.weights.content import Content

INSPECTOR = 1
"""Raised when the same files have to be looked into again."""
_POINTERS = (b"version https://git-lfs", b"version https://hawser")
_DAMAGED, _UNREADABLE = "MP507", "MP106"
_PAGES = (b"<!doctype", b"<html", b"<?xml", b"<error")


def weigh(trees: Mapping[str, Tree], layouts: Mapping[str, Layout], previous: Lock | None) -> LockedWeights:
    """Look into the files of models and inputs.

    Args:
        trees: of the lock to be.
        layouts: where the files are, by tree.
        previous: the lock there is; trees that are the same in it are not looked into again.

    Raises:
        SpecError: files that cannot be what they are to be, all of them.
    """
    known = previous.weights if previous and previous.weights and previous.weights.inspector == INSPECTOR else None
    found: list[Weights] = []
    problems: list[Problem] = []
    for name, tree in trees.items():
        if name != "model" and not name.startswith("input-"):
            continue
        if known and previous and previous.trees.get(name) == tree:
            found += [item for item in known.files if item.tree == name]
        else:
            found += _weigh_tree(name, tree, layouts[name], problems)
    if problems:
        raise SpecError(tuple(problems))
    return LockedWeights(inspector=INSPECTOR, files=tuple(found))


def _weigh_tree(name: str, tree: Tree, layout: Layout, problems: list[Problem]) -> Iterator[Weights]:
    # Most builds change no weights.
    from modelpack.weights.folders import judge_folders  # noqa: PLC0415
    from modelpack.weights.formats import inspect  # noqa: PLC0415

    contents: dict[str, Content] = {}
    for entry in tree.files:
        if entry.link is not None:
            continue
        place = locate(layout, entry.path).resolve()
        try:
            contents[entry.path] = inspect(place)
        except OSError as error:
            problems.append(
                Problem(where=f"{name}: {entry.path}", message=f"cannot be read: {error.strerror}", code="MP106")
            )
            continue
        problems += _judge(name, entry, contents[entry.path], place)
    companions = judge_folders(name, tree, contents, layout, problems)
    for entry in tree.files:
        content = contents.get(entry.path)
        if content and _is_recorded(name, content) and entry.path not in companions:
            yield _record(name, entry, content)


def _is_recorded(tree: str, content: Content) -> bool:
    """Tell whether a lock says something of a file: of data beside the models only when it is weights."""
    if not content.kinds:
        return False
    return tree == "model" or bool(content.kinds - {"other", "packed"})


def _record(tree: str, entry: FileEntry, content: Content) -> Weights:
    unsafe = any(is_unsafe(name) for name in content.imports)
    return Weights(
        tree=tree,
        path=entry.path,
        format=content.format,
        kinds=tuple(sorted(content.kinds | ({"unsafe-pickle"} if unsafe else set()))),
        imports=tuple(sorted(content.imports)),
        versions=dict(content.versions),
        details=dict(content.details),
    )


def _judge(tree: str, entry: FileEntry, content: Content, place: Path) -> Iterator[Problem]:
    """Say what cannot be right about one file."""
    where = f"{tree}: {entry.path}"
    suffix = Path(entry.path).suffix.lower()
    if content.format == "text" and (stand_in := _stand_in(place, is_weights=suffix in PROMISED or suffix in ANY)):
        yield Problem(where=where, message=stand_in[0], hint=stand_in[1], code=_DAMAGED)
    elif content.format == "empty" and (suffix in PROMISED or suffix in ANY):
        yield Problem(where=where, message="is empty", hint="download or save it again", code=_DAMAGED)
    elif content.problems and (content.kinds or suffix in PROMISED):
        for problem in content.problems[:3]:
            message = f"{_noun(content)}, and {problem}"
            yield Problem(where=where, message=message, hint="download or save it again", code=_DAMAGED)
    elif suffix in PROMISED and content.format not in PROMISED[suffix]:
        yield Problem(
            where=where,
            message=f"its name says {suffix}, its content is {_noun(content)}",
            hint="rename it when that is right" if content.kinds - {"other"} else "download or save it again",
            code=_DAMAGED,
        )


def _stand_in(place: Path, *, is_weights: bool) -> tuple[str, str] | None:
    """Say what a text stands for, when it is there in place of the weights."""
    with place.open("rb") as file:
        head = file.read(512).lstrip().lower()
    if head.startswith(_POINTERS):
        return "a Git LFS pointer, not the file that it stands for", "run: git lfs pull"
    if not is_weights:
        return None
    if head.startswith(b"/annex/objects/"):
        return "a git-annex pointer, not the file that it stands for", "run: git annex get"
    if head.startswith(_PAGES):
        return "a web page in place of the weights, most likely of an error", "download it again, with credentials"
    return None


def _noun(content: Content) -> str:
    return {"other": "data of no known format", "text": "text", "": "unknown"}.get(content.format, content.format)
