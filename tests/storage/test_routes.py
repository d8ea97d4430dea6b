from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from storage.local import LocalStore
from storage.replicas import HeldFile, Replicas
from storage.routes import blueprint

BYTES = bytes(range(256)) * 40
SHA256 = hashlib.sha256(BYTES).hexdigest()
DP_ID = "TOY.2024-03-10T01:02:03.004"
TAKEN = datetime(2024, 3, 10, 12, 0, 0, 123456)
HELD = HeldFile(
    DP_ID, f"{DP_ID}.fits", SHA256, len(BYTES), "application/fits", datetime(2024, 3, 11), TAKEN, ("local",)
)


class BufferedClient(FlaskClient):
    """Client that reads an answer to its end and closes it, as servers do."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        return super().open(*args, **options | {"buffered": True})


class Held(Replicas):
    """Replicas that know their files without a database."""

    def find(self, dp_id: str) -> HeldFile | None:
        files = {
            HELD.dp_id: HELD,
            "gone": replace(HELD, dp_id="gone", sha256="0" * 64),
            "secret": replace(HELD, dp_id="secret", release_date=datetime(2030, 1, 2, 3, 4, 5)),
            "undecided": replace(HELD, dp_id="undecided", release_date=None),
            "a//b": replace(HELD, dp_id="a//b"),
        }
        return files.get(dp_id) or files.get(dp_id.removesuffix(".fits"))


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    store = LocalStore(tmp_path)
    store.put(io.BytesIO(BYTES))
    app = flask.Flask(__name__)
    app.test_client_class = BufferedClient
    replicas = Held(None, {"local": store})  # type: ignore[arg-type]
    app.register_blueprint(blueprint(replicas, now=lambda: datetime(2025, 1, 1)), url_prefix="/files")
    return app.test_client()


@pytest.mark.parametrize("dp_id", [DP_ID, f"{DP_ID}.fits", DP_ID.replace(":", "%3A"), "a//b"])
def test_a_file_comes_back_byte_by_byte(client: FlaskClient, dp_id: str) -> None:
    answer = client.get(f"/files/{dp_id}")
    assert answer.status_code == 200
    assert answer.data == BYTES
    assert answer.headers["Content-Type"] == "application/fits"
    assert answer.headers["Content-Length"] == str(len(BYTES))
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{DP_ID}.fits"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"] == f'"{SHA256}"'
    assert parsedate_to_datetime(answer.headers["Last-Modified"]).replace(tzinfo=None) == TAKEN.replace(microsecond=0)
    assert "Content-Encoding" not in answer.headers


def test_head_says_the_same_and_sends_nothing(client: FlaskClient) -> None:
    get, head = client.get(f"/files/{DP_ID}"), client.head(f"/files/{DP_ID}")
    assert head.data == b""
    assert (head.status_code, {**head.headers}) == (get.status_code, {**get.headers})


@pytest.mark.parametrize(
    ("text", "first", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=10239-", 10239, 10240),
        ("bytes=5000-", 5000, 10240),
        ("bytes=-7", 10233, 10240),
        ("bytes=-99999", 0, 10240),
        ("bytes=10000-99999999999", 10000, 10240),
        ("BYTES = 1-2", 1, 3),
    ],
)
def test_a_part_is_given_as_asked(client: FlaskClient, text: str, first: int, stop: int) -> None:
    answer = client.get(f"/files/{DP_ID}", headers={"Range": text})
    assert answer.status_code == 206
    assert answer.data == BYTES[first:stop]
    assert answer.headers["Content-Range"] == f"bytes {first}-{stop - 1}/10240"
    assert answer.headers["Content-Length"] == str(stop - first)


@pytest.mark.parametrize("text", ["bytes=10240-", "bytes=10240-10250", "bytes=-0", "bytes=99999999999999999999-"])
def test_a_part_outside_of_the_file_is_refused(client: FlaskClient, text: str) -> None:
    answer = client.get(f"/files/{DP_ID}", headers={"Range": text})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == "bytes */10240"
    assert answer.mimetype == "text/plain"


@pytest.mark.parametrize("text", ["bytes=0-1,5-6", "lines=1-2", "bytes=x-y", "bytes=5-2", "bytes=-", "", "bytes"])
def test_several_parts_and_nonsense_give_the_whole_file(client: FlaskClient, text: str) -> None:
    answer = client.get(f"/files/{DP_ID}", headers={"Range": text})
    assert answer.status_code == 200
    assert answer.data == BYTES


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (f'"{SHA256}"', 206),
        (f'W/"{SHA256}"', 200),
        ('"other"', 200),
        ("Sun, 10 Mar 2024 12:00:00 GMT", 206),
        ("Sun, 10 Mar 2024 12:00:01 GMT", 200),
        ("nonsense", 200),
    ],
)
def test_if_range_protects_from_a_changed_file(client: FlaskClient, condition: str, status: int) -> None:
    answer = client.get(f"/files/{DP_ID}", headers={"Range": "bytes=0-9", "If-Range": condition})
    assert answer.status_code == status
    assert answer.data == (BYTES[:10] if status == 206 else BYTES)


def test_what_a_client_has_already_is_not_sent_again(client: FlaskClient) -> None:
    answer = client.get(f"/files/{DP_ID}", headers={"If-None-Match": f'"{SHA256}"'})
    assert (answer.status_code, answer.data) == (304, b"")


@pytest.mark.parametrize(
    ("dp_id", "status", "words"),
    [
        ("nowhere", 404, "nowhere"),
        ("../../etc/passwd", 404, "held here"),
        ("x%00y", 404, "held here"),
        ("secret", 403, "2030-01-02T03:04:05Z"),
        ("secret.fits", 403, "2030-01-02T03:04:05Z"),
        ("undecided", 403, "not set"),
        ("gone", 503, "gone"),
    ],
)
def test_what_is_not_given_is_explained_in_plain_text(client: FlaskClient, dp_id: str, status: int, words: str) -> None:
    answer = client.get(f"/files/{dp_id}")
    assert answer.status_code == status
    assert answer.mimetype == "text/plain"
    assert words in answer.text
    assert "Content-Disposition" not in answer.headers
    assert client.head(f"/files/{dp_id}").status_code == status


def test_a_condition_that_fails_is_said_in_plain_text(client: FlaskClient) -> None:
    answer = client.get(f"/files/{DP_ID}", headers={"If-Match": '"other"'})
    assert (answer.status_code, answer.mimetype) == (412, "text/plain")
    assert answer.headers["Content-Length"] == str(len(answer.data))
    assert client.get(f"/files/{DP_ID}", headers={"If-Match": f'"{SHA256}"'}).data == BYTES
