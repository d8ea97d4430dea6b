"""The schemas and tables that the archive publishes, as ADQL, TAP_SCHEMA and VOSI see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from schema.columns import field_of
from vo.tables.field import Field


@dataclass(frozen=True, slots=True)
class Key:
    """A column on which a table may be joined with another.

    Attributes
    ----------
    column
        Of the table that refers.
    target, target_column
        Table that is referred to, with its schema, and its column.
    description, utype
        Of the key.
    """

    column: str
    target: str
    target_column: str
    description: str | None = None
    utype: str | None = None


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A table that queries may name.

    Attributes
    ----------
    schema, name
        Name in two parts, lower case: ``ivoa``, ``obscore``.
    table
        What is selected from. Columns with a `Field` are published; the others are hidden and serve the planner:
        ``hpx`` (HEALPix nested, order 29), ``ux``, ``uy``, ``uz`` (unit vector, ICRS) of the main position.
        ``table.info["position"]`` names the columns of the main position, as ``("s_ra", "s_dec")``, where there is one.
        ``table.info["store"]`` names what the replica reads instead, part by part, where that is not the table's name;
        ``table.info["only"]`` the values that columns of that may have.
    description
        One sentence for people.
    utype
        Utype of the table, None where no standard gives one.
    keys
        Columns on which it may be joined with other tables.
    kind
        As TAP_SCHEMA says it: ``table`` or ``view``.
    """

    schema: str
    name: str
    table: sa.Table
    description: str
    utype: str | None = None
    keys: tuple[Key, ...] = ()
    kind: str = "table"

    @property
    def qualified_name(self) -> str:
        """Name as TAP_SCHEMA says it: ``ivoa.obscore``."""
        return f"{self.schema}.{self.name}"

    @property
    def columns(self) -> dict[str, sa.Column[object]]:
        """Published columns by the names of their fields, in order."""
        return {field.name: column for column in self.table.columns if (field := field_of(column)) is not None}

    @property
    def fields(self) -> tuple[Field, ...]:
        """Descriptions of the published columns, in order."""
        return tuple(field for column in self.table.columns if (field := field_of(column)) is not None)


@dataclass(frozen=True, slots=True)
class PublishedSchema:
    """A named group of published tables."""

    name: str
    description: str
    tables: tuple[PublishedTable, ...]
    utype: str | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that one TAP service publishes.

    Attributes
    ----------
    schemas
        In the order of their descriptions.
    is_lasting
        Whether it stands for more than one query: plans for others are not worth keeping.
    """

    schemas: tuple[PublishedSchema, ...]
    is_lasting: bool = True

    def __iter__(self) -> Iterator[PublishedTable]:
        for schema in self.schemas:
            yield from schema.tables

    def table(self, schema: str, name: str) -> PublishedTable:
        """The table of a name that is known to be there, without regard to case."""
        (found,) = self.find(schema, name)
        return found

    def find(self, schema: str | None, name: str) -> tuple[PublishedTable, ...]:
        """Tables that a name may mean, without regard to case; without `schema` all schemas are searched."""
        return tuple(
            table
            for table in self
            if table.name.lower() == name.lower() and (schema is None or table.schema.lower() == schema.lower())
        )
