"""Every error that a user can meet, with its exit code.

A message says what is wrong and where; ``hint`` says what to do next. Messages of one sentence end without a
full stop, and values come after a colon.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One finding in something the user wrote."""

    where: str
    """``file:line:column: key.path``, as much of it as is known."""
    message: str
    """What is wrong, and what was found."""
    hint: str | None = None
    """What to do next."""
    severity: str = "error"
    """``error`` refuses; ``warning`` is worth a look; ``note`` is said for the record."""
    code: str = "MP100"
    """Stable name of this kind of finding, of ``modelpack.findings.codes``."""
    reason: str | None = None
    """Why the spec silences it; None when it does not."""

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}"
        return f"{text} ({self.hint})" if self.hint else text


class ModelpackError(Exception):
    """Base of all errors that are the user's or the machine's to mend.

    Args:
        message: what is wrong and where.
        hint: what to do next.
        details: further lines, shown below the message as they are (the end of a log, a list of findings).
        code: stable name of this kind of finding; the class's when absent.
        origins: places that it is about, such as ``modelpack.yaml:7``.
    """

    exit_code: ClassVar[int] = 1
    code: str = "MP900"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        details: tuple[str, ...] = (),
        code: str | None = None,
        origins: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details
        self.code = code or self.code
        self.origins = origins


class SpecError(ModelpackError):
    """The spec or a file it names is wrong; carries every problem found, not only the first.

    Args:
        problems: all that is wrong.
        notices: what was said beside.
    """

    exit_code = 3
    code = "MP100"

    def __init__(self, problems: tuple[Problem, ...], notices: tuple[Problem, ...] = ()) -> None:
        count = len(problems)
        super().__init__(
            f"the spec has {count} problem{'s' if count != 1 else ''}",
            details=tuple(str(problem) for problem in problems),
        )
        self.problems = problems
        self.notices = notices


class LockError(ModelpackError):
    """The lock is missing, stale, damaged or of a version that is not known."""

    exit_code = 4
    code = "MP901"


class ResolveError(ModelpackError):
    """Requirements that cannot be met, or an index that cannot be trusted or reached."""

    exit_code = 5
    code = "MP200"


class BuildError(ModelpackError):
    """Nix, or a builder that it ran, failed."""

    exit_code = 6
    code = "MP600"


class SourceBuildError(BuildError):
    """A wheel could not be built from source; ``name`` is the distribution's."""

    code = "MP604"

    def __init__(
        self,
        message: str,
        *,
        name: str,
        hint: str | None = None,
        details: tuple[str, ...] = (),
        origins: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, hint=hint, details=details, origins=origins)
        self.name = name


class MissingBuildRequirementsError(BuildError):
    """A build backend asks for distributions that its environment does not have."""

    def __init__(self, message: str, missing: tuple[str, ...]) -> None:
        super().__init__(message, hint="run: modelpack lock --upgrade")
        self.missing = missing


class ToolError(ModelpackError):
    """A program or a kernel feature that is needed is missing on this machine."""

    exit_code = 7
    code = "MP902"


class FetchError(ModelpackError):
    """An artifact could not be had, or is not what the lock says."""

    exit_code = 8
    code = "MP903"


class CheckError(ModelpackError):
    """The server did not start, did not become ready, or did not answer as the spec says."""

    exit_code = 9
    code = "MP700"


class ExportError(ModelpackError):
    """An export could not be written, or the store no longer holds what the image says."""

    exit_code = 10
    code = "MP904"


class FindingsError(ModelpackError):
    """A check made without a build found an error in the package's parts."""

    exit_code = 11


class StrictError(ModelpackError):
    """With ``--strict``: there are warnings."""

    exit_code = 12
