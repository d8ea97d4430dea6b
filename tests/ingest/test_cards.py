from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from ingest.cards import Header, read_cards
from ingest.headers import NotTakenError, read_fits


def card(text: str) -> tuple[str, object, str]:
    [found] = read_cards(f"{text:80}".encode("latin-1"))
    return found.keyword, found.value, found.comment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SIMPLE  =                    T / conforms", ("SIMPLE", True, "conforms")),
        ("NAXIS1  =                 2048", ("NAXIS1", 2048, "")),
        ("EXPTIME =              1.5D+02 / [s] time", ("EXPTIME", 150.0, "[s] time")),
        ("BSCALE  = .5", ("BSCALE", 0.5, "")),
        ("OBJECT  = 'O''HARA / X'        / name", ("OBJECT", "O'HARA / X", "name")),
        ("OBJECT  = '        '", ("OBJECT", "", "")),
        ("OBJECT  =                      / undefined", ("OBJECT", None, "undefined")),
        ("HIERARCH ESO DPR CATG = 'SCIENCE ' / category", ("ESO DPR CATG", "SCIENCE", "category")),
        ("HIERARCH ESO OBS ID=12345/no blanks", ("ESO OBS ID", 12345, "no blanks")),
        ("HIERARCH ESO TEL AMBI PRES START = 743.8 / [hPa]", ("ESO TEL AMBI PRES START", 743.8, "[hPa]")),
        ("COMMENT = 'not a value'", ("COMMENT", "= 'not a value'", "")),
        ("HISTORY  a = b / c", ("HISTORY", " a = b / c", "")),
        ("        text without keyword", ("", "text without keyword", "")),
        ("TEL_FOCUS= 12.5 / nine characters", ("TEL_FOCUS", 12.5, "nine characters")),
        ("exptime = 3.0", ("EXPTIME", 3.0, "")),
        ("BADSTR  = 'no end", ("BADSTR", "no end", "")),
        ("BADNUM  = 12.3.4 / what", ("BADNUM", "12.3.4", "what")),
        ("HUGE    = 1E999", ("HUGE", "1E999", "")),
        ("NANVAL  = NaN", ("NANVAL", "NaN", "")),
        ("COMPLEX = (1.0, 2.0) / c", ("COMPLEX", "(1.0, 2.0)", "c")),
        ("NAME    = 'caf\xe9\x07' / \x01", ("NAME", "café\ufffd", "\ufffd")),
    ],
)
def test_a_card_says_what_its_writer_meant(text: str, expected: tuple[str, object, str]) -> None:
    assert card(text) == expected


def test_long_strings_are_joined() -> None:
    header = fits.Header()
    header["LONG"] = ("abc'def " * 40).strip(), "and a comment"
    [found] = read_cards(header.tostring(endcard=False, padding=False).encode())
    assert (found.keyword, found.value) == ("LONG", header["LONG"])
    assert "and a comment" in found.comment


def test_of_a_repeated_keyword_the_first_counts_and_it_is_named() -> None:
    header = Header(read_cards(b"".join(f"{text:80}".encode() for text in ("A = 1", "B = 2", "A = 3", "B = 2"))))
    assert (header.value("A"), header.value("B"), header.repeated) == (1, 2, ("A",))


@pytest.mark.parametrize(
    ("value", "number", "integer", "text"),
    [
        ("12", 12.0, 12, "12"), ("12.5", 12.5, None, "12.5"), ("'12.0'", 12.0, 12, "12.0"), ("T", None, None, "True"),
        ("'x'", None, None, "x"), ("''", None, None, None), ("", None, None, None), ("'nan'", None, None, "nan"),
        ("'1e999'", None, None, "1e999"), ("1E3", 1000.0, 1000, "1000.0"),
    ],
)  # fmt: skip
def test_values_are_given_as_asked(value: str, number: float | None, integer: int | None, text: str | None) -> None:
    header = Header(read_cards(f"{'A       = ' + value:80}".encode()))
    assert (header.number("A"), header.integer("A"), header.text("A")) == (number, integer, text)


KEYWORDS = st.from_regex(r"[A-Z][A-Z0-9_-]{0,7}", fullmatch=True).filter(
    lambda word: word not in ("END", "COMMENT", "HISTORY", "CONTINUE", "HIERARCH", "XTENSION")
)
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)
VALUES = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False, allow_infinity=False),
    TEXT.map(str.rstrip),
)  # fmt: skip


@given(st.lists(st.tuples(KEYWORDS, VALUES), max_size=8))
def test_what_astropy_writes_is_read_back(pairs: list[tuple[str, object]]) -> None:
    header = fits.Header()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for keyword, value in pairs:
            header.append((keyword, value))
        written = header.tostring(endcard=False, padding=False)
    found = [(one.keyword, one.value) for one in read_cards(written.encode())]
    assert found == [(keyword, pytest.approx(value, rel=1e-12, abs=0) if isinstance(value, float) else value)
                     for keyword, value in pairs]  # fmt: skip


@given(st.binary(min_size=80, max_size=800).map(lambda b: b[: len(b) // 80 * 80]))
def test_no_bytes_at_all_raise(content: bytes) -> None:
    for one in read_cards(content):
        assert one.keyword.isprintable()
        assert isinstance(one.value, str | bool | int | float | None)


@pytest.mark.testdata
def test_real_headers_are_read_as_astropy_reads_them(real_fits: Path) -> None:
    compared = 0
    for path in sorted(real_fits.iterdir()):
        if path.suffix == ".csv":
            continue
        try:
            found = read_fits(path)
        except NotTakenError:
            continue
        if found.packing == ".Z":
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(path, disable_image_compression=True, ignore_missing_end=True) as hdus:
                for ours, theirs in zip(found.hdus, hdus, strict=True):
                    for keyword in ours.header:
                        if keyword in theirs.header:
                            compared += _same(ours.header.value(keyword), theirs.header, keyword)
    assert compared > 25_000


def _same(ours: object, header: fits.Header, keyword: str) -> int:
    try:
        theirs = header[keyword]
    except fits.VerifyError:
        return 0
    if isinstance(theirs, fits.card.Undefined):
        theirs = None
    if f"{theirs}".lstrip().startswith("="):
        return 0  # keywords of nine characters, which astropy cuts
    if isinstance(theirs, complex) or f"{keyword}." in f"{header.cards[keyword]}" or "." in keyword:
        return 0
    if header.cards[keyword].rawvalue is not None and ": " in f"{ours}":
        return 0  # record-valued cards, which astropy takes apart
    if "'" in f"{ours}" and len(f"{ours}") > 68:
        return 0  # quotes in continued strings, which astropy drops
    assert ours == (theirs.rstrip() if isinstance(theirs, str) else theirs), keyword
    return 1
