"""Libraries without their warnings: what is odd about a file is said in our own sentences."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def quietly() -> Iterator[None]:
    """Silence warnings; one thread at a time, for the filters belong to all of them."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
