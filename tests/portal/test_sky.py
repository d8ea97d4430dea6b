"""The map of the sky on the first page."""

from __future__ import annotations

import numpy as np
import pytest

from portal.sky import hammer, map_of


@pytest.mark.parametrize(
    ("ra", "dec", "x", "y"),
    [
        (0, 0, 0, 0),
        (360, 0, 0, 0),
        (0, 90, 0, 1),
        (123, -90, 0, -1),
        (179.9999999, 0, -2, 0),
        (180.0000001, 0, 2, 0),
        (90, 0, -2 * np.sin(np.pi / 4) / np.sqrt(1 + np.cos(np.pi / 4)), 0),
    ],
)
def test_right_ascension_grows_to_the_left_and_declination_upwards(ra: float, dec: float, x: float, y: float) -> None:
    assert hammer(np.array([ra]), np.array([dec])) == (pytest.approx([x], abs=1e-6), pytest.approx([y], abs=1e-6))


def test_equal_areas_on_the_sky_are_equal_areas_on_the_map() -> None:
    def area(dec: float) -> float:
        top, step = np.degrees(np.arcsin(np.sin(np.radians(dec)) + 1e-4)), 1e-2
        x, y = hammer(np.array([40, 40 + step, 40 + step, 40]), np.array([dec, dec, top, top]))
        return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)

    assert area(60) == pytest.approx(area(0), rel=1e-3)


def test_the_fullest_cell_is_the_strongest_dot() -> None:
    weak, strong = map_of({0: 1, 17: 1000})
    assert 0.25 < weak.strength < strong.strength == pytest.approx(1)


def test_an_empty_sky_has_no_dots() -> None:
    assert map_of({}) == []
