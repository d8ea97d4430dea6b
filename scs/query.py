"""A cone search as a select."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from schema.engines.execute import Query
from schema.spatial.cones import CONE_TYPES, WIDEST_CONE, cone_parameters, is_in_cone
from schema.spatial.constructs import FixedPosition, is_within, position_of
from scs.parameters import ConeQuery
from scs.table import ConeTable

_NAMES = tuple(f"cone_{number}" for number in range(len(CONE_TYPES)))


def select_cone(table: ConeTable, wanted: ConeQuery) -> Query:
    """Select the rows whose position lies in the cone, its rim included.

    All narrow cones in a table share one select, which the engine then knows.
    """
    cone = wanted.cone
    fields = table.fields(wanted.verbosity)
    if cone.radius < WIDEST_CONE:
        values = cone_parameters(cone.ra, cone.dec, cone.radius)
        return Query(_narrow(table, wanted.verbosity), fields, dict(zip(_NAMES, values, strict=True)))
    source = table.published.table.alias()
    position = position_of(source)
    assert position is not None
    within = is_within(position, FixedPosition(cone.ra, cone.dec), cone.radius)
    return Query(_columns(table, source, wanted.verbosity).where(within), fields)


@lru_cache(maxsize=512)
def _narrow(table: ConeTable, verbosity: int) -> sa.Select[Any]:
    source = table.published.table.alias()
    position = position_of(source)
    assert position is not None
    assert position.vector is not None
    assert position.hpx is not None
    parameters = [sa.bindparam(name, None, type_) for name, type_ in zip(_NAMES, CONE_TYPES, strict=True)]
    return _columns(table, source, verbosity).where(is_in_cone(position.vector, position.hpx, parameters))


def _columns(table: ConeTable, source: sa.FromClause, verbosity: int) -> sa.Select[Any]:
    id_, ra, dec, *others = table.fields(verbosity)
    columns: list[sa.ColumnElement[Any]] = [
        sa.cast(source.c[id_.name], sa.Text()).label(id_.name),
        *(sa.cast(source.c[each.name], sa.Double()).label(each.name) for each in (ra, dec)),
        *(source.c[each.name] for each in others),
    ]
    return sa.select(*columns)
