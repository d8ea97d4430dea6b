"""The job list: what clients may do with jobs."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from uws.job import Client, Job, Parameters, Result
from uws.limits import JobLimits
from uws.parameters import JobFilter, NewJob, run_id_of
from uws.phases import ABORTABLE, Phase
from uws.runner import Runner
from uws.store import JobError, PhaseConflictError

_LOOK_SECONDS = 1.0
_RUNNABLE = frozenset({Phase.PENDING, Phase.HELD})
_UNDER_WAY = frozenset({Phase.QUEUED, Phase.EXECUTING, Phase.SUSPENDED})

Inputs = Mapping[str, BinaryIO]
"""Files that come with a request, by the names of their parameters."""


class ForbiddenError(JobError):
    """Raised when a job belongs to somebody else."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} belongs to somebody else.")


class JobList:
    """Jobs of one service, as their clients see them.

    A job of nobody may be used by whoever knows its identifier, which cannot be guessed; a job with an owner by that
    owner alone.

    Parameters
    ----------
    runner
        Runs them, and knows where they and their files are kept.
    limits
        What they are allowed.
    accumulating
        Names, in capitals, of parameters whose values add up when they are given later.

    References
    ----------
    UWS 1.1, "State changing requests", "Blocking Behaviour", "Security Considerations".
    """

    def __init__(self, runner: Runner, limits: JobLimits, accumulating: Collection[str] = ()) -> None:
        self.limits = limits
        self._runner = runner
        self._store = runner.store
        self._directories = runner.directories
        self._accumulating = frozenset(accumulating)
        self._seats = threading.BoundedSemaphore(limits.waiting)

    def create(self, wanted: NewJob, client: Client, inputs: Inputs | None = None) -> Job:
        """Make a job; it waits in the queue at once if that is wanted.

        Raises
        ------
        JobError, DaliError
            Raised with a sentence if it cannot be made; there is no job then.
        """
        runs_at_once = wanted.runs and not inputs
        now = datetime.now(UTC).replace(tzinfo=None)
        job = self._store.create(
            wanted.parameters,
            destruction=self.limits.destruction(now, wanted.destruction),
            execution_duration=self.limits.execution_duration(wanted.execution_duration),
            client=client,
            run_id=wanted.run_id,
            phase=Phase.QUEUED if runs_at_once else Phase.PENDING,
        )
        if inputs:
            try:
                self._keep(job, inputs)
            except BaseException:
                self._runner.forget(self._store.delete(job.job_id))
                raise
        if runs_at_once:
            self._runner.wake()
        elif wanted.runs:
            return self.run(job)
        return job

    def get(self, job_id: str, client: Client) -> Job:
        """Find a job that the client may use.

        Raises
        ------
        JobNotFoundError, ForbiddenError
            Raised if there is none, or it belongs to somebody else.
        """
        job = self._store.get(job_id)
        if job.owner is not None and job.owner != client.owner:
            raise ForbiddenError(job_id)
        return job

    def list_jobs(self, client: Client, wanted: JobFilter) -> tuple[Job, ...]:
        """Jobs that the client made, the last made first."""
        return self._store.list_jobs(client, phases=wanted.phases, after=wanted.after, last=wanted.last)

    def run(self, job: Job) -> Job:
        """Put a job into the queue; one that is there or runs stays as it is, so that asking twice does no harm.

        Raises
        ------
        PhaseConflictError
            Raised if it has ended.
        """
        try:
            job = self._store.set_phase(job.job_id, _RUNNABLE, Phase.QUEUED)
        except PhaseConflictError as conflict:
            if conflict.phase not in _UNDER_WAY:
                raise
            return self._store.get(job.job_id)
        self._runner.wake()
        self._runner.bulletin.announce(job.job_id)
        return job

    def abort(self, job: Job) -> Job:
        """Stop a job; one that has ended stays as it is: it may have done so a moment ago."""
        try:
            job = self._store.set_phase(job.job_id, ABORTABLE, Phase.ABORTED)
        except PhaseConflictError:
            return self._store.get(job.job_id)
        self._runner.interrupt(job.job_id)
        self._runner.bulletin.announce(job.job_id)
        return job

    def delete(self, job: Job) -> None:
        """Stop a job and delete it with all its files."""
        self._runner.forget(self._store.delete(job.job_id))

    def set_parameters(self, job: Job, parameters: Parameters, inputs: Inputs | None = None) -> Job:
        """Set parameters of a job that is pending, and keep files that come with them.

        Raises
        ------
        PhaseConflictError
            Raised if it is not pending.
        """
        if job.phase is not Phase.PENDING:
            raise PhaseConflictError(job.job_id, job.phase)
        self._keep(job, inputs or {})
        return self._store.update_parameters(
            job.job_id, parameters, accumulating=self._accumulating, run_id=run_id_of(parameters)
        )

    def set_destruction(self, job: Job, wanted: datetime) -> Job:
        """Set when a job is destroyed, within the limits."""
        return self._store.set_destruction(job.job_id, self.limits.destruction(job.creation_time, wanted))

    def set_execution_duration(self, job: Job, wanted: int) -> Job:
        """Set how many seconds a job may run, within the limits, unless it has begun."""
        return self._store.set_execution_duration(job.job_id, self.limits.execution_duration(wanted))

    def wait(self, job: Job, seconds: float, phase: Phase | None = None) -> Job:
        """Hold on until a job changes its phase.

        Parameters
        ----------
        job
            As it is now.
        seconds
            Longest wait; less than 0 for as long as the service allows.
        phase
            Wait only if the job is in this one.
        """
        if not job.phase.is_active or seconds == 0 or (phase is not None and job.phase is not phase):
            return job
        if not self._seats.acquire(blocking=False):
            return job
        longest = self.limits.wait_seconds
        deadline = time.monotonic() + (longest if seconds < 0 else min(seconds, longest))
        try:
            return self._await_change(job, deadline)
        finally:
            self._seats.release()

    def _await_change(self, job: Job, deadline: float) -> Job:
        bulletin = self._runner.bulletin
        now = job
        while now.phase is job.phase and not bulletin.closed and time.monotonic() < deadline:
            with bulletin.listen(job.job_id) as changed:
                now = self._store.get(job.job_id)
                if now.phase is job.phase:
                    changed.wait(min(_LOOK_SECONDS, max(0.0, deadline - time.monotonic())))
        return now if now.phase is not job.phase else self._store.get(job.job_id)

    def inputs_of(self, job: Job) -> dict[str, Path]:
        """Files that came with a job, by the names of their parameters."""
        return self._directories.of(job.job_id).inputs

    def result_of(self, job: Job, result: Result) -> Path:
        """Where a result of a job lies."""
        return self._directories.of(job.job_id).result(result.result_id)

    def _keep(self, job: Job, inputs: Inputs) -> None:
        directory = self._directories.of(job.job_id)
        for name, source in inputs.items():
            directory.keep_input(name, source)
