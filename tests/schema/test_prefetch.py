from __future__ import annotations

from collections.abc import Iterator

import pytest

from schema.prefetch import prefetched


def test_values_come_in_their_order() -> None:
    assert list(prefetched(range(100))) == list(range(100))
    assert list(prefetched([])) == []
    assert list(prefetched([None, None])) == [None, None]


def test_an_error_comes_where_its_value_would_have_come() -> None:
    def values() -> Iterator[int]:
        yield 1
        raise OSError("lost")

    coming = prefetched(values())
    assert next(coming) == 1
    with pytest.raises(OSError, match="lost"):
        next(coming)


def test_who_stops_early_closes_the_source() -> None:
    closed = []

    def values() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.append(True)

    coming = prefetched(values())
    assert next(coming) == 0
    coming.close()  # type: ignore[attr-defined]
    assert closed == [True]
