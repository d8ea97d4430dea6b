from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tracemalloc
from pathlib import Path

import ncompress
import numpy as np
import pytest
from astropy.io import fits

from ingest.headers import NotTakenError, read_fits


def fits_bytes() -> bytes:
    stream = io.BytesIO()
    image = fits.ImageHDU(np.zeros((30, 50), np.float32), name="SCI")
    table = fits.BinTableHDU.from_columns([fits.Column("x", "D", array=np.arange(100.0))])
    fits.HDUList([fits.PrimaryHDU(np.zeros((3, 4, 5), np.int16)), image, table]).writeto(stream)
    return stream.getvalue()


WHOLE = fits_bytes()


def compress(content: bytes) -> bytes:
    """What compress(1) does."""
    packed: bytes = ncompress.compress(content)
    return packed


@pytest.fixture
def put(tmp_path: Path):  # type: ignore[no-untyped-def]
    def write(content: bytes, name: str = "file.fits") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def headers_by_astropy(content: bytes) -> list[tuple[int, int]]:
    with fits.open(io.BytesIO(content)) as hdus:
        return [(hdu.fileinfo()["datLoc"], hdu.size) for hdu in hdus]


@pytest.mark.parametrize(
    ("pack", "packing"),
    [
        pytest.param(bytes, "", id="plain"),
        pytest.param(gzip.compress, ".gz", id="gzip"),
        pytest.param(lambda b: gzip.compress(b[:5000]) + gzip.compress(b[5000:]), ".gz", id="gzip-in-two-members"),
        pytest.param(compress, ".Z", id="compress"),
        pytest.param(bz2.compress, ".bz2", id="bzip2"),
        pytest.param(lzma.compress, ".xz", id="xz"),
    ],
)
@pytest.mark.parametrize("name", ["file.fits", "file.fits.gz", "file.txt"])
def test_all_hdus_are_found_whatever_the_packing_and_the_name(put, pack, packing: str, name: str) -> None:  # type: ignore[no-untyped-def]
    found = read_fits(put(pack(WHOLE), name))
    assert found.packing == packing
    assert [(hdu.data_start, hdu.data_size) for hdu in found.hdus] == headers_by_astropy(WHOLE)
    assert [hdu.kind for hdu in found.hdus] == ["image", "image", "table"]
    assert [hdu.shape for hdu in found.hdus] == [(5, 4, 3), (50, 30), (8, 100)]
    assert found.warnings == ()


@pytest.mark.parametrize("length", [1, 79, 80, 2879, 2880, 2881, 5759, 2880 * 2 + 119, 2880 * 4, 2880 * 7 + 5])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, compress], ids=["plain", "gzip", "compress"])
def test_a_cut_file_is_refused_with_what_was_expected_and_found(put, pack, length: int) -> None:  # type: ignore[no-untyped-def]
    declared = headers_by_astropy(WHOLE)
    ends = [start + size for start, size in declared]
    path = put(pack(WHOLE[:length]))
    if any(end <= length <= -(-end // 2880) * 2880 for end in ends):
        read_fits(path)
        return
    with pytest.raises(NotTakenError) as raised:
        read_fits(path)
    text = f"{raised.value}"
    assert text.endswith(".")
    if "cut: the data" in text:
        assert f"found are {length}" in text
        assert any(f"need {end} bytes" in text for end in ends)


@pytest.mark.parametrize("cut", [1, 10, 200])
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gzip", "bzip2", "xz"])
def test_a_cut_stream_is_refused(put, pack, cut: int) -> None:  # type: ignore[no-untyped-def]
    packed = pack(WHOLE)
    with pytest.raises(NotTakenError, match="cut"):
        read_fits(put(packed[: len(packed) - cut]))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gzip", "bzip2", "xz"])
def test_a_damaged_stream_is_refused(put, pack) -> None:  # type: ignore[no-untyped-def]
    packed = bytearray(pack(np.random.default_rng(1).bytes(20_000)))
    packed[200:220] = bytes(20)
    with pytest.raises(NotTakenError):
        read_fits(put(bytes(packed)))


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE HTML PUBLIC><html><head><title>502 Proxy Error</title>", "HTML"),
        (b"\n\n<html>", "HTML"),
        (b"<?xml version='1.0'?><VOTABLE/>", "XML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "Git LFS"),
        (b'{"error": "not found"}', "JSON"),
        (b"PK\x03\x04aaaa", "ZIP"),
        (b"%PDF-1.4", "PDF"),
        (b"\x89PNG\r\n", "picture"),
        (b"a" * 257 + b"ustar\x0000", "tar"),
        (b"XTENSION= 'IMAGE   '", "extension"),
        (bytes(5000), "zeros"),
        (b"SIMPLY wrong", "SIMPLE"),
        (b"\x07" * 3 + b"\xfe\xfe", "SIMPLE"),
    ],
)
def test_what_is_no_fits_is_named(put, content: bytes, word: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(NotTakenError, match=word):
        read_fits(put(content))
    with pytest.raises(NotTakenError, match="not FITS"):
        read_fits(put(gzip.compress(content)))


def header_block(*cards: str) -> bytes:
    text = "".join(f"{card:80}" for card in (*cards, "END"))
    return text.ljust(-(-len(text) // 2880) * 2880).encode()


@pytest.mark.parametrize(
    ("cards", "word"),
    [
        (("SIMPLE  =                    F", "BITPIX  = 8", "NAXIS   = 0"), "SIMPLE = F"),
        (("SIMPLE  =                    T", "BITPIX  = 8"), "NAXIS"),
        (("SIMPLE  =                    T", "BITPIX  = 7", "NAXIS   = 1", "NAXIS1  = 1"), "BITPIX = 7"),
        (("SIMPLE  =                    T", "BITPIX  = 8", "NAXIS   = 1", "NAXIS1  = -1"), "NAXIS1 = -1"),
        (("SIMPLE  =                    T", "BITPIX  = 8", "NAXIS   = 1000"), "NAXIS = 1000"),
        (("SIMPLE  =                    T", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 5"), "NAXIS2"),
        (("SIMPLE  =                    T", "BITPIX  = 8", "NAXIS   = 'two'"), "NAXIS"),
    ],
)
def test_headers_that_cannot_be_are_refused(put, cards: tuple[str, ...], word: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(NotTakenError, match=word):
        read_fits(put(header_block(*cards)))


def test_sizes_without_end_are_compared_and_never_allocated(put) -> None:  # type: ignore[no-untyped-def]
    axes = [f"NAXIS{axis}  = 2000000000" for axis in range(1, 10)]
    path = put(header_block("SIMPLE  =                    T", "BITPIX  = -64", "NAXIS   = 9", *axes))
    with pytest.raises(NotTakenError, match=f"need {8 * 2_000_000_000**9 + 2880} bytes, found are 2880"):
        read_fits(path)


@pytest.mark.parametrize("pack", [gzip.compress, compress], ids=["gzip", "compress"])
def test_a_bomb_is_unpacked_in_flat_memory(put, pack) -> None:  # type: ignore[no-untyped-def]
    size = 200_000_000
    cards = ("SIMPLE  =                    T", "BITPIX  = 8", "NAXIS   = 1", f"NAXIS1  = {size + 1}")
    path = put(pack(header_block(*cards) + bytes(size)))
    tracemalloc.start()
    try:
        with pytest.raises(NotTakenError, match=f"found are {size + 2880}"):
            read_fits(path)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


def test_an_endless_header_is_refused(put, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("ingest.headers.MAX_HEADER", 100_000)
    cards = ["SIMPLE  =                    T", *["COMMENT again"] * 5000]
    with pytest.raises(NotTakenError, match="no END"):
        read_fits(put("".join(f"{card:80}" for card in cards).encode()))


def test_what_follows_the_last_hdu_is_a_warning(put) -> None:  # type: ignore[no-untyped-def]
    found = read_fits(put(WHOLE + b"left over" + bytes(5000)))
    assert len(found.hdus) == 3
    assert found.warnings == ("5009 bytes after the last HDU are not FITS.",)


def test_a_last_block_that_is_not_filled_up_is_a_warning(put) -> None:  # type: ignore[no-untyped-def]
    start, size = headers_by_astropy(WHOLE)[-1]
    found = read_fits(put(WHOLE[: start + size]))
    assert len(found.hdus) == 3
    assert "not filled up" in found.warnings[0]


def test_random_groups_and_heaps_count(put) -> None:  # type: ignore[no-untyped-def]
    stream = io.BytesIO()
    column = fits.Column("v", "PJ()", array=np.array([np.arange(n) for n in range(5)], dtype=object))
    fits.BinTableHDU.from_columns([column]).writeto(stream)
    table = stream.getvalue()[2880:]
    groups = header_block(
        "SIMPLE  =                    T", "BITPIX  = -32", "NAXIS   = 3", "NAXIS1  = 0", "NAXIS2  = 2", "NAXIS3  = 3",
        "GROUPS  =                    T", "PCOUNT  = 2", "GCOUNT  = 7",
    )  # fmt: skip
    data = 4 * 7 * (2 + 2 * 3)
    found = read_fits(put(groups + bytes(2880) + table))
    assert [(hdu.kind, hdu.data_size) for hdu in found.hdus] == [("groups", data), ("table", 5 * 8 + 10 * 4)]
    assert found.hdus[1].header_start == 5760


def test_a_tile_compressed_image_is_an_image_of_its_own_shape(put) -> None:  # type: ignore[no-untyped-def]
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(np.zeros((40, 60), np.int16))]).writeto(stream)
    found = read_fits(put(stream.getvalue(), "file.fits.fz"))
    assert (found.hdus[1].kind, found.hdus[1].shape) == ("image", (60, 40))
