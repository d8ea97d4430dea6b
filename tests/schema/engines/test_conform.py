from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from schema.engines.conform import Conformer
from schema.engines.execute import EngineError
from vo.tables.field import Field, arrow_type


def conformed(values: pa.Array, field: Field) -> pa.Array:
    (column,) = Conformer((field,))(pa.RecordBatch.from_arrays([values], names=["any"])).columns
    assert column.type == arrow_type(field)
    return column


INSTANT = datetime.datetime(2020, 1, 2, 3, 4, 5, 678901)


@pytest.mark.parametrize(
    ("values", "field", "expected"),
    [
        pytest.param(pa.nulls(2), Field("x", "double"), [None, None], id="nothing known of the type"),
        pytest.param(pa.array([Decimal("1.5"), None]), Field("x", "double"), [1.5, None], id="decimal to double"),
        pytest.param(pa.array([Decimal("1.5")]), Field("x", "float"), [1.5], id="decimal to float"),
        pytest.param(pa.array([Decimal(2**40)]), Field("x", "long"), [2**40], id="sum to long"),
        pytest.param(pa.array([1e300]), Field("x", "float"), [float("inf")], id="double beyond float"),
        pytest.param(pa.array([7], pa.int64()), Field("x", "short"), [7], id="long to short"),
        pytest.param(pa.array(["a"], pa.large_string()), Field("x", "char", "*"), ["a"], id="long text"),
        pytest.param(
            pa.array([INSTANT], pa.timestamp("ns")), Field("x", "char", "*", "timestamp"), [INSTANT], id="instant"
        ),
        pytest.param(
            pa.array([[1.0, 2.0]], pa.list_(pa.float64(), 2)), Field("x", "double", "2"), [[1.0, 2.0]], id="fixed list"
        ),
    ],
)
def test_columns_get_the_type_of_their_field(values: pa.Array, field: Field, expected: list[Any]) -> None:
    assert conformed(values, field).to_pylist() == expected


@pytest.mark.parametrize(
    ("values", "field"),
    [
        pytest.param(pa.array([40_000]), Field("x", "short"), id="too large"),
        pytest.param(pa.array([1.5]), Field("x", "long"), id="fraction"),
        pytest.param(pa.array(["a"]), Field("x", "double"), id="text"),
        pytest.param(pa.array([Decimal(2**70)]), Field("x", "long"), id="sum beyond long"),
        pytest.param(pa.array([[1]]), Field("x", "long"), id="list"),
    ],
)
def test_a_value_that_does_not_fit_is_named_by_its_column(values: pa.Array, field: Field) -> None:
    with pytest.raises(EngineError, match="A value of column x does not fit its datatype"):
        conformed(values, field)


def test_a_column_too_few_is_told() -> None:
    with pytest.raises(EngineError, match="1 columns where 2 are described"):
        Conformer((Field("x", "long"), Field("y", "long")))(pa.RecordBatch.from_arrays([pa.array([1])], names=["x"]))
