"""Rows with the hidden columns of their positions and regions behind the others."""

from __future__ import annotations

import pyarrow as pa

from schema.published import HIDDEN
from schema.replication.positions import hidden_columns
from schema.spatial.footprints import region_columns_of
from schema.spatial.regions import region_names


def with_sky(batch: pa.RecordBatch, position: tuple[str, str] | None, regions: tuple[str, ...]) -> pa.RecordBatch:
    """Compute the hidden columns of some rows.

    Parameters
    ----------
    batch
        Rows; a column that is missing has no values.
    position
        Columns of the main position, ICRS, degrees; None without one.
    regions
        Columns of regions.
    """
    names = list(batch.schema.names)
    columns = [_plain(column) for column in batch.columns]
    if position:
        ra, dec = (
            columns[names.index(name)] if name in names else pa.nulls(batch.num_rows, pa.float64()) for name in position
        )
        names += HIDDEN
        columns += hidden_columns(ra, dec)
    for region in regions:
        if region in names:
            hidden = region_columns_of(columns[names.index(region)], columns[names.index("hpx")] if position else None)
            names += [region_names(region)[suffix] for suffix in hidden]
            columns += hidden.values()
    return pa.RecordBatch.from_arrays(columns, names=names)


def _plain(column: pa.Array) -> pa.Array:
    return column.storage if isinstance(column, pa.ExtensionArray) else column
