from __future__ import annotations

import gzip
import io
import random
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.ma as ma
import pytest
from astropy.io.votable import from_table
from astropy.io.votable.tree import TableElement
from astropy.table import Table as AstropyTable
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vo.dali.errors import UsageFault
from vo.tables.readers.files import read_table
from vo.tables.readers.limits import ReadLimits
from vo.tables.readers.votable import read_votable
from vo.tables.table import Table

LIMITS = ReadLimits(10_000_000, 10_000)
FORMS = ["tabledata", "binary", "binary2"]


def write(table: AstropyTable, form: str) -> bytes:
    """The document that astropy makes of a table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        document = from_table(table)
        first = document.get_first_table()
        assert isinstance(first, TableElement)
        target = io.BytesIO()
        document.to_xml(target, tabledata_format=form)
    return target.getvalue()


def columns_of(table: Table) -> dict[str, list[Any]]:
    return {field.name: column.to_pylist() for field, column in zip(table.fields, table.rows.columns, strict=True)}


def votable(fields: str, rows: str, head: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?>{head}<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE>'
        f"<TABLE>{fields}<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    ).encode()


def cells(fields: str, *rows: tuple[str, ...]) -> bytes:
    return votable(fields, "".join("<TR>" + "".join(f"<TD>{cell}</TD>" for cell in row) + "</TR>\n" for row in rows))


NUMBER = '<FIELD name="n" datatype="int"/>'

LETTERS = st.text(
    st.characters(max_codepoint=0xFFFF, exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff")
)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=10, deadline=None)
@given(data=st.data(), rows=st.integers(0, 12))
def test_what_astropy_writes_comes_back(form: str, data: st.DataObject, rows: int) -> None:
    numbers: dict[str, Any] = {
        kind: data.draw(arrays(kind, rows)) for kind in ("uint8", "int16", "int32", "int64", "float32", "float64")
    }
    texts = data.draw(st.lists(LETTERS.map(str.strip).filter(bool), min_size=rows, max_size=rows))
    matrix = data.draw(arrays("float64", (rows, 3), elements=st.floats(-1e300, 1e300)))
    table = AstropyTable({**numbers, "text": np.array(texts or [], dtype="U40"), "matrix": matrix})
    read = columns_of(read_votable(write(table, form), LIMITS))
    for name, values in numbers.items():
        assert read[name] == [None if value != value else value for value in values.tolist()]
    assert read["text"] == table["text"].tolist()
    assert read["matrix"] == matrix.tolist()


@pytest.mark.parametrize("form", ["tabledata", "binary2"])
def test_masked_cells_are_null(form: str) -> None:
    mask = [False, True, False]
    table = AstropyTable({"i": ma.array([1, 2, 3], mask=mask), "x": ma.array([1.5, 2.5, 3.5], mask=mask)})
    read = columns_of(read_votable(write(table, form), LIMITS))
    assert read == {"i": [1, None, 3], "x": [1.5, None, 3.5]}


@pytest.mark.parametrize("form", FORMS)
def test_complex_numbers_and_truth_values_come_back(form: str) -> None:
    table = AstropyTable({"z": np.array([1 + 2j, -3.5j]), "b": np.array([True, False])})
    read = read_votable(write(table, form), LIMITS)
    assert columns_of(read) == {"z": [[1.0, 2.0], [0.0, -3.5]], "b": [True, False]}
    assert [(field.datatype, field.arraysize) for field in read.fields] == [("double", "2"), ("boolean", None)]


def test_columns_keep_what_describes_them() -> None:
    field = (
        '<FIELD name="RA (J2000)" datatype="double" unit="deg" ucd="pos.eq.ra" utype="a:b.c">'
        "<DESCRIPTION>Right\n ascension</DESCRIPTION></FIELD>"
    )
    table = read_votable(votable(f"<DESCRIPTION>Stars</DESCRIPTION>{field}", ""), LIMITS)
    [found] = table.fields
    assert (found.name, found.unit, found.ucd, found.utype) == ("RA (J2000)", "deg", "pos.eq.ra", "a:b.c")
    assert found.description == "Right ascension"
    assert table.description == "Stars"
    assert table.rows.num_rows == 0


@pytest.mark.parametrize(
    ("attributes", "text", "value"),
    [
        ('datatype="int"', " 12 ", 12),
        ('datatype="int"', "+7", 7),
        ('datatype="int"', "0x1F", 31),
        ('datatype="int"', "", None),
        ('datatype="double"', "NaN", None),
        ('datatype="double"', "+Inf", float("inf")),
        ('datatype="double"', "-Inf", float("-inf")),
        ('datatype="double"', "1.5D3", 1500.0),
        ('datatype="boolean"', "T", True),
        ('datatype="boolean"', "false", False),
        ('datatype="boolean"', "?", None),
        ('datatype="char" arraysize="*"', "a &lt; b &amp; c &#233;", "a < b & c é"),
        ('datatype="char" arraysize="*"', "<![CDATA[a <b> c]]>", "a <b> c"),
        ('datatype="char" arraysize="*"', "", None),
        ('datatype="char"', "x", "x"),
        ('datatype="double" arraysize="2" xtype="point"', "1 2.5", [1.0, 2.5]),
        ('datatype="float" arraysize="*"', "", None),
        ('datatype="bit" arraysize="4"', "0110", [False, True, True, False]),
    ],
)
def test_cells_are_read_as_the_standard_says(attributes: str, text: str, value: Any) -> None:
    assert columns_of(read_votable(cells(f'<FIELD name="c" {attributes}/>', (text,)), LIMITS)) == {"c": [value]}


def test_timestamps_become_instants() -> None:
    field = '<FIELD name="t" datatype="char" arraysize="*" xtype="timestamp"/>'
    rows = [("2013-04-12T04:52:06.123",), ("2013-04-12",), ("2013-04-12T04:52:06Z",), ("",)]
    read = columns_of(read_votable(cells(field, *rows), LIMITS))["t"]
    assert [str(each) for each in read] == [
        "2013-04-12 04:52:06.123000",
        "2013-04-12 00:00:00",
        "2013-04-12 04:52:06",
        "None",
    ]


def test_the_declared_null_is_null() -> None:
    field = '<FIELD name="n" datatype="int"><VALUES null="-99"/></FIELD>'
    assert columns_of(read_votable(cells(field, ("-99",), ("5",)), LIMITS)) == {"n": [None, 5]}


@pytest.mark.parametrize("namespace", ["", ' xmlns="http://www.ivoa.net/xml/VOTable/v1.1"', ' xmlns="urn:x"'])
def test_namespaces_do_not_matter(namespace: str) -> None:
    document = cells(NUMBER, ("1",)).replace(b' xmlns="http://www.ivoa.net/xml/VOTable/v1.3"', namespace.encode())
    assert columns_of(read_votable(document, LIMITS)) == {"n": [1]}


def test_prefixes_comments_and_empty_elements_are_read() -> None:
    document = (
        b'<v:VOTABLE xmlns:v="http://www.ivoa.net/xml/VOTable/v1.3"><v:RESOURCE><v:TABLE>'
        b'<v:FIELD name="n" datatype="int"/><v:DATA><v:TABLEDATA><!-- no --><v:TR><v:TD>1</v:TD></v:TR>'
        b"<v:TR><v:TD/></v:TR></v:TABLEDATA></v:DATA></v:TABLE></v:RESOURCE></v:VOTABLE>"
    )
    assert columns_of(read_votable(document, LIMITS)) == {"n": [1, None]}
    assert columns_of(read_votable(votable(NUMBER, "<TR><TD/></TR><TR><TD>2</TD></TR>"), LIMITS)) == {"n": [None, 2]}


def test_the_first_table_with_rows_counts() -> None:
    empty = b'<RESOURCE><TABLE><FIELD name="x" datatype="double"/></TABLE>'
    assert columns_of(read_votable(cells(NUMBER, ("1",)).replace(b"<RESOURCE>", empty), LIMITS)) == {"n": [1]}


def test_a_document_in_another_encoding_is_read() -> None:
    document = cells('<FIELD name="c" datatype="char" arraysize="*"/>', ("é",)).decode()
    declared = document.replace('version="1.0"', 'version="1.0" encoding="ISO-8859-1"', 1)
    assert columns_of(read_votable(declared.encode("latin-1"), LIMITS)) == {"c": ["é"]}


DEEP = "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;&a;'>]>"


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (b"<html></html>", "This is no VOTable"),
        (b"<VOTABLE/>", "holds no TABLE"),
        (b"<VOTABLE><RESOURCE>", "broken off"),
        (votable("", ""), "no columns"),
        (votable('<FIELD name="n" datatype="integer"/>', ""), "unknown datatype 'integer'"),
        (votable('<FIELD name="n" datatype="int" arraysize="x"/>', ""), "arraysize"),
        (votable('<FIELD name="n" datatype="int" arraysize="999999999x99999"/>', ""), "too large"),
        (votable(NUMBER * 2, ""), "Two columns of the table are called 'n'"),
        (votable(NUMBER, "<TR><TD>1</TD></TR>", DEEP), "entities"),
        (cells(NUMBER, ("1",), ("two",)), "Row 2, column 'n': 'two' is not a value of datatype int"),
        (cells(NUMBER, ("99999999999",)), "Row 1, column 'n'"),
        (cells(NUMBER, ("1.5",)), "Row 1, column 'n'"),
        (cells(NUMBER, ("1", "2")), "Row 1 has 2 cells where the table has 1 columns"),
        (votable(NUMBER, "<TR></TR>"), "Row 1 has 0 cells"),
        (cells(NUMBER, ("1",))[:-80], "broken off"),
        (cells('<FIELD name="p" datatype="double" arraysize="2"/>', ("1 2 3",)), "3 values where the column declares"),
        (cells(NUMBER, *[("1",)] * 10_001), "more than 10,000 rows"),
        (cells('<FIELD name="c" datatype="char" arraysize="*"/>', ("a",)).replace(b">a<", b">\xff<"), "byte"),
        (votable("".join(f'<FIELD name="n{i}" datatype="int"/>' for i in range(2001)), ""), "2,000 columns"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(document: bytes, sentence: str) -> None:
    with pytest.raises(UsageFault, match=sentence):
        read_votable(document, LIMITS)


@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_document_is_refused_or_read_but_never_breaks_the_reader(form: str) -> None:
    table = AstropyTable(
        {"i": [1, 2, 3], "text": ["a", "bcd", "é"], "x": [1.5, 2.5, np.nan], "m": np.ones((3, 2)), "b": [True] * 3}
    )
    document = write(table, form)
    chance = random.Random(7)
    for _ in range(150):
        damaged = bytearray(document)
        for _ in range(chance.randint(1, 6)):
            place = chance.randrange(len(damaged))
            match chance.randrange(3):
                case 0:
                    damaged[place] = chance.randrange(256)
                case 1:
                    del damaged[place : place + chance.randint(1, 40)]
                case _:
                    damaged[place:place] = damaged[: chance.randint(1, 30)]
        try:
            columns_of(read_votable(bytes(damaged), LIMITS))
        except UsageFault:
            continue


def test_a_file_may_be_compressed_but_not_without_bounds(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_bytes(gzip.compress(cells(NUMBER, ("1",))))
    assert columns_of(read_table(path, LIMITS)) == {"n": [1]}
    path.write_bytes(gzip.compress(b" " * 50_000_000))
    with pytest.raises(UsageFault, match="more than 10,000,000 bytes"):
        read_table(path, LIMITS)


@pytest.mark.parametrize("form", ["ascii.csv", "fits", "parquet"])
def test_other_files_are_read_by_what_they_begin_with(form: str, tmp_path: Path) -> None:
    table = AstropyTable({"id": [1, 2], "x": [1.5, -2.5], "name": ["a", "bc"]})
    table.write(tmp_path / "table", format=form)
    assert columns_of(read_table(tmp_path / "table", LIMITS)) == {"id": [1, 2], "x": [1.5, -2.5], "name": ["a", "bc"]}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (b"a,b\n1,2\n3\n", "cells"),
        (b"a,a\n1,2\n", "Two columns"),
        (b"a\n\xff\n", "UTF-8"),
        (b"SIMPLE  =                    T" + b" " * 60, "damaged"),
        (b"PAR1 and nothing", "damaged"),
    ],
)
def test_damaged_files_of_other_forms_are_told_in_a_sentence(content: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(content)
    with pytest.raises(UsageFault, match=sentence):
        read_table(tmp_path / "table", LIMITS)
