from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
from everything import EVERYTHING, FULL, NULLS, ODD
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vo.tables.field import Field, arrow_schema
from vo.tables.json import write_json
from vo.tables.stream import TableStream

MakeStream = Callable[..., TableStream]


def read(stream: TableStream) -> Any:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(b"".join(write_json(stream)), parse_constant=refuse)


def in_json(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds" if value.microsecond % 1000 else "milliseconds")
    return [in_json(item) for item in value] if isinstance(value, list) else value


def test_every_type_reads_back_and_what_json_cannot_say_is_null(make_stream: MakeStream) -> None:
    rows = [FULL, NULLS, *ODD]
    assert read(make_stream(EVERYTHING, rows))["data"] == [[in_json(value) for value in row] for row in rows]


def test_columns_are_described_in_the_words_of_votable(make_stream: MakeStream) -> None:
    metadata = read(make_stream(EVERYTHING, []))["metadata"]
    assert [column["name"] for column in metadata] == [field.name for field in EVERYTHING]
    assert metadata[3] == {
        "name": "number", "datatype": "int", "unit": "d", "ucd": "meta.number", "utype": "some:where",
        "description": EVERYTHING[3].description,
    }  # fmt: skip
    assert metadata[11] == {"name": "point", "datatype": "double", "arraysize": "2", "xtype": "point"}


@pytest.mark.parametrize(("maxrec", "rows"), [(None, 4), (4, 4), (3, 3), (0, 0)])
def test_an_overflow_is_told_after_the_rows(make_stream: MakeStream, maxrec: int | None, rows: int) -> None:
    document = read(make_stream([Field("n", "int")], [[1]] * 4, maxrec=maxrec))
    assert len(document["data"]) == rows
    assert document.get("overflow", False) == (rows < 4)


def test_a_late_failure_leaves_no_json(make_stream: MakeStream) -> None:
    fields = (Field("n", "int"),)

    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch([pa.array([1], pa.int32())], schema=arrow_schema(fields))
        raise RuntimeError("broken")

    pieces = []
    with pytest.raises(RuntimeError, match="broken"):
        pieces.extend(write_json(TableStream(fields, batches())))
    with pytest.raises(json.JSONDecodeError):
        json.loads(b"".join(pieces))


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
            st.none() | st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=3),
        ),
        max_size=6,
    )
)
def test_any_table_reads_back_equal(make_stream: MakeStream, rows: list[tuple[Any, ...]]) -> None:
    fields = [Field("w", "unicodeChar", "*"), Field("x", "double"), Field("n", "long", "*")]
    assert read(make_stream(fields, rows))["data"] == [list(row) for row in rows]
