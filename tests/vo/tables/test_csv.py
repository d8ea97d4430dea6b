from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from astropy.table import Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vo.tables.csv import write_csv, write_tsv
from vo.tables.field import Field, arrow_schema
from vo.tables.stream import TableStream

MakeStream = Callable[..., TableStream]


def csv_rows(document: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(document.decode(), newline=""), strict=True))


def test_cells_are_quoted_where_rfc_4180_wants_it(make_stream: MakeStream) -> None:
    words = ["plain", "a,b", 'say "so"', "line\nfeed", "carriage\r\nreturn", "", None, " blank ", "'", "é星𝄞", "-"]
    document = b"".join(write_csv(make_stream([Field("w", "char", "*"), Field("n", "int")], [[w, 1] for w in words])))
    assert csv_rows(document) == [["w", "n"], *([word or "", "1"] for word in words)]
    assert document.startswith(b'w,n\r\nplain,1\r\n"a,b",1\r\n"say ""so""",1\r\n')


def test_null_and_the_empty_string_differ(make_stream: MakeStream) -> None:
    document = b"".join(write_csv(make_stream([Field("w", "char", "*"), Field("n", "int")], [["", 1], [None, None]])))
    assert document == b'w,n\r\n"",1\r\n,\r\n'


def test_names_are_quoted_too(make_stream: MakeStream) -> None:
    document = b"".join(write_csv(make_stream([Field('count "of", all', "int")], [[1]])))
    assert csv_rows(document) == [['count "of", all'], ["1"]]


def test_the_header_may_be_absent(make_stream: MakeStream) -> None:
    assert b"".join(write_csv(make_stream([Field("n", "int")], [[1], [2]]), header=False)) == b"1\r\n2\r\n"


def test_astropy_reads_numbers_back(make_stream: MakeStream) -> None:
    fields = [Field("n", "long"), Field("x", "double"), Field("f", "float")]
    rows = [[2**62, 0.1, 0.1], [None, float("nan"), None], [-5, float("-inf"), 1e30]]
    table = Table.read(b"".join(write_csv(make_stream(fields, rows))).decode(), format="ascii.csv")
    assert table["n"].tolist() == [2**62, None, -5]
    np.testing.assert_array_equal(table["x"], [0.1, np.nan, -np.inf])
    assert np.float32(table["f"][0]) == np.float32(0.1)


def test_instants_arrays_and_truth_have_the_forms_of_dali(make_stream: MakeStream) -> None:
    fields = [Field("t", "char", "*", xtype="timestamp"), Field("p", "double", "2"), Field("b", "boolean")]
    rows = [[datetime(2024, 1, 2, 3, 4, 5), [1.5, -2.0], True], [None, None, None]]
    assert csv_rows(b"".join(write_csv(make_stream(fields, rows))))[1:] == [
        ["2024-01-02T03:04:05.000", "1.5 -2", "true"],
        ["", "", ""],
    ]


def test_tabs_and_line_ends_inside_tsv_become_blanks(make_stream: MakeStream) -> None:
    fields = [Field("a\tb", "char", "*"), Field("n", "int")]
    document = b"".join(write_tsv(make_stream(fields, [["x\ty\r\nz", 1], ['"', None]])))
    assert document == b'a b\tn\nx y  z\t1\n"\t\n'


@pytest.mark.parametrize("write", [write_csv, write_tsv])
def test_a_late_failure_is_raised_and_the_stream_released(write: Callable[[TableStream], Iterator[bytes]]) -> None:
    fields = (Field("n", "int"),)
    released: list[bool] = []

    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch([pa.array([1], pa.int32())], schema=arrow_schema(fields))
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        list(write(TableStream(fields, batches(), release=lambda: released.append(True))))
    assert released == [True]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), st.floats(allow_nan=False)), max_size=6
    )
)
def test_any_table_reads_back_equal(make_stream: MakeStream, rows: list[tuple[str, float]]) -> None:
    read = csv_rows(b"".join(write_csv(make_stream([Field("w", "char", "*"), Field("x", "double")], rows))))
    assert [(word, float(number)) for word, number in read[1:]] == rows
