"""The file itself behind a row of observations, whatever ``access_url`` leads to."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from schema.catalogue import PublishedTable
from schema.engines.live import percent_encoded


class PercentEncoded(FunctionElement[str]):
    """Text in which only unreserved characters stand for themselves (RFC 3986, "Percent-Encoding")."""

    type = sa.Text()
    inherit_cache = True


@compiles(PercentEncoded, "duckdb")
def _percent_encoded_duckdb(element: PercentEncoded, compiler: SQLCompiler, **kw: Any) -> str:
    return f"url_encode({compiler.process(element.clauses, **kw)})"


@compiles(PercentEncoded)
def _percent_encoded(element: PercentEncoded, compiler: SQLCompiler, **kw: Any) -> str:
    (text,) = element.clauses
    return compiler.process(percent_encoded(text), **kw)


def file_address(published: PublishedTable, table: sa.FromClause, files_url: str) -> sa.ColumnElement[str]:
    """Where the file of a row is: here where the archive holds it, else where the row says.

    Parameters
    ----------
    published
        The table of observations.
    table
        The same, as it stands in a select.
    files_url
        Where files are, with a slash at its end.
    """
    computed = published.table.info["computed"]["access_url"]
    address: sa.ColumnElement[str] = table.c.access_url
    if computed == files_url:
        return address
    here = sa.literal(files_url) + PercentEncoded(table.c.dp_id)
    return sa.case((sa.func.strpos(address, sa.literal(computed)) == sa.literal_column("1"), here), else_=address)


def file_format(table: sa.FromClause) -> sa.ColumnElement[str]:
    """Media type of the file of a row, whatever ``access_format`` says of what ``access_url`` leads to."""
    found: sa.ColumnElement[str] = table.c.get("file_format", table.c.access_format)
    return found
