from __future__ import annotations

import astropy.units as u
import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import sqlalchemy as sa
from astropy.coordinates import SkyCoord

from schema.engines.dialect import render
from schema.replication.positions import hidden_columns
from schema.spatial.constructs import FixedPosition, Position, position_of
from schema.spatial.polygons import FixedPolygon, box, is_in_polygon

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

POLYGONS: dict[str, list[tuple[float, float]]] = {
    "square": [(10, 10), (12, 10), (12, 12), (10, 12)],
    "clockwise": [(10, 10), (10, 12), (12, 12), (12, 10)],
    "over RA 0": [(359, -1), (1, -1), (1, 1), (359, 1)],
    "around the north pole": [(0, 80), (90, 80), (180, 80), (270, 80)],
    "around the south pole": [(0, -85), (120, -70), (240, -89)],
    "hollow": [(40, 0), (50, 0), (50, 10), (45, 2), (40, 10)],
    "star": [(0, 40), (5, 45), (10, 40), (6, 47), (12, 52), (5, 50), (-2, 52), (4, 47)],
    "octant": [(0, 0), (90, 0), (0, 90)],
    "closed": [(200, -30), (210, -30), (205, -20), (200, -30)],
    "sliver": [(100, 0), (130, 1), (130, 2)],
    "tiny": [(45, 41.81), (45.0001, 41.81), (45.0001, 41.8101)],
}


def polygon_of(name: str) -> FixedPolygon:
    return FixedPolygon(tuple(FixedPosition(float(lon), float(lat)) for lon, lat in POLYGONS[name]))


def points_for(vertices: list[tuple[float, float]], seed: int) -> tuple[Degrees, Degrees]:
    """Points all over the sky and many near the polygon and its antipode."""
    random = np.random.default_rng(seed)
    middle = SkyCoord(vertices, unit="deg").cartesian.mean()
    centre = SkyCoord(middle, frame="icrs").spherical
    reach = SkyCoord(vertices, unit="deg").separation(SkyCoord(centre.lon, centre.lat)).deg.max()
    sky = SkyCoord(random.uniform(0, 360, 500) * u.deg, np.degrees(np.arcsin(random.uniform(-1, 1, 500))) * u.deg)
    near = SkyCoord(centre.lon, centre.lat).directional_offset_by(
        random.uniform(0, 360, 900) * u.deg, 1.2 * reach * np.sqrt(random.uniform(0, 1, 900)) * u.deg
    )
    ra = np.concatenate([sky.ra.deg, near.ra.deg, (near.ra.deg[:100] + 180.0) % 360.0])
    return ra, np.concatenate([sky.dec.deg, near.dec.deg, -near.dec.deg[:100]])


def judge(vertices: list[tuple[float, float]], ra: Degrees, dec: Degrees) -> tuple[npt.NDArray[np.bool_], Degrees]:
    """Even-odd rule in the gnomonic plane, where great circles are lines; and how far from the rim, roughly."""
    middle = SkyCoord(vertices, unit="deg").cartesian.mean()
    centre = SkyCoord(SkyCoord(middle, frame="icrs").spherical, frame="icrs")
    frame = centre.skyoffset_frame()

    def plane(coordinates: SkyCoord) -> tuple[Degrees, Degrees, npt.NDArray[np.bool_]]:
        x, y, z = coordinates.transform_to(frame).cartesian.xyz.value
        front = x > 1e-6
        x = np.where(front, x, 1.0)
        return y / x, z / x, front

    px, py, front = plane(SkyCoord(ra, dec, unit="deg"))
    vx, vy, _ = plane(SkyCoord(vertices, unit="deg"))
    inside = np.zeros(len(ra), dtype=bool)
    rim = np.full(len(ra), np.inf)
    for x1, y1, x2, y2 in zip(vx, vy, np.roll(vx, -1), np.roll(vy, -1), strict=True):
        length = np.hypot(x2 - x1, y2 - y1)
        if length == 0.0:
            continue
        crosses = (y1 > py) != (y2 > py)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (px < (x2 - x1) * (py - y1) / (y2 - y1) + x1)
        rim = np.minimum(rim, np.abs((x2 - x1) * (py - y1) - (y2 - y1) * (px - x1)) / length)
    return inside & front, rim


def found(ra: Degrees, dec: Degrees, condition: sa.ColumnElement[bool]) -> set[int]:
    columns = pa.array(ra), pa.array(dec)
    names = [column.name for column in SKY.columns]
    rows = pa.table([pa.array(np.arange(len(ra))), *columns, *hidden_columns(*columns)], names=names)
    connection = duckdb.connect(config={"threads": 1})
    connection.register("sky", rows)
    sql, parameters = render(sa.select(SKY.c.id).where(condition))
    answer = {row[0] for row in connection.execute(sql, parameters).fetchall()}
    connection.close()
    return answer


@pytest.mark.parametrize("is_stored", [True, False], ids=["stored", "computed"])
@pytest.mark.parametrize("name", POLYGONS)
def test_polygons_hold_the_points_that_lie_between_their_lines(name: str, is_stored: bool) -> None:
    vertices = POLYGONS[name]
    ra, dec = points_for(vertices, len(name))
    inside, rim = judge(vertices, ra, dec)
    assert np.count_nonzero(inside) > 0
    row = position_of(SKY) if is_stored else Position(SKY.c.ra, SKY.c.dec)
    assert row is not None
    clear = rim > 1e-12
    answer = found(ra, dec, is_in_polygon(row, polygon_of(name)))
    assert answer & set(np.flatnonzero(clear)) == set(np.flatnonzero(inside & clear))


def test_the_area_of_an_octant_is_an_eighth_of_the_sky() -> None:
    area = polygon_of("octant").signed_area
    assert area == pytest.approx(4 * np.pi * (180 / np.pi) ** 2 / 8, rel=1e-12)
    assert polygon_of("clockwise").signed_area == pytest.approx(-polygon_of("square").signed_area, rel=1e-9)
    assert polygon_of("closed").signed_area > 0


def test_the_arms_of_a_box_end_on_its_sides() -> None:
    ra, dec = np.array([30.0, 30.0, 30.0, 30.0]), np.array([60.0, 64.99, 65.01, 54.99])
    row = position_of(SKY)
    assert row is not None
    assert found(ra, dec, is_in_polygon(row, box(FixedPosition(30.0, 60.0), 4.0, 10.0))) == {0, 1}
    east = SkyCoord(30 * u.deg, 60 * u.deg).directional_offset_by(90 * u.deg, [1.99, 2.01] * u.deg)
    assert found(east.ra.deg, east.dec.deg, is_in_polygon(row, box(FixedPosition(30.0, 60.0), 4.0, 10.0))) == {0}


@pytest.mark.parametrize("size", [0.0, -1.0, 180.0, float("nan")])
def test_a_box_needs_a_size(size: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 180"):
        box(FixedPosition(0.0, 0.0), size, 1.0)


def test_a_polygon_needs_three_points_and_short_edges() -> None:
    a, b, c = FixedPosition(0.0, 0.0), FixedPosition(180.0, 0.0), FixedPosition(90.0, 10.0)
    with pytest.raises(ValueError, match="three points"):
        FixedPolygon((a, c))
    with pytest.raises(ValueError, match="opposite"):
        FixedPolygon((a, b, c))
