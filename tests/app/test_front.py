"""Slow, silent, vanished and greedy clients, seen from raw sockets; stop and restart."""

from __future__ import annotations

import http.client
import io
import re
import signal
import socket
import threading
import time
import tomllib
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from astropy.io.votable import parse
from commands import Served, quipu

CLIENT_SECONDS = 2
MANY = "SELECT a.dp_id, a.s_ra, a.s_dec, b.dp_id AS other, c.obs_collection FROM ivoa.obscore AS a, ivoa.obscore AS b, "
MANY += "ivoa.obscore AS c, ivoa.obscore AS d"
"""Some hundred thousand rows."""
ENDLESS = "SELECT COUNT(*) AS n FROM " + ", ".join(f"ivoa.obscore AS t{number}" for number in range(9))
ENDLESS += " WHERE " + " + ".join(f"t{number}.s_ra" for number in range(9)) + " < 1"
"""Billions of rows to look at."""
ELSEWHERE = {"X-Forwarded-For": "203.0.113.9"}


def configure(archive: Served, text: str) -> None:
    """Write the settings of an archive; what says where its database is stays."""
    path = archive.directory / "quipu.toml"
    url = tomllib.loads(path.read_text()).get("database", {}).get("url")
    path.write_text(text + (f'[database]\nurl = "{url}"\n' if url else ""))


SETTINGS = f"""
title = "Strict archive"
[server]
client_seconds = {CLIENT_SECONDS}
client_requests = 2
trusted_proxies = "127.0.0.1"
threads = 8
stop_seconds = 20
"""


@pytest.fixture(scope="module")
def strict(night: Path, new_archive: Callable[[str], Served]) -> Iterator[Served]:
    """An archive with little patience."""
    archive = new_archive("strict")
    quipu("--archive", archive.directory, "ingest", night)
    configure(archive, SETTINGS)
    archive.start()
    yield archive
    archive.stop()


def connect(archive: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", archive.port), timeout=60)


def head(method: str, path: str, **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: archive", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def sync(query: str, **parameters: str) -> str:
    return "/tap/sync?" + urllib.parse.urlencode({"QUERY": query, "MAXREC": "10000000", **parameters})


def ask(archive: Served, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", archive.port, timeout=60)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    try:
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def wait_for(happens: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def logged(archive: Served, request_id: str) -> str | None:
    """Line that a request left at its end."""
    lines = [line for line in archive.log.splitlines() if request_id in line and "method=" in line]
    return lines[0] if lines else None


def read_to_end(client: socket.socket) -> bytes:
    pieces = []
    try:
        while piece := client.recv(2**20):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


def test_a_client_that_goes_away_stops_its_query(strict: Served) -> None:
    with connect(strict) as client:
        client.sendall(head("GET", sync(ENDLESS), **{"X-Request-ID": "gone-1"}))
        time.sleep(1)
        assert logged(strict, "gone-1") is None
    wait_for(lambda: logged(strict, "gone-1") is not None)


def test_a_client_that_stops_reading_is_cut_off(strict: Served) -> None:
    with connect(strict) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(head("GET", sync(MANY), **{"X-Request-ID": "stopped-1"}))
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        wait_for(lambda: logged(strict, "stopped-1") is not None)
        assert not read_to_end(client).endswith(b"0\r\n\r\n")


def test_a_client_that_reads_slowly_gets_all(strict: Served) -> None:
    rows = len(ask(strict, sync("SELECT dp_id FROM ivoa.obscore", FORMAT="csv"))[2].splitlines()) - 1
    with connect(strict) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
        client.sendall(head("GET", sync(MANY, FORMAT="csv"), **{"X-Request-ID": "slow-1", "Connection": "close"}))
        answer = http.client.HTTPResponse(client)
        answer.begin()
        lines = 0
        began = time.monotonic()
        while time.monotonic() - began < 2 * CLIENT_SECONDS:
            lines += answer.read(2**14).count(b"\n")
            time.sleep(0.02)
        assert logged(strict, "slow-1") is None
        lines += answer.read().count(b"\n")
    assert lines == rows**4 + 1


def test_silent_and_half_spoken_clients_do_not_keep_others_out(strict: Served) -> None:
    clients = [connect(strict) for _ in range(60)]
    try:
        for client in clients[::2]:
            client.sendall(b"GET /tap/availability HTTP/1.1\r\nHost: arch")
        assert ask(strict, "/tap/availability")[0] == 200
    finally:
        for client in clients:
            client.close()


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ",
        head("POST", "/tap/sync", **{"Content-Type": "application/x-www-form-urlencoded", "Content-Length": "100"}),
        head("POST", "/tap/sync", **{"Content-Type": "text/plain", "Transfer-Encoding": "chunked"}) + b"5\r\nQU",
    ],
    ids=["head", "body", "chunk"],
)
def test_who_trickles_a_request_is_cut_off(strict: Served, said: bytes) -> None:
    with connect(strict) as client:
        client.sendall(said)
        trickle = threading.Event()

        def drip() -> None:
            try:
                while not trickle.wait(0.2):
                    client.sendall(b"x")
            except OSError:
                pass

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            answer = read_to_end(client)
        finally:
            trickle.set()
            dripping.join()
    assert b" 200 " not in answer.partition(b"\r\n")[0]


def test_a_client_with_too_much_under_way_is_refused_in_the_form_of_its_door(strict: Served) -> None:
    busy = [connect(strict) for _ in range(2)]
    try:
        for number, client in enumerate(busy):
            client.sendall(head("GET", sync(ENDLESS), **ELSEWHERE, **{"X-Request-ID": f"busy-{number}"}))
        # A question that comes before they are under way would take the place of one of them.
        time.sleep(2)
        wait_for(lambda: ask(strict, sync("SELECT TOP 1 dp_id FROM ivoa.obscore"), **ELSEWHERE)[0] == 429)
        status, headers, body = ask(strict, sync("SELECT TOP 1 dp_id FROM ivoa.obscore"), **ELSEWHERE)
        infos = {info.name: info for info in parse(io.BytesIO(body)).resources[0].infos}
        assert (status, infos["QUERY_STATUS"].value) == (429, "ERROR")
        assert "under way" in infos["QUERY_STATUS"].content
        assert int(headers["retry-after"]) > 0
        status, headers, _ = ask(strict, "/", **ELSEWHERE)
        assert (status, headers["content-type"]) == (429, "text/plain;charset=utf-8")
        assert ask(strict, "/tap/availability", **{"X-Forwarded-For": "203.0.113.10"})[0] == 200
        assert ask(strict, "/tap/availability")[0] == 200
    finally:
        for client in busy:
            client.close()
    wait_for(lambda: ask(strict, "/tap/availability", **ELSEWHERE)[0] == 200)


def test_each_request_has_a_number_in_its_answer_and_in_the_log(strict: Served) -> None:
    _, headers, _ = ask(strict, "/tap/availability?secret=hush", **{"X-Request-ID": "mine-1", **ELSEWHERE})
    assert headers["x-request-id"] == "mine-1"
    wait_for(lambda: logged(strict, "mine-1") is not None)
    line = logged(strict, "mine-1") or ""
    for words in ("client=203.0.113.9", "method=GET", "path=/tap/availability", "status=200"):
        assert words in line
    assert "hush" not in strict.log
    _, headers, _ = ask(strict, "/nowhere", **{"X-Request-ID": "not fit\tfor a log"})
    assert re.fullmatch("[0-9a-f]{32}", headers["x-request-id"])


@pytest.mark.parametrize(
    "path", ["/", "/tap/tables", "/tap/capabilities", "/tap/availability", "/nowhere", "/tap/sync"]
)
def test_head_says_what_get_says_and_sends_nothing(strict: Served, path: str) -> None:
    get, said = ask(strict, path), ask(strict, path, "HEAD")
    assert said[0] == get[0]
    assert said[2] == b""
    for name in ("content-type", "content-length", "access-control-allow-origin"):
        assert said[1].get(name) == get[1].get(name)


def test_head_of_a_large_answer_ends_at_once(strict: Served) -> None:
    status, headers, body = ask(strict, sync(MANY), "HEAD")
    assert (status, body) == (200, b"")
    assert headers["content-type"].startswith("application/x-votable+xml")


@pytest.mark.parametrize(("path", "methods"), [("/tap/sync", {"GET", "POST"}), ("/files/x", {"GET", "HEAD"})])
def test_pages_of_other_sites_may_ask(strict: Served, path: str, methods: set[str]) -> None:
    wish = {"Origin": "https://page.example", "Access-Control-Request-Method": "GET"}
    status, headers, body = ask(strict, path, "OPTIONS", **wish, **{"Access-Control-Request-Headers": "authorization"})
    assert (status, body) == (200, b"")
    assert headers["access-control-allow-origin"] == "*"
    assert methods <= set(re.split(", *", headers["access-control-allow-methods"]))
    assert "Authorization" in headers["access-control-allow-headers"]


@pytest.mark.parametrize("path", ["/tap/tables", "/files/x", "/"])
def test_a_method_that_a_path_does_not_know_is_said_in_plain_text(strict: Served, path: str) -> None:
    status, headers, body = ask(strict, path, "DELETE")
    assert (status, headers["content-type"]) == (405, "text/plain;charset=utf-8")
    assert "GET" in headers["allow"]
    assert len(body.splitlines()) == 1


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", b"400"),
        (head("GET", "/" + "x" * 9000), b"414"),
        (head("GET", "/", Long="x" * 9000), b"431"),
        (head("GET", "/", **{f"X-{number}": "y" for number in range(200)}), b"431"),
        (head("GET", "/", **{"Transfer-Encoding": "chunked", "Content-Length": "3"}), b"400"),
    ],
    ids=["nonsense", "version", "long line", "long header", "many headers", "two lengths"],
)
def test_what_is_no_request_is_refused_in_plain_text(strict: Served, said: bytes, status: bytes) -> None:
    with connect(strict) as client:
        client.sendall(said)
        answer = read_to_end(client)
    line, _, rest = answer.partition(b"\r\n")
    assert line.split()[1] == status
    assert b"Content-Type: text/plain" in rest
    assert b"<html" not in rest
    assert b"gunicorn" not in answer


def test_a_stopped_server_finishes_its_answers_and_takes_no_more(strict: Served) -> None:
    with connect(strict) as client:
        client.sendall(head("GET", sync(MANY), Connection="close"))
        first = client.recv(1000)
        assert strict.process is not None
        strict.process.terminate()

        def refuses() -> bool:
            try:
                connect(strict).close()
            except ConnectionRefusedError:
                return True
            return False

        wait_for(refuses)
        assert (first + read_to_end(client)).endswith(b"0\r\n\r\n")
    assert strict.process.wait(60) == 0
    strict.start()


def pending_job(archive: Served) -> str:
    """Path of a job that nobody has told to run."""
    _, headers, _ = ask(archive, "/tap/async?QUERY=SELECT+1+AS+one+FROM+dbo.raw&LANG=ADQL", "POST")
    return urllib.parse.urlsplit(headers["location"]).path


def test_who_waits_for_a_job_does_not_hold_up_a_stop(strict: Served) -> None:
    with connect(strict) as client:
        # Longer than a stop leaves time: without a word at its beginning the answer would be cut off.
        client.sendall(head("GET", f"{pending_job(strict)}?WAIT=60", Connection="close"))
        time.sleep(1)
        assert strict.process is not None
        strict.process.terminate()
        answer = read_to_end(client)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"PENDING" in answer
    assert strict.process.wait(60) == 0
    strict.start()


def test_who_only_waits_for_jobs_has_no_request_under_way(strict: Served) -> None:
    job = pending_job(strict)
    waiting = []
    try:
        for _ in range(3):
            waiting.append(connect(strict))
            waiting[-1].sendall(head("GET", f"{job}?WAIT=60", Connection="close", **ELSEWHERE))
            time.sleep(0.3)
        assert ask(strict, "/tap/availability", **ELSEWHERE)[0] == 200
        assert ask(strict, job, "DELETE")[0] == 303
        # Told at once that it is gone, and none of them refused.
        assert [read_to_end(client).split()[1] for client in waiting] == [b"404"] * 3
    finally:
        for client in waiting:
            client.close()


def test_a_restart_takes_new_settings_and_turns_nobody_away(strict: Served) -> None:
    assert strict.process is not None
    refused: list[Exception] = []
    seen: set[str] = set()
    done = threading.Event()

    def ask_always() -> None:
        while not done.is_set():
            try:
                seen.update(re.findall(r"[A-Z][a-z]+ archive", ask(strict, "/")[2].decode()))
            except OSError as error:
                refused.append(error)

    asking = threading.Thread(target=ask_always)
    asking.start()
    try:
        wait_for(lambda: "Strict archive" in seen)
        configure(strict, SETTINGS.replace("Strict archive", "Renewed archive"))
        with connect(strict) as client:
            client.sendall(head("GET", sync(MANY), Connection="close"))
            first = client.recv(1000)
            strict.process.send_signal(signal.SIGHUP)
            assert (first + read_to_end(client)).endswith(b"0\r\n\r\n")
        wait_for(lambda: "Renewed archive" in seen)
    finally:
        done.set()
        asking.join()
    assert refused == []
    assert strict.process.poll() is None
    strict.wait_until_available()
