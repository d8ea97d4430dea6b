"""What stands in a VOTable in front of its rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn
from xml.parsers import expat

from vo.dali.errors import UsageFault
from vo.tables.readers.declared import DeclaredColumn, check_names, declare
from vo.tables.readers.limits import ReadLimits

_PIECE = 2**16
_SERIALIZATIONS = frozenset({"TABLEDATA", "BINARY", "BINARY2", "FITS"})


@dataclass(frozen=True, slots=True)
class Header:
    """Description of the first table that has rows, else of the first table.

    Attributes
    ----------
    columns
        In order.
    description
        Of the table.
    serialization
        Element that holds the rows, None without any.
    start
        Offset of its start tag.
    """

    columns: tuple[DeclaredColumn, ...]
    description: str | None
    serialization: str | None
    start: int


def read_header(document: bytes, limits: ReadLimits) -> Header:
    """Read a document up to its first row.

    Parameters
    ----------
    document
        In UTF-8, whatever it declares.
    limits
        Bounds.

    Raises
    ------
    UsageFault
        Raised for what is not XML, declares entities of its own, holds no table, or columns that mean nothing.

    References
    ----------
    VOTable 1.4, "The VOTable Document Structure".
    """
    reader = _Reader(limits)
    parser = make_parser()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    reader.parser = parser
    try:
        for start in range(0, len(document), _PIECE):
            parser.Parse(document[start : start + _PIECE], False)
        parser.Parse(b"", True)
    except _RowsBeginError:
        return reader.header()
    except expat.ExpatError as error:
        raise broken(error) from None
    if reader.empty is None:
        raise UsageFault("This VOTable holds no TABLE." if reader.root == "VOTABLE" else "This is no VOTable.")
    return reader.empty


def make_parser() -> expat.XMLParserType:
    """Parser of UTF-8 that refuses entities, which could grow without bounds."""
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.EntityDeclHandler = _refuse_entity
    return parser


def broken(error: expat.ExpatError, lines_before: int = 0) -> UsageFault:
    """Fault that tells where a document is not XML."""
    what = expat.ErrorString(error.code)
    line = error.lineno + lines_before
    return UsageFault(f"The VOTable is broken off or no XML at line {line}, column {error.offset + 1}: {what}.")


def local_name(name: str) -> str:
    """Name of an element without the prefix of its namespace."""
    return name.rpartition(":")[2]


def _refuse_entity(*_: Any) -> NoReturn:
    raise UsageFault("The VOTable declares entities of its own, which this service does not read.")


class _RowsBeginError(Exception):
    """The parser has come to the rows."""


@dataclass(slots=True)
class _Reader:
    limits: ReadLimits
    parser: Any = None
    root: str = ""
    empty: Header | None = None
    _path: list[str] = field(default_factory=list)
    _fields: list[dict[str, str]] = field(default_factory=list)
    _description: str = ""
    _text: list[str] = field(default_factory=list)
    _rows: tuple[str, int] | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = local_name(name)
        parent = self._path[-1] if self._path else ""
        self.root = self.root or name
        self._path.append(name)
        self._text.clear()
        match name:
            case "TABLE":
                self._fields, self._description = [], ""
            case "FIELD":
                self._fields.append(dict(attributes))
                self.limits.check_columns(len(self._fields))
            case "VALUES" if parent == "FIELD" and "null" in attributes:
                self._fields[-1]["null"] = attributes["null"]
            case _ if name in _SERIALIZATIONS and parent == "DATA":
                self._rows = (name, self.parser.CurrentByteIndex)
                raise _RowsBeginError

    def end(self, name: str) -> None:
        name = local_name(name)
        self._path.pop()
        parent = self._path[-1] if self._path else ""
        text = " ".join("".join(self._text).split())
        if name == "DESCRIPTION" and parent == "FIELD" and self._fields:
            self._fields[-1]["description"] = text
        elif name == "DESCRIPTION" and parent == "TABLE":
            self._description = text
        elif name == "TABLE" and self.empty is None:
            self.empty = self.header()

    def text(self, text: str) -> None:
        self._text.append(text)

    def header(self) -> Header:
        self.limits.check_columns(len(self._fields))
        columns = tuple(_column(attributes, place) for place, attributes in enumerate(self._fields, start=1))
        check_names(column.field.name for column in columns)
        serialization, start = self._rows or (None, 0)
        return Header(columns, self._description or None, serialization, start)


def _column(attributes: dict[str, str], place: int) -> DeclaredColumn:
    more = {name: attributes.get(name) or None for name in ("xtype", "unit", "ucd", "utype", "description")}
    name = attributes.get("name", "").strip() or attributes.get("ID") or f"col{place}"
    return declare(name, attributes.get("datatype", ""), attributes.get("arraysize"), attributes.get("null"), **more)
