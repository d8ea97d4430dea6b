"""Bytes of a part of an image, as they lie in the file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np

Read = Callable[[int, int], bytes]
"""Reads so many bytes from a place."""

_PIECE = 1 << 20


def read_part(read: Read, offset: int, shape: Sequence[int], itemsize: int, part: Sequence[slice]) -> Iterator[bytes]:
    """Bytes of the pixels of a part, in order, in pieces of about 1 MiB.

    What is read is no more than twice what is wanted: rows that fill half of their length or more are read together,
    others one by one.

    Parameters
    ----------
    read
        Reads the file.
    offset
        Where the first pixel of the whole image lies.
    shape
        Of the whole image, NumPy order.
    itemsize
        Bytes of a pixel.
    part
        For each axis, NumPy order; steps are positive.
    """
    strides = [itemsize * math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    # Behind the last axis that is not wanted whole, everything lies in one piece.
    last = max((axis for axis in range(len(shape)) if not _is_whole(part[axis], shape[axis])), default=0)
    block = part[last].step or 1
    outer = [
        range(each.start * stride, each.stop * stride, (each.step or 1) * stride)
        for each, stride in zip(part[:last], strides, strict=False)
    ]
    if block > 1:
        outer.append(range(part[last].start * strides[last], part[last].stop * strides[last], block * strides[last]))
        length, begin = strides[last], 0
    else:
        length, begin = (part[last].stop - part[last].start) * strides[last], part[last].start * strides[last]
    yield from _joined(_runs(read, offset + begin, outer, length))


def _is_whole(part: slice, length: int) -> bool:
    return part.start == 0 and part.stop == length and (part.step or 1) == 1


def _runs(read: Read, start: int, outer: list[range], length: int) -> Iterator[bytes]:
    if outer and len(outer[-1]) > 1 and length <= outer[-1].step <= 2 * length:
        yield from _rows(read, start, outer, length)
        return
    for places in product(*outer):
        place, left = start + sum(places), length
        while left > 0:
            count = min(left, _PIECE)
            yield read(place, count)
            place += count
            left -= count


def _rows(read: Read, start: int, outer: list[range], length: int) -> Iterator[bytes]:
    """Rows at small distances: many are read at once, and what lies between them is left out."""
    *far, near = outer
    at_once = max(_PIECE // near.step, 1)
    for places in product(*far):
        for first in range(0, len(near), at_once):
            count = min(at_once, len(near) - first)
            place = start + sum(places) + near[first]
            raw = read(place, (count - 1) * near.step + length)
            rows = np.zeros(count * near.step, np.uint8)
            rows[: len(raw)] = np.frombuffer(raw, np.uint8)
            yield rows.reshape(count, near.step)[:, :length].tobytes()


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= _PIECE:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
