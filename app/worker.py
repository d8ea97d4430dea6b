"""The process that answers: many threads, none of which a client can hold by doing nothing."""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import threading
import time
from functools import partial
from typing import Any

from gunicorn import util
from gunicorn.http import wsgi
from gunicorn.workers.gthread import TConn, ThreadWorker

from app.config import ServerConfig
from schema.engines.deadlines import Deadline, Deadlines

_LAST_WORDS_SECONDS = 2.0
_NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)


class Worker(ThreadWorker):
    """gunicorn's worker with threads, and time limits for what it leaves to the good will of clients.

    A connection takes a thread when its first bytes are there, and loses it when the head of its request is not
    complete in time. A client that takes nothing for as long is cut off. When the worker stops, it listens no longer
    from the first moment, and whoever still reads at the end of the time of grace is cut off.
    """

    app: Any
    cfg: Any
    sockets: list[Any]

    def init_process(self) -> None:
        """Begin to work, in the process of the worker."""
        config: ServerConfig = self.app.config
        self._seconds = config.client_seconds
        # The master waits longer, so that there is time to close what is open.
        self.cfg.set("graceful_timeout", config.stop_seconds)
        self._deadlines = Deadlines()
        self._busy: dict[TConn, Deadline] = {}
        self._lock = threading.Lock()
        super().init_process()

    def accept(self, listener: Any) -> None:
        """Take a connection; it gets a thread when it has sent something."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in _NO_DESCRIPTORS:
                self.log.error("No connection can be taken: too many files are open.")
                time.sleep(0.1)
            elif error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED):
                raise
            return
        # What is sent and not taken for so long ends the connection, a file as well.
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._seconds * 1000))
        self.nr_conns += 1
        connection = TConn(self.cfg, client, address, listener.getsockname())
        connection.set_timeout()
        self.pending_conns.append(connection)
        self.poller.register(client, selectors.EVENT_READ, partial(self.on_pending_socket_readable, connection))

    def handle(self, conn: Any) -> Any:
        """Answer a request, in a thread."""
        deadline = self._deadlines.watch(self._seconds, partial(cut_off, conn.sock))
        with self._lock:
            self._busy[conn] = deadline
        try:
            return super().handle(conn)
        finally:
            deadline.cancel()
            with self._lock:
                del self._busy[conn]

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request whose head is complete."""
        self._busy[conn].cancel()
        return super().handle_request(req, conn)

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """Begin or end to take connections; at the last end clients are refused rather than left waiting."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            self.app.begin_to_stop()
            for listener in self.sockets:
                listener.close()

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Stop at once."""
        self._cut_all()
        super().handle_quit(sig, frame)

    def finish(self) -> None:
        """Give answers a moment to end with the word that they are not complete, then cut them off."""
        end = time.monotonic() + _LAST_WORDS_SECONDS
        while self._busy and time.monotonic() < end:
            time.sleep(0.02)
        self._cut_all()

    def _cut_all(self) -> None:
        for connection in list(self._busy):
            cut_off(connection.sock)


def cut_off(client: socket.socket) -> None:
    """End a connection in both directions; whoever reads from it or writes to it goes on at once."""
    with contextlib.suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)


def speak_plainly(software: str) -> None:
    """Let the HTTP library name the archive in its answers, and say in plain text what it cannot read."""
    wsgi.SERVER = software  # type: ignore[attr-defined]  # the stubs lack it
    util.write_error = partial(_write_error, software)


def _write_error(software: str, client: socket.socket, status: int, reason: str, sentence: str) -> None:
    body = f"{sentence or reason}\n".encode("latin-1", "replace")
    head = (
        f"HTTP/1.1 {status} {reason}\r\nServer: {software}\r\nConnection: close\r\n"
        f"Content-Type: text/plain;charset=iso-8859-1\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    util.write_nonblock(client, head.encode("latin-1") + body)
