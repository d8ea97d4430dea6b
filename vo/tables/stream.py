"""Rows on their way out: fields, Arrow record batches and the overflow flag."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import pyarrow as pa

from vo.tables.annotations import Annotations
from vo.tables.field import Field, arrow_schema


class TableStream:
    """A table whose rows are read once, batch by batch, in the order in which they arrive.

    Batches have the columns of `fields`, in order, with the Arrow types of `vo.tables.field.arrow_type`; names of
    Arrow columns carry no meaning (two fields may share a name). Whoever makes a stream asks its source for one row
    more than `maxrec`; the stream cuts that row off and then knows of the overflow. With ``maxrec=0`` nothing is read
    and the overflow flag is set, as DALI wants it.

    Parameters
    ----------
    fields
        Columns, in order.
    batches
        Source of rows; may be longer than `maxrec`.
    maxrec
        Most rows to give; None for all.
    release
        Called once when the stream is exhausted, has failed or is closed: gives back cursors and connections.

    Attributes
    ----------
    overflow
        True when rows were cut off. Final only after the last batch.
    rows
        Rows given so far.
    warnings
        Sentences for people that go with the answer, set by whoever asked for it.
    seconds
        What the stages before the first row took, by their names, set likewise.
    annotations
        What formats that have a place for it say beside the rows, set by whoever asked for it.

    References
    ----------
    DALI 1.1, "MAXREC" and "Overflow".
    """

    def __init__(
        self,
        fields: tuple[Field, ...],
        batches: Iterable[pa.RecordBatch],
        *,
        maxrec: int | None = None,
        release: Callable[[], None] | None = None,
    ) -> None:
        if maxrec is not None and maxrec < 0:
            raise ValueError(f"maxrec must not be negative, got {maxrec}.")
        self.fields = fields
        self.overflow = False
        self.rows = 0
        self.warnings: tuple[str, ...] = ()
        self.seconds: Mapping[str, float] = {}
        self.annotations = Annotations()
        self._release = release
        self._batches = self._cut(iter(batches), maxrec)
        self._first: pa.RecordBatch | None = None

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the batches."""
        return arrow_schema(self.fields)

    def start(self) -> None:
        """Fetch the first batch, so that a failure comes before the first byte of an answer is sent."""
        if self._first is None:
            try:
                self._first = next(self._batches, None)
            except BaseException:
                self.close()
                raise

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            if self._first is not None:
                first, self._first = self._first, None
                yield first
            yield from self._batches
        finally:
            self.close()

    def close(self) -> None:
        """Give back what the stream holds; rows not read are lost. Closing twice does nothing."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def _cut(self, batches: Iterator[pa.RecordBatch], maxrec: int | None) -> Iterator[pa.RecordBatch]:
        if maxrec == 0:
            self.overflow = True
            return
        for batch in batches:
            if maxrec is not None and self.rows + batch.num_rows > maxrec:
                self.overflow = True
                batch = batch.slice(0, maxrec - self.rows)
            self.rows += batch.num_rows
            if batch.num_rows:
                yield batch
            if self.overflow:
                return
