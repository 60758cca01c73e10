"""Which Debian archives this machine uses: those of modelpack's settings, or else those of apt's.

apt's files are read as sources.list(5) describes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from modelpack.debian import control as debian_control
from modelpack.errors import ResolveError

DEBIAN = "debian"
"""The source of all archives of Debian's own."""
ROLLING = ("sid", "unstable")
"""Suites without updates and security suites beside them."""
_SIBLINGS = ("-updates", "-security")
_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<components>(\s+\S+)*)")
_NO = ("no", "false", "without", "off", "disable")
_FILE_NAME = re.compile(r"[A-Za-z0-9_.-]+\.(list|sources)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """One suite of a Debian archive."""

    uri: str
    """Root of the archive, which holds ``dists`` and ``pool``: http, https or file."""
    suite: str
    components: tuple[str, ...] = ("main",)
    keyring: str | None = None
    """As apt's Signed-By: keyring files, fingerprints, or an armored key; None means Debian's own keyring."""
    architectures: tuple[str, ...] = ()
    """Architectures that the machine takes from here; empty means all that the archive has."""
    check_valid_until: bool = True
    """False for an archive that is frozen on purpose, such as a snapshot."""
    source: str = DEBIAN
    """What locks call it."""


def archives_for(suite: str, *, configured: Sequence[Archive], apt_root: Path = Path("/")) -> tuple[Archive, ...]:
    """Give the archives of a suite, of its updates and of its security updates.

    modelpack's own settings come before apt's files. When neither has the suite, the addresses of another
    suite are taken with the suite's name in place of the other's: a mirror carries all suites.

    Args:
        suite: code name, such as ``bookworm``.
        configured: what modelpack's settings say.
        apt_root: root of the file system that apt's files are read from.

    Raises:
        ResolveError: no archive is configured, or a file of apt's cannot be read.
    """
    machine = _machine_suite(apt_root)
    for find in (lambda: configured, lambda: _apt_archives(apt_root)):
        archives = _merged(find())
        found = _of_suite(suite, archives) or _derived(suite, archives, machine)
        if found:
            return found
    raise ResolveError(
        f"no Debian archive is configured on this machine: {suite} is needed",
        hint="add it to ~/.config/modelpack/config.toml",
        details=(
            "[[debian.archives]]",
            'uri = "address of a Debian mirror"',
            f'suite = "{suite}"',
            'components = ["main"]',
            'keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"',
        ),
    )


def named(names: Sequence[str], *, configured: Sequence[Archive]) -> tuple[Archive, ...]:
    """Give the archives that specs name, beside those of Debian.

    Raises:
        ResolveError: this machine has no archive of a name.
    """
    known = {archive.source for archive in configured}
    for name in names:
        if name not in known:
            raise ResolveError(
                f"this machine has no source of Debian packages that is called {name}",
                hint="add it to ~/.config/modelpack/config.toml",
                details=(
                    "[[debian.sources]]",
                    f'name = "{name}"',
                    'uri = "address of the archive, which holds dists and pool"',
                    'suite = "stable"',
                    'components = ["main"]',
                    'keyring = "/etc/apt/keyrings/the-key-that-signs-it.gpg"',
                ),
            )
    return tuple(archive for archive in configured if archive.source in names)


def _of_suite(suite: str, archives: Sequence[Archive]) -> tuple[Archive, ...]:
    """Choose what serves a suite; nothing without the suite itself."""
    found = [archive for archive in archives if _stem(archive.suite) == suite]
    if not any(archive.suite == suite for archive in found):
        return ()
    return tuple(_preferred(found))


def _preferred(archives: Sequence[Archive]) -> Iterator[Archive]:
    """Leave out foreign archives that carry a suite of the same name, where there is one of Debian's."""
    debian = {archive.suite for archive in archives if _is_debian(archive)}
    return (archive for archive in archives if _is_debian(archive) or archive.suite not in debian)


def _is_debian(archive: Archive) -> bool:
    return archive.keyring is None or Path(archive.keyring.strip()).name.startswith("debian-archive")


def _derived(suite: str, archives: Sequence[Archive], machine: str | None) -> tuple[Archive, ...]:
    """Swap the suite of another suite's archives."""
    stems = dict.fromkeys(_stem(archive.suite) for archive in archives)
    families = [(stem, family) for stem in stems if (family := _of_suite(stem, archives))]
    if not families:
        return ()
    other, family = min(families, key=lambda item: (item[0] != machine, -len(item[1])))
    swapped = (replace(archive, suite=suite + archive.suite.removeprefix(other)) for archive in family)
    return tuple(archive for archive in swapped if archive.suite == suite or suite not in ROLLING)


def _stem(suite: str) -> str:
    for sibling in _SIBLINGS:
        suite = suite.removesuffix(sibling)
    return suite


def _merged(archives: Iterable[Archive]) -> tuple[Archive, ...]:
    """Join entries that differ in their components alone."""
    merged: dict[Archive, tuple[str, ...]] = {}
    for archive in archives:
        bare = replace(archive, uri=archive.uri.rstrip("/"), components=())
        merged[bare] = (*merged.get(bare, ()), *archive.components)
    return tuple(
        replace(archive, components=tuple(dict.fromkeys(components))) for archive, components in merged.items()
    )


def _machine_suite(root: Path) -> str | None:
    try:
        text = (root / "etc/os-release").read_text(encoding="utf-8")
    except OSError:
        return None
    match = re.search(r'^VERSION_CODENAME="?([a-z]+)', text, re.MULTILINE)
    return match[1] if match else None


def _apt_archives(root: Path) -> Iterator[Archive]:
    """Read apt's files; archives without the component main are not Debian's."""
    folder = root / "etc/apt/sources.list.d"
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    files = [path for path in entries if _FILE_NAME.fullmatch(path.name)]
    for path in (root / "etc/apt/sources.list", *files):
        read = _read_deb822 if path.suffix == ".sources" else _read_lines
        for archive in read(_text(path)):
            for uri in _addresses(archive.uri, root):
                if "main" in archive.components:
                    yield replace(archive, uri=uri)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ResolveError(f"{path} cannot be read: {error.strerror}") from error


def _addresses(uri: str, root: Path) -> tuple[str, ...]:
    """Give what can be read; of a list of mirrors the first."""
    if uri.startswith("mirror+file:"):
        listed = _text(root / uri.removeprefix("mirror+file:").lstrip("/")).splitlines()
        names = [line.split()[0] for line in listed if line.strip() and not line.startswith("#")]
        return next((found for name in names if (found := _addresses(name, root))), ())
    if uri.startswith("file:"):
        return ("file:///" + uri.removeprefix("file:").lstrip("/"),)
    return (uri,) if uri.startswith(("http://", "https://")) else ()


def _read_lines(text: str) -> Iterator[Archive]:
    for line in text.splitlines():
        match = _LINE.fullmatch(line.partition("#")[0].strip())
        if match is None:
            continue
        options = dict(item.split("=", 1) for item in (match["options"] or "").split() if "=" in item)
        fields = {name.lower(): value.replace(",", " ") for name, value in options.items()}
        yield from _entry(
            {
                "uris": match["uri"],
                "suites": match["suite"],
                "components": match["components"],
                "architectures": fields.get("arch", ""),
                **fields,
            }
        )


def _read_deb822(text: str) -> Iterator[Archive]:
    for fields in debian_control.paragraphs(text):
        if fields.get("enabled", "").lower() not in _NO and "deb" in fields.get("types", "").split():
            yield from _entry(fields)


def _entry(fields: Mapping[str, str]) -> Iterator[Archive]:
    """Give an archive for each address and suite; ``trusted=yes`` never stands for a signature."""
    if fields.get("trusted", "").lower() in _NO:
        return
    for uri in fields.get("uris", "").split():
        for suite in fields.get("suites", "").split():
            yield Archive(
                uri=uri,
                suite=suite,
                components=tuple(fields.get("components", "").split()),
                keyring=fields.get("signed-by") or None,
                architectures=tuple(fields.get("architectures", "").split()),
                check_valid_until=fields.get("check-valid-until", "").lower() not in _NO,
            )
