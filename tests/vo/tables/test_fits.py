from __future__ import annotations

import io
import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from everything import EVERYTHING, FULL, NULLS, ODD
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vo.tables.field import Field
from vo.tables.fits import write_fits
from vo.tables.stream import TableStream
from vo.tables.votable import Info

MakeStream = Callable[..., TableStream]


def document_of(stream: TableStream, *infos: Info) -> bytes:
    document = b"".join(write_fits(stream, infos))
    assert len(document) % 2880 == 0
    with fits.open(io.BytesIO(document)) as hdus:
        hdus.verify("exception")
    return document


def read(stream: TableStream) -> Table:
    return Table.read(io.BytesIO(document_of(stream)), format="fits")


def plain(cell: Any) -> Any:
    if cell is np.ma.masked:
        return None
    return cell.tolist() if isinstance(cell, np.ndarray | np.generic) else cell


def test_astropy_reads_every_type_back(make_stream: MakeStream) -> None:
    rows = [FULL, *ODD]
    table = read(make_stream([field for field in EVERYTHING if field.name != "flag"], [row[1:] for row in rows]))
    for number, field in enumerate(EVERYTHING[1:], start=1):
        for cell, row in zip(table[field.name], rows, strict=True):
            expected = row[number]
            if field.datatype == "unicodeChar":
                assert all(ord(character) < 0x7F for character in cell or "")
            elif expected is None or expected == "":
                assert cell is np.ma.masked or np.size(cell) == 0 or np.all(np.ma.getmaskarray(cell))
            elif field.is_timestamp:
                assert datetime.fromisoformat(cell) == expected
            elif field.is_text:
                assert cell == expected
            else:
                filled = np.ma.filled(cell, np.nan) if np.ma.isMaskedArray(cell) or cell is np.ma.masked else cell
                np.testing.assert_array_equal(filled, np.asarray(expected, dtype=np.asarray(cell).dtype))


def test_truth_values_have_three_states(make_stream: MakeStream) -> None:
    document = document_of(make_stream([Field("b", "boolean")], [[True], [False], [None]]))
    with fits.open(io.BytesIO(document), logical_as_bytes=True) as hdus:
        assert hdus[1].data["b"].tolist() == [b"T", b"F", b""]


@pytest.mark.parametrize("datatype", ["unsignedByte", "short", "int", "long"])
def test_the_integer_that_means_null_is_none_of_the_values(make_stream: MakeStream, datatype: Any) -> None:
    limits = {"unsignedByte": (0, 255), "short": (-(2**15), 2**15 - 1), "int": (-(2**31), 2**31 - 1)}
    lowest, highest = limits.get(datatype, (-(2**63), 2**63 - 2))
    table = read(make_stream([Field("n", datatype)], [[lowest], [None], [highest]]))
    assert [plain(cell) for cell in table["n"]] == [lowest, None, highest]


def test_accents_are_left_off_since_fits_is_ascii(make_stream: MakeStream) -> None:
    table = read(make_stream([Field("w", "unicodeChar", "*")], [["Étoile"], ["α Cen"], ["a\tb"], ["x" * 500]]))
    assert table["w"].tolist() == ["Etoile", "? Cen", "a?b", "x" * 500]


def test_columns_are_described(make_stream: MakeStream) -> None:
    fields = [*EVERYTHING, Field("flux", "float", unit="erg.s**-1.cm**-2", description="Ä " + "long " * 40)]
    document = document_of(make_stream(fields, [(*FULL, 1.0)]), Info("QUERY", "SELECT 'é'\n FROM x " * 20))
    with fits.open(io.BytesIO(document)) as hdus:
        header = hdus[1].header
        assert (header["TUNIT4"], header["TUCD4"], header["TUTYP4"]) == ("d", "meta.number", "some:where")
        assert header["TCOMM4"] == EVERYTHING[3].description
        assert header["TCOMM15"] == "A " + " ".join(["long"] * 40)
        assert header["TUNIT15"] == "erg s-1 cm-2"
        assert "SELECT 'e' FROM x" in str(header["COMMENT"])


@pytest.mark.parametrize(("maxrec", "status"), [(None, "OK"), (3, "OK"), (2, "OVERFLOW"), (0, "OVERFLOW")])
def test_the_header_tells_of_an_overflow(make_stream: MakeStream, maxrec: int | None, status: str) -> None:
    document = document_of(make_stream(EVERYTHING, [FULL] * 3, maxrec=maxrec))
    with fits.open(io.BytesIO(document)) as hdus:
        assert hdus[1].header["QSTATUS"] == status
        assert hdus[1].header["NAXIS2"] == (3 if maxrec is None else maxrec)


def test_names_are_told_apart(make_stream: MakeStream) -> None:
    assert read(make_stream([Field("x", "int"), Field("X", "int")], [[1, 2]])).colnames == ["x", "X_2"]


def test_a_column_of_nulls_is_read(make_stream: MakeStream) -> None:
    fields = [field for field in EVERYTHING if "boolean" not in field.datatype]
    assert len(read(make_stream(fields, [[None] * len(fields)]))) == len(NULLS) // len(NULLS)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=9),
            st.none() | st.floats(),
            st.none() | st.integers(-(2**31), 2**31 - 1),
            st.lists(st.floats(allow_nan=False), max_size=3),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_table_reads_back_equal(make_stream: MakeStream, rows: list[tuple[Any, ...]]) -> None:
    fields = [Field("w", "char", "*"), Field("x", "double"), Field("n", "int"), Field("a", "double", "*")]
    wanted = [(w, None if x is None or math.isnan(x) else x, n, a) for w, x, n, a in rows]
    assert [tuple(plain(cell) for cell in row) for row in read(make_stream(fields, rows))] == wanted
