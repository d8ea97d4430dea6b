"""Queries that give many rows step aside for those that have given none yet."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from schema.engines.precedence import Precedence


def test_a_later_batch_waits_for_first_ones() -> None:
    precedence = Precedence(patience_seconds=60.0)
    order: list[str] = []

    def go_on() -> None:
        with precedence.later():
            order.append("later")

    with precedence.first():
        waiting = threading.Thread(target=go_on)
        waiting.start()
        waiting.join(0.05)
        order.append("first")
    waiting.join(30)
    assert order == ["first", "later"]


def test_nobody_waits_without_end() -> None:
    precedence = Precedence(patience_seconds=0.01)
    with precedence.first(), precedence.later():
        pass


def test_only_so_many_go_on_at_once() -> None:
    precedence = Precedence(heavy=2)
    both, running, most = threading.Barrier(2), 0, 0
    lock = threading.Lock()

    def go_on(number: int) -> None:
        nonlocal running, most
        with precedence.later():
            with lock:
                running += 1
                most = max(most, running)
            if number < 2:
                both.wait(30)
            with lock:
                running -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(go_on, range(40)))
    assert most == 2


def test_a_first_batch_that_fails_holds_nobody_up() -> None:
    precedence = Precedence(patience_seconds=60.0)
    try:
        with precedence.first():
            raise ValueError
    except ValueError:
        pass
    with precedence.later():
        pass
