"""Values of a query → SQLAlchemy Core."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Any, TypeAlias

import sqlalchemy as sa

from schema.engines import constructs as c
from schema.engines.conversion import Converted
from tap.adql import nodes as n
from tap.adql.constants import constant_number, read_instant
from tap.adql.errors import fault
from tap.adql.geometry import Geometry
from tap.adql.lower_user_functions import lower_user_function
from tap.adql.open_literals import Bindings, Compute, OpenLiteral, open_number, open_text
from tap.adql.resolve import Names
from tap.adql.sameness import expression_key
from tap.adql.scope import MergedColumn, Output, Relation, Source, SourceColumn
from tap.adql.types import NULL, SHAPE_FIELDS, Family, Types, family, is_integer
from tap.adql.user_functions import user_function
from vo.tables.field import Field

Sql: TypeAlias = sa.ColumnElement[Any]

_WHOLE = {"+": c.WholeSum, "-": c.WholeDifference, "*": c.WholeProduct, "/": c.WholeQuotient}
_CAST_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "CHAR": sa.Text(),
    "VARCHAR": sa.Text(),
    "SMALLINT": sa.SmallInteger(),
    "INTEGER": sa.Integer(),
    "BIGINT": sa.BigInteger(),
    "REAL": sa.REAL(),
    "DOUBLE PRECISION": sa.Double(),
    "TIMESTAMP": sa.DateTime(),
}
_REAL_FUNCTIONS: dict[str, str] = {
    "ACOS": "acos",
    "ASIN": "asin",
    "ATAN": "atan",
    "ATAN2": "atan2",
    "CEILING": "ceil",
    "COS": "cos",
    "COT": "cot",
    "DEGREES": "degrees",
    "EXP": "exp",
    "FLOOR": "floor",
    "LOG": "ln",
    "LOG10": "log10",
    "POWER": "power",
    "RADIANS": "radians",
    "ROUND": "round",
    "SIN": "sin",
    "SQRT": "sqrt",
    "TAN": "tan",
    "TRUNCATE": "trunc",
}

_LONGEST_TEXT = 2**31 - 1
_FEWEST_DIGITS, _MOST_DIGITS = -308, 400


class Values:
    """Lowers the values of one query.

    Parameters
    ----------
    names, types
        What the names of the query mean, and the types of its expressions.
    source
        Gives the column of SQL for a column of a relation.
    from_clause
        Gives what stands for a relation in FROM.
    bindings
        Takes the parameters of open literals.
    """

    def __init__(
        self,
        names: Names,
        types: Types,
        source: Callable[[Source], Sql],
        from_clause: Callable[[Relation], sa.FromClause],
        bindings: Bindings,
    ) -> None:
        self.names = names
        self.types = types
        self.source = source
        self.geometry = Geometry(names, types, self.real, source, from_clause, self.value)
        self._functions: dict[Hashable, Sql] = {}
        self._pinned: dict[Hashable, Sql] = {}
        self._bound: dict[tuple[type, Any], sa.BindParameter[Any]] = {}
        self.bindings = bindings

    def bound(self, value: Any) -> sa.BindParameter[Any]:
        """Parameter for a value, the same one wherever the value occurs, so that equal expressions stay equal."""
        key = (type(value), value)
        known = self._bound.get(key)
        if known is None:
            known = self._bound[key] = sa.bindparam(None, value, _sql_type(value), unique=True)
        return known

    def _open(self, literal: OpenLiteral, compute: Compute, type_: sa.types.TypeEngine[Any]) -> sa.BindParameter[Any]:
        """Parameter for a literal of any value."""
        (parameter,) = self.bindings.bind((literal,), compute, (type_,))
        return parameter

    def value(self, node: n.Expression) -> Sql:
        """Lower a value.

        Raises
        ------
        FaultError
            Raised for operands that do not fit and for what this service cannot do.
        """
        self.types.of(node)
        literal = open_number(node) or open_text(node)
        if literal is not None:
            return self._open(literal, _as_it_is, _sql_type(literal.value))
        constant = constant_number(node)
        if constant is not None and abs(constant) < math.inf:
            return self.bound(constant)
        match node:
            case n.NumberLiteral() | n.StringLiteral():
                return self.bound(node.value)
            case n.NullLiteral():
                # A plain NULL of SQLAlchemy would turn = into IS.
                return sa.literal_column("NULL")
            case n.ColumnReference():
                return self.source(self.names.columns[id(node)])
            case n.Parentheses():
                return self.value(node.operand)
            case n.SignedValue():
                return self._signed(node)
            case n.Arithmetic():
                return self._arithmetic(node)
            case n.Concatenation():
                return self._concatenation(node)
            case n.SetFunctionCall():
                return self._set_function(node)
            case n.Cast():
                return self._cast(node)
            case n.FunctionCall() | n.UserDefinedFunctionCall():
                return self._once(node)
        raise fault(node.position, "This is not supported by this service yet.")  # pragma: no cover

    def real(self, node: n.Expression, owner: str) -> Sql:
        """Lower a number, as a real one; `owner` begins the sentence that refuses all else."""
        is_whole = is_integer(self.types.number(node, owner))
        value = self.value(node)
        return sa.cast(value, sa.Double()) if is_whole else value

    def _once(self, node: n.FunctionCall | n.UserDefinedFunctionCall) -> Sql:
        """Lower a function once for all its occurrences, so that GROUP BY finds again what SELECT says."""
        expression = expression_key(node, self.names)
        if expression in self._pinned:
            return self._pinned[expression]
        key = (expression, self.geometry.uses_stored)
        known = self._functions.get(key)
        if known is None:
            known = self._functions[key] = self._function(node)
        return known

    def pin(self, node: n.Expression) -> None:
        """Let a term of GROUP BY that is a HEALPix number read the stored one, there and wherever it is repeated."""
        node = bare(node)
        called = user_function(node) if isinstance(node, n.UserDefinedFunctionCall) else None
        if called is not None and called.name == "ivo_healpix_index":
            with self.geometry.stored(True):
                self._pinned[expression_key(node, self.names)] = self.value(node)

    def _signed(self, node: n.SignedValue) -> Sql:
        value = self.value(node.operand)
        if node.sign == "+":
            return value
        if is_integer(self.types.of(node.operand)):
            return c.WholeDifference(_number("0"), value)
        return -value

    def _arithmetic(self, node: n.Arithmetic) -> Sql:
        fields = [self.types.of(operand) for operand in node.operands]
        values = [_plain(self.value(operand), field) for operand, field in zip(node.operands, fields, strict=True)]
        # Whole numbers are calculated with as such until the first real one comes.
        whole = next((index for index, field in enumerate(fields) if not is_integer(field)), len(fields))
        result = values[0]
        for sign, value in zip(node.operators[: max(whole - 1, 0)], values[1:whole], strict=True):
            result = _WHOLE[sign](result, value)
        if whole < len(fields):
            start = max(whole, 1)
            result = c.RealArithmetic([result, *values[start:]], node.operators[start - 1 :])
        return result

    def _concatenation(self, node: n.Concatenation) -> Sql:
        result = self._text(node.operands[0])
        for operand in node.operands[1:]:
            result = result.concat(self._text(operand))
        return result

    def _text(self, node: n.Expression) -> Sql:
        value = self.value(node)
        return value if family(self.types.of(node)) is Family.TEXT else Converted(value, sa.Text())

    def _set_function(self, node: n.SetFunctionCall) -> Sql:
        if node.argument is None:
            return sa.func.count(sa.literal_column("*"))
        with self.geometry.stored(True):
            value: Any = self.value(node.argument)
        distinct = node.quantifier == "DISTINCT"
        if node.name == "SUM":
            total = c.WholeTotal if is_integer(self.types.of(node.argument)) else c.RealTotal
            return total(value, distinct=distinct)
        if node.name in ("MIN", "MAX"):
            value = self.ordered(value, node.argument)
        elif node.name == "AVG" and not is_integer(self.types.of(node.argument)):
            return c.RealAverage(value, distinct=distinct)
        elif distinct:
            value = sa.distinct(value)
        match node.name:
            case "COUNT":
                return sa.func.count(value)
            case "AVG":
                return sa.cast(sa.func.avg(value), sa.Double())
            case "MIN":
                return sa.func.min(value)
        return sa.func.max(value)

    def _cast(self, node: n.Cast) -> Sql:
        if node.target in SHAPE_FIELDS:
            return self.geometry.cast(node)
        target = _CAST_TYPES[node.target]
        if node.target == "TIMESTAMP" and isinstance(node.operand, n.StringLiteral):
            return self.instant(node.operand)
        value: Sql = Converted(self.value(node.operand), target)
        if node.length is not None:
            length = self.bound(min(node.length, _LONGEST_TEXT))
            value = sa.func.left(value, sa.cast(length, sa.Integer()), type_=sa.Text())
        return value

    def instant(self, node: n.StringLiteral) -> sa.BindParameter[Any]:
        """Lower a string that stands for an instant.

        Raises
        ------
        FaultError
            Raised for a string that is none.
        """
        try:
            literal = open_text(node)
            if literal is not None:
                return self._open(literal, _as_instant, sa.DateTime())
            return self.bound(read_instant(node.value))
        except ValueError as error:
            raise fault(node.position, str(error)) from None

    def _function(self, node: n.FunctionCall | n.UserDefinedFunctionCall) -> Sql:
        if isinstance(node, n.UserDefinedFunctionCall):
            return lower_user_function(node, self)
        match node.name:
            case "CONTAINS":
                return _zero_or_one(self.geometry.contains(node))
            case "INTERSECTS":
                return _zero_or_one(self.geometry.intersects(node))
            case "DISTANCE":
                return self.geometry.distance(node)
            case "COORD1" | "COORD2":
                return self.geometry.coordinate(node)
            case "AREA":
                return self.geometry.area(node)
            case "POINT" | "CIRCLE" | "POLYGON" | "BOX" | "CENTROID":
                return self.geometry.array(node)
            case "COORDSYS":
                return self.bound(self.geometry.coordsys(node))
            case "REGION":
                return self.geometry.region_text(node)
            case "IN_UNIT":
                return c.RealArithmetic([self.value(node.arguments[0]), self.bound(self.types.factor(node))], "*")
            case "COALESCE":
                return self._coalesce(node)
            case "LOWER":
                return sa.func.lower(self.value(node.arguments[0]), type_=sa.Text())
            case "UPPER":
                return sa.func.upper(self.value(node.arguments[0]), type_=sa.Text())
        return self._mathematics(node)

    def _coalesce(self, node: n.FunctionCall) -> Sql:
        if len(node.arguments) == 1:
            return self.value(node.arguments[0])
        values = self.alike(node.arguments)
        return sa.func.coalesce(*values, type_=values[0].type)

    def _mathematics(self, node: n.FunctionCall) -> Sql:
        values = [self.value(argument) for argument in node.arguments]
        is_whole = all(is_integer(self.types.of(argument)) for argument in node.arguments)
        match node.name:
            case "PI":
                return sa.func.pi(type_=sa.Double())
            case "RAND":
                return sa.func.random(type_=sa.Double())
            case "ABS":
                return c.WholeMagnitude(values[0]) if is_whole else sa.func.abs(values[0], type_=sa.Double())
            case "MOD":
                return c.WholeRemainder(*values) if is_whole else c.RealRemainder(*values)
        real: list[Sql] = [sa.cast(value, sa.Double()) for value in values]
        if node.name in ("ROUND", "TRUNCATE") and len(values) == 2:
            # More digits than any number has change nothing, and might not fit.
            digits = sa.func.least(sa.func.greatest(values[1], _FEWEST_DIGITS), _MOST_DIGITS)
            real[1] = sa.cast(digits, sa.Integer())
        return c.RealFunction(_REAL_FUNCTIONS[node.name], *real)

    def ordered(self, value: Sql, *nodes: n.Expression) -> Sql:
        """A value to be put in order, or compared with others: text goes by the numbers of its letters."""
        families = {family(self.types.of(node)) for node in nodes}
        return c.InCodeOrder(value) if Family.TEXT in families and Family.TIMESTAMP not in families else value

    def alike(self, nodes: tuple[n.Expression, ...]) -> list[Sql]:
        """Values made fit to be compared: strings as instants beside timestamps, lower case where case is no matter."""
        fields = [self.types.of(node) for node in nodes]
        for node, field in zip(nodes[1:], fields[1:], strict=True):
            self.types.check_comparable(nodes[0], fields[0], node, field)
        if any(family(field) is Family.TIMESTAMP for field in fields):
            return [self._as_instant(node, field) for node, field in zip(nodes, fields, strict=True)]
        values = [_plain(self.value(node), field) for node, field in zip(nodes, fields, strict=True)]
        if any(self.is_case_insensitive(node) for node in nodes):
            return [
                value if field is NULL else sa.func.lower(value, type_=sa.Text())
                for value, field in zip(values, fields, strict=True)
            ]
        return values

    def as_instant(self, node: n.Expression) -> Sql:
        """Lower an instant, or text that stands for one."""
        field = self.types.of(node)
        return sa.cast(self._as_instant(node, field), sa.DateTime()) if field is NULL else self._as_instant(node, field)

    def _as_instant(self, node: n.Expression, field: Field) -> Sql:
        literal = bare(node)
        if isinstance(literal, n.StringLiteral):
            return self.instant(literal)
        if family(field) is Family.TEXT:
            return Converted(self.value(node), sa.DateTime())
        return self.value(node)

    def is_case_insensitive(self, node: n.Expression) -> bool:
        """Whether clients compare a column without regard to case, here or where it comes from."""
        node = bare(node)
        if not isinstance(node, n.ColumnReference):
            return False
        source: n.Expression | Source | Output | sa.Column[Any] = self.names.columns[id(node)]
        while not isinstance(source, sa.Column):
            if isinstance(source, MergedColumn):
                source = source.left
            elif isinstance(source, SourceColumn):
                source = source.origin
            elif isinstance(source, Output):
                source = source.expressions[0]
            elif isinstance(source, n.ColumnReference):
                source = self.names.columns[id(source)]
            else:
                return False
        return bool(source.info.get("case_insensitive"))


def bare(node: n.Expression) -> n.Expression:
    """An expression without the parentheses around it."""
    while isinstance(node, n.Parentheses):
        node = node.operand
    return node


def _as_it_is(value: Any) -> tuple[Any]:
    return (value,)


def _as_instant(text: str) -> tuple[datetime]:
    return (read_instant(text),)


def _number(text: str) -> Sql:
    """A number of ours, which may stand in the SQL."""
    return sa.literal_column(text)


def _plain(value: Sql, field: Field) -> Sql:
    """A value that can be calculated with: truth values count as 1 and 0."""
    return sa.cast(value, sa.Integer()) if field.datatype == "boolean" else value


def _zero_or_one(condition: sa.ColumnElement[bool]) -> Sql:
    return sa.cast(condition, sa.Integer())


def _sql_type(value: Any) -> sa.types.TypeEngine[Any]:
    if isinstance(value, int):
        return sa.BigInteger()
    if isinstance(value, float):
        return sa.Double()
    return sa.Text() if isinstance(value, str) else sa.DateTime()
