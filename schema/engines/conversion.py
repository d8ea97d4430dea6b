# ruff: noqa: S608 - what is put together here is SQL that the compiler has made; values are parameters.
"""CAST with one meaning on every engine: NULL for what has no value in the other type, never an error.

Text is a number if it is written in decimal digits, with or without an exponent, and an instant if it is written as
DALI does; engines alone take more, such as ``inf``, ``0x10`` and ``epoch``, and not the same.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

_NUMBER = "^[ \\t]*[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?[ \\t]*$"
_INSTANT = (
    "^[ \\t]*([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    "(?:[T ]([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.][0-9]*)?)?)?[ \\t]*Z?[ \\t]*$"
)
_SHORT = 200
_WHOLE_BITS: dict[type, int] = {sa.SmallInteger: 16, sa.Integer: 32, sa.BigInteger: 64}
# Largest number that does not become infinite, and half of the smallest that is not zero.
_REAL_LIMITS: dict[type, tuple[str, str]] = {
    sa.REAL: ("3.4028235677973365e38", "7.1e-46"),
    sa.Double: ("1.797693134862315708e308", "2.5e-324"),
}


class Converted(FunctionElement[Any]):
    """A value as another type, NULL where it has no meaning there."""

    inherit_cache = False

    def __init__(self, value: sa.ColumnElement[Any], target: sa.types.TypeEngine[Any]) -> None:
        self.target = target
        self.type = target
        super().__init__(value)


@compiles(Converted, "duckdb")
def _converted_duckdb(element: Converted, compiler: SQLCompiler, **kw: Any) -> str:
    target = compiler.dialect.type_compiler_instance.process(element.target)
    value = compiler.process(element.clauses, **kw)
    (source,) = element.clauses
    is_text = isinstance(source.type, sa.String)
    is_instant = isinstance(element.target, sa.DateTime)
    conditions = []
    if is_text and not isinstance(element.target, sa.String):
        conditions.append(f"regexp_matches({{v}}, '{_INSTANT if is_instant else _NUMBER}')")
    if is_text and is_instant:
        conditions.append("NOT starts_with(ltrim({v}), '0000')")
    if isinstance(element.target, sa.Double | sa.REAL) and not isinstance(source.type, sa.Integer):
        conditions.append(f"isfinite(TRY_CAST({{v}} AS {target}))")
    converted = f"TRY_CAST({{v}} AS {target})"
    if conditions:
        converted = f"CASE WHEN {' AND '.join(conditions)} THEN {converted} END"
    # Braces of patterns are no places for the value.
    if len(value) <= _SHORT:
        return converted.replace("{v}", value)
    return f"list_transform([{value}], lambda v: {converted.replace('{v}', 'v')})[1]"


@compiles(Converted)
def _converted(element: Converted, compiler: SQLCompiler, **kw: Any) -> str:
    target = compiler.dialect.type_compiler_instance.process(element.target)
    value = compiler.process(element.clauses, **kw)
    (source,) = element.clauses
    is_text = isinstance(source.type, sa.String)
    if isinstance(element.target, sa.DateTime) and is_text:
        return _instant(value, target)
    number = "q.v"
    if is_text:
        value = (
            f"CASE WHEN s.v ~ '{_NUMBER}' THEN CAST(s.v AS NUMERIC) END AS v FROM (SELECT {value} AS v OFFSET 0) AS s"
        )
    else:
        value = f"{value} AS v"
    if type(element.target) in _WHOLE_BITS:
        limit = 2 ** (_WHOLE_BITS[type(element.target)] - 1)
        rounded = number if isinstance(source.type, sa.Integer) else f"round({number})"
        condition = f"{rounded} >= {-limit} AND {rounded} < {limit}"
        made = f"CASE WHEN {condition} THEN CAST({number} AS {target}) END"
    elif type(element.target) in _REAL_LIMITS and not isinstance(source.type, sa.Integer):
        largest, smallest = _REAL_LIMITS[type(element.target)]
        is_finite = f"abs({number}) <= {largest}"
        made = f"CASE WHEN abs({number}) < {smallest} THEN 0 WHEN {is_finite} THEN CAST({number} AS {target}) END"
    elif isinstance(source.type, sa.Float) and isinstance(element.target, sa.String):
        return f"archive.real_text({compiler.process(element.clauses, **kw)})"
    else:
        return f"CAST({compiler.process(element.clauses, **kw)} AS {target})"
    return f"(SELECT {made} FROM (SELECT {value} OFFSET 0) AS q)"


def _instant(value: str, target: str) -> str:
    """Text as an instant; days that their month does not have are none."""
    year, month, day, hour, minute, second = (f"CAST(q.m[{place}] AS INTEGER)" for place in range(1, 7))
    last = f"CAST(make_date({year}, {month}, 1) + INTERVAL '1 month' - INTERVAL '1 day' AS DATE)"
    clock = f"COALESCE({hour}, 0) < 24 AND COALESCE({minute}, 0) < 60 AND COALESCE({second}, 0) < 60"
    is_day = f"{day} BETWEEN 1 AND EXTRACT(DAY FROM {last})"
    read = f"SELECT s.v, regexp_match(s.v, '{_INSTANT}') AS m FROM (SELECT {value} AS v OFFSET 0) AS s OFFSET 0"
    return (
        f"(SELECT CASE WHEN {year} > 0 AND {month} BETWEEN 1 AND 12 THEN "
        f"CASE WHEN {is_day} AND {clock} THEN CAST(q.v AS {target}) END END FROM ({read}) AS q)"
    )
