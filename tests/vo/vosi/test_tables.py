from __future__ import annotations

from collections.abc import Callable

import pytest
from lxml import etree

from vo.tables.field import Field
from vo.vosi.tables import ForeignKey, SchemaDescription, TableDescription, write_table, write_tableset

STARS = TableDescription(
    "sky.stars",
    (
        Field("n", "long", std=True, indexed=True, principal=True, description="Number & more."),
        Field("seen", "char", "*", xtype="timestamp", ucd="time.epoch"),
        Field("p", "double", "2", xtype="point", unit="deg"),
        Field("code", "char", "3"),
        Field("plain", "float"),
    ),
    description="Stars < galaxies & é.",
    utype="ivo://ivoa.net/std/obscore#table-1.1",
    foreign_keys=(ForeignKey("n", "sky.names", '"number"', "Names of a star."), ForeignKey("code", "a.b", "c")),
)
SCHEMAS = (
    SchemaDescription("sky", (STARS,), description="The sky.", utype="some:where"),
    SchemaDescription("empty", ()),
)


@pytest.mark.testdata
@pytest.mark.parametrize(
    "document",
    [write_tableset(SCHEMAS), write_tableset(SCHEMAS, with_columns=False), write_table(STARS)],
    ids=["max", "min", "table"],
)
def test_documents_are_valid(check_xml: Callable[[bytes], None], document: bytes) -> None:
    check_xml(document)


def test_descriptions_are_escaped_once() -> None:
    root = etree.fromstring(write_table(STARS))
    assert root.findtext("description") == "Stars < galaxies & é."
    assert root.findtext("column/description") == "Number & more."


def test_types_are_those_of_votable() -> None:
    types = {
        column.findtext("name"): (
            column.findtext("dataType"),
            column.find("dataType").get("arraysize"),
            column.find("dataType").get("extendedType"),
        )
        for column in etree.fromstring(write_table(STARS)).iterfind("column")
    }
    assert types == {
        "n": ("long", None, None),
        "seen": ("char", "*", "timestamp"),
        "p": ("double", "2", "point"),
        "code": ("char", "3*", None),
        "plain": ("float", None, None),
    }


def test_flags_are_told_only_where_they_hold() -> None:
    flags = [
        [flag.text for flag in column.iterfind("flag")]
        for column in etree.fromstring(write_table(STARS)).iterfind("column")
    ]
    assert flags == [["principal", "indexed", "std"], [], [], [], []]


def test_foreign_keys_name_both_columns() -> None:
    keys = etree.fromstring(write_table(STARS)).findall("foreignKey")
    assert [
        (key.findtext("targetTable"), key.findtext("fkColumn/fromColumn"), key.findtext("fkColumn/targetColumn"))
        for key in keys
    ] == [("sky.names", "n", '"number"'), ("a.b", "code", "c")]
    assert [key.findtext("description") for key in keys] == ["Names of a star.", None]


def test_the_short_form_has_tables_without_columns_and_keys() -> None:
    root = etree.fromstring(write_tableset(SCHEMAS, with_columns=False))
    assert [table.findtext("name") for table in root.iterfind("schema/table")] == ["sky.stars"]
    assert [element.tag for element in root.find("schema/table")] == ["name", "description", "utype"]
