"""What to do about a check or a build from source that failed, read from its own log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelpack.errors import CheckError, ModelpackError, SourceBuildError
from modelpack.lock import DebianBase, Lock
from modelpack.progress import Progress
from modelpack.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

Access = tuple[Settings, "Path", Progress]
"""What asking the archive takes: settings, cache and whom to tell."""

_MODULE = re.compile(r"No module named '([^']+)'")
_HEADER = re.compile(r"fatal error: ([\w./+-]+): No such file or directory")
_LINKED = re.compile(r"cannot find -l([\w.+-]+)")
_PROGRAM = re.compile(r"(?:command '?|No such file or directory: '|Could not find |Unable to find )([\w.+-]+)")
_LIBRARY = re.compile(r"(?:ImportError|OSError): ([^\s:]+\.so[.\d]*): cannot open shared object file")

_NAME = re.compile(r"cannot import name '([^']+)' from '([^']+)'")
_NUMPY = re.compile(r"numpy\.\w+ size changed|compiled using NumPy 1\.x cannot be run in")
_WRITTEN = re.compile(r"(?:PermissionError|OSError): \[Errno (?:13|30)\] [^:\n]+: '([^']+)'")
_RUN = re.compile(r"_execute_child(?s:.*)No such file or directory: '([\w.+-]+)'|: ([\w.+-]+): (?:command )?not found")
_OFFLINE = re.compile(
    r"Name or service not known|[Ff]ailure in name resolution|Failed to resolve|Network is unreachable"
)


def explain(error: CheckError, base: DebianBase, access: Access) -> CheckError:
    """Give the error again with a hint that fits its log."""
    log = "\n".join(error.details)
    library, module = _LIBRARY.search(log), _MODULE.search(log)
    hint: str | None
    if library:
        hint = _library_hint(library[1], base, access)
    elif module:
        hint = _module_hint(module[1])
    elif name := _NAME.search(log):
        top = name[2].partition(".")[0]
        hint = f"the version of {top} that was resolved has no {name[1]}: require one that has it"
    elif _NUMPY.search(log):
        hint = "a wheel was built for NumPy 1, and NumPy 2 was resolved: require numpy<2"
    elif _OFFLINE.search(log):
        hint = (
            "the server asks the network while it starts or answers, and the check has none: "
            "put what it fetches into the package, or pack it unchecked with check: false"
        )
    elif written := _WRITTEN.search(log):
        hint = f"{written[1]} cannot be written to where the package is served: write below /tmp"
    elif "No such file or directory: '/bin/sh'" in log:
        hint = "there is no /bin/sh in the check: start programs without a shell (shell=True, os.system)"
    elif program := _RUN.search(log):
        hint = _program_hint(program[1] or program[2], base, access)
    else:
        hint = error.hint
    return CheckError(error.message, details=error.details, hint=hint)


def explain_source(error: SourceBuildError, lock: Lock, access: Access) -> SourceBuildError:
    """Give the error of a build from source again, with a hint that fits its log."""
    log = "\n".join(error.details)
    base, own = lock.base, any(wheel.name == error.name and wheel.tree for wheel in lock.python.wheels)
    header, linked, module = _HEADER.search(log), _LINKED.search(log), _MODULE.search(log)
    if header or linked:
        name = header[1] if header else f"lib{linked[1]}.so" if linked else ""
        found = [item for item in _packages_with(name, base, access) if item.endswith("-dev")]
        what = f", which Debian has in {found[0]}" if found else ""
        package = found[0] if found else "the Debian package that has it"
        hint: str | None = f"the build lacks {name}{what}: write base: {{build_packages: [{package}]}}"
    elif module and own:
        hint = f"add the distribution that has the module {module[1]} to build-system.requires in its pyproject.toml"
    elif module:
        hint = f"its build-system.requires lacks what has the module {module[1]}: take a version that has a wheel"
    elif program := _PROGRAM.search(log):
        hint = f"the build may lack the program {program[1]}: name its Debian package in base.build_packages"
    else:
        hint = None
    return SourceBuildError(error.message, name=error.name, hint=hint or error.hint, details=error.details)


def _module_hint(module: str) -> str:
    from modelpack.findings.modules import DISTRIBUTIONS, distributions  # noqa: PLC0415 - only for failures

    known = module in DISTRIBUTIONS or module.partition(".")[0] in DISTRIBUTIONS
    what = distributions(module)[0] if known else "the one that does"
    return f"no locked distribution has the module {module}: add {what} to requirements"


def _program_hint(name: str, base: DebianBase, access: Access) -> str:
    packages = _packages_with(f"bin/{name}", base, access)
    known = f", which Debian has in {packages[0]}" if packages else ""
    return f"the package has no program {name}{known}: add what has it to base.packages, or to requirements"


def _library_hint(name: str, base: DebianBase, access: Access) -> str:
    packages = _packages_with(name, base, access)
    if not packages:
        return f"the base lacks {name}: add the Debian package that has it to base.packages"
    others = f" (also in {', '.join(packages[1:4])})" if len(packages) > 1 else ""
    return f"the base lacks {name}, which Debian has in {packages[0]}{others}: add it to base.packages"


def _packages_with(name: str, base: DebianBase, access: Access) -> tuple[str, ...]:
    """Ask the archive's index of files; without one, say nothing rather than guess."""
    from modelpack.debian import index as debian_index  # noqa: PLC0415 - only for failures
    from modelpack.debian.contents import packages_with_libraries  # noqa: PLC0415
    from modelpack.debian.release import Access as ReleaseAccess  # noqa: PLC0415
    from modelpack.debian.sources import archives_for  # noqa: PLC0415
    from modelpack.web import http  # noqa: PLC0415 - only for failures

    settings, cache, progress = access
    reading = ReleaseAccess(cache=cache / "debian", read=http.read, progress=progress)
    try:
        archives = archives_for(base.suite, configured=settings.archives)
        releases = debian_index.load_releases(archives, reading)
        return packages_with_libraries((name,), releases, base.target.architecture, reading).get(name, ())
    except ModelpackError:
        return ()
