"""Queries whose clients are watched: they end when who asked goes away."""

from __future__ import annotations

from collections.abc import Callable

from schema.engines.execute import Engine, Limits, Query
from vo.tables.stream import TableStream


class WatchedEngine:
    """An engine for queries that belong to the request at hand.

    Parameters
    ----------
    engine
        What answers.
    when_gone
        Called with what stops a query, to be called if its client goes away.
    """

    def __init__(self, engine: Engine, when_gone: Callable[[Callable[[], None]], None]) -> None:
        self._engine = engine
        self._when_gone = when_gone

    def execute(self, query: Query, limits: Limits) -> TableStream:
        """Run a query as long as its client is there."""
        stream = self._engine.execute(query, limits)
        self._when_gone(stream.close)
        return stream
