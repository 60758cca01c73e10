"""Packages that a dependency names for the sake of maintainer scripts alone, which are never run.

What such a script would have made is made on purpose where the base is built. A package of this table comes
into the base all the same when it is requested by name.
"""

from __future__ import annotations

from collections.abc import Mapping

from modelpack.debian.control import Group

ANYWHERE: Mapping[str, str] = {
    "debconf": "asks questions while a package is configured",
    "debconf-2.0": "the interface of debconf",
    "dpkg": "named for the abilities of a newer dpkg, and for dpkg-maintscript-helper",
    "install-info": "adds to the directory of info pages; a dpkg trigger",
    "init-system-helpers": "enables and starts services",
    "lsb-base": "functions for init scripts, which nothing starts here",
    "sysvinit-utils": "functions for init scripts, since lsb-base was merged into it",
    "systemd-standalone-sysusers": "makes system users; alternative to systemd itself",
    "adduser": "makes system users",
    "ucf": "merges configuration files on upgrades",
    "update-inetd": "edits inetd.conf",
    "emacsen-common": "compiles files for installed Emacs flavours",
}
"""Name to reason, whatever package names it; a group with one of these as an alternative is about scripts."""

BY_PACKAGE: Mapping[tuple[str, str], str] = {
    ("ca-certificates", "openssl"): "update-ca-certificates hashes certificates with it",
    ("dash", "debianutils"): "add-shell and update-shells keep /etc/shells",
    ("bash", "debianutils"): "add-shell and update-shells keep /etc/shells",
}
"""(Package, name of its dependency) to reason."""


def is_left_out(package: str, group: Group) -> bool:
    """Tell whether a dependency of a package is about maintainer scripts."""
    return any(item.name in ANYWHERE or (package, item.name) in BY_PACKAGE for item in group)
