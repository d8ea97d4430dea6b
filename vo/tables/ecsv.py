"""Enhanced CSV: text that astropy reads with units and descriptions, written while its rows arrive."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from vo.tables.arrays import cell_lengths, fixed_size, list_of
from vo.tables.csv import csv_lines, quote_column
from vo.tables.field import Field
from vo.tables.names import distinct_names
from vo.tables.pieces import split_batch
from vo.tables.stream import TableStream
from vo.tables.text import holds_any, holds_control, number_cells, text_cells
from vo.tables.votable import Info

_DATATYPES = {
    "boolean": "bool", "unsignedByte": "uint8", "short": "int16", "int": "int32", "long": "int64", "float": "float32",
    "double": "float64",
}  # fmt: skip


def write_ecsv(stream: TableStream, infos: Sequence[Info] = ()) -> Iterator[bytes]:
    """Write a table as ECSV 1.0 in UTF-8, separated by commas.

    NULL is an empty cell, and so, for the readers of the format, is the empty string. Line ends inside text become
    blanks, since those readers go line by line. Arrays are JSON with ``NaN`` and ``Infinity``. UCD, utype and xtype are
    in the ``meta`` of a column, under the names that astropy gives them; remarks are in that of the table. The format
    has no place for an overflow; a failure among the rows is raised.

    Parameters
    ----------
    stream
        Closed at the end, also when the reader goes away.
    infos
        Remarks.

    References
    ----------
    ECSV 1.0 (Astropy Proposal for Enhancement 6), "Header details" and "Data types".
    """
    with closing(stream):
        names = distinct_names(field.name for field in stream.fields)
        yield _header(stream.fields, names, infos).encode()
        for batch in stream:
            for piece in split_batch(batch):
                yield csv_lines([_cells(*pair) for pair in zip(piece.columns, stream.fields, strict=True)], ",", "\n")


def _header(fields: tuple[Field, ...], names: tuple[str, ...], infos: Sequence[Info]) -> str:
    lines = ["%ECSV 1.0", "---", "delimiter: ','", "datatype:"]
    lines += ["- " + _yaml(_describe(field, name)) for field, name in zip(fields, names, strict=True)]
    if infos:
        lines.append("meta: " + _yaml({"INFO": [{"name": info.name, "value": info.value} for info in infos]}))
    lines.append("schema: astropy-2.0")
    columns = ",".join(quote_column(_one_line(pa.array(names, pa.string())), edges=True).to_pylist())
    return "".join(f"# {line}\n" for line in lines) + f"{columns}\n"


def _yaml(value: dict[str, Any]) -> str:
    # JSON is YAML, but for characters that YAML does not count as printable.
    text = json.dumps(value, ensure_ascii=False)
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)


def _describe(field: Field, name: str) -> dict[str, Any]:
    described: dict[str, Any] = {"name": " ".join(name.split("\n"))}
    if field.unit is not None:
        described["unit"] = field.unit
    described["datatype"] = "string" if field.is_array else _DATATYPES.get(field.datatype, "string")
    if field.is_array:
        size = fixed_size(field)
        described["subtype"] = f"{_DATATYPES[field.datatype]}[{_NULL if size is None else size}]"
    if field.description is not None:
        described["description"] = field.description
    meta = {"ucd": field.ucd, "utype": field.utype, "xtype": field.xtype}
    if any(meta.values()):
        described["meta"] = {key: value for key, value in meta.items() if value is not None}
    return described


def _cells(column: pa.Array, field: Field) -> pa.StringArray:
    if field.is_text:
        return quote_column(_one_line(column), edges=True)
    if field.is_array:
        return quote_column(_lists(column))
    if field.datatype == "boolean":
        return pc.if_else(column, "True", "False")
    return text_cells(column, field)


_NULL = "null"


def _lists(column: pa.ListArray) -> pa.StringArray:
    inner = pc.replace_substring(pc.fill_null(number_cells(column.flatten()), _NULL), "Inf", "Infinity")
    inner = pc.replace_substring(inner, "+I", "I")
    cells = pc.binary_join_element_wise("[", pc.binary_join(list_of(inner, cell_lengths(column)), ","), "]", "")
    return pc.if_else(column.is_valid(), cells, pa.scalar(None, pa.string())) if column.null_count else cells


_LINE_ENDS = b"\x85\xa8\xa9"
"""Last bytes of those ends of lines that are not ASCII."""


def _one_line(cells: pa.StringArray) -> pa.StringArray:
    """Text without what Python takes for an end of a line."""
    if not (holds_control(cells) or holds_any(cells, _LINE_ENDS)):
        return cells
    return pc.replace_substring_regex(cells, r"[\n\x0B\f\r\x1C-\x1E\x{85}\x{2028}\x{2029}]", " ")
