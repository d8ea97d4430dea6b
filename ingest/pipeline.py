"""Files into the archive: wholly or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from ingest import records
from ingest.examine import Examination, Examined, printable
from ingest.release import ReleaseRule
from ingest.walk import Unreadable
from ingest.workers import Task, examine_all
from storage.store import NoSpaceError, StorageError, Store

State = Literal["taken", "held", "refused"]

_RETRIED = ("40P01", "40001")
_TRIES = 5
_DISK_FULL = "53100"


class IngestStoppedError(Exception):
    """The archive cannot take more; what was taken is whole, and the same command goes on later. One sentence."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file.

    Attributes
    ----------
    path
        Where it was found.
    state
        Taken now; held before, under this or another name; or refused.
    dp_id
        Identifier; None for refused files.
    reason
        Why it was refused; None otherwise.
    warnings
        What is odd about a file that was taken, in sentences.
    """

    path: Path
    state: State
    dp_id: str | None = None
    reason: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Takes files in.

    The bytes of a file are in the store before its rows are committed, and its rows are committed together: when the
    machine stops in between, bytes without a row are left, which the next run with the same file uses. Source files are
    only read.

    Attributes
    ----------
    engine
        The truth.
    store
        Where bytes go.
    quarantine
        Where the bytes of refused files go.
    authority
        IVOA authority of the archive.
    rule
        When files become public.
    workers
        Threads that read files.
    batch
        Files of one transaction.
    """

    engine: sa.Engine
    store: Store
    quarantine: Store
    authority: str
    rule: ReleaseRule = field(default_factory=ReleaseRule)
    workers: int = 2
    batch: int = 50

    def run(self, paths: Iterable[Path | Unreadable]) -> Iterator[Outcome]:
        """Take files in, in order.

        Parameters
        ----------
        paths
            Files, and paths that could not be read.

        Yields
        ------
        Outcome
            As soon as the transaction of a file is committed.

        Raises
        ------
        IngestStoppedError
            Raised if store or database are full or out of reach.
        """
        try:
            with self.store.staging() as folder:
                examine = Examination(folder, self.authority, self.rule)
                yield from self._run(iter(paths), examine)
        except NoSpaceError as error:
            raise IngestStoppedError(f"{error} Make room and run the same command again.") from error
        except StorageError as error:
            raise IngestStoppedError(f"{error}") from error
        except DBAPIError as error:
            raise IngestStoppedError(_sentence(error)) from error

    def _run(self, paths: Iterator[Path | Unreadable], examine: Examination) -> Iterator[Outcome]:
        batch: list[Examined] = []
        try:
            for examined in examine_all(self._tasks(paths, batch), examine, self.workers):
                batch.append(examined)
                if len(batch) >= self.batch:
                    yield from self._take(batch)
                    batch.clear()
        except StorageError:
            yield from self._take(batch)
            raise
        yield from self._take(batch)

    def _tasks(self, paths: Iterator[Path | Unreadable], batch: list[Examined]) -> Iterator[Task]:
        """Paths with the checksums of held files of the same name and size; others go to the batch as refused."""
        while chunk := list(islice(paths, self.batch)):
            files = [path for path in chunk if isinstance(path, Path)]
            batch.extend(
                Examined(path.path, printable(path.path.name), reason=path.reason)
                for path in chunk
                if isinstance(path, Unreadable)
            )
            known = records.look_alikes(self.engine, files)
            yield from ((path, known.get(path, frozenset())) for path in files)

    def _take(self, batch: Sequence[Examined]) -> list[Outcome]:
        """Commit a batch; where a row is refused by the database, file by file."""
        if not batch:
            return []
        try:
            return self._commit(batch)
        except DBAPIError as error:
            if not _is_about_a_row(error):
                raise
        return [outcome for examined in batch for outcome in self._take_one(examined)]

    def _take_one(self, examined: Examined) -> list[Outcome]:
        try:
            return self._commit([examined])
        except DBAPIError as error:
            if not _is_about_a_row(error):
                raise
            first = f"{error.orig}".strip().splitlines()[0]
        return self._commit([replace(examined, description=None, reason=f"The database refuses its row: {first}.")])

    def _commit(self, batch: Sequence[Examined]) -> list[Outcome]:
        for attempt in range(_TRIES):
            try:
                with self.engine.begin() as connection:
                    outcomes = self._write(connection, batch)
                break
            except DBAPIError as error:
                if getattr(error.orig, "pgcode", None) not in _RETRIED or attempt == _TRIES - 1:
                    raise
        for examined, outcome in zip(batch, outcomes, strict=True):
            if examined.staged is not None:
                examined.staged.path.unlink(missing_ok=True)
                if outcome.state == "taken" and self.quarantine.exists(examined.staged.sha256):
                    self.quarantine.delete(examined.staged.sha256)
        return outcomes

    def _write(self, connection: sa.Connection, batch: Sequence[Examined]) -> list[Outcome]:
        """Decide what becomes of each file, bring its bytes to their place and insert the rows."""
        records.lock(connection)
        holdings = records.holdings(connection, batch)
        outcomes: list[Outcome] = []
        taken: list[Examined] = []
        for examined in batch:
            outcome = _decide(examined, holdings)
            outcomes.append(outcome)
            if outcome.state == "taken" and examined.staged is not None and examined.description is not None:
                holdings.add(examined.staged.sha256, examined.description.dp_id, examined.name)
                taken.append(examined)
            elif outcome.state == "refused":
                records.insert_refused(connection, examined, outcome.reason or "", self._keep(examined))
        for examined in taken:
            if examined.staged is not None:
                self.store.adopt(examined.staged)
        records.insert_taken(connection, taken, self.store)
        return outcomes

    def _keep(self, examined: Examined) -> str | None:
        """Keep the bytes of a refused file; those that the store took before the database refused their row move."""
        if examined.staged is None:
            return None
        sha256 = examined.staged.sha256
        adopted = not examined.staged.path.exists()
        if not self.quarantine.exists(sha256):
            with self.store.open(sha256) if adopted else examined.staged.path.open("rb") as source:
                self.quarantine.put(source)
        if adopted:
            self.store.delete(sha256)
        return self.quarantine.locate(sha256)


def _is_about_a_row(error: DBAPIError) -> bool:
    """Whether the database refuses what a row says, not to work at all."""
    return isinstance(error, (DataError, IntegrityError)) and not error.connection_invalidated


def _sentence(error: DBAPIError) -> str:
    if getattr(error.orig, "pgcode", None) == _DISK_FULL:
        return "The disk of the database is full. Make room and run the same command again."
    first = (f"{error.orig}".strip().splitlines() or ["no reason given"])[0]
    return f"The database gives up: {first.rstrip('.')}. Run the same command again when it is back."


def _decide(examined: Examined, holdings: records.Holdings) -> Outcome:
    if examined.held is not None:
        return Outcome(examined.path, "held", holdings.dp_id_of(examined.held))
    if examined.staged is not None and (dp_id := holdings.dp_id_of(examined.staged.sha256)) is not None:
        return Outcome(examined.path, "held", dp_id)
    if examined.description is None or examined.staged is None:
        return Outcome(examined.path, "refused", reason=examined.reason or "It could not be read.")
    other = holdings.holder_of(examined.description.dp_id)
    if other is not None:
        return Outcome(
            examined.path,
            "refused",
            reason=(
                f"{examined.description.dp_id} is held already with other bytes: {other.name}, sha256 {other.sha256}."
            ),
        )
    return Outcome(examined.path, "taken", examined.description.dp_id, warnings=examined.description.warnings)
