"""Queries for images and cubes, answered by an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from schema.catalogue import Catalogue, PublishedTable
from schema.engines.answers import answer
from schema.engines.execute import Engine, Limits
from sia.descriptors import query_descriptor
from sia.parameters import SiaQuery
from sia.query import select_products
from vo.dali.parameters import RowLimits
from vo.datalink import links_descriptor
from vo.tables.annotations import Annotations
from vo.tables.stream import TableStream

_IDENTIFIER = "obs_publisher_did"


@dataclass(frozen=True, slots=True)
class SiaService:
    """SIA 2 over the table of observations.

    Attributes
    ----------
    current_catalogue
        Gives what is published now.
    engine
        What answers.
    rows
        Numbers of rows that it gives.
    query_url, links_url
        Where queries are answered, and where the links of a product are.
    seconds
        Longest time of one query, None for no limit.
    """

    current_catalogue: Callable[[], Catalogue]
    engine: Engine
    rows: RowLimits
    query_url: str
    links_url: str
    seconds: float | None = None

    def run(self, wanted: SiaQuery) -> TableStream:
        """Run a query until its first rows are there.

        Raises
        ------
        DaliError
            Raised with a sentence for users.
        """
        query = select_products(self._obscore(), wanted)
        fields = tuple(
            replace(field, xml_id=_IDENTIFIER) if field.name == _IDENTIFIER else field for field in query.fields
        )
        if wanted.maxrec == 0:
            # No rows were asked for, so none overflow (SIA 2.0, "MAXREC").
            stream = TableStream(fields, ())
        else:
            stream = answer(self.engine, replace(query, fields=fields), Limits(wanted.maxrec, self.seconds))
        stream.annotations = Annotations(
            services=(links_descriptor(self.links_url, _IDENTIFIER), query_descriptor(self.query_url))
        )
        return stream

    def _obscore(self) -> PublishedTable:
        return self.current_catalogue().table("ivoa", "obscore")
