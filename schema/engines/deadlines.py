"""Time limits of many queries, kept by one thread."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

_AGAIN_SECONDS = 0.1
_LEAST_KEPT = 256


@dataclass(slots=True)
class Deadline:
    """The time limit of one query.

    Attributes
    ----------
    stop
        Called when the time is up, and again each 0.1 s until `cancel`: an interrupt that comes a moment before its
        query has begun is lost.
    passed
        True when the time is up.
    """

    stop: Callable[[], None]
    passed: bool = False
    _over: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def cancel(self) -> None:
        """End the watch; when this returns, `stop` is not running and is not called again."""
        with self._lock:
            self._over = True

    @property
    def is_over(self) -> bool:
        """Whether it was cancelled."""
        return self._over

    def fire(self) -> bool:
        """Stop the query; False when nobody waits for that any longer."""
        with self._lock:
            if self._over:
                return False
            self.passed = True
            self.stop()
            return True


class Deadlines:
    """Watches over deadlines with one thread, started by the first of them."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Deadline]] = []
        self._numbers = itertools.count()
        self._most = _LEAST_KEPT
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def watch(self, seconds: float, stop: Callable[[], None]) -> Deadline:
        """Call `stop` in so many seconds unless the deadline is cancelled before."""
        deadline = Deadline(stop)
        with self._changed:
            self._push(time.monotonic() + seconds, deadline)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            # To wake it for each query would cost more than a tenth of a millisecond.
            if self._heap[0][2] is deadline:
                self._changed.notify()
        return deadline

    def _push(self, when: float, deadline: Deadline) -> None:
        heapq.heappush(self._heap, (when, next(self._numbers), deadline))
        if len(self._heap) > self._most:
            # Most queries end long before their time; what is cancelled must not pile up until then.
            self._heap = [entry for entry in self._heap if not entry[2].is_over]
            heapq.heapify(self._heap)
            self._most = max(_LEAST_KEPT, 2 * len(self._heap))

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._heap:
                    self._changed.wait()
                when, _, deadline = self._heap[0]
                wait = when - time.monotonic()
                if wait > 0:
                    self._changed.wait(wait)
                    continue
                heapq.heappop(self._heap)
            if deadline.fire():
                with self._changed:
                    self._push(time.monotonic() + _AGAIN_SECONDS, deadline)
