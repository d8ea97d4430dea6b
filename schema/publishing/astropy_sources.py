"""VOTable and ECSV as sources of rows; astropy reads them whole."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
from astropy.io.votable import parse
from astropy.table import Table

from schema.publishing.numpy_columns import arrow_column
from schema.publishing.sources import BATCH_ROWS, Source, UnreadableError
from vo.tables.field import Field

_DATATYPES = {
    "b1": "boolean", "u1": "unsignedByte", "i1": "short", "i2": "short", "u2": "int", "i4": "int", "u4": "long",
    "i8": "long", "u8": "long", "f2": "float", "f4": "float", "f8": "double",
}  # fmt: skip


def open_votable(path: Path) -> Source:
    """Open the first table of a VOTable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = next(iter(parse(path).iter_tables()), None)
    except Exception as error:  # The reader raises what its parsers raise.
        raise UnreadableError(f"{path} is not a readable VOTable: {_first_line(error)}") from None
    if table is None:
        raise UnreadableError(f"{path} holds no table.")
    refused = [f"{field.name} ({field.datatype})" for field in table.fields if field.datatype in _REFUSED]
    if refused:
        raise UnreadableError(f"No column of the archive can hold the type of {', '.join(refused)} in {path}.")
    fields = tuple(
        Field(
            field.name or field.ID,
            "boolean" if field.datatype == "bit" else field.datatype,
            "*" if field.datatype in ("char", "unicodeChar") else _arraysize(field.arraysize),
            field.xtype,
            None if field.unit is None else str(field.unit),
            field.ucd,
            field.utype,
            _one_line(field.description),
        )
        for field in table.fields
    )
    return _source(path, fields, [table.array[name] for name in table.array.dtype.names], _one_line(table.description))


_REFUSED = ("floatComplex", "doubleComplex")


def _arraysize(given: str | None) -> str | None:
    return None if given in (None, "", "1") else given


def open_ecsv(path: Path) -> Source:
    """Open an ECSV file."""
    try:
        table = Table.read(path, format="ascii.ecsv")
    except Exception as error:  # The reader raises what its parsers raise.
        raise UnreadableError(f"{path} is not a readable ECSV file: {_first_line(error)}") from None
    columns = [table.columns[name] for name in table.colnames]
    fields = tuple(_ecsv_field(path, column) for column in columns)
    return _source(path, fields, columns, _one_line(table.meta.get("description") or table.meta.get("comments")))


def _ecsv_field(path: Path, column: Any) -> Field:
    kind = getattr(column, "dtype", np.dtype(object))
    if kind.kind in "US" or kind.kind == "O":
        datatype, arraysize = "char", cast("str | None", "*")
    elif (letter := f"{kind.kind}{kind.itemsize}") in _DATATYPES:
        datatype = _DATATYPES[letter]
        arraysize = "x".join(str(size) for size in reversed(column.shape[1:])) or None
    else:
        raise UnreadableError(f"No column of the archive can hold the type of {column.info.name} ({kind}) in {path}.")
    words = column.info.meta or {}
    return Field(
        column.info.name,
        datatype,  # type: ignore[arg-type]  # from the table above
        arraysize,
        words.get("xtype"),
        None if column.info.unit is None else column.info.unit.to_string(),
        words.get("ucd"),
        words.get("utype"),
        column.info.description or words.get("description"),
    )


def _source(path: Path, fields: tuple[Field, ...], columns: list[Any], description: str | None) -> Source:
    rows = len(columns[0]) if columns else 0

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, rows, BATCH_ROWS):
            pieces = [column[start : start + BATCH_ROWS] for column in columns]
            arrays = [
                arrow_column(field, np.asarray(np.ma.getdata(piece)), _mask(piece))
                for field, piece in zip(fields, pieces, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, names=[field.name for field in fields])

    return Source(path, fields, rows, batches, description)


def _mask(piece: Any) -> Any:
    mask = np.ma.getmaskarray(piece) if isinstance(piece, np.ma.MaskedArray) else getattr(piece, "mask", None)
    if mask is None:
        return None
    mask = np.asarray(mask)
    if mask.dtype == object:
        return np.array([bool(np.all(each)) and np.size(each) > 0 for each in mask])
    # An array without any value is no array.
    return mask if mask.ndim == 1 else mask.reshape(len(mask), -1).all(axis=1)


def _one_line(text: Any) -> str | None:
    if isinstance(text, list):
        text = " ".join(str(each) for each in text)
    return " ".join(str(text).split()) or None if text else None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
