"""Put the doors of an archive together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

import portal.routes
import registry.routes
from app.compression import compress
from app.config import Config
from app.cutouts import add_soda
from app.front import visit_of
from app.links import add_links
from app.registered import publisher_of, registered_services
from app.simple_access import add_simple_access, open_public_file
from app.table_access import add_table_access
from app.watched import WatchedEngine
from datalink.soda.service import SodaService
from portal.holdings import read_holdings
from schema.engines.execute import Engine
from schema.publishing.current import Published
from storage.replicas import Replicas
from uws.job import Client
from uws.joblist import JobList
from uws.runner import Task
from vo.dali.errors import DaliError, TooManyRequestsFault
from vo.vosi.availability import Availability

SOFTWARE = f"Quipu/{version('quipu-archive')}"
"""How the server names itself in the header ``Server``."""

_EXPOSED = "Content-Disposition, Content-Length, Content-Range, Location, Retry-After, Server-Timing, X-Request-ID"
_ACCEPTED = "Accept, Authorization, Content-Type, If-None-Match, If-Range, Range, X-Request-ID"
_PREFLIGHT_SECONDS = 86_400

log = structlog.get_logger(__name__)


def create_app(
    config: Config,
    engine: Engine,
    published: Published,
    replicas: Replicas,
    availability: Callable[[], Availability],
    soda: SodaService,
    run_jobs: Callable[[str, Task], JobList],
) -> Flask:
    """Make the application.

    Parameters
    ----------
    config
        Settings.
    engine
        What answers queries.
    published
        What the services publish.
    replicas
        The files.
    availability
        Tells the state of the archive each time it is asked.
    soda
        What makes cutouts.
    run_jobs
        Gives the jobs of a service of a name, which the function runs.
    """
    app = Flask(__name__, static_folder=None)
    started = datetime.now(UTC)

    services = add_table_access(
        app, config, engine, published, availability, run_jobs, _identify, _stand_aside, _when_gone
    )
    open_file = partial(open_public_file, replicas)
    add_simple_access(app, config, WatchedEngine(engine, _when_gone), published.everything, availability, open_file)
    add_links(app, config, replicas, availability, soda_url=f"{config.url}/soda")
    add_soda(app, config, soda, availability, run_jobs, _identify, _when_gone)
    app.register_blueprint(
        registry.routes.blueprint(registered_services(config, services), publisher_of(config), started),
        url_prefix="/registry",
    )
    obscore = published.observations().table("ivoa", "obscore")
    app.register_blueprint(portal.routes.blueprint(config.title, config.url, partial(read_holdings, engine, obscore)))
    app.before_request(_refuse_one_too_many)
    app.register_error_handler(DaliError, _answer_fault)
    app.register_error_handler(HTTPException, _answer_http_error)
    app.register_error_handler(Exception, _answer_failure)
    app.after_request(_compress)
    app.after_request(_add_public_headers)
    return app


def _refuse_one_too_many() -> None:
    visit = visit_of(request.environ)
    if visit is not None and visit.is_one_too_many:
        raise TooManyRequestsFault(
            "You have as many requests under way as one client may have here; ask again when one of them has ended."
        )


def _identify() -> Client:
    """Who asks: the client itself, also behind a proxy that is trusted."""
    visit = visit_of(request.environ)
    return Client(address=request.remote_addr if visit is None else visit.client)


def _compress(response: Response) -> Response:
    return compress(request, response, _identify().address or "")


def _stand_aside() -> None:
    visit = visit_of(request.environ)
    if visit is not None:
        visit.stand_aside()


def _when_gone(stop: Callable[[], None]) -> None:
    visit = visit_of(request.environ)
    if visit is not None:
        visit.when_gone(stop)


def _answer_fault(error: DaliError) -> Response:
    response = Response(f"{error}\n", status=error.status, content_type="text/plain;charset=utf-8")
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _answer_http_error(error: HTTPException) -> Response:
    """Answer in plain text: what is not found under a path that looks like a file must not look like a page."""
    response = Response(f"{error.description}\n", status=error.code, content_type="text/plain;charset=utf-8")
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _answer_failure(error: Exception) -> Response:
    log.error("request failed", path=request.path, exc_info=error)
    return Response(
        "The archive failed on this request; its log says why.\n", status=500, content_type="text/plain;charset=utf-8"
    )


def _add_public_headers(response: Response) -> Response:
    """Let pages of other sites read the answers: everything here is meant for any client."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = _EXPOSED
    response.headers["X-Content-Type-Options"] = "nosniff"
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "GET, HEAD, OPTIONS")
        response.headers["Access-Control-Allow-Headers"] = _ACCEPTED
        response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_SECONDS)
    return response
