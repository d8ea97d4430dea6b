"""The forms in which a table can leave: media types, the words that choose them, and their writers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Protocol

from vo.dali.errors import UsageFault
from vo.dali.media_types import read_accept, read_media_type
from vo.dali.parameters import quoted
from vo.tables.arrow import write_arrow
from vo.tables.csv import write_csv, write_tsv
from vo.tables.ecsv import write_ecsv
from vo.tables.fits import write_fits
from vo.tables.html import write_html
from vo.tables.json import write_json
from vo.tables.moc import write_moc
from vo.tables.parquet import write_parquet
from vo.tables.plain import write_text
from vo.tables.stream import TableStream
from vo.tables.votable import Info, Serialization, explain_nothing, write_votable


class TableWriter(Protocol):
    """What turns a stream into bytes.

    `infos` and `explain` reach formats that have a place for remarks; the others raise what breaks their rows.
    """

    def __call__(
        self, stream: TableStream, infos: Sequence[Info] = (), explain: Callable[[Exception], str] = explain_nothing
    ) -> Iterator[bytes]:
        """Write the table; the stream is closed at the end."""
        ...


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """A form in which a table can leave.

    Attributes
    ----------
    media_type
        Sent as Content-Type.
    aliases
        Short words that choose it; the first is the one to show.
    other_media_types
        Further media types that choose it.
    suffix
        Ending of a file that holds it.
    write
        Its writer.
    ivo_id
        Its identifier in TAPRegExt, None where there is none.
    """

    media_type: str
    aliases: tuple[str, ...]
    suffix: str
    write: TableWriter
    other_media_types: tuple[str, ...] = ()
    ivo_id: str | None = None

    def begin(
        self, stream: TableStream, infos: Sequence[Info] = (), explain: Callable[[Exception], str] = explain_nothing
    ) -> Iterator[bytes]:
        """Write a table up to the first piece at once: what fails before it is raised from here.

        Forms that need all rows first read them here, the others none.
        """
        pieces = self.write(stream, infos, explain)
        return chain([next(pieces, b"")], pieces)


def _votable(serialization: Serialization) -> TableWriter:
    def write(
        stream: TableStream, infos: Sequence[Info] = (), explain: Callable[[Exception], str] = explain_nothing
    ) -> Iterator[bytes]:
        return write_votable(stream, serialization=serialization, infos=infos, explain=explain)

    return write


def _remarked(write_rows: Callable[[TableStream, Sequence[Info]], Iterator[bytes]]) -> TableWriter:
    """Writer of a form that raises what breaks its rows."""

    def write(
        stream: TableStream, infos: Sequence[Info] = (), explain: Callable[[Exception], str] = explain_nothing
    ) -> Iterator[bytes]:
        del explain
        return write_rows(stream, infos)

    return write


def _bare(write_rows: Callable[[TableStream], Iterator[bytes]]) -> TableWriter:
    """Writer of a form that has no place for remarks."""

    def write(
        stream: TableStream, infos: Sequence[Info] = (), explain: Callable[[Exception], str] = explain_nothing
    ) -> Iterator[bytes]:
        del infos, explain
        return write_rows(stream)

    return write


FORMATS: tuple[OutputFormat, ...] = (
    OutputFormat(
        media_type="application/x-votable+xml;serialization=BINARY2",
        aliases=("votable", "votable/b2"),
        other_media_types=("application/x-votable+xml",),
        suffix=".vot",
        write=_votable("BINARY2"),
        ivo_id="ivo://ivoa.net/std/TAPRegExt#output-votable-binary2",
    ),
    OutputFormat(
        media_type="application/x-votable+xml;serialization=TABLEDATA",
        aliases=("votable/td",),
        suffix=".vot",
        write=_votable("TABLEDATA"),
        ivo_id="ivo://ivoa.net/std/TAPRegExt#output-votable-td",
    ),
    OutputFormat(
        media_type="application/x-votable+xml;serialization=BINARY",
        aliases=("votable/b",),
        suffix=".vot",
        write=_votable("BINARY"),
        ivo_id="ivo://ivoa.net/std/TAPRegExt#output-votable-binary",
    ),
    # Browsers show this one as text.
    OutputFormat(
        media_type="text/xml;charset=utf-8",
        aliases=(),
        other_media_types=("application/xml", "text/xml;serialization=TABLEDATA"),
        suffix=".xml",
        write=_votable("TABLEDATA"),
    ),
    OutputFormat(
        media_type="text/csv;header=present;charset=utf-8",
        aliases=("csv",),
        other_media_types=("text/csv",),
        suffix=".csv",
        write=_bare(write_csv),
    ),
    OutputFormat(
        media_type="text/csv;header=absent;charset=utf-8",
        aliases=(),
        suffix=".csv",
        write=_bare(partial(write_csv, header=False)),
    ),
    OutputFormat(
        media_type="text/tab-separated-values;charset=utf-8",
        aliases=("tsv",),
        suffix=".tsv",
        write=_bare(write_tsv),
    ),
    OutputFormat(
        media_type="application/json",
        aliases=("json",),
        suffix=".json",
        write=_bare(write_json),
    ),
    OutputFormat(
        media_type="text/x-ecsv;charset=utf-8",
        aliases=("ecsv",),
        suffix=".ecsv",
        write=_remarked(write_ecsv),
    ),
    OutputFormat(
        media_type="application/vnd.apache.parquet",
        aliases=("parquet",),
        other_media_types=("application/x-parquet",),
        suffix=".parquet",
        write=_remarked(write_parquet),
    ),
    OutputFormat(
        media_type="application/vnd.apache.arrow.stream",
        aliases=("arrow",),
        suffix=".arrows",
        write=_remarked(write_arrow),
    ),
    OutputFormat(
        media_type="application/fits",
        aliases=("fits",),
        other_media_types=("image/fits",),
        suffix=".fits",
        write=_remarked(write_fits),
    ),
    OutputFormat(
        media_type="application/fits;content=moc",
        aliases=("moc",),
        suffix=".fits",
        write=_remarked(write_moc),
    ),
    OutputFormat(
        media_type="text/plain;charset=utf-8",
        aliases=("text", "txt"),
        suffix=".txt",
        write=_bare(write_text),
    ),
    OutputFormat(
        media_type="text/html;charset=utf-8",
        aliases=("html",),
        other_media_types=("application/xhtml+xml",),
        suffix=".html",
        write=_remarked(write_html),
    ),
)
"""All forms; the first is the default."""

_HTML = read_media_type("text/html")

_BY_ALIAS = {alias: output for output in FORMATS for alias in output.aliases}
_BY_MEDIA_TYPE = {
    read_media_type(media_type): output
    for output in FORMATS
    for media_type in (output.media_type, *output.other_media_types)
}


def choose_format(responseformat: str | None, accept: str | None = None) -> OutputFormat:
    """Find the form that a client asks for.

    Parameters
    ----------
    responseformat
        Value of RESPONSEFORMAT: an alias or a media type, without regard to case.
    accept
        Accept header, heard only without `responseformat`; nothing known in it means the default. HTML goes to those
        who take ``application/xhtml+xml``, as browsers do: programs in Java ask for ``text/html`` without meaning it.

    Raises
    ------
    UsageFault
        Raised if `responseformat` names no known form.

    References
    ----------
    DALI 1.1, "RESPONSEFORMAT".
    """
    if responseformat is None:
        known = (_BY_MEDIA_TYPE.get(kind) for kind in read_accept(accept or "") if kind != _HTML)
        return next(filter(None, known), FORMATS[0])
    # A blank stands where a client forgot to write the plus sign of "x-votable+xml" as %2B.
    word = responseformat.strip().lower().replace("x-votable xml", "x-votable+xml")
    output = _BY_ALIAS.get(word) or _BY_MEDIA_TYPE.get(read_media_type(word))
    if output is None:
        raise UsageFault(f"RESPONSEFORMAT={quoted(responseformat)} is not known here; known: {', '.join(_BY_ALIAS)}.")
    return output
