"""Make the next value while the present one is in use."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def prefetched(values: Iterable[T]) -> Iterator[T]:
    """Draw values one ahead, in a thread of their own; an error comes where its value would have come."""
    source = iter(values)
    end = object()
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as thread:
            coming = thread.submit(next, source, end)
            while True:
                value = coming.result()
                if value is end:
                    return
                coming = thread.submit(next, source, end)
                yield value  # type: ignore[misc]
    finally:
        if isinstance(source, Generator):
            source.close()
