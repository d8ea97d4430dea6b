"""HEALPix cells in SQL, judged by cdshealpix over the whole sky."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import astropy.units as u
import duckdb
import numpy as np
import numpy.typing as npt
import pytest
import sqlalchemy as sa
from astropy.coordinates import Latitude, Longitude
from cdshealpix.nested import healpix_to_lonlat, lonlat_to_healpix
from sqlalchemy.engine import make_url

from schema.engines.dialect import render
from schema.engines.duckdb_functions import register_functions
from schema.spatial.cells import CellIndex, CellLatitude, CellLongitude

PLACES = sa.Table(
    "places",
    sa.MetaData(),
    sa.Column("id", sa.Integer),
    sa.Column("k", sa.Integer),
    sa.Column("lon", sa.Double),
    sa.Column("lat", sa.Double),
    sa.Column("n", sa.BigInteger),
    prefixes=["TEMPORARY"],
)
Rows = list[dict[str, Any]]
Run = Callable[[sa.Select[Any]], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def places() -> Rows:
    """Random points and cells of all orders, close to the poles, and on the borders of base cells."""
    random = np.random.default_rng(11)
    rows = 4_000
    order = random.integers(0, 30, rows)
    lon = random.uniform(-400.0, 800.0, rows)
    lat = np.degrees(np.arcsin(random.uniform(-1.0, 1.0, rows)))
    lat[:400] = np.where(np.arange(400) % 2, 1, -1) * (90.0 - 10.0 ** random.uniform(-9.0, 1.0, 400))
    lon[400:600] = random.integers(-4, 9, 200) * 45.0
    lat[600:650] = 0.0
    cells = [int(random.integers(0, 12 * 4 ** int(each))) for each in order]
    return [
        {"id": number, "k": int(order[number]), "lon": float(lon[number]), "lat": float(lat[number]), "n": cell}
        for number, cell in enumerate(cells)
    ]


@pytest.fixture(params=["duckdb", "postgresql"])
def run(request: pytest.FixtureRequest, places: Rows) -> Iterator[Run]:
    """Rows of a select over the places, from each database in turn."""
    if request.param == "postgresql":
        address = make_url(request.getfixturevalue("sky_database")).set(drivername="postgresql+psycopg2")
        engine = sa.create_engine(address)
        with engine.connect() as connection:
            PLACES.create(connection)
            connection.execute(PLACES.insert(), places)
            yield lambda select: [tuple(row) for row in connection.execute(select)]
        engine.dispose()
        return
    with duckdb.connect(config={"threads": 1}) as made:
        register_functions(made)
        made.execute("CREATE TABLE places (id INTEGER, k INTEGER, lon DOUBLE, lat DOUBLE, n BIGINT)")
        made.executemany("INSERT INTO places VALUES (?, ?, ?, ?, ?)", [list(place.values()) for place in places])

        def run_there(select: sa.Select[Any]) -> list[tuple[Any, ...]]:
            sql, parameters = render(select)
            return made.execute(sql, parameters).fetchall()

        yield run_there


def column(places: Rows, name: str) -> npt.NDArray[Any]:
    return np.array([place[name] for place in places])


def test_numbers_of_cells_are_those_of_cdshealpix(run: Run, places: Rows) -> None:
    c = PLACES.c
    found = [row[0] for row in run(sa.select(CellIndex(c.k, c.lon, c.lat)).order_by(c.id))]
    expected = lonlat_to_healpix(
        Longitude(column(places, "lon") % 360.0, u.deg),
        Latitude(column(places, "lat"), u.deg),
        column(places, "k").astype(np.uint8),
    )
    assert found == expected.tolist()


def test_centres_of_cells_are_those_of_cdshealpix(run: Run, places: Rows) -> None:
    c = PLACES.c
    rows = run(sa.select(CellLongitude(c.k, c.n), CellLatitude(c.k, c.n)).order_by(c.id))
    lon, lat = (np.array([row[place] for row in rows]) for place in (0, 1))
    wanted_lon, wanted_lat = healpix_to_lonlat(
        column(places, "n").astype(np.uint64), column(places, "k").astype(np.uint8)
    )
    turn = (lon - wanted_lon.to_value(u.deg) + 180.0) % 360.0 - 180.0
    assert np.max(np.abs(turn * np.cos(wanted_lat.to_value(u.rad)))) < 1e-12
    assert np.max(np.abs(lat - wanted_lat.to_value(u.deg))) < 1e-12
    assert np.all((lon >= 0.0) & (lon < 360.0))
