"""What a catalogue tells of its tables in VOSI, in the same words as TAP_SCHEMA."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from schema.catalogue import Catalogue, PublishedTable
from schema.describe import delimited, keys, qualified
from vo.vosi.tables import ForeignKey, SchemaDescription, TableDescription


@lru_cache(maxsize=8)
def describe_tables(catalogue: Catalogue) -> tuple[SchemaDescription, ...]:
    """Describe all published tables; names that need it are in double quotes.

    References
    ----------
    TAP 1.1, "VOSI-tables".
    """
    foreign_keys: dict[str, list[ForeignKey]] = {}
    for key, pair in keys(catalogue):
        foreign_keys.setdefault(key["from_table"], []).append(
            ForeignKey(pair["from_column"], key["target_table"], pair["target_column"], key["description"])
        )
    return tuple(
        SchemaDescription(
            name=delimited(schema.name),
            tables=tuple(_describe(table, foreign_keys.get(qualified(table), [])) for table in schema.tables),
            description=schema.description,
            utype=schema.utype,
        )
        for schema in catalogue.schemas
    )


def _describe(table: PublishedTable, foreign_keys: list[ForeignKey]) -> TableDescription:
    return TableDescription(
        name=qualified(table),
        fields=tuple(replace(field, name=delimited(field.name)) for field in table.fields),
        description=table.description,
        utype=table.utype,
        foreign_keys=tuple(foreign_keys),
    )
