"""The jobs of an archive: where they are kept, what runs them, what they are allowed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta

import sqlalchemy as sa

from app.archive import Archive
from app.config import Config
from tap.jobs import ACCUMULATING
from uws.directory import JobDirectories
from uws.joblist import JobList
from uws.limits import JobLimits
from uws.postgresql import PostgresqlJobStore
from uws.runner import Runner, Task

SERVICES = ("tap", "tap_cat", "soda")
"""Names of the services that have jobs."""


def job_stores(archive: Archive, truth: sa.Engine) -> dict[str, tuple[PostgresqlJobStore, JobDirectories]]:
    """Jobs of all services and their files, for who runs the archive."""
    return {name: (PostgresqlJobStore(truth, name), JobDirectories(archive.jobs / name)) for name in SERVICES}


def job_limits(config: Config) -> JobLimits:
    """What the settings allow jobs."""
    return JobLimits(
        config.tap.async_seconds,
        config.tap.async_seconds_limit,
        timedelta(days=config.tap.job_days),
        timedelta(days=config.tap.job_days_limit),
        # Those who wait must leave threads for those who work.
        waiting=max(1, config.server.threads // 2),
    )


class Jobs:
    """The job lists of all services.

    Parameters
    ----------
    archive
        Whose jobs.
    truth
        Connections to its database.
    ready
        Tells whether queries can be answered now; until then jobs wait.
    """

    def __init__(self, archive: Archive, truth: sa.Engine, ready: Callable[[], bool]) -> None:
        self._archive = archive
        self._truth = truth
        self._ready = ready
        self._runners: list[Runner] = []

    def of(self, service: str, task: Task) -> JobList:
        """Give the job list of a service, whose jobs a function runs."""
        runner = Runner(
            PostgresqlJobStore(self._truth, service),
            JobDirectories(self._archive.jobs / service),
            task,
            workers=self._archive.config.tap.async_workers,
            ready=self._ready,
        )
        self._runners.append(runner)
        return JobList(runner, job_limits(self._archive.config), ACCUMULATING)

    def end_waits(self) -> None:
        """Answer all who wait for a job at once, now and from now on."""
        for runner in self._runners:
            runner.bulletin.close()

    def start(self, opened: ExitStack) -> None:
        """Begin to run jobs; what stops that is put on the stack."""
        for runner in self._runners:
            opened.callback(runner.stop)
            runner.start()
