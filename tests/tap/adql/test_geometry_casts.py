"""CAST to POINT, CIRCLE and POLYGON, on both engines.

References
----------
ADQL 2.1, "CAST", paragraph "Geometry"; DALI 1.1, "Point", "Circle", "Polygon".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schema.catalogue import Catalogue
from tap.adql.compile import compile_query
from tap.adql.errors import AdqlError

Answer = Callable[[str], list[tuple[Any, ...]]]

WRITTEN = [
    ("'12.3 45.6'", "POINT", [12.3, 45.6]),
    ("'POSITION ICRS 12.3 45.6'", "POINT", [12.3, 45.6]),
    ("'point 12.3, 45.6'", "POINT", [12.3, 45.6]),
    ("'12.3 45.6 1.0'", "CIRCLE", [12.3, 45.6, 1.0]),
    ("'Circle ICRS 12.3 45.6 1.0'", "CIRCLE", [12.3, 45.6, 1.0]),
    ("'1.0 0.1 2.0 0.2 3.0 0.3'", "POLYGON", [1.0, 0.1, 2.0, 0.2, 3.0, 0.3]),
    ("'POLYGON J2000 1 0 2 0 2 1 1 1'", "POLYGON", [1.0, 0.0, 2.0, 0.0, 2.0, 1.0, 1.0, 1.0]),
    ("REGION('CIRCLE ICRS 12.3 45.6 1')", "CIRCLE", [12.3, 45.6, 1.0]),
    ("POINT(12.3, 45.6)", "POINT", [12.3, 45.6]),
    ("CIRCLE('ICRS', 12.3, 45.6, 1)", "CIRCLE", [12.3, 45.6, 1.0]),
    ("CIRCLE('ICRS', 12.3, 45.6, 0)", "CIRCLE", [12.3, 45.6, 0.0]),
    ("CAST('12.3 45.6' AS POINT)", "POINT", [12.3, 45.6]),
    ("POLYGON(1, 0, 2, 0, 2, 1)", "POLYGON", [1.0, 0.0, 2.0, 0.0, 2.0, 1.0]),
    ("NULL", "CIRCLE", None),
]


@pytest.mark.parametrize(("value", "kind", "numbers"), WRITTEN)
def test_a_geometry_is_made_of_what_a_query_writes(
    value: str, kind: str, numbers: list[float] | None, answer: Answer
) -> None:
    assert answer(f"SELECT TOP 1 CAST({value} AS {kind}) AS g FROM sky.stars") == [(numbers,)]
    assert answer(f"SELECT TOP 1 g FROM (SELECT CAST({value} AS {kind}) AS g FROM sky.stars) AS t") == [(numbers,)]


@pytest.mark.parametrize(
    ("text", "kind", "numbers"),
    [
        ("12.3 45.6", "POINT", [12.3, 45.6]),
        ("12.3 45.6 1", "POINT", None),
        ("12.3 95", "POINT", None),
        ("12.3", "POINT", None),
        ("12.3 45.6 nan", "CIRCLE", None),
        ("12.3 45.6 -1", "CIRCLE", None),
        ("12.3 45.6 1e0", "CIRCLE", [12.3, 45.6, 1.0]),
        ("CIRCLE ICRS 12.3 45.6 1", "POLYGON", None),
        ("1 0 2 0 2 1", "POLYGON", [1.0, 0.0, 2.0, 0.0, 2.0, 1.0]),
        ("1 0 2 0 2 1 3", "POLYGON", None),
        ("UNION ICRS (CIRCLE 1 2 3 CIRCLE 4 5 6)", "CIRCLE", None),
        ("no region", "POLYGON", None),
        ("", "POINT", None),
    ],
)
def test_text_of_rows_is_null_where_it_is_no_such_geometry(
    text: str, kind: str, numbers: list[float] | None, answer: Answer
) -> None:
    # COALESCE with a column is no literal.
    value = f"SELECT CAST(COALESCE(band, '{text}') AS {kind}) AS g FROM sky.stars WHERE id = 6"
    assert answer(value) == [(numbers,)]
    assert answer(f"SELECT COUNT(*) AS n FROM ({value}) AS t WHERE INTERSECTS(g, CIRCLE(0, 0, 180)) = 1") == [
        (int(numbers is not None),)
    ]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("1 = CONTAINS(POINT(ra, dec), CAST('10 0 0.7' AS CIRCLE))", [1, 2]),
        ("1 = CONTAINS(POINT(ra, dec), CAST('9 -1 11 -1 11 1 9 1' AS POLYGON))", [1, 2]),
        ("1 = CONTAINS(CAST('10 0.5' AS POINT), CIRCLE(ra, dec, 0.6))", [1]),
        ("DISTANCE(CAST('0 0' AS POINT), POINT(ra, dec)) < 0.2", [3, 4]),
        ("1 = INTERSECTS(CAST(COALESCE(band, '0 0 1') AS CIRCLE), CIRCLE(0, 1, 0.5))", [6]),
        ("COORD1(CAST('10 5' AS POINT)) = ra", [1]),
        ("1 = CONTAINS(POINT(ra, dec), CIRCLE(CAST('10 0' AS POINT), 0.1))", [1]),
    ],
)
def test_a_geometry_of_text_stands_wherever_geometries_do(condition: str, found: list[int], answer: Answer) -> None:
    assert answer(f"SELECT id FROM sky.stars WHERE {condition} ORDER BY id") == [(each,) for each in found]


@pytest.mark.parametrize(
    ("value", "kind", "sentence"),
    [
        ("'12.3'", "POINT", "no point; write it as '12.3 45.6'"),
        ("'12.3 45.6 1'", "POINT", "no point"),
        ("'GALACTIC 12.3 45.6'", "POINT", "no point"),
        ("'12.3 45.6'", "POLYGON", "no polygon"),
        ("'1 0 181 0 2 1'", "POLYGON", "opposite"),
        ("'12.3 95.6'", "POINT", "within -90 and 90"),
        ("'nan 45.6 1'", "CIRCLE", "finite"),
        ("'12 45.6 inf'", "CIRCLE", "no circle"),
        ("CIRCLE(1, 2, 3)", "POINT", "makes a point of text and of points; this is a geometry"),
        ("ra", "CIRCLE", "makes a circle of text and of circles; this is a number"),
        ("seen", "POINT", "this is a timestamp"),
        ("MOC('3/1')", "POLYGON", "makes a polygon of text"),
    ],
)
def test_what_is_no_geometry_is_refused(value: str, kind: str, sentence: str, catalogue: Catalogue) -> None:
    with pytest.raises(AdqlError, match=sentence):
        compile_query(f"SELECT CAST({value} AS {kind}) AS g FROM sky.stars", catalogue)


@pytest.mark.parametrize(
    ("kind", "arraysize", "xtype"), [("POINT", "2", "point"), ("CIRCLE", "3", "circle"), ("POLYGON", "*", "polygon")]
)
def test_it_leaves_as_dali_writes_it(kind: str, arraysize: str, xtype: str, catalogue: Catalogue) -> None:
    (field,) = compile_query(f"SELECT CAST(name AS {kind}) AS g FROM sky.stars", catalogue).fields
    assert (field.datatype, field.arraysize, field.xtype) == ("double", arraysize, xtype)
