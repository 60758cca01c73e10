"""What the documentation says is so: generated pages, links, and the commands that it shows."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("templates/*/README.md")])
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def test_reference_pages_are_what_the_code_says():
    done = subprocess.run(
        [sys.executable, ROOT / "docs/generate.py", "--check"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    local = [link for link in links if not re.match(r"[a-z]+:", link)]

    assert [link for link in local if not (page.parent / link).exists()] == []


def _commands(page: Path) -> list[str]:
    """Give the commands that a page shows, from fenced sh blocks and from blocks indented by four spaces."""
    text = page.read_text(encoding="utf-8")
    fenced = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    indented = "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))
    lines = (line.split("#")[0].strip() for line in (fenced or indented).splitlines())
    return [line for line in lines if line]


@pytest.mark.nix
@pytest.mark.network
@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs/tutorial.md"], ids=lambda page: page.name)
def test_commands_that_are_shown_work(page, tmp_path):
    folder = tmp_path
    ran = []
    for command in _commands(page):
        for part in command.split(" && "):
            words = shlex.split(part)
            if words[0] == "cd":
                folder = folder / words[1]
            elif words[0] == "modelpack":
                ran.append(words[1])
                _run(words[1:], folder)

    assert {"init", "build", "run", "export"} <= set(ran)
    assert (folder / "wine.tar").stat().st_size > 10_000_000


def _run(words: list[str], folder: Path) -> None:
    command = [sys.executable, "-m", "modelpack", *words]
    with subprocess.Popen(command, cwd=folder, env=_ENVIRONMENT, stderr=subprocess.PIPE, text=True) as process:
        if words[0] == "run":
            assert process.stderr is not None
            assert any(line.startswith("ready: ") for line in process.stderr)
            process.send_signal(signal.SIGTERM)
            process.stderr.read()
        error = process.communicate()[1]

    assert process.returncode == 0, f"{words}: {error}"
