"""Forms for people: text and HTML."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from astropy.table import Table
from everything import EVERYTHING, FULL, NULLS, ODD
from lxml import html

from vo.dali.errors import FatalFault, UsageFault
from vo.tables.field import Field
from vo.tables.html import write_html
from vo.tables.plain import write_text
from vo.tables.spool import spooled
from vo.tables.stream import TableStream
from vo.tables.votable import Info

MakeStream = Callable[..., TableStream]


def test_text_stands_in_columns(make_stream: MakeStream) -> None:
    fields = [Field("name", "unicodeChar", "*"), Field("n", "int")]
    text = b"".join(write_text(make_stream(fields, [["Étoile", 7], [None, 12345], ["a\nb", None]]))).decode()
    assert text.splitlines() == [
        "+--------+-------+",
        "| name   | n     |",
        "+--------+-------+",
        "| Étoile |     7 |",
        "|        | 12345 |",
        "| a b    |       |",
        "+--------+-------+",
    ]


def test_every_line_of_text_has_one_width(make_stream: MakeStream) -> None:
    lines = b"".join(write_text(make_stream(EVERYTHING, [FULL, NULLS, *ODD]))).decode().splitlines()
    assert len({len(line) for line in lines}) == 1
    assert len(lines) == 4 + 5


def test_astropy_reads_the_text(make_stream: MakeStream) -> None:
    lines = b"".join(write_text(make_stream([Field("a", "int"), Field("b", "double")], [[1, 0.5], [-7, 1e300]])))
    rows = [line for line in lines.decode().splitlines() if not line.startswith("+")]
    table = Table.read(rows, format="ascii.fixed_width")
    assert table["a"].tolist() == [1, -7]
    assert table["b"].tolist() == [0.5, 1e300]


def page_of(stream: TableStream, *infos: Info) -> Any:
    return html.document_fromstring(b"".join(write_html(stream, infos)))


def test_a_page_shows_every_cell_as_text(make_stream: MakeStream) -> None:
    words = ["<script>alert(1)</script>", "a & b", '"', "", None, "é𝄞"]
    page = page_of(make_stream([Field("w", "unicodeChar", "*")], [[word] for word in words]))
    assert [cell.text_content() for cell in page.iter("td")] == [word or "" for word in words]
    assert len(list(page.iter("script"))) == 1


def test_addresses_of_the_web_are_links_and_no_others(make_stream: MakeStream) -> None:
    urls = ['http://a.example/x?a=1&b="><b>', "https://b.example/", "javascript:alert(1)", "x http://c.example/", None]
    fields = [Field("access_url", "char", "*", ucd="meta.ref.url"), Field("other", "char", "*")]
    page = page_of(make_stream(fields, [[url, "http://d.example"] for url in urls]))
    assert [link.get("href") for link in page.iter("a")] == urls[:2]
    assert [row[0].text_content() for row in page.iterfind(".//tbody/tr")] == [url or "" for url in urls]


def test_a_page_tells_the_query_the_units_and_an_overflow(make_stream: MakeStream) -> None:
    page = page_of(make_stream(EVERYTHING, [FULL] * 3, maxrec=2), Info("QUERY", "SELECT <1>"))
    assert page.findtext(".//pre") == "SELECT <1>"
    head = page.findall(".//th")[3]
    assert (head.text, head.findtext("small"), head.get("title")) == ("number", "d", EVERYTHING[3].description)
    assert "more rows than the 2" in page.findtext(".//p")


def test_the_spool_has_a_limit_and_leaves_no_file(
    make_stream: MakeStream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    released: list[bool] = []
    stream = make_stream([Field("n", "long")], [[i] for i in range(100)], release=lambda: released.append(True))
    with pytest.raises(UsageFault, match="too large for this format"), spooled(stream, lambda _: None, most_bytes=500):
        pass
    assert released == [True]
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_told_in_a_sentence(make_stream: MakeStream) -> None:
    def fill(_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with (
        pytest.raises(FatalFault, match="disk of the service has no room"),
        spooled(make_stream([Field("n", "int")], [[1]]), fill),
    ):
        pass


def test_the_spool_gives_its_rows_again(make_stream: MakeStream) -> None:
    with spooled(make_stream([Field("n", "int")], [[i] for i in range(10)]), lambda _: None) as spool:
        for _ in range(2):
            assert [n for piece in spool.pieces(2**20) for n in piece[0].to_pylist()] == list(range(10))
