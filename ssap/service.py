"""Queries for spectra, answered by an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

from schema.catalogue import Catalogue, PublishedTable
from schema.engines.answers import answer
from schema.engines.execute import Engine, Limits
from ssap.inputs import INPUTS
from ssap.parameters import SpectrumQuery
from ssap.query import Addresses, select_spectra, select_spectrum
from ssap.spectrum import NoSpectrumError, describe_spectrum, read_spectrum
from ssap.table import COLUMNS, IDENTIFIER, groups
from vo.dali.errors import NotFoundFault
from vo.dali.parameters import RowLimits, quoted
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
    open_file
        Opens a file by its identifier for the one who asks; raises `DaliError`.
    seconds
        Longest time of one query, None for no limit.
    """

    current_catalogue: Callable[[], Catalogue]
    engine: Engine
    rows: RowLimits
    addresses: Addresses
    links_url: str
    open_file: Callable[[str], BinaryIO]
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

    def convert(self, dp_id: str) -> TableStream:
        """Make a table of the Spectrum data model of a file.

        Raises
        ------
        DaliError
            Raised with a sentence for users.

        References
        ----------
        SSA 1.1, "Data Retrieval".
        """
        query = select_spectrum(self.obscore(), dp_id, self.addresses)
        rows = [batch for batch in answer(self.engine, query, Limits(1, self.seconds)) if batch.num_rows]
        if not rows:
            raise NotFoundFault(f"There is no spectrum {quoted(dp_id)} here that can be given as a VOTable.")
        with self.open_file(dp_id) as source:
            try:
                stream = read_spectrum(source)
            except NoSpectrumError as error:
                raise NotFoundFault(
                    f"The spectrum {quoted(dp_id)} cannot be given as a VOTable: {error} Fetch the file as it is."
                ) from error
        describe_spectrum(stream, rows[0])
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
        return self.current_catalogue().table("ivoa", "obscore")


def _output(field: Field) -> Param:
    """A column as the metadata of SSA describe it."""
    empty = "" if field.arraysize in (None, "*") else " ".join(["NaN"] * int(field.arraysize))
    return Param(replace(field, name=f"OUTPUT:{field.name}", xml_id=None), empty)
