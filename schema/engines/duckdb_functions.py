"""Functions that DuckDB calls in Python, column by column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from astropy.coordinates import Latitude, Longitude
from cdshealpix.nested import healpix_to_lonlat, lonlat_to_healpix

from schema.spatial.ranges import regions_meet_range
from schema.spatial.region_text import read_regions
from schema.spatial.shapes import region_areas, region_centroids, regions_lie_within, regions_meet

_DEEPEST = 29
_NUMBERS = "DOUBLE[]"


@dataclass(frozen=True, slots=True)
class ColumnFunction:
    """A function of columns: SQL types of its arguments and its result."""

    function: Callable[..., pa.Array]
    arguments: tuple[str, ...]
    result: str


def register_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the functions known to a database; all its cursors see them.

    Must come before the configuration of the database is locked.
    """
    for name, each in FUNCTIONS.items():
        # Only functions that take NULL themselves may give it where no argument is NULL.
        connection.create_function(  # type: ignore[call-overload]
            name, each.function, list(each.arguments), each.result, type="arrow", null_handling="special"
        )


def healpix_index(order: Any, lon: Any, lat: Any) -> pa.Array:
    """Numbers of the HEALPix cells around points, nested scheme.

    Parameters
    ----------
    order, lon, lat
        Arrow columns of int64 and, in degrees, float64. NULL, orders beyond 0 to 29 and coordinates that are not on
        the sky give NULL.
    """
    orders, lons, lats = _numpy(order, -1), _numpy(lon, np.nan), _numpy(lat, np.nan)
    good = (orders >= 0) & (orders <= _DEEPEST) & (np.abs(lats) <= 90.0) & (np.abs(lons) < 1e15)
    cells = np.zeros(len(orders), np.int64)
    if good.any():
        found = lonlat_to_healpix(
            Longitude(np.mod(lons[good], 360.0), u.deg), Latitude(lats[good], u.deg), orders[good].astype(np.uint8)
        )
        cells[good] = found.astype(np.int64)
    return pa.array(cells, mask=~good)


def healpix_lon(order: Any, index: Any) -> pa.Array:
    """Longitudes of the centres of cells, degrees; NULL where there is no such cell."""
    return _centre(order, index, 0)


def healpix_lat(order: Any, index: Any) -> pa.Array:
    """Latitudes of the centres of cells, degrees; NULL where there is no such cell."""
    return _centre(order, index, 1)


def _centre(order: Any, index: Any, axis: int) -> pa.Array:
    orders, cells = _numpy(order, -1), _numpy(index, -1)
    good = (orders >= 0) & (orders <= _DEEPEST) & (cells >= 0)
    good &= cells < np.int64(12) << (2 * np.where(good, orders, 0))
    values = np.zeros(len(orders))
    if good.any():
        centres = healpix_to_lonlat(cells[good].astype(np.uint64), orders[good].astype(np.uint8))
        values[good] = centres[axis].to_value(u.deg)
    return pa.array(values, mask=~good)


def _numpy(column: Any, instead_of_null: float) -> npt.NDArray[Any]:
    return np.asarray(column.fill_null(instead_of_null).to_numpy())


FUNCTIONS: dict[str, ColumnFunction] = {
    "quipu_healpix_index": ColumnFunction(healpix_index, ("BIGINT", "DOUBLE", "DOUBLE"), "BIGINT"),
    "quipu_healpix_lon": ColumnFunction(healpix_lon, ("BIGINT", "BIGINT"), "DOUBLE"),
    "quipu_healpix_lat": ColumnFunction(healpix_lat, ("BIGINT", "BIGINT"), "DOUBLE"),
    "quipu_regions_meet": ColumnFunction(regions_meet, (_NUMBERS, _NUMBERS), "BOOLEAN"),
    "quipu_regions_meet_range": ColumnFunction(regions_meet_range, (_NUMBERS, _NUMBERS), "BOOLEAN"),
    "quipu_regions_lie_within": ColumnFunction(regions_lie_within, (_NUMBERS, _NUMBERS), "BOOLEAN"),
    "quipu_region_area": ColumnFunction(region_areas, (_NUMBERS,), "DOUBLE"),
    "quipu_region_centroid": ColumnFunction(region_centroids, (_NUMBERS,), _NUMBERS),
    "quipu_read_region": ColumnFunction(read_regions, ("VARCHAR",), _NUMBERS),
}
"""By the name under which SQL calls them."""
