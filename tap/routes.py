"""The resources of a TAP service."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from schema.engines.answers import explain, fault_of
from schema.engines.execute import EngineError
from tap.capabilities import tap_capabilities
from tap.examples import MEDIA_TYPE as EXAMPLES_TYPE
from tap.examples import examples_of, write_examples
from tap.parameters import read_tap_query
from tap.service import TapService, remarks
from tap.tableset import describe_tables
from vo.dali.body import discard_body
from vo.dali.errors import DaliError, FatalFault, TooLargeFault, UsageFault
from vo.dali.parameters import Parameters, quoted, read_choice
from vo.tables.votable import write_error
from vo.vosi.availability import Availability, write_availability
from vo.vosi.tables import write_table, write_tableset

_VOTABLE = "application/x-votable+xml"

log = structlog.get_logger(__name__)


def _never(stop: Callable[[], None]) -> None:
    """Take no notice of clients that go."""
    del stop


def blueprint(
    service: TapService,
    *,
    base_url: str,
    availability: Callable[[], Availability],
    largest_request: int = 2**20,
    when_gone: Callable[[Callable[[], None]], None] = _never,
    name: str = "tap",
) -> Blueprint:
    """Make the resources of a TAP service; they stand below the prefix at which the blueprint is registered.

    Parameters
    ----------
    service
        What answers.
    base_url
        Public URL of the service, without a slash at its end.
    availability
        Tells the state of the service each time it is asked.
    largest_request
        Most bytes of the body of a request.
    when_gone
        Takes what is to be called if the client of the request goes before it is answered.
    name
        Of the blueprint, where an application has several TAP services.

    References
    ----------
    TAP 1.1, "Resources"; DALI 1.1, "Resources".
    """
    routes = Blueprint(name, __name__)

    def largest_body() -> int:
        brings_files = service.uploads is not None and request.mimetype == "multipart/form-data"
        return largest_request + (service.uploads.limits.bytes if brings_files and service.uploads else 0)

    @routes.before_request
    def bound_request() -> None:
        request.max_content_length = largest_body()
        request.max_form_memory_size = largest_request

    @routes.route("/sync", methods=["GET", "POST"])
    def sync() -> Response:
        query = read_tap_query(_parameters(), service.rows, accept=request.headers.get("Accept"))
        with inline_files() as inline:
            stream = service.run(query, inline, opened=lambda stream: when_gone(stream.close))
        try:
            body = query.output.begin(stream, remarks(query, stream.warnings), explain)
        except EngineError as error:
            raise fault_of(error) from error
        response = Response(body, content_type=query.output.media_type)
        # A browser shows what it can and saves the rest, under this name.
        response.headers["Content-Disposition"] = f'inline; filename="result{query.output.suffix}"'
        response.headers["Server-Timing"] = ", ".join(
            f"{stage};dur={1000 * seconds:.2f}" for stage, seconds in stream.seconds.items()
        )
        # A generator that was never started does not close what it was given.
        response.call_on_close(stream.close)
        return response

    @routes.get("/tables")
    def tables() -> Response:
        detail = read_choice("detail", _parameters().one("DETAIL"), ("min", "max"), default="max")
        return _xml(write_tableset(describe_tables(service.catalogue), with_columns=detail == "max"))

    @routes.get("/tables/<path:name>")
    def table(name: str) -> Response:
        for described in (table for schema in describe_tables(service.catalogue) for table in schema.tables):
            if described.name.lower() == name.lower():
                return _xml(write_table(described))
        return _text(f"There is no table {name} here; /tables lists those there are.", 404)

    @routes.get("/capabilities")
    def capabilities() -> Response:
        return _xml(tap_capabilities(service, base_url))

    @routes.get("/availability")
    def available() -> Response:
        return _xml(write_availability(availability()))

    @routes.get("/examples")
    def examples() -> Response:
        return Response(write_examples(examples_of(service.catalogue), base_url), content_type=EXAMPLES_TYPE)

    @routes.errorhandler(DaliError)
    def refuse(error: DaliError) -> Response:
        if request.endpoint == f"{routes.name}.sync":
            response = Response(write_error(str(error)), status=error.status, content_type=_VOTABLE)
        else:
            response = _text(str(error), error.status)
        if error.retry_after is not None:
            response.headers["Retry-After"] = str(error.retry_after)
        return response

    @routes.errorhandler(RequestEntityTooLarge)
    def refuse_large(error: RequestEntityTooLarge) -> Response:
        del error
        _discard_body()
        return refuse(TooLargeFault(f"The request has more than the {largest_body()} bytes that this service reads."))

    @routes.errorhandler(HTTPException)
    def refuse_unreadable(error: HTTPException) -> Response:
        return refuse(UsageFault(f"The request cannot be read: {error.description}"))

    @routes.errorhandler(Exception)
    def admit(error: Exception) -> Response:
        log.error("request failed", path=request.path, exc_info=error)
        return refuse(FatalFault("The service failed on this request; its log says why."))

    return routes


@contextmanager
def inline_files() -> Iterator[Mapping[str, Path]]:
    """Files of the request by the names of their parameters, kept while the block runs.

    Raises
    ------
    UsageFault
        Raised when two come under one name.
    """
    with TemporaryDirectory(prefix="quipu-upload-") as folder:
        files: dict[str, Path] = {}
        for number, (name, file) in enumerate(request.files.items(multi=True)):
            if name in files:
                raise UsageFault(f"The request has two files under the name {quoted(name)}.")
            files[name] = Path(folder) / str(number)
            file.save(files[name])
        yield files


def _parameters() -> Parameters:
    pairs = [*request.args.items(multi=True), *request.form.items(multi=True)]
    # A body of unknown length is cut at the limit without a word.
    if request.content_length is None and _sends_more():
        raise RequestEntityTooLarge
    return Parameters(pairs)


def _sends_more() -> bool:
    return bool(request.environ.get("wsgi.input_terminated") and request.environ["wsgi.input"].read(1))


def _discard_body() -> None:
    discard_body(request.environ["wsgi.input"], request.content_length, vars(request).get("stream"))


def _xml(document: bytes) -> Response:
    return Response(document, content_type="text/xml;charset=utf-8")


def _text(sentence: str, status: int) -> Response:
    return Response(f"{sentence}\n", status=status, content_type="text/plain;charset=utf-8")
