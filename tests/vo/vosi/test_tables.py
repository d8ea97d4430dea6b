from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from lxml import etree

from vo.tables.field import Field
from vo.vosi.tables import write_table, write_tableset


@dataclass(frozen=True)
class Table:
    qualified_name: str
    description: str
    fields: tuple[Field, ...]
    utype: str | None = None


@dataclass(frozen=True)
class Schema:
    name: str
    description: str
    tables: tuple[Table, ...]
    utype: str | None = None


STARS = Table(
    "sky.stars",
    "Stars < galaxies & é.",
    (
        Field("n", "long", std=True, indexed=True, principal=True, description="Number & more."),
        Field("seen", "char", "*", xtype="timestamp", ucd="time.epoch"),
        Field("p", "double", "2", xtype="point", unit="deg"),
        Field("code", "char", "3"),
        Field("plain", "float"),
    ),
    utype="ivo://ivoa.net/std/obscore#table-1.1",
)
SCHEMAS = (Schema("sky", "The sky.", (STARS,), utype="some:where"), Schema("empty", "", ()))


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
