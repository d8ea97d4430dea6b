"""Cone searches, answered by an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from schema.catalogue import Catalogue
from schema.engines.answers import answer, first_position
from schema.engines.execute import Engine, Limits, Query
from scs.parameters import ConeQuery
from scs.query import select_cone
from scs.table import ConeTable, find_cone_table
from vo.dali.errors import NotFoundFault
from vo.dali.parameters import RowLimits, quoted
from vo.tables.stream import TableStream


@dataclass(frozen=True, slots=True)
class ConeService:
    """Cone searches in all tables of a catalogue that have a main position.

    Attributes
    ----------
    current_catalogue
        Gives what is published now.
    engine
        What answers.
    rows
        Numbers of rows that it gives.
    seconds
        Longest time of one query, None for no limit.
    """

    current_catalogue: Callable[[], Catalogue]
    engine: Engine
    rows: RowLimits
    seconds: float | None = None

    def table(self, name: str) -> ConeTable:
        """Table of a name.

        Raises
        ------
        NotFoundFault
            Raised if there is no such table with positions.
        """
        found = find_cone_table(self.current_catalogue(), name)
        if found is None:
            raise NotFoundFault(f"There is no table {quoted(name)} here in which cones can be searched.")
        return found

    def run(self, table: ConeTable, wanted: ConeQuery) -> TableStream:
        """Run a search until its first rows are there; a cone without a radius asks for the columns alone.

        Raises
        ------
        DaliError
            Raised with a sentence for users.

        References
        ----------
        Simple Cone Search 1.03, "Requirements for Compliance": a search radius of zero.
        """
        if wanted.cone.radius == 0.0:
            return TableStream(table.fields(wanted.verbosity), ())
        return answer(self.engine, select_cone(table, wanted), Limits(wanted.maxrec, self.seconds))

    def example(self, table: ConeTable) -> tuple[float, float]:
        """Position of some row, in deg; the origin where there is none, or no answer now."""
        source = table.published.table.alias()
        fields = table.fields(1)[1:]
        select = sa.select(*(source.c[field.name] for field in fields)).where(source.c[table.ra].is_not(None))
        return first_position(self.engine, Query(select, fields), self.seconds)
