"""The server: one gunicorn worker with many threads, since one process alone may open the replica."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from app.config import ServerConfig
from app.worker import Worker, speak_plainly

_CLOSING_SECONDS = 30
"""Longest time, after that of grace, for a worker to close what it has open."""


class AlreadyServedError(RuntimeError):
    """A second server for the same archive."""


@contextmanager
def only_server(directory: Path) -> Iterator[None]:
    """Hold the archive for this process and its children: one server at a time.

    Raises
    ------
    AlreadyServedError
        Raised when another process serves this archive.
    """
    with (directory / "serve.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyServedError(f"The archive {directory} is being served by another process already.") from error
        yield


class Server(BaseApplication):
    """Serve a WSGI application until a signal stops it.

    Parameters
    ----------
    config
        Threads and times.
    listener
        Where it listens; stays open in this process.
    make_app
        Called once in the worker, after the fork: database files and threads belong to the process that uses them.
    begin_to_stop
        Called in the worker when it takes no more clients and waits for the answers under way.
    stop
        Called in the worker when it ends: after the last answer, or when the time of grace is over.
    software
        Name and version for the header ``Server``.
    """

    def __init__(
        self,
        config: ServerConfig,
        listener: socket.socket,
        make_app: Callable[[], Any],
        begin_to_stop: Callable[[], None],
        stop: Callable[[], None],
        software: str,
    ) -> None:
        self.config = config
        self._listener = listener
        self._software = software
        self._make_app = make_app
        self.begin_to_stop = begin_to_stop
        self._stop = stop
        super().__init__()

    def load_config(self) -> None:
        """Give gunicorn its settings."""
        for name, value in {
            "bind": f"fd://{os.dup(self._listener.fileno())}",
            "workers": 1,
            "worker_class": Worker,
            "threads": self.config.threads,
            "timeout": 120,
            "graceful_timeout": self.config.stop_seconds + _CLOSING_SECONDS,
            "keepalive": 15,
            "limit_request_line": 8190,
            "limit_request_fields": 100,
            "limit_request_field_size": 8190,
            "loglevel": "warning",
            "post_fork": lambda _arbiter, _worker: self._listener.close(),
            "worker_exit": lambda _arbiter, worker: self._close(worker),
        }.items():
            self.cfg.set(name, value)

    def run(self) -> bool:  # type: ignore[override]
        """Serve until a signal.

        Returns
        -------
        anew
            Whether the signal was SIGHUP, which asks for a restart.
        """
        speak_plainly(self._software)
        master = _Master(self)
        try:
            master.run()
        except SystemExit as end:
            if end.code:
                raise
        return master.anew

    def load(self) -> Any:
        """Make the application, in the worker."""
        return self._make_app()

    def refuse(self) -> None:
        """Listen no longer."""
        self._listener.close()

    def _close(self, worker: Worker) -> None:
        self._stop()
        worker.finish()


class _Master(Arbiter):
    """gunicorn's master for a worker of which there can be one only: it begins anew when that has ended."""

    app: Server
    anew = False

    def handle_hup(self) -> None:
        """Stop, and tell that it was asked to begin anew."""
        self.anew = True
        raise StopIteration

    def stop(self, graceful: bool = True) -> None:
        """Stop the worker; unless it begins anew, new clients are refused from now on."""
        if not self.anew:
            self.app.refuse()
        super().stop(graceful)

    def handle_usr2(self) -> None:
        """Do nothing: a second server could not open the archive."""

    def handle_ttin(self) -> None:
        """Do nothing: a second worker could not open the replica."""

    def handle_ttou(self) -> None:
        """Do nothing."""
