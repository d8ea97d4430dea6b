"""Rows kept on disk for forms that must know all of them before the first byte."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import IO

import pyarrow as pa

from vo.dali.errors import FatalFault, UsageFault
from vo.tables.field import arrow_schema
from vo.tables.stream import TableStream

SPOOL_BYTES = 2**32
"""Most bytes on disk for one table."""

_PIECE_BYTES = 2**21


class Spool:
    """Rows of a table that can be read more than once.

    Parameters
    ----------
    file
        Holds an Arrow file.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def pieces(self, row_bytes: int) -> Iterator[pa.RecordBatch]:
        """Rows, so many at a time that they make about 2 MiB at `row_bytes` each."""
        rows = max(1, _PIECE_BYTES // max(row_bytes, 1))
        self._file.seek(0)
        with pa.ipc.open_file(self._file) as reader:
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number)
                for start in range(0, batch.num_rows, rows):
                    yield batch.slice(start, rows)


@contextmanager
def spooled(
    stream: TableStream, look: Callable[[pa.RecordBatch], None], most_bytes: int | None = None
) -> Iterator[Spool]:
    """Read a stream to its end, into a file without a name that is gone when the context ends, however it ends.

    Parameters
    ----------
    stream
        Closed at its end.
    look
        Sees each batch as it arrives.
    most_bytes
        Limit of the file, `SPOOL_BYTES` without one.

    Raises
    ------
    UsageFault
        Raised if the rows need more than `most_bytes`.
    FatalFault
        Raised if the disk is full.
    """
    most_bytes = SPOOL_BYTES if most_bytes is None else most_bytes
    with tempfile.TemporaryFile(prefix="quipu-table-") as file:
        try:
            _fill(file, stream, look, most_bytes)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise FatalFault(
                "The disk of the service has no room for this table in this format; VOTable, CSV and Parquet need none."
            ) from error
        yield Spool(file)


def _fill(file: IO[bytes], stream: TableStream, look: Callable[[pa.RecordBatch], None], most_bytes: int) -> None:
    schema = arrow_schema(stream.fields)
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with closing(stream), pa.ipc.new_file(file, schema, options=options) as writer:
        for batch in stream:
            look(batch)
            writer.write_batch(pa.record_batch(batch.columns, schema=schema))
            if file.tell() > most_bytes:
                raise UsageFault(
                    f"The table is too large for this format, which needs all its rows before the first leaves (limit "
                    f"{most_bytes / 2**20:.0f} MiB); ask for fewer rows, or for VOTable, CSV or Parquet."
                )
