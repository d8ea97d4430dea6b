"""Expressions for functions of the catalogue of UDFs that SQL can say, each engine in its own words.

References
----------
Catalogue of ADQL User Defined Functions 1.2.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

_MJD_OF_1970 = 40587


class ModifiedJulianDate(FunctionElement[float]):
    """Days from 1858-11-17 to an instant."""

    type = sa.Double()
    inherit_cache = True


class SortedText(FunctionElement[str]):
    """Aggregate: all texts that are not NULL, in order, with a delimiter between them."""

    type = sa.Text()
    inherit_cache = True


class HasWords(FunctionElement[bool]):
    """Whether all words of the second text are among those of the first, letter case apart."""

    type = sa.Boolean()
    inherit_cache = True


class Sexagesimal(FunctionElement[float]):
    """Text such as ``12:30:00``, ``123000`` or ``12h30m00s`` in units of its first part; NULL for any other text.

    Parameters
    ----------
    text
        The text.
    letter
        Which ends the first part, ``h`` or ``d``.
    """

    type = sa.Double()
    inherit_cache = False

    def __init__(self, text: sa.ColumnElement[Any], letter: str) -> None:
        if letter not in ("h", "d"):
            raise ValueError(f"{letter} marks no first part.")
        self.letter = letter
        super().__init__(text)


class Histogram(FunctionElement[Any]):
    """Aggregate: how often each number of a bin occurs, from 0 to `last`; numbers beyond are left out."""

    type = sa.ARRAY(sa.BigInteger())
    inherit_cache = False

    def __init__(self, bin_number: sa.ColumnElement[Any], last: int) -> None:
        self.last = last
        super().__init__(bin_number)


def _operands(element: FunctionElement[Any], compiler: SQLCompiler, **kw: Any) -> list[str]:
    return [compiler.process(clause.self_group(), **kw) for clause in element.clauses]


@compiles(ModifiedJulianDate, "duckdb")
def _mjd_duckdb(element: ModifiedJulianDate, compiler: SQLCompiler, **kw: Any) -> str:
    (instant,) = _operands(element, compiler, **kw)
    return f"(epoch_us({instant}) / 86400000000.0::DOUBLE + {_MJD_OF_1970})"


@compiles(ModifiedJulianDate)
def _mjd(element: ModifiedJulianDate, compiler: SQLCompiler, **kw: Any) -> str:
    (instant,) = _operands(element, compiler, **kw)
    return f"(CAST(EXTRACT(EPOCH FROM {instant}) AS DOUBLE PRECISION) / 86400 + {_MJD_OF_1970})"


@compiles(SortedText, "duckdb")
def _sorted_text_duckdb(element: SortedText, compiler: SQLCompiler, **kw: Any) -> str:
    text, delimiter = _operands(element, compiler, **kw)
    return f"string_agg({text}, {delimiter} ORDER BY {text})"


@compiles(SortedText)
def _sorted_text(element: SortedText, compiler: SQLCompiler, **kw: Any) -> str:
    text, delimiter = _operands(element, compiler, **kw)
    return f'string_agg({text}, CAST({delimiter} AS TEXT) ORDER BY {text} COLLATE "C")'


@compiles(HasWords, "duckdb")
def _has_words_duckdb(element: HasWords, compiler: SQLCompiler, **kw: Any) -> str:
    lists = [f"string_split_regex(lower({text}), '[^\\pL\\pN]+')" for text in _operands(element, compiler, **kw)]
    return f"list_has_all({lists[0]}, list_filter({lists[1]}, lambda w: w <> ''))"


@compiles(HasWords)
def _has_words(element: HasWords, compiler: SQLCompiler, **kw: Any) -> str:
    lists = [f"regexp_split_to_array(lower({text}), '[^[:alnum:]]+')" for text in _operands(element, compiler, **kw)]
    return f"({lists[0]} @> array_remove({lists[1]}, ''))"


def _patterns(letter: str) -> tuple[str, str, str]:
    """Patterns of text without separators, with letters, and with colons, to which the first two are brought."""
    space, second = "[ \\t]*", "([0-5]?[0-9](?:[.][0-9]*)?)"
    sign, digits = "([+-]?)", "[0-9]{1,2}" if letter == "h" else "[0-9]{1,3}"
    packed = f"^{space}{sign}([0-9]{{2}})([0-5][0-9])([0-5][0-9](?:[.][0-9]*)?){space}$"
    lettered = f"^{space}{sign}({digits}){letter}([0-5]?[0-9])m{second}s{space}$"
    return packed, lettered, f"^{space}{sign}({digits}):([0-5]?[0-9]):{second}{space}$"


@compiles(Sexagesimal, "duckdb")
def _sexagesimal_duckdb(element: Sexagesimal, compiler: SQLCompiler, **kw: Any) -> str:
    packed, lettered, wanted = _patterns(element.letter)
    text = _with_colons(*_operands(element, compiler, **kw), packed, lettered)
    parts = [f"TRY_CAST(regexp_extract(v, '{wanted}', {place}) AS DOUBLE)" for place in (2, 3, 4)]
    sign = f"CASE WHEN regexp_extract(v, '{wanted}', 1) = '-' THEN -1 ELSE 1 END"
    return f"list_transform([{text}], lambda v: {_sum(sign, parts)})[1]"


@compiles(Sexagesimal)
def _sexagesimal(element: Sexagesimal, compiler: SQLCompiler, **kw: Any) -> str:
    packed, lettered, wanted = _patterns(element.letter)
    text = _with_colons(*_operands(element, compiler, **kw), packed, lettered)
    parts = [f"CAST(q.v[{place}] AS DOUBLE PRECISION)" for place in (2, 3, 4)]
    sign = "CASE WHEN q.v[1] = '-' THEN -1 ELSE 1 END"
    source = f"(SELECT regexp_match({text}, '{wanted}') AS v OFFSET 0)"
    return f"(SELECT {_sum(sign, parts)} FROM {source} AS q)"  # noqa: S608 - the same


def _with_colons(text: str, *patterns: str) -> str:
    made = f"lower({text})"
    for pattern in patterns:
        made = f"regexp_replace({made}, '{pattern}', '\\1\\2:\\3:\\4')"
    return made


def _sum(sign: str, parts: list[str]) -> str:
    return f"{sign} * ({parts[0]} + ({parts[1]} + {parts[2]} / 60) / 60)"


@compiles(Histogram, "duckdb")
def _histogram_duckdb(element: Histogram, compiler: SQLCompiler, **kw: Any) -> str:
    (number,) = _operands(element, compiler, **kw)
    counts = f"COALESCE(CAST(m[i] AS BIGINT), 0) for i in range(0, {element.last + 1:d})"
    return f"list_transform([histogram(CAST({number} AS BIGINT))], lambda m: [{counts}])[1]"


@compiles(Histogram)
def _histogram(element: Histogram, compiler: SQLCompiler, **kw: Any) -> str:
    (number,) = _operands(element, compiler, **kw)
    return (
        "(SELECT array_agg(COALESCE(q.c, 0) ORDER BY i) FROM "  # noqa: S608 - whole numbers and SQL of the compiler
        f"generate_series(0, {element.last:d}) AS i LEFT JOIN (SELECT b, count(*) AS c FROM "
        f"unnest(array_agg(CAST({number} AS BIGINT))) AS b GROUP BY b) AS q ON q.b = i)"
    )
