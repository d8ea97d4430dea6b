"""Who gives way when queries together need more memory than there is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SECONDS_TO_GO = 10.0


class Contender:
    """A query that works on its first rows.

    Attributes
    ----------
    gave_way
        Whether it was stopped, so that others find memory.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self.gave_way = False
        self._stop = stop
        self._gone = threading.Event()

    def give_way(self) -> bool:
        """Stop it, unless that was done; True when it has gone."""
        if not self.gave_way:
            self.gave_way = True
            self._stop()
        return self._gone.wait(_SECONDS_TO_GO)

    def leave(self) -> None:
        """Say that it holds nothing any longer, or is at its rows."""
        self._gone.set()


class Contention:
    """Lets the query that has worked longest without giving a row give way when another finds no memory.

    An engine that knows but one limit for all fails the query that asks when nothing is left: a narrow cone, say,
    beside a sort of everything. What each of them holds it does not tell. But what takes little takes milliseconds,
    so that the one that has been at work longest is most likely the one that holds most.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._contenders: list[Contender] = []

    @contextmanager
    def entered(self, stop: Callable[[], None]) -> Iterator[Contender]:
        """Count a query among those at work as long as the block runs.

        Parameters
        ----------
        stop
            Makes the query end soon; called by another thread.
        """
        contender = Contender(stop)
        with self._lock:
            self._contenders.append(contender)
        try:
            yield contender
        finally:
            with self._lock:
                self._contenders.remove(contender)
            contender.leave()

    def make_room(self, wanting: Contender) -> bool:
        """Have the oldest query give way; False where that is the one that asks, or it does not go."""
        with self._lock:
            oldest = self._contenders[0]
        return oldest is not wanting and not wanting.gave_way and oldest.give_way()
