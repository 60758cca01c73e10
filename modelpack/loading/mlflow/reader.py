"""An MLflow model folder as a spec: nothing to write and nothing to edit."""

from __future__ import annotations

import re
from pathlib import Path

from modelpack import interpreters, settings
from modelpack.catalogue import read_entry
from modelpack.errors import ModelpackError
from modelpack.loading.check import read_samples
from modelpack.loading.dependency_files import judge_python
from modelpack.loading.mlflow.environment import libraries, read_environment
from modelpack.loading.mlflow.era import hold_numpy
from modelpack.loading.mlflow.layouts import logged_name, meta
from modelpack.loading.mlflow.mlmodel import FILENAME, MLmodel, read_mlmodel
from modelpack.loading.mlflow.samples import in_its_protocol, samples
from modelpack.loading.mlflow.serving import Serving, choose_python, choose_server
from modelpack.loading.native import this_platform
from modelpack.loading.options import Options
from modelpack.loading.sources import Folder
from modelpack.loading.yamlfile import Findings
from modelpack.spec import Check, Image, Indexes, Requirement, Source, Spec

_REGISTERED = "registered_model_meta"


def load_mlflow(path: Path, options: Options, *, is_asked: bool = False) -> Spec:
    """Read the MLflow model at ``path``, its folder or its MLmodel.

    Args:
        path: of the model.
        options: what the command line adds.
        is_asked: the caller has a request for the check, which is then left empty here.

    Raises:
        SpecError: with all that is wrong with it.
    """
    if options.assets or options.model:
        raise ModelpackError("--assets and --model are not for an MLflow model, which says all itself")
    shown = (path if path.name != FILENAME else path.parent).as_posix()
    at = (path.parent if path.name == FILENAME else path).resolve()
    folder = Folder(path=at, shown="" if shown == "." else f"{shown.rstrip('/')}/", noun="the model folder")
    findings = Findings(first=folder.shown + FILENAME)
    model = read_mlmodel(at / FILENAME, folder, findings)
    spec = _spec(model, folder, options, findings, is_asked=is_asked) if model and model.flavors else None
    findings.raise_any()
    assert spec is not None  # noqa: S101 - else there was a finding
    return spec


def _spec(model: MLmodel, folder: Folder, options: Options, findings: Findings, *, is_asked: bool) -> Spec:
    environment = read_environment(model, folder, findings)
    found = environment.chosen.found if environment.chosen else None
    beside = interpreters.minor_versions(this_platform(), settings.load())
    python, base = choose_python(model, environment, beside, findings)
    serving = choose_server(model, environment, found.requirements if found else libraries(model), python, findings)
    if found:
        judge_python(python, found)
    constraints = tuple(found.constraints) if found else ()
    constraints += hold_numpy(model, python, (*serving.requirements, *constraints), findings)
    name, version = _registered(model.folder)
    name = name or logged_name(model.folder)
    return Spec(
        path=model.path,
        lock_path=model.folder.with_name(f"{model.folder.name}.lock.json"),
        name=options.name or _name(name or model.folder.name),
        version=version or "1",
        description=f"MLflow model with the flavors {', '.join(model.flavors)}",
        models={model.folder.name: Source(path=model.folder, key="model")},
        python=python,
        requirements=serving.requirements,
        constraints=(*constraints, *_pins(environment.pins, (*serving.requirements, *constraints))),
        conda=tuple(found.conda) if found else (),
        channels=tuple(dict.fromkeys(found.channels)) if found else (),
        indexes=found.indexes if found else Indexes(),
        code=None,
        server=serving.server,
        inputs={},
        environment_variables={},
        base=base,
        check=Check(requests=()) if is_asked else _check(serving, model, options, findings),
        image=Image(labels={}),
        platform=this_platform(),
        notices=findings.notices,
    )


def _check(serving: Serving, model: MLmodel, options: Options, findings: Findings) -> Check:
    """Give the check of the request that the user names, in its own protocol, else the model's own."""
    if options.request is None:
        return Check(requests=samples(model, serving.major, findings))
    request = options.request.resolve()
    outside = Folder(path=request.parent, shown=f"{options.request.parent.as_posix()}/".removeprefix("./"))
    check = read_samples(request, None, read_entry(serving.server.name), outside, findings)
    return in_its_protocol(check or Check(requests=()))


def _pins(pins: dict[str, str], requirements: tuple[Requirement, ...]) -> tuple[Requirement, ...]:
    """Give the versions of a uv.lock for what nothing else names; MLflow's own follow from the one that serves."""
    from modelpack.loading.requirements import distribution  # noqa: PLC0415

    named = {distribution(item.text) for item in requirements}
    own = ("mlflow", "mlflow-skinny", "mlflow-tracing")
    free = ((name, version) for name, version in sorted(pins.items()) if name not in named and name not in own)
    return tuple(Requirement(text=f"{name}=={version}", origin="uv.lock:1") for name, version in free)


def _registered(folder: Path) -> tuple[str | None, str | None]:
    """Give name and version that a model registry wrote beside a model."""
    texts = meta(folder / _REGISTERED)
    version = texts.get("model_version")
    return texts.get("model_name"), version if version and re.fullmatch(r"[A-Za-z0-9][\w.-]*", version) else None


def _name(text: str) -> str:
    """Give the package's name for a name of any kind."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:100] or "model"
