"""What was current when a model was saved, where its environment leaves it open and newer versions break older ones.

Distributions of those years require numpy without an upper bound: they were made before anyone knew where one is.
"""

from __future__ import annotations

from collections.abc import Iterable

from modelpack.loading.mlflow.mlmodel import MLmodel
from modelpack.loading.requirements import distribution
from modelpack.loading.yamlfile import Findings
from modelpack.spec import Requirement

_NUMPY = (
    ("2022-12-18", "1.24", (3, 11), "has no np.float and other names that older libraries use"),
    ("2024-06-16", "2", (3, 12), "does not go with libraries compiled before it"),
)
"""Day of a release, the release, the newest Python that has wheels of the ones before it, and what it broke."""


_FIRST_WITH_VERSION = "2022-02-27"
"""Day of MLflow 1.24, the first that writes its version into MLmodel."""


def hold_numpy(
    model: MLmodel, python: str, named: Iterable[Requirement], findings: Findings
) -> tuple[Requirement, ...]:
    """Give the bound of numpy that held when the model was saved; nothing when its environment says one itself.

    Args:
        model: says when it was saved.
        python: that serves; one too new for the numpy of that time was asked for on purpose.
        named: requirements and constraints of the environment.
        findings: takes what was decided.
    """
    saved = model.values.get("utc_time_created")
    if saved is None or any(distribution(item.text) == "numpy" for item in named):
        return ()
    version = tuple(int(part) for part in python.split("."))
    # What has no version is older than the first that wrote it, on whichever day it was saved.
    made = saved.text[:10] if model.version else min(saved.text[:10], _FIRST_WITH_VERSION)
    for day, release, newest, broken in _NUMPY:
        if made < day and version <= newest:
            note = f"numpy<{release} is taken, as of the day that the model was saved: numpy {release} {broken}"
            findings.note(saved.place, note, "require a version of numpy to have another", path=saved.path)
            return (Requirement(text=f"numpy<{release}", origin=f"MLmodel:{saved.place.line}"),)
    return ()
