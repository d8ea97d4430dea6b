"""Where jobs are kept."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal, Protocol

from uws.job import NOBODY, Client, ErrorSummary, Job, Parameters, Result
from uws.phases import Phase


class JobError(Exception):
    """Something that cannot be done with a job; the text is one sentence for users."""


class JobNotFoundError(JobError):
    """Raised for a job that does not exist, or not any more."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"There is no job {job_id}.")
        self.job_id = job_id


class PhaseConflictError(JobError):
    """Raised when a job is in another phase than a change of it starts from.

    Attributes
    ----------
    phase
        Phase that the job is in.
    """

    def __init__(self, job_id: str, phase: Phase) -> None:
        super().__init__(f"Job {job_id} is {phase}, which does not allow this.")
        self.job_id = job_id
        self.phase = phase


class InvalidTextError(JobError):
    """Raised for text that cannot be kept: with NUL characters or halves of surrogate pairs."""


class StoreUnavailableError(JobError):
    """Raised when jobs can neither be read nor written now, and may be soon."""

    def __init__(self) -> None:
        super().__init__("The archive's database cannot be reached; try again in a minute.")


class JobStore(Protocol):
    """Jobs of one service.

    Methods may be called from many threads and processes at once; each is one transaction, and raises
    `StoreUnavailableError` when it could not take place. Times are UTC without zone.
    """

    def create(
        self,
        parameters: Parameters,
        *,
        destruction: datetime,
        execution_duration: int = 0,
        client: Client = NOBODY,
        run_id: str | None = None,
        phase: Literal[Phase.PENDING, Phase.QUEUED] = Phase.PENDING,
    ) -> Job:
        """Make a job.

        Raises
        ------
        InvalidTextError
            Raised for text that cannot be kept.
        """
        ...

    def get(self, job_id: str) -> Job:
        """Find a job.

        Raises
        ------
        JobNotFoundError
            Raised if there is none.
        """
        ...

    def list_jobs(
        self,
        client: Client | None,
        *,
        phases: Collection[Phase] = (),
        after: datetime | None = None,
        last: int | None = None,
    ) -> tuple[Job, ...]:
        """List jobs of a client, the last made first.

        Parameters
        ----------
        client
            Who has an identity sees the jobs of this owner; who has none those that nobody made at the same address.
            None for all jobs.
        phases
            Phases wanted; without any, all but ARCHIVED.
        after
            Only jobs made later.
        last
            At most so many, the last made ones.

        References
        ----------
        UWS 1.1, "The Job List" (PHASE, AFTER, LAST).
        """
        ...

    def set_phase(
        self,
        job_id: str,
        before: Phase | Collection[Phase],
        after: Phase,
        *,
        results: Collection[Result] = (),
        error_summary: ErrorSummary | None = None,
    ) -> Job:
        """Change the phase of a job if it is in (one of) the phases the change starts from.

        The end time is set with a final phase, the place in the queue with QUEUED.

        Returns
        -------
        job
            As it is after the change.

        Raises
        ------
        ValueError
            Raised for a change that `uws.phases.LEGAL_CHANGES` does not have.
        PhaseConflictError, JobNotFoundError
            Raised if the job is in another phase, or does not exist.
        """
        ...

    def phases_of(self, job_ids: Collection[str]) -> dict[str, Phase]:
        """Phases of those of some jobs that exist."""
        ...

    def update_parameters(
        self, job_id: str, parameters: Parameters, *, accumulating: Collection[str] = (), run_id: str | None = None
    ) -> Job:
        """Set parameters of a pending job: names given replace the same names, in any case, and others stay.

        Parameters
        ----------
        accumulating
            Names in capitals whose values are added to those that the job has.
        run_id
            Replaces the one that the job has, unless None.

        Raises
        ------
        PhaseConflictError, JobNotFoundError, InvalidTextError
            Raised if the job is not pending, does not exist, or text cannot be kept.
        """
        ...

    def set_destruction(self, job_id: str, destruction: datetime) -> Job:
        """Set when a job is deleted, in any phase."""
        ...

    def set_execution_duration(self, job_id: str, execution_duration: int) -> Job:
        """Set how many seconds a job may run, as long as it has not begun.

        Raises
        ------
        PhaseConflictError, JobNotFoundError
            Raised if the job has begun, or does not exist.
        """
        ...

    def claim(self, worker: str) -> Job | None:
        """Begin the next job: it is EXECUTING from now, and no other worker gets it.

        Those who wait take turns: the job comes from the owner (of jobs of nobody: the address) whose last job was
        begun the longest ago, and among that one's jobs it is the one that has waited longest.

        Returns
        -------
        job
            None if none waits.
        """
        ...

    def recover(self, alive: Collection[str] = (), *, most_attempts: int = 3) -> tuple[Job, ...]:
        """Give up on workers that are gone: put their jobs back into the queue, or end them after too many attempts.

        Parameters
        ----------
        alive
            Workers whose jobs are left alone.
        most_attempts
            A job that was begun so often ends with an error.

        Returns
        -------
        jobs
            As they are now.
        """
        ...

    def hand_back(self, worker: str) -> tuple[Job, ...]:
        """Put the jobs of a worker that ends in good order back to their places in the queue, as if never begun."""
        ...

    def delete(self, job_id: str) -> Job:
        """Delete a job in any phase.

        Returns
        -------
        job
            As it was, so that its results can be deleted and its work stopped.

        Raises
        ------
        JobNotFoundError
            Raised if there is none.
        """
        ...

    def delete_expired(self, now: datetime) -> tuple[Job, ...]:
        """Delete jobs whose time of destruction has come, and give them as they were."""
        ...
