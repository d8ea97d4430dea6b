"""Functions of regions for DuckDB, over whole columns at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb

from schema.spatial.region_text import read_regions
from schema.spatial.shapes import region_areas, region_centroids, regions_lie_within, regions_meet

_NUMBERS = "DOUBLE[]"


def add_region_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the functions known to a database that the constructs of `schema.spatial.regions` call."""
    functions: tuple[tuple[str, Callable[..., Any], list[str], str], ...] = (
        ("quipu_regions_meet", regions_meet, [_NUMBERS, _NUMBERS], "BOOLEAN"),
        ("quipu_regions_lie_within", regions_lie_within, [_NUMBERS, _NUMBERS], "BOOLEAN"),
        ("quipu_region_area", region_areas, [_NUMBERS], "DOUBLE"),
        ("quipu_region_centroid", region_centroids, [_NUMBERS], _NUMBERS),
        ("quipu_read_region", read_regions, ["VARCHAR"], _NUMBERS),
    )
    for name, function, arguments, result in functions:
        # What is no region gives NULL too, which DuckDB allows to those functions only that take NULL themselves.
        connection.create_function(  # type: ignore[call-overload]
            name, function, arguments, result, type="arrow", null_handling="special"
        )
