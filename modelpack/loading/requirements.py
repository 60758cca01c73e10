"""Requirements as people write them, one by one: PEP 508, a path, an address, a repository."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from modelpack.loading.yamlfile import Fault, quote, show

ARCHIVES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz")
_VERSION_CONTROL = re.compile(r"(git|hg|svn|bzr)\+|git@[\w.-]+:|git://")
_STUBS = {
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "pytorch": "torch",
}
"""Distributions that hold nothing, and fail where something is installed from them."""


def is_path(text: str) -> bool:
    """Tell a path on this machine from a requirement, an address or a repository."""
    if re.match(r"file:|\.{1,2}(/|$)|/|~", text):
        return True
    bare = re.sub(r"\[[^\]]*\]$", "", text.partition(" ;")[0].strip())
    return bare.lower().endswith(ARCHIVES) and "://" not in text and "@" not in text


def bad_address(text: str) -> str | None:
    """Say that an address in a text is none; None when it may be one, or there is none."""
    from modelpack.web.credentials import redact  # noqa: PLC0415 - only for what is refused

    match = re.search(r"(?<![\w+.-])[A-Za-z][\w+.-]*+://\S*", text)
    address = match[0] if match else ""
    try:
        parts = urlsplit(address)
        if parts.scheme in ("http", "https"):
            _ = parts.port
    except ValueError as error:
        reason = str(error)
        return f"not an address: {quote(redact(address))}: {reason[:1].lower()}{reason[1:]}"
    return None


def judge_requirement(text: str) -> Fault | None:
    """Say what is wrong with a PEP 508 requirement that comes from an index."""
    from packaging.requirements import Requirement  # noqa: PLC0415 - costs start-up time

    if is_path(text):
        return f"expected a requirement, found a path: {quote(text)}", "packages come from the package indexes"
    if _VERSION_CONTROL.match(text) or re.match(r"[a-z]+://", text):
        return judge_address(text, text)
    try:
        requirement = Requirement(text)
    except ValueError as error:  # InvalidRequirement, or a version of thousands of digits
        hint = _repair(text)
        reason = str(error).split("\n", 1)[0]
        why = "" if hint else f": {reason[:1].lower()}{reason[1:]}"
        return f"not a requirement: {quote(text)}{why}", hint
    if requirement.url:
        return judge_address(text, requirement.url)
    if requirement.name.lower() == "python":
        return f"not a package: {quote(text)}", f"write python: {'.'.join(re.findall('[0-9]+', text)[:2]) or '3.11'}"
    return None


def judge_address(text: str, url: str) -> Fault:
    """Say why what stands at an address or in a repository is not taken from there, and what to do instead."""
    from modelpack.web.credentials import redact  # noqa: PLC0415 - only for what is refused

    shown = quote(redact(text))
    if _VERSION_CONTROL.match(url):
        return (
            f"names a repository, of which no digest is known: {shown}",
            "clone it beside the spec and require its folder",
        )
    name = urlsplit(url).path.rpartition("/")[2] or "the file"
    return (
        f"names an address, and locks name no hosts: {shown}",
        f"download {quote(name)[1:-1]} and require the file: ./{quote(name)[1:-1]}",
    )


def stub_hint(name: str) -> str | None:
    """Give the distribution that is meant by the name of a stub; None for all other names."""
    return _STUBS.get(name.lower())


def distribution(text: str) -> str:
    """Give the normalized name of the distribution that a PEP 508 requirement asks for (PEP 503)."""
    match = re.match(r"\s*([A-Za-z0-9._-]+)", text)
    return re.sub(r"[-_.]+", "-", match[1]).lower() if match else ""


def _repair(text: str) -> str | None:
    """Give the hint for conda's ``name=1.0``, for ``name 1.0``, for turned operators and for commands."""
    if item := re.fullmatch(r"[!%]?\s*(?:python3? -m )?pip3? install (?:-[A-Za-z-]+ )*([^-\s]\S*)", text):
        return f"write {show(item[1])} alone: a line is a requirement, not a command"
    if item := re.fullmatch(r"""\[?\s*(['"])(.+?)\1\s*[,\]]*""", text):
        return f"write {show(item[2])} alone, without quotes and commas"
    match = re.fullmatch(r"([A-Za-z0-9._-]+?)\s*(=>|=<|[= ])\s*([0-9][A-Za-z0-9.*]*)(=\w+)?", text)
    if match is None:
        return None
    if match[1].lower() == "python":
        return f"write python: {'.'.join(match[3].split('.')[:2])}"
    operator = {"=>": ">=", "=<": "<="}.get(match[2], "==")
    return f"did you mean {match[1]}{operator}{match[3]}?"
