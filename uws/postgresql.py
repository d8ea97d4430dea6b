"""Jobs kept in the truth."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from schema.jobs import job as table
from uws.job import ErrorSummary, Job, Parameters, Result
from uws.phases import LEGAL_CHANGES, Phase
from uws.store import InvalidTextError, JobNotFoundError, PhaseConflictError

_NOW = sa.func.timezone("UTC", sa.func.clock_timestamp())
_NOT_BEGUN = (Phase.PENDING, Phase.HELD, Phase.QUEUED)


class PostgresqlJobStore:
    """A `uws.store.JobStore` on the table ``archive.job``.

    Parameters
    ----------
    engine
        Connections to the truth.
    service
        Which jobs: those of ``tap``, ``soda``.
    """

    def __init__(self, engine: sa.Engine, service: str) -> None:
        self._engine = engine
        self._service = service
        self._mine = table.c.service == service

    def create(
        self,
        parameters: Parameters,
        *,
        destruction: datetime,
        execution_duration: int = 0,
        owner: str | None = None,
        run_id: str | None = None,
    ) -> Job:
        """Make a job in phase PENDING."""
        _check_text(*(text for pair in parameters for text in pair), owner, run_id)
        statement = table.insert().values(
            job_id=secrets.token_hex(16),
            service=self._service,
            phase=Phase.PENDING.value,
            parameters=[list(pair) for pair in parameters],
            destruction=destruction,
            execution_duration=execution_duration,
            owner=owner,
            run_id=run_id,
        )
        with self._engine.begin() as connection:
            return _job(connection.execute(statement.returning(table)).one())

    def get(self, job_id: str) -> Job:
        """Find a job."""
        with self._engine.connect() as connection:
            found = connection.execute(table.select().where(self._is(job_id))).one_or_none()
        if found is None:
            raise JobNotFoundError(job_id)
        return _job(found)

    def list_jobs(
        self,
        owner: str | None,
        *,
        phases: Collection[Phase] = (),
        after: datetime | None = None,
        last: int | None = None,
    ) -> tuple[Job, ...]:
        """List jobs of an owner, the last made first."""
        statement = (
            table.select()
            .where(self._mine, table.c.owner.is_not_distinct_from(owner))
            .order_by(table.c.creation_time.desc(), table.c.job_id)
        )
        if phases:
            statement = statement.where(table.c.phase.in_([phase.value for phase in phases]))
        else:
            statement = statement.where(table.c.phase != Phase.ARCHIVED.value)
        if after is not None:
            statement = statement.where(table.c.creation_time > after)
        if last is not None:
            statement = statement.limit(last)
        with self._engine.connect() as connection:
            return tuple(_job(row) for row in connection.execute(statement))

    def set_phase(
        self,
        job_id: str,
        before: Phase | Collection[Phase],
        after: Phase,
        *,
        results: Collection[Result] = (),
        error_summary: ErrorSummary | None = None,
    ) -> Job:
        """Change the phase of a job if it is in (one of) the phases the change starts from."""
        starts = (before,) if isinstance(before, Phase) else tuple(before)
        for start in starts:
            if after not in LEGAL_CHANGES[start]:
                raise ValueError(f"A job that is {start} cannot become {after}.")
        values: dict[str, Any] = {"phase": after.value}
        if after.is_final and after is not Phase.ARCHIVED:
            values["end_time"] = _NOW
        if after is Phase.QUEUED:
            values["queue_time"] = _NOW
        if after is Phase.EXECUTING:
            values["start_time"] = _NOW
        if results:
            values["results"] = [asdict(result) for result in results]
        if error_summary is not None:
            _check_text(error_summary.message)
            values["error_summary"] = asdict(error_summary)
        return self._update(job_id, starts, values)

    def update_parameters(self, job_id: str, parameters: Parameters) -> Job:
        """Set parameters of a pending job: names given replace the same names, in any case, and others stay."""
        _check_text(*(text for pair in parameters for text in pair))
        replaced = {name.upper() for name, _ in parameters}

        def merge(found: Job) -> dict[str, Any]:
            kept = tuple(pair for pair in found.parameters if pair[0].upper() not in replaced)
            return {"parameters": [list(pair) for pair in kept + parameters]}

        return self._update(job_id, (Phase.PENDING,), merge)

    def set_destruction(self, job_id: str, destruction: datetime) -> Job:
        """Set when a job is deleted, in any phase."""
        return self._update(job_id, tuple(Phase), {"destruction": destruction})

    def set_execution_duration(self, job_id: str, execution_duration: int) -> Job:
        """Set how many seconds a job may run, as long as it has not begun."""
        return self._update(job_id, _NOT_BEGUN, {"execution_duration": execution_duration})

    def claim(self, worker: str) -> Job | None:
        """Begin the job that has waited longest."""
        waiting = (
            sa.select(table.c.job_id)
            .where(self._mine, table.c.phase == Phase.QUEUED.value)
            .order_by(table.c.queue_time, table.c.job_id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        statement = (
            table.update()
            .where(table.c.job_id == waiting)
            .values(phase=Phase.EXECUTING.value, start_time=_NOW, worker=worker, attempts=table.c.attempts + 1)
            .returning(table)
        )
        with self._engine.begin() as connection:
            found = connection.execute(statement).one_or_none()
        return None if found is None else _job(found)

    def recover(self, alive: Collection[str] = (), *, most_attempts: int = 3) -> tuple[Job, ...]:
        """Give up on workers that are gone: put their jobs back into the queue, or end them after too many attempts."""
        lost = sa.and_(
            self._mine,
            table.c.phase == Phase.EXECUTING.value,
            sa.or_(table.c.worker.is_(None), table.c.worker.not_in(list(alive))),
        )
        summary = ErrorSummary(f"The job was interrupted {most_attempts} times.")
        give_up = (
            table.update()
            .where(lost, table.c.attempts >= most_attempts)
            .values(phase=Phase.ERROR.value, end_time=_NOW, error_summary=asdict(summary))
        )
        # The place in the queue stays: it has waited already.
        again = table.update().where(lost, table.c.attempts < most_attempts).values(phase=Phase.QUEUED.value)
        with self._engine.begin() as connection:
            rows = [
                *connection.execute(give_up.returning(table)),
                *connection.execute(again.returning(table)),
            ]
        return tuple(_job(row) for row in rows)

    def delete(self, job_id: str) -> Job:
        """Delete a job in any phase."""
        with self._engine.begin() as connection:
            found = connection.execute(table.delete().where(self._is(job_id)).returning(table)).one_or_none()
        if found is None:
            raise JobNotFoundError(job_id)
        return _job(found)

    def delete_expired(self, now: datetime) -> tuple[Job, ...]:
        """Delete jobs whose time of destruction has come, and give them as they were."""
        statement = table.delete().where(self._mine, table.c.destruction <= now).returning(table)
        with self._engine.begin() as connection:
            return tuple(_job(row) for row in connection.execute(statement))

    def _is(self, job_id: str) -> sa.ColumnElement[bool]:
        # PostgreSQL cannot even be asked for NUL.
        return sa.and_(self._mine, table.c.job_id == job_id.replace("\0", "\N{REPLACEMENT CHARACTER}"))

    def _update(
        self,
        job_id: str,
        starts: Collection[Phase],
        values: dict[str, Any] | Callable[[Job], dict[str, Any]],
    ) -> Job:
        """Change a job that is in one of some phases, with its row locked where the new values need the old."""
        with self._engine.begin() as connection:
            if callable(values):
                row = connection.execute(table.select().where(self._is(job_id)).with_for_update()).one_or_none()
                if row is None:
                    raise JobNotFoundError(job_id)
                values = values(_job(row))
            statement = (
                table.update()
                .where(self._is(job_id), table.c.phase.in_([start.value for start in starts]))
                .values(values)
                .returning(table)
            )
            changed = connection.execute(statement).one_or_none()
            if changed is not None:
                return _job(changed)
            phase = connection.execute(sa.select(table.c.phase).where(self._is(job_id))).scalar_one_or_none()
        if phase is None:
            raise JobNotFoundError(job_id)
        raise PhaseConflictError(job_id, Phase(phase))


def _job(row: sa.Row[Any]) -> Job:
    found = row._mapping
    summary = found["error_summary"]
    return Job(
        job_id=found["job_id"],
        phase=Phase(found["phase"]),
        creation_time=found["creation_time"],
        destruction=found["destruction"],
        execution_duration=found["execution_duration"],
        parameters=tuple((name, value) for name, value in found["parameters"]),
        run_id=found["run_id"],
        owner=found["owner"],
        quote=found["quote"],
        start_time=found["start_time"],
        end_time=found["end_time"],
        results=tuple(Result(**result) for result in found["results"]),
        error_summary=None if summary is None else ErrorSummary(**summary),
        attempts=found["attempts"],
    )


def _check_text(*texts: str | None) -> None:
    for text in texts:
        if text is not None and ("\0" in text or any("\ud800" <= character <= "\udfff" for character in text)):
            raise InvalidTextError("A parameter holds characters that are not text: NUL or half of a surrogate pair.")
