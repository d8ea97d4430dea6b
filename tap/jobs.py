"""Queries as jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from schema.engines.answers import explain
from schema.engines.execute import EngineError
from tap.parameters import TapQuery, read_tap_query
from tap.service import TapService, fault_of, remarks
from uws.directory import JobDirectory
from uws.job import ErrorSummary, Job, Result
from uws.runner import Stop, Task
from vo.dali.errors import DaliError, FatalFault, UsageFault
from vo.dali.parameters import Parameters
from vo.tables.stream import TableStream
from vo.tables.votable import Info, write_error

ACCUMULATING = ("UPLOAD",)
"""Parameters whose values add up; TAP 1.1, "UPLOAD"."""

RESULT = "result"
"""Name of the one result; TAP 1.1, "TAP-async"."""

_VOTABLE = "application/x-votable+xml"


def query_task(service: TapService, most_bytes: int | None = None) -> Task:
    """Function that runs a job as a query of a service.

    Parameters
    ----------
    service
        What answers.
    most_bytes
        Largest result; a job whose result would be larger ends with an error. None for no limit.

    References
    ----------
    TAP 1.1, "TAP-async" and "Parameters for Query Execution": what is wrong with the parameters shows when it runs.
    """

    def run(job: Job, directory: JobDirectory, stop: Stop) -> tuple[Result, ...]:
        query = read_tap_query(Parameters(job.parameters), service.rows)
        patient = replace(service, seconds=job.execution_duration or None, way_on="")
        stream = patient.run(query, directory.inputs, lambda opened: stop.then(opened.close))
        with closing(stream):
            pieces = _pieces(query, stream)
            if most_bytes is not None:
                pieces = _bounded(pieces, most_bytes)
            return (directory.write_result(RESULT, pieces, query.output.media_type),)

    return run


def write_failure(summary: ErrorSummary) -> tuple[bytes, str]:
    """Document that tells of a failed query, and its media type.

    References
    ----------
    TAP 1.1, "Errors"; DALI 1.1, "Errors".
    """
    infos = () if summary.kind == "fatal" else (Info("WARNING", "transient", "The same query may succeed later."),)
    return write_error(summary.message, infos), _VOTABLE


def _pieces(query: TapQuery, stream: TableStream) -> Iterator[bytes]:
    """Bytes of the answer; a failure among the rows, which the document would only mention, is raised."""
    failures: list[DaliError] = []

    def note(error: Exception) -> str:
        sentence = explain(error)
        failures.append(fault_of(error) if isinstance(error, EngineError) else FatalFault(sentence))
        return sentence

    try:
        yield from query.output.write(stream, remarks(query, stream.warnings), note)
    except EngineError as error:
        raise fault_of(error) from error
    if failures:
        raise failures[0]


def _bounded(pieces: Iterator[bytes], most: int) -> Iterator[bytes]:
    left = most
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise UsageFault(
                f"The result has more than the {most:,} bytes that a job may give; "
                "ask for fewer rows or columns, or in parts, or for Parquet, which is smaller."
            )
        yield piece
