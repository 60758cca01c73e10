"""Requirements files in pip's format: what right ones mean, and the exact report of wrong ones."""

from __future__ import annotations

import codecs

import pytest
from local_index import make_wheel

from modelpack.errors import SpecError
from modelpack.loading.dependencies import Dependencies
from modelpack.loading.pip_file import read_requirements_file
from modelpack.loading.sources import Folder
from modelpack.loading.yamlfile import Findings

DIGEST = "0123456789abcdef" * 4


def read(folder, content, name="requirements.txt"):
    path = folder / name
    if isinstance(content, str):
        content = content.encode()
    path.write_bytes(content)
    found = Dependencies(folder=Folder(path=folder, shown=""), findings=Findings(first=name))
    read_requirements_file(path, found)
    return found


def good(folder, content):
    found = read(folder, content)
    found.findings.raise_any()
    return found


def report(folder, content):
    with pytest.raises(SpecError) as caught:
        read(folder, content).findings.raise_any()
    return "".join(f"{problem}\n" for problem in caught.value.problems)


def texts(found):
    return [one.text for one in found.requirements]


def project(folder, name, content=None):
    (folder / name).mkdir(parents=True)
    (folder / name / "pyproject.toml").write_text(content or f'[project]\nname = "{name}"\n')


def test_all_that_a_file_may_say_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("PART", "simple")
    monkeypatch.setenv("TOKEN", "s3cret")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "base.txt").write_text("flask\n-c limits.txt\n-r again.txt\n")
    (tmp_path / "more" / "again.txt").write_text("werkzeug\n")
    (tmp_path / "more" / "limits.txt").write_text("numpy<3\nscipy==1.0 ; python_version < '3'\n")

    found = good(
        tmp_path,
        f"""\
# made by hand
--index-url https://ada:${{TOKEN}}@index.invalid/${{PART}}
--extra-index-url=https://index.invalid/other -f more
--pre
-rmore/base.txt
numpy [extra] >= 1.26 , <3   # arrays
pandas==2.2.0 \\
    --hash=sha256:{DIGEST} \\
    --hash sha512:{DIGEST * 2}
uvicorn[standard]==0.30.0;python_version>="3.8"
""",
    )

    assert [(one.text, one.origin) for one in found.requirements] == [
        ("flask", "more/base.txt:1"),
        ("werkzeug", "more/again.txt:1"),
        ("numpy [extra] >= 1.26 , <3", "requirements.txt:6"),
        ("pandas==2.2.0", "requirements.txt:7"),
        ('uvicorn[standard]==0.30.0;python_version>="3.8"', "requirements.txt:10"),
    ]
    assert [one.hashes for one in found.requirements if one.hashes] == [(f"sha256:{DIGEST}",)]
    assert [(one.text, one.origin) for one in found.constraints] == [
        ("numpy<3", "more/limits.txt:1"),
        ("scipy==1.0 ; python_version < '3'", "more/limits.txt:2"),
    ]
    indexes = found.indexes
    assert indexes.default.url == "https://ada:s3cret@index.invalid/simple"
    assert indexes.default.written == "https://***@index.invalid/${PART}"
    assert [one.url for one in indexes.extra] == ["https://index.invalid/other"]
    assert [(one.written, one.url) for one in indexes.links] == [("more", str(tmp_path / "more"))]
    assert (indexes.none, indexes.prereleases) == (False, True)


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + "numpy # é".encode(),
        "numpy # é".encode("utf-16"),
        "# -*- coding: latin-1 -*-\nnumpy # é".encode("latin-1"),
        b"numpy\r\n",
        "numpy\r\n".encode("utf-16-le"),
        b"\n\n  numpy\n#",
    ],
)
def test_encodings_and_ends_of_lines_are_known_as_pip_knows_them(tmp_path, content):
    assert texts(good(tmp_path, content)) == ["numpy"]


def test_everything_wrong_is_reported_at_once(tmp_path):
    (tmp_path / "inner.txt").write_text("-r requirements.txt\nscipy=1.0\n")
    (tmp_path / "limits.txt").write_text("numpy[extra]<2\n./inner.txt\n")

    found = report(
        tmp_path,
        """\
-r inner.txt
-r missing.txt
-r https://host.invalid/requirements.txt
-c limits.txt
--index-url https://${NO_SUCH_VARIABLE}/simple
--find-links ./nowhere
--indx-url https://host.invalid
--no-index=yes
--hash=sha256:00
numpy==1.26 --hash=sha256:00
numpy>=1.26 --hash=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
numpy --quux
git+https://user:pw@host.invalid/project@main
mine @ git+ssh://git@host.invalid/project
https://host.invalid/mine-1.0-py3-none-any.whl
sklearn
numpy 1.26
-r
""",
    )

    assert (
        found
        == """\
requirements.txt:2:1: no such file: missing.txt
requirements.txt:3:1: includes what stands at an address: https://host.invalid/requirements.txt \
(download it and name the file)
requirements.txt:5:1: the environment variable NO_SUCH_VARIABLE is not set \
(export NO_SUCH_VARIABLE, which this address needs)
requirements.txt:6:1: no such folder: ./nowhere
requirements.txt:7:1: an unknown option: --indx-url (did you mean --index-url?)
requirements.txt:8:1: the option --no-index takes no value: "yes"
requirements.txt:9:1: a hash without a requirement before it
requirements.txt:10:1: expected a digest such as sha256: and 64 hexadecimal digits, found "sha256:00"
requirements.txt:11:1: has digests, but no version: "numpy>=1.26" (write numpy==...)
requirements.txt:12:1: an unknown option: --quux
requirements.txt:13:1: names a repository, of which no digest is known: "git+https://***@host.invalid/project@main" \
(clone it beside the spec and require its folder)
requirements.txt:14:1: names a repository, of which no digest is known: \
"mine @ git+ssh://***@host.invalid/project" (clone it beside the spec and require its folder)
requirements.txt:15:1: names an address without a digest: "https://host.invalid/mine-1.0-py3-none-any.whl" \
(write mine-1.0-py3-none-any.whl#sha256=... with its digest, or download it and require the file: \
./mine-1.0-py3-none-any.whl)
requirements.txt:16:1: not the package that is meant: sklearn (did you mean scikit-learn?)
requirements.txt:17:1: not a requirement: "numpy 1.26" (did you mean numpy==1.26?)
requirements.txt:18:1: the option --requirement lacks its value
inner.txt:1:1: includes itself: requirements.txt
inner.txt:2:1: not a requirement: "scipy=1.0" (did you mean scipy==1.0?)
limits.txt:1:1: a constraint cannot have extras: "numpy[extra]<2"
limits.txt:2:1: neither a project, nor a source archive, nor a wheel: ./inner.txt
"""
    )


def test_options_without_effect_are_said_and_stop_nothing(tmp_path):
    project(tmp_path, "here")

    found = good(tmp_path, "--trusted-host host.invalid\n--no-binary :all:\n--only-binary :all:\n-e ./here\n")

    effect, whose = "the option", "the settings of the machine"
    assert [(one.severity, str(one)) for one in found.findings.notices] == [
        (
            "warning",
            f"requirements.txt:1:1: {effect} --trusted-host has no effect (only {whose} may do without certificates)",
        ),
        (
            "warning",
            "requirements.txt:2:1: the option --no-binary has no effect (wheels are taken where there are some)",
        ),
        ("note", "requirements.txt:4:1: built as it is now, not linked: packages hold no editable projects"),
    ]


def test_require_hashes_wants_one_behind_every_requirement(tmp_path):
    found = report(tmp_path, f"--require-hashes\nnumpy==1.0\nscipy==1.0 --hash=sha256:{DIGEST}\n")

    assert found == 'requirements.txt:2:1: no --hash, which --require-hashes demands: "numpy==1.0"\n'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"numpy\n# \xe9\n",
            "requirements.txt:2:1: not UTF-8: byte 0xe9 (save it as UTF-8, or begin it with # coding: latin-1)\n",
        ),
        (b"-U numpy\n", "requirements.txt:1:1: an option of pip's command, not of its files: -U (leave it out)\n"),
        (
            b"numpy==${NO_SUCH}\n",
            'requirements.txt:1:1: the environment variable NO_SUCH is not set: "numpy==${NO_SUCH}" (export NO_SUCH)\n',
        ),
        (b"# coding: klingon\n", "requirements.txt:1:1: an unknown encoding: klingon\n"),
        (b"--find-links 'open\n", "requirements.txt:1:1: cannot be split into words: no closing quotation\n"),
        (b"numpy==1 --hash='open\n", "requirements.txt:1:1: cannot be split into words: no closing quotation\n"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, content, message):
    assert report(tmp_path, content) == message


class TestPaths:
    def test_projects_archives_and_wheels_are_required_as_they_are(self, tmp_path):
        for name in ("here", "there", "lib/deep"):
            project(tmp_path, name, f'[project]\nname = "{name.rpartition("/")[2]}"\n')
        project(tmp_path, "poet", '[tool.poetry]\nname = "verse"\n')
        (tmp_path / "cfg").mkdir()
        (tmp_path / "cfg/setup.cfg").write_text("[metadata]\nname = from-cfg\n")
        (tmp_path / "old").mkdir()
        (tmp_path / "old/setup.py").write_text("from setuptools import setup\nsetup(\n    name='from-script',\n)\n")
        make_wheel(tmp_path, "my_pkg", "1.0")
        (tmp_path / "src-dist-2.0.tar.gz").write_bytes(b"")

        found = good(
            tmp_path,
            f"""\
./here
-e ./there[extra]
lib/deep ; python_version >= "3"
poet/
./cfg
./old
my_pkg-1.0-py3-none-any.whl
./src-dist-2.0.tar.gz
renamed[a,b] @ file://{tmp_path}/here
other @ ./there
""".replace("poet/", "./poet/"),
        )

        assert [(one.text, one.source.path.relative_to(tmp_path).as_posix()) for one in found.requirements] == [
            ("here", "here"),
            ("there[extra]", "there"),
            ('deep ; python_version >= "3"', "lib/deep"),
            ("verse", "poet"),
            ("from-cfg", "cfg"),
            ("from-script", "old"),
            ("my-pkg", "my_pkg-1.0-py3-none-any.whl"),
            ("src-dist", "src-dist-2.0.tar.gz"),
            ("renamed[a,b]", "here"),
            ("other", "there"),
        ]
        assert [str(one) for one in found.findings.notices] == [
            "requirements.txt:2:1: built as it is now, not linked: packages hold no editable projects"
        ]

    def test_a_path_begins_beside_the_file_or_the_spec(self, tmp_path):
        project(tmp_path, "here")
        (tmp_path / "req").mkdir()
        (tmp_path / "req/inner.txt").write_text("./here\n../here\n")

        found = good(tmp_path, "-r req/inner.txt\n")

        assert [one.source.path for one in found.requirements] == [tmp_path / "here"] * 2

    def test_what_is_wrong_with_a_path_is_said(self, tmp_path):
        (tmp_path / "empty").mkdir()
        (tmp_path / "nameless").mkdir()
        (tmp_path / "nameless/setup.py").write_text("setup(**settings)\n")
        (tmp_path / "renamed.whl").write_bytes(b"")

        found = report(tmp_path, "./empty\n./nameless\n./renamed.whl\n./gone\n~/mine\n/gone-1.0.tar.gz\n")

        assert (
            found
            == """\
requirements.txt:1:1: not a Python project: ./empty (it has none of pyproject.toml, setup.py, setup.cfg)
requirements.txt:2:1: the name of this project is known only when it is built: ./nameless (write NAME @ ./nameless)
requirements.txt:3:1: not the name of a wheel: "renamed.whl" (keep the name that it was built with)
requirements.txt:4:1: no such file or folder: ./gone
requirements.txt:5:1: no such file or folder: ~/mine (~ is not replaced, write the whole path)
requirements.txt:6:1: no such file or folder: /gone-1.0.tar.gz
"""
        )
