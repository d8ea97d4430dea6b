"""Expressions whose meaning is fixed while each engine says them in its own words.

Whole numbers stay whole and 64 bits wide; what has no value (a division by zero, a root of a negative number, an
overflow, text that is no number) is NULL.
"""

from __future__ import annotations

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


class WholeTotal(FunctionElement[int]):
    """SUM of whole numbers."""

    type = sa.BigInteger()
    inherit_cache = True


class Finite(FunctionElement[float]):
    """A number, NULL where it is infinite or not a number."""

    type = sa.Double()
    inherit_cache = True


class RealQuotient(FunctionElement[float]):
    """``a / b`` of real numbers, NULL for ``b = 0``."""

    type = sa.Double()
    inherit_cache = True


class RealRemainder(FunctionElement[float]):
    """What a division of real numbers leaves, with the sign of the dividend; NULL for a divisor of zero."""

    type = sa.Double()
    inherit_cache = True


class Converted(FunctionElement[Any]):
    """A value as another type, NULL where it has no meaning there."""

    inherit_cache = False

    def __init__(self, value: sa.ColumnElement[Any], target: sa.types.TypeEngine[Any]) -> None:
        self.target = target
        self.type = target
        super().__init__(value)


class IsInValues(FunctionElement[bool]):
    """Whether a value is among many, which travel as one parameter."""

    type = sa.Boolean()
    inherit_cache = True


_LIMITS = "BETWEEN -9223372036854775808 AND 9223372036854775807"


def _operands(element: FunctionElement[Any], compiler: SQLCompiler, **kw: Any) -> list[str]:
    return [compiler.process(clause.self_group(), **kw) for clause in element.clauses]


@compiles(WholeArithmetic, "duckdb")
def _whole_arithmetic_duckdb(element: WholeArithmetic, compiler: SQLCompiler, **kw: Any) -> str:
    a, b = _operands(element, compiler, **kw)
    if element.sign in "/%":
        b = f"NULLIF({b}, 0)"
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
    return f"CASE WHEN {value} {_LIMITS} THEN CAST({value} AS BIGINT) END"


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
    return f"TRY_CAST(sum({compiler.process(element.clauses, **kw)}) AS BIGINT)"


@compiles(WholeTotal)
def _whole_total(element: WholeTotal, compiler: SQLCompiler, **kw: Any) -> str:
    value = f"sum({compiler.process(element.clauses, **kw)})"
    return f"CASE WHEN {value} {_LIMITS} THEN CAST({value} AS BIGINT) END"


@compiles(Finite, "duckdb")
def _finite_duckdb(element: Finite, compiler: SQLCompiler, **kw: Any) -> str:
    (a,) = _operands(element, compiler, **kw)
    return f"CASE WHEN isfinite({a}) THEN {a} END"


@compiles(Finite)
def _finite(element: Finite, compiler: SQLCompiler, **kw: Any) -> str:
    (a,) = _operands(element, compiler, **kw)
    return f"NULLIF(NULLIF(NULLIF({a}, 'Infinity'), '-Infinity'), 'NaN')"


@compiles(RealQuotient)
def _real_quotient(element: RealQuotient, compiler: SQLCompiler, **kw: Any) -> str:
    a, b = _operands(element, compiler, **kw)
    return f"(CAST({a} AS DOUBLE PRECISION) / NULLIF({b}, 0))"


@compiles(RealRemainder, "duckdb")
def _real_remainder_duckdb(element: RealRemainder, compiler: SQLCompiler, **kw: Any) -> str:
    a, b = _operands(element, compiler, **kw)
    return f"(CAST({a} AS DOUBLE) % NULLIF({b}, 0))"


@compiles(RealRemainder)
def _real_remainder(element: RealRemainder, compiler: SQLCompiler, **kw: Any) -> str:
    a, b = _operands(element, compiler, **kw)
    return f"CAST(MOD(CAST({a} AS NUMERIC), NULLIF(CAST({b} AS NUMERIC), 0)) AS DOUBLE PRECISION)"


@compiles(Converted, "duckdb")
def _converted_duckdb(element: Converted, compiler: SQLCompiler, **kw: Any) -> str:
    target = compiler.dialect.type_compiler_instance.process(element.target)
    return f"TRY_CAST({compiler.process(element.clauses, **kw)} AS {target})"


@compiles(Converted)
def _converted(element: Converted, compiler: SQLCompiler, **kw: Any) -> str:
    target = compiler.dialect.type_compiler_instance.process(element.target)
    return f"CAST({compiler.process(element.clauses, **kw)} AS {target})"


@compiles(IsInValues, "duckdb")
def _is_in_values_duckdb(element: IsInValues, compiler: SQLCompiler, **kw: Any) -> str:
    value, values = _operands(element, compiler, **kw)
    return f"({value} IN (SELECT unnest({values})))"


@compiles(IsInValues)
def _is_in_values(element: IsInValues, compiler: SQLCompiler, **kw: Any) -> str:
    value, values = _operands(element, compiler, **kw)
    return f"({value} = ANY ({values}))"
