"""What tables a service has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from lxml import etree

from vo.tables.field import Field
from vo.tables.votable import written_arraysize

_VOSI = "http://www.ivoa.net/xml/VOSITables/v1.0"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_NAMESPACES = {"vosi": _VOSI, "vs": "http://www.ivoa.net/xml/VODataService/v1.1", "xsi": _XSI}
_FLAGS = ("principal", "indexed", "std")


class DescribedTable(Protocol):
    """A table, as far as its description goes."""

    @property
    def qualified_name(self) -> str:
        """Name with its schema, as queries write it."""
        ...

    @property
    def description(self) -> str:
        """One sentence for people."""
        ...

    @property
    def utype(self) -> str | None:
        """Its utype."""
        ...

    @property
    def fields(self) -> tuple[Field, ...]:
        """Its columns, in order."""
        ...


class DescribedSchema(Protocol):
    """A named group of tables."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def description(self) -> str:
        """One sentence for people."""
        ...

    @property
    def utype(self) -> str | None:
        """Its utype."""
        ...

    @property
    def tables(self) -> Iterable[DescribedTable]:
        """Its tables, in order."""
        ...


def write_tableset(schemas: Iterable[DescribedSchema], *, with_columns: bool = True) -> bytes:
    """Tableset document.

    Parameters
    ----------
    schemas
        In the order wanted.
    with_columns
        False for the names and descriptions of the tables alone (``detail=min``).

    References
    ----------
    VOSI 1.1, "Table metadata"; VODataService 1.2, "Tablesets".
    """
    root = etree.Element(f"{{{_VOSI}}}tableset", nsmap=_NAMESPACES)
    for schema in schemas:
        element = etree.SubElement(root, "schema")
        _add_texts(element, name=schema.name, description=schema.description, utype=schema.utype)
        for table in schema.tables:
            _describe(etree.SubElement(element, "table"), table, with_columns=with_columns)
    return _document(root)


def write_table(table: DescribedTable) -> bytes:
    """Document of a single table, with its columns.

    References
    ----------
    VOSI 1.1, "Table metadata".
    """
    root = etree.Element(f"{{{_VOSI}}}table", nsmap=_NAMESPACES)
    _describe(root, table, with_columns=True)
    return _document(root)


def _describe(element: etree._Element, table: DescribedTable, *, with_columns: bool) -> None:
    _add_texts(element, name=table.qualified_name, description=table.description, utype=table.utype)
    for field in table.fields if with_columns else ():
        _add_column(element, field)


def _add_column(table: etree._Element, field: Field) -> None:
    element = etree.SubElement(table, "column")
    if field.std:
        element.set("std", "true")
    _add_texts(
        element, name=field.name, description=field.description, unit=field.unit, ucd=field.ucd, utype=field.utype
    )
    datatype = etree.SubElement(element, "dataType", {f"{{{_XSI}}}type": "vs:VOTableType"})
    datatype.text = field.datatype
    arraysize = written_arraysize(field)
    if arraysize is not None:
        datatype.set("arraysize", arraysize)
    if field.xtype is not None:
        datatype.set("extendedType", field.xtype)
    for flag in _FLAGS:
        if getattr(field, flag):
            etree.SubElement(element, "flag").text = flag


def _add_texts(parent: etree._Element, **texts: str | None) -> None:
    for tag, text in texts.items():
        if text:
            etree.SubElement(parent, tag).text = text


def _document(root: etree._Element) -> bytes:
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)
