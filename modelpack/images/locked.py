"""A spec's base image, pinned: when the lock's still holds, and where its blobs may be had."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelpack.lock import ImageBase, Lock
    from modelpack.progress import Progress
    from modelpack.settings import Settings
    from modelpack.spec import Spec

# Imported where an image is asked for: most packages have none, and HTTP and archives take their time.


def digest(spec: Spec) -> str | None:
    """Digest what the image follows from; where it lives is the machine's matter."""
    image = spec.base.image
    if image is None:
        return None
    return hashlib.sha256(json.dumps([image.name, image.digest, spec.platform]).encode()).hexdigest()


def resolve(spec: Spec, previous: Lock | None, settings: Settings, progress: Progress) -> ImageBase | None:
    """Give the image that the lock names: the previous lock's, if it is still of the same spec, or what there is now.

    Raises:
        ResolveError: no place has it, or it cannot be a base.
    """
    image = spec.base.image
    if image is None:
        return None
    if previous and previous.image_base and previous.digests.image == digest(spec):
        return previous.image_base
    from modelpack.images import places  # noqa: PLC0415 - as said above

    task = f"resolving {image.name}"
    progress.start(task, unit="")
    try:
        return places.resolve(image, spec.platform, settings.images)
    finally:
        progress.finish(task)


def locator(spec: Spec, settings: Settings) -> Callable[[str], Iterator[str]]:
    """Give what tells the addresses of a blob by its sha256."""

    def locate(sha256: str) -> Iterator[str]:
        from modelpack.images import places  # noqa: PLC0415 - as said above

        if spec.base.image:
            found = (place.address(sha256) for place in places.places(spec.base.image, settings.images))
            yield from filter(None, found)

    return locate
