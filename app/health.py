"""Whether the archive can be used now, and what keeps it from that."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from vo.vosi.availability import Availability

_PATIENCE_SECONDS = 2.0
_LASTING_SECONDS = 1.0
_MEGABYTE = 1e6

UNREACHABLE = (
    "The archive's database cannot be reached: jobs, files and new data have to wait; "
    "queries that are answered at once show what was there before."
)
STOPPING = "The server is being stopped."


class Probe:
    """A question that is asked in a thread of its own, so that one who does not answer holds nobody for long.

    Parameters
    ----------
    ask
        Raises an exception if something is wrong.
    patience
        Longest time to wait for the answer, in s; later it counts as a failure.
    lasting
        Time for which an answer counts, in s.
    """

    def __init__(
        self, ask: Callable[[], object], patience: float = _PATIENCE_SECONDS, lasting: float = _LASTING_SECONDS
    ) -> None:
        self._ask = ask
        self._patience = patience
        self._lasting = lasting
        self._lock = threading.Lock()
        self._answered = threading.Event()
        self._under_way = False
        self._succeeded = False
        self._when = float("-inf")

    def succeeds(self) -> bool:
        """Ask, unless it was asked a moment ago or is still being asked."""
        with self._lock:
            if not self._under_way and time.monotonic() - self._when > self._lasting:
                self._under_way = True
                self._answered = threading.Event()
                threading.Thread(target=self._run, args=(self._answered,), name="probe", daemon=True).start()
            answered = self._answered
        return answered.wait(self._patience) and self._succeeded

    def _run(self, answered: threading.Event) -> None:
        try:
            self._ask()
            succeeded = True
        except Exception:  # whatever it is, it keeps the archive from working
            succeeded = False
        with self._lock:
            self._succeeded, self._when, self._under_way = succeeded, time.monotonic(), False
        answered.set()


class Health:
    """State of a served archive.

    Parameters
    ----------
    ask_database
        Asks the database something; raises an exception if it does not answer.
    engine_trouble
        Sentences on what keeps the engine from answering; none while all is well.
    directory
        Of the archive.
    least_free
        Free space of a disk, in bytes, below which that is trouble.
    """

    def __init__(
        self,
        ask_database: Callable[[], object],
        engine_trouble: Callable[[], tuple[str, ...]],
        directory: Path,
        least_free: int,
    ) -> None:
        self._database = Probe(ask_database)
        self._engine_trouble = engine_trouble
        self._disks = {"the archive": directory, "temporary files": Path(tempfile.gettempdir())}
        self._least_free = least_free
        self._started = datetime.now(UTC)
        self._stopping = False

    def begin_to_stop(self) -> None:
        """Say from now on that the server is being stopped."""
        self._stopping = True

    def availability(self) -> Availability:
        """How the archive is now; takes no longer than a few seconds, whatever is wrong."""
        trouble = tuple(self._trouble())
        if trouble:
            return Availability(available=False, notes=trouble)
        return Availability(True, ("The archive answers queries.",), self._started)

    def _trouble(self) -> Iterator[str]:
        if self._stopping:
            yield STOPPING
        if not self._database.succeeds():
            yield UNREACHABLE
        yield from self._engine_trouble()
        yield from _short_of_room(self._disks, self._least_free)


def _short_of_room(disks: dict[str, Path], least: int) -> Iterator[str]:
    seen: set[int] = set()
    for name, folder in disks.items():
        device = folder.stat().st_dev
        free = shutil.disk_usage(folder).free
        if free < least and device not in seen:
            yield (
                f"The disk of {name} is nearly full, with {free / _MEGABYTE:,.0f} MB left: "
                "new data, uploads, jobs and large answers may fail."
            )
        seen.add(device)
