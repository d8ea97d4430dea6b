"""The thread that keeps the replica with the truth."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg2
import sqlalchemy as sa
import structlog

from schema.change_log import CHANNEL
from schema.changes import Changes, prune_changes, read_changes, write_progress
from schema.engines.replica import Replica, ReplicaState, TableUpdate
from schema.replication.source import Snapshot, joined, open_snapshot
from schema.replication.tables import ReplicatedTable

_POLL_SECONDS = 1.0
_FEW_ROWS = 100_000
_HEARTBEAT_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 30.0
_PRUNE_SECONDS = 3600.0
_STOP_SECONDS = 20.0
NAME = "duckdb"
"""Name under which the replica of the server reports to ``archive.follower``."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FollowerStatus:
    """How the replica stands.

    Attributes
    ----------
    revision
        Last revision that queries see; None before the first copy is complete.
    agreed_seconds
        Seconds since the replica was last known to show all that the truth had committed; None if never.
    error
        What went wrong at the last try; None if nothing did.
    copying
        True while a full copy is being made.
    """

    revision: int | None
    agreed_seconds: float | None
    error: str | None
    copying: bool


class Follower:
    """Reads what the truth has committed and brings the replica there.

    Parameters
    ----------
    replica
        Changed by this follower alone.
    engine
        Connections to the truth.
    url
        Address of the same database as libpq reads it.
    poll_seconds
        Longest time between two looks.
    notice
        Called with a connection inside the snapshot before the replica changes to it.
    """

    def __init__(
        self,
        replica: Replica,
        engine: sa.Engine,
        url: str,
        poll_seconds: float = _POLL_SECONDS,
        notice: Callable[[sa.Connection], None] | None = None,
    ) -> None:
        self._replica = replica
        self._engine = engine
        self._url = url
        self._poll_seconds = poll_seconds
        self._notice = notice
        self._changed = threading.Condition()
        self._agreed: float | None = None
        self._error: str | None = None
        self._copying = False
        self._pruned: float | None = None
        self._reported: tuple[int, float] | None = None
        self._hints = _Hints(url)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to follow in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="replica follower", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a copy under way is given up, and nothing of it is seen. Stopping twice does nothing."""
        self._stopping.set()
        self._hints.wake()
        if self._thread is not None:
            # A database that does not answer must not keep the server from ending.
            self._thread.join(_STOP_SECONDS)
            self._thread = None
        self._hints.close()

    def status(self) -> FollowerStatus:
        """Say how the replica stands."""
        state = self._replica.state
        with self._changed:
            return FollowerStatus(
                None if state is None else state.revision,
                None if self._agreed is None else time.monotonic() - self._agreed,
                self._error,
                self._copying,
            )

    def wait_for(self, revision: int, seconds: float) -> bool:
        """Wait until queries see a revision; False if they do not within so many seconds."""

        def reached() -> bool:
            state = self._replica.state
            return state is not None and state.revision >= revision

        with self._changed:
            return self._changed.wait_for(reached, seconds)

    def follow(self) -> None:
        """Look once and bring the replica to what the truth has committed now.

        Raises
        ------
        Exception
            Raised when the truth cannot be read or the replica not be written; the replica is as it was.
        """
        self._replica.check()
        with open_snapshot(self._engine, self._url, self._replica.tables) as snapshot:
            before = self._replica.state
            began = time.monotonic()
            known = (None, None) if before is None else (before.revision, before.token)
            changes = read_changes(snapshot.connection, *known)
            state = ReplicaState(str(changes.truth), changes.revision, str(changes.token), changes.fingerprint)
            if self._notice is not None and (state != before or self._agreed is None):
                self._notice(snapshot.connection)
            if state != before:
                updates = list(self._updates(snapshot, before, changes))
                self._set_copying(any(update.ranges is None for update in updates))
                self._replica.apply(state, updates)
        with self._changed:
            self._agreed, self._copying = began, False
            self._changed.notify_all()
        self._report(state)
        if state != before:
            self._replica.sort()

    def _updates(self, snapshot: Snapshot, before: ReplicaState | None, changes: Changes) -> Iterator[TableUpdate]:
        if before is None or not _continues(before, changes):
            log.info("full copy of the truth", revision=changes.revision)
            for table in self._replica.tables:
                yield TableUpdate(table, None, self._rows(snapshot, table, None))
            return
        for table in self._replica.tables:
            ranges = joined(changes.ranges.get(table.name, ()))
            touched = sum(hi - lo + 1 for lo, hi in ranges)
            # Where half of the rows would be replaced, a new copy is quicker, and sorted.
            if table.name in changes.whole or touched > max(_FEW_ROWS, self._replica.rows(table) // 2):
                yield TableUpdate(table, None, self._rows(snapshot, table, None))
            elif ranges:
                yield TableUpdate(table, ranges, self._rows(snapshot, table, ranges))

    def _rows(
        self, snapshot: Snapshot, table: ReplicatedTable, ranges: tuple[tuple[int, int], ...] | None
    ) -> Callable[[], contextlib.AbstractContextManager[Any]]:
        return partial(snapshot.rows, table, ranges, stop=self._stopping)

    def _set_copying(self, copying: bool) -> None:
        with self._changed:
            self._copying = copying

    def _report(self, state: ReplicaState) -> None:
        """Say in the truth how far the replica is, when that is news and every few seconds."""
        now = time.monotonic()
        if self._reported is not None:
            revision, when = self._reported
            if revision == state.revision and now - when < _HEARTBEAT_SECONDS:
                return
        with self._engine.begin() as connection:
            write_progress(connection, NAME, state.revision)
        self._reported = (state.revision, now)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                self.follow()
                self._prune()
                failures = 0
                with self._changed:
                    self._error = None
            except Exception as error:
                if self._stopping.is_set():
                    break
                failures += 1
                self._fail(error, failures)
                self._stopping.wait(min(2.0 ** min(failures - 1, 10) * self._poll_seconds, _LONGEST_PAUSE_SECONDS))
                continue
            self._hints.wait(self._poll_seconds)

    def _prune(self) -> None:
        """Let the truth forget, now and then, what no replica reads any longer."""
        now = time.monotonic()
        if self._pruned is None or now - self._pruned > _PRUNE_SECONDS:
            with self._engine.begin() as connection:
                prune_changes(connection)
            self._pruned = now

    def _fail(self, error: Exception, failures: int) -> None:
        sentence = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
        if failures == 1:
            log.warning("replica does not follow", error=sentence)
        with self._changed:
            self._error = sentence
            self._copying = False


def _continues(before: ReplicaState, changes: Changes) -> bool:
    """Whether the changes lead on from what the replica shows."""
    return changes.known and before.truth == str(changes.truth) and before.fingerprint == changes.fingerprint


class _Hints:
    """Notices of the truth that there is something new; nothing depends on their coming."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Any = None
        self._wakened, self._waker = os.pipe()
        self._try_again = 0.0

    def wait(self, seconds: float) -> None:
        """Wait for a notice or a call of `wake`, but not longer than so many seconds."""
        self._listen()
        sources = [self._wakened] if self._connection is None else [self._wakened, self._connection]
        ready, _, _ = select.select(sources, [], [], seconds)
        if self._connection in ready:
            try:
                self._connection.poll()
                self._connection.notifies.clear()
            except psycopg2.Error:
                self._drop()

    def wake(self) -> None:
        """End a wait that is under way and all that follow."""
        with contextlib.suppress(OSError):
            os.write(self._waker, b".")

    def close(self) -> None:
        """Give back the connection and the pipe."""
        self._drop()
        for end in (self._wakened, self._waker):
            with contextlib.suppress(OSError):
                os.close(end)

    def _listen(self) -> None:
        if self._connection is not None or time.monotonic() < self._try_again:
            return
        try:
            self._connection = psycopg2.connect(self._url, application_name="quipu follower")
            self._connection.autocommit = True
            with self._connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
        except psycopg2.Error:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg2.Error):
                self._connection.close()
            self._connection = None
        self._try_again = time.monotonic() + _POLL_SECONDS
