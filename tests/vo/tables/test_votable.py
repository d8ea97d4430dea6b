from __future__ import annotations

import base64
import io
import math
import struct
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from astropy.io.votable import parse
from astropy.io.votable.tree import TableElement
from everything import EVERYTHING, FULL, NULLS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from vo.tables.field import Field, arrow_schema
from vo.tables.stream import TableStream
from vo.tables.votable import Info, Serialization, write_error, write_votable

MakeStream = Callable[..., TableStream]
CheckXml = Callable[[bytes], None]
SERIALIZATIONS = pytest.mark.parametrize("serialization", ["BINARY2", "BINARY", "TABLEDATA"])


def document_of(stream: TableStream, serialization: Serialization = "BINARY2", **options: Any) -> bytes:
    return b"".join(write_votable(stream, serialization=serialization, **options))


def read(document: bytes) -> TableElement:
    return parse(io.BytesIO(document), verify="exception").get_first_table()


def statuses(document: bytes) -> list[tuple[str, str | None]]:
    infos = etree.fromstring(document).iterfind(".//{*}INFO[@name='QUERY_STATUS']")
    return [(info.get("value"), info.text) for info in infos]


@pytest.mark.testdata
@SERIALIZATIONS
def test_the_document_is_valid(make_stream: MakeStream, check_xml: CheckXml, serialization: Serialization) -> None:
    infos = [Info("QUERY", "SELECT 'é' FROM \"a\"\n\t\x00"), Info("NOTE", "", "long < text")]
    check_xml(document_of(make_stream(EVERYTHING, [FULL, NULLS] * 5, maxrec=9), serialization, infos=infos))


@pytest.mark.testdata
def test_the_document_of_an_error_is_valid(check_xml: CheckXml) -> None:
    document = write_error("Line 1: <nothing> \x07 of & é", [Info("QUERY", "x")])
    check_xml(document)
    assert statuses(document) == [("ERROR", "Line 1: <nothing> \ufffd of & é")]


@SERIALIZATIONS
def test_astropy_reads_every_type_back(make_stream: MakeStream, serialization: Serialization) -> None:
    document = document_of(make_stream(EVERYTHING, [NULLS, FULL, NULLS, FULL], batch_rows=2), serialization)
    array = read(document).array
    assert len(array) == 4
    row = array[1]
    assert [row[name] for name in ("flag", "byte", "small", "number", "big")] == list(FULL[:5])
    assert row["single"] == np.float32(0.1)
    assert row["value"] == 1 / 3
    assert (row["word"], row["name"]) == ("word", "Étoile")
    assert row["seen"] == "2024-02-29T23:59:59.123456"
    assert row["polygon"].tolist() == [1.5, -2.25, 3.5, 4.0, 5.0, 6.125]
    assert row["point"].tolist() == [10.0, -20.0]
    assert row["counts"].tolist() == [1, 2, 3]
    assert row["flags"].tolist() == [True, False]


@SERIALIZATIONS
@pytest.mark.parametrize("name", ["flag", "byte", "small", "number", "big", "single", "value"])
def test_null_numbers_are_read_as_masked(make_stream: MakeStream, serialization: Serialization, name: str) -> None:
    document = document_of(make_stream(EVERYTHING, [FULL, NULLS, FULL]), serialization)
    assert read(document).array[name].mask.tolist() == [False, True, False]


@pytest.mark.parametrize("serialization", ["BINARY2", "TABLEDATA"])
def test_the_extremes_of_integers_are_values(make_stream: MakeStream, serialization: Serialization) -> None:
    fields = [Field("byte", "unsignedByte"), Field("small", "short"), Field("number", "int"), Field("big", "long")]
    extremes = [[255, -(2**15), -(2**31), -(2**63)], [0, 2**15 - 1, 2**31 - 1, 2**63 - 1]]
    array = read(document_of(make_stream(fields, extremes), serialization)).array
    assert [list(row) for row in array] == extremes


def test_binary_declares_the_integers_that_mean_null(make_stream: MakeStream) -> None:
    document = document_of(make_stream(EVERYTHING, [NULLS]), "BINARY")
    declared = {field.get("name"): field[-1].get("null") for field in fields_of(document) if len(field)}
    assert declared == {
        "byte": "255", "small": "-32768", "number": "-2147483648", "big": "-9223372036854775808",
        "counts": "-2147483648",
    }  # fmt: skip


def fields_of(document: bytes) -> list[Any]:
    return list(etree.fromstring(document).iterfind(".//{*}FIELD"))


def test_binary2_tells_null_text_from_empty_text(make_stream: MakeStream) -> None:
    fields = [Field("word", "char", "*"), Field("name", "unicodeChar", "*"), Field("list", "double", "*")]
    document = document_of(make_stream(fields, [["", "", []], [None, None, None], ["a", "b", [1.0]]]))
    assert list(raw_rows(document, 3)) == [(0b00000000, 0, 0, 0), (0b11100000, 0, 0, 0), (0b00000000, 1, 1, 1)]


def raw_rows(document: bytes, count: int) -> Iterator[tuple[int, ...]]:
    """Rows of char(*), unicodeChar(*), double(*), taken apart by hand: the flags and the three lengths."""
    data = base64.b64decode(etree.fromstring(document).findtext(".//{*}STREAM"))
    at = 0
    for _ in range(count):
        flags, lengths = data[at], []
        at += 1
        for width in (1, 2, 8):
            (length,) = struct.unpack_from(">i", data, at)
            at += 4 + length * width
            lengths.append(length)
        yield flags, *lengths
    assert at == len(data)


@SERIALIZATIONS
@pytest.mark.parametrize("datatype", ["double", "float"])
def test_numbers_that_are_none_come_back_as_what_they_are(
    make_stream: MakeStream, serialization: Serialization, datatype: Any
) -> None:
    rows = [[math.nan], [math.inf], [-math.inf], [-0.0], [5e-324], [1e300]]
    document = document_of(make_stream([Field("x", datatype)], rows), serialization)
    values = read(document).array["x"].data
    expected = np.array([row[0] for row in rows]).astype(values.dtype) if datatype == "double" else None
    if expected is not None:
        np.testing.assert_array_equal(values, expected)
    assert np.isnan(values[0])
    assert values[1:3].tolist() == [math.inf, -math.inf]
    assert np.signbit(values[3])


@SERIALIZATIONS
def test_text_beyond_ascii_and_beyond_ucs2_survives_in_unicodechar(
    make_stream: MakeStream, serialization: Serialization
) -> None:
    words = ["Ωμέγα", "星", "𝄞 clef", "", "a𝄞b𝄞", "\u0301", "plain"]
    document = document_of(make_stream([Field("name", "unicodeChar", "*")], [[word] for word in words]), serialization)
    assert read(document).array["name"].tolist() == words


def test_text_beyond_ascii_in_char_becomes_question_marks_in_binary2(make_stream: MakeStream) -> None:
    document = document_of(make_stream([Field("name", "char", "*")], [["Étoile 星𝄞"], [None], ["plain"]]))
    assert read(document).array["name"].tolist()[0] == "?toile ??"
    assert read(document).array["name"].tolist()[2] == "plain"


@pytest.mark.filterwarnings("ignore:.*W55")
def test_text_beyond_ascii_in_char_survives_in_tabledata(make_stream: MakeStream) -> None:
    document = document_of(make_stream([Field("name", "char", "*")], [["Étoile 星𝄞"]]), "TABLEDATA")
    assert read(document).array["name"].tolist() == ["Étoile 星𝄞"]


def test_markup_and_characters_without_a_place_in_xml_leave_tabledata_whole(make_stream: MakeStream) -> None:
    words = ["<TD>&amp;]]>", "tab\there", "line\nfeed", "carriage\r\nreturn", "\x00\x01\x1f", "\ufffe\uffff", "\ufffd"]
    rows = [[word] for word in words]
    document = document_of(make_stream([Field("name", "unicodeChar", "*")], rows), "TABLEDATA")
    assert read(document).array["name"].tolist() == [*words[:4], "\ufffd" * 3, "\ufffd" * 2, "\ufffd"]


@SERIALIZATIONS
@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (datetime(2024, 1, 1), "2024-01-01T00:00:00.000"),
        (datetime(2024, 1, 1, 1, 2, 3, 4000), "2024-01-01T01:02:03.004"),
        (datetime(2024, 1, 1, 1, 2, 3, 4), "2024-01-01T01:02:03.000004"),
        (datetime(1858, 11, 17), "1858-11-17T00:00:00.000"),
        (datetime.min, "0001-01-01T00:00:00.000"),
        (datetime.max, "9999-12-31T23:59:59.999999"),
        (None, ""),
    ],
    ids=str,
)
def test_instants_are_iso_8601(
    make_stream: MakeStream, serialization: Serialization, instant: datetime | None, text: str
) -> None:
    rows = [[instant], [datetime(2000, 1, 1, 0, 0, 0, 1)], [instant], [None]]
    document = document_of(make_stream([Field("t", "char", "*", xtype="timestamp")], rows), serialization)
    values = ["" if value is None else value for value in read(document).array["t"].tolist()]
    assert values == [text, "2000-01-01T00:00:00.000001", text, ""]


@pytest.mark.parametrize("size", ["19", "24*", None])
@pytest.mark.parametrize("serialization", ["BINARY2", "BINARY", "TABLEDATA"])
def test_instants_are_read_back_whatever_length_their_column_had(
    make_stream: MakeStream, serialization: Serialization, size: str | None
) -> None:
    fields = [Field("t", "char", size, xtype="timestamp"), Field("n", "int")]
    rows = [[datetime(2000, 1, 1, 0, 0, second, 250_000), second] for second in range(3)]
    table = read(document_of(make_stream(fields, rows), serialization)).array
    assert [str(value) for value in table["t"]] == [f"2000-01-01T00:00:0{second}.250" for second in range(3)]
    assert list(table["n"]) == [0, 1, 2]


@SERIALIZATIONS
@pytest.mark.parametrize("ticks", [2**63 - 1, -(2**63) + 1, -62135596800000001, 253402300800000000])
def test_instants_without_a_four_digit_year_become_null(serialization: Serialization, ticks: int) -> None:
    fields = (Field("t", "char", "*", xtype="timestamp"),)
    batch = pa.record_batch([pa.array([ticks, 0]).cast(pa.timestamp("us"))], schema=arrow_schema(fields))
    cells = read(document_of(TableStream(fields, [batch]), serialization)).array["t"].tolist()
    assert [cell or "" for cell in cells] == ["", "1970-01-01T00:00:00.000"]


@SERIALIZATIONS
def test_missing_elements_of_arrays_are_nan_or_masked(make_stream: MakeStream, serialization: Serialization) -> None:
    fields = [Field("x", "double", "*"), Field("n", "long", "*"), Field("p", "float", "2")]
    document = document_of(make_stream(fields, [[[1.0, None], [None, 7], [None, 1.0]], [[], [], None]]), serialization)
    array = read(document).array
    assert np.isnan(np.ma.getdata(array["x"][0])).tolist() == [False, True]
    assert array["n"][0].mask.tolist() == [True, False]
    assert np.isnan(np.ma.getdata(array["p"][0])).tolist() == [True, False]
    assert np.isnan(np.ma.filled(array["p"][1], np.nan)).all()
    assert len(array["x"][1]) == len(array["n"][1]) == 0


def test_an_array_of_another_size_than_declared_is_told_after_the_table(make_stream: MakeStream) -> None:
    document = document_of(make_stream([Field("p", "double", "2")], [[[1.0, 2.0]], [[1.0]]], batch_rows=1))
    assert [value for value, _ in statuses(document)] == ["OK", "ERROR"]
    assert len(read(document).array) == 1


@SERIALIZATIONS
@pytest.mark.parametrize("batch_rows", [1, 2, 3, 4, 5, 7, 1000])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_the_cut_of_batches_leaves_no_trace(
    make_stream: MakeStream, serialization: Serialization, batch_rows: int, width: int
) -> None:
    fields = [Field(f"b{number}", "unsignedByte") for number in range(width)]
    rows = [[number % 255] * width for number in range(300)]
    document = document_of(make_stream(fields, rows, batch_rows=batch_rows), serialization)
    assert read(document).array["b0"].tolist() == [number % 255 for number in range(300)]


@SERIALIZATIONS
def test_a_table_without_rows_still_tells_its_columns(make_stream: MakeStream, serialization: Serialization) -> None:
    table = read(document_of(make_stream(EVERYTHING, []), serialization))
    assert [field.name for field in table.fields] == [field.name for field in EVERYTHING]
    assert len(table.array) == 0


def test_fields_carry_their_descriptions(make_stream: MakeStream) -> None:
    described = read(document_of(make_stream(EVERYTHING, []))).get_field_by_id_or_name("number")
    assert (described.unit, described.ucd, described.utype) == ("d", "meta.number", "some:where")
    assert described.description == 'A count, < or > & "so".'
    fields = etree.fromstring(document_of(make_stream(EVERYTHING, []))).iterfind(".//{*}FIELD")
    declared = {field.get("name"): (field.get("arraysize"), field.get("xtype")) for field in fields}
    assert declared["seen"] == ("*", "timestamp")
    assert declared["point"] == ("2", "point")
    assert declared["number"] == (None, None)


@pytest.mark.filterwarnings("ignore:.*W32", "ignore:.*W33")
def test_two_columns_may_share_a_name(make_stream: MakeStream) -> None:
    document = document_of(make_stream([Field("x", "int"), Field("x", "int")], [[1, 2]]))
    assert list(read(document).array[0]) == [1, 2]


@pytest.mark.parametrize("arraysize", ["3", "3*"])
def test_text_of_a_declared_length_is_bounded_but_never_cut(make_stream: MakeStream, arraysize: str) -> None:
    rows = [["ab"], ["abc"], [None]]
    document = document_of(make_stream([Field("w", "char", arraysize)], rows))
    assert [field.get("arraysize") for field in etree.fromstring(document).iterfind(".//{*}FIELD")] == ["3*"]
    assert [value or "" for value in read(document).array["w"].tolist()] == ["ab", "abc", ""]


@SERIALIZATIONS
@pytest.mark.parametrize(
    ("maxrec", "rows", "said"), [(3, 3, ["OK"]), (2, 2, ["OK", "OVERFLOW"]), (0, 0, ["OK", "OVERFLOW"])]
)
def test_overflow_is_told_after_the_table(
    make_stream: MakeStream, serialization: Serialization, maxrec: int, rows: int, said: list[str]
) -> None:
    document = document_of(make_stream([Field("n", "int")], [[1], [2], [3]], maxrec=maxrec), serialization)
    assert len(read(document).array) == rows
    assert [value for value, _ in statuses(document)] == said
    order = [etree.QName(element).localname for element in etree.fromstring(document).find("{*}RESOURCE")]
    assert order == ["INFO", "TABLE", "INFO"][: len(said) + 1]


class BrokenError(Exception):
    pass


@pytest.fixture
def broken_stream() -> Iterator[TableStream]:
    fields = (Field("n", "unsignedByte"),)

    def batches() -> Iterator[pa.RecordBatch]:
        for start in (0, 10):
            yield pa.record_batch([pa.array(range(start, start + 10), pa.uint8())], schema=arrow_schema(fields))
        raise BrokenError("a secret")

    released: list[bool] = []
    yield TableStream(fields, batches(), release=lambda: released.append(True))
    assert released == [True]


@SERIALIZATIONS
def test_a_late_failure_keeps_the_rows_and_no_secret(broken_stream: TableStream, serialization: Serialization) -> None:
    document = document_of(broken_stream, serialization)
    assert read(document).array["n"].tolist() == list(range(20))
    assert [value for value, _ in statuses(document)] == ["OK", "ERROR"]
    assert b"secret" not in document


def test_a_late_failure_is_explained_by_who_knows_it(broken_stream: TableStream) -> None:
    document = document_of(broken_stream, explain=lambda error: f"{type(error).__name__} & more")
    assert statuses(document)[-1] == ("ERROR", "BrokenError & more")


@SERIALIZATIONS
def test_rows_leave_before_the_last_is_read_and_a_reader_may_go_away(serialization: Serialization) -> None:
    fields = (Field("n", "int"),)
    read_batches, released = [], []

    def batches() -> Iterator[pa.RecordBatch]:
        for number in range(1000):
            read_batches.append(number)
            yield pa.record_batch([pa.array([number], pa.int32())], schema=arrow_schema(fields))

    stream = TableStream(fields, batches(), release=lambda: released.append(True))
    pieces = write_votable(stream, serialization=serialization)
    assert b"<FIELD" in next(pieces)
    assert read_batches == []
    next(pieces)
    assert len(read_batches) < 10
    pieces.close()
    assert released == [True]


def test_a_large_batch_leaves_in_pieces(make_stream: MakeStream) -> None:
    rows = [["x" * 1000]] * 20_000
    pieces = list(write_votable(make_stream([Field("w", "char", "*")], rows, batch_rows=20_000)))
    assert max(map(len, pieces)) < 8 * 2**20
    assert len(read(b"".join(pieces)).array) == 20_000


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=8)
ROW = st.tuples(
    st.none() | st.booleans(),
    st.none() | st.integers(1 - 2**15, 2**15 - 1),
    st.none() | st.integers(1 - 2**63, 2**63 - 1),
    st.none() | st.floats(),
    st.none() | st.floats(width=32),
    TEXT.filter(lambda text: text == text.strip()),
    st.lists(st.floats(allow_nan=False), max_size=4),
    st.none() | st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)),
    st.lists(st.integers(-(2**31) + 1, 2**31 - 1), max_size=3),
)
ROW_FIELDS = (
    Field("flag", "boolean"),
    Field("small", "short"),
    Field("big", "long"),
    Field("value", "double"),
    Field("single", "float"),
    Field("name", "unicodeChar", "*"),
    Field("list", "double", "*"),
    Field("seen", "char", "*", xtype="timestamp"),
    Field("counts", "int", "*"),
)


@SERIALIZATIONS
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, min_size=1, max_size=7), batch_rows=st.integers(1, 4))
def test_any_table_reads_back_equal(
    make_stream: MakeStream, serialization: Serialization, rows: list[tuple[Any, ...]], batch_rows: int
) -> None:
    array = read(document_of(make_stream(ROW_FIELDS, rows, batch_rows=batch_rows), serialization)).array
    for number, row in enumerate(rows):
        flag, small, big, value, single, name, numbers, seen, counts = row
        got = array[number]
        for want, have in ((flag, got["flag"]), (small, got["small"]), (big, got["big"])):
            assert (have is np.ma.masked) if want is None else have == want
        for want, have in ((value, got["value"]), (single, got["single"])):
            if want is None or math.isnan(want):
                assert have is np.ma.masked or np.isnan(have)
            else:
                assert have == want
        assert got["name"] == name
        assert np.asarray(got["list"]).tolist() == numbers
        assert np.asarray(got["counts"]).tolist() == counts
        assert (datetime.fromisoformat(got["seen"]) if got["seen"] else None) == seen
