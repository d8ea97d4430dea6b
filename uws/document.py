"""Documents about jobs.

The models of vo-models want a field for each parameter that a service knows; a job keeps whatever its client sent, more
than once too, so these documents are built by lxml.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from urllib.parse import quote

from lxml import etree
from lxml.builder import ElementMaker

from uws.job import ErrorSummary, Job, Result
from vo.tables.markup import is_xml_text, xml_safe

_UWS = "http://www.ivoa.net/xml/UWS/v1.0"
_XLINK = "http://www.w3.org/1999/xlink"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_HREF = f"{{{_XLINK}}}href"
_NIL = {f"{{{_XSI}}}nil": "true"}
_VERSION = "1.1"

_E = ElementMaker(namespace=_UWS, nsmap={"uws": _UWS, "xlink": _XLINK, "xsi": _XSI})


def write_job(job: Job, url: str, inputs: Collection[str] = ()) -> bytes:
    """Document of a job.

    Parameters
    ----------
    url
        Address of the job.
    inputs
        Names of parameters whose values came as files.

    References
    ----------
    UWS 1.1, "Job" and "UWS Schema".
    """
    parts = [
        _E.jobId(job.job_id),
        *_run_id(job),
        _nillable("ownerId", job.owner),
        _E.phase(job.phase.value),
        _nillable("quote", _instant(job.quote)),
        _E.creationTime(write_instant(job.creation_time)),
        _nillable("startTime", _instant(job.start_time)),
        _nillable("endTime", _instant(job.end_time)),
        _E.executionDuration(str(job.execution_duration)),
        _nillable("destruction", _instant(job.destruction)),
        _parameters(job, url, inputs),
        _results(job.results, url),
    ]
    if job.error_summary is not None:
        parts.append(_error_summary(job.error_summary))
    return _document(_E.job(*parts, version=_VERSION))


def write_jobs(jobs: Iterable[Job], url: str) -> bytes:
    """Document of a list of jobs.

    Parameters
    ----------
    url
        Address of the list.

    References
    ----------
    UWS 1.1, "Job List".
    """
    return _document(_E.jobs(*(_jobref(job, url) for job in jobs), version=_VERSION))


def write_parameters(job: Job, url: str, inputs: Collection[str] = ()) -> bytes:
    """Document of the parameters of a job; see `write_job`.

    References
    ----------
    UWS 1.1, "Parameters List".
    """
    return _document(_parameters(job, url, inputs))


def write_results(job: Job, url: str) -> bytes:
    """Document of the results of a job; see `write_job`.

    References
    ----------
    UWS 1.1, "Results List".
    """
    return _document(_results(job.results, url))


def write_instant(instant: datetime) -> str:
    """Instant in UTC as ISO 8601 to the millisecond, with its zone.

    References
    ----------
    UWS 1.1, "Resources and URIs".
    """
    return f"{instant.isoformat(timespec='milliseconds')}Z"


def _jobref(job: Job, url: str) -> etree._Element:
    return _E.jobref(
        _E.phase(job.phase.value),
        *_run_id(job),
        _nillable("ownerId", job.owner),
        _E.creationTime(write_instant(job.creation_time)),
        {"id": job.job_id, _HREF: f"{url}/{job.job_id}"},
    )


def _run_id(job: Job) -> list[etree._Element]:
    return [] if job.run_id is None else [_E.runId(xml_safe(job.run_id))]


def _parameters(job: Job, url: str, inputs: Collection[str]) -> etree._Element:
    given = [
        _E.parameter(value, id=xml_safe(name)) if is_xml_text(value) else _by_reference(name, url)
        for name, value in job.parameters
    ]
    return _E.parameters(*given, *(_by_reference(name, url) for name in inputs))


def _by_reference(name: str, url: str) -> etree._Element:
    return _E.parameter(f"{url}/parameters/{quote(name, safe='')}", id=xml_safe(name), byReference="true")


def _results(results: Iterable[Result], url: str) -> etree._Element:
    return _E.results(*(_result(result, url) for result in results))


def _result(result: Result, url: str) -> etree._Element:
    href = result.href if "://" in result.href else f"{url}/{result.href}"
    attributes = {"id": result.result_id, _HREF: href}
    if result.size is not None:
        attributes["size"] = str(result.size)
    if result.mime_type is not None:
        attributes["mime-type"] = result.mime_type
    return _E.result(attributes)


def _error_summary(summary: ErrorSummary) -> etree._Element:
    return _E.errorSummary(
        _E.message(xml_safe(summary.message)), type=summary.kind, hasDetail="true" if summary.has_detail else "false"
    )


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else write_instant(instant)


def _nillable(name: str, text: str | None) -> etree._Element:
    return _E(name, _NIL) if text is None else _E(name, xml_safe(text))


def _document(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
