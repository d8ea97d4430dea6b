from __future__ import annotations

import itertools

import astropy.units as u
import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import sqlalchemy as sa
from astropy.coordinates import Latitude, Longitude
from astropy.coordinates.angles import angular_separation
from cdshealpix.nested import healpix_to_lonlat

from schema.engines.dialect import render
from schema.replication.positions import hidden_columns
from schema.spatial.constructs import (
    FixedPosition,
    Position,
    is_within,
    is_within_reach,
    position_of,
    separation,
)
from schema.spatial.healpix import MOST_RANGES, circle_ranges

Degrees = npt.NDArray[np.float64]

SKY = sa.Table(
    "sky",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger),
    sa.Column("ra", sa.Double),
    sa.Column("dec", sa.Double),
    sa.Column("hpx", sa.BigInteger),
    *(sa.Column(name, sa.Double) for name in ("ux", "uy", "uz")),
    info={"position": ("ra", "dec")},
)
ROWS = 20_000


def base_cell_corners() -> list[tuple[float, float]]:
    """Some corners of the twelve base cells, where numbers of neighbours are far apart."""
    corners = [(0.0, 90.0), (0.0, -90.0), (0.0, 0.0), (45.0, 41.8103148958), (45.0, 0.0), (90.0, 0.0)]
    return [*corners, (135.0, -41.8103148958), (0.0, 41.8103148958), (270.0, 0.0), (315.0, 41.8103148958)]


def random_sky(rows: int, seed: int) -> tuple[Degrees, Degrees]:
    random = np.random.default_rng(seed)
    return random.uniform(0.0, 360.0, rows), np.degrees(np.arcsin(random.uniform(-1.0, 1.0, rows)))


def around(lon: float, lat: float, spread: float, rows: int, seed: int) -> tuple[Degrees, Degrees]:
    """Points at all distances up to `spread` from a centre."""
    random = np.random.default_rng(seed)
    angle, reach = random.uniform(0.0, 2 * np.pi, rows), np.radians(spread * random.uniform(0.0, 1.0, rows))
    lat0 = np.radians(lat)
    sin_lat = np.sin(lat0) * np.cos(reach) + np.cos(lat0) * np.sin(reach) * np.cos(angle)
    lats = np.arcsin(np.clip(sin_lat, -1.0, 1.0))
    lons = np.radians(lon) + np.arctan2(
        np.sin(angle) * np.sin(reach) * np.cos(lat0), np.cos(reach) - np.sin(lat0) * sin_lat
    )
    return np.degrees(lons) % 360.0, np.degrees(lats)


def load(connection: duckdb.DuckDBPyConnection, ra: Degrees, dec: Degrees) -> None:
    columns = pa.array(ra), pa.array(dec)
    hidden = hidden_columns(*columns)
    names = [column.name for column in SKY.columns]
    rows = pa.table([pa.array(np.arange(len(ra))), *columns, *hidden], names=names)
    connection.register("arriving", rows)
    connection.execute("CREATE OR REPLACE TABLE sky AS SELECT * FROM arriving")
    connection.unregister("arriving")


def apart(ra: Degrees, dec: Degrees, lon: float, lat: float) -> Degrees:
    """Angles as astropy finds them, degrees."""
    return np.degrees(angular_separation(*np.radians([ra, dec]), np.radians(lon), np.radians(lat)))


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


def found(connection: duckdb.DuckDBPyConnection, condition: sa.ColumnElement[bool]) -> set[int]:
    sql, parameters = render(sa.select(SKY.c.id).where(condition))
    return {row[0] for row in connection.execute(sql, parameters).fetchall()}


def stored() -> Position:
    position = position_of(SKY)
    assert position is not None
    return position


CENTRES = [*base_cell_corners(), (0.0001, 12.0), (359.9999, -60.0), (123.4, 89.9999), (200.0, -89.99), (10.0, 20.0)]
RADII = [1e-6, 1 / 3600, 0.1, 3.0, 25.0, 59.9, 60.0, 89.9, 90.0, 120.0, 179.0, 179.9999]


@pytest.mark.parametrize("radius", RADII)
def test_circles_hold_the_points_that_astropy_puts_in_them(
    connection: duckdb.DuckDBPyConnection, radius: float
) -> None:
    for number, (lon, lat) in enumerate(CENTRES):
        near = around(lon, lat, min(2.0 * radius, 180.0), 900, number)
        far = random_sky(100, number)
        ra, dec = (np.concatenate(parts) for parts in zip(near, far, strict=True))
        load(connection, ra, dec)
        angles = apart(ra, dec, lon, lat)
        # Nearer to the rim than astropy's own rounding nothing can be said; near the antipode it is coarser.
        clear = np.abs(angles - radius) > (1e-12 if radius < 90 else 3e-8)
        inside = found(connection, is_within(stored(), FixedPosition(lon, lat), radius))
        assert set(np.flatnonzero(clear & (angles < radius))) <= inside
        assert not inside & set(np.flatnonzero(clear & (angles > radius)))


@pytest.mark.parametrize("centre", CENTRES, ids=str)
def test_a_circle_of_radius_zero_holds_its_centre(
    connection: duckdb.DuckDBPyConnection, centre: tuple[float, float]
) -> None:
    ra, dec = around(*centre, 1e-8, 50, 7)
    load(connection, np.append(ra, centre[0]), np.append(dec, centre[1]))
    inside = found(connection, is_within(stored(), FixedPosition(*centre), 0.0))
    assert 50 in inside
    assert found(connection, is_within(stored(), FixedPosition(*centre), 0.0, inclusive=False)) == set()


def test_a_circle_of_180_degrees_holds_every_position_and_no_row_without_one(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    ra, dec = random_sky(200, 3)
    ra[:20] = np.nan
    load(connection, ra, dec)
    everywhere = is_within(stored(), FixedPosition(10.0, -20.0), 180.0)
    assert found(connection, everywhere) == set(range(20, 200))
    assert found(connection, sa.not_(everywhere)) == set()


def test_rows_without_a_position_are_neither_in_nor_out(connection: duckdb.DuckDBPyConnection) -> None:
    ra, dec = random_sky(200, 4)
    dec[:20] = np.nan
    load(connection, ra, dec)
    condition = is_within(stored(), FixedPosition(10.0, -20.0), 40.0)
    assert found(connection, condition) | found(connection, sa.not_(condition)) == set(range(20, 200))


@pytest.mark.parametrize("is_stored", [True, False], ids=["stored vectors", "coordinates"])
def test_separations_are_those_of_astropy(connection: duckdb.DuckDBPyConnection, is_stored: bool) -> None:
    for number, (lon, lat) in enumerate(CENTRES):
        parts = [around(lon, lat, spread, 300, number) for spread in (1e-7, 1e-3, 1.0, 180.0)]
        parts.append(around((lon + 180.0) % 360.0, -lat, 1e-3, 300, number))
        ra, dec = (np.concatenate(coordinates) for coordinates in zip(*parts, strict=True))
        load(connection, ra, dec)
        row = stored() if is_stored else Position(SKY.c.ra, SKY.c.dec)
        sql, parameters = render(sa.select(separation(row, FixedPosition(lon, lat))).order_by(SKY.c.id))
        angles = np.array([value for (value,) in connection.execute(sql, parameters).fetchall()])
        np.testing.assert_allclose(angles, apart(ra, dec, lon, lat), rtol=1e-9, atol=3e-14)


def test_two_stored_positions_are_compared_without_their_coordinates(connection: duckdb.DuckDBPyConnection) -> None:
    ra, dec = random_sky(300, 5)
    load(connection, ra, dec)
    a, b = SKY.alias("a"), SKY.alias("b")
    first, second = position_of(a), position_of(b)
    assert first is not None
    assert second is not None
    sql, parameters = render(sa.select(a.c.id, b.c.id).where(is_within(first, second, 4.0)))
    assert " ra" not in sql
    pairs = set(connection.execute(sql, parameters).fetchall())
    expected = {(int(i), int(j)) for i in range(300) for j in np.flatnonzero(apart(ra, dec, ra[i], dec[i]) <= 4.0)}
    assert pairs == expected


LEFT, RIGHT = SKY.alias("a"), SKY.alias("b")


def pair_conditions(radius: float) -> dict[str, sa.ColumnElement[bool]]:
    a, b = LEFT, RIGHT
    stored_a, stored_b = position_of(a), position_of(b)
    assert stored_a is not None
    assert stored_b is not None
    plain_b = Position(b.c.ra, b.c.dec)
    reach = sa.bindparam(None, radius, sa.Double(), unique=True)
    return {
        "stored": is_within(stored_a, stored_b, radius),
        "stored and computed": is_within(stored_a, plain_b, radius),
        "computed": is_within(Position(a.c.ra, a.c.dec), plain_b, radius),
        "stored, radius of the row": is_within_reach(stored_a, stored_b, reach),
        "computed, radius of the row": is_within_reach(stored_a, plain_b, reach),
    }


@pytest.mark.parametrize("kind", list(pair_conditions(1.0)))
@pytest.mark.parametrize("radius", [0.0, 1e-3, 2.0, 9.9, 10.0, 170.0])
def test_pairs_are_those_of_brute_force(connection: duckdb.DuckDBPyConnection, kind: str, radius: float) -> None:
    parts = [around(*centre, 3.0, 25, number) for number, centre in enumerate(CENTRES)]
    ra, dec = (np.concatenate(coordinates) for coordinates in zip(*parts, strict=True))
    ra[:5] = np.nan
    load(connection, ra, dec)
    connection.execute("UPDATE sky SET ra = NULL WHERE isnan(ra)")
    condition = pair_conditions(radius)[kind]
    numbers = sa.select(LEFT.c.id, RIGHT.c.id)
    sql, parameters = render(numbers.where(condition))
    pairs = set(connection.execute(sql, parameters).fetchall())
    sql, parameters = render(numbers.where(sa.not_(condition)))
    others = set(connection.execute(sql, parameters).fetchall())
    angles = np.array([apart(ra, dec, lon, lat) for lon, lat in zip(ra, dec, strict=True)])
    clear = np.abs(angles - radius) > 3e-8
    assert {pair for pair in pairs if clear[pair]} == set(zip(*np.nonzero(clear & (angles < radius)), strict=True))
    assert len(pairs) + len(others) == (len(ra) - 5) ** 2


@pytest.mark.parametrize("radius", [-1.0, -1e-300, float("nan")])
def test_a_negative_radius_is_refused(radius: float) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        is_within(stored(), FixedPosition(0.0, 0.0), radius)


@pytest.mark.parametrize(("lon", "lat"), [(0.0, 90.5), (0.0, -91.0), (float("inf"), 0.0), (0.0, float("nan"))])
def test_a_point_off_the_sphere_is_refused(lon: float, lat: float) -> None:
    with pytest.raises(ValueError, match="of a point must"):
        FixedPosition(lon, lat)


@pytest.mark.parametrize("radius", [1e-9, 1e-4, 0.05, 0.5, 2.0])
@pytest.mark.parametrize("centre", base_cell_corners(), ids=str)
def test_small_circles_need_less_than_a_hundredth_of_the_sky(centre: tuple[float, float], radius: float) -> None:
    ra, dec = random_sky(ROWS, 11)
    hpx = np.asarray(hidden_columns(pa.array(ra), pa.array(dec))[0])
    ranges = circle_ranges(*centre, radius)
    scanned = sum(np.count_nonzero((hpx >= first) & (hpx <= last)) for first, last in ranges)
    inside = np.count_nonzero(apart(ra, dec, *centre) <= radius)
    assert scanned - inside < 0.01 * ROWS
    assert scanned >= inside


@pytest.mark.parametrize("most", [1, 2, 4, 100])
def test_ranges_are_few_ordered_and_cover_the_circle(most: int) -> None:
    for number, (lon, lat) in enumerate(CENTRES):
        for radius in (1e-5, 0.3, 10.0, 100.0):
            ranges = circle_ranges(lon, lat, radius, most)
            assert 1 <= len(ranges) <= most
            assert all(first <= last for first, last in ranges)
            assert all(a[1] < b[0] for a, b in itertools.pairwise(ranges))
            ra, dec = around(lon, lat, radius, 200, number)
            hpx = np.asarray(hidden_columns(pa.array(ra), pa.array(dec))[0])
            covered = [any(first <= each <= last for first, last in ranges) for each in hpx]
            assert all(covered)


def test_a_range_ends_where_its_last_cell_ends() -> None:
    (first, last) = circle_ranges(10.0, 20.0, 1e-4, 1)[0]
    assert first % 4 == 0
    assert last % 4 == 3
    lon, lat = healpix_to_lonlat(np.array([first, last], dtype=np.uint64), 29)
    assert isinstance(lon, Longitude)
    assert isinstance(lat, Latitude)
    assert np.all(apart(lon.to_value(u.deg), lat.to_value(u.deg), 10.0, 20.0) < 0.01)
    assert MOST_RANGES == 4
