# ruff: noqa: S608 - what is put together here is SQL that the compiler has made; values are parameters.
"""Expressions whose meaning is fixed while each engine says them in its own words.

Whole numbers stay whole and 64 bits wide; what has no value (a division by zero, a root of a negative number, an
overflow, text that is no number) is NULL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class WholeArithmetic(FunctionElement[int]):
    """Two whole numbers and ``+``, ``-``, ``*`` or ``/``; the quotient is cut towards zero."""

    type = sa.BigInteger()
    sign = ""


class WholeSum(WholeArithmetic):
    """``a + b``."""

    inherit_cache = True
    sign = "+"


class WholeDifference(WholeArithmetic):
    """``a - b``."""

    inherit_cache = True
    sign = "-"


class WholeProduct(WholeArithmetic):
    """``a * b``."""

    inherit_cache = True
    sign = "*"


class WholeQuotient(WholeArithmetic):
    """``a / b``, NULL for ``b = 0``."""

    inherit_cache = True
    sign = "/"


class WholeRemainder(WholeArithmetic):
    """What a division of whole numbers leaves, with the sign of the dividend; NULL for a divisor of zero."""

    inherit_cache = True
    sign = "%"


class WholeMagnitude(FunctionElement[int]):
    """Absolute value of a whole number."""

    type = sa.BigInteger()
    inherit_cache = True


class Total(FunctionElement[Any]):
    """SUM of all values, or of the different ones."""

    inherit_cache = False

    def __init__(self, value: sa.ColumnElement[Any], *, distinct: bool = False) -> None:
        self.call = "sum(DISTINCT {})" if distinct else "sum({})"
        super().__init__(value)


class WholeTotal(Total):
    """SUM of whole numbers, NULL where it exceeds 64 bits."""

    type = sa.BigInteger()
    inherit_cache = False


class RealArithmetic(FunctionElement[float]):
    """Real numbers joined from left to right by operators of one precedence, NULL where the result is not finite."""

    type = sa.Double()
    inherit_cache = False

    def __init__(self, operands: Sequence[sa.ColumnElement[Any]], signs: Sequence[str]) -> None:
        self.signs = tuple(signs)
        super().__init__(*operands)


class RealRemainder(FunctionElement[float]):
    """What a division of real numbers leaves, with the sign of the dividend; NULL for a divisor of zero."""

    type = sa.Double()
    inherit_cache = True


class RealFunction(FunctionElement[float]):
    """A function of real numbers, NULL outside of its domain and where the result is not finite.

    Parameters
    ----------
    function
        One of `REAL_FUNCTIONS`.
    *arguments
        Its arguments.
    """

    type = sa.Double()
    inherit_cache = False

    def __init__(self, function: str, *arguments: sa.ColumnElement[Any]) -> None:
        if function not in REAL_FUNCTIONS:
            raise ValueError(f"{function} is no function of real numbers.")
        self.function = function
        super().__init__(*arguments)


class RealTotal(Total):
    """SUM of real numbers, NULL where it is not finite."""

    type = sa.Double()
    inherit_cache = False


class RealAverage(Total):
    """AVG of real numbers, NULL where their sum is not finite."""

    type = sa.Double()
    inherit_cache = False


class Numbers(FunctionElement[Any]):
    """Real numbers as one array, NULL where one of them is."""

    type = sa.ARRAY(sa.Double())
    inherit_cache = True


class InCodeOrder(FunctionElement[str]):
    """Text that sorts and compares by the numbers of its letters."""

    type = sa.Text()
    inherit_cache = True


# Where PostgreSQL would fail, the argument becomes NULL; None where every number has a value.
REAL_FUNCTIONS: dict[str, str | None] = {
    "acos": "BETWEEN -1 AND 1",
    "asin": "BETWEEN -1 AND 1",
    "atan": None,
    "atan2": None,
    "ceil": None,
    "cos": None,
    "cot": "<> 0",
    "degrees": "BETWEEN -3.1e306 AND 3.1e306",
    "exp": "<= 709.78",
    "floor": None,
    "ln": "> 0",
    "log10": "> 0",
    "power": None,
    "radians": None,
    "round": None,
    "sin": None,
    "sqrt": ">= 0",
    "tan": None,
    "trunc": None,
}

_REAL_OPERATIONS = {"+": "real_sum", "-": "real_sum", "*": "real_product", "/": "real_quotient"}

_SHORT = 200

_WHOLE_IN_LIMITS = "CASE WHEN {v} BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST({v} AS BIGINT) END"


def _operands(element: FunctionElement[Any], compiler: SQLCompiler, **kw: Any) -> list[str]:
    return [compiler.process(clause.self_group(), **kw) for clause in element.clauses]


def _once(value: str, template: str) -> str:
    """DuckDB's SQL that needs a value several times, as ``{v}``: long ones are not repeated, or nests would explode."""
    if len(value) <= _SHORT:
        return template.format(v=value)
    return f"list_transform([{value}], lambda v: {template.format(v='v')})[1]"


def _single(value: str, template: str) -> str:
    """The same for PostgreSQL, whose planner would repeat it after all without the OFFSET."""
    if len(value) <= _SHORT:
        return template.format(v=value)
    return f"(SELECT {template.format(v='q.v')} FROM (SELECT {value} AS v OFFSET 0) AS q)"


def _finite(value: str) -> str:
    return _once(value, "CASE WHEN isfinite({v}) THEN {v} END")


@compiles(WholeArithmetic, "duckdb")
def _whole_arithmetic_duckdb(element: WholeArithmetic, compiler: SQLCompiler, **kw: Any) -> str:
    a, b = _operands(element, compiler, **kw)
    if element.sign in "/%":
        b = _once(b, "CASE WHEN {v} <> 0 THEN {v} END")
    sign = "//" if element.sign == "/" else element.sign
    return f"TRY_CAST(CAST({a} AS HUGEINT) {sign} {b} AS BIGINT)"


@compiles(WholeArithmetic)
def _whole_arithmetic(element: WholeArithmetic, compiler: SQLCompiler, **kw: Any) -> str:
    a, b = _operands(element, compiler, **kw)
    if element.sign == "/":
        value = f"TRUNC(CAST({a} AS NUMERIC(40)) / NULLIF({b}, 0))"
    elif element.sign == "%":
        value = f"MOD(CAST({a} AS NUMERIC(40)), NULLIF({b}, 0))"
    else:
        value = f"(CAST({a} AS NUMERIC(40)) {element.sign} {b})"
    return _single(value, _WHOLE_IN_LIMITS)


@compiles(WholeMagnitude, "duckdb")
def _whole_magnitude_duckdb(element: WholeMagnitude, compiler: SQLCompiler, **kw: Any) -> str:
    (a,) = _operands(element, compiler, **kw)
    return f"TRY_CAST(abs(CAST({a} AS HUGEINT)) AS BIGINT)"


@compiles(WholeMagnitude)
def _whole_magnitude(element: WholeMagnitude, compiler: SQLCompiler, **kw: Any) -> str:
    (a,) = _operands(element, compiler, **kw)
    return f"abs(NULLIF(CAST({a} AS BIGINT), -9223372036854775808))"


@compiles(WholeTotal, "duckdb")
def _whole_total_duckdb(element: WholeTotal, compiler: SQLCompiler, **kw: Any) -> str:
    return f"TRY_CAST({element.call.format(compiler.process(element.clauses, **kw))} AS BIGINT)"


@compiles(WholeTotal)
def _whole_total(element: WholeTotal, compiler: SQLCompiler, **kw: Any) -> str:
    value = element.call.format(compiler.process(element.clauses, **kw))
    return _single(value, _WHOLE_IN_LIMITS)


@compiles(RealTotal, "duckdb")
def _real_total_duckdb(element: RealTotal, compiler: SQLCompiler, **kw: Any) -> str:
    return _finite(element.call.format(compiler.process(element.clauses, **kw)))


@compiles(RealTotal)
def _real_total(element: RealTotal, compiler: SQLCompiler, **kw: Any) -> str:
    return _whole_call("archive.real_total", element, compiler, **kw)


@compiles(RealAverage, "duckdb")
def _real_average_duckdb(element: RealAverage, compiler: SQLCompiler, **kw: Any) -> str:
    return _finite(_whole_call("avg", element, compiler, **kw))


@compiles(RealAverage)
def _real_average(element: RealAverage, compiler: SQLCompiler, **kw: Any) -> str:
    total, count = (_whole_call(name, element, compiler, **kw) for name in ("archive.real_total", "count"))
    return f"({total} / NULLIF({count}, 0))"


def _whole_call(name: str, element: Total, compiler: SQLCompiler, **kw: Any) -> str:
    """An aggregate instead of SUM over the same values."""
    return name + element.call.removeprefix("sum").format(compiler.process(element.clauses, **kw))


@compiles(RealArithmetic, "duckdb")
def _real_arithmetic_duckdb(element: RealArithmetic, compiler: SQLCompiler, **kw: Any) -> str:
    first, *others = _operands(element, compiler, **kw)
    rest = (f" {sign} {other}" for sign, other in zip(element.signs, others, strict=True))
    return _finite(f"(CAST({first} AS DOUBLE){''.join(rest)})")


@compiles(RealArithmetic)
def _real_arithmetic(element: RealArithmetic, compiler: SQLCompiler, **kw: Any) -> str:
    first, *others = _operands(element, compiler, **kw)
    made = f"CAST({first} AS DOUBLE PRECISION)"
    for sign, other in zip(element.signs, others, strict=True):
        operand = f"CAST({other} AS DOUBLE PRECISION)"
        made = f"archive.{_REAL_OPERATIONS[sign]}({made}, {'-' if sign == '-' else ''}{operand})"
    return made


@compiles(RealFunction, "duckdb")
def _real_function_duckdb(element: RealFunction, compiler: SQLCompiler, **kw: Any) -> str:
    arguments = ", ".join(_operands(element, compiler, **kw))
    return _finite(f"{element.function}({arguments})")


@compiles(RealFunction)
def _real_function(element: RealFunction, compiler: SQLCompiler, **kw: Any) -> str:
    first, *others = _operands(element, compiler, **kw)
    if element.function == "power":
        return _power(first, others[0])
    if others and element.function in ("round", "trunc"):
        return f"CAST({element.function}(CAST({first} AS NUMERIC), {others[0]}) AS DOUBLE PRECISION)"
    domain = REAL_FUNCTIONS[element.function]
    if element.function == "exp":
        return _single(first, "CASE WHEN {v} < -745 THEN 0 WHEN {v} <= 709.78 THEN exp({v}) END")
    if domain is not None:
        first = _single(first, f"CASE WHEN {{v}} {domain} THEN {{v}} END")
    function = {"log10": "log"}.get(element.function, element.function)
    return f"{function}({', '.join([first, *others])})"


def _power(a: str, b: str) -> str:
    """PostgreSQL's SQL of a power; it fails where the result has no value, is too large or too small."""
    if len(a) + len(b) > _SHORT:
        return f"(SELECT {_power('q.a', 'q.b')} FROM (SELECT {a} AS a, {b} AS b OFFSET 0) AS q)"
    size = f"{b} * ln(abs({a}))"
    return (
        f"CASE WHEN {a} = 0 THEN CASE WHEN {b} > 0 THEN 0 WHEN {b} = 0 THEN 1 END "
        f"WHEN {a} < 0 AND {b} <> trunc({b}) OR {size} > 709.78 THEN NULL "
        f"WHEN {size} < -700 THEN 0 ELSE power({a}, {b}) END"
    )


@compiles(RealRemainder, "duckdb")
def _real_remainder_duckdb(element: RealRemainder, compiler: SQLCompiler, **kw: Any) -> str:
    a, b = _operands(element, compiler, **kw)
    return _finite(f"(CAST({a} AS DOUBLE) % {b})")


@compiles(RealRemainder)
def _real_remainder(element: RealRemainder, compiler: SQLCompiler, **kw: Any) -> str:
    a, b = _operands(element, compiler, **kw)
    return f"CAST(MOD(CAST({a} AS NUMERIC), NULLIF(CAST({b} AS NUMERIC), 0)) AS DOUBLE PRECISION)"


@compiles(Numbers, "duckdb")
def _numbers_duckdb(element: Numbers, compiler: SQLCompiler, **kw: Any) -> str:
    numbers = _operands(element, compiler, **kw)
    known = " AND ".join(f"{number} IS NOT NULL" for number in numbers)
    return f"CASE WHEN {known} THEN [{', '.join(f'CAST({number} AS DOUBLE)' for number in numbers)}] END"


@compiles(Numbers)
def _numbers(element: Numbers, compiler: SQLCompiler, **kw: Any) -> str:
    numbers = _operands(element, compiler, **kw)
    known = " AND ".join(f"{number} IS NOT NULL" for number in numbers)
    listed = ", ".join(f"CAST({number} AS DOUBLE PRECISION)" for number in numbers)
    return f"CASE WHEN {known} THEN ARRAY[{listed}] END"


@compiles(InCodeOrder, "duckdb")
def _in_code_order_duckdb(element: InCodeOrder, compiler: SQLCompiler, **kw: Any) -> str:
    (text,) = _operands(element, compiler, **kw)
    return text


@compiles(InCodeOrder)
def _in_code_order(element: InCodeOrder, compiler: SQLCompiler, **kw: Any) -> str:
    (text,) = _operands(element, compiler, **kw)
    return f'({text} COLLATE "C")'
