"""Names of images as engines write them: ``[HOST[:PORT]/]NAME[:TAG][@sha256:DIGEST]``."""

from __future__ import annotations

import re

from modelpack.spec import BaseImage

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:(?P<host>localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+(?=:[0-9]))"
    rf"(?P<port>:[0-9]+)?/)?(?P<name>{_PART}(?:/{_PART})*)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{{0,127}}))?"
    rf"(?:@(?P<digest>sha256:[0-9a-f]{{64}}))?"
)


def parse(text: str, digest: str | None = None) -> BaseImage | None:
    """Read an image's name; None when it is none.

    Args:
        text: the name.
        digest: what the image has to be, if it is said beside the name; one in the name must be the same.
    """
    found = _REFERENCE.fullmatch(text)
    if found is None or (digest and found["digest"] and found["digest"] != digest):
        return None
    name = f"{found['name']}:{found['tag']}" if found["tag"] else found["name"]
    host = f"{found['host']}{found['port'] or ''}" if found["host"] else None
    return BaseImage(name=name, host=host, digest=digest or found["digest"])


def split(name: str) -> tuple[str, str]:
    """Give repository and tag of a name without host."""
    repository, _, tag = name.partition(":")
    return repository, tag or "latest"
