"""What all doors for queries do alike with a request: how much of it they read, and what becomes of its faults."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from vo.dali.body import discard_body
from vo.dali.errors import DaliError, FatalFault, TooLargeFault, UsageFault

Refuse = Callable[[DaliError], Response]

log = structlog.get_logger(__name__)


def guard(routes: Blueprint, refuse: Refuse, largest_request: int) -> None:
    """Bound the requests of a blueprint, and answer every failure in the form of its protocol.

    Parameters
    ----------
    routes
        Not registered yet.
    refuse
        Writes a fault as the protocol wants it.
    largest_request
        Most bytes of the body of a request.
    """

    def answer(fault: DaliError) -> Response:
        response = refuse(fault)
        if fault.retry_after is not None:
            response.headers["Retry-After"] = str(fault.retry_after)
        return response

    def bound_request() -> None:
        request.max_content_length = largest_request
        request.max_form_memory_size = largest_request
        # A body of unknown length is cut at the limit without a word.
        if request.form is not None and request.content_length is None and _sends_more():
            raise RequestEntityTooLarge

    def answer_large(error: RequestEntityTooLarge) -> Response:
        del error
        _discard_body()
        return answer(TooLargeFault(f"The request has more than the {largest_request} bytes that this service reads."))

    def answer_http(error: HTTPException) -> Response:
        return answer(UsageFault(f"The request cannot be read: {error.description}"))

    def answer_failure(error: Exception) -> Response:
        log.error("request failed", path=request.path, exc_info=error)
        return answer(FatalFault("The service failed on this request; its log says why."))

    routes.before_request(bound_request)
    routes.register_error_handler(DaliError, answer)
    routes.register_error_handler(RequestEntityTooLarge, answer_large)
    routes.register_error_handler(HTTPException, answer_http)
    routes.register_error_handler(Exception, answer_failure)


def _sends_more() -> bool:
    return bool(request.environ.get("wsgi.input_terminated") and request.environ["wsgi.input"].read(1))


def _discard_body() -> None:
    discard_body(request.environ["wsgi.input"], request.content_length, vars(request).get("stream"))
