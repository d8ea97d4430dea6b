"""Cutouts as jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from datalink.soda.errors import label
from datalink.soda.parameters import Combination, SodaQuery, read_soda_query
from datalink.soda.service import MEDIA_TYPES, NoOverlapFault, SodaService
from uws.directory import JobDirectory
from uws.job import ErrorSummary, Job, Result
from uws.runner import Stop, Task
from vo.dali.errors import AuthorizationFault, DaliError, NotFoundFault, UsageFault
from vo.dali.parameters import Parameters

_TEXT = "text/plain;charset=utf-8"
_BLOCK = 1 << 20
_OF_ONE = (NoOverlapFault, NotFoundFault, AuthorizationFault, UsageFault)
"""Faults that other combinations need not share."""


def soda_task(service: SodaService) -> Task:
    """Function that runs a job: one result for each combination of its parameters.

    A combination without a result leaves a text that says why.

    References
    ----------
    SODA 1.0, "{async} Responses".
    """

    def run(job: Job, directory: JobDirectory, stop: Stop) -> tuple[Result, ...]:
        try:
            query = read_soda_query(Parameters(job.parameters), most=service.limits.combinations)
            return tuple(_results(service, query, job, directory, stop))
        except DaliError as fault:
            raise type(fault)(f"{label(fault)}: {fault}") from fault

    return run


def _results(service: SodaService, query: SodaQuery, job: Job, directory: JobDirectory, stop: Stop) -> Iterator[Result]:
    seconds = float(job.execution_duration or 10**9)
    for number, wanted in enumerate(query.combinations, start=1):
        if stop.reason is not None:
            return
        name = f"{query.prefix}cutout_{number}"
        try:
            yield _result(service, query, wanted, name, directory, seconds, stop.then)
        except _OF_ONE as fault:
            word = "UsageError" if isinstance(fault, NoOverlapFault) else label(fault)
            sentence = f"{word}: {fault}\nAsked for was ID={wanted.identifier} {wanted.asked}\n"
            yield directory.write_result(name, [sentence.encode()], _TEXT)


def _result(
    service: SodaService,
    query: SodaQuery,
    wanted: Combination,
    name: str,
    directory: JobDirectory,
    seconds: float,
    begun: Callable[[Callable[[], None]], None],
) -> Result:
    held = service.require(wanted.identifier)
    if not wanted.filters and query.form == "fits":
        return Result(name, service.address(held), held.size, held.content_type)
    made = service.cut(held, wanted, query.form, seconds=seconds, begun=begun)
    try:
        return directory.write_result(name, _blocks(made.path), MEDIA_TYPES[query.form])
    finally:
        made.path.unlink(missing_ok=True)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while block := source.read(_BLOCK):
            yield block


def write_failure(summary: ErrorSummary) -> tuple[bytes, str]:
    """Document that tells of a failed job, and its media type.

    References
    ----------
    SODA 1.0, "Errors": it begins with one of a few words.
    """
    begins = summary.message.partition(":")[0].isalpha()
    return f"{'' if begins else 'Error: '}{summary.message}\n".encode(), _TEXT
