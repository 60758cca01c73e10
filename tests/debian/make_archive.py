"""Make the tiny signed archive of the tests anew: python tests/debian/make_archive.py (needs gpg).

The secret keys are made for the occasion and thrown away with the temporary folder that holds them.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
DATE = "Thu, 01 Jan 2026 00:00:00 UTC"
DEPENDS = {
    "busybox-static": "",
    "ca-certificates": "openssl (>= 1.1.1), debconf (>= 0.5) | debconf-2.0",
    "dash": "debianutils (>= 5.6-0.1), dpkg",
    "debianutils": "",
    "gcc-12-base": "",
    "libatomic1": "gcc-12-base (= 12.2.0-14), libc6 (>= 2.34)",
    "libc-bin": "libc6 (>> 2.36)",
    "libc6": "libgcc-s1",
    "libexpat1": "libc6 (>= 2.25)",
    "libgcc-s1": "gcc-12-base (= 12.2.0-14), libc6 (>= 2.35)",
    "libgomp1": "gcc-12-base (= 12.2.0-14), libc6 (>= 2.34)",
    "libpython3.11-stdlib": "libssl3 (>= 3.0.0), media-types | mime-support",
    "libssl3": "libc6 (>= 2.34)",
    "libstdc++6": "gcc-12-base (= 12.2.0-14), libc6 (>= 2.36), libgcc-s1 (>= 4.2)",
    "media-types": "",
    "netbase": "",
    "openssl": "libssl3 (>= 3.0.9)",
    "patchelf": "libc6 (>= 2.34), libstdc++6 (>= 11)",
    "python3.11": "libpython3.11-stdlib (= 3.11.2-6), zlib1g (>= 1:1.2.0)",
    "tzdata": "debconf (>= 0.5) | debconf-2.0",
    "zlib1g": "libc6 (>= 2.14)",
    "zstd": "libc6 (>= 2.34), zlib1g (>= 1:1.1.4)",
}
VERSIONS = {"gcc-12-base": "12.2.0-14", "libc6": "2.36-9", "python3.11": "3.11.2-6", "zlib1g": "1:1.2.13-1"}
VERSIONS |= {"libpython3.11-stdlib": "3.11.2-6", "libssl3": "3.0.17-1", "openssl": "3.0.17-1"}
ALL = {"ca-certificates", "media-types", "netbase", "tzdata"}
CONTENTS = {
    "usr/lib/x86_64-linux-gnu/libgomp.so.1": "libs/libgomp1",
    "usr/lib/x86_64-linux-gnu/libgomp.so.1.0.0": "libs/libgomp1",
    "usr/lib/x86_64-linux-gnu/libGL.so.1": "libs/libgl1",
    "usr/lib/x86_64-linux-gnu/primus/libGL.so.1": "contrib/libs/primus-libs",
    "usr/lib32/libgomp.so.1": "libs/lib32gomp1",
    "usr/lib/debug/usr/lib/x86_64-linux-gnu/libgomp.so.1": "debug/libgomp1-dbg",
    "usr/lib/x86_64-linux-gnu/libtwo.so.1": "science/a-two,libs/z-two",
}


def stanza(name: str, version: str, architecture: str, pool: str) -> str:
    built = "all" if name in ALL else architecture
    file = f"{name}_{version.partition(':')[2] or version}_{built}.deb"
    fields = {
        "Package": name,
        "Version": version,
        "Architecture": built,
        "Depends": DEPENDS[name],
        "Description": "none\n of the archive's packages exist",
        "Filename": f"{pool}/{name[0]}/{name}/{file}",
        "Size": str(len(file)),
        "SHA256": hashlib.sha256(file.encode()).hexdigest(),
    }
    return "".join(f"{key}: {value}\n" for key, value in fields.items() if value)


def files(pool: str, versions: Mapping[str, str]) -> dict[str, bytes]:
    found = {}
    for architecture in ("amd64", "arm64"):
        text = "\n".join(stanza(name, version, architecture, pool) for name, version in versions.items())
        path = f"main/binary-{architecture}/Packages"
        found |= {path: text.encode(), f"{path}.xz": lzma.compress(text.encode())}
        found[f"{path}.gz"] = gzip.compress(text.encode(), mtime=0)
    contents = "".join(f"{path:<60} {owners}\n" for path, owners in CONTENTS.items())
    return found | {"main/Contents-amd64.gz": gzip.compress(contents.encode(), mtime=0)}


def release(fields: Mapping[str, str], listed: Mapping[str, bytes]) -> str:
    fields = {"Origin": "Debian", **fields, "Date": DATE, "Acquire-By-Hash": "yes"}
    fields |= {"Architectures": "amd64 arm64", "Components": "main", "Description": "Made by make_archive.py"}
    rows = [f" {hashlib.sha256(data).hexdigest()} {len(data)} {path}" for path, data in sorted(listed.items())]
    return "".join(f"{key}: {value}\n" for key, value in fields.items()) + "SHA256:\n" + "\n".join(rows) + "\n"


def gpg(home: Path, *words: str, text: str = "") -> bytes:
    """Run gpg in a year that is past on every machine; the last of contradicting options counts."""
    options = ["--homedir", str(home), "--batch", "--yes", "--faked-system-time", "20250201T000000"]
    unlocked = ["--pinentry-mode", "loopback", "--passphrase", ""]
    command = ["gpg", *options, *unlocked, *words]
    return subprocess.run(command, input=text.encode(), check=True, capture_output=True).stdout


def sign(home: Path, text: str, *words: str) -> bytes:
    return gpg(home, *words, "--clearsign", text=text)


def write_suite(home: Path, suite: str, fields: Mapping[str, str], listed: Mapping[str, bytes]) -> str:
    folder = HERE / "archive/dists" / suite
    for path, data in listed.items():
        if path.endswith("Packages"):
            continue  # listed, but not on the mirror, as in Debian's own archive
        by_hash = (folder / path).parent / "by-hash/SHA256" / hashlib.sha256(data).hexdigest()
        for file in (folder / path, by_hash) if path.endswith(".xz") else (folder / path,):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
    text = release(fields, listed)
    (folder / "InRelease").write_bytes(sign(home, text, "-u", "archive", "-u", "second"))
    return text


def main() -> None:
    shutil.rmtree(HERE / "archive", ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o700)
        for name in ("archive", "second", "other"):
            gpg(home, "--quick-generate-key", name, "ed25519", "sign", "never")
            (HERE / f"{name}.gpg").write_bytes(gpg(home, "--export", name))
        (HERE / "archive.asc").write_bytes(gpg(home, "--export", "--armor", "archive"))
        versions = {name: VERSIONS.get(name, "12.2.0-14" if "lib" in name else "1.0-1") for name in DEPENDS}
        main_fields = {"Suite": "oldstable", "Codename": "bookworm"}
        text = write_suite(home, "bookworm", main_fields, files("pool/main", versions))
        (HERE / "sha1.InRelease").write_bytes(sign(home, text, "-u", "archive", "--digest-algo", "SHA1"))
        (HERE / "lines.asc").write_bytes(sign(home, "- dash\n-----\nspaces \t\n\nlast\n", "-u", "archive"))
        gpg(home, "--quick-generate-key", "expired", "ed25519", "sign", "2025-06-01")
        (HERE / "expired.gpg").write_bytes(gpg(home, "--export", "expired"))
        (HERE / "expired.InRelease").write_bytes(sign(home, text, "-u", "expired"))
        fields = {"Suite": "oldstable-security", "Codename": "bookworm-security"}
        fields["Valid-Until"] = "Fri, 01 Jan 2100 00:00:00 UTC"
        newer = {"libssl3": "3.0.18-1~deb12u1", "openssl": "3.0.18-1~deb12u1"}
        write_suite(home, "bookworm-security", fields, files("pool/updates/main", newer))


if __name__ == "__main__":
    main()
