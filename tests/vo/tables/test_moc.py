from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from mocpy import MOC

from vo.dali.errors import UsageFault
from vo.tables.field import Field
from vo.tables.moc import ORDER, write_moc
from vo.tables.stream import TableStream

MakeStream = Callable[..., TableStream]
RA = Field("ra", "double", unit="deg", ucd="pos.eq.ra;meta.main")
DEC = Field("dec", "double", unit="deg", ucd="pos.eq.dec;meta.main")
REGION = Field("s_region", "char", "*", xtype="adql:REGION")
WIDTH = MOC.order_to_spatial_resolution(ORDER).to_value(u.deg)


def read(stream: TableStream, folder: Path) -> tuple[MOC, fits.Header]:
    document = b"".join(write_moc(stream))
    path = folder / "map.fits"
    path.write_bytes(document)
    with fits.open(io.BytesIO(document)) as hdus:
        hdus.verify("exception")
        return MOC.load(path, format="fits"), hdus[1].header


def covers(covered: MOC, ra: float, dec: float) -> bool:
    return bool(covered.contains_lonlat(np.array([ra]) * u.deg, np.array([dec]) * u.deg)[0])


def test_every_position_is_covered_and_little_else(make_stream: MakeStream, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    ra, dec = random.uniform(0, 360, 500), np.degrees(np.arcsin(random.uniform(-1, 1, 500)))
    rows = [*zip(ra.tolist(), dec.tolist(), strict=True), (0.0, 90.0), (360.0, -90.0), (-1.0, 0.0)]
    covered, header = read(make_stream([RA, DEC], rows, batch_rows=100), tmp_path)
    assert covered.contains_lonlat(ra * u.deg, dec * u.deg).all()
    assert covers(covered, 0, 90)
    assert covers(covered, 0, -90)
    assert covers(covered, 359, 0)
    cells = len(np.unique(covered.flatten()))
    assert 480 <= cells <= 503
    assert (header["QSTATUS"], header["NOPLACE"]) == ("OK", 0)


@pytest.mark.parametrize(
    ("field", "cell"),
    [
        (REGION, "CIRCLE ICRS 10.0 20.0 1.0"),
        (REGION, "Circle J2000 10.0 20.0 1.0"),
        (Field("c", "double", "3", xtype="circle"), [10.0, 20.0, 1.0]),
    ],
    ids=str,
)
def test_a_circle_is_covered(make_stream: MakeStream, tmp_path: Path, field: Field, cell: Any) -> None:
    covered, _ = read(make_stream([RA, DEC, field], [[200.0, -60.0, cell]]), tmp_path)
    around = SkyCoord(10, 20, unit="deg")
    for angle in range(0, 360, 15):
        for radius, inside in ((0.0, True), (1 - 2 * WIDTH, True), (1 + 2 * WIDTH, False)):
            place = around.directional_offset_by(angle * u.deg, radius * u.deg)
            assert covers(covered, place.ra.deg, place.dec.deg) == inside
    assert not covers(covered, 200, -60)


@pytest.mark.parametrize(
    ("field", "cell"),
    [
        (REGION, "POLYGON ICRS 359 -1 1 -1 1 1 359 1"),
        (Field("p", "double", "*", xtype="polygon"), [359.0, -1.0, 1.0, -1.0, 1.0, 1.0, 359.0, 1.0]),
    ],
    ids=str,
)
def test_a_polygon_across_the_first_meridian_is_covered(
    make_stream: MakeStream, tmp_path: Path, field: Field, cell: Any
) -> None:
    covered, _ = read(make_stream([field], [[cell]]), tmp_path)
    edge = 1 - 2 * WIDTH
    assert all(covers(covered, x, y) for x in (0, edge, 360 - edge) for y in (0, edge, -edge))
    assert not any(covers(covered, x, y) for x, y in ((1.1, 0), (358.9, 0), (0, 1.1), (0, -1.1), (180, 0)))
    assert covered.sky_fraction == pytest.approx(4 / 41252.96, rel=0.1)


def test_regions_are_joined_and_maps_go_before_them(make_stream: MakeStream, tmp_path: Path) -> None:
    rows = [["UNION ICRS (CIRCLE 10 10 1 CIRCLE 50 10 1)", "3/1"], ["POSITION ICRS 100 -20", "4/1000 5/7"]]
    covered, _ = read(make_stream([REGION], [row[:1] for row in rows]), tmp_path)
    assert all(covers(covered, *place) for place in ((10, 10), (50, 10), (100, -20)))
    assert not covers(covered, 30, 10)
    covered, _ = read(make_stream([REGION, Field("map", "char", "*", xtype="moc")], rows), tmp_path)
    assert covered.degrade_to_order(5) == MOC.from_string("3/1 4/1000 5/7")


def test_what_is_no_place_is_counted(make_stream: MakeStream, tmp_path: Path) -> None:
    rows = [[None, 1.0], [math.nan, 1.0], [1.0, math.inf], [1.0, 91.0], [math.inf, 0.0], [-596.52, 1.0]]
    assert read(make_stream([RA, DEC], rows), tmp_path)[1]["NOPLACE"] == 5
    texts = [[None], [""], ["nonsense"], ["CIRCLE ICRS 1 2"], ["CIRCLE ICRS nan 0 1"], ["POSITION ICRS x y"]]
    covered, header = read(make_stream([REGION], texts), tmp_path)
    assert (covered.empty(), header["NOPLACE"]) == (True, 6)
    points = [[[1.0, 2.0]], [None], [[math.nan, math.nan]]]
    covered, header = read(make_stream([Field("p", "double", "2", xtype="point")], points), tmp_path)
    assert (covers(covered, 1, 2), header["NOPLACE"]) == (True, 2)


def test_the_main_pair_counts(make_stream: MakeStream, tmp_path: Path) -> None:
    other = [Field("x", "double", ucd="pos.eq.ra"), Field("y", "double", ucd="pos.eq.dec")]
    covered, _ = read(make_stream([*other, RA, DEC], [[1.0, 1.0, 50.0, 60.0]]), tmp_path)
    assert (covers(covered, 50, 60), covers(covered, 1, 1)) == (True, False)


@pytest.mark.parametrize(("maxrec", "status"), [(None, "OK"), (2, "OK"), (1, "OVERFLOW"), (0, "OVERFLOW")])
def test_the_header_tells_of_an_overflow(
    make_stream: MakeStream, tmp_path: Path, maxrec: int | None, status: str
) -> None:
    covered, header = read(make_stream([RA, DEC], [[1.0, 2.0], [3.0, 4.0]], maxrec=maxrec), tmp_path)
    assert header["QSTATUS"] == status
    assert covers(covered, 3, 4) == (status == "OK")


def test_a_table_without_places_is_refused_with_a_sentence(make_stream: MakeStream) -> None:
    released: list[bool] = []
    stream = make_stream([RA, Field("n", "int")], [[1.0, 1]], release=lambda: released.append(True))
    with pytest.raises(UsageFault, match="needs a column with regions"):
        list(write_moc(stream))
    assert released == [True]
