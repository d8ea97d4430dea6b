"""Polygons hold the points that plain vector algebra puts in them, all over the sky."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import sqlalchemy as sa

from schema.catalogue import Catalogue, PublishedSchema, PublishedTable
from schema.columns import column
from schema.engines.dialect import render
from schema.engines.duckdb_functions import register_functions
from schema.replication.positions import hidden_columns
from tap.adql.compile import compile_query
from vo.tables.field import Field

Vectors = npt.NDArray[np.float64]

FIELDS = (Field("id", "int"), Field("ra", "double", unit="deg"), Field("dec", "double", unit="deg"))
HIDDEN = (sa.Column("hpx", sa.BigInteger), *(sa.Column(name, sa.Double) for name in ("ux", "uy", "uz")))
POINTS = PublishedTable(
    "sky",
    "points",
    sa.Table("points", sa.MetaData(), *map(column, FIELDS), *HIDDEN, schema="sky", info={"position": ("ra", "dec")}),
    "Points.",
)
CATALOGUE = Catalogue((PublishedSchema("sky", "The sky.", (POINTS,)),))

CENTRES = [
    (0.0, 90.0), (0.0, -90.0), (0.0, 0.0), (359.999, -60.0), (45.0, 41.8103148958), (90.0, 0.0),
    (0.0, 41.8103148958), (123.4, 89.9), (200.0, -89.99), (10.0, 20.0),
]  # fmt: skip
SIZES = [1 / 3600, 0.1, 5.0, 40.0, 85.0]
SHAPES = [3, 4, 9]
ROWS = 1000


def to_degrees(vectors: Vectors) -> tuple[Vectors, Vectors]:
    x, y, z = vectors.T
    return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))


def to_vectors(lons: Vectors, lats: Vectors) -> Vectors:
    lon, lat = np.radians(lons), np.radians(lats)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def around(centre: tuple[float, float], reach: Vectors, angles: Vectors) -> tuple[Vectors, Vectors]:
    """Places at distances (degrees) and position angles (radians) from a centre."""
    lon, lat = np.radians(centre)
    north = np.array([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])
    east = np.array([-np.sin(lon), np.cos(lon), 0.0])
    middle = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    away = np.radians(reach)[:, None]
    across = np.cos(angles)[:, None] * north + np.sin(angles)[:, None] * east
    return to_degrees(np.cos(away) * middle + np.sin(away) * across)


def depths(points: Vectors, corners: Vectors) -> Vectors:
    """Sine of the distance of each point to the nearest great circle of the edges, positive inside."""
    normals = np.cross(corners, np.roll(corners, -1, axis=0))
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    turned = np.sign(normals[0] @ corners.sum(axis=0))
    found: Vectors = (turned * (points @ normals.T)).min(axis=1)
    return found


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        register_functions(connection)
        connection.execute("CREATE SCHEMA sky")
        yield connection


def load(connection: duckdb.DuckDBPyConnection, ra: pa.Array, dec: pa.Array) -> None:
    names = [column.name for column in POINTS.table.columns]
    arriving = pa.table([pa.array(np.arange(len(ra))), ra, dec, *hidden_columns(ra, dec)], names=names)
    connection.register("arriving", arriving)
    connection.execute("CREATE OR REPLACE TABLE sky.points AS SELECT * FROM arriving")
    connection.unregister("arriving")


def found(connection: duckdb.DuckDBPyConnection, condition: str) -> set[int]:
    select = compile_query(f"SELECT id FROM sky.points WHERE {condition}", CATALOGUE).select
    return {row[0] for row in connection.execute(*render(select)).fetchall()}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", SHAPES)
def test_a_convex_polygon_holds_what_lies_on_the_inner_side_of_every_edge(
    connection: duckdb.DuckDBPyConnection, size: float, count: int
) -> None:
    random = np.random.default_rng([count, int(size * 3600)])
    for centre in CENTRES:
        turns = (np.arange(count) + random.uniform(0.0, 0.4, count)) * 2 * np.pi / count
        lons, lats = around(centre, np.full(count, size), turns)
        if random.random() < 0.5:
            lons, lats = lons[::-1], lats[::-1]
        near = around(centre, min(1.5 * size, 179.0) * random.random(ROWS), random.uniform(0, 2 * np.pi, ROWS))
        ra, dec = np.append(near[0], lons), np.append(near[1], lats)
        valid = np.arange(len(ra)) % 50 != 7
        load(connection, pa.array(ra, mask=~valid), pa.array(dec, mask=~valid))
        deep = depths(to_vectors(ra, dec), to_vectors(lons, lats))
        numbers = ", ".join(f"{lon!r}, {lat!r}" for lon, lat in zip(lons.tolist(), lats.tolist(), strict=True))
        inside = found(connection, f"1 = CONTAINS(POINT(ra, dec), POLYGON({numbers}))")
        outside = found(connection, f"0 = CONTAINS(POINT(ra, dec), POLYGON({numbers}))")
        # So near to an edge rounding decides; the direction of a short edge is less sure.
        unsure = 1e-11 + 1e-15 / np.radians(size)
        assert set(np.flatnonzero(valid & (deep > unsure))) <= inside
        assert set(np.flatnonzero(valid & (deep < -unsure))) <= outside
        assert inside | outside == set(np.flatnonzero(valid))
        assert not inside & outside
