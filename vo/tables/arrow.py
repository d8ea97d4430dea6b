"""Tables as they are inside the archive: Arrow streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

import pyarrow as pa

from vo.tables.field import Field, arrow_type
from vo.tables.names import distinct_names
from vo.tables.stream import TableStream
from vo.tables.votable import Info, write_description

CONTENT = b"IVOA.VOTable-Parquet.content"
VERSION = {b"IVOA.VOTable-Parquet.version": b"1.0"}


def write_arrow(stream: TableStream, infos: Sequence[Info] = ()) -> Iterator[bytes]:
    """Write a table in the streaming form of Arrow.

    The schema carries a VOTable without rows under the keys of VOParquet, so that whoever saves the table as Parquet
    keeps it, and each column its unit, UCD, utype, xtype and description. Where rows were cut off, an empty batch with
    ``QUERY_STATUS`` in its metadata follows the others. A failure among the rows is raised: the stream has no end then.

    Parameters
    ----------
    stream
        Closed at the end, also when the reader goes away.
    infos
        Remarks.

    References
    ----------
    Arrow Columnar Format 1.5, "IPC Streaming Format"; VOParquet 1.0 (IVOA Note).
    """
    with closing(stream):
        schema = described_schema(stream.fields).with_metadata({CONTENT: write_description(stream, infos), **VERSION})
        sink = Drain()
        with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), schema) as writer:
            yield sink.take()
            for batch in stream:
                writer.write_batch(pa.record_batch(batch.columns, schema=schema))
                yield sink.take()
            if stream.overflow:
                nothing = pa.RecordBatch.from_pylist([], schema=schema)
                writer.write_batch(nothing, {"QUERY_STATUS": "OVERFLOW"})
        yield sink.take()


def described_schema(fields: tuple[Field, ...]) -> pa.Schema:
    """Arrow schema whose columns differ in name and carry their descriptions."""
    names = distinct_names(field.name for field in fields)
    return pa.schema([_described(field, name) for field, name in zip(fields, names, strict=True)])


def _described(field: Field, name: str) -> pa.Field:
    description = {
        "unit": field.unit,
        "ucd": field.ucd,
        "utype": field.utype,
        "xtype": field.xtype,
        "description": field.description,
    }
    return pa.field(
        name, arrow_type(field), metadata={key: value for key, value in description.items() if value is not None}
    )


class Drain:
    """A file that is only written, and emptied now and then; what Arrow's writers need of one."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        """Keep a piece."""
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Do nothing: whoever takes the pieces decides when."""

    def close(self) -> None:
        """Do nothing: what was written last is still to be taken."""

    def take(self) -> bytes:
        """What was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
