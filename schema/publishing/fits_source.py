"""Binary tables of FITS as sources of rows, read piece by piece."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from schema.publishing.numpy_columns import arrow_column
from schema.publishing.sources import BATCH_ROWS, Source, UnreadableError
from vo.tables.field import Datatype, Field

_DATATYPES: dict[str, Datatype] = {
    "L": "boolean",
    "B": "unsignedByte",
    "I": "short",
    "J": "int",
    "K": "long",
    "E": "float",
    "D": "double",
}
# Unsigned integers are signed ones with an offset (FITS 4.0, "Binary-table extension", TZERO).
_OFFSET: dict[tuple[str, float], Datatype] = {("B", -128): "short", ("I", 2**15): "int", ("J", 2**31): "long"}


def open_fits(path: Path) -> Source:
    """Open the first table of a FITS file.

    Raises
    ------
    UnreadableError
        Raised if there is none, or with all columns that are of complex numbers, bits or unsigned 64-bit integers.

    References
    ----------
    FITS 4.0, "Binary-table extension".
    """
    try:
        with _opened(path) as hdus:
            number, hdu = next(
                ((number, hdu) for number, hdu in enumerate(hdus) if isinstance(hdu, fits.BinTableHDU | fits.TableHDU)),
                (0, None),
            )
            if hdu is None:
                raise UnreadableError(f"{path} holds no table.")
            fields = _fields(path, hdu)
            rows = int(hdu.header["NAXIS2"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UnreadableError(f"{path} is not a readable FITS file: {error}.") from None
    return Source(path, fields, rows, partial(_rows, path, number, fields))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """HDUs of a file; astropy leaves files open that it cannot read."""
    with path.open("rb") as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        with fits.open(stream, memmap=True) as hdus:
            yield hdus


def _fields(path: Path, hdu: Any) -> tuple[Field, ...]:
    fields, refused = [], []
    for place, column in enumerate(hdu.columns, start=1):
        shape = _shape(column, isinstance(hdu, fits.TableHDU))
        if shape is None:
            refused.append(f"{column.name} ({column.format})")
            continue
        comment = hdu.header.comments[f"TTYPE{place}"]
        fields.append(
            Field(
                column.name,
                *shape,
                xtype=hdu.header.get(f"TXTYP{place}"),
                unit=column.unit or None,
                ucd=hdu.header.get(f"TUCD{place}"),
                utype=hdu.header.get(f"TUTYP{place}"),
                description=hdu.header.get(f"TCOMM{place}") or comment or None,
            )
        )
    if refused:
        raise UnreadableError(f"No column of the archive can hold the type of {', '.join(refused)} in {path}.")
    return tuple(fields)


def _shape(column: Any, is_ascii: bool) -> tuple[Datatype, str | None] | None:
    """Datatype and arraysize, None where there are none."""
    if is_ascii:
        kind = column.format[0]
        return {"A": ("char", "*"), "I": ("long", None)}.get(kind, ("double", None))  # type: ignore[return-value]
    found = re.fullmatch(r"(\d*)([A-Z])(.*)", str(column.format))
    if found is None:
        return None
    repeat, letter, rest = int(found[1] or 1), found[2], found[3]
    is_variable = letter in "PQ"
    letter = rest[:1] if is_variable else letter
    if letter == "A":
        return None if is_variable or (column.dim and "," in column.dim) else ("char", "*")
    datatype = _DATATYPES.get(letter)
    if column.bzero not in (None, "", 0):
        offset = _OFFSET.get((letter, float(column.bzero)))
        datatype = (
            offset if offset and column.bscale in (None, "", 1) else "double" if datatype and letter != "K" else None
        )
    elif column.bscale not in (None, "", 1) and datatype:
        datatype = "double"
    if datatype is None:
        return None
    if is_variable:
        return datatype, "*"
    if column.dim:
        return datatype, "x".join(re.findall(r"\d+", column.dim))
    return datatype, None if repeat == 1 else str(repeat)


def _rows(path: Path, number: int, fields: tuple[Field, ...]) -> Iterator[pa.RecordBatch]:
    with _opened(path) as hdus:
        hdu: Any = hdus[number]
        nulls = [column.null for column in hdu.columns]
        for start in range(0, hdu.header["NAXIS2"], BATCH_ROWS):
            piece = hdu.data[start : start + BATCH_ROWS]
            columns = [
                arrow_column(field, _plain(piece.field(place)), _mask(piece, place, null))
                for place, (field, null) in enumerate(zip(fields, nulls, strict=True))
            ]
            yield pa.RecordBatch.from_arrays(columns, names=[field.name for field in fields])


def _plain(values: Any) -> Any:
    """Without the classes of astropy: strings of fixed length as they are, variable arrays as objects."""
    return np.asarray(values)


def _mask(piece: Any, place: int, null: Any) -> Any:
    """Where an integer is the one that means no value."""
    if null in (None, "") or isinstance(null, str):
        return None
    stored = np.asarray(piece).view(np.ndarray)[piece.names[place]]
    return np.asarray(stored == null) if stored.ndim == 1 and stored.dtype.kind in "iu" else None
