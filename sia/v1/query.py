"""An SIA 1 query as a select."""

from __future__ import annotations

import sqlalchemy as sa

from schema.access import file_format
from schema.catalogue import PublishedTable
from schema.engines.execute import Query
from schema.spatial.constructs import Condition, FixedPosition
from schema.spatial.polygons import box
from schema.spatial.regions import SkyRegion, circle_region, lie_within, meet, polygon_region, stored_region
from sia.v1.parameters import ImageQuery
from sia.v1.table import Images, image_columns
from vo.dali.errors import UsageFault

_WHOLE_SKY_DEG = 180.0
_SMALLEST_SIDE_DEG = 1e-9


def select_images(published: PublishedTable, wanted: ImageQuery, files_url: str) -> Query:
    """Select the images and cubes that lie to the region of the query as it wants.

    Raises
    ------
    UsageFault
        Raised for a region that is as wide as the sky in one direction only.

    References
    ----------
    SIA 1.0, "Image Query", "Input".
    """
    table = published.table.alias()
    images = Images(published, table, files_url)
    columns = image_columns(published, wanted.verbosity)
    kinds = sa.or_(*(table.c.dataproduct_type == sa.literal(kind) for kind in ("image", "cube")))
    conditions = [kinds, table.c.s_ra.is_not(sa.null()), _lies(table, wanted)]
    if wanted.formats is not None:
        lowered = sa.func.lower(file_format(table))
        conditions.append(sa.or_(_never(), *(lowered == sa.literal(each) for each in sorted(wanted.formats))))
    select = sa.select(*(column.expression(images).label(column.field.name) for column in columns))
    return Query(select.where(*conditions), tuple(column.field for column in columns))


def _lies(table: sa.FromClause, wanted: ImageQuery) -> Condition:
    region = stored_region(table, "s_region")
    assert region is not None, "ObsCore has regions"
    is_point = wanted.intersection == "CENTER" or wanted.width == wanted.height == 0.0
    other = circle_region(FixedPosition(wanted.ra, wanted.dec), 0.0) if is_point else _area(wanted)
    match wanted.intersection:
        case "COVERS":
            return lie_within(other, region, null_is_false=True)
        case "ENCLOSED":
            return lie_within(region, other, null_is_false=True)
    return meet(region, other, null_is_false=True)


def _area(wanted: ImageQuery) -> SkyRegion:
    """The region of a query: a box, or the whole sky."""
    sides = (wanted.width, wanted.height)
    if min(sides) >= _WHOLE_SKY_DEG:
        return circle_region(FixedPosition(wanted.ra, wanted.dec), 180.0)
    if max(sides) >= _WHOLE_SKY_DEG:
        raise UsageFault("SIZE must be less than 180 degrees, or 180 and more in both directions for the whole sky.")
    width, height = (max(side, _SMALLEST_SIDE_DEG) for side in sides)
    return polygon_region(box(FixedPosition(wanted.ra, wanted.dec), width, height))


def _never() -> Condition:
    return sa.literal_column("1") == sa.literal_column("0")
