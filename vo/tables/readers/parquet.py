"""Parquet files → tables."""

from __future__ import annotations

import io

import pyarrow as pa
from pyarrow import parquet

from vo.dali.errors import UsageFault
from vo.tables.readers.arrow import from_arrow
from vo.tables.readers.limits import ReadLimits
from vo.tables.readers.votable_header import read_header
from vo.tables.table import Table

MAGIC = b"PAR1"

_VOTABLE = b"IVOA.VOTable-Parquet.content"
_SWELLING = 4
"""Times the limit of bytes that the unpacked columns may have: text of few words is much shorter in the file."""


def read_parquet(document: bytes, limits: ReadLimits) -> Table:
    """Read a file; units, UCDs and descriptions where a VOTable in it gives them.

    Parameters
    ----------
    document
        The whole file.
    limits
        Bounds.

    Raises
    ------
    UsageFault
        Raised for a damaged file and for columns that no VOTable could hold, and when there is more than the limits
        allow.

    References
    ----------
    IVOA Note "Parquet in the VO" (VOParquet) 1.0.
    """
    try:
        with parquet.ParquetFile(io.BytesIO(document)) as file:
            limits.check_columns(len(file.schema_arrow))
            limits.check_rows(file.metadata.num_rows)
            batches, size, rows = [], 0, 0
            for batch in file.iter_batches(16_384, use_threads=False):
                size, rows = size + batch.nbytes, rows + batch.num_rows
                limits.check_rows(rows)
                limits.check_bytes(size // _SWELLING)
                batches.append(batch)
            table = pa.Table.from_batches(batches, file.schema_arrow)
            described = (file.metadata.metadata or {}).get(_VOTABLE)
    except (pa.ArrowException, OSError, ValueError, EOFError):
        raise UsageFault("The Parquet file is damaged or broken off.") from None
    return from_arrow(table, limits, _described(described, limits))


def _described(document: bytes | None, limits: ReadLimits) -> dict[str, dict[str, str]]:
    if document is None:
        return {}
    try:
        columns = read_header(document, limits).columns
    except UsageFault:
        return {}
    return {
        column.field.name: {
            name: value
            for name in ("unit", "ucd", "utype", "description")
            if (value := getattr(column.field, name)) is not None
        }
        for column in columns
    }
