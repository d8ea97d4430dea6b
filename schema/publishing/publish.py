"""Tables from files to queries, wholly or not at all, and away again."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

from schema.catalogue import Catalogue, PublishedSchema
from schema.publications import leftover
from schema.published import published
from schema.publishing.description import Description
from schema.publishing.plan import Plan, plan_more_rows, plan_table
from schema.publishing.publication import Publication, rows_file
from schema.publishing.rows import write_rows
from schema.publishing.shape import Progress, Shaper
from schema.publishing.shelf import PublishingError, announce, find_publication, publish, read_publications
from schema.publishing.sources import Source, open_source


class Mode(Enum):
    """What becomes of a table that is there already."""

    NEW = "new"
    APPEND = "append"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where loaded tables are kept.

    Attributes
    ----------
    engine
        Connections to the truth, which has their descriptions.
    folder
        Holds a folder for each generation of rows.
    memory
        Most memory for sorting, as DuckDB writes it.
    """

    engine: sa.Engine
    folder: Path
    memory: str = "2GB"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did.

    Attributes
    ----------
    publication
        The table as it is published now.
    added
        Rows that came in.
    notes
        What could be better, one sentence each.
    """

    publication: Publication
    added: int
    notes: tuple[str, ...]


def load_table(
    shelf: Shelf,
    schema: str,
    name: str,
    paths: list[Path],
    description: Description,
    progress: Progress,
    *,
    mode: Mode = Mode.NEW,
    lax: bool = False,
) -> Loaded:
    """Publish the rows of files as a table.

    Nothing is seen of it before all is on the disk; then queries see all at once. A load that is killed leaves a
    folder that the next one removes.

    Raises
    ------
    PublishingError
        Raised with all that is wrong, one sentence a line; nothing has changed then.
    """
    with shelf.engine.connect() as connection:
        old = find_publication(connection, schema, name)
        known = _known(read_publications(connection))
    _check_mode(old, mode, f"{schema}.{name}")
    texts = frozenset(
        column for column, words in description.columns.items() if words.get("datatype") in ("char", "unicodeChar")
    )
    sources = [open_source(path, texts) for path in paths]
    generation = uuid4().hex
    if old is not None and mode is Mode.APPEND:
        plan = plan_more_rows(old, generation, sources, description)
    else:
        plan = plan_table(schema, name, generation, sources, description, known, lax=lax)
    with _generation(shelf, generation) as folder:
        new = _write(shelf, folder, plan, sources, progress, old if mode is Mode.APPEND else None)
        with shelf.engine.begin() as connection:
            publish(connection, new, old)
    before = old.rows if old is not None and mode is Mode.APPEND else 0
    return Loaded(new, new.rows - before, plan.notes)


def sweep(shelf: Shelf) -> int:
    """Remove the folders of rows that no table has any longer, or that a killed load left.

    Queries that still read such rows have their files open and are not disturbed.

    Returns
    -------
    removed
        Number of folders.
    """
    with shelf.engine.connect() as connection:
        generations = list(connection.scalars(sa.select(leftover.c.generation)))
    removed = 0
    for generation in generations:
        folder = shelf.folder / generation
        with _locked(folder) as is_mine:
            if is_mine:
                with shelf.engine.begin() as connection:
                    # Published between the look and the lock: no longer left over.
                    if connection.execute(sa.delete(leftover).where(leftover.c.generation == generation)).rowcount:
                        shutil.rmtree(folder, ignore_errors=True)
                        removed += 1
    return removed


def _write(
    shelf: Shelf, folder: Path, plan: Plan, sources: list[Source], progress: Progress, kept: Publication | None
) -> Publication:
    shaper = Shaper(plan.publication.fields, plan.names)
    written = write_rows(
        folder,
        plan.publication.table(sa.MetaData()).table,
        shaper.rows(sources, progress),
        previous=None if kept is None else rows_file(shelf.folder, kept.generation),
        unique=plan.identifier,
        memory=shelf.memory,
    )
    return replace(plan.publication, fields=shaper.fields, rows=written.rows, bytes=written.bytes)


def _check_mode(old: Publication | None, mode: Mode, name: str) -> None:
    if old is not None and mode is Mode.NEW:
        raise PublishingError(
            f"There is a table {old.qualified_name} already: add rows to it with --append, or put another in its place "
            "with --replace."
        )
    if old is None and mode is Mode.APPEND:
        raise PublishingError(f"There is no loaded table {name} to append to.")


def _known(publications: tuple[Publication, ...]) -> Catalogue:
    metadata = sa.MetaData()
    own = published("http://localhost").schemas
    return Catalogue((*own, *(PublishedSchema(each.schema, "", (each.table(metadata),)) for each in publications)))


@contextlib.contextmanager
def _generation(shelf: Shelf, generation: str) -> Iterator[Path]:
    """A new folder, held by this process; it goes again if what is done in it fails."""
    folder = shelf.folder / generation
    try:
        folder.mkdir(parents=True)
        # Held before it is announced: nobody may take it for left over.
        with _locked(folder):
            with shelf.engine.begin() as connection:
                announce(connection, generation)
            yield folder
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(sa.exc.SQLAlchemyError), shelf.engine.begin() as connection:
            connection.execute(sa.delete(leftover).where(leftover.c.generation == generation))
        if isinstance(error, OSError):
            raise PublishingError(f"{error.filename or shelf.folder} cannot be written: {error.strerror}.") from error
        raise


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Hold a folder; False if another process does. One that does not exist is nobody's."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        yield True
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(handle)
