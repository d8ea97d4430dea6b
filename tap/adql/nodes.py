"""An ADQL query as data: one frozen class for each thing the grammar knows.

Every node has the offset of its first character in the text as `position`; it takes no part in comparisons, so that
two texts that say the same give equal trees.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

SetFunction = Literal["AVG", "COUNT", "MAX", "MIN", "SUM"]
Quantifier = Literal["ALL", "DISTINCT"]


@dataclass(frozen=True, slots=True)
class Identifier:
    """A name; regular ones mean the same in any letter case, delimited ones (in double quotes) do not."""

    name: str
    delimited: bool
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class NumberLiteral:
    """An unsigned number: `value` is an int for digits alone that fit into 64 bits, else a float.

    Whoever reads `value` makes what comes of the query depend on it, which is noted in `was_read`; `open_value` is for
    those who make the same of any other value of its type.
    """

    open_value: int | float
    position: int = field(compare=False)
    was_read: bool = field(default=False, init=False, repr=False, compare=False)

    @property
    def value(self) -> int | float:
        """The number."""
        object.__setattr__(self, "was_read", True)
        return self.open_value

    @property
    def is_whole(self) -> bool:
        """Whether it is written as a whole number and fits into 64 bits."""
        return isinstance(self.open_value, int)


@dataclass(frozen=True, slots=True)
class StringLiteral:
    """A string, doubled quotes undone; `value`, `open_value` and `was_read` are as for numbers."""

    open_value: str
    position: int = field(compare=False)
    was_read: bool = field(default=False, init=False, repr=False, compare=False)

    @property
    def value(self) -> str:
        """The text."""
        object.__setattr__(self, "was_read", True)
        return self.open_value


@dataclass(frozen=True, slots=True)
class NullLiteral:
    """The word NULL as a value."""

    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class ColumnReference:
    """A column, its qualifier in front: one to four names."""

    names: tuple[Identifier, ...]
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Parentheses:
    """An expression in parentheses, a condition or a value."""

    operand: Expression
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class SignedValue:
    """A value with ``+`` or ``-`` in front."""

    sign: str
    operand: Expression
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Operands joined from left to right by operators of one precedence: one operator fewer than operands."""

    operands: tuple[Expression, ...]
    operators: tuple[str, ...]
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Concatenation:
    """Strings joined by ``||``."""

    operands: tuple[Expression, ...]
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function of the standard; `name` in upper case."""

    name: str
    arguments: tuple[Expression, ...]
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class UserDefinedFunctionCall:
    """A function that the standard leaves to services; `name` as written."""

    name: str
    arguments: tuple[Expression, ...]
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class SetFunctionCall:
    """An aggregate; `argument` is None for ``COUNT(*)``."""

    name: SetFunction
    quantifier: Quantifier | None
    argument: Expression | None
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Cast:
    """A value as another type; `target` in upper case, `length` of CHAR and VARCHAR where given."""

    operand: Expression
    target: str
    length: int | None
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values and one of ``= <> < > <= >=`` (``!=`` is read as ``<>``)."""

    left: Expression
    operator: str
    right: Expression
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Between:
    """``operand [NOT] BETWEEN low AND high``."""

    operand: Expression
    low: Expression
    high: Expression
    negated: bool
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class InList:
    """``operand [NOT] IN (values)``."""

    operand: Expression
    values: tuple[Expression, ...]
    negated: bool
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class InSubquery:
    """``operand [NOT] IN (SELECT …)``."""

    operand: Expression
    query: SelectExpression
    negated: bool
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Like:
    """``operand [NOT] LIKE pattern``, or ILIKE where letter case does not matter."""

    operand: Expression
    pattern: Expression
    case_sensitive: bool
    negated: bool
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class IsNull:
    """``operand IS [NOT] NULL``."""

    operand: Expression
    negated: bool
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Exists:
    """``EXISTS (SELECT …)``."""

    query: SelectExpression
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """A condition turned round."""

    operand: Expression
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """Conditions that must all hold."""

    operands: tuple[Expression, ...]
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Or:
    """Conditions of which one must hold."""

    operands: tuple[Expression, ...]
    position: int = field(compare=False)


Value: TypeAlias = (
    NumberLiteral
    | StringLiteral
    | NullLiteral
    | ColumnReference
    | Parentheses
    | SignedValue
    | Arithmetic
    | Concatenation
    | FunctionCall
    | UserDefinedFunctionCall
    | SetFunctionCall
    | Cast
)
Condition: TypeAlias = Comparison | Between | InList | InSubquery | Like | IsNull | Exists | Not | And | Or
Expression: TypeAlias = Value | Condition


@dataclass(frozen=True, slots=True)
class Star:
    """``*`` as the select list."""

    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class QualifiedStar:
    """``t.*``: all columns of one table."""

    qualifier: tuple[Identifier, ...]
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class SelectItem:
    """An output column and its name, None where the query gives none."""

    expression: Expression
    alias: Identifier | None
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class TableName:
    """A table by name: one to three parts."""

    names: tuple[Identifier, ...]
    alias: Identifier | None
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class DerivedTable:
    """A sub-query that serves as a table."""

    query: SelectExpression
    alias: Identifier
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class ParenthesisedJoin:
    """A join in parentheses; with an alias it serves as one table."""

    join: Join
    alias: Identifier | None
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Join:
    """Two tables joined.

    Attributes
    ----------
    kind
        ``INNER``, ``LEFT``, ``RIGHT`` or ``FULL``.
    natural
        Whether all columns of equal name are compared.
    condition
        After ON, else None.
    columns
        After USING, else empty.
    """

    left: TableReference
    right: TableReference
    kind: str
    natural: bool
    condition: Expression | None
    columns: tuple[Identifier, ...]
    position: int = field(compare=False)


TableReference: TypeAlias = TableName | DerivedTable | ParenthesisedJoin | Join


@dataclass(frozen=True, slots=True)
class Select:
    """One SELECT, without ORDER BY and OFFSET, which belong to `SelectExpression`."""

    quantifier: Quantifier | None
    limit: int | None
    items: Star | tuple[SelectItem | QualifiedStar, ...]
    tables: tuple[TableReference, ...]
    where: Expression | None
    group_by: tuple[Expression, ...]
    having: Expression | None
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class SetOperation:
    """Two queries and ``UNION``, ``EXCEPT`` or ``INTERSECT``; `keep_all` is the word ALL."""

    left: QueryBody
    operator: str
    keep_all: bool
    right: QueryBody
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """What to sort by; a bare whole number counts output columns from 1."""

    expression: Expression
    descending: bool
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class SelectExpression:
    """A query with its order; an operand of a set operation is one where it stands in parentheses."""

    body: QueryBody
    order_by: tuple[OrderTerm, ...]
    offset: int | None
    position: int = field(compare=False)


QueryBody: TypeAlias = Select | SetOperation | SelectExpression


@dataclass(frozen=True, slots=True)
class CommonTable:
    """``name AS (SELECT …)`` after WITH."""

    name: Identifier
    query: SelectExpression
    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class QuerySpecification:
    """A whole query."""

    common_tables: tuple[CommonTable, ...]
    query: SelectExpression
    position: int = field(compare=False)


Node: TypeAlias = (
    Expression
    | Identifier
    | Star
    | QualifiedStar
    | SelectItem
    | TableReference
    | QueryBody
    | OrderTerm
    | CommonTable
    | QuerySpecification
)
