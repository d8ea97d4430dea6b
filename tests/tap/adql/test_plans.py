"""A kept plan must answer as one made anew would, whatever the literals are."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schema.catalogue import Catalogue
from schema.engines.dialect import render
from tap.adql.compile import compile_query
from tap.adql.errors import AdqlError, FaultError
from tap.adql.plans import PlanCache
from tap.adql.shape import read_shape
from tap.adql.tokens import read_tokens

# {n} a number, {i} a whole number, {s} a string, {t} one that may be an instant, {p} one that may be a pattern.
FORMS = [
    "SELECT id FROM stars WHERE 1=CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', {n}, {n}, {n}))",
    "SELECT id FROM stars WHERE 1=CONTAINS(POINT(ra, dec), CIRCLE(POINT({n}, -{n}), {n}))",
    "SELECT id FROM stars WHERE INTERSECTS(CIRCLE({n}, {n}, {n}), POINT(ra, dec)) = {i}",
    "SELECT id FROM stars WHERE 0=CONTAINS(POINT(ra, dec), CIRCLE({n}, {n}, {n})) OR mag < {n}",
    "SELECT id FROM stars WHERE 1=CONTAINS(POINT({s}, ra, dec), CIRCLE({s}, {n}, {n}, {n}))",
    "SELECT id FROM stars WHERE DISTANCE(POINT(ra, dec), POINT({n}, {n})) < {n}",
    "SELECT id FROM stars WHERE DISTANCE({n}, {n}, ra, dec) <= {n} AND {n} < mag",
    "SELECT id FROM stars WHERE {n} >= DISTANCE(POINT(ra, dec), POINT({n}, {n}))",
    "SELECT id, DISTANCE(ra, dec, {n}, {n}) AS d FROM stars WHERE DISTANCE(ra, dec, {n}, {n}) > {n} ORDER BY d",
    "SELECT id FROM stars WHERE 1=CONTAINS(POINT(ra, dec), POLYGON({n}, {n}, {n}, {n}, {n}, {n}))",
    "SELECT id FROM stars WHERE 1=CONTAINS(POINT(ra, dec), BOX({n}, {n}, {n}, {n}))",
    "SELECT id FROM stars WHERE 1=CONTAINS(POINT(ra, dec), CIRCLE({n} + {n}, {n}, {n} * {i}))",
    "SELECT TOP {i} id FROM stars WHERE mag BETWEEN {n} AND {n} ORDER BY {i}",
    "SELECT id FROM stars ORDER BY mag + {n}, id DESC OFFSET {i}",
    "SELECT id, -{n}, - - {i}, {s} AS \"a 1\" FROM stars WHERE mag > -{n} AND NOT n = {i}",
    "SELECT id FROM stars WHERE name = {s} OR name LIKE {p} OR band ILIKE {p} OR Kind = {s}",
    "SELECT id FROM stars WHERE seen > {t} AND seen < CAST({t} AS TIMESTAMP)",
    "SELECT id FROM stars WHERE n IN ({i}, {n}, {i}) AND name NOT IN ({s}, {s}) AND seen IN ({t}, {t})",
    "SELECT n + {i} AS m, COUNT(*) FROM stars WHERE mag < {n} GROUP BY n + {i} HAVING COUNT(*) > {i}",
    "SELECT DISTINCT n + {i} FROM stars ORDER BY n + {i}",
    "SELECT ROUND(mag, {i}), MOD(n, {i}), mag / {n}, n / {i}, POWER(mag, {n}), {n} / {i} FROM stars",
    "SELECT CAST(name AS VARCHAR({i})), CAST({n} AS INTEGER), name || {s} || {n} FROM stars",
    "SELECT IN_UNIT(ra, 'arcmin') + {n}, IN_UNIT(mag, {s}), COALESCE(n, {i}), COALESCE(name, {s}) FROM stars",
    "SELECT AREA(CIRCLE(ra, dec, {n})), CIRCLE({n}, {n}, {n}), COORD1(POINT({n}, {n})), UPPER({s}) FROM stars",
    "SELECT id FROM stars WHERE id IN (SELECT id FROM groups WHERE x < {n} UNION SELECT {i} FROM groups)",
    "WITH bright AS (SELECT id, mag FROM stars WHERE mag < {n}) SELECT b.id FROM bright b JOIN groups g ON b.id = g.id"
    " AND g.val > {i} WHERE EXISTS (SELECT id FROM groups WHERE val = {i} AND grp = {s})",
    "SELECT id -- with 1 'remark'\n FROM stars \"s 2\" WHERE mag > {n}",
    "SELECT grp, SUM(val * {i}), MAX(x) FROM groups GROUP BY grp HAVING SUM(val * {i}) > {i} ORDER BY grp",
]  # fmt: skip
KINDS = {
    "n": st.sampled_from(["0", "1", "10", "59.9", "60", "89.5", "91", "1e400", "180", "0.25", "1E-9", "10.", "359.9"])
    | st.floats(0, 400).map(repr),
    "i": st.sampled_from(["0", "1", "2", "3", "9223372036854775807", "9223372036854775808", "007"])
    | st.integers(0, 20).map(str),
    "s": st.sampled_from(
        ["'STAR'", "'star'", "'V'", "''", "'it''s'", "'ICRS'", "'GALACTIC'", "'arcsec'", "'m'", "'a\0'"]
    ),
    "t": st.sampled_from(["'2013-04-12'", "'2013-04-12T04:52:06.5Z'", "'yesterday'", "'2016-12-31 23:59:60'", "''"]),
    "p": st.sampled_from(["'%a'", "'A_pha'", "'%'", "''", "'%''%'"]),
}
_PLACE = re.compile(r"\{([nistp])\}")


@st.composite
def siblings(draw: st.DrawFn) -> list[str]:
    """Some queries of one form."""
    form = draw(st.sampled_from(FORMS))
    count = draw(st.integers(2, 5))
    return [_PLACE.sub(lambda place: draw(KINDS[place[1]]), form) for _ in range(count)]


Compiled = tuple[str, list[Any], object] | str


def anew(text: str, catalogue: Catalogue) -> Compiled:
    try:
        query = compile_query(text, catalogue)
    except AdqlError as error:
        return str(error)
    return (*render(query.select), query.fields)


def kept(cache: PlanCache, text: str, catalogue: Catalogue) -> Compiled:
    try:
        query = cache(text, catalogue)
    except AdqlError as error:
        return str(error)
    return (*render(query.select, query.parameters), query.fields)


@given(siblings())
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_kept_plan_is_the_plan_that_would_be_made_anew(catalogue: Catalogue, queries: list[str]) -> None:
    cache = PlanCache()
    for text in (*queries, *queries):
        assert kept(cache, text, catalogue) == anew(text, catalogue), text


@given(siblings())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_kept_plan_gives_the_same_rows(
    catalogue: Catalogue, connection: duckdb.DuckDBPyConnection, queries: list[str]
) -> None:
    cache = PlanCache()
    for text in queries:
        expected, found = anew(text, catalogue), kept(cache, text, catalogue)
        if isinstance(expected, str) or isinstance(found, str):
            assert found == expected
        else:
            assert _rows(connection, found) == _rows(connection, expected), text


def _rows(connection: duckdb.DuckDBPyConnection, compiled: tuple[str, list[Any], object]) -> list[str] | str:
    try:
        return sorted(map(str, connection.execute(*compiled[:2]).fetchall()))
    except duckdb.Error as error:
        return type(error).__name__


PIECES = [
    "'",
    "''",
    '"',
    "--",
    "-",
    "\n",
    " ",
    ".",
    "1",
    "23",
    "e5",
    "E",
    "+",
    "a1",
    "_",
    "B",
    "(",
    ",",
    "/*",
    "é",
    "\0",
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), st.data())
@settings(max_examples=800, deadline=None)
def test_queries_of_one_shape_have_the_same_tokens(text: str, data: st.DataObject) -> None:
    shape = read_shape(text)
    if shape is None:
        return
    pieces, end = [], 0
    for start, literal in zip(shape.positions, shape.literals, strict=True):
        kinds = (
            ["'x'", "''''", "'1'"] if literal[0] == "'" else ["5", "77"] if literal.isdigit() else ["1.5", "2e1", "3."]
        )
        pieces += [text[end:start], data.draw(st.sampled_from(kinds))]
        end = start + len(literal)
    other = "".join([*pieces, text[end:]])
    if (other_shape := read_shape(other)) is not None and other_shape.key == shape.key:
        assert _tokens(other) == _tokens(text)


def _tokens(text: str) -> list[tuple[str, str]] | None:
    try:
        tokens = list(read_tokens(text))
    except FaultError:
        return None
    return [(token.type, "" if token.type in ("NUMBER", "DIGITS", "STRING") else str(token)) for token in tokens]


@pytest.mark.parametrize("text", ["SELECT 'open FROM t", 'SELECT "open FROM t', "SELECT 1234567890123456789 FROM t"])
def test_some_texts_have_no_shape(text: str) -> None:
    assert read_shape(text) is None


def test_cones_with_other_numbers_share_one_select(catalogue: Catalogue) -> None:
    cache = PlanCache()
    form = "SELECT id FROM stars WHERE 1=CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', {}, {}, {})) AND mag < {}"
    queries = [
        cache(form.format(*numbers), catalogue) for numbers in [(1, -2.5, 0.1, 9), (359, 2.5, 0.2, 8), (5, 5, 5, 5)]
    ]
    assert queries[0].select is not queries[2].select
    assert cache(form.format(200.5, "-89.5", 59.9, 1), catalogue).select is not queries[0].select
    assert cache(form.format(2, -1.5, 0.3, 7), catalogue).select is queries[0].select


def test_the_rows_asked_for_stay_part_of_the_plan(catalogue: Catalogue) -> None:
    cache = PlanCache()
    first = cache("SELECT TOP 3 id FROM stars ORDER BY 1", catalogue)
    assert cache("SELECT TOP 4 id FROM stars ORDER BY 1", catalogue).select is not first.select
    assert cache("SELECT TOP 3 id FROM stars ORDER BY 1", catalogue).select is first.select


def test_a_plan_is_kept_for_its_catalogue_alone(catalogue: Catalogue) -> None:
    cache = PlanCache()
    other = Catalogue(catalogue.schemas)
    first = cache("SELECT id FROM stars", catalogue)
    assert cache("SELECT id FROM stars", other).select is not first.select


def test_only_so_many_shapes_are_kept(catalogue: Catalogue) -> None:
    cache = PlanCache(most_shapes=2)
    first = cache("SELECT id FROM stars", catalogue)
    assert cache("SELECT id FROM stars", catalogue).select is first.select
    for name in ("ra", "dec"):
        cache(f"SELECT {name} FROM stars", catalogue)
    assert cache("SELECT id FROM stars", catalogue).select is not first.select


def test_many_threads_use_the_kept_plans_at_once(catalogue: Catalogue) -> None:
    cache = PlanCache(most_shapes=2)
    queries = [
        f"SELECT {name} FROM stars WHERE mag < {number} AND 1=CONTAINS(POINT(ra, dec), CIRCLE({number}, 1, 0.5))"
        for number in range(40)
        for name in ("id", "ra", "dec")
    ]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: kept(cache, text, catalogue), queries))
    assert found == [anew(text, catalogue) for text in queries]
