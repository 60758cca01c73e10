"""pip's configuration files and environment, read the way pip reads them, without pip.

Only what tells where packages are and how to reach them is asked for here: ``index-url``,
``extra-index-url``, ``find-links``, ``no-index``, ``cert``, ``client-cert``, ``proxy``, ``trusted-host``.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

SECTIONS = ("global", "install")
"""In order of precedence: the later one wins, as for ``pip install``."""


def read() -> Mapping[str, str]:
    """Give the settings in force by option name (``index-url``): files first, then ``PIP_*`` variables."""
    settings: dict[str, str] = {}
    for path in config_files():
        settings.update(_read_file(path))
    for name, value in os.environ.items():
        if name.startswith("PIP_") and value:
            settings[name[4:].lower().replace("_", "-")] = value
    return settings


def words(settings: Mapping[str, str], option: str) -> tuple[str, ...]:
    """Give the words of an option that takes several."""
    return tuple(settings.get(option, "").split())


def switch(settings: Mapping[str, str], option: str) -> bool:
    """Tell whether an option that is a switch is on."""
    return settings.get(option, "").strip().lower() in {"1", "true", "yes", "on", "t", "y"}


def config_files() -> Iterator[Path]:
    """Give the files that pip would read, the strongest last: global, user, site, ``PIP_CONFIG_FILE``."""
    named = os.environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    for folder in reversed(os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")):
        yield Path(folder, "pip", "pip.conf")
    yield Path("/etc/pip.conf")
    home = Path("~").expanduser()
    yield home / ".pip" / "pip.conf"
    yield Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config", "pip", "pip.conf")
    yield Path(os.environ.get("VIRTUAL_ENV") or sys.prefix, "pip.conf")
    if named:
        yield Path(named)


def _read_file(path: Path) -> dict[str, str]:
    """Read one file; one that is absent or that pip would refuse says nothing."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return {}
    values: dict[str, str] = {}
    for section in SECTIONS:
        if parser.has_section(section):
            values.update({name.replace("_", "-"): value for name, value in parser.items(section)})
    return values
