"""gunicorn without its command line: mlflow's server up to 2.20."""

from __future__ import annotations

import importlib


def serve(application: str, *, port: int, workers: int, timeout: int) -> None:
    """Serve the WSGI application ``module:name``, which each worker imports for itself."""
    from gunicorn.app.base import BaseApplication  # noqa: PLC0415 - not with newer versions of mlflow

    class Server(BaseApplication):
        def load_config(self) -> None:
            settings = {"bind": f"0.0.0.0:{port}", "workers": workers, "timeout": timeout, "accesslog": "-"}
            for name, value in settings.items():
                self.cfg.set(name, value)

        def load(self) -> object:
            module, name = application.split(":")
            return getattr(importlib.import_module(module), name)

    Server().run()
