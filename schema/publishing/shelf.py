"""What the truth knows of loaded tables: read, published, withdrawn, each in one transaction."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from schema.publications import leftover, publication
from schema.publishing.publication import Publication, publication_of


class PublishingError(ValueError):
    """A table that cannot be published, changed or withdrawn; the text is for people."""


def read_publications(connection: sa.Connection) -> tuple[Publication, ...]:
    """All loaded tables, by schema and name."""
    rows = connection.execute(
        sa.select(publication).order_by(publication.c.schema_name, publication.c.table_name)
    ).mappings()
    return tuple(publication_of(dict(row)) for row in rows)


def find_publication(connection: sa.Connection, schema: str, name: str) -> Publication | None:
    """The loaded table of a name, without regard to case; None without one."""
    row = connection.execute(sa.select(publication).where(_named(schema, name))).mappings().one_or_none()
    return None if row is None else publication_of(dict(row))


def announce(connection: sa.Connection, generation: str) -> None:
    """Say that a generation is being written: unless it is published it is left over."""
    connection.execute(sa.insert(leftover).values(generation=generation))


def publish(connection: sa.Connection, new: Publication, old: Publication | None) -> None:
    """Publish a generation in the place of the one that was there when the load began.

    Raises
    ------
    PublishingError
        Raised, and nothing must be committed then, if another load or drop was quicker.
    """
    values: dict[str, Any] = {
        "schema_name": new.schema,
        "table_name": new.name,
        "generation": new.generation,
        "document": new.document(),
        "rows": new.rows,
        "bytes": new.bytes,
        "published": sa.text("timezone('UTC', now())"),
    }
    if old is None:
        statement: Any = postgresql.insert(publication).values(values).on_conflict_do_nothing()
    else:
        unchanged = sa.and_(_named(old.schema, old.name), publication.c.generation == old.generation)
        statement = sa.update(publication).values(values).where(unchanged)
    if connection.execute(statement).rowcount != 1:
        raise PublishingError(f"Another command changed {new.qualified_name} meanwhile; nothing was published.")
    connection.execute(sa.delete(leftover).where(leftover.c.generation == new.generation))
    if old is not None:
        announce(connection, old.generation)


def withdraw(connection: sa.Connection, schema: str, name: str) -> Publication | None:
    """Withdraw a loaded table; None if there is none of this name."""
    found = find_publication(connection, schema, name)
    if found is None:
        return None
    connection.execute(sa.delete(publication).where(_named(schema, name)))
    connection.execute(postgresql.insert(leftover).values(generation=found.generation).on_conflict_do_nothing())
    return found


def _named(schema: str, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        sa.func.lower(publication.c.schema_name) == schema.lower(),
        sa.func.lower(publication.c.table_name) == name.lower(),
    )
