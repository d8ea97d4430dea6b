"""Files that hold tables, opened as fields and Arrow batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from schema.publishing.shelf import PublishingError
from vo.tables.field import Field

BATCH_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Source:
    """A table in a file.

    Attributes
    ----------
    path
        Of the file.
    fields
        Columns as the file describes them, in order.
    rows
        Their number; None where only reading tells.
    batches
        Reads the rows; columns are those of `fields`, of a type that can be cast to theirs.
    description
        What the file says of the table, None where it says nothing.
    """

    path: Path
    fields: tuple[Field, ...]
    rows: int | None
    batches: Callable[[], Iterator[pa.RecordBatch]]
    description: str | None = None


class UnreadableError(PublishingError):
    """A file that cannot be read as a table; the text says why."""


def open_source(path: Path, text_columns: frozenset[str] = frozenset()) -> Source:
    """Open a file by its first bytes, and where these say nothing by the ending of its name.

    Parameters
    ----------
    path
        FITS, VOTable, Parquet, ECSV, CSV or TSV.
    text_columns
        Columns that hold text whatever it looks like, lower case; heard for CSV and TSV.

    Raises
    ------
    UnreadableError
        Raised with a sentence.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(2048)
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror}.") from None
    return _opener(path, head, text_columns)(path)


def _opener(path: Path, head: bytes, text_columns: frozenset[str]) -> Callable[[Path], Source]:
    # Readers are imported when they are needed: astropy's take half a second.
    if head.startswith(b"PAR1"):
        from schema.publishing.arrow_sources import open_parquet

        return open_parquet
    if head.startswith(b"SIMPLE  ="):
        from schema.publishing.fits_source import open_fits

        return open_fits
    if b"<VOTABLE" in head or b":VOTABLE" in head:
        from schema.publishing.astropy_sources import open_votable

        return open_votable
    if head.startswith(b"# %ECSV"):
        from schema.publishing.astropy_sources import open_ecsv

        return open_ecsv
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        from functools import partial

        from schema.publishing.arrow_sources import open_csv

        return partial(open_csv, text_columns=text_columns)
    raise UnreadableError(f"{path} is no FITS table, VOTable, Parquet, ECSV, CSV or TSV file.")


def fields_of(schema: pa.Schema, words: Mapping[str, Mapping[str, str]] | None = None) -> tuple[Field, ...]:
    """Fields for the columns of an Arrow schema.

    Parameters
    ----------
    words
        What is known of columns beyond their types, by name.

    Raises
    ------
    UnreadableError
        Raised with all columns whose type no VOTable has.
    """
    fields, refused = [], []
    for each in schema:
        kind = _kind(each.type)
        if kind is None:
            refused.append(f"{each.name} ({each.type})")
            continue
        known = {
            name.decode().lower(): value.decode("utf-8", "replace") for name, value in (each.metadata or {}).items()
        }
        known |= (words or {}).get(each.name, {})
        datatype, arraysize, xtype = kind
        fields.append(
            Field(
                each.name,
                datatype,  # type: ignore[arg-type]  # from the table below
                arraysize,
                known.get("xtype") or xtype,
                known.get("unit") or None,
                known.get("ucd") or None,
                known.get("utype") or None,
                known.get("description") or None,
            )
        )
    if refused:
        raise UnreadableError(f"No column of the archive can hold the type of {', '.join(refused)}.")
    return tuple(fields)


_NUMBERS = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_uint8, "unsignedByte"),
    (lambda kind: pa.types.is_int8(kind) or pa.types.is_int16(kind), "short"),
    (lambda kind: pa.types.is_uint16(kind) or pa.types.is_int32(kind), "int"),
    (pa.types.is_integer, "long"),
    (lambda kind: pa.types.is_float16(kind) or pa.types.is_float32(kind), "float"),
    (lambda kind: pa.types.is_float64(kind) or pa.types.is_decimal(kind), "double"),
)


def _kind(kind: pa.DataType) -> tuple[str, str | None, str | None] | None:
    """Datatype, arraysize and xtype for a type of Arrow; None where there are none."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return "char", "*", None
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return "char", "*", "timestamp"
    if pa.types.is_null(kind):
        return "char", "*", None
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        inner = _kind(kind.value_type)
        if inner is None or inner[1] is not None:
            return None
        return inner[0], str(kind.list_size) if pa.types.is_fixed_size_list(kind) else "*", None
    return next(((datatype, None, None) for is_kind, datatype in _NUMBERS if is_kind(kind)), None)
