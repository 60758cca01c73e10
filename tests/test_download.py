from __future__ import annotations

import threading
import time

import pytest
from artifact_sources import deb, serving, sha256, wheel, write

from modelpack.errors import FetchError
from modelpack.lock import InterpreterTarball
from modelpack.parallel import Stop, Stopped
from modelpack.store.artifacts import _package
from modelpack.store.download import Downloader, Sources, Unavailable
from modelpack.web import http

CONTENT = bytes(range(256)) * 400
WHEEL = wheel("one", CONTENT)
DEB = deb("libone", CONTENT)


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(http, "WAITS", (0.01, 0.01))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def site():
    with serving() as found:
        yield found


def get(package, folder, **sources):
    """Fetch one artifact; give its content and the sum of the bytes told."""
    counts = []
    artifact = _package(package)
    downloader = Downloader(Sources(**sources), folder, wheels=[WHEEL], stop=Stop())
    with downloader.reserve(artifact, lambda: None) as file:
        downloader.fetch(artifact, file, counts.append)
        return file.read_bytes(), sum(counts)


def tries(package, folder, **sources):
    with pytest.raises(Unavailable) as caught:
        get(package, folder, **sources)
    return caught.value


def test_sources_are_tried_in_order_and_the_rest_is_left_alone(tmp_path, site):
    first, second = f"{site.url}/first", f"{site.url}/second/"
    site.put(f"/second/sha256/{WHEEL.sha256}", CONTENT)
    asked = []
    found = get(WHEEL, tmp_path, artifacts=(first, second), locate_wheels=asked.append)
    assert found == (CONTENT, len(CONTENT))
    assert [path for path, _ in site.asked] == [f"/{place}/sha256/{WHEEL.sha256}" for place in ("first", "second")]
    assert asked == []


def test_a_folder_is_a_source(tmp_path):
    write(tmp_path / "bundle/sha256" / DEB.sha256, CONTENT)
    assert get(DEB, tmp_path / "partial", artifacts=((tmp_path / "bundle").as_uri(),))[0] == CONTENT


def test_a_package_is_looked_for_at_its_pool_path_in_every_archive(tmp_path, site):
    site.put(f"/snapshot/{DEB.path}", CONTENT)
    archives = (f"{site.url}/debian", f"{site.url}/snapshot/")
    assert get(DEB, tmp_path, archives=archives)[0] == CONTENT
    assert [path for path, _ in site.asked] == [f"/debian/{DEB.path}", f"/snapshot/{DEB.path}"]


def test_wheels_are_located_once_for_all(tmp_path, site):
    other = wheel("two", b"2")
    urls = {item.sha256: site.put(f"/{item.filename}", body) for item, body in ((WHEEL, CONTENT), (other, b"2"))}
    asked = []

    def locate(wheels):
        asked.append(tuple(wheels))
        return urls

    downloader = Downloader(Sources(locate_wheels=locate), tmp_path, wheels=[WHEEL, other], stop=Stop())
    for item in (WHEEL, other):
        with downloader.reserve(_package(item), lambda: None) as file:
            downloader.fetch(_package(item), file, lambda _: None)
    assert asked == [(WHEEL, other)]


def test_what_every_source_answered_is_told_with_what_to_do(tmp_path, site):
    failure = tries(DEB, tmp_path, artifacts=(f"{site.url}/a",), archives=(f"{site.url}/b",))
    assert failure.label == DEB.filename
    assert failure.tries[0].startswith(f"{site.url}/a/sha256/{DEB.sha256}: ")
    assert "404" in failure.tries[0]
    assert failure.tries[1].startswith(f"{site.url}/b/{DEB.path}: ")
    assert "modelpack lock --upgrade" in failure.hint
    assert "debian.snapshots" in failure.hint


def test_no_source_at_all_is_told(tmp_path):
    assert tries(DEB, tmp_path).tries == ("no source for it is configured",)
    found = tries(WHEEL, tmp_path)
    assert found.tries == ("no package index of this machine offers this file",)
    assert "modelpack lock --upgrade one" in found.hint


def test_an_index_that_does_not_answer_is_told(tmp_path):
    def locate(_):
        raise FetchError("the index is down", details=("since noon",))

    assert tries(WHEEL, tmp_path, locate_wheels=locate).tries == ("the index is down", "  since noon")


def test_the_python_of_a_flake_is_made_only_when_nobody_has_it(tmp_path, site):
    tarball = InterpreterTarball(filename="a.tar", sha256=sha256(CONTENT), size=len(CONTENT), source="flake")

    def locate(_):
        raise FetchError("Nix cannot fetch it", hint="name another", details=("nix: no",))
        yield

    found = tries(tarball, tmp_path / "none", artifacts=(site.url,), locate_flake=locate)
    assert found.tries[1:] == ("Nix cannot fetch it", "  nix: no", "name another")
    assert "artifacts.sources" in found.hint
    site.put(f"/sha256/{tarball.sha256}", CONTENT)
    assert get(tarball, tmp_path, artifacts=(site.url,), locate_flake=locate)[0] == CONTENT


def test_a_damaged_copy_is_told_and_the_next_source_asked(tmp_path, site):
    site.put(f"/a/sha256/{DEB.sha256}", CONTENT[::-1])
    failure = tries(DEB, tmp_path, artifacts=(f"{site.url}/a",))
    assert "what arrived is not the file that was asked for" in failure.tries[0]
    assert any(sha256(CONTENT[::-1]) in line for line in failure.tries)
    site.put(f"/b/sha256/{DEB.sha256}", CONTENT)
    assert get(DEB, tmp_path, artifacts=(f"{site.url}/a", f"{site.url}/b")) == (CONTENT, len(CONTENT))


def test_a_broken_transfer_is_gone_on_with_from_another_source(tmp_path, site, monkeypatch):
    monkeypatch.setattr(http, "WAITS", ())
    site.put(f"/a/sha256/{DEB.sha256}", CONTENT)
    site.cut_after = 30_000
    tries(DEB, tmp_path, artifacts=(f"{site.url}/a",))
    part = tmp_path / DEB.sha256 / DEB.filename
    kept = part.stat().st_size
    assert 0 < kept < len(CONTENT)
    site.cut_after = None
    site.put(f"/b/{DEB.path}", CONTENT)
    assert get(DEB, tmp_path, archives=(f"{site.url}/b",)) == (CONTENT, len(CONTENT))
    assert site.asked[-1] == (f"/b/{DEB.path}", kept)


def test_nothing_is_left_of_what_was_used_or_never_came(tmp_path, site):
    tries(DEB, tmp_path / "partial", archives=(site.url,))
    site.put(f"/{DEB.path}", CONTENT)
    get(DEB, tmp_path / "partial", archives=(site.url,))
    assert list((tmp_path / "partial").iterdir()) == []


def test_a_file_that_another_run_has_is_waited_for(tmp_path):
    artifact, waited = _package(DEB), threading.Event()
    one, other = (Downloader(Sources(), tmp_path, stop=Stop()) for _ in range(2))
    entered = threading.Event()

    def second():
        with other.reserve(artifact, waited.set):
            entered.set()

    with one.reserve(artifact, lambda: None) as file:
        write(file, b"half")
        thread = threading.Thread(target=second)
        thread.start()
        assert waited.wait(5)
        time.sleep(0.3)
        assert not entered.is_set()
    thread.join(5)
    assert entered.is_set()


def test_many_at_once_never_meet(tmp_path):
    artifact, inside, most = _package(DEB), [], []

    def work():
        for _ in range(20):
            with Downloader(Sources(), tmp_path, stop=Stop()).reserve(artifact, lambda: None):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(most) == {1}
    assert list(tmp_path.iterdir()) == []


def test_waiting_ends_when_nobody_wants_the_result(tmp_path):
    artifact, stop = _package(DEB), Stop()
    with Downloader(Sources(), tmp_path, stop=Stop()).reserve(artifact, lambda: None):
        waiting = Downloader(Sources(), tmp_path, stop=stop)
        with pytest.raises(Stopped), waiting.reserve(artifact, stop.set):
            raise AssertionError


def test_a_transfer_ends_when_nobody_wants_the_result_and_is_kept(tmp_path, site):
    content, stop = bytes(6 << 20), Stop()
    package = deb("large", content)
    site.put(f"/{package.path}", content)
    downloader = Downloader(Sources(archives=(site.url,)), tmp_path, stop=stop)
    with pytest.raises(Stopped), downloader.reserve(_package(package), lambda: None) as file:
        downloader.fetch(_package(package), file, lambda _: stop.set())
    assert 0 < file.stat().st_size < len(content)
