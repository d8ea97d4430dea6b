"""Commands about jobs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any

import click

from uws.directory import JobDirectories
from uws.document import write_instant
from uws.job import Client, Job
from uws.phases import ABORTABLE, Phase
from uws.store import JobNotFoundError, JobStore

Stores = Mapping[str, tuple[JobStore, JobDirectories]]
"""Jobs and their files, by the names of services."""

OpenStores = Callable[[click.Context], AbstractContextManager[Stores]]


def jobs_command(open_stores: OpenStores) -> click.Group:
    """Make the commands about jobs; they work whether a server runs or not.

    Parameters
    ----------
    open_stores
        Opens the jobs of the archive that the command line names.
    """

    @click.group()
    def jobs() -> None:
        """See and end the jobs of all users; a server notices within a second."""

    @jobs.command("list")
    @click.option(
        "--phase",
        "phases",
        multiple=True,
        type=click.Choice([*Phase], case_sensitive=False),
        help="Only in this phase.",
    )
    @click.option("--owner", help="Only those of this owner.")
    @click.option(
        "--last", type=click.IntRange(1), default=50, show_default=True, help="At most so many, of each service."
    )
    @click.option("--json", "as_json", is_flag=True, help="Answer as one JSON document.")
    @click.pass_context
    def list_jobs(
        context: click.Context, phases: tuple[Phase, ...], owner: str | None, last: int, as_json: bool
    ) -> None:
        """List jobs, the last made first."""
        client = None if owner is None else Client(owner)
        with open_stores(context) as stores:
            found = {
                service: store.list_jobs(client, phases=[Phase(phase) for phase in phases], last=last)
                for service, (store, _) in stores.items()
            }
        if as_json:
            click.echo(_json([_described(service, job) for service, jobs in found.items() for job in jobs]))
            return
        for service, jobs in found.items():
            for job in jobs:
                who = job.owner or job.address or "-"
                click.echo(f"{job.job_id}  {service:8} {job.phase:10} {write_instant(job.creation_time)}  {who}")

    @jobs.command()
    @click.argument("job_id")
    @click.option("--json", "as_json", is_flag=True, help="Answer as one JSON document.")
    @click.pass_context
    def show(context: click.Context, job_id: str, as_json: bool) -> None:
        """Show the job JOB_ID: its phase, times, parameters, results and error."""
        with open_stores(context) as stores:
            service, job = _find(stores, job_id)
        described = _described(service, job)
        if as_json:
            click.echo(_json(described))
            return
        for name, value in described.items():
            if value not in (None, [], ()):
                click.echo(f"{name:20} {value}")

    @jobs.command()
    @click.argument("job_ids", nargs=-1, required=True, metavar="JOB_ID...")
    @click.pass_context
    def abort(context: click.Context, job_ids: tuple[str, ...]) -> None:
        """Stop jobs; they stay in the list, without results."""
        with open_stores(context) as stores:
            for job_id in job_ids:
                service, _ = _find(stores, job_id)
                job = stores[service][0].set_phase(job_id, ABORTABLE, Phase.ABORTED)
                click.echo(f"{job.job_id} is {job.phase}.")

    @jobs.command()
    @click.argument("job_ids", nargs=-1, required=True, metavar="JOB_ID...")
    @click.pass_context
    def delete(context: click.Context, job_ids: tuple[str, ...]) -> None:
        """Delete jobs with their results; those that run are stopped."""
        with open_stores(context) as stores:
            for job_id in job_ids:
                service, job = _find(stores, job_id)
                store, directories = stores[service]
                store.delete(job.job_id)
                directories.of(job.job_id).remove()
                click.echo(f"{job.job_id} is deleted.")

    return jobs


def _find(stores: Stores, job_id: str) -> tuple[str, Job]:
    for service, (store, _) in stores.items():
        try:
            return service, store.get(job_id)
        except JobNotFoundError:
            continue
    raise JobNotFoundError(job_id)


def _described(service: str, job: Job) -> dict[str, Any]:
    return {"service": service, **asdict(job)}


def _json(value: Any) -> str:
    return json.dumps(value, default=str, indent=2, ensure_ascii=False)
