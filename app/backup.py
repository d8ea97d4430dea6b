"""Back up and restore a whole archive: the truth, the settings and the bytes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from app.archive import Archive, ArchiveError, may_become_archive
from app.config import FILE_NAME
from schema.backup import restore_backup, write_backup
from schema.files import copy, file
from schema.publishing.publication import rows_file
from schema.publishing.shelf import read_publications
from storage.local import LocalStore

TRUTH = "truth.dump"
FILES = "store"
CATALOGUES = "catalogues"

Progress = Callable[[int, int], None]
"""Told how many files of how many are copied."""


def back_up(archive: Archive, out: Path, progress: Progress, *, with_files: bool = True) -> int:
    """Write what cannot be made again into a new directory; the archive may be in use.

    The dump comes first: files never change once they are in, so every file that it names can be copied after it.

    Returns
    -------
    copied
        Number of files.

    Raises
    ------
    ArchiveError
        Raised if the directory exists and is not empty, cannot be written, or bytes are missing.
    """
    with _sentences(out):
        if out.exists() and any(out.iterdir()):
            raise ArchiveError(f"{out} is not empty; name a new directory for the backup.")
        out.mkdir(parents=True, exist_ok=True)
        with archive.open_truth() as truth:
            write_backup(truth, out / TRUTH)
            checksums = _checksums(truth.engine, archive.store.name) if with_files else []
            _copy_catalogues(truth.engine, archive.catalogues, out / CATALOGUES)
        shutil.copy2(archive.directory / FILE_NAME, out / FILE_NAME)
        return _copy(archive.store, LocalStore(out / FILES), checksums, progress)


def restore(archive: Archive, source: Path, progress: Progress) -> int:
    """Make a new archive of a backup.

    Returns
    -------
    copied
        Number of files.

    Raises
    ------
    ArchiveError
        Raised if the archive's directory holds something already, or the source is no backup.
    """
    if not (source / TRUTH).is_file():
        raise ArchiveError(f"{source} is no backup: it holds no {TRUTH}.")
    if not may_become_archive(archive.directory):
        raise ArchiveError(f"{archive.directory} is not empty; restore into a new directory.")
    with _sentences(archive.directory):
        archive.directory.mkdir(parents=True, exist_ok=True)
        copied = _copy(LocalStore(source / FILES), archive.store, list(LocalStore(source / FILES)), progress)
        if (source / CATALOGUES).is_dir():
            shutil.copytree(source / CATALOGUES, archive.catalogues)
        with archive.open_truth() as truth:
            restore_backup(truth, source / TRUTH)
        shutil.copy2(source / FILE_NAME, archive.directory / FILE_NAME)
    return copied


def _copy_catalogues(engine: sa.Engine, source: Path, target: Path) -> None:
    """Copy the rows of loaded tables; they never change, but may be replaced."""
    with engine.connect() as connection:
        publications = read_publications(connection)
    for each in publications:
        rows = rows_file(source, each.generation)
        (target / each.generation).mkdir(parents=True)
        try:
            shutil.copy2(rows, rows_file(target, each.generation))
        except FileNotFoundError:
            raise ArchiveError(f"{each.qualified_name} was changed meanwhile; make the backup again.") from None


def _checksums(engine: sa.Engine, store: str) -> list[str]:
    with engine.connect() as connection:
        rows = connection.scalars(
            sa.select(file.c.sha256).join(copy, copy.c.file_id == file.c.file_id).where(copy.c.store == store)
        )
        return list(rows)


def _copy(source: LocalStore, target: LocalStore, checksums: list[str], progress: Progress) -> int:
    for number, sha256 in enumerate(checksums, start=1):
        with source.open(sha256) as stream:
            staged = target.put(stream)
        if staged.sha256 != sha256:
            target.delete(staged.sha256)
            raise ArchiveError(f"The bytes of {sha256} are damaged: their checksum is {staged.sha256}.")
        progress(number, len(checksums))
    return len(checksums)


@contextmanager
def _sentences(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArchiveError(f"{error.filename or place} cannot be used: {error.strerror}.") from error
