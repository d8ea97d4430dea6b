"""Parquet, CSV and TSV files as sources of rows."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.io.votable import parse

from schema.publishing.sources import BATCH_ROWS, Source, UnreadableError, fields_of

_VOPARQUET = b"IVOA.VOTable-Parquet.content"


def open_parquet(path: Path) -> Source:
    """Open a Parquet file; its columns may be described as VOParquet has it, or in the metadata of its fields.

    References
    ----------
    VOParquet 1.0 (IVOA Note), "Data-less VOTable".
    """
    try:
        with pq.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, int(file.metadata.num_rows)
    except (pa.ArrowInvalid, OSError) as error:
        raise UnreadableError(f"{path} is not a readable Parquet file: {_first_line(error)}") from None
    return Source(path, fields_of(schema, _described(schema)), rows, partial(_parquet_rows, path))


def _parquet_rows(path: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(BATCH_ROWS)


def _described(schema: pa.Schema) -> Mapping[str, Mapping[str, str]]:
    document = (schema.metadata or {}).get(_VOPARQUET)
    if document is None:
        return {}
    try:
        (table, *_) = parse(io.BytesIO(document)).iter_tables()
    except Exception:  # A description that cannot be read leaves the rows as good as they are.
        return {}
    words = ("unit", "ucd", "utype", "xtype", "description")
    return {
        field.name: {word: str(value) for word in words if (value := getattr(field, word)) is not None}
        for field in table.fields
    }


def open_csv(path: Path, text_columns: frozenset[str] = frozenset()) -> Source:
    """Open a file of separated values; its first line names the columns, and all rows decide on their types.

    Parameters
    ----------
    text_columns
        Columns that hold text whatever it looks like, lower case.
    """
    connection = duckdb.connect(config={"threads": 2})
    options: dict[str, Any] = {"header": True, "sample_size": -1, "strict_mode": True}
    if path.suffix.lower() == ".tsv":
        options["delimiter"] = "\t"
    try:
        found = connection.read_csv(str(path), **options)
        texts = {name: "VARCHAR" for name in found.columns if name.lower() in text_columns}
        # Times of day and spans of time stay the text that they are.
        odd = {name: "VARCHAR" for name, kind in zip(found.columns, found.types, strict=True) if _is_odd(str(kind))}
        if texts or odd:
            found = connection.read_csv(str(path), dtype={**odd, **texts}, **options)
        schema = found.limit(0).to_arrow_table().schema
    except duckdb.Error as error:
        connection.close()
        raise UnreadableError(f"{path} is not readable as separated values: {_first_line(error)}") from None

    def rows() -> Iterator[pa.RecordBatch]:
        try:
            yield from found.to_arrow_reader(BATCH_ROWS)
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise UnreadableError(f"{path} is not readable as separated values: {_first_line(error)}") from None
        finally:
            connection.close()

    return Source(path, fields_of(schema), None, rows)


def _is_odd(kind: str) -> bool:
    return kind.startswith(("TIME", "INTERVAL", "HUGEINT", "UUID", "BLOB")) and not kind.startswith("TIMESTAMP")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
