"""Models and inputs of the native spec: files and folders, here or by address, and where the image shows them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from modelpack import places
from modelpack.loading.shape_reader import Value
from modelpack.loading.sources import Folder, find_source
from modelpack.loading.yamlfile import Findings, join_path
from modelpack.spec import Remote, Source

_PLACE = "MP405"
_ARCHIVE = re.compile(r"\.(zip|tar|tgz|tbz2|txz|tar\.(gz|bz2|xz))$", re.IGNORECASE)


def read_asset(value: Value, folder: Folder, findings: Findings) -> Source | None:
    """Give a source; None when something is wrong with it, which is then found."""
    if "path" in value.fields:
        return find_source(value.fields["path"], folder, findings)
    if "url" not in value.fields or "sha256" not in value.fields:
        return None
    url, unpack = value.fields["url"], value.get_text("unpack") == "true"
    name = Path(unquote(urlsplit(url.text).path)).name
    if not name or name in (".", ".."):
        findings.add(url.place, "an address that ends in no file name", path=url.path)
        return None
    name = _ARCHIVE.sub("", name) or name if unpack else name
    sha256 = value.fields["sha256"].text.removeprefix("sha256:").lower()
    return Source(path=Path(name), key=value.path, remote=Remote(url=url.text, sha256=sha256, unpack=unpack))


def read_mounts(assets: Iterable[tuple[Value, str]], findings: Findings) -> dict[str, str]:
    """Give the links of the image to assets that have a ``mount_path``.

    Args:
        assets: each with what it is in the package, such as ``@model@/wine.pkl``.
        findings: takes paths that cannot be.
    """
    links: dict[str, str] = {}
    for value, target in assets:
        mount = value.fields.get("mount_path")
        if mount is None:
            continue
        path = mount.text
        if path.endswith("/") and path != "/" and "/" in target:
            path = posixpath.join(path, target.rpartition("/")[2])
        where = join_path(value.path, "mount_path")
        fault = places.judge(path, image=False)
        other = next((other for other in links if _overlap(path, other)), None)
        if fault:
            findings.add(mount.place, fault, path=where, code=_PLACE)
        elif other:
            message = f"{path} is the place of another one, above it or below it: {other}"
            findings.add(mount.place, message, "give each a path of its own", path=where, code=_PLACE)
        else:
            links[path] = target
    return links


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
