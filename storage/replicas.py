"""Files by their identifier, and which of their copies to give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import BinaryIO

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

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
        names = (dp_id, dp_id.removesuffix(".fits"))
        found = self.find_all(names)
        return next((found[name] for name in names if name in found), None)

    def find_all(self, dp_ids: Iterable[str]) -> dict[str, HeldFile]:
        """Look files up by their identifiers, as they stand; those that are not held are left out."""
        names = [dp_id for dp_id in dp_ids if "\x00" not in dp_id]
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
            .where(file.c.dp_id == sa.any_(sa.literal(names, postgresql.ARRAY(sa.Text))))
            .group_by(file.c.file_id)
        )
        with self.engine.connect() as connection:
            rows = connection.execute(statement).all()
        return {row.dp_id: HeldFile(*row[:-1], tuple(row.stores)) for row in rows}

    def open(self, held: HeldFile) -> BinaryIO:
        """Open the first copy that can be opened and has the right size.

        Raises
        ------
        MissingBytesError
            Raised if no store can give the bytes.
        """
        return self.opener(held)()

    def opener(self, held: HeldFile) -> Callable[[], BinaryIO]:
        """Function that opens the copy which `open` would; it may be sent to another process.

        Raises
        ------
        MissingBytesError
            Raised if no store can give the bytes; by the function, too.
        """
        for name, store in self.stores.items():
            if name in held.stores:
                try:
                    if store.size(held.sha256) == held.size:
                        return partial(store.open, held.sha256)
                except MissingBytesError:
                    continue
        raise MissingBytesError(f"No copy of {held.dp_id} can be read at the moment.")
