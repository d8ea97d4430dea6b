"""Files by their identifier, and which of their copies to give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

import sqlalchemy as sa

from schema.files import copy, file
from storage.store import MissingBytesError, Store


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file that the archive holds.

    Attributes
    ----------
    dp_id
        Identifier.
    name
        Name under which it leaves the archive.
    sha256
        Checksum of the bytes.
    size
        Number of bytes.
    content_type
        Media type.
    release_date
        When it becomes public, UTC without zone; None for not decided.
    ingested
        When it was taken in, UTC without zone.
    stores
        Names of the stores that hold a copy.
    """

    dp_id: str
    name: str
    sha256: str
    size: int
    content_type: str
    release_date: datetime | None
    ingested: datetime
    stores: tuple[str, ...]

    def is_public(self, now: datetime) -> bool:
        """Whether anybody may have it at an instant, UTC without zone."""
        return self.release_date is not None and self.release_date <= now


@dataclass(frozen=True, slots=True)
class Replicas:
    """The files of an archive and their copies.

    Attributes
    ----------
    engine
        The truth.
    stores
        By name; in the order in which copies are tried.
    """

    engine: sa.Engine
    stores: Mapping[str, Store]

    def find(self, dp_id: str) -> HeldFile | None:
        """Look a file up by its identifier, with or without ``.fits`` at the end.

        An identifier that itself ends so is found under its whole text first.
        """
        if "\x00" in dp_id:
            return None
        names = [dp_id, dp_id.removesuffix(".fits")]
        statement = (
            sa.select(
                file.c.dp_id,
                file.c.name,
                file.c.sha256,
                file.c.size,
                file.c.content_type,
                file.c.release_date,
                file.c.ingested,
                sa.func.array_remove(sa.func.array_agg(copy.c.store), None).label("stores"),
            )
            .outerjoin(copy, copy.c.file_id == file.c.file_id)
            .where(file.c.dp_id.in_(names))
            .group_by(file.c.file_id)
            .order_by(sa.func.length(file.c.dp_id).desc())
            .limit(1)
        )
        with self.engine.connect() as connection:
            row = connection.execute(statement).one_or_none()
        if row is None:
            return None
        return HeldFile(
            row.dp_id,
            row.name,
            row.sha256,
            row.size,
            row.content_type,
            row.release_date,
            row.ingested,
            tuple(row.stores),
        )

    def open(self, held: HeldFile) -> BinaryIO:
        """Open the first copy that can be opened and has the right size.

        Raises
        ------
        MissingBytesError
            Raised if no store can give the bytes.
        """
        for name, store in self.stores.items():
            if name in held.stores:
                try:
                    if store.size(held.sha256) == held.size:
                        return store.open(held.sha256)
                except MissingBytesError:
                    continue
        raise MissingBytesError(f"No copy of {held.dp_id} can be read at the moment.")
