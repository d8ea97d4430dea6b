"""What runs jobs: a few workers that take them from the queue in turn."""

from __future__ import annotations

import errno
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any, Literal

import structlog

from uws.bulletin import Bulletin
from uws.directory import JobDirectories, JobDirectory, NoRoomFault
from uws.job import ErrorSummary, Job, Result
from uws.phases import Phase
from uws.store import JobError, JobNotFoundError, JobStore, PhaseConflictError, StoreUnavailableError
from vo.dali.errors import DaliError, TransientFault

_LOOK_SECONDS = 1.0
_STOP_SECONDS = 20.0
_MOST_ATTEMPTS = 2
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

log = structlog.get_logger(__name__)


class StopReason(Enum):
    """Why a running job has to end."""

    GONE = auto()
    """Somebody aborted or deleted it; its record says so already."""
    OVER_TIME = auto()
    """It has run for its execution duration."""
    SHUTDOWN = auto()
    """The server stops; the job goes back into the queue."""


class Stop:
    """The wish that a running job end, given to the function that runs it.

    Attributes
    ----------
    reason
        None as long as nobody wishes it.
    """

    def __init__(self) -> None:
        self.reason: StopReason | None = None
        self._lock = threading.Lock()
        self._acts: list[Callable[[], None]] = []

    def request(self, reason: StopReason) -> None:
        """Make the job end soon; the first reason counts."""
        with self._lock:
            if self.reason is not None:
                return
            self.reason = reason
            acts = tuple(self._acts)
        for act in acts:
            act()

    def then(self, act: Callable[[], None]) -> None:
        """Have something done, by another thread, when the job has to end; at once if it has to already."""
        with self._lock:
            if self.reason is None:
                self._acts.append(act)
                return
        act()


Task = Callable[[Job, JobDirectory, Stop], tuple[Result, ...]]
"""Runs a job to its end and gives its results, which lie in its directory.

It raises `DaliError` with a sentence for users; anything else is a failure of the service. When it is told to stop it
ends soon, in whichever way. It may do its work in this thread or wait for a process that does.
"""


@dataclass(frozen=True, slots=True)
class _Running:
    job: Job
    stop: Stop = field(default_factory=Stop)
    begun: float = field(default_factory=time.monotonic)

    @property
    def is_over_time(self) -> bool:
        limit = self.job.execution_duration
        return limit > 0 and time.monotonic() - self.begun > limit


class Runner:
    """Runs the jobs of one service in threads of this process.

    Parameters
    ----------
    store
        The jobs.
    directories
        Their files.
    task
        Runs one.
    workers
        How many run at the same time.
    ready
        Tells whether jobs can be run now; as long as not, they wait.
    look_seconds
        Longest time until a change made by another process is seen.
    """

    def __init__(
        self,
        store: JobStore,
        directories: JobDirectories,
        task: Task,
        *,
        workers: int = 2,
        ready: Callable[[], bool] = lambda: True,
        look_seconds: float = _LOOK_SECONDS,
    ) -> None:
        self.store = store
        self.directories = directories
        self.bulletin = Bulletin()
        self._task = task
        self._workers = workers
        self._ready = ready
        self._look_seconds = look_seconds
        self._name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._running: dict[str, _Running] = {}
        self._changed = threading.Condition()
        self._hints = 0
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Take up what an earlier process left, and begin to work. No other process runs jobs of the service."""
        for job in self.store.recover(most_attempts=_MOST_ATTEMPTS):
            log.warning("job was interrupted", job_id=job.job_id, phase=job.phase.value, attempts=job.attempts)
            self.directories.of(job.job_id).remove_results()
        self.directories.remove_orphans([job.job_id for job in self.store.list_jobs(None, phases=tuple(Phase))])
        names = [(self._work, f"job worker {number}") for number in range(1, self._workers + 1)]
        for target, name in (*names, (self._keep, "job keeper")):
            thread = threading.Thread(target=target, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Interrupt what runs and hand it back to the queue. Stopping twice does nothing."""
        self._stopping.set()
        self.bulletin.close()
        self.wake()
        for running in self._snapshot():
            running.stop.request(StopReason.SHUTDOWN)
        threads, self._threads = self._threads, []
        # What does not end must not keep the server from ending.
        deadline = time.monotonic() + _STOP_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if threads:
            try:
                self.store.hand_back(self._name)
            except StoreUnavailableError:
                log.warning("running jobs could not be handed back; the next start takes them up")

    def wake(self) -> None:
        """Say that a job waits in the queue."""
        with self._changed:
            self._hints += 1
            self._changed.notify_all()

    def interrupt(self, job_id: str) -> None:
        """Stop a job that was aborted or deleted, if it runs here."""
        with self._changed:
            running = self._running.get(job_id)
        if running is not None:
            running.stop.request(StopReason.GONE)

    def _snapshot(self) -> list[_Running]:
        with self._changed:
            return list(self._running.values())

    def _work(self) -> None:
        while not self._stopping.is_set():
            hints = self._hints
            job = self._quietly("claim", self._claim)
            if job is not None:
                self._execute(job)
            else:
                self._rest(hints)

    def _rest(self, hints: int) -> None:
        """Wait for a hint that was not there before the queue was looked at, but not for too long."""
        with self._changed:
            self._changed.wait_for(lambda: self._hints != hints or self._stopping.is_set(), self._look_seconds)

    def _claim(self) -> Job | None:
        return self.store.claim(self._name) if self._ready() else None

    def _execute(self, job: Job) -> None:
        running = _Running(job)
        with self._changed:
            self._running[job.job_id] = running
        if self._stopping.is_set():
            running.stop.request(StopReason.SHUTDOWN)
        self.bulletin.announce(job.job_id)
        directory = self.directories.of(job.job_id)
        results: tuple[Result, ...] = ()
        summary = None
        try:
            results = self._task(job, directory, running.stop)
        except Exception as error:
            summary = _summary(job, error, running.stop.reason)
        with self._changed:
            del self._running[job.job_id]
        self._end(job, directory, running.stop.reason, results, summary)
        self.bulletin.announce(job.job_id)

    def _end(
        self,
        job: Job,
        directory: JobDirectory,
        reason: StopReason | None,
        results: tuple[Result, ...],
        summary: ErrorSummary | None,
    ) -> None:
        # Rows that stop coming look like the last ones: what was stopped has no results, whatever it says.
        if reason is StopReason.OVER_TIME:
            sentence = f"The job ran over its execution duration of {job.execution_duration} s and was stopped."
            summary = ErrorSummary(sentence, has_detail=True)
        if reason is not None or summary is not None:
            directory.remove_results()
            results = ()
        if reason is StopReason.GONE:
            if self._quietly("look", lambda: self.store.phases_of([job.job_id])) == {}:
                directory.remove()
        elif reason is not StopReason.SHUTDOWN and not self._record(job, results, summary):
            directory.remove_results()

    def _record(self, job: Job, results: tuple[Result, ...], summary: ErrorSummary | None) -> bool:
        """Write down how a job ended, as soon as that is possible; False if it was aborted or deleted before."""
        phase = Phase.COMPLETED if summary is None else Phase.ERROR
        while True:
            try:
                self.store.set_phase(job.job_id, Phase.EXECUTING, phase, results=results, error_summary=summary)
                return True
            except PhaseConflictError:
                return False
            except JobNotFoundError:
                self.directories.of(job.job_id).remove()
                return False
            except StoreUnavailableError:
                # The job stays EXECUTING until then, or until the next start takes it up.
                if self._stopping.wait(self._look_seconds):
                    return True

    def _keep(self) -> None:
        """End what was aborted elsewhere or runs for too long, and destroy what is to be destroyed."""
        while not self._stopping.wait(self._look_seconds):
            self._quietly("keep", self.keep)

    def keep(self) -> None:
        """Look once after running jobs and those whose time of destruction has come."""
        running = self._snapshot()
        phases = self.store.phases_of([run.job.job_id for run in running]) if running else {}
        for run in running:
            if phases.get(run.job.job_id) is not Phase.EXECUTING:
                run.stop.request(StopReason.GONE)
            elif run.is_over_time:
                run.stop.request(StopReason.OVER_TIME)
        for job in self.store.delete_expired(datetime.now(UTC).replace(tzinfo=None)):
            self.forget(job)

    def forget(self, job: Job) -> None:
        """Stop a job that was deleted and delete its files."""
        self.interrupt(job.job_id)
        self.directories.of(job.job_id).remove()
        self.bulletin.announce(job.job_id)

    def _quietly(self, what: str, act: Callable[[], Any]) -> Any:
        """Do something that must not end its thread; None if it fails, after a moment."""
        try:
            return act()
        except Exception as error:
            if not self._stopping.is_set():
                log.warning(f"jobs: {what} failed", error=str(error), exc_info=not isinstance(error, JobError))
            self._stopping.wait(self._look_seconds)
            return None


def _summary(job: Job, error: Exception, reason: StopReason | None) -> ErrorSummary:
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        error = NoRoomFault(error)
    if isinstance(error, DaliError):
        kind: Literal["transient", "fatal"] = "transient" if isinstance(error, TransientFault) else "fatal"
        return ErrorSummary(str(error), kind, has_detail=True)
    if reason is None:
        log.error("job failed", job_id=job.job_id, exc_info=error)
    return ErrorSummary("The service failed on this job; its log says why.", has_detail=True)
