"""Columns of NumPy, as astropy gives them, as columns of Arrow."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from vo.tables.field import Field, arrow_type


def arrow_column(field: Field, values: Any, mask: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Make a column.

    Parameters
    ----------
    field
        Its description.
    values
        Array of NumPy, of length n in its first axis; further axes are the array of a cell.
    mask
        Shape (n,); True where there is no value.
    """
    if field.is_text or field.is_timestamp:
        return _text(values, mask)
    wanted = arrow_type(field)
    if not field.is_array:
        plain = np.ascontiguousarray(values)
        plain = plain.astype(plain.dtype.newbyteorder("="), copy=False)
        return pa.array(plain, mask=mask).cast(wanted)
    if values.dtype == object:
        cells = [
            None if hidden else np.ravel(np.asarray(cell)).tolist()
            for cell, hidden in zip(values, _of(mask, values), strict=True)
        ]
        return pa.array(cells, wanted)
    flat = np.ascontiguousarray(values).reshape(len(values), -1)
    offsets = np.arange(len(values) + 1, dtype=np.int32) * flat.shape[1]
    inner = pa.array(flat.ravel().astype(flat.dtype.newbyteorder("="), copy=False)).cast(wanted.value_type)
    column = pa.ListArray.from_arrays(pa.array(offsets), inner)
    return column if mask is None or not mask.any() else pc.if_else(pa.array(~mask), column, None)


def _text(values: Any, mask: npt.NDArray[np.bool_] | None) -> pa.Array:
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if values.dtype == object:
        values = np.array([_plain(value) for value in values], dtype=object)
        return pa.array(values, pa.string(), mask=mask, from_pandas=True)
    return pc.utf8_rtrim(pa.array(np.asarray(values), pa.string(), mask=mask), " ")


def _plain(value: Any) -> str | None:
    if value is None or value is np.ma.masked:
        return None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _of(mask: npt.NDArray[np.bool_] | None, values: Any) -> Any:
    return [False] * len(values) if mask is None else mask
