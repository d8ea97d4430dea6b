"""Rows of files, brought to the columns of a published table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from schema.publishing.shelf import PublishingError
from schema.publishing.sources import Source
from vo.tables.field import Field, arrow_type

Progress = Callable[[int, int], None]
"""Called with the rows that are read and those of all files, as far as that is known."""


class Shaper:
    """Brings batches of files to fields.

    Values that are not numbers (NaN) become NULL, instants lose their zone, in UTC. Text that holds letters outside
    ASCII makes its column one of ``unicodeChar``.

    Parameters
    ----------
    fields
        Of the table.
    names
        Names of its columns by those in the files, in lower case; columns that no file has are NULL.
    """

    def __init__(self, fields: tuple[Field, ...], names: dict[str, str]) -> None:
        self._fields = {field.name: field for field in fields}
        self._names = names
        self._beyond_ascii: set[str] = set()

    @property
    def fields(self) -> tuple[Field, ...]:
        """Fields for the text that came so far."""
        return tuple(
            replace(field, datatype="unicodeChar") if field.name in self._beyond_ascii else field
            for field in self._fields.values()
        )

    def rows(self, sources: list[Source], progress: Progress) -> Iterator[pa.RecordBatch]:
        """All rows of some files, one after the other.

        Raises
        ------
        PublishingError
            Raised with file, row and column if a value does not fit.
        """
        known = sum(source.rows or 0 for source in sources)
        done = 0
        for source in sources:
            before = 0
            for batch in source.batches():
                yield self._shaped(source, batch, before)
                before += batch.num_rows
                done += batch.num_rows
                progress(done, max(done, known))

    def _shaped(self, source: Source, batch: pa.RecordBatch, before: int) -> pa.RecordBatch:
        held: dict[str, pa.Array] = {}
        for given, column in zip(batch.schema.names, batch.columns, strict=True):
            name = self._names.get(given.lower())
            if name is None:
                continue
            try:
                held[name] = self._typed(self._fields[name], column)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise PublishingError(
                    f"{source.path}, rows {before + 1} to {before + batch.num_rows}: column {given} holds what does not"
                    f" fit its type ({_first_line(error)})."
                ) from None
        columns = [
            held[name] if name in held else pa.nulls(batch.num_rows, arrow_type(field))
            for name, field in self._fields.items()
        ]
        return pa.RecordBatch.from_arrays(columns, names=list(self._fields))

    def _typed(self, field: Field, column: pa.Array) -> pa.Array:
        wanted = arrow_type(field)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_timestamp(wanted):
            return _instants(column)
        if column.type != wanted:
            # A double may be too long for a float; a fraction is no integer.
            column = column.cast(wanted, safe=not pa.types.is_floating(wanted))
        if pa.types.is_floating(wanted):
            return pc.if_else(pc.is_nan(column), pa.scalar(None, wanted), column)
        if field.datatype == "char" and field.name not in self._beyond_ascii:
            ascii_only = pc.all(pc.string_is_ascii(column)).as_py()
            if ascii_only is False:
                self._beyond_ascii.add(field.name)
        return column


def _instants(column: pa.Array) -> pa.Array:
    wanted = pa.timestamp("us")
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        text = pc.replace_substring_regex(pc.utf8_trim_whitespace(column), "(Z|[+]00:?00)$", "")
        column = pc.if_else(pc.equal(text, ""), None, text)
    elif pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column = column.cast(pa.timestamp(column.type.unit, "UTC")).cast(pa.timestamp(column.type.unit))
    return column.cast(wanted, safe=False)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
