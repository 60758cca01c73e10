"""Which Python package indexes this machine is configured for, in words that uv understands.

uv's own settings are uv's to read. When they say nothing of indexes, pip's are handed to uv; when those say
nothing either, uv's default index is used. docs/decisions/0003-python-indexes.md has the reasons.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modelpack.python import pip_settings
from modelpack.python.scope import Scope
from modelpack.spec import Indexes
from modelpack.web import credentials

_VARIABLES = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
)
_ADDRESSES = frozenset({"UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL"})
_KEYS = frozenset({"index", "index-url", "extra-index-url", "find-links", "no-index"})
FRESH = 600
"""Seconds for which a page of an index is as good as new; the public index says so of its own, private ones often
say nothing, and each would be read again and again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UvSettings:
    """What uv has to be given so that it asks the right indexes."""

    environment: Mapping[str, str]
    """Variables to add; here and not in the arguments, where everyone on the machine could read passwords."""
    flags: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    """Variables to take away."""

    def applied(self) -> dict[str, str]:
        """Give this process's variables as they are to be for uv."""
        given = {name: text for name, text in os.environ.items() if name not in self.without}
        return {**given, **self.environment}


def for_uv(scope: Scope) -> UvSettings:
    """Give uv's extra settings for a run in the scope's folder (uv reads ``uv.toml`` there and above)."""
    pip = pip_settings.read()
    values = {"UV_PYTHON_DOWNLOADS": "never", **_transport(pip)}
    no_index = bool(os.environ.get("UV_NO_INDEX"))
    if not _uv_has_indexes(scope.folder):
        values.update(_pip_indexes(pip))
        no_index = pip_settings.switch(pip, "no-index")
    values.update(_named_in_files(scope.indexes, {**os.environ, **values}))
    return UvSettings(environment=values, flags=("--no-index",) if no_index or scope.indexes.none else ())


def _named_in_files(indexes: Indexes, values: Mapping[str, str]) -> dict[str, str]:
    """Add what the user's files say of indexes to the settings so far, as pip does to its own."""
    extra = [values.get("UV_EXTRA_INDEX_URL", ""), *(address.url for address in indexes.extra)]
    links = [values.get("UV_FIND_LINKS", ""), *(address.url for address in indexes.links)]
    found = {
        "UV_DEFAULT_INDEX": indexes.default.url if indexes.default else "",
        "UV_EXTRA_INDEX_URL": " ".join(filter(None, extra)) if indexes.extra else "",
        "UV_FIND_LINKS": ",".join(filter(None, links)) if indexes.links else "",
        "UV_INDEX_STRATEGY": "unsafe-best-match" if indexes.extra and not values.get("UV_INDEX_STRATEGY") else "",
        "UV_PRERELEASE": "allow" if indexes.prereleases else "",
    }
    return {name: value for name, value in found.items() if value}


def keeps_pages(folder: Path) -> bool:
    """Tell whether uv may be told how long pages are kept, for which it reads one file of settings and no other."""
    given = any(os.environ.get(name) for name in ("UV_CONFIG_FILE", "UV_NO_CONFIG", "UV_NO_CACHE", "UV_NO_INDEX"))
    return not given and not any(_tables(folder)) and not any(_named_indexes(folder))


def keeping_pages(settings: UvSettings, default: str, others: Sequence[str], file: Path) -> UvSettings:
    """Have uv keep pages of indexes for a while, and for ever what it read of files, which never change.

    Args:
        settings: of which the indexes are.
        default: address of the default index.
        others: addresses of indexes that are asked before it.
        file: uv's settings, to be written.
    """
    kept = f'cache-control = {{ api = "max-age={FRESH}", files = "max-age=31536000, immutable" }}'
    tables = [f"[[index]]\nurl = {json.dumps(url)}\n{kept}\n" for url in (*others, default)]
    file.write_text("".join(tables) + "default = true\n", encoding="utf-8")
    # An index that a variable names is not asked in the way that the file says.
    environment = {name: text for name, text in settings.environment.items() if name not in _ADDRESSES}
    return replace(settings, environment={**environment, "UV_CONFIG_FILE": str(file)}, without=_ADDRESSES)


def remember_named_credentials(folder: Path) -> None:
    """Keep ``UV_INDEX_NAME_USERNAME`` and ``_PASSWORD`` for the hosts of the indexes of these names."""
    for name, url in _named_indexes(folder):
        stem = "UV_INDEX_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
        user, password = os.environ.get(f"{stem}_USERNAME", ""), os.environ.get(f"{stem}_PASSWORD", "")
        if user or password:
            credentials.keep(url, user, password)


def overrides(folder: Path) -> bool:
    """Tell whether uv is told to set requirements of packages aside, so that a lock may contradict them."""
    keys = {"override-dependencies", "overrides", "exclude-dependencies", "excludes"}
    return bool(os.environ.get("UV_OVERRIDE")) or any(keys & table.keys() for table in _tables(folder))


def _uv_has_indexes(folder: Path) -> bool:
    if any(os.environ.get(name) for name in _VARIABLES):
        return True
    return any(_KEYS & table.keys() and not _only_explicit(table) for table in _tables(folder))


def _only_explicit(table: Mapping[str, Any]) -> bool:
    """Tell whether all indexes of a table are for the packages alone that name them as their source."""
    indexes = table.get("index", ())
    explicit = isinstance(indexes, list) and all(isinstance(one, dict) and one.get("explicit") for one in indexes)
    return explicit and _KEYS & table.keys() == {"index"}


def _pip_indexes(pip: Mapping[str, str]) -> dict[str, str]:
    """Translate pip's; it takes the best version of all indexes together, which uv does only when told."""
    values = {
        "UV_DEFAULT_INDEX": pip.get("index-url", ""),
        "UV_EXTRA_INDEX_URL": " ".join(pip_settings.words(pip, "extra-index-url")),
        "UV_FIND_LINKS": ",".join(pip_settings.words(pip, "find-links")),
    }
    if values["UV_EXTRA_INDEX_URL"] and not os.environ.get("UV_INDEX_STRATEGY"):
        values["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return {name: value for name, value in values.items() if value}


def _transport(pip: Mapping[str, str]) -> dict[str, str]:
    """Give uv what pip knows of certificates, proxies and keyring, where uv has not been told itself."""
    values = {
        "SSL_CERT_FILE": pip.get("cert", ""),
        "SSL_CLIENT_CERT": pip.get("client-cert", ""),
        "UV_INSECURE_HOST": " ".join(pip_settings.words(pip, "trusted-host")),
        "UV_SYSTEM_CERTS": "1",
        "ALL_PROXY": pip.get("proxy", ""),
    }
    if shutil.which("keyring") and pip.get("keyring-provider") != "disabled":
        values["UV_KEYRING_PROVIDER"] = "subprocess"
    return {name: value for name, value in values.items() if value and not os.environ.get(name)}


def _named_indexes(folder: Path) -> Iterator[tuple[str, str]]:
    for variable in ("UV_DEFAULT_INDEX", "UV_INDEX"):
        for word in os.environ.get(variable, "").split():
            name, equals, url = word.partition("=")
            if equals and "://" in url and "/" not in name:
                yield name, url
    for table in _tables(folder):
        for index in table.get("index", ()):
            if isinstance(index, dict) and "name" in index and "url" in index:
                yield str(index["name"]), str(index["url"])


def _tables(folder: Path) -> Iterator[Mapping[str, Any]]:
    """Give the tables of settings that uv would read; one that cannot be read is left for uv to complain of."""
    for path in _config_files(folder):
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            continue
        table = content.get("tool", {}).get("uv", {}) if path.name == "pyproject.toml" else content
        yield table
        yield table.get("pip", {})


def _config_files(folder: Path) -> Iterator[Path]:
    named = os.environ.get("UV_CONFIG_FILE")
    if named:
        yield Path(named)
    if named or os.environ.get("UV_NO_CONFIG"):
        return
    for above in (folder, *folder.parents):
        yield above / "uv.toml"
        yield above / "pyproject.toml"
    yield Path(os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser(), "uv", "uv.toml")
    for system in os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":"):
        yield Path(system, "uv", "uv.toml")
    yield Path("/etc/uv/uv.toml")
