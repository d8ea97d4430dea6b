"""A column as the VO describes it, and the Arrow column that carries its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

Datatype = Literal[
    "boolean",
    "unsignedByte",
    "short",
    "int",
    "long",
    "float",
    "double",
    "char",
    "unicodeChar",
]

_PRIMITIVES: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "unsignedByte": pa.uint8(),
    "short": pa.int16(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
}


@dataclass(frozen=True, slots=True)
class Field:
    """Description of one column of a table.

    Attributes
    ----------
    name
        Name as it leaves the archive.
    datatype
        VOTable primitive.
    arraysize
        VOTable array size: None for a scalar, ``*`` for any length, a number for a fixed length. Text always has one.
    xtype
        DALI or TAP extended type, such as ``timestamp``, ``adql:REGION``, ``polygon``.
    unit
        VOUnit; None for a pure number or text.
    ucd, utype
        UCD1+ and utype.
    description
        One sentence for people.
    principal, indexed, std
        Flags of TAP_SCHEMA.columns.
    xml_id
        ID in a VOTable, by which other elements refer to the column; None where none does.

    References
    ----------
    VOTable 1.4, "FIELD and PARAM Elements"; TAP 1.1, "TAP_SCHEMA.columns"; DALI 1.1, "Parameters, Literal Values".
    """

    name: str
    datatype: Datatype
    arraysize: str | None = None
    xtype: str | None = None
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    description: str | None = None
    principal: bool = False
    indexed: bool = False
    std: bool = False
    xml_id: str | None = None

    @property
    def is_text(self) -> bool:
        """Whether a cell is a string of characters (timestamps are not: they travel as instants)."""
        return self.datatype in ("char", "unicodeChar") and not self.is_timestamp

    @property
    def is_timestamp(self) -> bool:
        """Whether a cell is an instant in UTC."""
        return self.xtype == "timestamp"

    @property
    def is_array(self) -> bool:
        """Whether a cell is an array of numbers."""
        return self.arraysize is not None and self.datatype not in ("char", "unicodeChar")


def arrow_type(field: Field) -> pa.DataType:
    """Arrow type of the column that carries the values of a field.

    Text is ``string``; instants are ``timestamp[us]`` without a zone, meaning UTC; arrays of numbers are lists, also
    when their length is fixed, so that a NULL cell needs no filling.

    Raises
    ------
    ValueError
        Raised for text without an array size and for an unknown datatype.
    """
    if field.is_timestamp:
        return pa.timestamp("us")
    if field.is_text:
        if field.arraysize is None:
            raise ValueError(f"Text column {field.name} needs an arraysize.")
        return pa.string()
    try:
        primitive = _PRIMITIVES[field.datatype]
    except KeyError:
        raise ValueError(f"Column {field.name} has the unknown datatype {field.datatype!r}.") from None
    return pa.list_(primitive) if field.is_array else primitive


def arrow_schema(fields: tuple[Field, ...]) -> pa.Schema:
    """Arrow schema of a table with these fields, in order."""
    return pa.schema([pa.field(field.name, arrow_type(field)) for field in fields])
