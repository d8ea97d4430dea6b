"""Jobs kept in the truth."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from schema.jobs import job as table
from uws.job import NOBODY, Client, ErrorSummary, Job, Parameters, Result
from uws.phases import LEGAL_CHANGES, Phase
from uws.store import InvalidTextError, JobNotFoundError, PhaseConflictError, StoreUnavailableError

_NOW = sa.func.timezone("UTC", sa.func.clock_timestamp())
_REMEMBERED = timedelta(hours=1)
"""Whoever has had no job begun for so long is served first."""
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

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as error:
            raise StoreUnavailableError from error

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
        """Make a job."""
        _check_text(*(text for pair in parameters for text in pair), client.owner, client.address, run_id)
        statement = table.insert().values(
            job_id=secrets.token_hex(16),
            service=self._service,
            phase=phase.value,
            queue_time=None if phase is Phase.PENDING else _NOW,
            parameters=[list(pair) for pair in parameters],
            destruction=destruction,
            execution_duration=execution_duration,
            owner=client.owner,
            address=client.address if client.owner is None else None,
            run_id=run_id,
        )
        with self._begin() as connection:
            return _job(connection.execute(statement.returning(table)).one())

    def get(self, job_id: str) -> Job:
        """Find a job."""
        with self._begin() as connection:
            found = connection.execute(table.select().where(self._is(job_id))).one_or_none()
        if found is None:
            raise JobNotFoundError(job_id)
        return _job(found)

    def list_jobs(
        self,
        client: Client | None,
        *,
        phases: Collection[Phase] = (),
        after: datetime | None = None,
        last: int | None = None,
    ) -> tuple[Job, ...]:
        """List jobs of a client, the last made first."""
        statement = table.select().where(self._mine).order_by(table.c.creation_time.desc(), table.c.job_id)
        if client is not None:
            statement = statement.where(table.c.owner.is_not_distinct_from(client.owner))
            if client.owner is None:
                statement = statement.where(table.c.address.is_not_distinct_from(client.address))
        if phases:
            statement = statement.where(table.c.phase.in_([phase.value for phase in phases]))
        else:
            statement = statement.where(table.c.phase != Phase.ARCHIVED.value)
        if after is not None:
            statement = statement.where(table.c.creation_time > after)
        if last is not None:
            statement = statement.limit(last)
        with self._begin() as connection:
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

    def phases_of(self, job_ids: Collection[str]) -> dict[str, Phase]:
        """Phases of those of some jobs that exist."""
        statement = sa.select(table.c.job_id, table.c.phase).where(self._mine, table.c.job_id.in_(list(job_ids)))
        with self._begin() as connection:
            return {row.job_id: Phase(row.phase) for row in connection.execute(statement)}

    def update_parameters(
        self, job_id: str, parameters: Parameters, *, accumulating: Collection[str] = (), run_id: str | None = None
    ) -> Job:
        """Set parameters of a pending job: names given replace the same names, in any case, and others stay."""
        _check_text(*(text for pair in parameters for text in pair), run_id)
        replaced = {name.upper() for name, _ in parameters} - set(accumulating)

        def merge(found: Job) -> dict[str, Any]:
            kept = tuple(pair for pair in found.parameters if pair[0].upper() not in replaced)
            named = found.run_id if run_id is None else run_id
            return {"parameters": [list(pair) for pair in kept + parameters], "run_id": named}

        return self._update(job_id, (Phase.PENDING,), merge)

    def set_destruction(self, job_id: str, destruction: datetime) -> Job:
        """Set when a job is deleted, in any phase."""
        return self._update(job_id, tuple(Phase), {"destruction": destruction})

    def set_execution_duration(self, job_id: str, execution_duration: int) -> Job:
        """Set how many seconds a job may run, as long as it has not begun."""
        return self._update(job_id, _NOT_BEGUN, {"execution_duration": execution_duration})

    def claim(self, worker: str) -> Job | None:
        """Begin the next job, so that those who wait take turns."""
        who = sa.func.coalesce(table.c.owner, table.c.address, "")
        turns = (
            sa.select(who.label("who"), sa.func.max(table.c.start_time).label("begun"))
            .where(self._mine, table.c.start_time > _NOW - _REMEMBERED)
            .group_by(who)
            .subquery("turns")
        )
        waiting = (
            sa.select(table.c.job_id)
            .outerjoin(turns, turns.c.who == who)
            .where(self._mine, table.c.phase == Phase.QUEUED.value)
            .order_by(turns.c.begun.nulls_first(), table.c.queue_time, table.c.job_id)
            .limit(1)
            .with_for_update(skip_locked=True, of=table)
            .scalar_subquery()
        )
        statement = (
            table.update()
            .where(table.c.job_id == waiting)
            .values(phase=Phase.EXECUTING.value, start_time=_NOW, worker=worker, attempts=table.c.attempts + 1)
            .returning(table)
        )
        with self._begin() as connection:
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
        with self._begin() as connection:
            rows = [
                *connection.execute(give_up.returning(table)),
                *connection.execute(again.returning(table)),
            ]
        return tuple(_job(row) for row in rows)

    def hand_back(self, worker: str) -> tuple[Job, ...]:
        """Put the jobs of a worker that ends in good order back to their places in the queue."""
        statement = (
            table.update()
            .where(self._mine, table.c.phase == Phase.EXECUTING.value, table.c.worker == worker)
            .values(phase=Phase.QUEUED.value, start_time=None, attempts=table.c.attempts - 1)
            .returning(table)
        )
        with self._begin() as connection:
            return tuple(_job(row) for row in connection.execute(statement))

    def delete(self, job_id: str) -> Job:
        """Delete a job in any phase."""
        with self._begin() as connection:
            found = connection.execute(table.delete().where(self._is(job_id)).returning(table)).one_or_none()
        if found is None:
            raise JobNotFoundError(job_id)
        return _job(found)

    def delete_expired(self, now: datetime) -> tuple[Job, ...]:
        """Delete jobs whose time of destruction has come, and give them as they were."""
        statement = table.delete().where(self._mine, table.c.destruction <= now).returning(table)
        with self._begin() as connection:
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
        with self._begin() as connection:
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
        address=found["address"],
    )


def _check_text(*texts: str | None) -> None:
    for text in texts:
        if text is not None and ("\0" in text or any("\ud800" <= character <= "\udfff" for character in text)):
            raise InvalidTextError("A parameter holds characters that are not text: NUL or half of a surrogate pair.")
