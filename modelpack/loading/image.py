"""The ``base.image`` of a spec: a path or the name of an image."""

from __future__ import annotations

from modelpack.images.reference import parse
from modelpack.loading.shape_reader import Value
from modelpack.loading.sources import Folder, exists, find_source
from modelpack.loading.yamlfile import Findings, join_path, show
from modelpack.spec import BaseImage


def read_image(base: Value, folder: Folder, findings: Findings) -> BaseImage | None:
    """Read the keys ``image`` and ``digest`` of ``base``; None when there are none, or they are wrong.

    With a digest, a path need not exist: then whatever has the image will do.

    Args:
        base: of the key ``base``.
        folder: where relative paths begin.
        findings: takes what is wrong.
    """
    value, digest = base.fields.get("image"), base.get_text("digest")
    if value is None:
        if digest and "image" not in base.wrong:
            path = join_path(base.path, "digest")
            findings.add(base.fields["digest"].place, "there is no image that it is of", path=path)
        return None
    if value.text.startswith(("./", "../", "/")):
        place = folder.path / value.text
        if digest and not exists(place):
            return BaseImage(name=place.name, path=place, digest=digest)
        source = find_source(value, folder, findings)
        return BaseImage(name=source.path.name, path=source.path, digest=digest) if source else None
    found = parse(value.text, digest)
    if found is None:
        here = exists(folder.path / value.text)
        hint = f"write ./{value.text} for a file" if here else "such as team/base:1, or ./base.tar for a file"
        findings.add(value.place, f"not the name of an image: {show(value.text)}", hint, path=value.path)
    return found
