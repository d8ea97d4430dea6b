from __future__ import annotations

import gzip
import random
import threading
import zlib
from collections.abc import Iterator

import flask
import pytest
import requests
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from app.compression import SMALL_BYTES, compress

ROWS = [b"a row of a table\n" * 1000 for _ in range(40)]
VOTABLE = "application/x-votable+xml"


class Doors:
    """An application whose one answer is set by the test."""

    def __init__(self) -> None:
        self.pieces: list[bytes | Exception] = []
        self.headers: dict[str, str] = {}
        self.closed = 0
        self.app = flask.Flask("archive")
        self.app.route("/")(self._answer)
        self.client = "192.0.2.7"
        self.app.after_request(lambda response: compress(flask.request, response, self.client))

    def _answer(self) -> flask.Response:
        return flask.Response(self._stream(), headers={"Content-Type": VOTABLE, **self.headers})

    def _stream(self) -> Iterator[bytes]:
        try:
            for piece in self.pieces:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            self.closed += 1

    def get(self, **headers: str) -> TestResponse:
        accepted = {"Accept-Encoding": "gzip", **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.app.test_client().get("/", headers=accepted)


@pytest.fixture
def doors() -> Doors:
    return Doors()


def test_a_large_answer_to_a_remote_client_is_compressed_while_it_is_made(doors: Doors) -> None:
    doors.pieces = list(ROWS)
    response = doors.get()
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["Vary"] == "Accept-Encoding"
    assert "Content-Length" not in response.headers
    assert len(response.data) < sum(map(len, ROWS)) / 10
    assert gzip.decompress(response.data) == b"".join(ROWS)
    assert doors.closed == 1


def test_a_small_answer_has_its_length(doors: Doors) -> None:
    doors.pieces, doors.client = [ROWS[0]], "127.0.0.1"
    response = doors.get()
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.content_length == len(response.data)
    assert gzip.decompress(response.data) == ROWS[0]


@pytest.mark.parametrize("client", ["127.0.0.1", "::1"])
def test_a_large_answer_stays_as_it_is_on_the_same_machine(doors: Doors, client: str) -> None:
    doors.pieces, doors.client = list(ROWS), client
    response = doors.get()
    assert "Content-Encoding" not in response.headers
    assert response.headers["Vary"] == "Accept-Encoding"
    assert response.data == b"".join(ROWS)
    assert doors.closed == 1


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "br, deflate"])
def test_only_who_takes_gzip_gets_it(doors: Doors, accepted: str) -> None:
    doors.pieces = list(ROWS)
    response = doors.get(Accept_Encoding=accepted)
    assert "Content-Encoding" not in response.headers
    assert response.headers["Vary"] == "Accept-Encoding"
    assert response.data == b"".join(ROWS)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/fits"},
        {"Content-Type": "application/vnd.apache.parquet"},
        {"Content-Type": "application/zip"},
        {"Content-Type": "text/plain", "Accept-Ranges": "bytes"},
        {"Content-Type": "text/plain", "ETag": '"sum"'},
        {"Content-Type": "text/plain", "Content-Encoding": "br"},
    ],
    ids=str,
)
def test_files_and_what_is_compressed_already_stay_as_they_are(doors: Doors, headers: dict[str, str]) -> None:
    doors.pieces, doors.headers = list(ROWS), headers
    response = doors.get()
    assert response.headers.get("Content-Encoding") == headers.get("Content-Encoding")
    assert "Vary" not in response.headers
    assert response.data == b"".join(ROWS)


@pytest.mark.parametrize("size", [0, 1, 255, 256, SMALL_BYTES, SMALL_BYTES + 1])
def test_no_size_loses_anything(doors: Doors, size: int) -> None:
    doors.pieces = [bytes([number % 251]) for number in range(size)]
    response = doors.get()
    content = gzip.decompress(response.data) if "Content-Encoding" in response.headers else response.data
    assert content == b"".join(doors.pieces)  # type: ignore[arg-type]
    assert ("Content-Encoding" in response.headers) == (size >= 256)


def test_a_late_failure_breaks_the_connection(doors: Doors) -> None:
    noise = [random.Random(number).randbytes(2**16) for number in range(40)]
    doors.pieces = [*noise, RuntimeError("broken")]
    response = doors.app.test_client().get("/", headers={"Accept-Encoding": "gzip"}, buffered=False)
    received: list[bytes] = []
    with pytest.raises(RuntimeError, match="broken"):
        received.extend(response.response)  # type: ignore[arg-type]
    with pytest.raises(EOFError):
        gzip.decompress(b"".join(received))
    assert b"".join(noise).startswith(zlib.decompressobj(31).decompress(b"".join(received)))
    assert doors.closed == 1


def test_a_client_over_a_socket_reads_it_without_knowing(doors: Doors) -> None:
    doors.pieces = list(ROWS)
    server = make_server("127.0.0.1", 0, doors.app)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with requests.Session() as session:
            answer = session.get(f"http://127.0.0.1:{server.server_port}/")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.content == b"".join(ROWS)
