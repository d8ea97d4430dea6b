"""Cells that are arrays of numbers: their lengths, their elements, and what stands for a missing element."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vo.tables.field import Field

NULL_INTEGERS = {"unsignedByte": 0xFF, "short": -(2**15), "int": -(2**31), "long": -(2**63)}
"""Stands for a missing element in an array of integers, declared in the VALUES of the FIELD."""


def fixed_size(field: Field) -> int | None:
    """Number of elements of each cell, None when it varies.

    References
    ----------
    VOTable 1.4, "Multidimensional Arrays".
    """
    if field.arraysize is None or "*" in field.arraysize:
        return None
    return math.prod(int(axis) for axis in field.arraysize.split("x"))


def cell_lengths(column: pa.ListArray) -> np.ndarray:
    """Number of elements of each cell, shape (n,), int32; 0 where NULL."""
    lengths: np.ndarray = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    return lengths.astype(np.int32, copy=False)


def elements(column: pa.ListArray, field: Field) -> pa.Array:
    """Elements of all cells, one after the other, without gaps.

    A missing element is NaN among floating-point numbers, `NULL_INTEGERS` among integers, and stays NULL among
    booleans.
    """
    values = column.flatten()
    if values.null_count == 0 or field.datatype == "boolean":
        return values
    missing = math.nan if pa.types.is_floating(values.type) else NULL_INTEGERS[field.datatype]
    return pc.fill_null(values, pa.scalar(missing, values.type))


def list_of(values: pa.Array, lengths: np.ndarray) -> pa.ListArray:
    """Put elements back into cells of these lengths, shape (n,)."""
    return pa.ListArray.from_arrays(pa.array(offsets_of(lengths)), values)


def offsets_of(lengths: np.ndarray) -> np.ndarray:
    """Beginnings of consecutive cells, shape (n + 1,), int32, from their lengths, shape (n,)."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
