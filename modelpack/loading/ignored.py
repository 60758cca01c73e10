"""The key ``findings`` of a spec: kinds of findings that are meant."""

from __future__ import annotations

from modelpack.findings.silencing import NO_REASON
from modelpack.loading.shape_reader import Value, near
from modelpack.loading.yamlfile import Findings


def read_ignored(root: Value, findings: Findings) -> dict[str, str]:
    """Give the reasons by code.

    Args:
        root: the whole spec.
        findings: takes codes that there are not, and those that nothing can go on from.
    """
    value = root.fields.get("findings")
    items = value.fields["ignore"].items if value and "ignore" in value.fields else ()
    if not items:
        return {}
    from modelpack.findings.codes import kinds  # noqa: PLC0415 - hardly any spec has it

    found = {}
    for item in items:
        code = item.get_text("code")
        if code is None:
            continue
        if code not in kinds():
            findings.add(item.place, f"no finding has this code: {code}", near(code, kinds()), path=item.path)
        elif kinds()[code].firm:
            message = f"cannot be silenced, nothing can go on from it: {code}"
            findings.add(item.place, message, f"modelpack explain {code} says what to do", path=item.path)
        found[code] = item.get_text("reason") or NO_REASON
    return found
