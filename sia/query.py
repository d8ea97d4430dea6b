"""An SIA 2 query as a select."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from schema.access import file_format
from schema.catalogue import PublishedTable
from schema.engines.execute import Query
from schema.spatial.constructs import Condition, FixedPosition
from schema.spatial.polygons import FixedPolygon
from schema.spatial.ranges import meets_range
from schema.spatial.regions import SkyRegion, circle_region, meet, polygon_region, stored_region
from schema.spatial.shapes import MOST_VERTICES
from sia.parameters import OVERLAPS, RANGES, TEXTS, SiaQuery
from vo.dali.errors import UsageFault
from vo.dali.values import Shape
from vo.regions import Circle, Polygon, Range

PRODUCT_TYPES = ("image", "cube")
"""Types of products that SIA gives ("DPTYPE")."""


def select_products(obscore: PublishedTable, wanted: SiaQuery) -> Query:
    """Select the images and cubes that satisfy all constraints; what is NULL satisfies none.

    Raises
    ------
    UsageFault
        Raised for a polygon that is none on the sky.

    References
    ----------
    SIA 2.0, "{query} resource".
    """
    table = obscore.table.alias()
    conditions = [sa.or_(*(table.c.dataproduct_type == _bound(each) for each in PRODUCT_TYPES))]
    conditions += [sa.or_(*each) for each in _constraints(table, wanted) if each]
    fields = obscore.fields
    columns: list[sa.ColumnElement[Any]] = [table.c[field.name] for field in fields]
    return Query(sa.select(*columns).where(*conditions), fields)


def _constraints(table: sa.FromClause, wanted: SiaQuery) -> list[list[Condition]]:
    """Conditions of each parameter, of which one must hold."""
    c = table.c
    region = stored_region(table, "s_region")
    found: list[list[Condition]] = [[_meets(region, shape) for shape in wanted.regions]]
    for name, (lower, upper) in OVERLAPS.items():
        found.append(
            [sa.and_(c[lower] <= _bound(each.upper), c[upper] >= _bound(each.lower)) for each in wanted.overlaps[name]]
        )
    for name, column in RANGES.items():
        found.append(
            [sa.and_(c[column] >= _bound(each.lower), c[column] <= _bound(each.upper)) for each in wanted.ranges[name]]
        )
    found += [[_is_text(table, column, each) for each in wanted.texts[name]] for name, column in TEXTS.items()]
    found.append([_has_state(c.pol_states, each) for each in wanted.polarizations])
    # IVOIDs are compared without regard to case ("ID").
    found.append([sa.func.lower(c.obs_publisher_did) == _bound(each.lower()) for each in wanted.ids])
    found.append([c.calib_level == _bound(each) for each in wanted.calib_levels])
    return found


def _is_text(table: sa.FromClause, column: str, text: str) -> Condition:
    """Whether a column holds a text; of media types, that of the links or that of the file behind them."""
    own = table.c[column] == _bound(text)
    return sa.or_(own, file_format(table) == _bound(text)) if column == "access_format" else own


def _has_state(column: sa.ColumnElement[Any], state: str) -> Condition:
    """Whether a state stands between slashes; one with a slash is none."""
    if "/" in state:
        return sa.literal_column("1") == sa.literal_column("0")
    return sa.func.strpos(column, _bound(f"/{state}/")) > sa.literal_column("0")


def _meets(region: SkyRegion | None, shape: Shape) -> Condition:
    assert region is not None, "ObsCore has regions"
    if isinstance(shape, Range):
        return meets_range(region, shape)
    return meet(region, _region(shape), null_is_false=True)


def _region(shape: Circle | Polygon) -> SkyRegion:
    if isinstance(shape, Circle):
        return circle_region(FixedPosition(shape.ra, shape.dec), float(shape.radius))
    if len(shape.vertices) > MOST_VERTICES:
        raise UsageFault(f"POS has a polygon of {len(shape.vertices)} vertices; one may have {MOST_VERTICES}.")
    try:
        return polygon_region(FixedPolygon(tuple(FixedPosition(lon, lat) for lon, lat in shape.vertices)))
    except ValueError as error:
        raise UsageFault(f"POS has a polygon that is none. {error}") from None


def _bound(value: float | str) -> sa.ColumnElement[Any]:
    types: dict[type, sa.types.TypeEngine[Any]] = {float: sa.Double(), int: sa.Integer(), str: sa.Text()}
    return sa.bindparam(None, value, types[type(value)], unique=True)
