from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest

from vo.tables.field import Field, arrow_schema
from vo.tables.stream import TableStream

MakeStream = Callable[..., TableStream]


def make_batch(fields: Sequence[Field], rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    schema = arrow_schema(tuple(fields))
    columns = zip(*rows, strict=True) if rows else [[] for _ in fields]
    arrays = [pa.array(list(values), item.type) for values, item in zip(columns, schema, strict=True)]
    return pa.record_batch(arrays, schema=schema)


@pytest.fixture(scope="session")
def make_stream() -> MakeStream:
    """Stream of rows in batches of a size, cut out of one long batch as engines do it."""

    def make(
        fields: Sequence[Field], rows: Sequence[Sequence[Any]], *, batch_rows: int = 3, **options: Any
    ) -> TableStream:
        batch = make_batch(fields, rows)
        slices = [batch.slice(start, batch_rows) for start in range(0, batch.num_rows, batch_rows)]
        return TableStream(tuple(fields), slices, **options)

    return make
