"""Put SODA together: the service, its worker processes, its jobs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from flask import Blueprint, Flask

import datalink.soda.routes
import uws.routes
from app.config import Config
from app.doors import Refuse, guard
from app.links import Finder
from datalink.soda.job import soda_task, write_failure
from datalink.soda.products import read_product
from datalink.soda.service import SodaLimits, SodaService
from datalink.soda.workers import Workers
from schema.identifiers import Identifiers
from storage.replicas import Replicas
from uws.job import Client
from uws.joblist import JobList
from uws.runner import Task
from vo.vosi.availability import Availability


def open_soda(config: Config, folder: Path, replicas: Replicas, opened: ExitStack) -> SodaService:
    """Make the service; its workers, started when they are needed, end with the stack.

    Parameters
    ----------
    config
        Settings.
    folder
        For results that wait to be sent.
    replicas
        The files.
    opened
        What is closed when serving ends.
    """
    settings = config.soda
    workers = Workers(settings.workers, waiting=max(config.server.threads // 4, 1))
    opened.callback(workers.close)
    engine = replicas.engine
    service = SodaService(
        replicas,
        Finder(Identifiers(engine, config.authority), replicas).one,
        lambda held: read_product(engine, held.dp_id),
        workers,
        folder,
        f"{config.url}/files/",
        SodaLimits(settings.seconds, settings.result_bytes, settings.spool_bytes, settings.combinations),
    )
    service.start()
    return service


def add_soda(
    app: Flask,
    config: Config,
    service: SodaService,
    availability: Callable[[], Availability],
    run_jobs: Callable[[str, Task], JobList],
    identify: Callable[[], Client],
    when_gone: Callable[[Callable[[], None]], None],
) -> None:
    """Register the doors.

    Parameters
    ----------
    app
        Gets the blueprints.
    config
        Settings.
    service
        What cuts.
    availability
        Tells the state of the archive each time it is asked.
    run_jobs
        Gives the jobs of a service of a name, which the function runs.
    identify
        Tells who sends the request at hand.
    when_gone
        Takes what is to be called if the client of the request goes before it is answered.
    """

    def guarded(routes: Blueprint, refuse: Refuse) -> None:
        guard(routes, refuse, config.server.request_bytes)

    url = f"{config.url}/soda"
    for name, prefix in (("soda", "/soda"), ("data_portal_soda", "/dataPortal/soda")):
        app.register_blueprint(
            datalink.soda.routes.blueprint(
                service, base_url=url, availability=availability, guard=guarded, when_gone=when_gone, name=name
            ),
            url_prefix=prefix,
        )
    app.register_blueprint(
        uws.routes.blueprint(
            run_jobs("soda", soda_task(service)),
            url=f"{url}/async",
            write_error=write_failure,
            identify=identify,
            largest_request=config.server.request_bytes,
            name="soda_jobs",
        ),
        url_prefix="/soda/async",
    )
