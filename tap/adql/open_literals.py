"""Literals whose values a plan leaves open, and the parameters that are computed of them.

A literal is open where it becomes a parameter of the same type whatever its value. The same select then serves all
queries that differ in such literals only (`tap.adql.plans`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa

from tap.adql import nodes as n

Compute: TypeAlias = Callable[..., Sequence[Any]]


@dataclass(frozen=True, slots=True)
class OpenLiteral:
    """A literal and the sign in front of it."""

    node: n.NumberLiteral | n.StringLiteral
    is_negative: bool = False

    @property
    def value(self) -> Any:
        """The value here, sign and all; that it was looked at is not noted."""
        return -self.node.open_value if self.is_negative else self.node.open_value  # type: ignore[operator]


@dataclass(frozen=True, slots=True)
class Binding:
    """Parameters of a select that are computed of literals.

    Attributes
    ----------
    literals
        What they are computed of.
    compute
        Takes the values of the literals, gives those of the parameters; raises `ValueError` for values that the
        select does not serve.
    keys
        Names of the parameters.
    """

    literals: tuple[OpenLiteral, ...]
    compute: Compute
    keys: tuple[str, ...]


class Bindings:
    """The open parameters of one query, as they are made."""

    def __init__(self) -> None:
        self.made: list[Binding] = []
        self._count = 0

    def bind(
        self, literals: tuple[OpenLiteral, ...], compute: Compute, types: Sequence[sa.types.TypeEngine[Any]]
    ) -> list[sa.BindParameter[Any]]:
        """Parameters of some types, computed of literals; they hold the values of this query.

        Raises
        ------
        ValueError
            Raised as `compute` does; nothing is bound then.
        """
        values = compute(*(literal.value for literal in literals))
        parameters = [
            # A name of its own survives where SQLAlchemy copies expressions.
            sa.bindparam(f"open_{self._count + number}", value, type_)
            for number, (value, type_) in enumerate(zip(values, types, strict=True), start=1)
        ]
        self._count += len(parameters)
        self.made.append(Binding(literals, compute, tuple(str(parameter.key) for parameter in parameters)))
        return parameters


def open_number(node: n.Expression) -> OpenLiteral | None:
    """A number with or without signs and parentheses, None for all else and where its value was looked at."""
    is_negative = False
    while isinstance(node, (n.Parentheses, n.SignedValue)):
        is_negative ^= isinstance(node, n.SignedValue) and node.sign == "-"
        node = node.operand
    if isinstance(node, n.NumberLiteral) and not node.was_read:
        return OpenLiteral(node, is_negative)
    return None


def open_text(node: n.Expression) -> OpenLiteral | None:
    """A string, None for all else and where its value was looked at."""
    while isinstance(node, n.Parentheses):
        node = node.operand
    if isinstance(node, n.StringLiteral) and not node.was_read:
        return OpenLiteral(node)
    return None
