from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from everything import EVERYTHING, FULL, NULLS, ODD
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vo.tables.ecsv import write_ecsv
from vo.tables.field import Field
from vo.tables.stream import TableStream
from vo.tables.votable import Info

MakeStream = Callable[..., TableStream]


def read(stream: TableStream, *infos: Info) -> Table:
    return Table.read(io.BytesIO(b"".join(write_ecsv(stream, infos))), format="ascii.ecsv")


def test_astropy_reads_every_type_back(make_stream: MakeStream) -> None:
    rows = [FULL, *ODD]
    table = read(make_stream(EVERYTHING, rows))
    for number, field in enumerate(EVERYTHING):
        for cell, row in zip(table[field.name], rows, strict=True):
            expected = row[number]
            if expected is None or (expected == "" and field.is_text):
                assert np.all(np.ma.getmaskarray(np.ma.asarray(cell)))
            elif field.is_timestamp:
                assert datetime.fromisoformat(cell) == expected
            elif field.is_text:
                assert cell == expected
            else:
                np.testing.assert_array_equal(np.asarray(cell), np.asarray(expected, dtype=np.asarray(cell).dtype))


def test_null_cells_are_masked(make_stream: MakeStream) -> None:
    table = read(make_stream(EVERYTHING, [FULL, NULLS]))
    for field in EVERYTHING:
        assert np.all(table[field.name].mask[1]), field.name
        assert not np.any(table[field.name].mask[0]), field.name


def test_units_and_descriptions_and_remarks_arrive(make_stream: MakeStream) -> None:
    table = read(make_stream(EVERYTHING, [FULL]), Info("QUERY", "SELECT 'é'\n\x00 -- {[:"))
    assert table["number"].unit == "d"
    assert table["number"].description == EVERYTHING[3].description
    assert dict(table["number"].meta) == {"ucd": "meta.number", "utype": "some:where"}
    assert table.meta["INFO"] == [{"name": "QUERY", "value": "SELECT 'é'\n\x00 -- {[:"}]


@pytest.mark.parametrize("fields", [[Field("x", "int"), Field("X", "int")], [Field("# a, b", "int")]], ids=str)
def test_names_are_kept_or_told_apart(make_stream: MakeStream, fields: list[Field]) -> None:
    table = read(make_stream(fields, [[1] * len(fields)]))
    assert table.colnames[0] == fields[0].name
    assert len(set(table.colnames)) == len(fields)


def test_a_column_of_nothing_keeps_its_rows(make_stream: MakeStream) -> None:
    assert len(read(make_stream([Field("n", "int")], [[None], [1], [None]]))) == 3


def test_a_table_without_rows_has_its_columns(make_stream: MakeStream) -> None:
    # astropy 8 stumbles over an array of fixed size without rows, its own too.
    fields = [field for field in EVERYTHING if field.name != "point"]
    assert read(make_stream(fields, [])).colnames == [field.name for field in fields]


def test_ends_of_lines_inside_text_become_blanks(make_stream: MakeStream) -> None:
    table = read(make_stream([Field("w", "char", "*"), Field("n", "int")], [["a\nb\r\nc\u2028d", 1], ["# no", 2]]))
    assert table["w"].tolist() == ["a b  c d", "# no"]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8),
            st.none() | st.floats(allow_nan=False),
            st.none() | st.integers(-(2**63), 2**63 - 1),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_table_reads_back_equal(make_stream: MakeStream, rows: list[tuple[Any, ...]]) -> None:
    table = read(make_stream([Field("w", "unicodeChar", "*"), Field("x", "double"), Field("n", "long")], rows))
    assert [tuple(None if cell is np.ma.masked else cell for cell in row) for row in table] == rows
