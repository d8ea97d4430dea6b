"""Tables of users, from the request to the rows of the answer, on each engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import flask
import numpy as np
import numpy.ma as ma
import pytest
import pyvo
from astropy.coordinates import SkyCoord
from astropy.table import Table
from pyvo.utils.http import create_session
from werkzeug.serving import make_server

from schema.catalogue import Catalogue
from schema.engines.dialect import render
from schema.engines.duckdb import DuckDbEngine
from schema.engines.duckdb_functions import register_functions
from schema.engines.execute import Engine
from schema.engines.postgresql import PostgreSqlEngine
from schema.truth import Truth
from tap.adql.plans import PlanCache
from tap.parameters import RowLimits
from tap.routes import blueprint
from tap.service import TapService
from tap.upload import Upload, Uploads, read_uploads
from vo.dali.errors import UsageFault
from vo.dali.remote import Fetcher, is_public
from vo.tables.readers.limits import ReadLimits
from vo.vosi.availability import Availability


@pytest.fixture(params=["duckdb", "postgresql"])
def engine_of_kind(request: pytest.FixtureRequest, truth: Truth) -> Iterator[Engine]:
    if request.param == "postgresql":
        yield PostgreSqlEngine(truth.engine, (), {})
        return
    connection = duckdb.connect(config={"threads": 1})
    register_functions(connection)
    yield DuckDbEngine(connection.cursor, render)
    connection.close()


@pytest.fixture
def tap(engine_of_kind: Engine) -> Iterator[pyvo.dal.TAPService]:
    app = flask.Flask("archive")
    nothing = Catalogue(())
    uploads = Uploads(ReadLimits(2_000_000, 200_000), Fetcher(5, lambda _: True))
    service = TapService(lambda: nothing, engine_of_kind, PlanCache(), RowLimits(500_000, 500_000), 60, uploads)
    routes = blueprint(
        service, base_url="http://archive.example/tap", availability=lambda: Availability(True), largest_request=200_000
    )
    app.register_blueprint(routes, url_prefix="/tap")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with create_session() as session:
        yield pyvo.dal.TAPService(f"http://127.0.0.1:{server.server_port}/tap", session=session)
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Address of a little server."""
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def ask(tap: pyvo.dal.TAPService, query: str, **uploads: Any) -> Table:
    return tap.search(query, uploads=uploads, maxrec=500_000).to_table()


STARS = Table(
    {
        "Name": ["a\tb\\", "β\n", "c"],
        "n": ma.array([1, 2, 3], mask=[False, True, False]),
        "x": [1.5, np.nan, np.inf],
        "select": [True, False, True],
        "pair": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
    }
)


def test_a_table_comes_back_as_it_was_sent(tap: pyvo.dal.TAPService) -> None:
    found = ask(tap, 'SELECT * FROM TAP_UPLOAD.Mine ORDER BY "x" DESC', mine=STARS)
    assert found.colnames == ["Name", "n", "x", "select", "pair"]
    rows = {row["Name"]: row for row in found}
    assert set(rows) == set(STARS["Name"])
    assert rows["a\tb\\"]["n"] == 1
    assert rows["β\n"]["n"] is ma.masked
    assert rows["c"]["x"] == np.inf
    assert not np.isfinite(ma.filled(rows["β\n"]["x"], np.nan))
    assert [bool(rows[name]["select"]) for name in STARS["Name"]] == [True, False, True]
    assert list(rows["c"]["pair"]) == [5.0, 6.0]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT name FROM tap_upload.mine", 3),
        ('SELECT "Name" FROM TAP_UPLOAD."mine" AS m WHERE m."select" IS NOT NULL', 3),
        ("SELECT n FROM TAP_UPLOAD.mine WHERE x IS NULL", 1),
        ("SELECT n FROM TAP_UPLOAD.mine WHERE x > 1", 2),
        ("SELECT a.n FROM TAP_UPLOAD.mine AS a JOIN TAP_UPLOAD.mine AS b ON a.n = b.n", 2),
        ("SELECT COUNT(*) AS c FROM TAP_UPLOAD.mine GROUP BY n", 3),
    ],
)
def test_queries_name_uploads_like_other_tables(tap: pyvo.dal.TAPService, query: str, rows: int) -> None:
    assert len(ask(tap, query, mine=STARS)) == rows


def test_two_queries_of_one_text_see_each_its_own_table(tap: pyvo.dal.TAPService) -> None:
    query = "SELECT v FROM TAP_UPLOAD.t WHERE v > 0"
    assert ask(tap, query, t=Table({"v": [1, 2]}))["v"].tolist() == [1, 2]
    assert ask(tap, query, t=Table({"v": [0.5]}))["v"].tolist() == [0.5]


def test_two_tables_are_joined(tap: pyvo.dal.TAPService) -> None:
    query = "SELECT a.k, b.v FROM TAP_UPLOAD.a AS a LEFT JOIN TAP_UPLOAD.b AS b ON a.k = b.k ORDER BY a.k"
    found = ask(tap, query, a=Table({"k": [1, 2]}), b=Table({"k": [2], "v": ["x"]}))
    assert found["v"].tolist() == ["", "x"]


def sky(count: int, seed: int) -> Table:
    """Places all over the sky, many close to others, at the poles and on both sides of RA 0."""
    chance = np.random.default_rng(seed)
    ra = np.concatenate(
        [chance.uniform(0, 360, count), chance.normal(0, 0.05, count) % 360, chance.uniform(0, 360, count)]
    )
    dec = np.concatenate(
        [
            np.degrees(np.arcsin(chance.uniform(-1, 1, count))),
            chance.normal(0, 0.05, count),
            np.where(chance.random(count) < 0.5, 1, -1) * (90 - np.abs(chance.normal(0, 0.05, count))),
        ]
    )
    return Table({"id": np.arange(len(ra)), "ra": ra, "dec": dec})


@pytest.mark.parametrize("radius", [0.0, 0.002, 0.05, 7.0, 80.0, 179.0])
@pytest.mark.parametrize("kind", ["JOIN", "LEFT JOIN"])
def test_positions_are_matched_as_by_brute_force(tap: pyvo.dal.TAPService, radius: float, kind: str) -> None:
    a, b = sky(60, 1), sky(60, 2)
    near = f"1=CONTAINS(POINT('ICRS', a.ra, a.dec), CIRCLE('ICRS', b.ra, b.dec, {radius}))"
    found = ask(tap, f"SELECT a.id AS i, b.id AS j FROM TAP_UPLOAD.a AS a {kind} TAP_UPLOAD.b AS b ON {near}", a=a, b=b)
    pairs = {(row["i"], row["j"]) for row in found if row["j"] is not ma.masked}
    apart = SkyCoord(a["ra"], a["dec"], unit="deg")[:, None].separation(SkyCoord(b["ra"], b["dec"], unit="deg")).deg
    assert pairs == {(int(i), int(j)) for i, j in zip(*np.nonzero(apart <= radius), strict=True)}
    alone = set(range(len(a))) - {i for i, _ in pairs} if kind == "LEFT JOIN" else set()
    assert {row["i"] for row in found if row["j"] is ma.masked} == alone
    assert len(found) == len(pairs) + len(alone)


def test_a_table_may_be_larger_than_other_requests(tap: pyvo.dal.TAPService) -> None:
    assert ask(tap, "SELECT COUNT(*) AS c FROM TAP_UPLOAD.t", t=Table({"v": np.arange(20_000)}))["c"][0] == 20_000


def test_a_table_above_the_limit_is_refused(tap: pyvo.dal.TAPService) -> None:
    with pytest.raises(pyvo.dal.DALQueryError, match=r"more than the .* bytes"):
        ask(tap, "SELECT COUNT(*) AS c FROM TAP_UPLOAD.t", t=Table({"v": np.random.default_rng(1).normal(size=90_000)}))


def test_a_table_comes_from_its_address(tap: pyvo.dal.TAPService) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"v\n7\n")

        def log_message(self, *_: Any) -> None:
            pass

    with listening(Handler) as address:
        found = tap.search("SELECT v FROM TAP_UPLOAD.t", uploads={"t": f"{address}/a;b?c=1,2"})
    assert found["v"].tolist() == [7]


def test_the_parameter_is_read_with_and_without_semicolons() -> None:
    wanted = (Upload("a", "param:x"), Upload("b", "http://h.example/?q=1;2"))
    assert read_uploads(["a,param:x;b,http://h.example/?q=1;2"]) == wanted
    assert read_uploads(["a,param:x", "b,http://h.example/?q=1;2"]) == wanted


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("a", "name,uri"),
        ("a,", "name,uri"),
        ("1a,param:x", "cannot name"),
        ("a b,param:x", "cannot name"),
        ("x.y,param:x", "cannot name"),
        ("select,param:x", "keeps this word"),
        ("a,file:///etc/passwd", "not from 'file:///etc/passwd'"),
        ("a,vos://x/y", "not from"),
        ("a,param:", "parameter"),
        ("a,http:///x", "no host"),
        ("a,param:x;A,param:y", "two tables"),
    ],
)
def test_an_upload_that_means_nothing_is_refused(value: str, sentence: str) -> None:
    with pytest.raises(UsageFault, match=sentence):
        read_uploads([value])


def test_a_file_that_is_not_there_is_missed() -> None:
    with pytest.raises(UsageFault, match="no file 'x'"):
        Uploads(ReadLimits(100, 100)).read((Upload("a", "param:x"),), {"y": Path("/nowhere")})


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "240.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2002:a00:1::",
        "2001:0:7f00:1::",
        "::127.0.0.1",
        "2001:db8::1",
        "nonsense",
    ],
)
def test_addresses_inside_the_house_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "134.171.46.1", "2001:4860:4860::8888", "::ffff:8.8.8.8"])
def test_addresses_of_the_net_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://localhost/", "http://[::1]/", "http://2130706433/"])
def test_nothing_is_fetched_from_inside_the_house(url: str) -> None:
    with pytest.raises(UsageFault, match=r"public net|not known"):
        Fetcher(2)(url, BytesIO(), 100)


def test_a_name_with_one_private_address_is_refused() -> None:
    with pytest.raises(UsageFault, match="public net"):
        Fetcher(2, resolve=lambda *_: ["8.8.8.8", "127.0.0.1"])("http://mixed.example/", BytesIO(), 100)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        pytest.param((302, {"Location": "http://127.0.0.2:9/"}, b""), "public net", id="redirect inside"),
        pytest.param((302, {"Location": "file:///etc/passwd"}, b""), "http and https alone", id="redirect to a file"),
        pytest.param((302, {"Location": "/again"}, b""), "redirects", id="redirect without end"),
        pytest.param((404, {}, b""), "status 404", id="missing"),
        pytest.param((200, {}, b"x" * 1000), "more than 100 bytes", id="large"),
        pytest.param((200, {"Content-Length": "90"}, b"x" * 50), "broke off", id="cut"),
    ],
)
def test_answers_that_are_no_table_are_told(answer: tuple[int, dict[str, str], bytes], sentence: str) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    fetch = Fetcher(5, may_reach=lambda address: address == "127.0.0.1")
    with listening(Handler) as address, pytest.raises(UsageFault, match=sentence):
        fetch(f"{address}/", BytesIO(), 100)
