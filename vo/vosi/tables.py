"""What tables a service has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lxml import etree

from vo.tables.field import Field
from vo.tables.votable import written_arraysize

_VOSI = "http://www.ivoa.net/xml/VOSITables/v1.0"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_NAMESPACES = {"vosi": _VOSI, "vs": "http://www.ivoa.net/xml/VODataService/v1.1", "xsi": _XSI}
_FLAGS = ("principal", "indexed", "std")


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A column on which a table may be joined with another.

    Attributes
    ----------
    from_column
        In the table itself.
    target_table, target_column
        In the other table; the table with its schema.
    description
        One sentence for people.
    """

    from_column: str
    target_table: str
    target_column: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class TableDescription:
    """What a service tells of a table.

    Attributes
    ----------
    name
        With its schema, as queries write it.
    fields
        Columns, in order; their names as queries write them.
    description
        One sentence for people.
    utype
        Its utype.
    foreign_keys
        Columns on which it may be joined.
    """

    name: str
    fields: tuple[Field, ...]
    description: str | None = None
    utype: str | None = None
    foreign_keys: tuple[ForeignKey, ...] = ()


@dataclass(frozen=True, slots=True)
class SchemaDescription:
    """What a service tells of a named group of tables."""

    name: str
    tables: tuple[TableDescription, ...]
    description: str | None = None
    utype: str | None = None


def write_tableset(schemas: Iterable[SchemaDescription], *, with_columns: bool = True) -> bytes:
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


def write_table(table: TableDescription) -> bytes:
    """Document of a single table, with its columns.

    References
    ----------
    VOSI 1.1, "Table metadata".
    """
    root = etree.Element(f"{{{_VOSI}}}table", nsmap=_NAMESPACES)
    _describe(root, table, with_columns=True)
    return _document(root)


def _describe(element: etree._Element, table: TableDescription, *, with_columns: bool) -> None:
    _add_texts(element, name=table.name, description=table.description, utype=table.utype)
    for field in table.fields if with_columns else ():
        _add_column(element, field)
    for key in table.foreign_keys if with_columns else ():
        _add_key(element, key)


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


def _add_key(table: etree._Element, key: ForeignKey) -> None:
    element = etree.SubElement(table, "foreignKey")
    _add_texts(element, targetTable=key.target_table)
    _add_texts(etree.SubElement(element, "fkColumn"), fromColumn=key.from_column, targetColumn=key.target_column)
    _add_texts(element, description=key.description)


def _add_texts(parent: etree._Element, **texts: str | None) -> None:
    for tag, text in texts.items():
        if text:
            etree.SubElement(parent, tag).text = text


def _document(root: etree._Element) -> bytes:
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)
