from __future__ import annotations

import array
import bz2
import collections
import datetime as dt
import gzip
import io
import lzma
import os
import pickle
import pickletools
import struct
import tarfile
import zipfile
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelpack.weights.formats import inspect

HARMLESS = {"a": [1.0, 2, -3, 1 << 80, None, True, "x" * 1000, b"y" * 5000, (1, 2, 3, 4), {5}], "b": bytearray(b"z")}


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


def look(tmp_path, data, name="model"):
    path = tmp_path / name
    path.write_bytes(data)
    return inspect(path)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_of_any_protocol_is_one_whatever_its_name(tmp_path, protocol):
    found = look(tmp_path, pickle.dumps(HARMLESS, protocol), "labels.txt")
    assert (found.format, found.kinds, found.problems) == ("pickle", {"pickle"}, [])


@pytest.mark.parametrize("protocol", range(6))
def test_what_a_pickle_names_is_found_without_loading_it(tmp_path, protocol):
    counted = collections.OrderedDict(at=dt.date(2020, 1, 1), evil=Evil())
    found = look(tmp_path, pickle.dumps(counted, protocol))
    assert {"collections:OrderedDict", "datetime:date", "posix:system"} <= found.imports


def test_names_are_found_over_detours_through_the_memo(tmp_path):
    words = b"\x80\x04\x8c\x06system\x94\x8c\x05posix\x940h\x01h\x00\x93\x8c\x04true\x85R."
    assert look(tmp_path, words).imports == {"posix:system"}


def test_memo_numbers_count_as_an_unpickler_counts_them(tmp_path):
    # PUT 0 twice leaves one entry, so MEMOIZE takes number 1.
    words = b"\x80\x04\x8c\x01aq\x00q\x000\x8c\x05posix\x940h\x01\x8c\x06system\x93)R."
    assert look(tmp_path, words).imports == {"posix:system"}


def test_a_name_that_is_worked_out_while_loading_is_told(tmp_path):
    words = b"\x80\x04\x8c\x08builtins\x8c\x03str\x93\x8c\x05posix\x85R\x8c\x06system\x93."
    assert "?:?" in look(tmp_path, words).imports


def test_pickles_in_pickles_are_walked(tmp_path):
    inner = pickle.dumps(Evil(), 4)
    assert "posix:system" in look(tmp_path, pickle.dumps({"state": inner})).imports
    assert "posix:system" in look(tmp_path, pickle.dumps({"state": inner + b"." * 300})).imports


def test_what_runs_before_a_pickle_breaks_is_found(tmp_path):
    found = look(tmp_path, pickle.dumps(Evil(), 2)[:-1] + b"\xff")
    assert found.imports == {"posix:system"}
    assert found.problems == ["byte 35 is no opcode of a pickle: 0xff"]


def test_a_pickle_without_magic_number_is_one(tmp_path):
    assert look(tmp_path, b"cposix\nsystem\n(S'true'\ntR.").imports == {"posix:system"}
    assert look(tmp_path, b"(S'true'\niposix\nsystem\n").imports == {"posix:system"}
    assert look(tmp_path, pickle.dumps(Evil(), 2)[2:]).imports == {"posix:system"}


@pytest.mark.parametrize(
    "text",
    [
        "cat\ndog\nhorse\n",
        "class,label\ncat,1\n",
        "imagenet\nnames\n",
        "(a, b)\n",
        '{"a": 1}',
        "I am.\n",
        ".",
        "N.",
        "PRE\n.",
        "# Model\n",
    ],
)
def test_texts_are_no_pickles(tmp_path, text):
    assert look(tmp_path, text.encode(), "model.pkl").format == "text"


def test_a_truncated_pickle_is_damaged(tmp_path):
    data = pickle.dumps(HARMLESS, 4)
    assert look(tmp_path, data[:-40]).problems[0].startswith("it is cut off")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zlib.compress])
def test_compressed_pickles_are_walked(tmp_path, pack):
    found = look(tmp_path, pack(pickle.dumps(Evil())))
    assert (found.format, found.imports) == ("pickle", {"posix:system"})
    assert look(tmp_path, pack(b"some text")).kinds == set()


def test_compressed_data_that_unpacks_to_too_much_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("modelpack.weights.content._FREE", 1 << 20)
    data = gzip.compress(b"\x80\x04\x95" + bytes(8) + b"\x8e" + struct.pack("<Q", 1 << 27) + bytes(1 << 27))
    assert look(tmp_path, data).problems == ["it unpacks to more than 200 times its size"]


def zipped(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/"), data)
    return out.getvalue()


def test_torch_archives_are_known_and_their_storages_left_alone(tmp_path):
    files = {"m__data.pkl": pickle.dumps(Evil(), 2), "m__version": "3\n", "m__data__0": b"\x80\x04\x95" + bytes(40)}
    found = look(tmp_path, zipped(**files))
    assert (found.format, found.kinds, found.imports, found.problems) == ("torch", {"pickle"}, {"posix:system"}, [])


def test_old_torch_files_are_several_pickles(tmp_path):
    words = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, Evil(), ["0"])
    found = look(tmp_path, b"".join(pickle.dumps(word, 2) for word in words) + bytes(100))
    assert (found.format, found.imports, found.problems) == ("torch", {"posix:system"}, [])


def test_archives_in_archives_are_looked_into(tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        inner = zipped(**{"a__data.pkl": pickle.dumps(Evil(), 2)})
        info = tarfile.TarInfo("weights.ckpt")
        info.size = len(inner)
        archive.addfile(info, io.BytesIO(inner))
    found = look(tmp_path, out.getvalue())
    assert (found.format, found.kinds, found.imports) == ("tar", {"pickle"}, {"posix:system"})


def test_damaged_archives_are_told(tmp_path):
    data = zipped(**{"a__data.pkl": pickle.dumps(HARMLESS)})
    assert look(tmp_path, data[:-30]).problems == ["it is damaged: File is not a zip file"]
    assert look(tmp_path, gzip.compress(pickle.dumps(HARMLESS))[:-20]).problems


def test_a_lambda_of_keras_is_code(tmp_path):
    config = '{"config": {"layers": [{"class_name": "Lambda"}]}}'
    found = look(tmp_path, zipped(**{"config.json": config, "metadata.json": "{}"}))
    assert (found.format, found.kinds) == ("keras", {"keras", "marshal"})
    old = look(tmp_path, b"\x89HDF\r\n\x1a\n" + bytes(5000) + config.encode())
    assert old.kinds == {"hdf5", "marshal"}


def npy(descr, data, shape=(1,)):
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def test_arrays_of_objects_are_pickles(tmp_path):
    assert look(tmp_path, npy("<f8", bytes(8))).kinds == {"numpy"}
    found = look(tmp_path, npy("|O", pickle.dumps(Evil())))
    assert (found.kinds, found.imports) == ({"numpy", "pickle"}, {"posix:system"})
    assert look(tmp_path, npy("<f8", bytes(7))).problems == ["it is cut off: 1 bytes of the array are missing"]
    packed = look(tmp_path, zipped(**{"a.npy": npy([("a", "|O")], pickle.dumps(Evil()))}))
    assert (packed.format, packed.kinds) == ("numpy", {"numpy", "pickle"})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=30,
)
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(value=VALUES, protocol=st.integers(2, 5))
@QUICK
def test_every_pickle_is_walked_to_its_end(tmp_path, value, protocol):
    data = pickle.dumps(value, protocol)
    found = look(tmp_path, data)
    named = {f"{arg.replace(' ', ':')}" for op, arg, _ in pickletools.genops(data) if op.name == "GLOBAL"}
    assert (found.format, found.problems) == ("pickle", [])
    assert named <= found.imports


@given(
    data=st.binary(max_size=300), head=st.sampled_from([b"", b"\x80\x04", b"\x80\x02", b"PK\x03\x04", b"\x1f\x8b\x08"])
)
@QUICK
def test_hostile_bytes_give_no_exception(tmp_path, data, head):
    assert look(tmp_path, head + data).format or head + data


@given(data=st.data())
@QUICK
def test_damaged_files_give_no_exception(tmp_path, data):
    made = data.draw(st.sampled_from(SAMPLES))
    place = data.draw(st.integers(0, len(made) - 1))
    changed = made[:place] + data.draw(st.binary(max_size=4)) + made[place + data.draw(st.integers(0, 4)) :]
    look(tmp_path, changed)


def _tar():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("a.pkl")
        info.size = len(pickle.dumps(HARMLESS))
        archive.addfile(info, io.BytesIO(pickle.dumps(HARMLESS)))
    return out.getvalue()


SAMPLES = [
    *(pickle.dumps([HARMLESS, array.array("d", [1.0])], protocol) for protocol in range(6)),
    zipped(**{"a__data.pkl": pickle.dumps(HARMLESS, 2), "a__version": "3"}),
    gzip.compress(pickle.dumps(HARMLESS)),
    lzma.compress(pickle.dumps(HARMLESS)),
    bz2.compress(pickle.dumps(HARMLESS)),
    zlib.compress(pickle.dumps(HARMLESS)),
    npy("<f8", bytes(8)),
    _tar(),
]
