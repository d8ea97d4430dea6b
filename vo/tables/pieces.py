"""Batches cut into pieces of a size that is pleasant to encode and send."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

PIECE_BYTES = 2**19
"""Size of a piece in Arrow's own layout: bounds the memory of a writer, stays far from Arrow's 2 GiB of text, and lets
other threads of the process have their turn between two of them."""


def split_batch(batch: pa.RecordBatch, piece_bytes: int = PIECE_BYTES) -> Iterator[pa.RecordBatch]:
    """Cut a batch into pieces of about `piece_bytes`, at least one row each; nothing is copied."""
    if batch.num_rows == 0:
        return
    rows = max(1, batch.num_rows * piece_bytes // max(batch.nbytes, 1))
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)
