"""What dependency files ask for, gathered from however many of them, in whatever form."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from modelpack.loading.sources import Folder
from modelpack.loading.yamlfile import Findings, Place
from modelpack.spec import CondaRequirement, IndexAddress, Indexes, Requirement


@dataclass(frozen=True, slots=True)
class Line:
    """A requirement or an option of a requirements file, and where it begins."""

    text: str
    place: Place
    path: str = ""
    """Key path, of a line that stands in a YAML file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which parts of a project's dependencies are wanted beside the main ones."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None
    """None: those that the file itself says are wanted by default."""
    place: Place | None = None
    """Where that was written."""


@dataclass(kw_only=True, slots=True)
class Dependencies:
    """What the files read so far ask for; readers add to it."""

    folder: Folder
    """The spec's."""
    findings: Findings
    requirements: list[Requirement] = field(default_factory=list)
    constraints: list[Requirement] = field(default_factory=list)
    conda: list[CondaRequirement] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    python: str | None = None
    """``3.11``: major and minor, when a file names one."""
    requires_python: list[tuple[Place, str]] = field(default_factory=list)
    """PEP 440 specifier sets that the package's Python has to meet, and where they stand."""
    default_index: IndexAddress | None = None
    extra_indexes: list[IndexAddress] = field(default_factory=list)
    pins: dict[str, IndexAddress] = field(default_factory=dict)
    """The index that a distribution has to come from, by normalized name."""
    links: list[IndexAddress] = field(default_factory=list)
    no_index: bool = False
    prereleases: bool = False

    @property
    def indexes(self) -> Indexes:
        """What the files say of indexes, each once."""
        return Indexes(
            default=self.default_index,
            extra=tuple(dict.fromkeys(self.extra_indexes)),
            links=tuple(dict.fromkeys(self.links)),
            none=self.no_index,
            prereleases=self.prereleases,
            pins=tuple(sorted(self.pins.items(), key=lambda pin: pin[0])),
        )

    def origin(self, path: Path, line: int) -> str:
        """Give the origin of what stands in a line of a file."""
        return f"{self.folder.name(path)}:{line}"

    def place(self, path: Path, line: int = 1, column: int = 1) -> Place:
        """Give a place of a file for messages."""
        return Place(file=self.folder.show(path), line=line, column=column)

    def add(self, line: Line, message: str, hint: str | None = None) -> None:
        """Keep one problem of a line."""
        self.findings.add(line.place, message, hint, path=line.path)

    def warn(self, line: Line, message: str, hint: str | None = None) -> None:
        """Keep what may not be what was meant."""
        self.findings.warn(line.place, message, hint, path=line.path)

    def note(self, line: Line, message: str, hint: str | None = None) -> None:
        """Keep what was decided for the user."""
        self.findings.note(line.place, message, hint, path=line.path)
