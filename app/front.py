"""What stands before all doors: who asks, under which number, within which limits, and one line for each answer."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars, unbind_contextvars

from app.clients import Clients
from app.disconnects import Disconnects
from app.spool import Spool, Spools, spooled
from app.worker import cut_off
from schema.engines.deadlines import Deadlines

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Any]

_VISIT = "quipu.visit"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:@/+=-]{1,128}")

log = structlog.get_logger("app.requests")


@dataclass(slots=True)
class Visit:
    """One request.

    Attributes
    ----------
    request_id
        Number under which logs and the header ``X-Request-ID`` name it; that of the client or the proxy, if it has one.
    client
        Address of who asks.
    is_one_too_many
        Whether the client has as many under way as one may.
    connection
        Connection to the client, None where the server gives none.
    """

    request_id: str
    client: str
    is_one_too_many: bool
    connection: socket.socket | None
    disconnects: Disconnects
    _leave: Callable[[], None]
    _endings: list[Callable[[], None]] = field(default_factory=list)

    def when_gone(self, stop: Callable[[], None]) -> None:
        """Call `stop` if the client goes before its answer is complete."""
        if self.connection is not None:
            self._endings.append(self.disconnects.watch(self.connection, stop))

    def stand_aside(self) -> None:
        """Count no longer among what the client has under way: from now on the request does little but wait."""
        leave, self._leave = self._leave, _nothing
        leave()

    def end(self) -> None:
        """Watch and count no longer."""
        while self._endings:
            self._endings.pop()()
        self.stand_aside()


def visit_of(environ: Environ) -> Visit | None:
    """The visit that an environment of WSGI belongs to; None where there is no front, as in tests."""
    visit: Visit | None = environ.get(_VISIT)
    return visit


class Front:
    """WSGI application around another.

    Parameters
    ----------
    app
        The doors.
    clients
        Says who asks and who asks for too much.
    spools
        Where answers wait for slow clients.
    seconds
        Longest time for a client to give, or to take, the next piece.
    logs_requests
        Whether each request leaves a line in the log.
    """

    def __init__(
        self, app: WsgiApp, clients: Clients, spools: Spools, *, seconds: float, logs_requests: bool = True
    ) -> None:
        self._app = app
        self._clients = clients
        self._spools = spools
        self._seconds = seconds
        self._logs_requests = logs_requests
        self._deadlines = Deadlines()
        self._disconnects = Disconnects()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Any:
        """Answer a request."""
        client = self._clients.address(environ)
        counted = self._clients.enter(client)
        wished = environ.get("HTTP_X_REQUEST_ID", "")
        visit = Visit(
            wished if _REQUEST_ID.fullmatch(wished) else uuid.uuid4().hex,
            client,
            not counted,
            environ.get("gunicorn.socket"),
            self._disconnects,
            partial(self._clients.leave, client) if counted else _nothing,
        )
        environ[_VISIT] = visit
        answer = _Answer(visit, environ, start_response)

        def end() -> None:
            visit.end()
            if self._logs_requests:
                answer.log()
            unbind_contextvars("request")

        if environ.get("CONTENT_LENGTH", "0") != "0" or "HTTP_TRANSFER_ENCODING" in environ:
            environ["wsgi.input"] = _Body(environ["wsgi.input"], self._watch(visit))
        bind_contextvars(request=visit.request_id)
        try:
            body = self._app(environ, answer.start)
        except BaseException:
            end()
            raise
        return self._sent(body, environ, answer, end)

    def _sent(self, body: Any, environ: Environ, answer: _Answer, end: Callable[[], None]) -> Any:
        """Body as the server is to send it; `end` is called when it is closed."""
        file_wrapper = environ.get("wsgi.file_wrapper")
        if file_wrapper is not None and isinstance(body, file_wrapper) and environ["REQUEST_METHOD"] != "HEAD":
            # The kernel sends it; a client that takes nothing is found out by the connection's own time-out.
            body.close = _both(getattr(body, "close", _nothing), end)
            return body
        return _Sending(body, answer, self._watch(answer.visit), end, self._spools)

    def _watch(self, visit: Visit) -> _Watch:
        if visit.connection is None:
            return contextlib.nullcontext
        return partial(self._within, visit.connection)

    @contextlib.contextmanager
    def _within(self, connection: socket.socket) -> Iterator[None]:
        """Cut the client off if what it has to do takes it too long."""
        deadline = self._deadlines.watch(self._seconds, partial(cut_off, connection))
        try:
            yield
        finally:
            deadline.cancel()


_Watch = Callable[[], contextlib.AbstractContextManager[None]]


class _Body:
    """Body of a request, each part of which must come in time."""

    def __init__(self, source: Any, watch: _Watch) -> None:
        self._source = source
        self._watch = watch

    def read(self, *size: int) -> bytes:
        with self._watch():
            piece: bytes = self._source.read(*size)
        return piece

    def readline(self, *size: int) -> bytes:
        with self._watch():
            line: bytes = self._source.readline(*size)
        return line

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")


class _Answer:
    """Head of an answer and what of it has been sent."""

    def __init__(self, visit: Visit, environ: Environ, start_response: Callable[..., Any]) -> None:
        self.visit = visit
        self.is_head = environ["REQUEST_METHOD"] == "HEAD"
        self.length: int | None = None
        self.sent = 0
        self._status = ""
        self._environ = environ
        self._start_response = start_response
        self._began = time.monotonic()

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """Take the head of the answer."""
        self._status = status
        self.length = next((int(value) for name, value in headers if name.lower() == "content-length"), None)
        return self._start_response(status, [*headers, ("X-Request-ID", self.visit.request_id)], exc_info)

    def log(self) -> None:
        """Write the line of the request; the parameters stay out, since they may hold what nobody else should know."""
        environ = self._environ
        log.info(
            "request",
            client=self.visit.client,
            method=environ["REQUEST_METHOD"],
            path=environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""),
            status=self._status[:3],
            bytes=self.length if self.length is not None and not self.is_head else self.sent,
            seconds=round(time.monotonic() - self._began, 4),
            agent=environ.get("HTTP_USER_AGENT", "")[:100],
        )


class _Sending:
    """Pieces of an answer, each of which its client must take in time; what is made faster waits in a spool."""

    def __init__(self, body: Any, answer: _Answer, watch: _Watch, end: Callable[[], None], spools: Spools) -> None:
        self._body = body
        self._answer = answer
        self._watch = watch
        self._end = end
        self._pieces = self._made(spools)

    def __iter__(self) -> Generator[bytes, None, None]:
        return self._pieces

    def close(self) -> None:
        try:
            self._pieces.close()
            getattr(self._body, "close", _nothing)()
        finally:
            self._end()

    def _made(self, spools: Spools) -> Generator[bytes, None, None]:
        if self._answer.is_head:
            return
        pieces = iter(self._body)
        connection = self._answer.visit.connection
        if connection is not None and self._answer.length is None:
            pieces = spooled(pieces, _can_take(connection), Spool(spools))
        for piece in pieces:
            with self._watch():
                yield piece
            self._answer.sent += len(piece)


def _can_take(connection: socket.socket) -> Callable[[], bool]:
    """Whether a connection has room for more, or is broken: then too there is nothing to wait for."""
    room = select.poll()
    room.register(connection, select.POLLOUT)
    return lambda: bool(room.poll(0))


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def both() -> None:
        try:
            first()
        finally:
            second()

    return both


def _nothing() -> None:
    """Nothing to close."""
