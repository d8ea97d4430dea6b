"""Parquet with a VOTable that describes its columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

import pyarrow as pa
from pyarrow import parquet

from vo.tables.arrow import CONTENT, VERSION, Drain, described_schema
from vo.tables.stream import TableStream
from vo.tables.votable import Info, write_description

_GROUP_BYTES = 2**25
_GROUP_ROWS = 2**17


def write_parquet(stream: TableStream, infos: Sequence[Info] = ()) -> Iterator[bytes]:
    """Write a table as VOParquet: Parquet whose metadata hold a VOTable without rows.

    Rows leave in groups of up to 32 MiB, in Arrow's layout, as soon as one is full. The VOTable comes with the end of
    the file and tells of an overflow too. A failure among the rows is raised: the file has no end then, and no reader
    takes it.

    Parameters
    ----------
    stream
        Closed at the end, also when the reader goes away.
    infos
        Remarks.

    References
    ----------
    VOParquet 1.0 (IVOA Note, 2025-01-16), "Key-value metadata".
    """
    with closing(stream):
        schema = described_schema(stream.fields)
        sink = Drain()
        with parquet.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="snappy") as writer:
            yield sink.take()
            for group in _groups(stream, schema):
                writer.write_table(group)
                yield sink.take()
            content = write_description(stream, infos)
            writer.add_key_value_metadata({CONTENT: content, **VERSION})
        yield sink.take()


def _groups(stream: TableStream, schema: pa.Schema) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    for batch in stream:
        held.append(pa.record_batch(batch.columns, schema=schema))
        if sum(one.nbytes for one in held) >= _GROUP_BYTES or sum(one.num_rows for one in held) >= _GROUP_ROWS:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)
