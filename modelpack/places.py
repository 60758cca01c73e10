"""Where models lie in a package, and which absolute paths of the image parts of it may be linked to."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping

from modelpack.errors import Problem, SpecError
from modelpack.spec import Source

_MACHINE = ("/dev", "/nix", "/proc", "/run", "/sys", "/tmp", "/var/tmp", "/var/run")  # noqa: S108 - names, not files
_BASE = ("/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin", "/usr")
_FILES = ("/etc/group", "/etc/hostname", "/etc/hosts", "/etc/nsswitch.conf", "/etc/passwd", "/etc/resolv.conf")


def model_path(name: str, source: Source) -> str:
    """Give where a model lies below the model folder, as Azure ML places it: a folder under its own name."""
    folder = source.remote.unpack if source.remote else source.path.is_dir()
    return name if name == source.path.name or folder else f"{name}/{source.path.name}"


def judge(path: str, *, image: bool) -> str | None:
    """Say why nothing of the package can be at a path; None when it can.

    Args:
        path: in the image's root file system.
        image: the package has a base image, whose /usr and the like are real folders.
    """
    if not path.startswith("/") or "\0" in path or posixpath.normpath(path) != path or path.startswith("//"):
        return f"not an absolute path in its shortest form: {path}"
    if path == "/":
        return "the root folder itself cannot be replaced"
    for reserved in _MACHINE if image else (*_MACHINE, *_BASE):
        if path == reserved or path.startswith(f"{reserved}/"):
            return f"{reserved} is not for files of a package: {path}"
    if path in _FILES or path in {posixpath.dirname(name) for name in (*_FILES, *_MACHINE)}:
        return f"the image has its own: {path}"
    return None


def require(links: Mapping[str, str], names: Iterable[str], *, image: bool, where: str) -> None:
    """Refuse links that cannot be made; readers judge what their users wrote before, at its line.

    Args:
        links: path -> target, which begins with a placeholder.
        names: the placeholders there are, without their ``@``.
        image: as for ``judge``.
        where: the file they come from.

    Raises:
        SpecError: a path that cannot be, one below another, or a target that is no part of the package.
    """
    known = {f"@{name}@" for name in names}
    problems = [found for path in links if (found := judge(path, image=image))]
    for path in sorted(links):
        problems += [f"{path} is below another one: {other}" for other in links if path.startswith(f"{other}/")]
        start = links[path].split("/", 1)[0]
        if start not in known or ".." in links[path].split("/"):
            problems.append(f"{path} does not lead to a part of the package: {links[path]}")
    if problems:
        raise SpecError(tuple(Problem(where=where, message=problem, code="MP405") for problem in problems))
