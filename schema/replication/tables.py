# ruff: noqa: S608 - names come from descriptions of tables; what users write arrives as bound parameters.
"""What a replicated table looks like in the truth, in the replica and to queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from schema.catalogue import Catalogue, PublishedTable
from schema.columns import field_of
from schema.published import HIDDEN
from schema.spatial.regions import NOWHERE, REGION_COLUMNS, region_names
from schema.tables import metadata

KEY = "row_id"
"""Hidden key of every replicated table; the change log names rows by it."""

_DUCKDB_TYPES: tuple[tuple[type[sa.types.TypeEngine[Any]], str], ...] = (
    # The first that fits counts: subclasses come before their parents.
    (sa.ARRAY, "[]"),
    (sa.Boolean, "BOOLEAN"),
    (sa.SmallInteger, "SMALLINT"),
    (sa.BigInteger, "BIGINT"),
    (sa.Integer, "INTEGER"),
    (sa.REAL, "FLOAT"),
    (sa.Float, "DOUBLE"),
    (sa.DateTime, "TIMESTAMP"),
    # Kept column by column inside, so that a query reads only the members that it names.
    (sa.JSON, "VARIANT"),
    (sa.String, "VARCHAR"),
)


def duckdb_type(type_: sa.types.TypeEngine[Any]) -> str:
    """Type of DuckDB for a column of the truth.

    Raises
    ------
    ValueError
        Raised for a type that replicated tables do not use.
    """
    for kind, name in _DUCKDB_TYPES:
        if isinstance(type_, kind):
            return duckdb_type(type_.item_type) + name if isinstance(type_, sa.ARRAY) else name
    raise ValueError(f"The replica has no type for {type_!r}.")


# Joins and cones pick few of many identifiers, all different: unpacked they cost a third, packed they save little.
_PLAIN = " USING COMPRESSION uncompressed"


def _is_identifier(column: sa.Column[Any]) -> bool:
    field = field_of(column)
    if field is None or not (field.indexed and field.is_text):
        return False
    return field.xtype is None and not column.info["case_insensitive"]


def quoted(name: str) -> str:
    """Name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class ReplicatedTable:
    """A table of the truth and its copy in the replica.

    Attributes
    ----------
    truth
        The table in PostgreSQL; has the column ``row_id``.
    published
        What queries see of it; ``table.info["computed"]`` says which addresses are computed (`schema.published`).
    """

    truth: sa.Table
    published: PublishedTable

    @property
    def name(self) -> str:
        """Name as the change log says it: ``ivoa.obscore``."""
        return f"{self.truth.schema}.{self.truth.name}"

    @property
    def store(self) -> str:
        """Physical table of the replica, as SQL."""
        return f"replica.{quoted(f'{self.truth.schema}_{self.truth.name}')}"

    @property
    def position(self) -> tuple[str, str] | None:
        """Columns of the main position: longitude and latitude, ICRS, degrees."""
        position: tuple[str, str] | None = self.published.table.info.get("position")
        return position

    @property
    def regions(self) -> tuple[str, ...]:
        """Columns of regions."""
        regions: tuple[str, ...] = self.published.table.info.get("regions", ())
        return regions

    @property
    def order(self) -> str:
        """By what the copy is sorted."""
        return f"hpx NULLS LAST, {KEY}" if self.position else KEY

    @property
    def stored(self) -> tuple[str, ...]:
        """Columns copied from the truth, in order, the key among them."""
        return tuple(column.name for column in self.truth.columns)

    def incoming_sql(self, name: str) -> str:
        """Column that arrives with rows of the truth as it goes into the physical table."""
        is_document = name in self.truth.columns and isinstance(self.truth.columns[name].type, sa.JSON)
        return f"{quoted(name)}::JSON::VARIANT" if is_document else quoted(name)

    def columns_sql(self) -> str:
        """Columns and types of the physical table."""
        columns = [
            f"{quoted(column.name)} {duckdb_type(column.type)}{_PLAIN if _is_identifier(column) else ''}"
            for column in self.truth.columns
        ]
        if self.position:
            columns += [f"{name} {'BIGINT' if name == 'hpx' else 'DOUBLE'}" for name in HIDDEN]
        for region in self.regions:
            names = region_names(region)
            for suffix, type_ in REGION_COLUMNS.items():
                never_null = f" NOT NULL DEFAULT {NOWHERE:d}" if suffix == "hpx" else ""
                columns.append(f"{quoted(names[suffix])} {duckdb_type(type_)}{never_null}")
        return ", ".join(columns)

    def view_sql(self) -> str:
        """Select of the view that queries see."""
        items = [self._item(column.name) for column in self.published.table.columns]
        return f"SELECT {', '.join(items)} FROM {self.store}"

    def _item(self, name: str) -> str:
        item = computed_sql(self.published.table, name, "")
        return quoted(name) if item is None else f"{item} AS {quoted(name)}"


def store_of(published: sa.Table) -> str:
    """What the replica reads for a published table that has a store (`schema.catalogue`), as SQL."""
    store = ".".join(quoted(part) for part in published.info["store"])
    only = published.info.get("only")
    if not only:
        return store
    tests = " AND ".join(
        f"{quoted(name)} IN ({', '.join(literal(value) for value in values)})" for name, values in only.items()
    )
    return f"(SELECT * FROM {store} WHERE {tests})"


def computed_sql(published: sa.Table, name: str, qualifier: str) -> str | None:
    """Column of a published table as an expression over the physical one; None for one that is there as it is.

    Parameters
    ----------
    published
        As `schema.published` describes it.
    name
        Of the column.
    qualifier
        What stands before names of columns, with its dot.
    """
    if name in published.info.get("keywords", ()):
        type_ = duckdb_type(published.columns[name].type)
        return f"TRY_CAST(variant_extract({qualifier}{quoted('keywords')}, {literal(name)}) AS {type_})"
    former = published.info.get("renamed", {}).get(name)
    if former is not None:
        return f"{qualifier}{quoted(former)}"
    stored_format = f"{qualifier}{quoted('access_format')}"
    if name == "file_format":
        return stored_format
    if name == "access_format" and "links_format" in published.info:
        links_format = literal(published.info["links_format"])
        return f"CASE WHEN {qualifier}{quoted('access_url')} IS NULL THEN {links_format} ELSE {stored_format} END"
    prefix = published.info.get("computed", {}).get(name)
    if prefix is None:
        return None
    address = f"{literal(prefix)} || url_encode({qualifier}{quoted('dp_id')})"
    is_stored = name in metadata.tables[published.info.get("truth", published.fullname)].columns
    return f"COALESCE({qualifier}{quoted(name)}, {address})" if is_stored else f"({address})"


def replicated_tables(catalogue: Catalogue) -> tuple[ReplicatedTable, ...]:
    """Published tables that have a table of the same name in the truth."""
    return tuple(
        ReplicatedTable(metadata.tables[published.qualified_name], published)
        for published in catalogue
        if published.qualified_name in metadata.tables
    )
