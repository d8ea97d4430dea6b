"""Conditions of a query → SQLAlchemy Core."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

import sqlalchemy as sa

from tap.adql import nodes as n
from tap.adql.cones import Cones
from tap.adql.constants import constant_number, read_instant
from tap.adql.errors import fault
from tap.adql.lower_values import Values, bare
from tap.adql.types import Family, family

Condition: TypeAlias = sa.ColumnElement[bool]

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_MIRRORED = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_FEW_VALUES = 64


class Conditions:
    """Lowers the conditions of one query.

    Parameters
    ----------
    values
        Lowers its values.
    query
        Lowers a sub-query.
    new_name
        Gives a name that no relation of the query has.
    """

    def __init__(
        self,
        values: Values,
        query: Callable[[n.SelectExpression], sa.Select[Any] | sa.CompoundSelect[Any]],
        new_name: Callable[[], str],
    ) -> None:
        self.values = values
        self.names = values.names
        self.types = values.types
        self.geometry = values.geometry
        self.query = query
        self.new_name = new_name
        self.cones = Cones(values.geometry, values.bindings)
        self._is_negated = False

    def condition(self, node: n.Expression) -> Condition:
        """Lower a condition.

        Raises
        ------
        FaultError
            Raised for operands that do not fit and for what this service cannot do.
        """
        match node:
            case n.Parentheses():
                return self.condition(node.operand)
            case n.And():
                return sa.and_(*(self.condition(operand) for operand in node.operands))
            case n.Or():
                return sa.or_(*(self.condition(operand) for operand in node.operands))
            case n.Not():
                before, self._is_negated = self._is_negated, True
                operand = self.condition(node.operand)
                self._is_negated = before
                return sa.not_(operand)
            case n.Comparison():
                return self._comparison(node)
            case n.Between():
                operand, low, high = self.values.alike((node.operand, node.low, node.high))
                operand = self.values.ordered(operand, node.operand, node.low, node.high)
                between = operand.between(low, high)
                return sa.not_(between) if node.negated else between
            case n.InList():
                return self._in_list(node)
            case n.InSubquery():
                return self._in_subquery(node)
            case n.Like():
                return self._like(node)
            case n.IsNull():
                value = self.values.value(node.operand)
                return value.is_not(sa.null()) if node.negated else value.is_(sa.null())
            case n.Exists():
                return sa.exists(self.query(node.query))
        raise fault(node.position, "A condition is expected here.")  # pragma: no cover

    def _comparison(self, node: n.Comparison) -> Condition:
        for left, sign, right in (
            (node.left, node.operator, node.right),
            (node.right, _MIRRORED[node.operator], node.left),
        ):
            geometric = self._geometric_comparison(bare(left), sign, right)
            if geometric is not None:
                return geometric
        a, b = self.values.alike((node.left, node.right))
        if node.operator not in ("=", "<>"):
            a = self.values.ordered(a, node.left, node.right)
        return _COMPARISONS[node.operator](a, b)  # type: ignore[no-any-return]

    def _geometric_comparison(self, left: n.Expression, sign: str, right: n.Expression) -> Condition | None:
        """Comparison of CONTAINS, INTERSECTS or DISTANCE with a fixed number, as a condition that can use an index."""
        if not isinstance(left, n.FunctionCall) or left.name not in ("CONTAINS", "INTERSECTS", "DISTANCE"):
            return None
        if not self.geometry.uses_stored:
            return None
        if left.name == "DISTANCE" and sign in ("<", "<="):
            self.types.of(left)
            cone = self.cones.is_near(left, right, inclusive=sign == "<=")
            if cone is not None:
                return cone
        value = constant_number(right)
        if value is None:
            return None
        self.types.of(left)
        if left.name == "DISTANCE":
            if sign in ("<", "<="):
                return self.geometry.is_near(left, float(value), inclusive=sign == "<=")
            if sign in (">", ">="):
                near = self.geometry.is_near(left, float(value), inclusive=sign == ">")
                return None if near is None else sa.not_(near)
            return None
        if (sign, value) not in (("=", 1), ("=", 0), ("<>", 0), ("<>", 1)):
            return None
        is_wanted = (sign == "=") == (value == 1)
        holds = self.cones.covers(left)
        if holds is None:
            relation = self.geometry.contains if left.name == "CONTAINS" else self.geometry.intersects
            holds = relation(left, null_is_false=is_wanted and not self._is_negated)
        return holds if is_wanted else sa.not_(holds)

    def _in_list(self, node: n.InList) -> Condition:
        many = self._many_values(node)
        if many is None:
            operand, *values = self.values.alike((node.operand, *node.values))
            found: Condition = operand.in_(values)
        else:
            operand = self.values.alike((node.operand, node.values[0]))[0]
            found = operand.in_(sa.select(sa.func.unnest(many)))
        return sa.not_(found) if node.negated else found

    def _many_values(self, node: n.InList) -> sa.BindParameter[Any] | None:
        """One parameter for a long list of literals; None for a short or a mixed one."""
        if len(node.values) <= _FEW_VALUES:
            return None
        field = self.types.of(node.operand)
        for value in node.values:
            self.types.check_comparable(node.operand, field, value, self.types.of(value))
        if family(field) is Family.NUMBER:
            numbers = [constant_number(value) for value in node.values]
            if any(number is None for number in numbers):
                return None
            is_whole = all(isinstance(number, int) for number in numbers)
            return _list_of(
                numbers if is_whole else [float(number) for number in numbers if number is not None],
                sa.BigInteger() if is_whole else sa.Double(),
            )
        literals = [value for value in node.values if isinstance(value, n.StringLiteral)]
        if len(literals) < len(node.values):
            return None
        if family(field) is Family.TIMESTAMP:
            return _list_of([self._instant(literal) for literal in literals], sa.DateTime())
        if self.values.is_case_insensitive(node.operand):
            return _list_of([literal.value.lower() for literal in literals], sa.Text())
        return _list_of([literal.value for literal in literals], sa.Text())

    def _instant(self, literal: n.StringLiteral) -> datetime:
        try:
            return read_instant(literal.value)
        except ValueError as error:
            raise fault(literal.position, str(error)) from None

    def _in_subquery(self, node: n.InSubquery) -> Condition:
        output = self.names.outputs[id(node.query)][0]
        wanted, given = self.types.of(node.operand), self.types.of_origin(output.expressions[0])
        self.types.check_comparable(node.operand, wanted, node.operand, given)
        select = self.query(node.query)
        operand = self.values.value(node.operand)
        if self.values.is_case_insensitive(node.operand):
            inner = select.subquery(self.new_name())
            select = sa.select(sa.func.lower(inner.c[0]))
            operand = sa.func.lower(operand)
        found = operand.in_(select)
        return sa.not_(found) if node.negated else found

    def _like(self, node: n.Like) -> Condition:
        for side in (node.operand, node.pattern):
            if family(self.types.of(side)) not in (Family.TEXT, Family.NULL):
                raise fault(side.position, f"LIKE compares text; this is {family(self.types.of(side)).value}.")
        value, pattern = self.values.alike((node.operand, node.pattern))
        # An empty escape means none: ADQL has no way to write one.
        found = value.like(pattern, escape="") if node.case_sensitive else value.ilike(pattern, escape="")
        return sa.not_(found) if node.negated else found


def _list_of(values: list[Any], item_type: sa.types.TypeEngine[Any]) -> sa.BindParameter[Any]:
    return sa.bindparam(None, values, sa.ARRAY(item_type), unique=True)
