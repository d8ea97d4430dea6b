"""The resources of a job list."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from flask import Blueprint, Response, request, send_file
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from uws.document import write_instant, write_job, write_jobs, write_parameters, write_results
from uws.job import Client, ErrorSummary, Job
from uws.joblist import ForbiddenError, JobList
from uws.parameters import read_execution_duration, read_filter, read_instant, read_new_job, read_wait
from uws.store import InvalidTextError, JobError, JobNotFoundError, PhaseConflictError, StoreUnavailableError
from vo.dali.body import discard_body
from vo.dali.errors import DaliError, FatalFault, NotFoundFault, TooLargeFault, UsageFault
from vo.dali.parameters import Parameters, quoted, read_choice

_LISTED_AFTER_DELETE = 100
_STATUS: dict[type[JobError], int] = {
    JobNotFoundError: 404,
    PhaseConflictError: 403,
    ForbiddenError: 403,
    InvalidTextError: 400,
    StoreUnavailableError: 503,
}

log = structlog.get_logger(__name__)


def blueprint(
    jobs: JobList,
    *,
    url: str,
    write_error: Callable[[ErrorSummary], tuple[bytes, str]],
    identify: Callable[[], Client] = lambda: Client(address=request.remote_addr),
    begin_to_wait: Callable[[], None] = lambda: None,
    largest_request: int = 2**20,
    largest_files: int = 0,
    name: str = "jobs",
) -> Blueprint:
    """Make the resources of a job list; they stand below the prefix at which the blueprint is registered.

    Parameters
    ----------
    jobs
        What answers.
    url
        Public URL of the list, without a slash at its end.
    write_error
        Gives the document that tells of a failed job, and its media type.
    identify
        Tells who sends the request at hand.
    begin_to_wait
        Called before the request at hand waits for a job.
    largest_request
        Most bytes of the body of a request.
    largest_files
        So many bytes more where it brings files.
    name
        Of the blueprint, where an application has several lists.

    References
    ----------
    UWS 1.1, "The REST Binding"; DALI 1.1, "Asynchronous Execution: DALI-async".
    """
    routes = Blueprint(name, __name__)
    door = _Door(jobs, url, write_error, identify, begin_to_wait)

    @routes.before_request
    def bound_request() -> None:
        brings_files = request.mimetype == "multipart/form-data"
        request.max_content_length = largest_request + (largest_files if brings_files else 0)
        request.max_form_memory_size = largest_request

    @routes.after_request
    def forbid_caching(response: Response) -> Response:
        response.headers.setdefault("Cache-Control", "no-cache")
        return response

    for path, methods, view in (
        ("", ["GET"], door.list_jobs),
        ("", ["POST"], door.create),
        ("/<job_id>", ["GET"], door.job),
        ("/<job_id>", ["DELETE"], door.delete),
        ("/<job_id>", ["POST"], door.act),
        ("/<job_id>/phase", ["GET"], door.phase),
        ("/<job_id>/phase", ["POST"], door.change_phase),
        ("/<job_id>/executionduration", ["GET"], door.execution_duration),
        ("/<job_id>/executionduration", ["POST"], door.change_execution_duration),
        ("/<job_id>/destruction", ["GET"], door.destruction),
        ("/<job_id>/destruction", ["POST"], door.change_destruction),
        ("/<job_id>/quote", ["GET"], door.quote),
        ("/<job_id>/owner", ["GET"], door.owner),
        ("/<job_id>/error", ["GET"], door.error),
        ("/<job_id>/parameters", ["GET"], door.parameters),
        ("/<job_id>/parameters", ["POST"], door.change_parameters),
        ("/<job_id>/parameters/<path:parameter>", ["GET"], door.parameter),
        ("/<job_id>/results", ["GET"], door.results),
        ("/<job_id>/results/<result_id>", ["GET"], door.result),
    ):
        routes.add_url_rule(path, f"{view.__name__}", view, methods=methods)
        routes.add_url_rule(f"{path}/", f"{view.__name__}_", view, methods=methods)
    for kind, answer in (
        (DaliError, _refuse),
        (JobError, _refuse_job),
        (RequestEntityTooLarge, _refuse_large),
        (HTTPException, _refuse_unreadable),
        (Exception, _admit),
    ):
        routes.register_error_handler(kind, answer)
    return routes


class _Door:
    """One method for each resource and what may be done with it."""

    def __init__(
        self,
        jobs: JobList,
        url: str,
        write_error: Callable[[ErrorSummary], tuple[bytes, str]],
        identify: Callable[[], Client],
        begin_to_wait: Callable[[], None],
    ) -> None:
        self._jobs = jobs
        self._url = url
        self._write_error = write_error
        self._identify = identify
        self._begin_to_wait = begin_to_wait

    def list_jobs(self) -> Response:
        found = self._jobs.list_jobs(self._identify(), read_filter(_parameters()))
        return _xml(write_jobs(found, self._url))

    def create(self) -> Response:
        wanted = read_new_job(_pairs())
        return self._to_job(self._jobs.create(wanted, self._identify(), _inputs()))

    def job(self, job_id: str) -> Response:
        job = self._find(job_id)
        seconds, phase = read_wait(_parameters())
        if seconds:
            self._begin_to_wait()
        job = self._jobs.wait(job, seconds, phase)
        return _xml(write_job(job, self._address(job), self._jobs.inputs_of(job)))

    def delete(self, job_id: str) -> Response:
        self._jobs.delete(self._find(job_id))
        # Clients that follow get a short list.
        return _see(f"{self._url}?LAST={_LISTED_AFTER_DELETE}")

    def act(self, job_id: str) -> Response:
        action = _parameters().one("ACTION")
        if action is None:
            raise UsageFault(
                "A job takes ACTION=DELETE here; its parameters are set at its resource parameters, its phase at phase."
            )
        read_choice("ACTION", action, ("DELETE",), default="DELETE")
        return self.delete(job_id)

    def phase(self, job_id: str) -> Response:
        return _text(self._find(job_id).phase.value)

    def change_phase(self, job_id: str) -> Response:
        job = self._find(job_id)
        wish = read_choice("PHASE", _needed("PHASE"), ("RUN", "ABORT"), default="RUN")
        return self._to_job(self._jobs.run(job) if wish == "RUN" else self._jobs.abort(job))

    def execution_duration(self, job_id: str) -> Response:
        return _text(str(self._find(job_id).execution_duration))

    def change_execution_duration(self, job_id: str) -> Response:
        job = self._find(job_id)
        wanted = read_execution_duration(_needed("EXECUTIONDURATION"))
        return self._to_job(self._jobs.set_execution_duration(job, wanted))

    def destruction(self, job_id: str) -> Response:
        return _text(write_instant(self._find(job_id).destruction))

    def change_destruction(self, job_id: str) -> Response:
        job = self._find(job_id)
        wanted = read_instant("DESTRUCTION", _needed("DESTRUCTION"))
        return self._to_job(self._jobs.set_destruction(job, wanted))

    def quote(self, job_id: str) -> Response:
        quote = self._find(job_id).quote
        return _text("" if quote is None else write_instant(quote))

    def owner(self, job_id: str) -> Response:
        return _text(self._find(job_id).owner or "")

    def error(self, job_id: str) -> Response:
        job = self._find(job_id)
        if job.error_summary is None:
            raise NotFoundFault(f"Job {job_id} is {job.phase.value} and has no error.")
        document, media_type = self._write_error(job.error_summary)
        return Response(document, content_type=media_type)

    def parameters(self, job_id: str) -> Response:
        job = self._find(job_id)
        return _xml(write_parameters(job, self._address(job), self._jobs.inputs_of(job)))

    def change_parameters(self, job_id: str) -> Response:
        job = self._find(job_id)
        return self._to_job(self._jobs.set_parameters(job, _pairs(), _inputs()))

    def parameter(self, job_id: str, parameter: str) -> Response:
        job = self._find(job_id)
        file = self._jobs.inputs_of(job).get(parameter)
        if file is not None:
            return _file(file, "application/octet-stream")
        values = [value for name, value in job.parameters if name.upper() == parameter.upper()]
        if not values:
            raise NotFoundFault(f"Job {job_id} has no parameter {quoted(parameter)}.")
        return _text(values[0])

    def results(self, job_id: str) -> Response:
        job = self._find(job_id)
        return _xml(write_results(job, self._address(job)))

    def result(self, job_id: str, result_id: str) -> Response:
        job = self._find(job_id)
        for result in job.results:
            file = self._jobs.result_of(job, result)
            if result.result_id == result_id and file.is_file():
                return _file(file, result.mime_type or "application/octet-stream")
        raise NotFoundFault(f"Job {job_id} is {job.phase.value} and has no result {quoted(result_id)}.")

    def _find(self, job_id: str) -> Job:
        return self._jobs.get(job_id, self._identify())

    def _address(self, job: Job) -> str:
        return f"{self._url}/{job.job_id}"

    def _to_job(self, job: Job) -> Response:
        return _see(self._address(job))


def _pairs() -> tuple[tuple[str, str], ...]:
    pairs = (*request.args.items(multi=True), *request.form.items(multi=True))
    # A body of unknown length is cut at the limit without a word.
    terminated = request.environ.get("wsgi.input_terminated")
    if request.content_length is None and terminated and request.environ["wsgi.input"].read(1):
        raise RequestEntityTooLarge
    return pairs


def _parameters() -> Parameters:
    return Parameters(_pairs())


def _needed(name: str) -> str:
    value = _parameters().one(name)
    if value is None:
        raise UsageFault(f"{name} is missing or empty.")
    return value


def _inputs() -> dict[str, Any]:
    return {name: file.stream for name, file in request.files.items(multi=True)}


def _see(address: str) -> Response:
    response = _text(f"See {address}\n", 303)
    response.headers["Location"] = address
    return response


def _xml(document: bytes) -> Response:
    return Response(document, content_type="text/xml;charset=utf-8")


def _text(text: str, status: int = 200) -> Response:
    return Response(text, status=status, content_type="text/plain;charset=utf-8")


def _file(path: Path, media_type: str) -> Response:
    """Send a file, or the part of it that is asked for."""
    response = send_file(path, conditional=True, etag=True)
    response.content_type = media_type
    # Clients name what they save by themselves.
    del response.headers["Content-Disposition"]
    return response


def _refuse(error: DaliError) -> Response:
    response = _text(f"{error}\n", error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _refuse_job(error: JobError) -> Response:
    response = _text(f"{error}\n", _STATUS.get(type(error), 500))
    if response.status_code == 503:
        response.headers["Retry-After"] = "5"
    return response


def _refuse_large(error: RequestEntityTooLarge) -> Response:
    del error
    discard_body(request.environ["wsgi.input"], request.content_length, vars(request).get("stream"))
    whole = request.max_content_length or 0
    # What is small enough as a whole has too much text beside its files.
    largest = whole if (request.content_length or whole + 1) > whole else request.max_form_memory_size
    return _refuse(TooLargeFault(f"The request has more than the {largest} bytes that this service reads."))


def _refuse_unreadable(error: HTTPException) -> Response:
    return _refuse(UsageFault(f"The request cannot be read: {error.description}"))


def _admit(error: Exception) -> Response:
    log.error("request failed", path=request.path, exc_info=error)
    return _refuse(FatalFault("The service failed on this request; its log says why."))
