"""Where artifacts may be had."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from modelpack import conda, interpreters, suites
from modelpack.images import locked as locked_image
from modelpack.lock import InterpreterTarball, Wheel
from modelpack.locking.machine import Machine
from modelpack.spec import Spec
from modelpack.store import remote
from modelpack.store.nix import Nix

if TYPE_CHECKING:
    from modelpack.store.download import Sources


def sources(spec: Spec, machine: Machine) -> Sources:
    """Give where artifacts may be had: the machine's own sources, its archives of the suite, and snapshots."""
    from modelpack.debian.sources import archives_for  # noqa: PLC0415 - not for a no-op build
    from modelpack.store.download import Sources  # noqa: PLC0415

    def locate_wheels(wheels: Sequence[Wheel]) -> Mapping[str, str]:
        from modelpack.python.index import locate  # noqa: PLC0415 - only when wheels are missing
        from modelpack.python.scope import Scope  # noqa: PLC0415

        return locate(wheels, python=spec.python, scope=Scope(spec.path.parent, spec.indexes))

    def locate_flake(tarball: InterpreterTarball) -> Iterator[str]:
        from modelpack.flake_python.realise import addresses  # noqa: PLC0415 - only when a flake's Python is missing

        nix = Nix.of(machine.settings, sandbox=machine.sandbox)
        return addresses(spec, tarball, nix, machine.cache)

    settings = machine.settings
    names = {spec.base.suite, *(suites.tools_for(spec.base.suite, python)[0] for python in (spec.python, None))}
    archives = [archive.uri for name in sorted(names) for archive in archives_for(name, configured=settings.archives)]
    archives += [archive.uri for archive in settings.sources if archive.source in spec.base.sources]
    return Sources(
        artifacts=settings.artifacts,
        archives=tuple(dict.fromkeys((*archives, *settings.snapshots))),
        interpreters=interpreters.addresses(spec, settings, lambda source: remote.place(source, machine.cache)),
        locate_flake=locate_flake,
        locate_conda=lambda package: conda.addresses(package, settings.channels),
        locate_wheels=locate_wheels,
        locate_blob=locked_image.locator(spec, settings),
    )
