from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.replication.source import joined

RANGES = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 12)).map(lambda pair: (pair[0], pair[0] + pair[1])))


def members(ranges: list[tuple[int, int]] | tuple[tuple[int, int], ...]) -> set[int]:
    return {number for lo, hi in ranges for number in range(lo, hi + 1)}


@given(RANGES)
def test_joined_ranges_hold_the_same_numbers_and_do_not_touch(ranges: list[tuple[int, int]]) -> None:
    merged = joined(ranges)
    assert members(merged) == members(ranges)
    assert all(left[1] + 1 < right[0] for left, right in itertools.pairwise(merged))


@given(RANGES, st.integers(1, 5))
def test_few_ranges_are_left_and_nothing_is_lost(ranges: list[tuple[int, int]], most: int) -> None:
    merged = joined(ranges, most)
    assert len(merged) <= most
    assert members(ranges) <= members(merged)
    assert all(left[1] < right[0] for left, right in itertools.pairwise(merged))


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (4, ((0, 1), (10, 11), (13, 14), (100, 101))),
        (3, ((0, 1), (10, 14), (100, 101))),
        (2, ((0, 14), (100, 101))),
        (1, ((0, 101),)),
    ],
)
def test_the_smallest_gaps_are_closed_first(most: int, expected: tuple[tuple[int, int], ...]) -> None:
    assert joined([(100, 101), (0, 1), (10, 11), (13, 14)], most) == expected
