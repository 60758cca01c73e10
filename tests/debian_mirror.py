"""A mirror of the tiny archive in tests/debian, held in memory and easily spoiled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from modelpack.debian.release import Access
from modelpack.debian.sources import Archive
from modelpack.errors import FetchError

HERE = Path(__file__).with_name("debian")
ROOT = "http://mirror.test/debian"
BOOKWORM = Archive(uri=ROOT, suite="bookworm", keyring=str(HERE / "archive.gpg"))
SECURITY = replace(BOOKWORM, suite="bookworm-security")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
PACKAGES = "main/binary-amd64/Packages"


class Mirror:
    """Answers for the archive; ``files`` maps addresses below its root to contents."""

    def __init__(self) -> None:
        top = HERE / "archive"
        self.files = {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}
        self.asked: list[str] = []

    def read(self, url: str) -> bytes:
        path = url.removeprefix(f"{ROOT}/")
        self.asked.append(path)
        if path not in self.files:
            raise FetchError(f"{url}: not found")
        return self.files[path]

    def drop(self, *parts: str) -> None:
        """Take away every file that has one of these in its path."""
        self.files = {path: data for path, data in self.files.items() if not any(part in path for part in parts)}

    def spoil(self, part: str, content: bytes = b"spoiled") -> None:
        """Change every file that has this in its path."""
        self.files |= {path: content for path in self.files if part in path}

    def access(self, cache: Path, *, now: datetime = NOW) -> Access:
        return Access(cache=cache, read=self.read, now=lambda: now)
