from __future__ import annotations

import pytest

from schema.catalogue import Catalogue
from tap.adql.compile import compile_query
from tap.adql.errors import AdqlError, Fault, line_and_column
from tap.adql.parse import parse_query

FOREIGN_HABITS = [
    ("SELECT x FROM t LIMIT 10", 17, "TOP 10"),
    ("SELECT x FROM t ORDER BY x LIMIT 10", 28, "TOP 10"),
    ("SELECT x FROM t WHERE x == 1", 25, "single ="),
    ("SELECT `x` FROM t", 8, "double quotes"),
    ("SELECT CASE WHEN x=1 THEN 2 END FROM t", 8, "no CASE"),
    ("SELECT x FROM t WHERE CONTAINS(a, b)", 23, "1=CONTAINS"),
    ("SELECT x FROM t WHERE NOT INTERSECTS(a, b)", 27, "1=INTERSECTS"),
    ("SELECT x FROM t ORDER BY x NULLS FIRST", 28, "NULLs"),
    ("SELECT x FROM t WHERE s LIKE 'a!%' ESCAPE '!'", 36, "no ESCAPE"),
    ("SELECT x FROM t WHERE x = TRUE", 27, "no boolean values"),
    ("SELECT x FROM t;", 16, "without a semicolon"),
    ("SELECT x % 2 FROM t", 10, "MOD(x, y)"),
    ("SELECT x::INTEGER FROM t", 9, "CAST"),
    ("SELECT x FROM a CROSS JOIN b", 17, "comma"),
    ("SELECT x FROM t WHERE o = 'O'Neil'", 30, "doubled"),
    ("SELECT x /* c */ FROM t", 10, "--"),
    ("SELECT x FROM t WHERE d > DATE '2020-01-01'", 27, "string"),
    ("SELECT x FROM t WHERE s = \u201cM31\u201d", 27, "straight quotes"),
    ("SELECT x\u00a0FROM t", 9, "no-break space"),
    ("SELECT größe FROM t", 10, "double quotes"),
    ("SELECT _x FROM t", 8, "double quotes"),
    ("SELECT distance FROM t", 17, '"distance"'),
    ("SELECT x AS date FROM t", 13, "2020"),
    ("SELECT x AS level FROM t", 13, '"level"'),
    ("SELECT 'abc FROM t", 8, "does not end"),
    ("DELETE FROM t", 1, "begin with SELECT"),
    ("SELECT 2mass FROM t", 9, "missing before mass"),
    ("SELECT SUM(*) FROM t", 12, "only COUNT"),
    ("SELECT x FROM t WHERE x+1 IS NULL", 23, "column alone"),
    ("SELECT POINT(1) FROM t", 8, "POINT(lon, lat)"),
    ("SELECT s.f(x) FROM t", 11, "without a schema"),
]


@pytest.mark.parametrize(("text", "column", "cure"), FOREIGN_HABITS, ids=[text for text, *_ in FOREIGN_HABITS])
def test_habits_of_other_dialects_are_refused_with_the_cure(text: str, column: int, cure: str) -> None:
    with pytest.raises(AdqlError) as caught:
        parse_query(text)
    assert (caught.value.line, caught.value.column) == (1, column)
    assert cure in str(caught.value)


FOUND_AND_EXPECTED = [
    ("", "Line 1, column 1: The query ends, expected (, SELECT or WITH."),
    ("SELECT x", "Line 1, column 9: The query ends, expected an operator, AS, FROM, a comma or a name."),
    ("SELECT x,\nFROM t", "Line 2, column 1: Found FROM, expected a value."),
    ("SELECT x FROM t ORDER x", "Line 1, column 23: Found x, expected BY."),
    ("SELECT x FROM (SELECT x FROM t)", "Line 1, column 32: The query ends, expected AS or a name."),
]


@pytest.mark.parametrize(("text", "message"), FOUND_AND_EXPECTED)
def test_an_error_says_what_was_found_and_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(AdqlError) as caught:
        parse_query(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CR LF", "CR"])
def test_lines_end_as_on_any_system(end: str) -> None:
    assert line_and_column(f"a{end}bc{end}d", len(f"a{end}bc{end}")) == (3, 1)


def test_an_error_tells_the_place_of_its_first_fault() -> None:
    error = AdqlError((Fault(3, "One."), Fault(5, "Two.")), "ab\ncdef")
    assert (error.line, error.column) == (2, 1)
    assert str(error) == "Line 2, column 1: One.\nLine 2, column 3: Two."
    assert isinstance(error, ValueError)


REFUSED = [
    ("SELECT nam, band, magn FROM stars", ["column 8: There is no column nam. Did you mean name?", "column 19"]),
    ("SELECT id FROM sky.star", ["column 16: There is no table sky.star. Did you mean sky.stars?"]),
    ("SELECT id FROM nowhere, elsewhere", ["column 16: There is no table nowhere.", "column 25"]),
    ("SELECT id FROM stars, groups", ["column 8: The column name id is ambiguous: it is in stars, groups."]),
    ("SELECT t.id FROM stars", ["column 8: No table of this query is called t."]),
    ("SELECT stars.id FROM stars AS s", ["column 8: No table of this query is called stars."]),
    ('SELECT "ID" FROM stars', ['column 8: There is no column "ID". Did you mean id?']),
    ("SELECT id FROM stars AS s, groups AS s", ["called s"]),
    ("SELECT hpx FROM stars", ["There is no column hpx."]),
    ("SELECT id FROM stars WHERE name = 5", ["column 35: This is a number; it cannot be compared with text."]),
    ("SELECT id FROM stars WHERE id = '5'", ["Numbers stand without quotes."]),
    ('SELECT id FROM stars WHERE name = "M31"', ["Strings stand in single quotes."]),
    ("SELECT name + 1 FROM stars", ["column 8: The operator + takes numbers; this is text."]),
    ("SELECT SUM(name) FROM stars", ["column 12: SUM takes numbers; this is text."]),
    ("SELECT id FROM stars WHERE id LIKE '5'", ["LIKE compares text"]),
    ("SELECT id FROM stars WHERE seen > 'yesterday'", ["column 35", "'2013-04-12'"]),
    ("SELECT id FROM stars WHERE seen > '2013-02-30'", ["column 35", "day"]),
    ("SELECT grp, val FROM groups GROUP BY grp", ["column 13: The column val must stand in GROUP BY"]),
    ("SELECT grp FROM groups ORDER BY COUNT(*)", ["column 8"]),
    ("SELECT * FROM groups GROUP BY grp", ["all columns"]),
    ("SELECT id FROM groups WHERE COUNT(*) > 1", ["column 29: COUNT cannot stand in WHERE. Write it after HAVING."]),
    ("SELECT val/2 AS h FROM groups GROUP BY h", ["column 40", "repeat the expression that h names"]),
    ("SELECT MAX(MIN(val)) FROM groups", ["MAX cannot be taken of another aggregate."]),
    ("SELECT grp FROM groups ORDER BY 2", ["column 33"]),
    ("SELECT id y, val y FROM groups ORDER BY y", ["2 columns of the answer have this name"]),
    ("SELECT DISTINCT grp FROM groups ORDER BY val", ["column 42"]),
    ("SELECT id FROM stars UNION SELECT id, val FROM groups", ["the left one has 1, this one 2"]),
    ("SELECT id FROM stars UNION SELECT grp FROM groups", ["both a number and text"]),
    ("(SELECT id FROM stars UNION SELECT grp FROM groups) EXCEPT SELECT 1 FROM stars", ["both a number and text"]),
    ("SELECT id FROM stars WHERE id IN (SELECT id, val FROM groups)", ["needs one column"]),
    ("SELECT id FROM stars WHERE id IN (SELECT grp FROM groups)", ["cannot be compared"]),
    ("SELECT s.id FROM stars s JOIN groups g", ["needs ON, USING or NATURAL"]),
    ("SELECT s.id FROM stars s NATURAL JOIN groups g ON 1=1", ["neither ON nor USING"]),
    ("SELECT s.id FROM stars s JOIN groups g USING (name)", ["column 47: There is no column name."]),
    ("SELECT nonesuch(id) FROM stars", ["column 8: There is no function nonesuch"]),
    ("SELECT id FROM stars WHERE 1=CONTAINS(POINT(ra,dec), CIRCLE(1,2,-3))", ["column 65", "-3"]),
    ("SELECT id FROM stars WHERE 1=CONTAINS(POINT(ra,dec), CIRCLE(1,95,3))", ["column 63", "95"]),
    ("SELECT AREA(name) FROM stars", ["column 13: AREA takes geometries"]),
    ("SELECT DISTANCE(name, dec, 1, 2) FROM stars", ["column 17: A point takes numbers; this is text."]),
    ("SELECT CIRCLE(ra, dec, band) FROM stars", ["column 24: A radius takes numbers; this is text."]),
    ("SELECT IN_UNIT(ra, 'kg') FROM stars", ["column 20: The unit deg cannot be converted to kg."]),
    ("SELECT IN_UNIT(ra, 'foo') FROM stars", ["column 20: 'foo' is no unit."]),
    ("SELECT IN_UNIT(ra, '') FROM stars", ["without a unit"]),
    ("SELECT IN_UNIT(n, 'kg') FROM stars", ["column 16: IN_UNIT needs a value with a unit"]),
    ("SELECT id FROM stars WHERE 1=CONTAINS(POINT(1,2), POLYGON(0,0,180,0,90,10))", ["opposite each other"]),
    ("SELECT id FROM stars WHERE 1=CONTAINS(POINT(1,2), BOX(0,0,1,180))", ["between 0 and 180"]),
    ("WITH a AS (SELECT id FROM stars), a AS (SELECT id FROM stars) SELECT * FROM a", ["twice"]),
]


@pytest.mark.parametrize(("text", "parts"), REFUSED, ids=[text for text, _ in REFUSED])
def test_what_cannot_be_answered_is_refused_with_a_sentence(catalogue: Catalogue, text: str, parts: list[str]) -> None:
    with pytest.raises(AdqlError) as caught:
        compile_query(text, catalogue)
    for part in parts:
        assert part in str(caught.value)


def test_an_avalanche_of_unknown_names_is_cut_short(catalogue: Catalogue) -> None:
    with pytest.raises(AdqlError) as caught:
        compile_query("SELECT " + ",".join(f"x{number}" for number in range(20_000)) + " FROM stars", catalogue)
    assert len(caught.value.faults) < 30
