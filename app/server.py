"""The server: one gunicorn worker with many threads, since one process alone may open the replica."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.http import wsgi

from app.config import ServerConfig


class AlreadyServedError(RuntimeError):
    """A second server for the same archive."""


class PortTakenError(RuntimeError):
    """An address on which somebody listens already, or that is not one of this machine."""


def require_free(config: ServerConfig) -> None:
    """Check that the server can listen where it should.

    Raises
    ------
    PortTakenError
        Raised with what to do.
    """
    try:
        with socket.create_server((config.host, config.port)):
            pass
    except OSError as error:
        raise PortTakenError(
            f"{config.host}:{config.port} cannot be listened on ({os.strerror(error.errno or 0)}); "
            "choose another with --host or --port."
        ) from error


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
    """Serve a Flask application until a signal stops it.

    Parameters
    ----------
    config
        Address, threads and time to stop.
    make_app
        Called once in the worker, after the fork: database files and threads belong to the process that uses them.
    stop
        Called in the worker when it ends, after the last answer.
    software
        Name and version for the header ``Server``.
    """

    def __init__(
        self, config: ServerConfig, make_app: Callable[[], Flask], stop: Callable[[], None], software: str
    ) -> None:
        self._config = config
        self._software = software
        self._make_app = make_app
        self._stop = stop
        super().__init__()

    def load_config(self) -> None:
        """Give gunicorn its settings."""
        for name, value in {
            "bind": f"{self._config.host}:{self._config.port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": self._config.threads,
            "timeout": 120,
            "graceful_timeout": self._config.stop_seconds,
            "keepalive": 15,
            "limit_request_line": 8190,
            "loglevel": "warning",
            "worker_exit": lambda _server, _worker: self._stop(),
        }.items():
            self.cfg.set(name, value)

    def run(self) -> None:
        """Serve until a signal; answers carry the archive's name instead of that of its HTTP library."""
        wsgi.SERVER = self._software  # type: ignore[attr-defined]  # the stubs lack it
        super().run()

    def load(self) -> Any:
        """Make the application, in the worker."""
        return self._make_app()
