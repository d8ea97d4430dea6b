"""VOTable documents, written while their rows arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pybase64
import structlog

from vo.tables.annotations import group_element, param_element, service_resource
from vo.tables.arrays import NULL_INTEGERS, fixed_size
from vo.tables.binary2 import binary2_rows, binary_rows
from vo.tables.field import Field
from vo.tables.markup import escape_column, xml_attributes, xml_text
from vo.tables.pieces import split_batch
from vo.tables.stream import TableStream
from vo.tables.text import text_bytes, text_cells

Serialization = Literal["BINARY2", "BINARY", "TABLEDATA"]

_ROOT = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:schemaLocation="http://www.ivoa.net/xml/VOTable/v1.3 http://www.ivoa.net/xml/VOTable/VOTable-1.4.xsd">\n'
)


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Info:
    """An INFO element.

    Attributes
    ----------
    name, value
        Its attributes.
    text
        Its content, for people.
    """

    name: str
    value: str
    text: str = ""


def explain_nothing(error: Exception) -> str:
    """Say of a failure only that it happened: its text may not be meant for users."""
    del error
    return "The service failed while it sent this table; the rows above are not all."


def write_votable(
    stream: TableStream,
    *,
    serialization: Serialization = "BINARY2",
    infos: Sequence[Info] = (),
    explain: Callable[[Exception], str] = explain_nothing,
) -> Iterator[bytes]:
    """Write a table as a VOTable 1.4 document with one RESOURCE of type ``results``.

    The document opens with QUERY_STATUS OK. Rows cut off at the limit are told by a second QUERY_STATUS, OVERFLOW,
    after the table; a failure among the rows ends the table early, and QUERY_STATUS ERROR follows it, so that the
    document is well-formed and its reader warned.

    In TABLEDATA an empty cell is NULL, for text too (VOTable 1.4 does not tell it from the empty string); a NULL array
    of real numbers and fixed size is all NaN. BINARY2 flags NULL cells and keeps both; BINARY has one integer of each
    type, declared in VALUES, and NaN for NULL. Characters that XML 1.0 cannot hold become U+FFFD in TABLEDATA. See
    `vo.tables.binary2.encode_column` for text that is not ASCII.

    Parameters
    ----------
    stream
        Closed at the end, also when the reader goes away.
    serialization
        Form of the rows.
    infos
        Further INFO elements in front of the table.
    explain
        Gives the sentence for users about a failure among the rows.

    Yields
    ------
    piece
        UTF-8; the first one comes before any row is asked for.

    References
    ----------
    VOTable 1.4, "The TABLE Element" and "The DATA Element"; DALI 1.1, "VOTable", "Errors" and "Overflow".
    """
    write_rows, opening, ending = _SERIALIZATIONS[serialization]
    with closing(stream):
        rows = _Rows(stream)
        yield f"{_opening(stream, infos, null_integers=serialization == 'BINARY')}<DATA>{opening}\n".encode()
        yield from write_rows(rows, stream.fields)
        yield f"{ending}</DATA>\n{_ending(stream, _closing_infos(stream, rows.failure, explain))}".encode()


def write_description(stream: TableStream, infos: Sequence[Info] = ()) -> bytes:
    """Document that describes a table whose rows leave in a form that has no place for descriptions.

    It tells of an overflow where the last batch of the stream has been read.

    References
    ----------
    VOTable 1.4, "The TABLE Element"; VOParquet 1.0 (IVOA Note), "Data-less VOTable".
    """
    return f"{_opening(stream, infos)}{_ending(stream, _closing_infos(stream, None, explain_nothing))}".encode()


def write_error(message: str, infos: Sequence[Info] = ()) -> bytes:
    """Document that tells of a failure instead of a table.

    References
    ----------
    DALI 1.1, "Errors".
    """
    remarks = _infos([Info("QUERY_STATUS", "ERROR", message), *infos])
    return f'{_ROOT}<RESOURCE type="results">\n{remarks}</RESOURCE>\n</VOTABLE>\n'.encode()


@lru_cache(maxsize=4096)
def field_element(field: Field, *, null_integer: bool = False) -> str:
    """FIELD element of a column.

    Parameters
    ----------
    field
        The column.
    null_integer
        Whether to declare what stands for NULL in a scalar column too; arrays always need it.

    References
    ----------
    VOTable 1.4, "FIELD and PARAM Elements".
    """
    attributes = xml_attributes(
        {
            "ID": field.xml_id,
            "name": field.name,
            "datatype": field.datatype,
            "arraysize": written_arraysize(field),
            "xtype": field.xtype,
            "unit": field.unit,
            "ucd": field.ucd,
            "utype": field.utype,
        }
    )
    content = f"<DESCRIPTION>{xml_text(field.description)}</DESCRIPTION>" if field.description else ""
    if (field.is_array or null_integer) and field.datatype in NULL_INTEGERS:
        content += f'<VALUES null="{NULL_INTEGERS[field.datatype]}"/>'
    return f"<FIELD{attributes}>{content}</FIELD>\n" if content else f"<FIELD{attributes}/>\n"


def written_arraysize(field: Field) -> str | None:
    """Array size as written: text of a fixed length is bounded by it, since cells are never filled up.

    Timestamps have a length of their own, whatever that of the column was that they came from.
    """
    if field.is_timestamp:
        return "*"
    if field.is_text and field.arraysize is not None and field.arraysize.isdigit():
        return f"{field.arraysize}*"
    return field.arraysize


def _opening(stream: TableStream, infos: Sequence[Info], *, null_integers: bool = False) -> str:
    annotations = stream.annotations
    inputs, params = ("".join(map(param_element, each)) for each in (annotations.inputs, annotations.params))
    columns = "".join(field_element(field, null_integer=null_integers) for field in stream.fields)
    groups = "".join(map(group_element, annotations.groups))
    table = f"<TABLE{xml_attributes({'utype': annotations.table_utype})}>\n{params}{columns}{groups}"
    return f'{_ROOT}<RESOURCE type="results">\n{_infos([Info("QUERY_STATUS", "OK"), *infos])}{inputs}{table}'


def _ending(stream: TableStream, infos: Iterable[Info]) -> str:
    services = "".join(map(service_resource, stream.annotations.services))
    return f"</TABLE>\n{_infos(infos)}</RESOURCE>\n{services}</VOTABLE>\n"


def overflow_info(stream: TableStream) -> Info | None:
    """What tells that rows were cut off at the limit; None if none were. Final only after the last batch."""
    if not stream.overflow:
        return None
    return Info(
        "QUERY_STATUS",
        "OVERFLOW",
        f"There are more rows than the {stream.rows} given here; a larger MAXREC gives more, up to the limit of the "
        "service.",
    )


class _Rows:
    """Batches of a stream in pieces, up to its end or its first failure, which is kept."""

    def __init__(self, stream: TableStream) -> None:
        self._stream = stream
        self.failure: Exception | None = None

    def convert(self, convert: Callable[[pa.RecordBatch], memoryview]) -> Iterator[memoryview]:
        try:
            for batch in self._stream:
                yield from map(convert, split_batch(batch))
        except Exception as error:
            log.error("table broke off", exc_info=error)
            self.failure = error


def _binary2(rows: _Rows, fields: tuple[Field, ...]) -> Iterator[bytes]:
    yield from _base64(rows.convert(lambda batch: binary2_rows(batch, fields)))


def _base64(pieces: Iterable[memoryview]) -> Iterator[bytes]:
    """Encode pieces as one text; only its end is filled up with ``=``."""
    rest = b""
    for piece in pieces:
        start = min(-len(rest) % 3, len(piece))
        head = rest + piece[:start]
        end = start + (len(piece) - start) // 3 * 3
        if len(head) % 3:
            rest = head
            continue
        rest = bytes(piece[end:])
        yield pybase64.b64encode(head) + pybase64.b64encode(piece[start:end]) + b"\n"
    yield pybase64.b64encode(rest)


def _binary(rows: _Rows, fields: tuple[Field, ...]) -> Iterator[bytes]:
    yield from _base64(rows.convert(lambda batch: binary_rows(batch, fields)))


def _tabledata(rows: _Rows, fields: tuple[Field, ...]) -> Iterator[bytes]:
    yield from map(bytes, rows.convert(lambda batch: _table_rows(batch, fields)))


def _table_rows(batch: pa.RecordBatch, fields: tuple[Field, ...]) -> memoryview:
    parts: list[pa.Array | str] = []
    for field, column in zip(fields, batch.columns, strict=True):
        cells = text_cells(column, field)
        parts += ["</TD><TD>", escape_column(cells) if field.is_text else _filled(cells, field)]
    parts[0] = "<TR><TD>"
    rows = pc.binary_join_element_wise(*parts, "</TD></TR>\n", "", null_handling="replace", null_replacement="")
    return text_bytes(rows).data


def _filled(cells: pa.StringArray, field: Field) -> pa.StringArray:
    """Cells with NaN for each element of a NULL array of fixed size; validators count the elements."""
    size = fixed_size(field)
    if size is None or not cells.null_count or field.datatype not in ("float", "double"):
        return cells
    return pc.fill_null(cells, " ".join(["NaN"] * size))


_SERIALIZATIONS: dict[str, tuple[Callable[[_Rows, tuple[Field, ...]], Iterator[bytes]], str, str]] = {
    "BINARY2": (_binary2, '<BINARY2><STREAM encoding="base64">', "</STREAM></BINARY2>"),
    "BINARY": (_binary, '<BINARY><STREAM encoding="base64">', "</STREAM></BINARY>"),
    "TABLEDATA": (_tabledata, "<TABLEDATA>", "</TABLEDATA>"),
}


def _closing_infos(
    stream: TableStream, failure: Exception | None, explain: Callable[[Exception], str]
) -> Iterator[Info]:
    if failure is not None:
        yield Info("QUERY_STATUS", "ERROR", explain(failure))
    elif overflow := overflow_info(stream):
        yield overflow


def _infos(infos: Iterable[Info]) -> str:
    return "".join(map(_info, infos))


def _info(info: Info) -> str:
    attributes = xml_attributes({"name": info.name, "value": info.value})
    return f"<INFO{attributes}>{xml_text(info.text)}</INFO>\n" if info.text else f"<INFO{attributes}/>\n"
