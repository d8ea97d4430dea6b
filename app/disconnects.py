"""Clients that go away while their answer is still being made."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class Disconnects:
    """Watches over the connections of many requests with one thread, started by the first of them."""

    def __init__(self) -> None:
        self._gone = select.epoll()
        self._stops: dict[int, list[Callable[[], None]]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def watch(self, client: socket.socket, stop: Callable[[], None]) -> Callable[[], None]:
        """Call `stop` when the client closes its connection, even one direction of it.

        Returns
        -------
        forget
            Ends the watch; to be called before the connection is closed or used for another request.
        """
        number = client.fileno()
        if number < 0:
            return _nothing
        with self._lock:
            stops = self._stops.setdefault(number, [])
            stops.append(stop)
            if len(stops) == 1:
                self._gone.register(number, select.EPOLLRDHUP | select.EPOLLONESHOT)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="disconnects", daemon=True)
                self._thread.start()
        return lambda: self._forget(number, stop)

    def _forget(self, number: int, stop: Callable[[], None]) -> None:
        with self._lock:
            stops = self._stops.get(number, [])
            if stop in stops:
                stops.remove(stop)
            if not stops and self._stops.pop(number, None) is not None:
                with contextlib.suppress(OSError):
                    self._gone.unregister(number)

    def _run(self) -> None:
        while True:
            for number, _ in self._gone.poll():
                with self._lock:
                    stops = list(self._stops.get(number, ()))
                for stop in stops:
                    try:
                        stop()
                    except Exception as error:
                        log.error("a request could not be stopped", exc_info=error)


def _nothing() -> None:
    """Nothing to forget."""
