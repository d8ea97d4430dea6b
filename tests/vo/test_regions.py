from __future__ import annotations

import pytest
from astropy.coordinates import SkyCoord
from mocpy import MOC

from vo.regions import Circle, Polygon, Position, Union, write_stcs

SQUARE = Polygon(((11.0, 20.0), (10.0, 20.0), (10.0, 21.0), (11.0, 21.0)))


@pytest.mark.parametrize(
    ("region", "text"),
    [
        (Position(83.6, -5.4), "POSITION ICRS 83.6 -5.4"),
        (Circle(0.0, -90.0, 0.000125), "CIRCLE ICRS 0 -90 0.000125"),
        (SQUARE, "POLYGON ICRS 11 20 10 20 10 21 11 21"),
        (Union((SQUARE, Circle(1, 2, 3))), "UNION ICRS (POLYGON 11 20 10 20 10 21 11 21 CIRCLE 1 2 3)"),
    ],
    ids=["position", "circle", "polygon", "union"],
)
def test_regions_are_written_as_stcs(region: Position | Circle | Polygon | Union, text: str) -> None:
    assert write_stcs(region) == text


@pytest.mark.parametrize("region", [Circle(359.9999, 89.5, 1.25), SQUARE], ids=["circle", "polygon"])
def test_other_software_reads_the_same_region(region: Circle | Polygon) -> None:
    read = MOC.from_stcs(write_stcs(region), max_depth=10)
    if isinstance(region, Circle):
        centre = SkyCoord(region.ra, region.dec, unit="deg")
        around = [centre.directional_offset_by(angle, region.radius * part * centre.dec.unit)
                  for angle in SkyCoord([0, 90, 180, 270], [0] * 4, unit="deg").ra for part in (0.9, 1.1)]  # fmt: skip
        assert [bool(read.contains_skycoords(one)) for one in around] == [True, False] * 4
    else:
        assert bool(read.contains_skycoords(SkyCoord(10.5, 20.5, unit="deg")))
        assert not bool(read.contains_skycoords(SkyCoord(12.5, 20.5, unit="deg")))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Position(360.1, 0.0),
        lambda: Position(-0.1, 0.0),
        lambda: Position(0.0, 90.1),
        lambda: Position(float("nan"), 0.0),
        lambda: Circle(0.0, 0.0, -1.0),
        lambda: Circle(0.0, 0.0, 180.1),
        lambda: Circle(0.0, 0.0, float("nan")),
        lambda: Polygon(((0.0, 0.0), (1.0, 1.0))),
        lambda: Polygon(((0.0, 0.0), (1.0, 1.0), (400.0, 0.0))),
    ],
)
def test_what_is_no_region_is_refused_in_a_sentence(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"\.$"):
        make()
