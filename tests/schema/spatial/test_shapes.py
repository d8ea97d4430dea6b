"""Relations of regions, judged by S2 (spherely) and, for circles, by distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import spherely

from schema.spatial import arcs
from schema.spatial.footprints import caps, region_columns_of
from schema.spatial.region_text import read_region, read_regions
from schema.spatial.regions import NOWHERE
from schema.spatial.shapes import (
    MOST_VERTICES,
    read_shapes,
    region_areas,
    region_centroids,
    regions_lie_within,
    regions_meet,
)

PAIRS = 6000
Reals = npt.NDArray[np.float64]


def offset(lon: Reals, lat: Reals, bearing: Reals, distance: Reals) -> tuple[Any, Any]:
    """Points at a bearing and a distance, degrees."""
    tilt, reach, turn = np.radians(lat), np.radians(distance), np.radians(bearing)
    sine = np.clip(np.sin(tilt) * np.cos(reach) + np.cos(tilt) * np.sin(reach) * np.cos(turn), -1.0, 1.0)
    east = np.arctan2(np.sin(turn) * np.sin(reach) * np.cos(tilt), np.cos(reach) - np.sin(tilt) * sine)
    return (lon + np.degrees(east)) % 360.0, np.degrees(np.arcsin(sine))


@dataclass
class Sky:
    """Pairs of polygons from 0.4 arcsec to 60 degrees, near each other as a rule, and of circles near the first."""

    first: pa.Array
    second: pa.Array
    first_s2: Any
    second_s2: Any
    circles: pa.Array
    centres: Any
    opposites: Any
    radii: Reals


def place(random: np.random.Generator) -> tuple[float, float]:
    lon, lat = random.uniform(0, 360), np.degrees(np.arcsin(random.uniform(-1, 1)))
    match random.integers(4):
        case 0:
            lat = np.copysign(90.0 - abs(random.normal()), random.normal())
        case 1:
            lon, lat = random.normal() % 360, random.uniform(-60, 60)
        case 2:
            lon, lat = 180.0 + random.normal(), random.normal()
    return float(lon), float(lat)


def polygon(random: np.random.Generator, lon: float, lat: float, size: float) -> tuple[Reals, Reals]:
    count = random.integers(3, 9)
    turns = (np.arange(count) + random.uniform(0.0, 0.4, count)) * 360.0 / count
    lons, lats = offset(np.float64(lon), np.float64(lat), turns, size * random.uniform(0.3, 1.0, count))
    return (lons[::-1], lats[::-1]) if random.random() < 0.5 else (lons, lats)


def west(lon: Any) -> Any:
    return (np.asarray(lon) + 180.0) % 360.0 - 180.0


@pytest.fixture(scope="module")
def sky() -> Sky:
    random = np.random.default_rng(31)
    lists: list[list[list[float]]] = [[], [], []]
    shapes: list[list[Any]] = [[], [], [], []]
    radii = np.minimum(10 ** random.uniform(-4, 2.3, PAIRS), 180.0)
    for radius in radii:
        lon, lat = place(random)
        size = 10 ** random.uniform(-4, 1.78)
        other = min(60.0, size * 10 ** random.uniform(-1.5, 0.7))
        near = offset(
            np.float64(lon), np.float64(lat), random.uniform(0, 360), random.uniform(0, 1.5) * min(size + other, 100)
        )
        if random.random() < 0.05:
            near = (lon + 180.0) % 360.0, -lat
        for index, (x, y, reach) in enumerate(((lon, lat, size), (*near, other))):
            lons, lats = polygon(random, float(x), float(y), reach)
            lists[index].append([float(len(lons)), *np.column_stack([lons, lats]).ravel().tolist()])
            corners = zip(west(lons).tolist(), lats.tolist(), strict=True)
            shapes[index].append(spherely.create_polygon(list(corners)))
        reach = random.uniform(0, 2) * min(radius, 90.0) if random.random() < 0.9 else random.uniform(0, 180)
        x, y = (float(each) for each in offset(np.float64(lon), np.float64(lat), random.uniform(0, 360), reach))
        lists[2].append([1.0, x, y, radius])
        shapes[2].append(spherely.create_point(float(west(x)), y))
        shapes[3].append(spherely.create_point(float(west(x + 180.0)), -y))
    first, second, circles = (pa.array(each, pa.list_(pa.float64())) for each in lists)
    first_s2, second_s2, centres, opposites = (np.array(each) for each in shapes)
    return Sky(first, second, first_s2, second_s2, circles, centres, opposites, radii)


def truths(column: pa.Array) -> npt.NDArray[np.bool_]:
    assert column.null_count == 0
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=bool)


def test_polygons_meet_as_s2_says(sky: Sky) -> None:
    wanted = spherely.intersects(sky.first_s2, sky.second_s2)
    assert 0.1 < wanted.mean() < 0.9
    assert np.array_equal(truths(regions_meet(sky.first, sky.second)), wanted)
    assert np.array_equal(truths(regions_meet(sky.second, sky.first)), wanted)


def test_polygons_lie_within_polygons_as_s2_says(sky: Sky) -> None:
    wanted = spherely.covers(sky.second_s2, sky.first_s2)
    turned = spherely.covers(sky.first_s2, sky.second_s2)
    assert wanted.sum() > 50
    assert turned.sum() > 50
    assert np.array_equal(truths(regions_lie_within(sky.first, sky.second)), wanted)
    assert np.array_equal(truths(regions_lie_within(sky.second, sky.first)), turned)


def test_circles_and_polygons_are_related_as_distances_say(sky: Sky) -> None:
    radii = np.radians(sky.radii)
    near = spherely.distance(sky.centres, sky.first_s2, radius=1.0)
    far = np.pi - spherely.distance(sky.opposites, sky.first_s2, radius=1.0)
    assert np.array_equal(truths(regions_meet(sky.circles, sky.first)), near <= radii)
    assert np.array_equal(truths(regions_lie_within(sky.first, sky.circles)), far <= radii)
    rims = [
        spherely.create_linestring(
            list(zip(west([*each[1::2], each[1]]).tolist(), [*each[2::2], each[2]], strict=True))
        )
        for each in sky.first.to_pylist()
    ]
    rim = spherely.distance(sky.centres, np.array(rims), radius=1.0)
    held = (near == 0.0) & (rim >= radii)
    assert held.sum() > 20
    assert np.array_equal(truths(regions_lie_within(sky.circles, sky.first)), held)


def test_a_region_meets_itself_and_lies_within_itself(sky: Sky) -> None:
    for column in (sky.first, sky.second, sky.circles):
        assert truths(regions_meet(column, column)).all()
        assert truths(regions_lie_within(column, column)).all()


def test_areas_and_centroids_are_those_of_s2(sky: Sky) -> None:
    areas = region_areas(sky.first).to_numpy()
    assert areas == pytest.approx(spherely.area(sky.first_s2, radius=1.0) * np.degrees(1.0) ** 2, rel=1e-6)
    centroids = np.array(region_centroids(sky.first).to_pylist())
    points = [spherely.centroid(each) for each in sky.first_s2]
    wanted = np.array([[spherely.get_x(each), spherely.get_y(each)] for each in points])
    apart = arcs.separations(arcs.unit_vectors(*centroids.T), arcs.unit_vectors(*wanted.T))
    assert np.all(np.degrees(apart) <= 1e-3 * np.sqrt(areas))


def test_the_cap_holds_the_region_which_holds_the_disc(sky: Sky) -> None:
    for column in (sky.first, sky.second, sky.circles):
        centre, outer, inner = caps(read_shapes(column))
        lon = np.degrees(np.arctan2(centre[:, 1], centre[:, 0]))
        lat = np.degrees(np.arcsin(np.clip(centre[:, 2], -1.0, 1.0)))
        reach = np.degrees(2.0 * np.arcsin(outer / 2.0)) + 1e-7
        within = np.degrees(2.0 * np.arcsin(np.maximum(inner, 0.0) / 2.0)) - 1e-7
        around = np.stack([np.ones(PAIRS), lon, lat, np.minimum(reach, 180.0)], axis=1)
        inside = np.stack([np.ones(PAIRS), lon, lat, np.maximum(within, 0.0)], axis=1)[inner >= 0.0]
        assert truths(regions_lie_within(column, pa.array(around.tolist()))).all()
        assert truths(regions_lie_within(pa.array(inside.tolist()), column.filter(pa.array(inner >= 0.0)))).all()
        assert (inner >= 0.0).mean() > 0.9


SQUARE = [4.0, 0, 0, 2, 0, 2, 2, 0, 2]
HOLLOW = [8.0, 0, 0, 6, 0, 6, 6, 4, 6, 4, 2, 2, 2, 2, 6, 0, 6]


@pytest.mark.parametrize(
    ("a", "b", "meet", "within"),
    [
        (SQUARE, SQUARE, True, True),
        (SQUARE, SQUARE[:1] + SQUARE[:0:-1][1::2] + SQUARE[:0:-1][::2], True, None),
        ([4.0, 2, 0, 4, 0, 4, 2, 2, 2], SQUARE, True, False),
        ([3.0, 2, 2, 3, 2, 3, 3], SQUARE, True, False),
        ([3.0, 0, 0, 2, 0, 2, 2], SQUARE, True, True),
        ([3.0, 0.5, 0, 1.5, 0, 1, 1], SQUARE, True, True),
        ([4.0, 1, 3, 5, 3, 5, 5, 1, 5], HOLLOW, True, False),
        ([4.0, 2.5, 3, 3.5, 3, 3.5, 5, 2.5, 5], HOLLOW, False, False),
        ([4.0, 2, 2, 4, 2, 4, 5, 2, 5], HOLLOW, True, False),
        ([1.0, 2, 2, 0], SQUARE, True, True),
        ([1.0, 1, 0, 0], SQUARE, True, True),
        (SQUARE, [1.0, 1, 1, 0], True, False),
        ([1.0, 5, 5, 1, 1.0, 1, 1, 0.1], SQUARE, True, False),
        ([1.0, 1.5, 1, 0.1, 1.0, 1, 1, 0.1], SQUARE, True, True),
        ([1.0, 10, 0, 1], [1.0, 5, 0, 1, 1.0, 9, 0, 1], True, False),
        ([1.0, 10, 0, 0.5], [1.0, 5, 0, 1, 1.0, 10, 0, 1], True, True),
        ([1.0, 10, 0, 180], [1.0, 5, 0, 180], True, True),
        ([1.0, 0, 90, 0], [1.0, 77, 90, 0], True, True),
        ([1.0, 0, -90, 0], [1.0, 77, 90, 179.9], False, False),
        ([1.0, 1, 2], SQUARE, None, None),
        ([1.0, 1, 2, -3], SQUARE, None, None),
        ([1.0, 1, 92, 3], SQUARE, None, None),
        ([1.0, float("nan"), 2, 3], SQUARE, None, None),
        ([2.0, 1, 2, 3, 4], SQUARE, None, None),
        ([3.0, 0, 0, 180, 0, 90, 10], SQUARE, None, None),
        ([2.5, 0, 0, 18, 0, 90, 10], SQUARE, None, None),
        ([float("inf"), 0, 0], SQUARE, None, None),
        ([], SQUARE, None, None),
        (None, SQUARE, None, None),
    ],
)
def test_touching_empty_and_broken_regions(
    a: list[float] | None, b: list[float], meet: bool | None, within: bool | None
) -> None:
    left, right = (pa.array([each], pa.list_(pa.float64())) for each in (a, b))
    assert regions_meet(left, right).to_pylist() == [meet]
    assert regions_meet(right, left).to_pylist() == [meet]
    if within is not None or meet is None:
        assert regions_lie_within(left, right).to_pylist() == [within]


def test_polygons_of_most_vertices_are_compared_and_larger_ones_are_none() -> None:
    turns = np.linspace(0.0, 2.0 * np.pi, MOST_VERTICES, endpoint=False)
    ring = np.column_stack([10.0 + np.cos(turns), np.sin(turns)]).ravel().tolist()
    large = pa.array([[float(MOST_VERTICES), *ring], [MOST_VERTICES + 1.0, *ring, 10.0, 0.0]])
    assert regions_meet(large, pa.array([[1.0, 10.0, 0.0, 0.1]] * 2)).to_pylist() == [True, None]
    assert regions_lie_within(large[:1], large[:1]).to_pylist() == [True]


TEXTS = {
    "POLYGON ICRS 1 2 3 4 5 6": [3, 1, 2, 3, 4, 5, 6],
    "  polygon 1.5 -2 +3 4e0 5 6 ": [3, 1.5, -2, 3, 4, 5, 6],
    "Polygon J2000 1 2 3 4 5 6 7 8": [4, 1, 2, 3, 4, 5, 6, 7, 8],
    "CIRCLE FK5 1 2 3": [1, 1, 2, 3],
    "POSITION ICRS 1 2": [1, 1, 2, 0],
    "Position ICRS GEOCENTER SPHERICAL2 1 2": [1, 1, 2, 0],
    "UNION ICRS (CIRCLE 1 2 3 POLYGON 1 2 3 4 5 6)": [1, 1, 2, 3, 3, 1, 2, 3, 4, 5, 6],
    "Union ICRS ( Union ( Circle 1 2 3 ) Position 4 5 )": [1, 1, 2, 3, 1, 4, 5, 0],
    "POLYGON ICRS 1 2 3 4 5 6 POLYGON ICRS 1 2 3 4 5 6": [3, 1, 2, 3, 4, 5, 6] * 2,
    "circle 1 2 3": [1, 1, 2, 3],
    "1 2": [1, 1, 2, 0],
    "1,2,3": [1, 1, 2, 3],
    "(1, 2), (3, 4), (5, 6)": [3, 1, 2, 3, 4, 5, 6],
    "": None,
    "UNION ICRS ()": None,
    "POLYGON ICRS 1 2 3 4 5": None,
    "POLYGON ICRS 1 2 3 4": None,
    "CIRCLE ICRS 1 2": None,
    "CIRCLE GALACTIC 1 2 3": None,
    "ELLIPSE ICRS 1 2 3 4 5": None,
    "UNION ICRS (CIRCLE 1 2 3 ELLIPSE 1 2 3 4 5)": None,
    "NOT CIRCLE 1 2 3": None,
    "CIRCLE ICRS 1e 2 3": None,
    "CIRCLE ICRS 1 2 3 unit rad": None,
    "BOX 1 2 190 1": None,
    "range 1 2 3 4": None,
    "σ": None,
}


def test_texts_are_read_alone_and_together() -> None:
    assert {text: read_region(text) for text in TEXTS} == TEXTS
    assert read_regions(pa.array([None, *TEXTS, None])).to_pylist() == [None, *TEXTS.values(), None]
    for text, numbers in TEXTS.items():
        assert read_regions(pa.array([text])).to_pylist() == [numbers]
    assert read_regions(pa.chunked_array([[], ["1 2"], ["1 2 3"]], pa.string())).to_pylist() == [
        [1, 1, 2, 0],
        [1, 1, 2, 3],
    ]
    assert read_regions(pa.array([], pa.string())).to_pylist() == []


def test_what_is_no_region_has_no_hidden_columns() -> None:
    texts = [
        "CIRCLE ICRS 1 95 3",
        "CIRCLE ICRS 1 2 -3",
        "POLYGON ICRS 0 0 180 0 1 1",
        None,
        "CIRCLE ICRS 1 2 3",
        "-",
        "inf inf",
    ]
    for suffix, column in region_columns_of(pa.array(texts)).items():
        known = [value != NOWHERE if suffix == "hpx" else value is not None for value in column.to_pylist()]
        assert known == [False, False, False, False, True, False, False], suffix
    assert all(len(column) == 0 for column in region_columns_of(pa.array([], pa.string())).values())
