"""Cells that lie scattered in a buffer, as Arrow columns."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pyarrow as pa

Bytes: TypeAlias = bytes | memoryview


class Segments:
    """Pieces of a buffer, in order and disjoint; nothing is copied until some are taken.

    Parameters
    ----------
    data
        The buffer, below 2 GiB.
    starts, ends
        Offsets of the pieces, shape (n,).
    """

    def __init__(self, data: Bytes, starts: np.ndarray, ends: np.ndarray) -> None:
        # Pieces and the gaps between them in turn are one column.
        offsets = np.empty(2 * len(starts), dtype=np.int32)
        offsets[::2], offsets[1::2] = starts, ends
        self._buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        self._count = len(starts)

    def text(self, first: int = 0, step: int = 1) -> pa.StringArray:
        """Every `step`-th piece from `first` on, as text, whose UTF-8 was checked before."""
        return self._take(pa.string(), first, step)

    def binary(self, first: int = 0, step: int = 1) -> pa.BinaryArray:
        """Every `step`-th piece from `first` on."""
        return self._take(pa.binary(), first, step)

    def _take(self, kind: pa.DataType, first: int, step: int) -> pa.Array:
        if not self._count:
            return pa.array([], kind)
        column = pa.Array.from_buffers(kind, 2 * self._count - 1, self._buffers)
        return column.take(pa.array(np.arange(first, self._count, step, dtype=np.int64) * 2))
