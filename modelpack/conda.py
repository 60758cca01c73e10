"""Packages of conda channels: solved with rattler, and which Python distributions they bring."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelpack import suites
from modelpack.errors import ResolveError, ToolError
from modelpack.lock import CondaPackage

if TYPE_CHECKING:
    from modelpack.spec import CondaRequirement, Spec

SOURCE = "conda"
_SUBDIRS = {"linux/amd64": "linux-64", "linux/arm64": "linux-aarch64"}
_INSTALLED = re.compile(
    r"(?:lib/python3\.\d+/)?site-packages/(?P<name>[^/]+?)-(?P<version>[^-/]+?)(?:-py3\.\d+)?\.(?:dist|egg)-info(?:/|$)"
)
_SCRIPT = re.compile(r"bin/\.[^/]*-(?:post|pre)-(?:link|unlink)\.sh")
_NOT_NEEDED = ("pip",)
"""Packages that environment files name for the sake of installing, which is done here."""
_STAND_IN = "+conda"
_MISTAKES = ("InvalidMatchSpecError", "InvalidVersionSpecError", "InvalidVersionError", "InvalidPackageNameError")
_FAILURES = ("GatewayError", "FetchRepoDataError", "InvalidChannelError", "InvalidUrlError", "IoError", "CacheDirError")
"""Names of rattler's exceptions, which have no base of their own."""


def solve(spec: Spec, channels: Sequence[str], cache: Path) -> tuple[CondaPackage, ...]:
    """Choose the packages that a spec asks for, Python among them, and all that they need, sorted by name.

    Args:
        spec: what is asked for, and for which platform and C library.
        channels: addresses, the first before the others.
        cache: folder for what channels say of their packages.

    Raises:
        ResolveError: no solution, or a channel that cannot be read.
        ToolError: py-rattler is not installed.
    """
    import asyncio  # noqa: PLC0415 - not for runs that solve nothing

    rattler = _rattler()
    wanted = [_match(item) for item in spec.conda if item.name not in _NOT_NEEDED]
    try:
        records = asyncio.run(
            rattler.solve(
                [rattler.Channel(url) for url in _ordered(channels, spec.channels)],
                [f"python[version='{spec.python}.*']", *wanted],
                gateway=rattler.Gateway(cache_dir=cache),
                platforms=[_SUBDIRS[spec.platform], "noarch"],
                virtual_packages=list(_virtual(rattler, spec)),
            )
        )
    except rattler.exceptions.SolverError as error:
        raise ResolveError(
            f"conda's channels have no set of packages for {spec.path.name}",
            details=(*str(error).splitlines(), f"Pythons at hand: {', '.join(_pythons(channels, spec, cache))}"),
            hint=f"channels of this machine: {', '.join(map(channel_name, channels))}",
        ) from error
    except tuple(getattr(rattler.exceptions, name) for name in _MISTAKES) as error:
        raise ResolveError(f"a requirement of conda's cannot be read: {error}") from error
    except tuple(getattr(rattler.exceptions, name) for name in _FAILURES) as error:
        raise ResolveError(f"a conda channel cannot be read: {error}") from error
    return tuple(sorted((_package(record) for record in records), key=lambda package: package.name))


def channel_name(address: str) -> str:
    """Give the name of a channel, which locks have in place of its address."""
    return address.rstrip("/").rpartition("/")[2]


def addresses(package: CondaPackage, channels: Sequence[str]) -> Iterator[str]:
    """Give where an archive may be had: channels of the name that the lock has before all others."""
    for url in sorted(channels, key=lambda url: channel_name(url) != package.channel):
        yield f"{url.rstrip('/')}/{package.subdir}/{package.filename}"


def describe(archive: Path) -> tuple[Mapping[str, str], bool]:
    """Give the Python distributions of an archive, names to versions, and whether it has scripts to run.

    Raises:
        ResolveError: the archive cannot be read.
    """
    try:
        listed = _rattler().PathsJson.from_package_archive(archive)
        paths = [str(entry.relative_path) for entry in listed.paths]
    except Exception as error:  # as in ``solve``
        raise ResolveError(f"{archive.name} is no package of conda's that can be read: {error}") from error
    found = {}
    for match in filter(None, map(_INSTALLED.match, paths)):
        found[re.sub(r"[-_.]+", "-", match["name"]).lower()] = match["version"]
    return found, any(_SCRIPT.fullmatch(path) for path in paths)


def write_stand_ins(packages: Sequence[CondaPackage], folder: Path) -> dict[str, str]:
    """Write empty wheels in place of distributions that conda brings, for the resolver; give their pins by name.

    They need nothing: conda has solved that. The version says where it is from (PEP 440: a local version).
    """
    from modelpack.wheels import write_empty  # noqa: PLC0415 - only for conda's packages

    folder.mkdir(parents=True, exist_ok=True)
    pins = {}
    for package in packages:
        for name, version in (package.distributions or {}).items():
            pins[name] = f"{version}.conda" if "+" in version else f"{version}{_STAND_IN}"
            write_empty(folder, name, pins[name])
    return pins


def is_stand_in(version: str) -> bool:
    """Tell whether a version is one of ``write_stand_ins``."""
    return version.endswith((_STAND_IN, ".conda"))


def at_hand(channels: Sequence[str], platform: str, cache: Path) -> tuple[str, ...]:
    """Give the versions of Python that channels have, for messages: ``3.12 (conda)``; nothing when they cannot say."""
    if not channels:
        return ()
    import asyncio  # noqa: PLC0415 - as in ``solve``

    try:
        rattler = _rattler()
        gateway = rattler.Gateway(cache_dir=cache)
        query: Callable[..., Any] = gateway.query
        found = asyncio.run(
            query([rattler.Channel(url) for url in channels], [_SUBDIRS[platform]], ["python"], recursive=False)
        )
        versions = {str(record.version) for records in found for record in records}
    except Exception:  # noqa: BLE001 - advice in a message about something else
        return ()
    minors = {tuple(map(int, match.groups())) for text in versions if (match := re.match(r"(3)\.(\d+)", text))}
    return tuple(f"{major}.{minor} (conda)" for major, minor in sorted(minors))


def _pythons(channels: Sequence[str], spec: Spec, cache: Path) -> tuple[str, ...]:
    return suites.at_hand(), *at_hand(channels, spec.platform, cache)


def _rattler() -> Any:  # noqa: ANN401 - its types are only there where it is installed
    try:
        import rattler  # noqa: PLC0415 - an extra, and large
        import rattler.exceptions  # noqa: PLC0415
    except ImportError as error:
        raise ToolError(
            "py-rattler is missing: it solves packages of conda channels",
            hint="install it: pip install modelpack[conda]",
        ) from error
    return rattler


def _match(item: CondaRequirement) -> str:
    """Write a requirement as rattler reads it."""
    fields = [f"{key}='{value}'" for key, value in (("version", item.version), ("build", item.build)) if value]
    return f"{item.name}[{', '.join(fields)}]" if fields else item.name


def _ordered(channels: Sequence[str], names: Sequence[str]) -> list[str]:
    """Put channels that a file names first, in its order."""
    rank = {channel_name(name): index for index, name in reversed(list(enumerate(names)))}
    return sorted(channels, key=lambda url: rank.get(channel_name(url), len(names)))


def _virtual(rattler: Any, spec: Spec) -> Iterator[Any]:  # noqa: ANN401 - as ``_rattler``
    """Say what the target is, never what this machine is."""
    glibc, build = suites.SUITES[spec.base.suite].glibc, rattler.BuildString("0")
    for name, version in (("__unix", "0"), ("__linux", "5.10"), ("__glibc", glibc)):
        yield rattler.GenericVirtualPackage(rattler.PackageName(name), rattler.Version(version), build)


def _package(record: Any) -> CondaPackage:  # noqa: ANN401 - as ``_rattler``
    if record.sha256 is None or record.size is None:
        raise ResolveError(f"the conda channel gives no sha256 or no size for {record.file_name}")
    return CondaPackage(
        name=record.name.normalized,
        version=str(record.version),
        filename=record.file_name,
        channel=channel_name(str(record.channel)),
        subdir=record.subdir,
        sha256=record.sha256.hex(),
        size=record.size,
        source=SOURCE,
    )
