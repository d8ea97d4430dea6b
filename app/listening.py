"""The socket on which the server listens; it outlives a restart, so that nobody is turned away meanwhile."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from app.config import ServerConfig

_FIRST_INHERITED = 3
"""File descriptor at which inherited sockets begin (systemd, "sd_listen_fds")."""

_BACKLOG = 2048


class PortTakenError(RuntimeError):
    """An address on which somebody listens already, or that is not one of this machine."""


@contextmanager
def listening(config: ServerConfig) -> Iterator[socket.socket]:
    """Listen where the settings say, or on the socket that a process of before, or a supervisor, has handed over.

    Raises
    ------
    PortTakenError
        Raised with what to do.
    """
    inherited = _inherited()
    if inherited is not None:
        with inherited:
            yield inherited
        return
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        listener = socket.create_server((config.host, config.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise PortTakenError(
            f"{config.host}:{config.port} cannot be listened on ({os.strerror(error.errno or 0)}); "
            "choose another with --host or --port."
        ) from error
    with listener:
        yield listener


def begin_anew(listener: socket.socket) -> NoReturn:
    """Replace this process by a fresh one of the same command, which goes on listening.

    It reads the settings again, and the code too. Whoever connects meanwhile waits for it.
    """
    # A second signal must not end it before it has its own handler.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.dup2(listener.fileno(), _FIRST_INHERITED)
    os.set_inheritable(_FIRST_INHERITED, True)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - the command that runs already


def _inherited() -> socket.socket | None:
    meant_for, number = os.environ.pop("LISTEN_PID", ""), os.environ.pop("LISTEN_FDS", "")
    if meant_for != str(os.getpid()) or not number.isdigit() or int(number) < 1:
        return None
    listener = socket.socket(fileno=_FIRST_INHERITED)
    listener.set_inheritable(False)
    return listener
