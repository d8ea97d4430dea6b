from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap.adql import nodes as n
from tap.adql.errors import AdqlError
from tap.adql.parse import parse_query
from tap.adql.tokens import RESERVED_WORDS
from tap.adql.write import write_adql


def select(text: str) -> n.Select:
    body = parse_query(text).query.body
    assert isinstance(body, n.Select)
    return body


def value(text: str) -> n.Expression:
    items = select(f"SELECT {text} FROM t").items
    assert not isinstance(items, n.Star)
    (item,) = items
    assert isinstance(item, n.SelectItem)
    return item.expression


def condition(text: str) -> n.Expression:
    where = select(f"SELECT x FROM t WHERE {text}").where
    assert where is not None
    return where


def shape(node: object) -> object:
    """A tree as nested lists: the class, then what tells it apart."""
    match node:
        case n.ColumnReference():
            return ".".join(name.name for name in node.names)
        case n.NumberLiteral() | n.StringLiteral():
            return node.value
        case n.Parentheses():
            return shape(node.operand)
        case n.SignedValue():
            return [node.sign, shape(node.operand)]
        case n.Arithmetic():
            tree = shape(node.operands[0])
            for operator, operand in zip(node.operators, node.operands[1:], strict=True):
                tree = [operator, tree, shape(operand)]
            return tree
        case n.Comparison():
            return [node.operator, shape(node.left), shape(node.right)]
        case n.And() | n.Or():
            return [type(node).__name__, *map(shape, node.operands)]
        case n.Not():
            return ["Not", shape(node.operand)]
    return type(node).__name__


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a+b*c", ["+", "a", ["*", "b", "c"]]),
        ("a-b-c", ["-", ["-", "a", "b"], "c"]),
        ("(a-b)/c*d", ["*", ["/", ["-", "a", "b"], "c"], "d"]),
        ("-a*-b", ["*", ["-", "a"], ["-", "b"]]),
        ("1000000000.", 1e9),
        (".5", 0.5),
        ("1.5E-3", 0.0015),
        ("007", 7),
        ("'it''s'", "it's"),
        ("''", ""),
        ("s.t.c", "s.t.c"),
        ("9223372036854775807", 9223372036854775807),
        ("9223372036854775808", 9223372036854775808.0),
    ],
)
def test_values_bind_as_the_grammar_says(text: str, tree: object) -> None:
    assert shape(value(text)) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a=1 OR b=2 AND c=3", ["Or", ["=", "a", 1], ["And", ["=", "b", 2], ["=", "c", 3]]]),
        ("NOT a=1 AND b=2", ["And", ["Not", ["=", "a", 1]], ["=", "b", 2]]),
        ("NOT (a=1 AND b=2)", ["Not", ["And", ["=", "a", 1], ["=", "b", 2]]]),
        ("a != 1", ["<>", "a", 1]),
        ("a BETWEEN 1 AND 2 AND b<3", ["And", "Between", ["<", "b", 3]]),
        ("a = 3--2", ["=", "a", 3]),
    ],
)
def test_conditions_bind_as_the_grammar_says(text: str, tree: object) -> None:
    assert shape(condition(text)) == tree


def test_a_chain_of_joins_leans_to_the_left() -> None:
    (join,) = select("SELECT * FROM a JOIN b ON a.x=b.x LEFT JOIN c USING (y)").tables
    assert isinstance(join, n.Join)
    assert (join.kind, join.columns[0].name) == ("LEFT", "y")
    assert isinstance(join.left, n.Join)


def test_conditions_after_two_joins_belong_to_the_nearest_first() -> None:
    (join,) = select("SELECT * FROM a JOIN b JOIN c ON b.x=c.x ON a.x=b.x").tables
    assert isinstance(join, n.Join)
    assert isinstance(join.right, n.Join)
    assert shape(join.condition) == ["=", "a.x", "b.x"]
    assert shape(join.right.condition) == ["=", "b.x", "c.x"]


def test_intersect_binds_tighter_than_union() -> None:
    body = parse_query("SELECT a FROM t UNION SELECT b FROM t INTERSECT ALL SELECT c FROM t").query.body
    assert isinstance(body, n.SetOperation)
    assert body.operator == "UNION"
    assert isinstance(body.right, n.SetOperation)
    assert (body.right.operator, body.right.keep_all) == ("INTERSECT", True)


def test_every_node_knows_where_it_begins() -> None:
    text = "SELECT a,\n  SQRT(b) FROM t\nWHERE c.d = 'x'"
    query = select(text)
    assert not isinstance(query.items, n.Star)
    assert [text[item.position :][:1] for item in query.items] == ["a", "S"]
    assert isinstance(query.where, n.Comparison)
    assert text[query.where.right.position :] == "'x'"


@pytest.mark.parametrize("word", sorted(RESERVED_WORDS))
def test_reserved_words_are_names_in_double_quotes_only(word: str) -> None:
    parse_query(f'SELECT x AS "{word}" FROM t')
    with pytest.raises(AdqlError):
        parse_query(f"SELECT x AS {word} FROM t")
    with pytest.raises(AdqlError):
        parse_query(f"SELECT x AS {word.lower()} FROM t")


REASONABLE = 300_000


@pytest.mark.parametrize(
    "text",
    [
        "SELECT x FROM t WHERE " + "(" * 10_000 + "x=1" + ")" * 10_000,
        "SELECT " + "(" * 10_000 + "x" + ")" * 10_000 + " FROM t",
        "SELECT " + "ABS(" * 10_000 + "x" + ")" * 10_000 + " FROM t",
        "SELECT " + "(" * 100_000,
        "SELECT " + "+".join(["x"] * 50_000) + " FROM t",
        "SELECT " + "||".join(["x"] * 50_000) + " FROM t",
        "SELECT x FROM t WHERE " + "NOT (" * 10_000 + "x=1" + ")" * 10_000,
        "SELECT * FROM (" * 5_000 + "SELECT x FROM t" + ") AS q" * 5_000,
        " UNION ".join(["SELECT x FROM t"] * 5_000),
        "SELECT x FROM a" + " NATURAL JOIN b" * 5_000,
        "(" * 10_000 + "SELECT x FROM t" + ")" * 10_000,
        "SELECT " + "x," * 150_000 + "x FROM t",
        "SELECT '" + "''" * REASONABLE,
        'SELECT "' + '""' * REASONABLE,
        "SELECT 1e" + "9" * REASONABLE + " FROM t",
        "SELECT " + "9" * REASONABLE + " FROM t",
        "-" * REASONABLE,
        " \n" * REASONABLE,
    ],
    ids=lambda text: f"{text[:30]!r}",
)
def test_deep_and_long_texts_get_a_sentence(text: str) -> None:
    with pytest.raises(AdqlError) as caught:
        parse_query(text)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "text",
    [
        "SELECT x FROM t WHERE " + "(" * 40 + "x=1" + ")" * 40,
        "SELECT x FROM t WHERE x IN (" + ",".join(map(str, range(50_000))) + ")",
        "SELECT x FROM t WHERE " + " OR ".join(["x=1"] * 10_000),
        "SELECT '" + "x" * 1_000_000 + "' FROM t",
        "SELECT x FROM t " + "-- comment\n" * 50_000,
    ],
    ids=lambda text: f"{text[:30]!r}",
)
def test_wide_queries_are_read(text: str) -> None:
    parse_query(text)


names = st.builds(
    n.Identifier,
    st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=8).filter(
        lambda name: name[0].isalpha() and name.upper() not in RESERVED_WORDS
    ),
    st.just(False),
    st.just(0),
) | st.builds(n.Identifier, st.text(min_size=1, max_size=6), st.just(True), st.just(0))
columns = st.builds(n.ColumnReference, st.lists(names, min_size=1, max_size=4).map(tuple), st.just(0))
literals = (
    st.builds(n.NumberLiteral, st.integers(0, 10**18 - 1), st.just(0))
    | st.builds(n.NumberLiteral, st.floats(0, allow_infinity=False, allow_nan=False), st.just(0))
    | st.builds(n.StringLiteral, st.text(max_size=8).filter(lambda text: "\0" not in text), st.just(0))
)
primaries = columns | literals


def grown(values: st.SearchStrategy[n.Expression]) -> st.SearchStrategy[n.Expression]:
    """Values made of smaller ones, in parentheses where the grammar may need them."""
    inner = values.map(lambda each: n.Parentheses(each, 0))
    operands = st.lists(inner | primaries, min_size=2, max_size=4)
    sums = operands.flatmap(
        lambda chosen: st.sampled_from(["+-", "*/"]).flatmap(
            lambda signs: st.tuples(*[st.sampled_from(signs)] * (len(chosen) - 1)).map(
                lambda operators: n.Arithmetic(tuple(chosen), operators, 0)
            )
        )
    )
    return (
        sums
        | operands.map(lambda chosen: n.Concatenation(tuple(chosen), 0))
        | st.builds(n.SignedValue, st.sampled_from("+-"), inner | primaries, st.just(0))
        | st.builds(n.FunctionCall, st.sampled_from(["ABS", "SQRT"]), st.tuples(inner | primaries), st.just(0))
        | st.builds(n.Cast, values, st.sampled_from(["INTEGER", "TIMESTAMP"]), st.none(), st.just(0))
        | st.builds(
            n.SetFunctionCall,
            st.sampled_from(["MAX", "COUNT"]),
            st.sampled_from([None, "DISTINCT"]),
            values,
            st.just(0),
        )
    )


values = st.recursive(primaries, grown, max_leaves=8)
comparisons = st.builds(n.Comparison, values, st.sampled_from(["=", "<>", "<=", ">"]), values, st.just(0))
negations = st.booleans()
predicates = (
    comparisons
    | st.builds(n.Between, values, values, values, negations, st.just(0))
    | st.builds(n.InList, values, st.lists(values, min_size=1, max_size=3).map(tuple), negations, st.just(0))
    | st.builds(n.IsNull, columns, negations, st.just(0))
    | st.builds(n.Like, primaries, primaries, st.booleans(), negations, st.just(0))
)
conditions = st.recursive(
    predicates,
    lambda inner: (
        inner.map(lambda each: n.Parentheses(each, 0))
        | predicates.map(lambda each: n.Not(each, 0))
        | st.lists(predicates, min_size=2, max_size=3).map(lambda each: n.And(tuple(each), 0))
    ),
    max_leaves=4,
)


@given(st.lists(values, min_size=1, max_size=3), conditions, names)
def test_what_is_written_is_read_back(chosen: list[n.Expression], where: n.Expression, table: n.Identifier) -> None:
    items = tuple(n.SelectItem(each, None, 0) for each in chosen)
    tables = (n.TableName((table,), None, 0),)
    body = n.Select(None, 10, items, tables, where, (), None, 0)
    query = n.QuerySpecification((), n.SelectExpression(body, (), None, 0), 0)
    assert parse_query(write_adql(query)) == query
