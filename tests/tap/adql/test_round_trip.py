"""Queries of any shape that the grammar allows, written, read and written again."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap.adql import nodes as n
from tap.adql.parse import parse_query
from tap.adql.tokens import RESERVED_WORDS
from tap.adql.write import write_adql

AT = 0
"""Positions take no part in comparisons."""

NUMBER_FUNCTIONS = (
    "ABS ACOS ASIN ATAN CEILING COS COT DEGREES EXP FLOOR LOG LOG10 RADIANS ROUND SIN SQRT TAN TRUNCATE".split()  # noqa: SIM905
)
CAST_TARGETS = ["SMALLINT", "INTEGER", "BIGINT", "REAL", "DOUBLE PRECISION", "TIMESTAMP", "POINT", "CIRCLE", "POLYGON"]

Nodes = st.SearchStrategy[Any]


def is_free(word: str) -> bool:
    return word.upper() not in RESERVED_WORDS


WORDS = st.text(string.ascii_letters + string.digits + "_", max_size=6).map("v".__add__).filter(is_free)
DELIMITED = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
NAMES = st.one_of(
    WORDS.map(lambda word: n.Identifier(word, False, AT)), DELIMITED.map(lambda name: n.Identifier(name, True, AT))
)


def names(most: int) -> Nodes:
    return st.lists(NAMES, min_size=1, max_size=most).map(tuple)


def listed(nodes: Nodes, least: int = 1, most: int = 3) -> Nodes:
    return st.lists(nodes, min_size=least, max_size=most).map(tuple)


def maybe(nodes: Nodes) -> Nodes:
    return st.none() | nodes


COLUMNS = names(4).map(lambda each: n.ColumnReference(each, AT))
COUNTS = st.integers(0, 2**63 - 1)
NUMBER_LITERALS = st.one_of(COUNTS, st.floats(0, allow_nan=False, allow_infinity=False)).map(
    lambda each: n.NumberLiteral(each, AT)
)
WHOLE_LITERALS = COUNTS.map(lambda each: n.NumberLiteral(each, AT))
STRING_LITERALS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8).map(
    lambda each: n.StringLiteral(each, AT)
)
SIGNS = st.sampled_from("+-")


def chained(operands: Nodes, operators: str) -> Nodes:
    """Operands with operators of one precedence between them."""
    return st.lists(st.tuples(st.sampled_from(operators), operands), min_size=1, max_size=2).flatmap(
        lambda more: operands.map(
            lambda first: n.Arithmetic((first, *(each for _, each in more)), tuple(sign for sign, _ in more), AT)
        )
    )


def called(name: str, *arguments: Nodes) -> Nodes:
    return st.tuples(*arguments).map(lambda each: n.FunctionCall(name, each, AT))


def in_parentheses(nodes: Nodes) -> Nodes:
    return nodes.map(lambda each: n.Parentheses(each, AT))


class Values:
    """Values by the kind that the BNF asks for, one level above others."""

    def __init__(self, below: Nodes) -> None:
        """Build upon `below`, which may be of any kind."""
        user_defined = st.builds(lambda name, each: n.UserDefinedFunctionCall(name, each, AT), WORDS, listed(below, 0))
        aggregates = st.builds(
            lambda name, quantifier, each: n.SetFunctionCall(name, quantifier, each, AT),
            st.sampled_from(["AVG", "COUNT", "MAX", "MIN", "SUM"]),
            maybe(st.sampled_from(["ALL", "DISTINCT"])),
            below,
        )
        casts = st.one_of(
            st.builds(lambda each, to: n.Cast(each, to, None, AT), below, st.sampled_from([*CAST_TARGETS, "CHAR"])),
            st.builds(lambda each, size: n.Cast(each, "VARCHAR", size, AT), below, maybe(COUNTS)),
        )
        self.primaries = st.one_of(
            COLUMNS,
            NUMBER_LITERALS,
            STRING_LITERALS,
            in_parentheses(below),
            user_defined,
            aggregates,
            st.just(n.SetFunctionCall("COUNT", None, None, AT)),
            casts,
            listed(below, 2, 4).map(lambda each: n.FunctionCall("COALESCE", each, AT)),
        )
        self.strings = st.one_of(
            self.primaries, st.sampled_from(["LOWER", "UPPER"]).flatmap(lambda name: called(name, self.primaries))
        )
        self.texts = st.one_of(
            self.strings, listed(self.strings, 2).map(lambda each: n.Concatenation(each, AT)), self.strings
        )
        self.factors = self._factors()
        signed = st.builds(lambda sign, each: n.SignedValue(sign, each, AT), SIGNS, self.factors)
        products = chained(self.factors | signed, "*/")
        sums = chained(st.one_of(self.factors, signed, products), "+-")
        self.numbers = st.one_of(self.factors, signed, products, sums)
        self.all = st.one_of(self.numbers, self.texts, self.shapes, st.just(n.NullLiteral(AT)))

    def _factors(self) -> Nodes:
        plain = self.primaries
        # A string in front of coordinates would be taken for the frame.
        first = plain.filter(lambda each: not isinstance(each, n.StringLiteral))
        corners = listed(st.tuples(first, plain), 3, 5).map(
            lambda pairs: tuple(each for pair in pairs for each in pair)
        )
        self.points = COLUMNS | called("POINT", first, plain) | called("POINT", STRING_LITERALS, plain, plain)
        self.shapes = st.one_of(
            self.points,
            called("CIRCLE", first, plain, plain),
            called("CIRCLE", STRING_LITERALS, self.points, plain),
            called("BOX", self.points, plain, plain),
            called("BOX", STRING_LITERALS, plain, plain, plain, plain),
            corners.map(lambda each: n.FunctionCall("POLYGON", each, AT)),
            listed(self.points, 3, 4).map(lambda each: n.FunctionCall("POLYGON", each, AT)),
            called("REGION", STRING_LITERALS),
        )
        centroids = self.shapes.flatmap(lambda shape: called("CENTROID", st.just(shape)))
        return st.one_of(
            plain,
            st.sampled_from(NUMBER_FUNCTIONS).flatmap(lambda name: called(name, plain)),
            st.sampled_from(["ATAN2", "MOD", "POWER"]).flatmap(lambda name: called(name, plain, plain)),
            st.builds(
                lambda name, each, sign, digits: n.FunctionCall(
                    name, (each, n.SignedValue(sign, digits, AT) if sign else digits), AT
                ),
                st.sampled_from(["ROUND", "TRUNCATE"]),
                plain,
                maybe(SIGNS),
                WHOLE_LITERALS,
            ),
            called("PI"),
            called("RAND") | called("RAND", WHOLE_LITERALS),
            called("IN_UNIT", plain, STRING_LITERALS),
            called("AREA", self.shapes),
            called("COORD1", self.points | centroids) | called("COORD2", self.points | centroids),
            st.sampled_from(["CONTAINS", "INTERSECTS"]).flatmap(lambda name: called(name, self.shapes, self.shapes)),
            called("DISTANCE", self.points, self.points) | called("DISTANCE", plain, plain, plain, plain),
        )


LEAVES = COLUMNS | NUMBER_LITERALS | STRING_LITERALS
VALUES = Values(Values(LEAVES).all)
VALUE = st.deferred(lambda: VALUES.all)
TEXT = st.deferred(lambda: VALUES.texts)
QUERY: Nodes = st.deferred(lambda: st.one_of(SIMPLE_QUERIES, SIMPLE_QUERIES, QUERIES))


def negatable(form: Any, *parts: Nodes) -> Nodes:
    return st.builds(lambda *each: form(*each, AT), *parts, st.booleans())


PREDICATES = st.one_of(
    st.builds(
        lambda left, sign, right: n.Comparison(left, sign, right, AT),
        VALUE,
        st.sampled_from(["=", "<>", "<", ">", "<=", ">="]),
        VALUE,
    ),
    negatable(n.Between, VALUE, VALUE, VALUE),
    negatable(n.InList, VALUE, listed(VALUE)),
    negatable(n.InSubquery, VALUE, QUERY),
    negatable(n.Like, TEXT, TEXT, st.booleans()),
    negatable(n.IsNull, COLUMNS),
    QUERY.map(lambda each: n.Exists(each, AT)),
)


def joined_conditions(below: Nodes) -> Nodes:
    """Conditions by precedence: NOT, AND, OR, and parentheses, after which all begins again."""
    plain = PREDICATES | in_parentheses(below)
    factors = plain | plain.map(lambda each: n.Not(each, AT))
    conjunctions = factors | listed(factors, 2).map(lambda each: n.And(each, AT))
    return conjunctions | listed(conjunctions, 2).map(lambda each: n.Or(each, AT))


CONDITIONS = joined_conditions(joined_conditions(PREDICATES))

TABLE_NAMES = st.builds(lambda each, alias: n.TableName(each, alias, AT), names(3), maybe(NAMES))
DERIVED = st.builds(lambda query, alias: n.DerivedTable(query, alias, AT), QUERY, NAMES)


def joined_tables(left: Nodes, right: Nodes) -> Nodes:
    """Joins of all kinds; which have neither ON nor USING is told by NATURAL."""
    kinds = st.sampled_from(["INNER", "LEFT", "RIGHT", "FULL"])
    return st.one_of(
        st.builds(lambda a, b, kind: n.Join(a, b, kind, True, None, (), AT), left, right, kinds),
        st.builds(lambda a, b, kind, on: n.Join(a, b, kind, False, on, (), AT), left, right, kinds, CONDITIONS),
        st.builds(lambda a, b, kind, by: n.Join(a, b, kind, False, None, by, AT), left, right, kinds, listed(NAMES)),
    )


PRIMARY_TABLES = TABLE_NAMES | DERIVED
FLAT_JOINS = joined_tables(PRIMARY_TABLES, PRIMARY_TABLES)
NESTED_JOINS = st.builds(lambda join, alias: n.ParenthesisedJoin(join, alias, AT), FLAT_JOINS, maybe(NAMES))
JOINS = joined_tables(FLAT_JOINS | PRIMARY_TABLES, PRIMARY_TABLES | NESTED_JOINS)
TABLES = st.one_of(PRIMARY_TABLES, NESTED_JOINS, JOINS)

ITEMS = st.one_of(
    st.builds(lambda value, alias: n.SelectItem(value, alias, AT), VALUE, maybe(NAMES)),
    names(3).map(lambda each: n.QualifiedStar(each, AT)),
)


def selects(tables: Nodes, conditions: Nodes) -> Nodes:
    return st.builds(
        lambda *each: n.Select(*each, AT),
        maybe(st.sampled_from(["ALL", "DISTINCT"])),
        maybe(COUNTS),
        st.just(n.Star(AT)) | listed(ITEMS),
        listed(tables, 1, 2),
        maybe(conditions),
        listed(VALUE, 0, 2),
        maybe(conditions),
    )


def ordered(bodies: Nodes) -> Nodes:
    terms = st.builds(lambda value, down: n.OrderTerm(value, down, AT), VALUE, st.booleans())
    return st.builds(lambda *each: n.SelectExpression(*each, AT), bodies, listed(terms, 0, 2), maybe(COUNTS))


SIMPLE_SELECTS = selects(TABLE_NAMES, st.none())
SIMPLE_QUERIES = ordered(SIMPLE_SELECTS)
SELECTS = selects(TABLES, CONDITIONS)


def set_operations() -> Nodes:
    """Set operations by precedence, INTERSECT before the others; the right side of each is one step simpler."""
    primaries = st.one_of(SELECTS, ordered(SELECTS))
    intersections = st.builds(
        lambda a, keep, b: n.SetOperation(a, "INTERSECT", keep, b, AT), primaries, st.booleans(), primaries
    )
    terms = primaries | intersections
    unions = st.builds(
        lambda a, word, keep, b: n.SetOperation(a, word, keep, b, AT),
        terms,
        st.sampled_from(["UNION", "EXCEPT"]),
        st.booleans(),
        terms,
    )
    longer = st.builds(lambda a, keep, b: n.SetOperation(a, "UNION", keep, b, AT), unions, st.booleans(), terms)
    return st.one_of(intersections, unions, longer)


QUERIES = ordered(st.one_of(SELECTS, SELECTS, set_operations(), ordered(SELECTS)))
COMMON_TABLES = st.builds(lambda name, query: n.CommonTable(name, query, AT), NAMES, QUERIES)
SPECIFICATIONS = st.builds(
    lambda tables, query: n.QuerySpecification(tables, query, AT), st.just(()) | listed(COMMON_TABLES, 1, 2), QUERIES
)


def check(query: n.QuerySpecification) -> None:
    text = write_adql(query)
    read = parse_query(text)
    assert read == query, text
    assert write_adql(read) == text


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(SPECIFICATIONS)
def test_what_is_written_is_read_as_the_same_query(query: n.QuerySpecification) -> None:
    check(query)


@pytest.mark.soak
@settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(SPECIFICATIONS)
def test_20_000_queries_are_read_as_they_were_written(query: n.QuerySpecification) -> None:
    check(query)
