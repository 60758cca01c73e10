"""What to do about a check that failed, read from the server's own log."""

from __future__ import annotations

import re

from modelpack.errors import CheckError, ModelpackError
from modelpack.lock import DebianBase
from modelpack.locking import Machine

_MODULE = re.compile(r"No module named '([^']+)'")
_LIBRARY = re.compile(r"(?:ImportError|OSError): ([^\s:]+\.so[.\d]*): cannot open shared object file")


def explain(error: CheckError, base: DebianBase, machine: Machine) -> CheckError:
    """Give the error again with a hint that fits its log."""
    log = "\n".join(error.details)
    library, module = _LIBRARY.search(log), _MODULE.search(log)
    if library:
        hint = _library_hint(library[1], base, machine)
    elif module:
        hint = f"no locked distribution has the module {module[1]}: add the one that does to requirements"
    else:
        hint = None
    return CheckError(error.message, details=error.details, hint=hint)


def _library_hint(name: str, base: DebianBase, machine: Machine) -> str:
    packages = _packages_with(name, base, machine)
    if not packages:
        return f"the base lacks {name}: add the Debian package that has it to base.packages"
    others = f" (also in {', '.join(packages[1:4])})" if len(packages) > 1 else ""
    return f"the base lacks {name}, which Debian has in {packages[0]}{others}: add it to base.packages"


def _packages_with(name: str, base: DebianBase, machine: Machine) -> tuple[str, ...]:
    """Ask the archive's index of files; without one, say nothing rather than guess."""
    from modelpack.debian import index as debian_index  # noqa: PLC0415 - only for failures
    from modelpack.debian.contents import packages_with_libraries  # noqa: PLC0415
    from modelpack.debian.release import Access  # noqa: PLC0415
    from modelpack.debian.sources import archives_for  # noqa: PLC0415
    from modelpack.web import http  # noqa: PLC0415 - only for failures

    access = Access(cache=machine.cache / "debian", read=http.read, progress=machine.progress)
    try:
        archives = archives_for(base.suite, configured=machine.settings.archives)
        releases = debian_index.load_releases(archives, access)
        return packages_with_libraries((name,), releases, base.target.architecture, access).get(name, ())
    except ModelpackError:
        return ()
