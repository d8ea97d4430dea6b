"""Parquet and Arrow: the columns as they are, with a VOTable that describes them."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from astropy.io.votable import parse
from everything import EVERYTHING, FULL, NULLS, ODD
from pyarrow import parquet

from vo.tables.arrow import write_arrow
from vo.tables.field import Field, arrow_schema
from vo.tables.parquet import write_parquet
from vo.tables.stream import TableStream
from vo.tables.votable import Info

MakeStream = Callable[..., TableStream]
WRITERS = pytest.mark.parametrize("write", [write_arrow, write_parquet])
CONTENT = b"IVOA.VOTable-Parquet.content"


def read(document: bytes) -> pa.Table:
    if document.startswith(b"PAR1"):
        return parquet.ParquetFile(io.BytesIO(document)).read()
    return pa.ipc.open_stream(document).read_all()


def metadata_of(document: bytes) -> dict[bytes, bytes]:
    if document.startswith(b"PAR1"):
        metadata: dict[bytes, bytes] = parquet.ParquetFile(io.BytesIO(document)).metadata.metadata
        return metadata
    return dict(pa.ipc.open_stream(document).schema.metadata)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=1e-7)
    return bool(one == other)


@WRITERS
def test_arrow_reads_every_value_back(make_stream: MakeStream, write: Callable[[TableStream], Iterator[bytes]]) -> None:
    rows = [FULL, NULLS, *ODD]
    table = read(b"".join(write(make_stream(EVERYTHING, rows))))
    assert same([list(row.values()) for row in table.to_pylist()], [list(row) for row in rows])
    assert table.schema.types == arrow_schema(EVERYTHING).types


def test_duckdb_reads_parquet(make_stream: MakeStream, tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    path.write_bytes(b"".join(write_parquet(make_stream(EVERYTHING, [FULL, NULLS, *ODD]))))
    with duckdb.connect() as connection:
        rows = connection.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    assert same([list(row) for row in rows], [list(row) for row in [FULL, NULLS, *ODD]])


@pytest.mark.testdata
@WRITERS
def test_a_valid_votable_without_rows_describes_the_columns(
    make_stream: MakeStream, check_xml: Callable[[bytes], None], write: Callable[..., Iterator[bytes]]
) -> None:
    metadata = metadata_of(b"".join(write(make_stream(EVERYTHING, [FULL]), [Info("QUERY", "SELECT <1> & 'é'")])))
    assert metadata[b"IVOA.VOTable-Parquet.version"] == b"1.0"
    check_xml(metadata[CONTENT])
    votable = parse(io.BytesIO(metadata[CONTENT]), verify="exception")
    table = votable.get_first_table()
    assert [field.name for field in table.fields] == [field.name for field in EVERYTHING]
    assert (str(table.fields[3].unit), table.fields[3].ucd) == ("d", "meta.number")
    assert [info.value for info in votable.resources[0].infos] == ["OK", "SELECT <1> & 'é'"]


@WRITERS
def test_columns_carry_their_units_too(make_stream: MakeStream, write: Callable[..., Iterator[bytes]]) -> None:
    field = read(b"".join(write(make_stream(EVERYTHING, [FULL])))).schema.field("number")
    described = {name: value for name, value in field.metadata.items() if not name.startswith(b"PARQUET:")}
    assert described == {
        b"unit": b"d", b"ucd": b"meta.number", b"utype": b"some:where",
        b"description": str(EVERYTHING[3].description).encode(),
    }  # fmt: skip


@WRITERS
def test_columns_of_one_name_are_told_apart(make_stream: MakeStream, write: Callable[..., Iterator[bytes]]) -> None:
    fields = [Field("x", "int"), Field("X", "int"), Field("x_2", "int")]
    table = read(b"".join(write(make_stream(fields, [[1, 2, 3]]))))
    assert table.to_pylist() == [{"x": 1, "X_3": 2, "x_2": 3}]


@WRITERS
def test_a_table_without_rows_has_its_columns(make_stream: MakeStream, write: Callable[..., Iterator[bytes]]) -> None:
    table = read(b"".join(write(make_stream(EVERYTHING, []))))
    assert (table.num_rows, table.num_columns) == (0, len(EVERYTHING))


def test_an_overflow_is_told_at_the_end(make_stream: MakeStream) -> None:
    fields = [Field("n", "int")]
    document = b"".join(write_parquet(make_stream(fields, [[1], [2]], maxrec=1)))
    infos = parse(io.BytesIO(metadata_of(document)[CONTENT])).resources[0].infos
    assert [(info.name, info.value) for info in infos] == [("QUERY_STATUS", "OK"), ("QUERY_STATUS", "OVERFLOW")]
    reader = pa.ipc.open_stream(b"".join(write_arrow(make_stream(fields, [[1], [2]], maxrec=1))))
    assert reader.read_next_batch().num_rows == 1
    assert dict(reader.read_next_batch_with_custom_metadata().custom_metadata) == {b"QUERY_STATUS": b"OVERFLOW"}


@WRITERS
def test_a_late_failure_leaves_nothing_that_reads_as_whole(write: Callable[..., Iterator[bytes]]) -> None:
    fields = (Field("n", "int"),)
    released: list[bool] = []

    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch([pa.array([1], pa.int32())], schema=arrow_schema(fields))
        raise RuntimeError("broken")

    pieces: list[bytes] = []
    with pytest.raises(RuntimeError, match="broken"):
        pieces.extend(write(TableStream(fields, batches(), release=lambda: released.append(True))))
    assert released == [True]
    document = b"".join(pieces)
    if document.startswith(b"PAR1"):
        with pytest.raises(pa.ArrowInvalid):
            read(document)
    else:
        # The end of a stream is eight bytes that a broken one lacks; readers that want to know look for them.
        assert not document.endswith(b"\xff\xff\xff\xff\x00\x00\x00\x00")


def test_parquet_leaves_in_groups_while_rows_arrive(make_stream: MakeStream) -> None:
    rows = [[number, "x" * 500] for number in range(200_000)]
    fields = [Field("n", "int"), Field("w", "char", "*")]
    pieces = [piece for piece in write_parquet(make_stream(fields, rows, batch_rows=10_000)) if piece]
    assert len(pieces) > 3
    assert read(b"".join(pieces))["n"].to_pylist() == list(range(200_000))
