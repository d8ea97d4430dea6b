"""Conditions of any shape over random rows, held against a slow evaluation in Python with three truth values."""

from __future__ import annotations

import datetime
import operator
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schema.catalogue import Catalogue, PublishedSchema, PublishedTable
from schema.engines.dialect import render
from tap.adql.compile import compile_query
from vo.tables.field import Field

Row = dict[str, Any]
Rows = Callable[[str], set[int]]

FIELDS = (
    Field("id", "int"),
    Field("i", "int"),
    Field("j", "long"),
    Field("x", "double"),
    Field("y", "double"),
    Field("s", "char", "*"),
    Field("t", "char", "*"),
    Field("w", "char", "*", xtype="timestamp"),
)
WORDS = ["", "a", "A", "ab", "aB", "b%", "a_c", "abc", "Zz", " a", "a'b", "0", "10", "9"]
INSTANTS = [datetime.datetime(2020, 1, 1), datetime.datetime(2020, 1, 2, 3, 4, 5), datetime.datetime(1999, 12, 31, 23)]


def random_rows(seed: int) -> list[Row]:
    dice = random.Random(seed)
    values: dict[str, list[Any]] = {
        "i": [*range(-4, 5), None],
        "j": [*range(-4, 5), 1_000_000, None],
        "x": [-2.5, -1.0, -0.1, 0.0, 0.1, 0.5, 1.0, 3.0, 1e10, None],
        "y": [-2.5, -1.0, 0.0, 0.25, 1.0, 2.0, None],
        "s": [*WORDS, None],
        "t": [*WORDS, None],
        "w": [*INSTANTS, None],
    }
    return [{"id": number, **{name: dice.choice(pool) for name, pool in values.items()}} for number in range(80)]


ROWS = random_rows(1)


@dataclass(frozen=True)
class Part:
    """A part of a query as ADQL writes it, and what it is for a row."""

    text: str
    of: Callable[[Row], Any]


def strict(function: Callable[..., Any], *parts: Part) -> Callable[[Row], Any]:
    """NULL where an operand is NULL."""

    def of(row: Row) -> Any:
        values = [part.of(row) for part in parts]
        return None if None in values else function(*values)

    return of


def column(name: str) -> Part:
    return Part(name, lambda row: row[name])


def literal(value: Any, text: str) -> Part:
    return Part(text, lambda _: value)


def quotient(a: float, b: float) -> float | None:
    if b == 0:
        return None
    if isinstance(a, int) and isinstance(b, int):
        return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return a / b


def remainder(a: int, b: int) -> int | None:
    return None if b == 0 else abs(a) % abs(b) * (-1 if a < 0 else 1)


def first_known(*parts: Part) -> Callable[[Row], Any]:
    return lambda row: next((value for part in parts if (value := part.of(row)) is not None), None)


SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": quotient}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def number_of(parts: st.SearchStrategy[Part]) -> st.SearchStrategy[Part]:
    pairs = st.tuples(parts, parts)
    return st.one_of(
        st.tuples(st.sampled_from(list(SIGNS)), pairs).map(
            lambda each: Part(f"({each[1][0].text} {each[0]} {each[1][1].text})", strict(SIGNS[each[0]], *each[1]))
        ),
        parts.map(lambda part: Part(f"ABS({part.text})", strict(abs, part))),
        parts.map(lambda part: Part(f"(-{part.text})", strict(operator.neg, part))),
    )


WHOLE_LEAVES = st.one_of(
    st.sampled_from(["i", "j", "id"]).map(column), st.integers(0, 5).map(lambda each: literal(each, str(each)))
)
REAL_LEAVES = st.one_of(
    st.sampled_from(["x", "y"]).map(column),
    st.sampled_from([0.0, 0.1, 0.5, 2.5, 1e10]).map(lambda each: literal(each, repr(each))),
)
WHOLES = st.one_of(
    st.recursive(WHOLE_LEAVES, number_of, max_leaves=4),
    st.tuples(WHOLE_LEAVES, WHOLE_LEAVES).map(
        lambda each: Part(f"MOD({each[0].text}, {each[1].text})", strict(remainder, *each))
    ),
)
NUMBERS = st.one_of(
    WHOLES,
    st.recursive(st.one_of(REAL_LEAVES, WHOLE_LEAVES), number_of, max_leaves=4),
    st.tuples(REAL_LEAVES, REAL_LEAVES).map(
        lambda each: Part(f"COALESCE({each[0].text}, {each[1].text})", first_known(*each))
    ),
)
TEXT_LEAVES = st.one_of(
    st.sampled_from(["s", "t"]).map(column),
    st.sampled_from(WORDS).map(lambda each: literal(each, "'" + each.replace("'", "''") + "'")),
)
TEXTS = st.recursive(
    TEXT_LEAVES,
    lambda parts: st.one_of(
        parts.map(lambda part: Part(f"LOWER({part.text})", strict(str.lower, part))),
        parts.map(lambda part: Part(f"UPPER({part.text})", strict(str.upper, part))),
        st.tuples(parts, parts).map(
            lambda each: Part(f"({each[0].text} || {each[1].text})", strict(operator.add, *each))
        ),
        st.tuples(parts, parts).map(lambda each: Part(f"COALESCE({each[0].text}, {each[1].text})", first_known(*each))),
    ),
    max_leaves=3,
)
INSTANT_PARTS = st.one_of(
    st.just(column("w")), st.sampled_from(INSTANTS).map(lambda each: literal(each, f"'{each.isoformat()}'"))
)


def matches(text: str, pattern: str, *, flags: int) -> bool:
    signs = {"%": ".*", "_": "."}
    return (
        re.fullmatch("".join(signs.get(sign, re.escape(sign)) for sign in pattern), text, flags | re.DOTALL) is not None
    )


def negation(value: bool | None) -> bool | None:
    return None if value is None else not value


def conjunction(*values: bool | None) -> bool | None:
    return False if False in values else None if None in values else True


def disjunction(*values: bool | None) -> bool | None:
    return negation(conjunction(*map(negation, values)))


@st.composite
def simple_conditions(draw: st.DrawFn) -> Part:
    kind = draw(st.sampled_from([WHOLES, NUMBERS, TEXTS, INSTANT_PARTS]))
    is_text = kind is TEXTS
    # Two strings that stand for instants are but strings.
    first = draw(st.just(column("w")) if kind is INSTANT_PARTS else kind)
    is_negated = draw(st.booleans())
    form = draw(st.sampled_from(["compare", "compare", "between", "in", "null", *(["like"] * 2 if is_text else [])]))
    word = "NOT " if is_negated else ""
    if form == "compare":
        sign = draw(st.sampled_from(list(COMPARISONS)))
        second = draw(kind)
        return Part(f"{first.text} {sign} {second.text}", strict(COMPARISONS[sign], first, second))
    if form == "null":
        known = draw(st.sampled_from(["i", "j", "x", "y", "s", "t", "w"]))
        return Part(f"{known} IS {word}NULL", lambda row: (row[known] is None) != is_negated)
    if form == "between":
        low, high = draw(kind), draw(kind)
        at_least, at_most = strict(operator.ge, first, low), strict(operator.le, first, high)
        found: Callable[[Row], bool | None] = lambda row: conjunction(at_least(row), at_most(row))  # noqa: E731
        text = f"{first.text} {word}BETWEEN {low.text} AND {high.text}"
    elif form == "in":
        values = draw(st.lists(kind, min_size=1, max_size=4))
        each = [strict(operator.eq, first, value) for value in values]
        found = lambda row: disjunction(*(equal(row) for equal in each))  # noqa: E731
        text = f"{first.text} {word}IN ({', '.join(value.text for value in values)})"
    else:
        pattern = draw(st.sampled_from(["%", "a%", "%b", "_", "a_c", "A%", "", "%a%", "__"]))
        is_like = draw(st.booleans())
        flags = 0 if is_like else re.IGNORECASE
        found = strict(lambda value: matches(value, pattern, flags=flags), first)
        text = f"{first.text} {word}{'LIKE' if is_like else 'ILIKE'} '{pattern}'"
    return Part(text, (lambda row: negation(found(row))) if is_negated else found)


CONDITIONS = st.recursive(
    simple_conditions(),
    lambda parts: st.one_of(
        parts.map(lambda part: Part(f"NOT ({part.text})", lambda row: negation(part.of(row)))),
        st.tuples(parts, parts).map(
            lambda each: Part(
                f"({each[0].text}) AND ({each[1].text})", lambda row: conjunction(each[0].of(row), each[1].of(row))
            )
        ),
        st.tuples(parts, parts).map(
            lambda each: Part(
                f"({each[0].text}) OR ({each[1].text})", lambda row: disjunction(each[0].of(row), each[1].of(row))
            )
        ),
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def table(publish: Callable[..., PublishedTable]) -> PublishedTable:
    return publish("logic", "rows", FIELDS)


@pytest.fixture(scope="module")
def in_duckdb(table: PublishedTable) -> Iterator[Rows]:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute(
        "CREATE SCHEMA logic; CREATE TABLE logic.rows"
        " (id INT, i INT, j BIGINT, x DOUBLE, y DOUBLE, s VARCHAR, t VARCHAR, w TIMESTAMP)"
    )
    connection.executemany(
        "INSERT INTO logic.rows VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [list(row.values()) for row in ROWS]
    )

    def answer(adql: str) -> set[int]:
        sql, parameters = render(compile_query(adql, catalogue_of(table)).select)
        return {row[0] for row in connection.execute(sql, parameters).fetchall()}

    yield answer
    connection.close()


@pytest.fixture(scope="module")
def in_postgresql(table: PublishedTable, postgresql: sa.Engine) -> Rows:
    with postgresql.begin() as filling:
        filling.execute(sa.schema.CreateSchema("logic"))
        table.table.metadata.create_all(filling)
        filling.execute(table.table.insert(), ROWS)

    def answer(adql: str) -> set[int]:
        with postgresql.connect() as reader:
            return set(reader.execute(compile_query(adql, catalogue_of(table)).select).scalars())

    return answer


def catalogue_of(table: PublishedTable) -> Catalogue:
    return Catalogue((PublishedSchema("logic", "", (table,)),))


def check(rows: Rows, condition: Part) -> None:
    truths = {row["id"]: condition.of(row) for row in ROWS}
    for text, wanted in ((condition.text, True), (f"NOT ({condition.text})", False)):
        found = rows(f'SELECT id FROM logic."rows" WHERE {text}')
        assert found == {number for number, truth in truths.items() if truth is wanted}, text


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(CONDITIONS)
def test_duckdb_finds_the_rows_for_which_a_condition_is_true(in_duckdb: Rows, condition: Part) -> None:
    check(in_duckdb, condition)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(CONDITIONS)
def test_postgresql_finds_the_rows_for_which_a_condition_is_true(in_postgresql: Rows, condition: Part) -> None:
    check(in_postgresql, condition)


@pytest.mark.soak
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(CONDITIONS)
def test_10_000_conditions_hold_where_they_should(in_duckdb: Rows, condition: Part) -> None:
    check(in_duckdb, condition)
