from __future__ import annotations

import gzip
import hashlib
import random
import shutil
import subprocess

import pytest

from modelpack.builders import streams

DATA = random.Random(1).randbytes(100_000) * 40  # noqa: S311 - any bytes do
PIECES = [DATA[start : start + 300_000] for start in range(0, len(DATA), 300_000)]
ZSTD = shutil.which("zstd") or "zstd"


def test_a_digest_sees_what_passes():
    digest = streams.Digest()

    assert b"".join(digest.watch(PIECES)) == DATA
    assert digest.finish() == "sha256:" + hashlib.sha256(DATA).hexdigest()
    assert digest.size == len(DATA)


def test_a_digest_of_nothing():
    digest = streams.Digest()

    assert list(digest.watch([])) == []
    assert digest.finish() == "sha256:" + hashlib.sha256().hexdigest()


def test_gzip_says_nothing_of_the_machine_and_comes_back():
    data = b"".join(streams.gzip(PIECES))

    assert data[:10] == bytes.fromhex("1f8b08000000000000ff")
    assert gzip.decompress(data) == DATA


@pytest.mark.parametrize("compress", [streams.gzip, lambda pieces: streams.zstd(pieces, ZSTD, 1)])
def test_how_the_input_is_cut_does_not_change_the_output(compress):
    assert b"".join(compress(PIECES)) == b"".join(compress([DATA]))


def test_the_number_of_threads_does_not_change_zstd_and_it_comes_back():
    large = PIECES * 6
    outputs = {b"".join(streams.zstd(large, ZSTD, threads)) for threads in (0, 1, 2, 5)}

    assert len(outputs) == 1
    back = subprocess.run([ZSTD, "-dc"], input=outputs.pop(), capture_output=True, check=True).stdout
    assert back == DATA * 6


def test_an_error_of_the_source_comes_out_of_zstd():
    def broken():
        yield DATA
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(streams.zstd(broken(), ZSTD, 2))


def test_a_program_that_fails_is_an_error_with_its_message(tmp_path):
    program = tmp_path / "zstd"
    program.write_text("#!/bin/sh\necho no such level >&2\nexit 3\n")
    program.chmod(0o755)

    with pytest.raises(streams.StreamError, match=r"zstd failed: no such level"):
        list(streams.zstd(PIECES * 5, str(program), 1))


def test_a_consumer_that_stops_early_ends_the_program():
    pieces = streams.zstd(iter(PIECES * 100), ZSTD, 1)
    next(pieces)

    pieces.close()
