"""Which query goes first where many run at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_PATIENCE_SECONDS = 0.02
_HEAVY = 2


class Precedence:
    """Lets queries that have not given a row yet go before those that are giving many.

    A narrow cone takes a few milliseconds, a dump takes all cores for as long as it likes. So a query that wants to go
    on after its first batch waits until none is at its first one, though not for long, and only so many go on at the
    same time.

    Parameters
    ----------
    heavy
        Queries that fetch later batches at the same time.
    patience_seconds
        Longest wait for others at each batch: a dump always comes to its end.
    """

    def __init__(self, heavy: int = _HEAVY, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        self._patience = patience_seconds
        self._slots = threading.Semaphore(heavy)
        self._changed = threading.Condition()
        self._beginners = 0

    @contextmanager
    def first(self) -> Iterator[None]:
        """Around the first batch of a query."""
        with self._changed:
            self._beginners += 1
        try:
            yield
        finally:
            with self._changed:
                self._beginners -= 1
                if not self._beginners:
                    self._changed.notify_all()

    @contextmanager
    def later(self) -> Iterator[None]:
        """Around each batch after the first."""
        with self._slots:
            with self._changed:
                self._changed.wait_for(lambda: not self._beginners, self._patience)
            yield
