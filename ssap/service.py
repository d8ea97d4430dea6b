"""Queries for spectra, answered by an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from schema.catalogue import Catalogue, PublishedTable
from schema.engines.answers import answer
from schema.engines.execute import Engine, Limits
from ssap.inputs import INPUTS
from ssap.parameters import SpectrumQuery
from ssap.query import Addresses, select_spectra
from ssap.table import COLUMNS, IDENTIFIER, groups
from vo.dali.parameters import RowLimits
from vo.datalink import links_descriptor
from vo.tables.annotations import Annotations, Param
from vo.tables.field import Field
from vo.tables.stream import TableStream


@dataclass(frozen=True, slots=True)
class SpectrumService:
    """SSA over the table of observations.

    Attributes
    ----------
    current_catalogue
        Gives what is published now.
    engine
        What answers.
    rows
        Numbers of rows that it gives.
    addresses
        What rows say of the archive.
    links_url
        Where the links of a spectrum are.
    seconds
        Longest time of one query, None for no limit.
    """

    current_catalogue: Callable[[], Catalogue]
    engine: Engine
    rows: RowLimits
    addresses: Addresses
    links_url: str
    seconds: float | None = None

    def run(self, wanted: SpectrumQuery) -> TableStream:
        """Run a query until its first rows are there.

        Raises
        ------
        DaliError
            Raised with a sentence for users.
        """
        if wanted.top == 0 or wanted.maxrec == 0:
            stream = TableStream(tuple(column.field for column in COLUMNS), ())
        else:
            query = select_spectra(self.obscore(), wanted, self.addresses)
            stream = answer(self.engine, query, Limits(wanted.maxrec, self.seconds))
        stream.annotations = Annotations(
            groups=tuple(groups()), services=(links_descriptor(self.links_url, IDENTIFIER),)
        )
        return stream

    def describe(self) -> TableStream:
        """Parameters and columns of the service, without rows.

        References
        ----------
        SSA 1.1, "Metadata Response".
        """
        fields = tuple(column.field for column in COLUMNS)
        stream = TableStream(fields, ())
        inputs = [replace(each, field=replace(each.field, name=f"INPUT:{each.field.name}")) for each in INPUTS]
        stream.annotations = Annotations(inputs=(*inputs, *map(_output, fields)), groups=tuple(groups()))
        return stream

    def obscore(self) -> PublishedTable:
        """The table of observations."""
        (found,) = self.current_catalogue().find("ivoa", "obscore")
        return found


def _output(field: Field) -> Param:
    """A column as the metadata of SSA describe it."""
    empty = "" if field.arraysize in (None, "*") else " ".join(["NaN"] * int(field.arraysize))
    return Param(replace(field, name=f"OUTPUT:{field.name}", xml_id=None), empty)
