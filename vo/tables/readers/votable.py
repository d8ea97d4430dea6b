"""VOTable documents → tables."""

from __future__ import annotations

import re
from xml.parsers import expat

import pyarrow as pa
import pybase64

from vo.dali.errors import UsageFault
from vo.dali.parameters import quoted
from vo.tables.field import arrow_schema
from vo.tables.readers.binary import read_binary
from vo.tables.readers.compressed import decompress
from vo.tables.readers.fits import read_fits
from vo.tables.readers.limits import ReadLimits
from vo.tables.readers.tabledata import read_tabledata
from vo.tables.readers.votable_header import Header, broken, local_name, make_parser, read_header
from vo.tables.table import Table

_ENCODING = re.compile(rb"""^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16-be"), (b"\xff\xfe", "utf-16-le"))


def read_votable(document: bytes, limits: ReadLimits) -> Table:
    """Read the first table of a document that has rows.

    All versions and serializations are read; namespaces do not matter.

    Parameters
    ----------
    document
        In any encoding that it declares.
    limits
        Bounds.

    Raises
    ------
    UsageFault
        Raised with the place of what cannot be read, and when there is more than the limits allow.

    References
    ----------
    VOTable 1.4.
    """
    document = _as_utf8(document)
    header = read_header(document, limits)
    match header.serialization:
        case None:
            batches: list[list[pa.Array]] = []
        case "TABLEDATA":
            batches = read_tabledata(document, header.start, header.columns, limits)
        case "FITS":
            return read_fits(_stream(document, header, limits), limits)
        case _:
            data = _stream(document, header, limits)
            has_flags = header.serialization == "BINARY2"
            batches = [read_binary(data, header.columns, limits, has_flags=has_flags)] if data else []
    fields = tuple(column.field for column in header.columns)
    schema = arrow_schema(fields)
    rows = pa.Table.from_batches([pa.RecordBatch.from_arrays(batch, schema=schema) for batch in batches], schema)
    return Table(fields, rows, header.description)


def _as_utf8(document: bytes) -> bytes:
    marked = next(((mark, encoding) for mark, encoding in _MARKS if document.startswith(mark)), None)
    declared = _ENCODING.match(document[:200])
    encoding = marked[1] if marked else declared.group(1).decode().lower() if declared else "utf-8"
    document = document.removeprefix(marked[0] if marked else b"")
    try:
        text = document.decode(encoding)
    except UnicodeDecodeError as error:
        raise UsageFault(f"The VOTable is not {encoding.upper()}: byte {error.start + 1} fits nothing.") from None
    except (LookupError, UnicodeError):
        raise UsageFault(f"The VOTable has the encoding {quoted(encoding)}, which is not known here.") from None
    return document if encoding in ("utf-8", "utf8") else text.encode("utf-8", "replace")


def _stream(document: bytes, header: Header, limits: ReadLimits) -> bytes:
    """Bytes of the STREAM of a binary serialization."""
    encoding, content = _find_stream(document, header.start)
    if encoding != "base64":
        raise UsageFault("The rows of this VOTable stand in another file or encoding; send them as base64 in STREAM.")
    try:
        data = pybase64.b64decode(content.translate(None, b" \t\r\n"), validate=True)
    except ValueError:
        raise UsageFault("The rows of this VOTable are no base64, or broken off.") from None
    return decompress(data, limits) if data.startswith(b"\x1f\x8b\x08") and header.serialization != "FITS" else data


def _find_stream(document: bytes, start: int) -> tuple[str | None, bytes]:
    """Encoding and content of the first STREAM behind a place."""
    found: dict[str, str] = {}
    place = [0]
    parser = make_parser()

    def begin(name: str, attributes: dict[str, str]) -> None:
        if local_name(name) == "STREAM":
            found.update(attributes)
            place[0] = parser.CurrentByteIndex
            raise _StreamBeginsError

    parser.StartElementHandler = begin
    position = start
    try:
        while position < len(document):
            parser.Parse(document[position : position + 4096], False)
            position += 4096
        raise UsageFault("The rows of this VOTable are broken off.")
    except expat.ExpatError as error:
        raise broken(error, document.count(b"\n", 0, start)) from None
    except _StreamBeginsError:
        pass
    opened = document.find(b">", start + place[0]) + 1
    if document[opened - 2 : opened - 1] == b"/":
        return (None if "href" in found else "base64"), b""
    end = document.find(b"<", opened)
    if end < 0 or opened == 0:
        raise UsageFault("The rows of this VOTable are broken off.")
    return (None if "href" in found else found.get("encoding")), document[opened:end]


class _StreamBeginsError(Exception):
    """The parser has come to the STREAM."""
