"""The command line: parses, calls the stages, prints. Nothing is decided here."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from modelpack import __version__, building, lockfile, settings
from modelpack.arguments import Input, takes_input
from modelpack.command import Command, Group
from modelpack.console import Console, print_error, print_json, seconds, size, table
from modelpack.errors import LockError, ModelpackError, Problem
from modelpack.findings import examine as findings
from modelpack.loading import inputs
from modelpack.lock import Lock
from modelpack.locking.machine import Machine
from modelpack.locking.make import make
from modelpack.locking.staleness import check_fresh
from modelpack.records import Built
from modelpack.store.nix import Nix

EVERYTHING = "*"
"""What ``--upgrade`` without a name stands for."""

app = typer.Typer(
    name="modelpack",
    cls=Group,
    help="Turns a model and a short spec into a checked, reproducible, hermetic model package.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: modelpack init sklearn-azureml demo && cd demo && modelpack build",
)

_command = partial(app.command, cls=Command)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Locked = Annotated[bool, typer.Option("--locked", help="Fail when the lock is not the spec's, instead of renewing it.")]
NoSandbox = Annotated[bool, typer.Option("--no-sandbox", help="Build without Nix's sandbox; marks the package.")]
_INTERRUPTED = 130  # what shells give for a program that SIGINT ended


class Session:
    """What every command works with."""

    def __init__(self, *, quiet: bool = False, sandbox: bool = True) -> None:
        self.console = Console(quiet=quiet)
        self.settings = settings.load()
        self.machine = Machine(
            settings=self.settings, cache=settings.cache_dir(), progress=self.console, sandbox=sandbox
        )
        self.nix = Nix.of(self.settings, sandbox=sandbox)
        self.stages = building.Stages()


@contextmanager
def _session(*, quiet: bool = False, sandbox: bool = True) -> Iterator[Session]:
    session = Session(quiet=quiet, sandbox=sandbox)
    try:
        yield session
    except KeyboardInterrupt:
        # Typer would end silently.
        session.console.close()
        _say_interrupted()
        raise typer.Exit(_INTERRUPTED) from None
    finally:
        session.console.close()


@_command(epilog="Example: modelpack init sklearn-azureml demo")
def init(
    starter: Annotated[str | None, typer.Argument(help="A starter; without one they are listed.")] = None,
    folder: Annotated[Path | None, typer.Argument(help="Where to; by default a folder of the starter's name.")] = None,
    modelpack_url: Annotated[
        str | None, typer.Option(help="Flake reference of modelpack for flake.nix; by default this installation.")
    ] = None,
) -> None:
    """Begin a project from a starter."""
    from modelpack import starter as starters  # noqa: PLC0415 - Jinja2, which only init needs
    from modelpack.flakes import library_url  # noqa: PLC0415

    if starter is None:
        print(table((item.name, item.description) for item in starters.starters()))
        return
    destination = folder or Path(starter)
    url = modelpack_url or library_url(Nix.of(settings.load()))
    for path in starters.create(starter, destination, modelpack_url=url):
        print(path)


@_command("import", epilog="Example: modelpack import deployment.yml -o modelpack.yaml")
@takes_input
def import_(
    given: Input,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The native spec to write.")] = Path(
        "modelpack.yaml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Write a modelpack.yaml that means the same as another form of input."""
    from modelpack.loading import importing  # noqa: PLC0415

    with _session() as session:
        spec = inputs.load(given.path, given.options, channels=bool(session.machine.settings.channels))
        building.tell(spec.notices, session.machine)
        session.console.close()
        for path in importing.write(spec, output, force=force):
            print(path)


@_command(epilog="Example: modelpack lock --upgrade numpy")
@takes_input
def lock(
    given: Input,
    check: Annotated[bool, typer.Option("--check", help="Only say whether the lock is the spec's.")] = False,
    upgrade: Annotated[
        list[str] | None,
        typer.Option(metavar="[NAME]", help="Let go of the pin of NAME, or of all pins and the base without one."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Resolve the spec and write modelpack.lock.json."""
    with _session(quiet=quiet) as session:
        loaded = inputs.load(given.path, given.options, channels=bool(session.machine.settings.channels))
        path = loaded.lock_path
        if check:
            building.tell(loaded.notices, session.machine)
            check_fresh(loaded, lockfile.read(path), session.machine)
            session.console.close()
            print(f"{path.name} is up to date")
            return
        names: bool | list[str] = EVERYTHING in upgrade or upgrade if upgrade else False
        made = make(loaded, _previous(path), session.machine, upgrade=names)
        written = lockfile.write(made, path)
        building.tell(findings.examine(loaded, made, session.machine), session.machine)
        session.console.close()
        state = "written" if written else "unchanged"
        print(
            f"{path.name} {state}: {len(made.python.wheels)} wheels, {len(made.base.target.packages)} Debian packages, "
            f"{sum(len(tree.files) for tree in made.trees.values())} files"
        )
        built = [f"{wheel.name} {wheel.version}" for wheel in made.python.wheels if wheel.build]
        if built:
            print(f"built from source: {', '.join(built)}")


@_command(epilog="Example: modelpack fetch")
@takes_input
def fetch(given: Input, locked: Locked = False, quiet: Quiet = False) -> None:
    """Bring everything of the lock into the Nix store; nothing else needs the network afterwards."""
    with _session(quiet=quiet) as session:
        project = building.load_project(
            given.path, session.machine, session.stages, locked=locked, options=given.options
        )
        downloaded = building.fetch(project, session.machine, session.nix, session.stages)
        session.console.close()
        print(
            f"everything is in the store; downloaded {size(downloaded)} in {seconds(session.stages.seconds['fetch'])}"
        )


@_command(epilog="Example: modelpack build --locked --json")
@takes_input
def build(
    given: Input,
    locked: Locked = False,
    json: Json = False,
    out_link: Annotated[
        Path, typer.Option("--out-link", "-o", metavar="LINK", help="Where the link to the package goes.")
    ] = Path("result"),
    no_sandbox: NoSandbox = False,
    quiet: Quiet = False,
) -> None:
    """Lock if needed, fetch, build and check the package; print its identity."""
    with _session(quiet=quiet, sandbox=not no_sandbox) as session:
        project, built = _build(session, given, locked=locked)
        session.nix.root(built.store_path, out_link.absolute())
        session.console.close()
        warnings = tuple(building.warnings(built, session.nix))
        if json:
            print_json({**_identity(built), "findings": _findings_json((*project.findings, *warnings))})
        else:
            _print_identity(built)
        building.tell(warnings, session.machine)


@_command(epilog="Example: modelpack check --static --strict --sarif findings.sarif")
@takes_input
def check(
    given: Input,
    locked: Locked = False,
    json: Json = False,
    static: Annotated[bool, typer.Option("--static", help="Only what needs no build and no server.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail when there are warnings, too (exit code 12).")] = False,
    sarif: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the findings as SARIF 2.1.0, for editors."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Judge what can be judged without a build, then let the real server answer the sample requests."""
    from modelpack import checking, inspecting  # noqa: PLC0415

    with _session(quiet=quiet) as session:
        examined = building.examine(
            given.path, session.machine, session.stages, locked=locked, again=True, options=given.options
        )
        found = checking.all_of(examined)
        if sarif:
            checking.write_sarif(found, sarif, given.path)
        session.console.close()
        code = checking.exit_code(examined, strict=strict)
        if json and (static or code):
            print_json({"findings": _findings_json(found)})
        if static:
            if not json:
                print(checking.text(found))
            raise typer.Exit(code)
        building.tell(examined.findings, session.machine)
        project = building.project_of(examined)
        building.refuse(examined.findings, strict=strict)
        building.fetch(project, session.machine, session.nix, session.stages)
        folder = building.check(project, session.machine, session.nix, session.stages)
        report, internet = inspecting.read_report(folder), tuple(building.internet(folder))
        building.tell(internet, session.machine)
        session.console.close()
        if json:
            print_json({**report, "findings": _findings_json((*found, *internet))})
        else:
            print(inspecting.report_text(report))


@_command(epilog="Example: modelpack explain MP201")
def explain(
    code: Annotated[str | None, typer.Argument(help="Of a finding, as reports name it; without one, all.")] = None,
) -> None:
    """Say what a kind of finding means, and what to do about it."""
    from modelpack.findings import codes  # noqa: PLC0415

    if code is None:
        print(table((kind.code, kind.severity, kind.title) for kind in codes.kinds().values()))
    else:
        print(codes.page(codes.kind(code)), end="")


@_command(epilog="Example: modelpack export oci-archive diabetes.tar")
@takes_input
def export(
    kind: Annotated[
        str, typer.Argument(metavar="{oci|oci-archive|docker-archive|rootfs|pylock}", help="What to make.")
    ],
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="The file or folder to make.")],
    given: Input,
    locked: Locked = False,
    root: Annotated[bool, typer.Option("--root", help="rootfs: unpack into the folder DEST.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    json: Json = False,
    no_sandbox: NoSandbox = False,
    quiet: Quiet = False,
) -> None:
    """Build the package if needed and write it as an image or a tarball; pylock: its wheels, for other installers."""
    from modelpack.delivery import exporting  # noqa: PLC0415
    from modelpack.delivery.image import open_image  # noqa: PLC0415

    exporting.check_kind(kind, root=root)
    if kind == exporting.WHEELS:
        _export_wheels(given, destination, locked=locked, force=force, json=json, quiet=quiet)
        return
    with _session(quiet=quiet, sandbox=not no_sandbox) as session:
        _, built = _build(session, given, locked=locked)
        with session.stages.time("export"):
            image = open_image(built.image_path, session.nix.store or "/")
            written = exporting.export(kind, image, destination, progress=session.console, root=root, force=force)
        session.console.close()
        if json:
            print_json({**_identity(built), "destination": str(destination), "bytes_written": written})
        else:
            rate = written / max(session.stages.seconds["export"], 1e-9)
            took = seconds(session.stages.seconds["export"])
            print(f"{destination}: {kind} {built.image_digest}, {size(written)} written in {took} ({size(rate)}/s)")


def _export_wheels(given: Input, destination: Path, *, locked: bool, force: bool, json: bool, quiet: bool) -> None:
    from modelpack.delivery.pylock import export_pylock  # noqa: PLC0415

    with _session(quiet=quiet) as session:
        project = building.load_project(
            given.path, session.machine, session.stages, locked=locked, options=given.options
        )
        building.fetch(project, session.machine, session.nix, session.stages)
        built = building.build_sources(project, session.nix, session.stages)
        written = export_pylock(
            project.lock, session.nix, destination, built=built, force=force, progress=session.console
        )
        session.console.close()
        if json:
            print_json({"destination": str(destination), "bytes_written": written})
        else:
            print(f"{destination}: {len(project.lock.python.wheels)} wheels and pylock.toml, {size(written)} written")


@_command(epilog="Example: modelpack run --port 8080")
@takes_input
def run(
    given: Input,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port; the package's own by default.")] = None,
    source: Annotated[Path | None, typer.Option("--input", metavar="PATH", help="What a job is to read.")] = None,
    target: Annotated[Path | None, typer.Option("--output", metavar="DIR", help="Where a job is to write.")] = None,
    locked: Locked = False,
    no_sandbox: NoSandbox = False,
    quiet: Quiet = False,
) -> None:
    """Serve the package here, from the closure that was checked, until it is stopped; run it, when it is a job."""
    from modelpack import running  # noqa: PLC0415

    if (source is None) != (target is None) or (source and port):
        raise typer.BadParameter("--input and --output go together, and without --port")
    with _session(quiet=quiet, sandbox=not no_sandbox) as session:
        project, built = _build(session, given, locked=locked)
        session.console.close()
        if source and target:
            raise typer.Exit(running.run_job(project.lock, built, session.nix, source, target))
        raise typer.Exit(running.serve(project.lock, built, session.nix, port=port))


@_command(epilog="Example: modelpack inspect --json")
@takes_input
def inspect(given: Input, json: Json = False) -> None:
    """Show what is in the package: packages, layers, sizes and the check's answers."""
    from modelpack import inspecting  # noqa: PLC0415

    with _session() as session:
        project = building.load_project(given.path, session.machine, session.stages, locked=True, options=given.options)
        content = inspecting.inspect(project, session.nix)
        session.console.close()
        if json:
            print_json(content)
        else:
            print(inspecting.text(content))


@_command(epilog="Example: modelpack why werkzeug")
@takes_input
def why(
    name: Annotated[str, typer.Argument(help="A Python distribution or a Debian package.")],
    given: Input,
    json: Json = False,
) -> None:
    """Say why something is in the package: the chains of requirements that lead to it."""
    from modelpack import why as reasons  # noqa: PLC0415

    loaded = inputs.load(given.path, given.options, channels=True)
    path = loaded.lock_path
    found = lockfile.read(path)
    if found is None:
        raise LockError(f"there is no {path.name}", hint="run: modelpack lock")
    answers = reasons.why(found, name)
    if json:
        print_json(reasons.to_json(answers))
    else:
        print(reasons.text(answers))


@_command(epilog="Example: modelpack doctor --json")
def doctor(json: Json = False) -> None:
    """Say what this machine has for building packages, what it lacks, and the fix."""
    from modelpack import doctor as examination  # noqa: PLC0415

    with _session() as session:
        findings = examination.examine(session.settings, session.nix)
        if json:
            print_json([examination.to_json(finding) for finding in findings])
        else:
            print(examination.text(findings))
        raise typer.Exit(7 if any(finding.state == "missing" for finding in findings) else 0)


@_command(epilog="Example: modelpack schema > modelpack.schema.json")
def schema() -> None:
    """Print the JSON Schema of modelpack.yaml, for editors."""
    from modelpack.loading import schema as schemas  # noqa: PLC0415

    print_json(schemas.schema())


def _version(value: bool) -> None:
    if value:
        print(f"modelpack {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options of modelpack itself."""
    del version


def _previous(path: Path) -> Lock | None:
    """Give the lock to keep pins from; one that cannot be read is made anew."""
    try:
        return lockfile.read(path)
    except ModelpackError as error:
        print(f"warning: {error.message}; it is made anew", file=sys.stderr)
        return None


def _build(session: Session, given: Input, *, locked: bool) -> tuple[building.Project, Built]:
    project = building.load_project(given.path, session.machine, session.stages, locked=locked, options=given.options)
    return project, building.build(project, session.machine, session.nix, session.stages)


def _identity(built: Built) -> dict[str, Any]:
    stages = {name: round(value, 3) for name, value in built.stages.items()}
    return {
        "name": built.name,
        "version": built.version,
        "store_path": built.store_path,
        "image_digest": built.image_digest,
        "image_bytes": built.image_size,
        "lock_digest": built.lock_digest,
        "checked": built.checked,
        "answers": built.answers,
        "unchecked_because": built.unchecked_because,
        "hermetic": built.hermetic,
        "closure_bytes": built.closure_bytes,
        "stages": stages,
    }


def _findings_json(found: Sequence[Problem]) -> list[dict[str, object]]:
    from modelpack.findings import report  # noqa: PLC0415

    return [report.to_json(problem) for problem in found]


def _print_identity(built: Built) -> None:
    stages = ", ".join(f"{name} {seconds(value)}" for name, value in built.stages.items())
    rows = [
        ("package", f"{built.name} {built.version}"),
        ("store path", built.store_path),
        ("image", f"{built.image_digest}  ({size(built.image_size)} to transfer)"),
        ("closure", size(built.closure_bytes)),
        ("lock", built.lock_digest),
        ("checked", _checked(built)),
        ("hermetic", "yes: built in the sandbox" if built.hermetic else "NO: built without the sandbox"),
        ("time", stages),
    ]
    print(table(rows, indent=""))


def _checked(built: Built) -> str:
    if not built.checked:
        return f"NO: {built.unchecked_because}"
    if not built.answers:
        return "READINESS ONLY: the server became ready, but was asked nothing; give it a sample request"
    return "yes: the server answered as expected"


def _with_upgrade_value(arguments: list[str]) -> list[str]:
    """Let ``--upgrade`` stand without a name, before another option, a spec or the end."""
    words = []
    for index, word in enumerate(arguments):
        words.append(word)
        if word == "--upgrade":
            following = arguments[index + 1] if index + 1 < len(arguments) else "-"
            if following.startswith("-") or os.sep in following or following in (".", "..") or Path(following).exists():
                words.append(EVERYTHING)
    return words


def main() -> None:
    """Run the command line; every error that a user can meet ends here."""
    try:
        try:
            app(_with_upgrade_value(sys.argv[1:]))
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except ModelpackError as error:
        print_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say_interrupted()
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        _drop_output()
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print_error(ModelpackError(f"{where}{error.strerror or error}"))
        _drop_output()
        sys.exit(1)


def _say_interrupted() -> None:
    print("interrupted; run the same command again to go on", file=sys.stderr)


def _drop_output() -> None:
    """Keep Python from complaining, when it ends, about output that nobody takes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()
