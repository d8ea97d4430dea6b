"""Numbers, intervals and shapes as DALI writes them."""

from __future__ import annotations

import math

import pytest

from vo.dali.errors import UsageFault
from vo.dali.values import Interval, read_interval, read_number, read_shape
from vo.regions import Circle, Polygon, Range


@pytest.mark.parametrize(
    ("text", "lower", "upper"),
    [
        ("300 600", 300.0, 600.0),
        ("300 +Inf", 300.0, math.inf),
        ("-Inf 600", -math.inf, 600.0),
        ("-Inf +Inf", -math.inf, math.inf),
        ("550", 550.0, 550.0),
        ("  5e-7\t.5 ", 5e-7, 0.5),
        ("-2 -1", -2.0, -1.0),
        ("1 inf", 1.0, math.inf),
    ],
)
def test_an_interval_has_both_bounds(text: str, lower: float, upper: float) -> None:
    assert read_interval("BAND", text) == Interval(lower, upper)


@pytest.mark.parametrize(
    "text", ["", "1 2 3", "2 1", "NaN", "1 NaN", "Inf", "-Inf", "+Inf +Inf", "-Inf -Inf", "1/2", "1,2", "0x1", "1e999",
             "1_0", "²", "one"],
)  # fmt: skip
def test_what_is_no_interval_is_named_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageFault, match=r"^BAND") as refused:
        read_interval("BAND", text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["nan", "inf", "1 2", "--1", "1e400", "١"])
def test_a_number_is_finite_and_alone(text: str) -> None:
    with pytest.raises(UsageFault, match=r"^SIZE must be a finite number"):
        read_number("SIZE", text)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("CIRCLE 12.0 34.0 0.5", Circle(12.0, 34.0, 0.5)),
        ("circle 0 -90 180", Circle(0.0, -90.0, 180.0)),
        ("RANGE 12.0 12.5 34.0 36.0", Range(12.0, 12.5, 34.0, 36.0)),
        ("RANGE 0 360.0 89.0 +Inf", Range(0.0, 360.0, 89.0, 90.0)),
        ("RANGE -Inf +Inf -Inf +Inf", Range(0.0, 360.0, -90.0, 90.0)),
        ("POLYGON 12 34 14 35 14. 36 12 35", Polygon(((12, 34), (14, 35), (14, 36), (12, 35)))),
    ],
)
def test_the_shapes_of_the_standard_are_read(text: str, shape: object) -> None:
    assert read_shape("POS", text) == shape


@pytest.mark.parametrize(
    "text",
    [
        "CIRCLE 12 34",
        "CIRCLE 12 34 1 2",
        "CIRCLE 12 34 -1",
        "CIRCLE 12 91 1",
        "CIRCLE 361 0 1",
        "CIRCLE NaN 0 1",
        "CIRCLE 12 34 Inf",
        "CIRCLE 12 34 181",
        "RANGE 12 11 0 1",
        "RANGE 1 2 3 2",
        "RANGE +Inf -Inf 0 1",
        "RANGE 0 361 0 1",
        "RANGE NaN 1 0 1",
        "POLYGON 1 2 3 4",
        "POLYGON 1 2 3 4 5 6 7",
        "POLYGON 1 2 3 4 5 96",
        "BOX 1 2 3 4",
        "1 2 3",
        "CIRCLE",
        "POLYGON " + "1 2 " * 3000,
    ],
)
def test_what_is_no_region_of_the_sky_is_named_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageFault, match=r"^POS") as refused:
        read_shape("POS", text)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300
