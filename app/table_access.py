"""Put the doors of TAP together: one service for observations, one for catalogues."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

import tap.routes
import uws.routes
from app.config import Config
from app.jobs import job_limits
from schema.catalogue import Catalogue
from schema.engines.execute import Engine
from schema.publishing.current import Published
from tap.adql.plans import PlanCache
from tap.jobs import query_task, write_failure
from tap.service import TapService
from tap.upload import Uploads
from uws.job import Client
from uws.joblist import JobList
from uws.runner import Task
from vo.dali.parameters import RowLimits
from vo.dali.remote import Fetcher, is_public
from vo.tables.readers.limits import ReadLimits
from vo.vosi.availability import Availability


def add_table_access(
    app: Flask,
    config: Config,
    engine: Engine,
    published: Published,
    availability: Callable[[], Availability],
    run_jobs: Callable[[str, Task], JobList],
    identify: Callable[[], Client],
    begin_to_wait: Callable[[], None],
    when_gone: Callable[[Callable[[], None]], None],
) -> dict[str, TapService]:
    """Register the doors: ``/tap`` with its alias ``/tap_obs``, and ``/tap_cat``.

    Parameters
    ----------
    app
        Gets the blueprints.
    config
        Settings.
    engine
        What answers queries.
    published
        What the services publish.
    availability
        Tells the state of the archive each time it is asked.
    run_jobs
        Gives the jobs of a service of a name, which the function runs.
    identify
        Tells who sends the request at hand.
    begin_to_wait
        Called before the request at hand waits for a job.
    when_gone
        Called with what stops a query, to be called if its client goes away.

    Returns
    -------
    services
        By name: ``tap``, and ``tap_cat`` where catalogues are published.
    """
    plans = PlanCache()
    services: dict[str, TapService] = {}

    uploads = _uploads(config)

    def add(name: str, current: Callable[[], Catalogue], *paths: str) -> None:
        services[name] = service = TapService(
            current,
            engine,
            plans,
            RowLimits(config.tap.maxrec, config.tap.maxrec_limit),
            config.tap.query_seconds,
            way_on="send it to /async, where a query may take longer",
            uploads=uploads,
            job_limits=job_limits(config),
        )
        jobs = run_jobs(name, query_task(service, config.tap.async_bytes))
        for path in paths:
            url = f"{config.url}/{path}"
            app.register_blueprint(
                tap.routes.blueprint(
                    service,
                    base_url=url,
                    availability=availability,
                    largest_request=config.server.request_bytes,
                    when_gone=when_gone,
                    name=path,
                ),
                url_prefix=f"/{path}",
            )
            app.register_blueprint(
                uws.routes.blueprint(
                    jobs,
                    url=f"{url}/async",
                    write_error=write_failure,
                    identify=identify,
                    begin_to_wait=begin_to_wait,
                    largest_request=config.server.request_bytes,
                    largest_files=uploads.limits.bytes,
                    name=f"{path}_jobs",
                ),
                url_prefix=f"/{path}/async",
            )

    add("tap", published.observations, "tap", "tap_obs")
    if published.catalogues is not None:
        add("tap_cat", published.catalogues, "tap_cat")
    return services


def _uploads(config: Config) -> Uploads:
    may_reach = (lambda _address: True) if config.tap.upload_private_hosts else is_public
    limits = ReadLimits(config.tap.upload_bytes, config.tap.upload_rows)
    return Uploads(limits, Fetcher(config.tap.upload_seconds, may_reach))
