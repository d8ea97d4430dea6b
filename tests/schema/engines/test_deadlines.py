from __future__ import annotations

import threading
import time

from schema.engines.deadlines import Deadlines


def test_deadlines_pass_in_the_order_of_their_times() -> None:
    deadlines = Deadlines()
    passed: list[str] = []
    done = threading.Event()
    late = deadlines.watch(0.15, lambda: (passed.append("late"), done.set())[0])
    early = deadlines.watch(0.05, lambda: passed.append("early") if "early" not in passed else None)
    assert done.wait(10)
    late.cancel()
    early.cancel()
    assert passed[:2] == ["early", "late"]


def test_a_deadline_calls_again_until_it_is_cancelled() -> None:
    deadlines = Deadlines()
    calls = threading.Semaphore(0)
    deadline = deadlines.watch(0, calls.release)
    for _ in range(3):
        assert calls.acquire(timeout=10)
    deadline.cancel()
    while calls.acquire(blocking=False):
        pass
    time.sleep(0.3)
    assert not calls.acquire(blocking=False)
    assert deadline.passed


def test_a_cancelled_deadline_is_not_called() -> None:
    deadlines = Deadlines()
    called: list[int] = []
    deadline = deadlines.watch(0.05, lambda: called.append(1))
    deadline.cancel()
    after = threading.Event()
    marker = deadlines.watch(0.1, after.set)
    assert after.wait(10)
    marker.cancel()
    assert called == []
    assert not deadline.passed


def test_one_thread_keeps_all_deadlines() -> None:
    deadlines = Deadlines()
    before = threading.active_count()
    many = [deadlines.watch(100, lambda: None) for _ in range(50)]
    assert threading.active_count() <= before + 1
    for deadline in many:
        deadline.cancel()


def test_cancelled_deadlines_do_not_pile_up() -> None:
    deadlines = Deadlines()
    kept = [deadlines.watch(1000, lambda: None) for _ in range(10)]
    for _ in range(5000):
        deadlines.watch(1000, lambda: None).cancel()
    assert len(deadlines._heap) < 1000
    soon = threading.Event()
    last = deadlines.watch(0.01, soon.set)
    assert soon.wait(10)
    for deadline in (*kept, last):
        deadline.cancel()
