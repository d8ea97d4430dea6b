"""Regions and ranges of coordinates, judged by S2 (spherely) with the parallels cut into short arcs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import spherely
from astropy.coordinates import offset_by

from schema.spatial.ranges import regions_meet_range

CASES = 1500
STEP_DEG = 0.05
EDGE_DEG = 2e-5


def outline(ra1: float, ra2: float, dec1: float, dec2: float) -> spherely.Geography:
    steps = max(2, int((ra2 - ra1) / STEP_DEG))
    along = np.linspace(ra1, ra2, steps)
    lower, upper = [(lon, dec1) for lon in along], [(lon, dec2) for lon in along[::-1]]
    return spherely.create_polygon([(float((lon + 180) % 360 - 180), float(lat)) for lon, lat in lower + upper])


@pytest.mark.parametrize("kind", ["polygon", "circle"])
def test_regions_meet_ranges_as_s2_says(kind: str) -> None:
    random = np.random.default_rng(7)
    seen = {True: 0, False: 0}
    for _ in range(CASES):
        ra1, width, height = random.uniform(0, 340), 10 ** random.uniform(-2, 1.3), 10 ** random.uniform(-2, 1.5)
        dec1 = random.uniform(-88, 86)
        dec2 = min(dec1 + height, 89.9)
        ra2 = ra1 + width
        if ra2 > 360:
            continue
        lon, lat = random.uniform(ra1 - 2 * width, ra2 + 2 * width), np.clip(random.normal(dec1, 2 * height), -89, 89)
        size = 10 ** random.uniform(-2, 1)
        if kind == "circle":
            numbers = [1.0, lon % 360, lat, size]
            centre = spherely.create_point((lon + 180) % 360 - 180, lat)
            inner, outer = (
                spherely.distance(centre, each, radius=1.0) <= np.radians(size)
                for each in (
                    outline(ra1 + EDGE_DEG, ra2 - EDGE_DEG, dec1 + EDGE_DEG, dec2 - EDGE_DEG),
                    outline(ra1 - EDGE_DEG, ra2 + EDGE_DEG, dec1 - EDGE_DEG, dec2 + EDGE_DEG),
                )
            )
        else:
            angles = np.sort(random.uniform(0, 2 * np.pi, 5))
            if np.diff(angles, append=angles[0] + 2 * np.pi).max() > 3:
                continue
            lons, lats = offset_by(np.radians(lon), np.radians(lat), -angles, np.radians(size))
            corners = list(zip(lons.to_value("deg"), lats.to_value("deg"), strict=True))
            numbers = [5.0, *(float(x) for corner in corners for x in corner)]
            region = spherely.create_polygon([(float((x + 180) % 360 - 180), float(y)) for x, y in corners])
            inner, outer = (
                spherely.intersects(region, each)
                for each in (
                    outline(ra1 + EDGE_DEG, ra2 - EDGE_DEG, dec1 + EDGE_DEG, dec2 - EDGE_DEG),
                    outline(ra1 - EDGE_DEG, ra2 + EDGE_DEG, dec1 - EDGE_DEG, dec2 + EDGE_DEG),
                )
            )
        if bool(inner) != bool(outer):
            continue
        found = regions_meet_range(pa.array([numbers]), pa.array([[ra1, ra2, dec1, dec2]])).to_pylist()
        assert found == [bool(inner)], (numbers, ra1, ra2, dec1, dec2)
        seen[bool(inner)] += 1
    assert min(seen.values()) > CASES / 10


@pytest.mark.parametrize(
    ("region", "limits", "meets"),
    [
        ([1.0, 10.0, 10.0, 0.0], [10, 10, 10, 10], True),
        ([1.0, 10.0, 10.0, 0.0], [10, 11, 10, 11], True),
        ([1.0, 0.0, 0.0, 0.0], [360, 360, 0, 0], True),
        ([1.0, 359.9, 0.0, 0.2], [0, 1, -1, 1], True),
        ([1.0, 359.9, 0.0, 0.05], [0, 1, -1, 1], False),
        ([1.0, 123.0, 90.0, 0.1], [0, 360, 89.95, 90], True),
        ([1.0, 123.0, 90.0, 0.1], [5, 5.1, 89.95, 90], True),
        ([1.0, 123.0, 88.0, 0.1], [0, 360, 89, 90], False),
        # A cap around the pole, and bands around, within and below it.
        ([4.0, 0.0, 80.0, 90.0, 80.0, 180.0, 80.0, 270.0, 80.0], [0, 360, 85, 86], True),
        ([4.0, 0.0, 80.0, 90.0, 80.0, 180.0, 80.0, 270.0, 80.0], [0, 360, -90, 79.9], False),
        ([4.0, 0.0, 80.0, 90.0, 80.0, 180.0, 80.0, 270.0, 80.0], [0, 360, -90, 80.1], True),
        ([4.0, 0.0, 80.0, 90.0, 80.0, 180.0, 80.0, 270.0, 80.0], [0, 360, -90, 90], True),
        # An edge that rises above both of its ends.
        ([3.0, 0.0, 60.0, 90.0, 60.0, 45.0, 0.0], [44, 46, 67, 68], True),
        ([3.0, 0.0, 60.0, 90.0, 60.0, 45.0, 0.0], [44, 46, 67.9, 70], False),
        ([3.0, 350.0, 0.0, 10.0, 0.0, 0.0, 10.0], [0, 1, 1, 2], True),
        ([3.0, 350.0, 0.0, 10.0, 0.0, 0.0, 10.0], [180, 190, -90, 90], False),
    ],
)
def test_poles_and_the_first_meridian_are_nothing_special(
    region: list[float], limits: list[float], meets: bool
) -> None:
    assert regions_meet_range(pa.array([region]), pa.array([[*map(float, limits)]])).to_pylist() == [meets]


def test_what_is_no_region_is_null() -> None:
    column = pa.array([None, [1.0, 2.0], [1.0, 5.0, 5.0, 1.0]], pa.list_(pa.float64()))
    limits = pa.array([[0.0, 10.0, 0.0, 10.0]] * 3)
    assert regions_meet_range(column, limits).to_pylist() == [None, None, True]
    assert len(regions_meet_range(column[:0], limits[:0])) == 0
