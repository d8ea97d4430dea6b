"""Files examined by several threads, in the order in which they were found."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ingest.examine import Examination, Examined

Task = tuple[Path, frozenset[str]]

_AHEAD = 8
"""Files given to each worker before their turn, so that none waits."""


def examine_all(tasks: Iterable[Task], examine: Examination, workers: int) -> Iterator[Examined]:
    """Examine files with several threads.

    Threads suffice: most of the time goes into reading, hashing and syncing, which leave the interpreter free, and they
    need no second interpreter to start (some seconds).

    Parameters
    ----------
    tasks
        Paths with the checksums that they may have.
    examine
        What to do with each.
    workers
        Number of threads.

    Raises
    ------
    StorageError
        Raised if the archive cannot take more bytes.
    """
    source = iter(tasks)
    pending: deque[Future[Examined]] = deque()
    with ThreadPoolExecutor(workers, "ingest") as pool:
        try:
            while True:
                while len(pending) < workers * _AHEAD and (task := next(source, None)) is not None:
                    pending.append(pool.submit(examine, *task))
                if not pending:
                    return
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
