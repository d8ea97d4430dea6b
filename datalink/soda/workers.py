"""Processes that do what a thread of the server should not: each does one thing at a time and can be ended."""

from __future__ import annotations

import multiprocessing
import queue
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class WorkerError(Exception):
    """A worker gave no answer."""


class BusyError(WorkerError):
    """Raised when too many wait for a worker already, or none became free in time."""


class OverTimeError(WorkerError):
    """Raised when a worker had to be ended because it took too long."""


class StoppedError(WorkerError):
    """Raised when a worker was ended because nobody wants its answer any longer."""


class BrokenWorkerError(WorkerError):
    """Raised when a worker failed or died."""


def _no_stop(stop: Callable[[], None]) -> None:
    del stop


class _Worker:
    """A process that waits for something to do; it ends when this process does."""

    def __init__(self) -> None:
        # A fork would copy the threads' locks and the open database.
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(other,), daemon=True, name="soda worker")
        self.process.start()
        other.close()

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()


class Workers:
    """A few worker processes, started when they are first needed and kept.

    Parameters
    ----------
    count
        How many work at the same time.
    waiting
        How many more may wait for one of them.
    """

    def __init__(self, count: int, waiting: int) -> None:
        self._places = threading.BoundedSemaphore(count + waiting)
        # None stands for a worker that is not started yet.
        self._free: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(count):
            self._free.put(None)
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._all: set[_Worker] = set()

    def run(
        self,
        work: Callable[[Request], Answer],
        request: Request,
        seconds: float,
        begun: Callable[[Callable[[], None]], None] = _no_stop,
    ) -> Answer:
        """Have something done by a worker.

        Parameters
        ----------
        work, request
            A function of a module, and what it is called with; both are sent to the worker, and the answer is sent
            back.
        seconds
            Longest time, that of waiting included.
        begun
            Takes a function that ends the work.

        Raises
        ------
        WorkerError
            Raised if there is no answer.
        """
        if self._closed.is_set() or not self._places.acquire(blocking=False):
            raise BusyError
        stopped = threading.Event()
        deadline = time.monotonic() + seconds
        try:
            begun(stopped.set)
            worker = self._take(deadline, stopped)
            try:
                answer = self._ask(worker, work, request, deadline, stopped)
            except BaseException:
                self._drop(worker)
                raise
            self._free.put(worker)
            return answer
        finally:
            self._places.release()

    def close(self) -> None:
        """End all workers; those who wait for an answer get none."""
        self._closed.set()
        with self._lock:
            workers, self._all = self._all, set()
        for worker in workers:
            worker.process.kill()
            worker.process.join()

    def _take(self, deadline: float, stopped: threading.Event) -> _Worker:
        while True:
            try:
                worker = self._free.get(timeout=_LOOK_SECONDS)
                break
            except queue.Empty:
                if stopped.is_set():
                    raise StoppedError from None
                if time.monotonic() > deadline or self._closed.is_set():
                    raise BusyError from None
        if worker is not None and worker.process.is_alive():
            return worker
        try:
            worker = _Worker()
        except OSError as error:
            self._free.put(None)
            raise BusyError from error
        with self._lock:
            self._all.add(worker)
        return worker

    def _drop(self, worker: _Worker) -> None:
        with self._lock:
            self._all.discard(worker)
        worker.end()
        self._free.put(None)

    def _ask(
        self,
        worker: _Worker,
        work: Callable[[Request], Answer],
        request: Request,
        deadline: float,
        stopped: threading.Event,
    ) -> Answer:
        try:
            worker.connection.send((work, request))
            while not worker.connection.poll(_LOOK_SECONDS):
                if stopped.is_set() or self._closed.is_set():
                    raise StoppedError
                if time.monotonic() > deadline:
                    raise OverTimeError
            succeeded, answer = worker.connection.recv()
        except (EOFError, OSError) as error:
            raise BrokenWorkerError("The worker died.") from error
        if not succeeded:
            raise BrokenWorkerError(answer)
        return answer  # type: ignore[no-any-return]


_LOOK_SECONDS = 0.05


def _serve(connection: Connection) -> None:
    """Life of a worker."""
    # The keys that stop a server go to all its processes; the server ends its workers by itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        try:
            work, request = connection.recv()
        except (EOFError, OSError):
            return
        answer: tuple[bool, Any]
        try:
            answer = True, work(request)
        except Exception as error:
            answer = False, f"{type(error).__name__}: {error}"
        try:
            connection.send(answer)
        except (BrokenPipeError, OSError):
            return
