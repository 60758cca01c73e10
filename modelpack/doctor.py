"""What this machine has for building packages, what it lacks, and the fix."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from modelpack import emulation
from modelpack.errors import ModelpackError
from modelpack.loading.keys import PLATFORMS
from modelpack.settings import Settings, cache_dir
from modelpack.store.nix import Nix, system

_OLDEST_NIX = (2, 8)
_LEAST_FREE = 5 * 10**9  # bytes; a package with torch takes about that


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: str
    """``ok``, ``missing`` (nothing can be built without it) or ``optional`` (something is less convenient)."""
    found: str
    fix: str | None = None


def examine(settings: Settings, nix: Nix) -> tuple[Finding, ...]:
    """Look at everything; never raises for what it finds."""
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _system,
        _nix,
        _sandbox,
        _signatures,
        lambda: _archives(settings),
        _uv,
        lambda: _space(nix),
        _platforms,
        _optional,
    )
    return tuple(finding for look in looks for finding in look())


def _system() -> Iterator[Finding]:
    try:
        yield Finding(what="system", state="ok", found=system())
    except ModelpackError as error:
        yield Finding(what="system", state="missing", found=error.message, fix=error.hint)


def _nix() -> Iterator[Finding]:
    text = _output("nix-build", "--version")
    match = re.search(r"(\d+)\.(\d+)[.\d]*", text or "")
    if text is None or match is None:
        fix = "install Nix 2.8 or later; on Debian and Ubuntu: apt-get install nix-bin"
        yield Finding(what="nix", state="missing", found="not on this machine", fix=fix)
    elif (int(match[1]), int(match[2])) < _OLDEST_NIX:
        yield Finding(what="nix", state="missing", found=match[0], fix="install Nix 2.8 or later")
    else:
        yield Finding(what="nix", state="ok", found=match[0])


def _sandbox() -> Iterator[Finding]:
    if _succeeds("unshare", "--user", "--map-root-user", "--mount", "--net", "true"):
        yield Finding(what="sandbox", state="ok", found="user, mount and network namespaces can be made")
        return
    knobs = {
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": (
            "1",
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        "/proc/sys/kernel/unprivileged_userns_clone": ("0", "sysctl kernel.unprivileged_userns_clone=1"),
        "/proc/sys/user/max_user_namespaces": ("0", "sysctl user.max_user_namespaces=15000"),
    }
    fixes = [fix for path, (value, fix) in knobs.items() if _read(path) == value]
    yield Finding(
        what="sandbox",
        state="missing",
        found="this process may not make namespaces",
        fix=(
            f"as root: {fixes[0]}" if fixes else "run where user namespaces are allowed (containers often forbid them)"
        )
        + "; or build with --no-sandbox, which marks the package as not hermetic",
    )


def _signatures() -> Iterator[Finding]:
    program = next((name for name in ("gpgv", "sqv") if shutil.which(name)), None)
    if program:
        yield Finding(what="signatures", state="ok", found=program)
    else:
        yield Finding(what="signatures", state="missing", found="neither gpgv nor sqv", fix="install gpgv")


def _archives(settings: Settings) -> Iterator[Finding]:
    lists = Path("/etc/apt")
    if settings.archives:
        yield Finding(what="debian archives", state="ok", found=f"{len(settings.archives)} in modelpack's settings")
    elif any(lists.glob("sources.list*")):
        yield Finding(what="debian archives", state="ok", found="those of apt")
    else:
        yield Finding(
            what="debian archives",
            state="missing",
            found="none is configured",
            fix="name one in ~/.config/modelpack/config.toml: [[debian.archives]] uri, suite, components, keyring",
        )


def _uv() -> Iterator[Finding]:
    try:
        import uv  # noqa: PLC0415 - only asked here

        text = _output(uv.find_uv_bin(), "--version")
    except (ImportError, FileNotFoundError):
        text = None
    if text:
        yield Finding(what="uv", state="ok", found=text.removeprefix("uv ").split(" (")[0])
    else:
        yield Finding(what="uv", state="missing", found="not installed", fix="pip install uv")


def _space(nix: Nix) -> Iterator[Finding]:
    for what, folder in (("space for the store", nix.store or Path("/nix")), ("space for downloads", cache_dir())):
        place = next(path for path in (folder, *folder.parents) if path.exists())
        free = shutil.disk_usage(place).free
        state, fix = ("ok", None) if free >= _LEAST_FREE else ("optional", f"free some space below {place}")
        yield Finding(what=what, state=state, found=f"{free / 1e9:.1f} GB free", fix=fix)


def _platforms() -> Iterator[Finding]:
    for platform in PLATFORMS:
        try:
            found = emulation.obstacle(platform)
        except ModelpackError:  # said by the first look
            return
        what = f"checks for {platform}"
        if found:
            fix = f"packages for {platform} are built unchecked here; {found.hint}"
            yield Finding(what=what, state="optional", found=found.message, fix=fix)
        else:
            yield Finding(what=what, state="ok", found="its programs start here")


def _optional() -> Iterator[Finding]:
    for program, use in (
        ("podman", "runs an exported image here"),
        ("skopeo", "copies an exported image to a registry"),
        ("bwrap", "runs a rootfs export without root"),
    ):
        found = shutil.which(program)
        if found:
            yield Finding(what=program, state="ok", found=found)
        else:
            yield Finding(
                what=program, state="optional", found="not on this machine", fix=f"install {program}; it {use}"
            )


def _output(*command: str) -> str | None:
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout.strip() if run.returncode == 0 else None


def _succeeds(*command: str) -> bool:
    return _output(*command) is not None


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def to_json(finding: Finding) -> dict[str, str | None]:
    """Give a finding as a JSON value."""
    return {"what": finding.what, "state": finding.state, "found": finding.found, "fix": finding.fix}


def text(findings: tuple[Finding, ...]) -> str:
    """Give the findings as people read them, one a line, with the fix below."""
    width = max(len(finding.what) for finding in findings)
    words = {"ok": "ok      ", "missing": "MISSING ", "optional": "optional"}
    lines = []
    for finding in findings:
        lines.append(f"{words[finding.state]}  {finding.what.ljust(width)}  {finding.found}")
        if finding.fix:
            lines.append(f"{' ' * (width + 12)}{finding.fix}")
    return "\n".join(lines)
