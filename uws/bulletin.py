"""News of jobs, inside one process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Bulletin:
    """Tells those who wait for a job that it has changed.

    Nothing depends on news: other processes change jobs too, so whoever waits also looks now and then.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, list[threading.Event]] = {}
        self._closed = False

    def announce(self, job_id: str) -> None:
        """Say that a job has changed or is gone."""
        with self._lock:
            for changed in self._waiting.get(job_id, ()):
                changed.set()

    def close(self) -> None:
        """End all waits, those under way and those to come."""
        with self._lock:
            self._closed = True
            for events in self._waiting.values():
                for changed in events:
                    changed.set()

    @property
    def closed(self) -> bool:
        """Whether nobody should wait any longer."""
        return self._closed

    @contextmanager
    def listen(self, job_id: str) -> Iterator[threading.Event]:
        """Give an event that is set at news of a job from now on."""
        changed = threading.Event()
        with self._lock:
            self._waiting.setdefault(job_id, []).append(changed)
            if self._closed:
                changed.set()
        try:
            yield changed
        finally:
            with self._lock:
                self._waiting[job_id].remove(changed)
                if not self._waiting[job_id]:
                    del self._waiting[job_id]
