"""Columns as files declare them, and as `Field` says it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from vo.dali.errors import UsageFault
from vo.dali.parameters import quoted
from vo.tables.field import Datatype, Field

ITEM_BITS = {
    "boolean": 8,
    "bit": 1,
    "unsignedByte": 8,
    "short": 16,
    "int": 32,
    "long": 64,
    "char": 8,
    "unicodeChar": 16,
    "float": 32,
    "double": 64,
    "floatComplex": 64,
    "doubleComplex": 128,
}
"""Bits of one item in the binary serializations, by datatype (VOTable 1.4, "Data Types")."""

_ARRAYSIZE = re.compile(r"(?:[0-9]{1,9}x)*(?:[0-9]{1,9}\*?|\*)")
_MOST_ITEMS = 2**30
_KNOWN_AS: dict[str, Datatype] = {"bit": "boolean", "floatComplex": "float", "doubleComplex": "double"}
_XTYPES = {"adql:timestamp": "timestamp"}


@dataclass(frozen=True, slots=True)
class DeclaredColumn:
    """A column of a VOTable.

    Attributes
    ----------
    field
        What it becomes: bits become booleans, complex numbers arrays of two.
    datatype
        As declared.
    items
        Items of each cell, 1 for a scalar, None where they differ.
    null
        Text that stands for NULL, None without one.
    """

    field: Field
    datatype: str
    items: int | None
    null: str | None = None


def declare(
    name: str, datatype: str, arraysize: str | None, null: str | None = None, **more: str | None
) -> DeclaredColumn:
    """Read the attributes of a FIELD.

    Parameters
    ----------
    name, datatype, arraysize
        As declared.
    null
        Attribute of VALUES.
    **more
        ``xtype``, ``unit``, ``ucd``, ``utype``, ``description`` of `Field`.

    Raises
    ------
    UsageFault
        Raised for an unknown datatype and an array size that means nothing.

    References
    ----------
    VOTable 1.4, "Data Types" and "Multidimensional Arrays".
    """
    if datatype not in ITEM_BITS:
        known = ", ".join(ITEM_BITS)
        raise UsageFault(f"Column {quoted(name)} has the unknown datatype {quoted(datatype)}; known: {known}.")
    size = (arraysize or "").strip() or None
    if size is not None and not _ARRAYSIZE.fullmatch(size):
        raise UsageFault(f"Column {quoted(name)} has the arraysize {quoted(size)}, which means nothing.")
    items = 1 if size is None else None if "*" in size else math.prod(int(axis) for axis in size.split("x"))
    if items is not None and items > _MOST_ITEMS:
        raise UsageFault(f"Column {quoted(name)} has the arraysize {quoted(size or '')}, which is too large.")
    field = Field(name, _KNOWN_AS.get(datatype, datatype), _arraysize(datatype, size), **more)  # type: ignore[arg-type]
    return DeclaredColumn(_with_known_xtype(field), datatype, items, null)


def _arraysize(datatype: str, size: str | None) -> str | None:
    if datatype in ("char", "unicodeChar"):
        # Arrays of strings are one string here: theirs is no length of characters.
        return "1" if size is None else "*" if "x" in size else size
    if datatype in ("floatComplex", "doubleComplex"):
        return "2" if size in (None, "1") else f"2x{size}"
    # An array of one is written without blanks in between, as a scalar is.
    return None if size == "1" else size


def _with_known_xtype(field: Field) -> Field:
    xtype = None if field.xtype is None else _XTYPES.get(field.xtype.lower(), field.xtype)
    if xtype == "timestamp" and field.datatype not in ("char", "unicodeChar"):
        xtype = None
    return field if xtype == field.xtype else replace(field, xtype=xtype)


def check_names(names: Iterable[str]) -> None:
    """Refuse two columns of the same name.

    Raises
    ------
    UsageFault
        Raised with the name.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise UsageFault(f"Two columns of the table are called {quoted(name)}; a query could not tell them apart.")
        seen.add(name)
