"""What the names of a query may mean: relations, their columns, and the scopes that hold them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeAlias

import sqlalchemy as sa

from schema.catalogue import PublishedTable
from tap.adql import nodes as n


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """A column that a query gives.

    Attributes
    ----------
    name, delimited
        How it may be named from outside.
    expressions
        What fills it: one for a SELECT, one for each operand of a set operation, in order.
    """

    name: str
    delimited: bool
    expressions: tuple[n.Expression | Source | Output, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SourceColumn:
    """A column of a relation, from a published table or from a query; `folded` is its name in lower case."""

    name: str
    delimited: bool
    origin: sa.Column[Any] | Output
    relation: Relation
    index: int
    folded: str


@dataclass(frozen=True, slots=True, eq=False)
class MergedColumn:
    """A column that USING or NATURAL made of two; `kind` is the kind of the join."""

    name: str
    delimited: bool
    left: Source
    right: Source
    kind: str
    folded: str


Source: TypeAlias = SourceColumn | MergedColumn


class Relation:
    """A table or query as it stands in one FROM clause.

    Attributes
    ----------
    name, delimited
        Its correlation name, else its own.
    table
        The published table, None for queries.
    query
        The query, None for published tables.
    is_aliased
        Whether the query gave it a name of its own, which hides schema and table name.
    join
        The join in parentheses that the query gave a name, else None.
    columns
        Its columns, in order.
    """

    __slots__ = ("columns", "delimited", "is_aliased", "join", "name", "query", "table")

    def __init__(
        self,
        name: n.Identifier,
        *,
        is_aliased: bool,
        table: PublishedTable | None = None,
        query: n.SelectExpression | None = None,
        join: n.ParenthesisedJoin | None = None,
        outputs: tuple[Output, ...] = (),
    ) -> None:
        self.name = name.name
        self.delimited = name.delimited
        self.table = table
        self.query = query
        self.join = join
        self.is_aliased = is_aliased
        origins: Iterable[tuple[str, bool, sa.Column[Any] | Output]]
        if table is not None:
            origins = ((name, False, column) for name, column in table.columns.items())
        else:
            origins = ((output.name, output.delimited, output) for output in outputs)
        self.columns = tuple(
            SourceColumn(name, delimited, origin, self, index, name.lower())
            for index, (name, delimited, origin) in enumerate(origins)
        )

    def is_called(self, names: tuple[n.Identifier, ...]) -> bool:
        """Whether a qualifier of one or two names means this relation."""
        if not is_same_name(names[-1], self.name, self.delimited):
            return False
        if len(names) == 1:
            return True
        return (
            len(names) == 2
            and not self.is_aliased
            and self.table is not None
            and is_same_name(names[0], self.table.schema, False)
        )


@dataclass(frozen=True, slots=True, eq=False)
class FromItem:
    """What one item of a FROM clause brings: relations for qualified names, columns for bare names and ``*``."""

    relations: tuple[Relation, ...]
    columns: tuple[Source, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """The relations that names of one SELECT may mean, and those of the queries around it."""

    items: tuple[FromItem, ...]
    outer: Scope | None = None

    @property
    def relations(self) -> tuple[Relation, ...]:
        """All relations of this SELECT, in order."""
        return tuple(relation for item in self.items for relation in item.relations)

    @property
    def columns(self) -> tuple[Source, ...]:
        """All columns that bare names may mean, in order."""
        return tuple(column for item in self.items for column in item.columns)


def is_same_name(wanted: n.Identifier, name: str, delimited: bool) -> bool:
    """Whether an identifier of a query means a declared name.

    Regular identifiers compare without regard to case. A delimited one means a regular name as it is declared or in
    lower case; a regular one means a delimited name that is in lower case.

    References
    ----------
    ADQL 2.1, "Identifiers" and "Case folding".
    """
    if wanted.delimited:
        return wanted.name == name or (not delimited and wanted.name == name.lower())
    if delimited:
        return wanted.name.lower() == name
    return wanted.name.lower() == name.lower()


def matching(wanted: n.Identifier, columns: Iterable[Source]) -> tuple[Source, ...]:
    """Columns that a name may mean; one spelt exactly so is preferred to those that differ in case."""
    folded = wanted.name.lower()
    found = tuple(
        column for column in columns if column.folded == folded and is_same_name(wanted, column.name, column.delimited)
    )
    if len(found) > 1:
        exact = tuple(column for column in found if column.name == wanted.name)
        if len(exact) == 1:
            return exact
    return found


def near_match(name: str, known: Iterable[str]) -> str:
    """End of a sentence about an unknown name: a known one that looks like it, or nothing."""
    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    return f" Did you mean {by_lower[close[0]]}?" if close else ""
