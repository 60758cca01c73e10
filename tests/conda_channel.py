"""A conda channel on disk, with packages made in the test."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
import zipfile

PLACEHOLDER = "/placeholder" * 20


class Channel:
    """Packages in a folder; ``write_index`` makes it a channel."""

    def __init__(self, folder):
        self.folder = folder
        self.records = {"linux-64": {}, "noarch": {}}

    def add(self, name, version, files, *, depends=(), noarch=None, prefixes=None, entry_points=(), zstd=None):
        """Add a package.

        Args:
            name: of the package.
            version: its version.
            files: path -> content, or (mode, content).
            depends: what it needs.
            noarch: ``python`` or ``generic``.
            prefixes: path -> ``text`` or ``binary``, for files with the placeholder.
            entry_points: of a noarch Python package.
            zstd: program; with it the archive is a ``.conda``, else a ``.tar.bz2``.
        """
        subdir = "noarch" if noarch else "linux-64"
        index = {"name": name, "version": version, "build": "0", "build_number": 0, "depends": list(depends)}
        index |= {"subdir": subdir, **({"noarch": noarch} if noarch else {})}
        files = {path: value if isinstance(value, tuple) else (0o644, value) for path, value in files.items()}
        info = {"info/index.json": json.dumps(index), "info/paths.json": self._paths(files, prefixes or {})}
        if entry_points:
            link = {"noarch": {"type": "python", "entry_points": list(entry_points)}, "package_metadata_version": 1}
            info["info/link.json"] = json.dumps(link)
        info = {path: (0o644, text.encode()) for path, text in info.items()}
        stem = f"{name}-{version}-0"
        data = self._conda(stem, info, files, zstd) if zstd else _tar(info | files, "w:bz2")
        filename = f"{stem}.conda" if zstd else f"{stem}.tar.bz2"
        place = self.folder / subdir / filename
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        self.records[subdir][filename] = index | {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}

    def write_index(self):
        for subdir, records in self.records.items():
            kinds = {"packages": ".tar.bz2", "packages.conda": ".conda"}
            content = {
                key: {name: record for name, record in records.items() if name.endswith(suffix)}
                for key, suffix in kinds.items()
            }
            (self.folder / subdir).mkdir(parents=True, exist_ok=True)
            text = json.dumps({"info": {"subdir": subdir}, **content})
            (self.folder / subdir / "repodata.json").write_text(text)

    @staticmethod
    def _paths(files, prefixes):
        entries = []
        for path, (_, content) in files.items():
            entry = {"_path": path, "path_type": "hardlink", "sha256": hashlib.sha256(content).hexdigest()}
            entry["size_in_bytes"] = len(content)
            if path in prefixes:
                entry |= {"prefix_placeholder": PLACEHOLDER, "file_mode": prefixes[path]}
            entries.append(entry)
        return json.dumps({"paths": entries, "paths_version": 1})

    @staticmethod
    def _conda(stem, info, files, zstd):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("metadata.json", '{"conda_pkg_format_version": 2}')
            for kind, content in (("info", info), ("pkg", files)):
                tar = _tar(content, "w")
                data = subprocess.run([zstd, "-c"], input=tar, stdout=subprocess.PIPE, check=True).stdout
                archive.writestr(f"{kind}-{stem}.tar.zst", data)
        return packed.getvalue()


def _tar(files, mode):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for path, (permissions, content) in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), permissions
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
