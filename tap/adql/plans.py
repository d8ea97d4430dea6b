"""Plans of queries, kept for those that differ in the values of their literals only.

A cone search comes a thousand times with other numbers each time. Its select, and the SQL that the engine makes of it,
are the same: what changes are parameters, among them the HEALPix ranges, which are computed when they are bound.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from schema.catalogue import Catalogue
from schema.engines.execute import Query
from tap.adql.compile import compile_open
from tap.adql.open_literals import Bindings
from tap.adql.shape import Shape, literal_value, read_shape

_MOST_SHAPES = 256
_MOST_OF_A_SHAPE = 8


@dataclass(frozen=True, slots=True)
class _Parameters:
    """Parameters computed of literals, which are given by their place in the query and their sign."""

    literals: tuple[tuple[int, bool], ...]
    compute: Callable[..., Any]
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A compiled query, for all queries of its shape whose pinned literals are the same.

    Attributes
    ----------
    catalogue
        Kept alive, because its identity is part of the key.
    pinned
        Place and text of the literals on whose values the select depends.
    parameters
        What is computed of all others.
    """

    catalogue: Catalogue
    query: Query
    pinned: tuple[tuple[int, str], ...]
    parameters: tuple[_Parameters, ...]

    def serve(self, literals: tuple[str, ...]) -> Query | None:
        """The query with other literals; None if this plan is not for them."""
        if any(literals[place] != text for place, text in self.pinned):
            return None
        values: dict[str, Any] = {}
        try:
            for each in self.parameters:
                arguments = (_signed(literals[place], is_negative) for place, is_negative in each.literals)
                values.update(zip(each.keys, each.compute(*arguments), strict=True))
        except ValueError:
            return None
        return replace(self.query, parameters=values)


class PlanCache:
    """Compiles queries as `tap.adql.compile.compile_query` does, from kept plans where there are; for any thread.

    Parameters
    ----------
    most_shapes
        Shapes of queries that are kept: those asked for last.
    """

    def __init__(self, most_shapes: int = _MOST_SHAPES) -> None:
        self._most_shapes = most_shapes
        self._plans: OrderedDict[tuple[Any, ...], tuple[_Plan, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, text: str, catalogue: Catalogue) -> Query:
        """Compile a query.

        Raises
        ------
        AdqlError
            Raised with sentences for users: what is wrong, where, and the cure where there is one.
        """
        shape = read_shape(text) if catalogue.is_lasting else None
        if shape is None:
            return compile_open(text, catalogue, Bindings())
        key = (id(catalogue), shape.key)
        with self._lock:
            plans = self._plans.get(key, ())
            if plans:
                self._plans.move_to_end(key)
        for plan in plans:
            query = plan.serve(shape.literals)
            if query is not None:
                return query
        bindings = Bindings()
        query = compile_open(text, catalogue, bindings)
        plan = _plan(catalogue, shape, query, bindings)
        served = plan.serve(shape.literals)
        if served is None:
            return query
        with self._lock:
            others = self._plans.get(key, ())[: _MOST_OF_A_SHAPE - 1]
            self._plans[key] = (plan, *others)
            self._plans.move_to_end(key)
            while len(self._plans) > self._most_shapes:
                self._plans.popitem(last=False)
        return served


def _plan(catalogue: Catalogue, shape: Shape, query: Query, bindings: Bindings) -> _Plan:
    place_of = {position: place for place, position in enumerate(shape.positions)}
    open_places = {
        place_of[literal.node.position]
        for binding in bindings.made
        for literal in binding.literals
        if not literal.node.was_read
    }
    parameters = tuple(
        _Parameters(
            tuple((place_of[literal.node.position], literal.is_negative) for literal in binding.literals),
            binding.compute,
            binding.keys,
        )
        for binding in bindings.made
    )
    pinned = tuple((place, text) for place, text in enumerate(shape.literals) if place not in open_places)
    return _Plan(catalogue, query, pinned, parameters)


def _signed(text: str, is_negative: bool) -> Any:
    value: Any = literal_value(text)
    return -value if is_negative else value
