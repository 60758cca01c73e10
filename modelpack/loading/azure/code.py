"""Code configurations: a folder, and the scoring script below it."""

from __future__ import annotations

import posixpath
import re

from modelpack.loading.azure.context import Context
from modelpack.loading.script import judge_script
from modelpack.loading.shape_reader import Value
from modelpack.loading.sources import FILE, FOLDER, Folder, exists, find_source, is_file
from modelpack.loading.yamlfile import show
from modelpack.spec import Code, Source


def read_code(value: Value, folder: Folder, context: Context, *, python: bool = True) -> Code | None:
    """Read a ``code_configuration``; None when it is wrong, which is then found.

    Args:
        value: the mapping.
        folder: where the path of the code begins.
        context: takes what is wrong.
        python: the script has to be one of Python's.
    """
    code = value.fields.get("code")
    script = _script(value, context)
    if code is None:
        if "code" not in value.wrong:
            context.find(value, "missing", "write code: ./src, the folder of the scoring script", key="code")
        return None
    if re.match(r"azureml:|/subscriptions/", code.text):
        hint = "download it, and name its folder"
        context.find(code, f"a code asset lies in a workspace, which is not asked: {show(code.text)}", hint)
        return None
    source = context.source(code, folder, kind=FOLDER)
    if source is None or script is None:
        return None
    if python and not script.text.endswith(".py"):
        context.find(script, f"expected a Python file, found: {show(script.text)}")
        return None
    return _below(script, source, folder, context)


def judge_code(code: Code, python: str, functions: tuple[str, ...], context: Context) -> None:
    """Find what is wrong with the scoring script of a server with a contract, without running it."""
    if code.scoring_script is None:
        return
    path = code.source.path / code.scoring_script
    shown = context.document.folder.show(path)
    judge_script(path, shown=shown, python=python, functions=functions, findings=context.findings)


def _script(value: Value, context: Context) -> Value | None:
    new, old = value.fields.get("scoring_script"), value.fields.get("entry_script")
    if new and old and new.text != old.text:
        context.find(old, f"another one than scoring_script: {show(old.text)}", "leave it out")
    if new is None and old is None and not value.wrong & {"scoring_script", "entry_script"}:
        context.find(value, "missing", "write scoring_script: score.py", key="scoring_script")
    return new or old


def _below(script: Value, source: Source, folder: Folder, context: Context) -> Code | None:
    code = Folder(path=source.path.resolve(), shown="", noun="the code folder", absolute=False)
    text = posixpath.normpath(script.text)
    meant = (folder.path / text).resolve()
    if not exists(code.path / text) and is_file(meant) and meant.is_relative_to(code.path):
        hint = f"write {show(str(meant.relative_to(code.path)))}"
        context.find(script, f"not a path below the code folder: {show(text)}", hint)
        return None
    return Code(source=source, scoring_script=text) if find_source(script, code, context.findings, kind=FILE) else None
