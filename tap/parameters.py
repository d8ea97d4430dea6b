"""What one TAP query asks for."""

from __future__ import annotations

from dataclasses import dataclass

from tap.upload import Upload, read_uploads
from vo.dali.errors import UsageFault
from vo.dali.parameters import Parameters, RowLimits, quoted, read_choice, read_maxrec
from vo.tables.formats import OutputFormat, choose_format

LANGUAGES = ("ADQL", "ADQL-2.1", "ADQL-2.0")
VERSIONS = ("1.1", "1.0")


@dataclass(frozen=True, slots=True)
class TapQuery:
    """What one TAP query asks for.

    Attributes
    ----------
    text
        The query, in ADQL.
    maxrec
        Most rows to return, already cut to the limit of the service.
    output
        Form of the answer.
    run_id
        Name under which the client keeps the query, None without one.
    uploads
        Tables that the query brings.
    """

    text: str
    maxrec: int
    output: OutputFormat
    run_id: str | None = None
    uploads: tuple[Upload, ...] = ()


def read_tap_query(parameters: Parameters, rows: RowLimits, *, accept: str | None = None) -> TapQuery:
    """Read the parameters of a query; those that TAP does not know are ignored.

    REQUEST, LANG and VERSION may be absent, since there is one choice for each. FORMAT is the name that TAP 1.0 gave to
    RESPONSEFORMAT; the newer name counts where both are given.

    Parameters
    ----------
    parameters
        Of the request.
    rows
        Numbers of rows that the service gives.
    accept
        Accept header, heard when no parameter chooses a format.

    Raises
    ------
    UsageFault
        Raised with a sentence about the first parameter that is missing, repeated, or has an unknown value.

    References
    ----------
    TAP 1.1, "Parameters for Query Execution"; DALI 1.1, "Standard Parameters".
    """
    _check_request(parameters.one("REQUEST"))
    read_choice("LANG", parameters.one("LANG"), LANGUAGES, default="ADQL")
    read_choice("VERSION", parameters.one("VERSION"), VERSIONS, default="1.1")
    uploads = read_uploads(parameters.all("UPLOAD"))
    output = choose_format(parameters.one("RESPONSEFORMAT") or parameters.one("FORMAT"), accept)
    maxrec = read_maxrec(parameters.one("MAXREC"), default=rows.default, hard=rows.hard)
    text = parameters.one("QUERY")
    if text is None:
        raise UsageFault("QUERY is missing or empty: it holds the query, such as SELECT TOP 10 * FROM ivoa.obscore.")
    return TapQuery(text=text, maxrec=maxrec, output=output, run_id=parameters.one("RUNID"), uploads=uploads)


def _check_request(request: str | None) -> None:
    if request is None or request.strip().lower() == "doquery":
        return
    if request.strip().lower() == "getcapabilities":
        raise UsageFault("REQUEST=getCapabilities is a resource of its own: read /capabilities beside /sync.")
    raise UsageFault(f"REQUEST={quoted(request)} is not known here; known: doQuery.")
