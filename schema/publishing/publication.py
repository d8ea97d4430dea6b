"""A published table that was loaded from files: its description and the document in which the truth keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from schema.catalogue import Key, PublishedTable
from schema.columns import column
from schema.published import published_table
from vo.tables.field import Field

ROWS_FILE = "rows.duckdb"
"""Name of the file of a generation, a database with the one table `ROWS_TABLE`."""

ROWS_TABLE = "published"


@dataclass(frozen=True, slots=True)
class Publication:
    """A table that was loaded from files, whole with its descriptions.

    Attributes
    ----------
    schema, name
        As queries write them.
    generation
        Folder of the rows; each load makes a new one.
    fields
        Columns, in order.
    description, utype
        Of the table.
    case_insensitive
        Columns whose text compares without regard to case.
    position
        Columns of the main position (ICRS, degrees), None without one.
    keys
        Columns on which it may be joined with other tables.
    title, version, rel_descr_url
        What a list of catalogues shows: name and number of a release of data, and the address of its description.
    schema_description
        Of its schema, for the first table there.
    rows, bytes
        Numbers of rows, and of bytes on disk.
    catalogue_id
        Number of the table, the same through all its loads; None before the first.
    """

    schema: str
    name: str
    generation: str
    fields: tuple[Field, ...]
    description: str
    utype: str | None = None
    case_insensitive: frozenset[str] = frozenset()
    position: tuple[str, str] | None = None
    keys: tuple[Key, ...] = ()
    title: str | None = None
    version: int | None = None
    rel_descr_url: str | None = None
    schema_description: str | None = None
    rows: int = 0
    bytes: int = 0
    catalogue_id: int | None = None

    @property
    def qualified_name(self) -> str:
        """Name with its schema, as people write it."""
        return f"{self.schema}.{self.name}"

    def document(self) -> dict[str, Any]:
        """What the truth keeps as one document; `publication_of` reads it."""
        return {
            "description": self.description,
            "utype": self.utype,
            "position": self.position and list(self.position),
            "title": self.title,
            "version": self.version,
            "rel_descr_url": self.rel_descr_url,
            "schema_description": self.schema_description,
            "columns": [
                {name: value for name, value in asdict(field).items() if value not in (None, False)}
                | ({"case_insensitive": True} if field.name in self.case_insensitive else {})
                for field in self.fields
            ],
            "keys": [asdict(key) for key in self.keys],
        }

    def table(self, metadata: sa.MetaData) -> PublishedTable:
        """The table as queries see it."""
        columns = [
            column(field, case_insensitive=field.name in self.case_insensitive and field.is_text)
            for field in self.fields
        ]
        table = published_table(
            metadata,
            self.schema,
            self.name,
            columns,
            description=self.description,
            position=self.position,
            store=(database_of(self.generation), "main", ROWS_TABLE),
        )
        return PublishedTable(self.schema, self.name, table, self.description, self.utype, self.keys)


def publication_of(row: Mapping[str, Any]) -> Publication:
    """Read a row of ``archive.publication``."""
    document = row["document"]
    columns = document["columns"]
    return Publication(
        schema=row["schema_name"],
        name=row["table_name"],
        generation=row["generation"],
        fields=tuple(
            Field(**{name: value for name, value in each.items() if name != "case_insensitive"}) for each in columns
        ),
        description=document["description"],
        utype=document["utype"],
        case_insensitive=frozenset(each["name"] for each in columns if each.get("case_insensitive")),
        position=tuple(document["position"]) if document["position"] else None,
        keys=tuple(Key(**key) for key in document["keys"]),
        title=document["title"],
        version=document["version"],
        rel_descr_url=document["rel_descr_url"],
        schema_description=document["schema_description"],
        rows=row["rows"],
        bytes=row["bytes"],
        catalogue_id=row["row_id"],
    )


def database_of(generation: str) -> str:
    """Name under which an engine attaches the rows of a generation."""
    return f"generation_{generation}"


def rows_file(folder: Path, generation: str) -> Path:
    """Where the rows of a generation lie."""
    return folder / generation / ROWS_FILE
