from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import flask
import pytest
from astropy.io import fits
from flask.testing import FlaskClient
from lxml import html

from datalink.header.cards import header_lines
from datalink.header.routes import blueprint
from vo.dali.errors import DaliError

PRIMARY: list[list[Any]] = [
    ["SIMPLE", True, "conforms to FITS"],
    ["NAXIS", 0],
    ["OBJECT", "O'Neil's <star> & co", "who"],
    ["EXPTIME", 1e5],
    ["TINY", 1.5e-300],
    ["LARGE", -2e22, "[m]"],
    ["EMPTY", ""],
    ["UNDEF", None, "nothing"],
    ["HISTORY", "a = b"],
    ["", "blank"],
    ["COMMENT", "one = two"],
    ["ESO DPR CATG", "SCIENCE", "Observation category"],
    ["ESO DET1 DIT", 3.0],
    ["ESO DET1 NDIT", -5],
]
SECOND: list[list[Any]] = [["XTENSION", "IMAGE"], ["EXTNAME", "x" * 100]]


def test_astropy_reads_the_lines_back() -> None:
    *lines, end = header_lines(PRIMARY)
    cards = [fits.Card.fromstring(line) for line in lines]
    assert [(card.keyword, card.value) for card in cards] == [
        (card[0].removeprefix("HIERARCH "), card[1])
        for card in PRIMARY
        if card[1] is not None and card[0] not in ("HISTORY", "")
    ]
    assert cards[2].comment == "who"
    assert end.rstrip() == "END"
    assert {len(line) for line in [*lines, end]} == {80}


def test_real_numbers_have_a_decimal_point() -> None:
    for line in header_lines([["A", 1e5], ["B", 1e22], ["C", 1e-7], ["D", 0.1]]):
        if not line.startswith("END"):
            assert re.search(r"= +-?\d+\.\d+(E[-+]?\d+)? *$", line)


def test_a_long_text_stays_on_its_line() -> None:
    line = next(iter(header_lines([["LONG", "x" * 300, "why"]])))
    assert line == f"LONG    = '{'x' * 300}' / why"


def guard(routes: flask.Blueprint, refuse: Callable[[DaliError], flask.Response]) -> None:
    routes.register_error_handler(DaliError, refuse)


@pytest.fixture
def client() -> FlaskClient:
    app = flask.Flask(__name__)
    app.register_blueprint(blueprint({"TOY.1": [PRIMARY, SECOND]}.get, guard=guard), url_prefix="/hdr")
    return app.test_client()


def test_the_page_holds_the_cards_in_one_pre(client: FlaskClient) -> None:
    answer = client.get("/hdr?DpId=TOY.1")
    assert answer.status_code == 200
    (pre,) = html.fromstring(answer.text).iter("pre")
    assert (pre.text or "").strip("\n").split("\n") == list(header_lines(PRIMARY))


def test_other_hdus_are_given_by_number(client: FlaskClient) -> None:
    assert "EXTNAME = 'xxx" in client.get("/hdr?dpid=TOY.1&EXT=1").text


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("", 400, "DpId is missing: it names the file whose header is wanted."),
        ("DpId=", 400, "DpId is missing: it names the file whose header is wanted."),
        ("DpId=a&DpId=b", 400, "DPID is given 2 times; give it once."),
        ("DpId=<b>", 404, "No file '<b>' is held here."),
        ("DpId=TOY.1&ext=-1", 400, "ext must be the number of an HDU, 0 for the primary, not '-1'."),
        ("DpId=TOY.1&ext=2", 404, "The file has 2 HDUs, numbered from 0; there is none with number 2."),
    ],
)
def test_what_cannot_be_given_is_told_in_plain_text(
    client: FlaskClient, query: str, status: int, sentence: str
) -> None:
    answer = client.get(f"/hdr?{query}")
    assert (answer.status_code, answer.text) == (status, f"{sentence}\n")
    assert answer.content_type == "text/plain;charset=utf-8"
