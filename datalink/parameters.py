"""What one request for links asks for."""

from __future__ import annotations

from dataclasses import dataclass

from vo.dali.media_types import read_accept, read_media_type
from vo.dali.parameters import Parameters, RowLimits, read_maxrec
from vo.datalink import LINKS_TYPE
from vo.tables.formats import OutputFormat, choose_format

_VOTABLE = "application/x-votable+xml"
_STANDARD = (read_media_type(_VOTABLE), read_media_type(LINKS_TYPE))


@dataclass(frozen=True, slots=True)
class LinksQuery:
    """Products whose links are wanted.

    Attributes
    ----------
    identifiers
        As they were given, each once, in the order of the request.
    maxrec
        Most links to give.
    output
        Form of the answer.
    run_id
        Name that the client gives its request, None without one.
    """

    identifiers: tuple[str, ...]
    maxrec: int
    output: OutputFormat
    run_id: str | None = None


def read_links_query(parameters: Parameters, rows: RowLimits, accept: str | None = None) -> LinksQuery:
    """Read ID, MAXREC, RESPONSEFORMAT and RUNID.

    Parameters
    ----------
    parameters
        Of the request.
    rows
        Numbers of links that the service gives.
    accept
        Accept header, heard where the request says nothing of the form.

    Raises
    ------
    UsageFault
        Raised with a sentence.

    References
    ----------
    DataLink 1.1, "Parameters on {links} endpoints".
    """
    return LinksQuery(
        tuple(dict.fromkeys(parameters.all("ID"))),
        read_maxrec(parameters.one("MAXREC"), default=rows.default, hard=rows.hard),
        read_form(parameters.one("RESPONSEFORMAT"), accept),
        parameters.one("RUNID"),
    )


def read_form(text: str | None, accept: str | None = None) -> OutputFormat:
    """Form of an answer: TABLEDATA unless another is named.

    References
    ----------
    DataLink 1.1, "RESPONSEFORMAT" and "VOTable output".
    """
    if text is None:
        wanted = [kind for kind in read_accept(accept or "") if kind.name != "text/html"]
        if not wanted or any(kind in _STANDARD for kind in wanted):
            return _LINKS
        chosen = choose_format(None, accept)
        return _LINKS if chosen.media_type.startswith(_VOTABLE) else chosen
    word = text.strip().lower().replace("x-votable xml", "x-votable+xml")
    if word == "votable" or read_media_type(word) in _STANDARD:
        return _LINKS
    return choose_format(text)


_TABLEDATA = choose_format("votable/td")
_LINKS = OutputFormat(LINKS_TYPE, ("votable",), ".vot", _TABLEDATA.write)
