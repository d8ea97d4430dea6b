"""Real numbers at their limits, and as text, are the same on both engines."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

Answer = Callable[[str], list[tuple[Any, ...]]]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1e308 * 10", None),
        ("mag * 1e308", None),
        ("-1e308 - mag * 1e307", None),
        ("mag * 1e-320 * 1e-100", 0.0),
        ("1e-200 * 1e-200 * mag", 0.0),
        ("1e-300 / 1e300 / mag", 0.0),
        ("1e300 / (mag / 1e300)", None),
        ("1e-320 * mag * 8", 1e-318),
        ("mag / 0", None),
        ("mag / 0.0", None),
        ("1e308 + 7e307", 1.7e308),
        ("mag - 12.5", 0.0),
        ("EXP(-800.0)", 0.0),
        ("EXP(mag * 100)", None),
        ("DEGREES(mag * 1e306)", None),
        ("POWER(mag, 400)", None),
    ],
)
def test_what_is_too_large_is_null_and_what_is_too_small_is_zero(
    expression: str, value: float | None, answer: Answer
) -> None:
    ((found,),) = answer(f"SELECT {expression} FROM stars WHERE id = 1")
    assert found == value if value is None else math.isclose(found, value, rel_tol=1e-5)


@pytest.mark.parametrize(
    ("aggregate", "value"),
    [
        ("SUM(1e308 + 0 * id)", None),
        ("AVG(1e308 + 0 * id)", None),
        ("AVG(mag)", 48.48 / 5),
        ("AVG(DISTINCT mag * 0)", 0.0),
        ("SUM(DISTINCT mag * 0 + 1.5)", 1.5),
        ("SUM(mag / 0)", None),
        ("AVG(mag / 0)", None),
    ],
)
def test_sums_and_means_are_null_where_they_are_not_finite(aggregate: str, value: float | None, answer: Answer) -> None:
    ((found,),) = answer(f"SELECT {aggregate} FROM stars")
    assert found == value if value is None else math.isclose(found, value, rel_tol=1e-14)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("mag", "12.5"),
        ("mag + 17.5", "30.0"),
        ("mag * 0", "0.0"),
        ("mag * -1", "-12.5"),
        ("mag * 8e10", "1000000000000.0"),
        ("mag * 8e13", "1000000000000000.0"),
        ("mag * 98.76543209876544e12", "1234567901234568.0"),
        ("mag * 8e14", "1e+16"),
        ("mag / 125000", "0.0001"),
        ("mag / 1250000", "1e-05"),
        ("CAST(mag AS REAL)", "12.5"),
        ("CAST(mag * 80000000 AS REAL)", "1000000000.0"),
        ("CAST(mag / 125 AS REAL)", "0.1"),
        ("id", "1"),
        ("big", "1"),
    ],
)
def test_numbers_have_one_text(number: str, text: str, answer: Answer) -> None:
    assert answer(f"SELECT CAST({number} AS VARCHAR), '<' || ({number}) || '>' FROM stars WHERE id = 1") == [
        (text, f"<{text}>")
    ]
