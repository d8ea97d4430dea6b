"""Tables of FITS files."""

from __future__ import annotations

import io
import math
import warnings
from typing import Any

import numpy as np
import pyarrow as pa
from astropy.io import fits

from vo.dali.errors import UsageFault
from vo.dali.parameters import quoted
from vo.tables.readers.arrow import from_arrow
from vo.tables.readers.limits import ReadLimits
from vo.tables.table import Table

MAGIC = b"SIMPLE  ="


def read_fits(document: bytes, limits: ReadLimits) -> Table:
    """Read the first table of a file, binary or of text.

    Parameters
    ----------
    document
        The whole file.
    limits
        Bounds.

    Raises
    ------
    UsageFault
        Raised for a damaged file and one without a table, and when there is more than the limits allow.

    References
    ----------
    FITS 4.0, "Binary-table extension" and "ASCII-table extension".
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(io.BytesIO(document), memmap=False, lazy_load_hdus=True) as units:
                for unit in units:
                    if isinstance(unit, (fits.BinTableHDU, fits.TableHDU)):
                        return _read(unit, limits, len(document))
    except UsageFault:
        raise
    except Exception:
        # Whatever a library makes of a damaged file, it is the file that is wrong.
        raise UsageFault("The FITS file is damaged or broken off.") from None
    raise UsageFault("The FITS file holds no table.")


def _read(unit: Any, limits: ReadLimits, size: int) -> Table:
    header = unit.header
    rows = int(header["NAXIS2"])
    limits.check_rows(rows)
    limits.check_columns(int(header["TFIELDS"]))
    if int(header["NAXIS1"]) * rows > size:
        raise UsageFault("The FITS file is broken off.")
    names, columns, more = [], [], {}
    for place, column in enumerate(unit.columns, start=1):
        name = column.name or f"col{place}"
        names.append(name)
        columns.append(_column(name, unit.data.field(place - 1), column, rows))
        described = {"unit": column.unit, "ucd": header.get(f"TUCD{place}"), "description": header.get(f"TCOMM{place}")}
        more[name] = {key: str(value) for key, value in described.items() if value}
    return from_arrow(pa.Table.from_arrays(columns, names=names), limits, more)


def _column(name: str, values: Any, column: Any, rows: int) -> pa.Array:
    values = np.asarray(values)
    if values.dtype.kind in "SU":
        if values.ndim > 1:
            raise UsageFault(f"Column {quoted(name)} holds arrays of text, which this service does not take.")
        text = np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values
        return pa.array([str(value).rstrip("\0 ") or None for value in text], pa.string())
    if values.dtype == object:
        return pa.array([_plain(np.asarray(value)).ravel() for value in values])
    values = _plain(values)
    null = column.null
    mask = values == int(null) if null not in (None, "") and values.dtype.kind in "iu" else None
    if values.ndim == 1:
        return pa.array(values, mask=mask)
    width = math.prod(values.shape[1:])
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, width) if width else pa.nulls(rows)


def _plain(values: np.ndarray) -> np.ndarray:
    """The same numbers in the byte order of the machine; complex ones as two."""
    values = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("="), copy=False)
    if values.dtype.kind == "c":
        return values.view(f"f{values.dtype.itemsize // 2}").reshape(*values.shape, 2)
    return values
