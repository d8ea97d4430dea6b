"""The contract of the engines: a select goes in, a stream of rows comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
import sqlalchemy as sa

from vo.tables.field import Field
from vo.tables.stream import TableStream


@dataclass(frozen=True, slots=True, eq=False)
class AttachedTable:
    """A table that comes with one query and is gone with it; no other query sees it.

    Attributes
    ----------
    table
        What the select reads: without a schema, named and its columns named by us.
    rows
        The same columns, in order, with the types that `schema.engines.attached` knows.
    """

    table: sa.Table
    rows: pa.Table


@dataclass(frozen=True, slots=True)
class Query:
    """A select and the description of what it gives.

    Attributes
    ----------
    select
        Built of published tables (`schema.catalogue`), of attached ones and the constructs of `schema.spatial`; user
        text only as bound parameters.
    fields
        One for each selected column, in order.
    parameters
        Values of parameters of the select, by name, which stand instead of those it holds. Where they are given, even
        none, the same select comes again with others: what an engine makes of it is worth keeping.
    warnings
        Sentences for users that go with the answer.
    attached
        Tables that come with the query.
    """

    select: sa.Select[*tuple[Any, ...]] | sa.CompoundSelect[*tuple[Any, ...]]
    fields: tuple[Field, ...]
    parameters: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    attached: tuple[AttachedTable, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may use.

    Attributes
    ----------
    maxrec
        Most rows to give; None for all, 0 for the fields alone.
    seconds
        Longest time until the last row has left the engine; None for no limit.
    way_on
        What else than asking for less helps a query that takes longer, for people; empty where nothing does.
    """

    maxrec: int | None = None
    seconds: float | None = None
    way_on: str = ""


class EngineError(Exception):
    """A query that the engine did not finish; the text is fit for users and holds no SQL."""


class QueryTimeoutError(EngineError):
    """Raised, at the start or while rows are read, when a query runs over its time limit."""


def over_time(seconds: float | None, way_on: str = "") -> QueryTimeoutError:
    """Error that tells of the time limit and how to go on."""
    limit = "" if seconds is None else f" of {seconds:g} s"
    return QueryTimeoutError(
        f"The query ran over its time limit{limit} and was stopped; ask for less at once, by a narrower WHERE or TOP"
        f"{way_on and f', or {way_on}'}."
    )


OVER_MEMORY = (
    "The query needs more memory than all queries together may use; ask for less at once, by a narrower WHERE, "
    "fewer columns or TOP, or try again when fewer queries run."
)
"""Sentence that tells of the memory limit; it is one for the whole engine."""


class EngineUnavailableError(EngineError):
    """Raised when the engine cannot take queries now (starting, rebuilding, stopping)."""


class Engine(Protocol):
    """What answers queries."""

    def execute(self, query: Query, limits: Limits) -> TableStream:
        """Run a query.

        Returns
        -------
        stream
            Started lazily: errors come from here or from reading the stream. The stream reads one snapshot of the
            archive, whole commits only, however long it takes; closing it stops the query.

        Raises
        ------
        EngineError
            Raised with a sentence for users.
        """
        ...
