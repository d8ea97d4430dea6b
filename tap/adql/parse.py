"""ADQL text → nodes."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, cast

from lark import Token, Transformer, UnexpectedInput, UnexpectedToken, v_args

from tap.adql import nodes as n
from tap.adql.errors import AdqlError, FaultError, fault
from tap.adql.expectations import explain
from tap.adql.grammar import parser
from tap.adql.kinds import check_kinds
from tap.adql.tokens import read_tokens

DEEPEST = 100
LONGEST = 100
MOST_TOKENS = 200_000


def parse_query(text: str) -> n.QuerySpecification:
    """Nodes of a query, checked against the whole grammar of ADQL 2.1.

    Raises
    ------
    AdqlError
        Raised for text that is not ADQL 2.1, and for a query that is nested too deeply or too long to be treated.

    References
    ----------
    ADQL 2.1, Appendix A, ``<query_specification>``.
    """
    try:
        query = _read(text)
        if len(text) > DEEPEST:
            _check_depth(query)
        check_kinds(query)
    except FaultError as error:
        raise AdqlError(error.faults, text) from None
    return query


def _read(text: str) -> n.QuerySpecification:
    # Each token takes at least one character, blanks aside, so that short texts need no count.
    if len(text) > MOST_TOKENS:
        for count, token in enumerate(read_tokens(text)):
            if count == MOST_TOKENS:
                raise fault(
                    cast(int, token.start_pos),
                    f"The query is too long: more than {MOST_TOKENS:,} words, numbers and signs. "
                    "Upload long lists as a table and join with it.",
                )
    try:
        return cast(n.QuerySpecification, parser(_BUILDER).parse(text))
    except UnexpectedToken as error:
        raise explain(text, error) from None
    except UnexpectedInput as error:  # pragma: no cover - the lexer is ours and raises faults
        raise fault(error.pos_in_stream or 0, "This is not ADQL.") from None


def _check_depth(query: n.QuerySpecification) -> None:
    """Refuse trees on which the later stages and the engines, which do recurse, could exhaust the stack."""
    level: list[Any] = [query]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for item in level:
            if isinstance(item, tuple):
                below.extend(part for part in item if not isinstance(part, str))
            else:
                if isinstance(item, (n.Arithmetic, n.Concatenation)) and len(item.operands) > LONGEST:
                    raise fault(
                        item.operands[LONGEST].position,
                        f"This expression has more than {LONGEST} operands; give a part of it parentheses.",
                    )
                for each in fields(item):
                    value = getattr(item, each.name)
                    if value is not None and not isinstance(value, (str, int, float)):
                        below.append(value)
        if not below:
            return
        level = below
    position = next((item.position for item in level if not isinstance(item, tuple)), 0)
    raise fault(position, "The query is nested too deeply here; simplify it.")


def _start(token: Token) -> int:
    return token.start_pos or 0


@v_args(inline=True)
class _Builder(Transformer[Token, Any]):
    """Makes the node of each rule from the nodes of its parts."""

    # Names

    def identifier(self, token: Token) -> n.Identifier:
        if token.type == "DELIMITED":
            return n.Identifier(token[1:-1].replace('""', '"'), True, _start(token))
        return n.Identifier(str(token), False, _start(token))

    def chain(self, *parts: Any) -> tuple[n.Identifier, ...]:
        return (*parts[0], parts[1]) if len(parts) == 2 else (parts[0],)

    # Values

    def number(self, token: Token) -> n.NumberLiteral:
        try:
            is_whole = token.type == "DIGITS" and len(token) < 4000 and int(token) < 2**63
            value: int | float = int(token) if is_whole else float(token)
        except ValueError:  # pragma: no cover - the lexer lets only numbers pass
            raise fault(_start(token), f"{token} is no number.") from None
        if value == float("inf"):
            raise fault(_start(token), "This number is too large.")
        return n.NumberLiteral(value, _start(token))

    def string(self, token: Token) -> n.StringLiteral:
        if "\0" in token:
            raise fault(_start(token) + token.index("\0"), "Strings may not contain the character U+0000.")
        return n.StringLiteral(token[1:-1].replace("''", "'"), _start(token))

    def null(self, token: Token) -> n.NullLiteral:
        return n.NullLiteral(_start(token))

    def column(self, names: tuple[n.Identifier, ...]) -> n.ColumnReference:
        if len(names) > 4:
            raise fault(names[4].position, "A column has at most four names: catalogue, schema, table, column.")
        return n.ColumnReference(names, names[0].position)

    def parentheses(self, operand: n.Expression) -> n.Parentheses:
        return n.Parentheses(operand, operand.position)

    def signed_value(self, sign: Token, operand: n.Expression) -> n.SignedValue:
        return n.SignedValue(str(sign), operand, _start(sign))

    def arithmetic(self, *parts: Any) -> n.Arithmetic:
        return n.Arithmetic(parts[::2], tuple(str(sign) for sign in parts[1::2]), parts[0].position)

    def concatenation(self, *operands: n.Expression) -> n.Concatenation:
        return n.Concatenation(operands, operands[0].position)

    def arguments(self, *values: n.Expression) -> tuple[n.Expression, ...]:
        return values

    def function(self, name: Token, arguments: tuple[n.Expression, ...] | None) -> n.FunctionCall:
        return n.FunctionCall(name.upper(), arguments or (), _start(name))

    def user_defined_function(
        self, name: Token, arguments: tuple[n.Expression, ...] | None
    ) -> n.UserDefinedFunctionCall:
        return n.UserDefinedFunctionCall(str(name), arguments or (), _start(name))

    def set_quantifier(self, word: Token) -> str:
        return word.upper()

    def set_function(self, name: Token, quantifier: n.Quantifier | None, argument: n.Expression) -> n.SetFunctionCall:
        return n.SetFunctionCall(cast(n.SetFunction, name.upper()), quantifier, argument, _start(name))

    def count_all(self, name: Token, star: Token) -> n.SetFunctionCall:
        if name.upper() != "COUNT":
            raise fault(_start(star), f"{name.upper()} needs a value; only COUNT takes *.")
        return n.SetFunctionCall("COUNT", None, None, _start(name))

    def cast_target(self, word: Token, second: Token | None = None) -> tuple[str, int | None]:
        if second is not None and second.type == "DIGITS":
            return word.upper(), _count(second)
        return (word.upper() if second is None else "DOUBLE PRECISION"), None

    def cast(self, word: Token, operand: n.Expression, target: tuple[str, int | None]) -> n.Cast:
        return n.Cast(operand, *target, _start(word))

    # Conditions

    def comparison(self, left: n.Expression, operator: Token, right: n.Expression) -> n.Comparison:
        sign = "<>" if operator == "!=" else str(operator)
        return n.Comparison(left, sign, right, left.position)

    def between(
        self, operand: n.Expression, negation: Token | None, low: n.Expression, high: n.Expression
    ) -> n.Between:
        return n.Between(operand, low, high, negation is not None, operand.position)

    def in_list(self, operand: n.Expression, negation: Token | None, values: tuple[n.Expression, ...]) -> n.InList:
        return n.InList(operand, values, negation is not None, operand.position)

    def in_subquery(self, operand: n.Expression, negation: Token | None, query: n.SelectExpression) -> n.InSubquery:
        return n.InSubquery(operand, query, negation is not None, operand.position)

    def like(self, operand: n.Expression, negation: Token | None, word: Token, pattern: n.Expression) -> n.Like:
        return n.Like(operand, pattern, word.upper() == "LIKE", negation is not None, operand.position)

    def is_null(self, operand: n.Expression, negation: Token | None, _: Token) -> n.IsNull:
        return n.IsNull(operand, negation is not None, operand.position)

    def exists(self, word: Token, query: n.SelectExpression) -> n.Exists:
        return n.Exists(query, _start(word))

    def negation(self, word: Token, operand: n.Expression) -> n.Not:
        return n.Not(operand, _start(word))

    def conjunction(self, *operands: n.Expression) -> n.And:
        return n.And(operands, operands[0].position)

    def disjunction(self, *operands: n.Expression) -> n.Or:
        return n.Or(operands, operands[0].position)

    # Tables

    def subquery(self, query: n.SelectExpression) -> n.SelectExpression:
        return query

    def table_name(self, names: tuple[n.Identifier, ...], alias: n.Identifier | None) -> n.TableName:
        if len(names) > 3:
            raise fault(names[3].position, "A table has at most three names: catalogue, schema, table.")
        return n.TableName(names, alias, names[0].position)

    def derived_table(self, query: n.SelectExpression, alias: n.Identifier) -> n.DerivedTable:
        return n.DerivedTable(query, alias, query.position)

    def parenthesised_join(self, join: n.Join, alias: n.Identifier | None) -> n.ParenthesisedJoin:
        return n.ParenthesisedJoin(join, alias, join.position)

    def join_type(self, word: Token, outer: Token | None = None) -> str:
        del outer
        return word.upper()

    def join(self, natural: Token | None, kind: str | None, word: Token, right: n.TableReference) -> _JoinPart:
        return _JoinPart(natural is not None, kind or "INNER", right, _start(word))

    def join_condition(self, word: Token, condition: n.Expression) -> _JoinSpecification:
        return _JoinSpecification(condition, (), _start(word))

    def named_columns(self, word: Token, *columns: n.Identifier) -> _JoinSpecification:
        return _JoinSpecification(None, columns, _start(word))

    def table_reference(self, first: n.TableReference, *parts: Any) -> n.TableReference:
        return _paired(first, parts)

    def joined_table(self, first: n.TableReference, *parts: Any) -> n.TableReference:
        return _paired(first, parts)

    # Queries

    def star(self, token: Token) -> n.Star:
        return n.Star(_start(token))

    def select_item(self, expression: n.Expression, alias: n.Identifier | None) -> n.SelectItem:
        return n.SelectItem(expression, alias, expression.position)

    def qualified_star(self, names: tuple[n.Identifier, ...], _: Token) -> n.QualifiedStar:
        if len(names) > 3:
            raise fault(names[3].position, "A table has at most three names: catalogue, schema, table.")
        return n.QualifiedStar(names, names[0].position)

    def select_list(self, first: Any, *more: Any) -> n.Star | tuple[n.SelectItem | n.QualifiedStar, ...]:
        return first if isinstance(first, n.Star) else (first, *more)

    def set_limit(self, digits: Token) -> int:
        return _count(digits)

    def from_clause(self, *tables: n.TableReference) -> tuple[n.TableReference, ...]:
        return tables

    def where_clause(self, condition: n.Expression) -> n.Expression:
        return condition

    def group_by_clause(self, *terms: n.Expression) -> tuple[n.Expression, ...]:
        return terms

    def having_clause(self, condition: n.Expression) -> n.Expression:
        return condition

    def select_query(
        self,
        word: Token,
        quantifier: n.Quantifier | None,
        limit: int | None,
        items: n.Star | tuple[n.SelectItem | n.QualifiedStar, ...],
        tables: tuple[n.TableReference, ...],
        where: n.Expression | None,
        group_by: tuple[n.Expression, ...] | None,
        having: n.Expression | None,
    ) -> n.Select:
        return n.Select(quantifier, limit, items, tables, where, group_by or (), having, _start(word))

    def set_operation(
        self, left: n.QueryBody, word: Token, keep_all: Token | None, right: n.QueryBody
    ) -> n.SetOperation:
        return n.SetOperation(left, word.upper(), keep_all is not None, right, left.position)

    def union(self, body: n.QueryBody) -> n.QueryBody:
        return body

    def order_by_term(self, expression: n.Expression, direction: Token | None) -> n.OrderTerm:
        return n.OrderTerm(expression, direction is not None and direction.upper() == "DESC", expression.position)

    def order_by_clause(self, *terms: n.OrderTerm) -> tuple[n.OrderTerm, ...]:
        return terms

    def offset_clause(self, digits: Token) -> int:
        return _count(digits)

    def select_expression(
        self, body: n.QueryBody, order_by: tuple[n.OrderTerm, ...] | None, offset: int | None
    ) -> n.SelectExpression:
        return n.SelectExpression(body, order_by or (), offset, body.position)

    def with_query(self, name: n.Identifier, query: n.SelectExpression) -> n.CommonTable:
        return n.CommonTable(name, query, name.position)

    def with_clause(self, *common_tables: n.CommonTable) -> tuple[n.CommonTable, ...]:
        return common_tables

    def query_specification(
        self, common_tables: tuple[n.CommonTable, ...] | None, query: n.SelectExpression
    ) -> n.QuerySpecification:
        return n.QuerySpecification(common_tables or (), query, query.position)


class _JoinPart:
    """``[NATURAL] [kind] JOIN right``, not yet paired with its condition."""

    __slots__ = ("kind", "natural", "position", "right")

    def __init__(self, natural: bool, kind: str, right: n.TableReference, position: int) -> None:
        self.natural = natural
        self.kind = kind
        self.right = right
        self.position = position

    def joined(self, left: n.TableReference, specification: _JoinSpecification | None) -> n.Join:
        condition, columns = (specification.condition, specification.columns) if specification else (None, ())
        return n.Join(left, self.right, self.kind, self.natural, condition, columns, self.position)


class _JoinSpecification:
    """``ON condition`` or ``USING (columns)``."""

    __slots__ = ("columns", "condition", "position")

    def __init__(self, condition: n.Expression | None, columns: tuple[n.Identifier, ...], position: int) -> None:
        self.condition = condition
        self.columns = columns
        self.position = position


def _paired(first: n.TableReference, parts: tuple[Any, ...]) -> n.TableReference:
    """Joins of a flat chain: each ON or USING belongs to the nearest JOIN before it that has none yet."""
    tables, waiting = [first], list[_JoinPart]()
    for index, part in enumerate(parts):
        if isinstance(part, _JoinPart):
            waiting.append(part)
            tables.append(part.right)
            following = parts[index + 1] if index + 1 < len(parts) else None
            if part.natural and not isinstance(following, _JoinSpecification):
                _join_last(tables, waiting, None)
        elif not waiting:
            raise fault(part.position, "This ON or USING has no JOIN that waits for it.")
        else:
            _join_last(tables, waiting, part)
    while waiting:
        _join_last(tables, waiting, None)
    return tables[0]


def _join_last(
    tables: list[n.TableReference], waiting: list[_JoinPart], specification: _JoinSpecification | None
) -> None:
    part = waiting.pop()
    part.right = tables.pop()
    tables.append(part.joined(tables.pop(), specification))


def _count(digits: Token) -> int:
    """Number of rows or characters; beyond what a database can count it means the largest it can."""
    return min(int(digits), 2**63 - 1) if len(digits) < 4000 else 2**63 - 1


_BUILDER = _Builder()
