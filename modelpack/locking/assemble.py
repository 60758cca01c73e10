"""The lock out of its parts."""

from __future__ import annotations

from collections.abc import Mapping

from modelpack import injection, places
from modelpack.images import locked as locked_image
from modelpack.lock import Digests, Lock, LockedImage, LockedWeights, Python, Tree
from modelpack.lockfile import VERSION
from modelpack.locking import samples
from modelpack.locking.pins import Distributions, Pins, base_digest, python_digest, requirements
from modelpack.spec import Spec
from modelpack.store.nix import system


def assemble(
    spec: Spec, trees: Mapping[str, Tree], pins: Pins, found: Distributions, weights: LockedWeights | None = None
) -> Lock:
    """Give the lock of a spec from what was found.

    Raises:
        SpecError: links that lead to nothing.
    """
    names = [name for name in trees if name != "samples"]
    links = injection.links(spec)
    places.require(links, names, image=spec.base.image is not None, where=spec.path.name)
    return Lock(
        version=VERSION,
        name=spec.name,
        package_version=spec.version,
        description=spec.description,
        platform=spec.platform,
        build_system=system(),
        digests=Digests(
            python=python_digest(spec, pins, trees),
            base=base_digest(spec, pins.interpreter),
            interpreter=pins.interpreter_digest,
            image=locked_image.digest(spec),
        ),
        environment_variables=spec.environment_variables,
        server=injection.resolve_server(spec),
        check=samples.check(spec),
        image=LockedImage(user=spec.image.user, labels=spec.image.labels, compression=spec.image.compression),
        trees=trees,
        python=Python(
            version=spec.python,
            requirements=requirements(spec),
            wheels=found.wheels,
            build=found.build,
            interpreter=pins.interpreter,
        ),
        base=pins.base,
        image_base=pins.image,
        weights=weights,
        links=links or None,
        file_conflicts=dict(spec.file_conflicts) or None,
    )
