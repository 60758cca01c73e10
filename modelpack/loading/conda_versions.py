"""Versions in conda's words, in those of PEP 440."""

from __future__ import annotations

import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet

_LONGEST = 1000
"""Characters of what is still a version."""


def specifiers(version: str) -> SpecifierSet | None:
    """Give the same versions as a PEP 440 specifier set; None when that cannot say it.

    Alternatives (``1.2|1.3``), regular expressions and versions that are none for PEP 440 cannot be said.
    """
    if len(version) > _LONGEST:
        return None
    parts = [part for part in version.split(",") if part not in ("", "*")]
    try:
        return SpecifierSet(",".join(_specifier(part) for part in parts))
    except InvalidSpecifier:
        return None


def _specifier(part: str) -> str:
    match = re.fullmatch(r"(==|>=|<=|!=|~=|=|<|>)?\s*([\w.!+-]+?)(\.?\*)?", part)
    if match is None:
        return part  # which is no specifier
    operator, version, star = match[1] or "==", match[2], match[3]
    if operator == "=":
        return f"=={version}.*"
    if star and operator in ("==", "!="):
        return f"{operator}{version}.*"
    return f"{operator}{version}"
