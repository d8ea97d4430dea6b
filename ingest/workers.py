"""Files examined by several processes, in the order in which they were found."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from pathlib import Path

from ingest.examine import Examination, Examined, printable

Task = tuple[Path, frozenset[str]]

_AHEAD = 8
"""Files given to each worker before their turn, so that none waits."""


def examine_all(tasks: Iterable[Task], examine: Examination, workers: int) -> Iterator[Examined]:
    """Examine files with several processes.

    A file that kills its process (a library may crash) is refused with that reason; the others go on.

    Parameters
    ----------
    tasks
        Paths with the checksums that they may have.
    examine
        What to do with each.
    workers
        Number of processes; with 1 everything happens in this one.

    Raises
    ------
    StorageError
        Raised if the archive cannot take more bytes.
    """
    if workers <= 1:
        for path, known in tasks:
            yield examine(path, known)
        return
    source = iter(tasks)
    pending: deque[tuple[Task, Future[Examined]]] = deque()
    pool = _pool(workers)
    try:
        while True:
            while len(pending) < workers * _AHEAD and (task := next(source, None)) is not None:
                pending.append((task, pool.submit(examine, *task)))
            if not pending:
                return
            task, future = pending.popleft()
            try:
                yield future.result()
            except BrokenProcessPool:
                waiting = [task, *(other for other, _ in pending)]
                pending.clear()
                for one in waiting:
                    yield _alone(one, examine)
                pool = _pool(workers)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _alone(task: Task, examine: Examination) -> Examined:
    with _pool(1) as pool:
        try:
            return pool.submit(examine, *task).result()
        except BrokenProcessPool:
            path = task[0]
            return Examined(path, printable(path.name), reason="The process that read it died of it.")


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_die_with_parent)


def _die_with_parent() -> None:
    """End this worker when the process that started it is killed: it would write for nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
