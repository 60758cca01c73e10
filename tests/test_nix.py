"""``store/nix``: what is known of the store without asking Nix."""

from __future__ import annotations

import pytest

from modelpack.store.nix import Nix

PACKAGE = "/nix/store/2aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-demo-1"
IMAGE = "/nix/store/3aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-image-demo-1"


class AskedError(Exception):
    pass


@pytest.fixture
def nix(tmp_path, monkeypatch):
    for path in (PACKAGE, IMAGE):
        (tmp_path / path[1:]).mkdir(parents=True)

    def ask(*_):
        raise AskedError

    monkeypatch.setattr(Nix, "missing", ask)
    return Nix(store=tmp_path)


@pytest.fixture
def link(tmp_path):
    for name, path in (("demo", PACKAGE), ("demo-2", IMAGE)):
        (tmp_path / name).symlink_to(path)
    return tmp_path / "demo"


def test_what_a_root_keeps_is_there_without_asking_nix(nix, link):
    assert nix.holds([PACKAGE, IMAGE], link)


def test_nix_is_asked_where_a_root_is_missing_or_leads_elsewhere(nix, link):
    with pytest.raises(AskedError):
        nix.holds([IMAGE, PACKAGE], link)
    link.unlink()
    with pytest.raises(AskedError):
        nix.holds([PACKAGE, IMAGE], link)


def test_nix_is_asked_where_the_store_lost_what_a_root_leads_to(nix, link, tmp_path):
    (tmp_path / IMAGE[1:]).rmdir()
    with pytest.raises(AskedError):
        nix.holds([PACKAGE, IMAGE], link)
