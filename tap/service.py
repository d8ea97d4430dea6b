"""Queries in ADQL, answered by an engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from schema.catalogue import Catalogue
from schema.engines import answers
from schema.engines.execute import Engine, EngineError, Limits, Query
from schema.uploads import with_uploads
from tap.adql.errors import AdqlError
from tap.parameters import TapQuery
from tap.upload import Uploads
from uws.limits import JobLimits
from vo.dali.errors import DaliError, UsageFault
from vo.dali.parameters import RowLimits
from vo.tables.stream import TableStream
from vo.tables.votable import Info

NO_FILES: Mapping[str, Path] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TapService:
    """One TAP service over one catalogue.

    Attributes
    ----------
    current_catalogue
        Gives what it publishes now; the same object as long as that does not change.
    engine
        What answers its queries.
    compile_query
        Turns ADQL over the catalogue into a select; raises `AdqlError`.
    rows
        Numbers of rows that it gives.
    seconds
        Longest time of one query, None for no limit.
    way_on
        What else than asking for less helps a query that takes longer, for people; empty where nothing does.
    uploads
        Reads the tables that users send along; None where none are taken.
    job_limits
        What its jobs are allowed; None where it has none.
    """

    current_catalogue: Callable[[], Catalogue]
    engine: Engine
    compile_query: Callable[[str, Catalogue], Query]
    rows: RowLimits
    seconds: float | None = None
    uploads: Uploads | None = None
    way_on: str = ""
    job_limits: JobLimits | None = None

    @property
    def catalogue(self) -> Catalogue:
        """What it publishes now; whoever looks twice may see two."""
        return self.current_catalogue()

    def run(
        self,
        query: TapQuery,
        inline: Mapping[str, Path] = NO_FILES,
        opened: Callable[[TableStream], object] | None = None,
    ) -> TableStream:
        """Run a query until its first rows are there.

        Parameters
        ----------
        query
            What is asked.
        inline
            Files that came with the request, by the names of their parameters; read before this returns.
        opened
            Called with the stream before it is started: closing it from another thread stops the query.

        Returns
        -------
        stream
            Started; whoever takes it reads it to the end or closes it.

        Raises
        ------
        DaliError
            Raised with a sentence for users.
        """
        try:
            began = time.perf_counter()
            compiled = self._compile(query, inline)
            prepared = time.perf_counter()
            stream = self.engine.execute(compiled, Limits(query.maxrec, self.seconds, self.way_on))
            stream.warnings = compiled.warnings
            if opened is not None:
                opened(stream)
            stream.start()
            stream.seconds = {"compile": prepared - began, "engine": time.perf_counter() - prepared}
        except (AdqlError, EngineError, RecursionError) as error:
            raise fault_of(error) from error
        return stream

    def _compile(self, query: TapQuery, inline: Mapping[str, Path]) -> Query:
        if not query.uploads:
            return self.compile_query(query.text, self.catalogue)
        if self.uploads is None:
            raise UsageFault("UPLOAD is not supported here: this service takes no tables from its users.")
        tables = self.uploads.read(query.uploads, inline)
        compiled = self.compile_query(query.text, with_uploads(self.catalogue, tables))
        return replace(compiled, attached=tuple(each.attached for each in tables))


def fault_of(error: AdqlError | EngineError | RecursionError) -> DaliError:
    """Fault that tells a client of a failed query."""
    match error:
        case AdqlError():
            return UsageFault(str(error))
        case RecursionError():
            return UsageFault("The query is nested too deeply.")
        case _:
            return answers.fault_of(error)


def remarks(query: TapQuery, warnings: tuple[str, ...] = ()) -> tuple[Info, ...]:
    """INFO elements that go with the answer to a query."""
    infos = [Info("QUERY", query.text)]
    if query.run_id is not None:
        infos.append(Info("RUNID", query.run_id))
    infos.extend(Info("WARNING", "coordinate system", warning) for warning in warnings)
    return tuple(infos)
