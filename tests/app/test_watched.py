"""Queries of clients that go away."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from app.watched import WatchedEngine
from schema.engines.execute import Engine, Limits, Query
from vo.tables.stream import TableStream


class _Stream:
    closed = False

    def close(self) -> None:
        self.closed = True


class _Engine:
    def __init__(self) -> None:
        self.stream = _Stream()

    def execute(self, query: Query, limits: Limits) -> TableStream:
        del query, limits
        return cast(TableStream, self.stream)


def test_a_query_ends_when_its_client_goes() -> None:
    engine = _Engine()
    stops: list[Callable[[], None]] = []
    WatchedEngine(cast(Engine, engine), stops.append).execute(cast(Query, None), Limits())
    assert not engine.stream.closed
    (stop,) = stops
    stop()
    assert engine.stream.closed
