# ruff: noqa: SIM905 - lists of names are easier to read as text.
"""DuckDB's SQL, made from the PostgreSQL compiler of SQLAlchemy; it compiles and never connects."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NoReturn

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.base import PGCompiler, PGDialect, PGIdentifierPreparer, PGTypeCompiler
from sqlalchemy.exc import CompileError

import schema.engines.constructs  # noqa: F401 - its constructs bring their own SQL
from schema.engines.execute import EngineError
from schema.replication.tables import computed_sql, quoted, store_of

# What the compilers of queries make. All else is refused, so that nothing reaches the engine untried.
_UNDERSTOOD = frozenset(
    """select compound_select select_statement_grouping subquery alias table cte join column label label_reference
    bindparam clauselist expression_clauselist grouping binary unary exists cast case null literal_column
    function in_op_binary not_in_op_binary between_op_binary not_between_op_binary like_op_binary not_like_op_binary
    ilike_op_binary not_ilike_op_binary custom_op_binary concat_op_binary true false lambda_element
    typeclause is_true_unary_operator is_false_unary_operator""".split()
)

FUNCTIONS = frozenset(
    """abs acos asin atan atan2 avg ceil coalesce cos cot count degrees exp floor greatest least left ln log10 lower max
    min pi power radians random round sin sqrt strpos sum tan trunc unnest upper""".split()
)


def _refusal(name: str) -> Any:
    def refuse(self: Any, element: Any, *_: Any, **__: Any) -> NoReturn:
        del self
        raise CompileError(f"No query of the archive is made of {name} ({type(element).__name__}).")

    return refuse


_StrictCompiler: Any = type(
    "_StrictCompiler",
    (PGCompiler,),
    {
        name: _refusal(name.removeprefix("visit_"))
        for name in dir(PGCompiler)
        if name.startswith("visit_") and name.removeprefix("visit_") not in _UNDERSTOOD
    },
)


class DuckDbCompiler(_StrictCompiler):  # type: ignore[misc]
    """Where DuckDB says things differently from PostgreSQL."""

    def visit_function(self, func: Any, add_to_result_map: Any = None, **kw: Any) -> str:
        """Let only functions pass that are in the list."""
        if func.name not in FUNCTIONS:
            raise CompileError(f"No query of the archive calls {func.name}.")
        return str(super().visit_function(func, add_to_result_map, **kw))

    def visit_table(self, table: Any, asfrom: bool = False, enclosing_alias: Any = None, **kw: Any) -> str:
        """Read the physical table instead of its view, which costs more to understand than a small query to run."""
        if asfrom and enclosing_alias is not None and "store" in table.info:
            return store_of(table)
        return str(super().visit_table(table, asfrom=asfrom, enclosing_alias=enclosing_alias, **kw))

    def visit_column(self, column: Any, *arguments: Any, **kw: Any) -> str:
        """Compute what the physical table does not hold."""
        text = str(super().visit_column(column, *arguments, **kw))
        table = column.table.element if isinstance(column.table, sa.Alias) else None
        if not isinstance(table, sa.Table):
            return text
        return computed_sql(table, column.name, text.removesuffix(quoted(column.name))) or text

    def visit_like_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:  # noqa: ARG002
        """LIKE has no escape in DuckDB unless one is named."""
        return f"{self.process(binary.left, **kw)} LIKE {self.process(binary.right, **kw)}"

    def visit_not_like_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:  # noqa: ARG002
        """NOT LIKE, without an escape."""
        return f"{self.process(binary.left, **kw)} NOT LIKE {self.process(binary.right, **kw)}"

    def visit_ilike_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:  # noqa: ARG002
        """ILIKE, without an escape."""
        return f"{self.process(binary.left, **kw)} ILIKE {self.process(binary.right, **kw)}"

    def visit_not_ilike_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:  # noqa: ARG002
        """NOT ILIKE, without an escape."""
        return f"{self.process(binary.left, **kw)} NOT ILIKE {self.process(binary.right, **kw)}"


class DuckDbTypeCompiler(PGTypeCompiler):
    """Names of types where they differ."""

    def visit_datetime(self, type_: Any, **kw: Any) -> str:  # noqa: ARG002
        """An instant in UTC, microseconds, no zone."""
        return "TIMESTAMP"


class DuckDbIdentifierPreparer(PGIdentifierPreparer):
    """Puts every name into quotes: DuckDB reserves other words than PostgreSQL, and uploads bring any name."""

    def _requires_quotes(self, value: str) -> bool:  # noqa: ARG002
        return True


class DuckDbDialect(PGDialect):
    """The dialect; parameters are ``$1``, ``$2`` … in a list."""

    name = "duckdb"
    supports_statement_cache = True
    default_paramstyle = "numeric_dollar"
    statement_compiler = DuckDbCompiler
    type_compiler_cls = DuckDbTypeCompiler
    preparer = DuckDbIdentifierPreparer


_DIALECT: sa.Dialect = DuckDbDialect(  # type: ignore[no-untyped-call]
    paramstyle="numeric_dollar"
)


def render(
    select: sa.Select[Any] | sa.CompoundSelect[Any], parameters: Mapping[str, Any] | None = None
) -> tuple[str, list[Any]]:
    """SQL of a select and its parameters, in the order of their numbers.

    Parameters
    ----------
    select
        Built as `schema.engines.execute.Query` says.
    parameters
        Values that stand instead of those in the select; where they are given, the SQL is kept for next time.

    Raises
    ------
    CompileError
        Raised for a node that no query of the archive is made of.
    EngineError
        Raised with a sentence for users when the query is nested too deeply.
    """
    if parameters is None:
        sql, values = _compiled(select)
        return sql, list(values.values())
    sql, values = _kept(select)
    return sql, [parameters.get(name, value) for name, value in values.items()]


def _compiled(select: sa.Select[Any] | sa.CompoundSelect[Any]) -> tuple[str, dict[str, Any]]:
    """SQL and the values that the select holds, by the keys of their parameters, in order."""
    try:
        compiled: Any = select.compile(dialect=_DIALECT)
    except RecursionError:
        raise EngineError("The query is nested too deeply; simplify it.") from None
    values = compiled.construct_params()
    return str(compiled), {name: values[name] for name in compiled.positiontup or ()}


# A select is equal to itself only.
_kept = lru_cache(maxsize=1024)(_compiled)
