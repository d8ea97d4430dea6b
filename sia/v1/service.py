"""SIA 1 queries, answered by an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import sqlalchemy as sa

from schema.catalogue import Catalogue, PublishedTable
from schema.engines.answers import answer, first_position
from schema.engines.execute import Engine, Limits, Query
from sia.v1.parameters import INPUTS, ImageQuery
from sia.v1.query import select_images
from sia.v1.table import IDENTIFIER, image_columns
from vo.dali.parameters import RowLimits
from vo.datalink import links_descriptor
from vo.tables.annotations import Annotations
from vo.tables.stream import TableStream


@dataclass(frozen=True, slots=True)
class ImageService:
    """SIA 1 over the table of observations.

    Attributes
    ----------
    current_catalogue
        Gives what is published now.
    engine
        What answers.
    rows
        Numbers of rows that it gives.
    files_url, links_url
        Where files are, with a slash at its end, and where the links of a product are.
    seconds
        Longest time of one query, None for no limit.
    """

    current_catalogue: Callable[[], Catalogue]
    engine: Engine
    rows: RowLimits
    files_url: str
    links_url: str
    seconds: float | None = None

    def run(self, wanted: ImageQuery) -> TableStream:
        """Run a query until its first rows are there.

        Raises
        ------
        DaliError
            Raised with a sentence for users.
        """
        stream = answer(
            self.engine, select_images(self._obscore(), wanted, self.files_url), Limits(wanted.maxrec, self.seconds)
        )
        if any(field.name == IDENTIFIER for field in stream.fields):
            stream.annotations = Annotations(services=(links_descriptor(self.links_url, IDENTIFIER),))
        return stream

    def describe(self) -> TableStream:
        """Parameters and columns of the service, without rows.

        References
        ----------
        SIA 1.0, "Metadata Query".
        """
        stream = TableStream(tuple(column.field for column in image_columns(self._obscore(), 3)), ())
        inputs = tuple(replace(each, field=replace(each.field, name=f"INPUT:{each.field.name}")) for each in INPUTS)
        stream.annotations = Annotations(inputs=inputs)
        return stream

    def example(self) -> tuple[float, float]:
        """Position of some image, in deg; the origin where there is none, or no answer now."""
        published = self._obscore()
        table = published.table.alias()
        fields = tuple(field for field in published.fields if field.name in ("s_ra", "s_dec"))
        columns: list[sa.ColumnElement[float]] = [table.c.s_ra, table.c.s_dec]
        select = sa.select(*columns).where(
            table.c.dataproduct_type == sa.literal("image"), table.c.s_region.is_not(sa.null())
        )
        return first_position(self.engine, Query(select, fields), self.seconds)

    def _obscore(self) -> PublishedTable:
        return self.current_catalogue().table("ivoa", "obscore")
