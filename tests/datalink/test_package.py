from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import flask
import pytest
from flask.testing import FlaskClient

from datalink.package.archive import BrokenMemberError, Member, tar_package, zip_package
from datalink.package.routes import blueprint
from storage.local import LocalStore
from storage.replicas import HeldFile, Replicas
from vo.dali.errors import DaliError

CONTENTS = {
    "empty": b"",
    "TOY.2024-03-10T01:02:03.004": bytes(range(256)) * 40,
    "exact": bytes(1024),
    "äö": b"x",
}


def member(dp_id: str, content: bytes, size: int | None = None) -> Member:
    sum_of = hashlib.sha256(content).hexdigest()
    announced = len(content) if size is None else size
    return Member(dp_id, f"{dp_id}.fits", announced, sum_of, "application/fits", 1.7e9, lambda: io.BytesIO(content))


MEMBERS = [member(dp_id, content) for dp_id, content in CONTENTS.items()]


def check_manifest(manifest: bytes, sums: bytes, members: Sequence[Member]) -> None:
    told = json.loads(manifest)
    assert [(file["dp_id"], file["size"], file["sha256"]) for file in told["files"]] == [
        (each.dp_id, each.size, each.sha256) for each in members
    ]
    assert told["size"] == sum(each.size for each in members)
    assert sums.decode().splitlines() == [f"{each.sha256}  {each.name}" for each in members]


def test_a_tar_has_the_size_announced_and_every_byte() -> None:
    package = tar_package(MEMBERS)
    data = b"".join(package.body)
    assert len(data) == package.size
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        found = {info.name: (tar.extractfile(info) or io.BytesIO()).read() for info in tar}
    check_manifest(found.pop("manifest.json"), found.pop("SHA256SUMS"), MEMBERS)
    assert found == {f"{dp_id}.fits": content for dp_id, content in CONTENTS.items()}


def test_the_checksums_of_an_unpacked_tar_are_checked_by_coreutils(tmp_path: Path) -> None:
    (tmp_path / "package.tar").write_bytes(b"".join(tar_package(MEMBERS).body))
    subprocess.run(["tar", "--extract", "--file", "package.tar"], cwd=tmp_path, check=True)
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, check=True, capture_output=True)


def test_a_zip_has_the_size_announced_and_every_byte() -> None:
    package = zip_package(MEMBERS)
    data = b"".join(package.body)
    assert len(data) == package.size
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    check_manifest(found.pop("manifest.json"), found.pop("SHA256SUMS"), MEMBERS)
    assert found == {f"{dp_id}.fits": content for dp_id, content in CONTENTS.items()}


@pytest.mark.parametrize("pack", [tar_package, zip_package])
@pytest.mark.parametrize("announced", [3, 5])
def test_a_file_that_is_not_as_announced_breaks_the_package(pack: object, announced: int) -> None:
    package = (tar_package if pack is tar_package else zip_package)([member("a", b"1234", size=announced)])
    with pytest.raises(BrokenMemberError, match="a has not the"):
        list(package.body)


@pytest.mark.parametrize("size", [2**33 + 5, 2**40])
def test_sizes_beyond_32_bits_are_announced(size: int) -> None:
    large = replace(member("large", b""), size=size)
    assert tar_package([large]).size > size
    assert zip_package([large]).size > size
    header = next(iter(tar_package([large, *MEMBERS]).body))
    assert tarfile.TarInfo.frombuf(header[:512], "utf-8", "strict").name == "manifest.json"


def held(dp_id: str, content: bytes, release: datetime | None = datetime(2024, 1, 1)) -> HeldFile:
    sum_of = hashlib.sha256(content).hexdigest()
    return HeldFile(
        dp_id, f"{dp_id}.fits", sum_of, len(content), "application/fits", release, datetime(2024, 3, 10), ("local",)
    )


def guard(routes: flask.Blueprint, refuse: Callable[[DaliError], flask.Response]) -> None:
    routes.register_error_handler(DaliError, refuse)


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    store = LocalStore(tmp_path)
    files = {dp_id: held(dp_id, content) for dp_id, content in CONTENTS.items()}
    for content in CONTENTS.values():
        store.put(io.BytesIO(content))
    files["secret"] = held("secret", b"x", release=datetime(2030, 1, 1))
    files["gone"] = held("gone", b"never stored")
    replicas = Replicas(None, {"local": store})  # type: ignore[arg-type]
    app = flask.Flask(__name__)
    app.register_blueprint(
        blueprint(
            replicas,
            lambda given: {each: [files[each]] if each in files else [] for each in given},
            now=lambda: datetime(2025, 1, 1),
            most=5,
            guard=guard,
        ),
        url_prefix="/package",
    )
    return app.test_client()


def test_each_file_is_packed_once_in_the_order_asked_for(client: FlaskClient) -> None:
    answer = client.post("/package?ID=exact", data={"ID": ["empty", "exact"], "responseformat": "ZIP"})
    assert answer.status_code == 200
    assert answer.content_length == len(answer.data)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="package.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.namelist() == ["manifest.json", "SHA256SUMS", "exact.fits", "empty.fits"]


def test_head_tells_the_size(client: FlaskClient) -> None:
    whole = client.get("/package?ID=exact")
    head = client.head("/package?ID=exact")
    assert (head.status_code, head.content_length, head.data) == (200, len(whole.data), b"")
    assert head.content_type == "application/x-tar"


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("", 400, "ID is missing: it names a file, and may be repeated."),
        ("ID=", 400, "ID is missing: it names a file, and may be repeated."),
        ("ID=a&ID=b&ID=c&ID=d&ID=e&ID=f", 400, "A package holds 5 files at most, asked for are 6: ask in parts."),
        ("ID=exact&ID=nowhere", 404, "Not held here: 'nowhere'."),
        ("ID=exact&ID=secret", 403, "Proprietary, and not for you or not yet public: secret."),
        ("ID=exact&ID=gone", 503, "No copy of gone can be read at the moment."),
    ],
)
def test_what_cannot_be_packed_is_told_before_the_first_byte(
    client: FlaskClient, query: str, status: int, sentence: str
) -> None:
    answer = client.get(f"/package?{query}")
    assert (answer.status_code, answer.text) == (status, f"{sentence}\n")
    assert answer.content_type == "text/plain;charset=utf-8"


def test_an_unknown_form_is_refused(client: FlaskClient) -> None:
    answer = client.get("/package?ID=exact&RESPONSEFORMAT=rar")
    assert answer.status_code == 400
    assert "rar" in answer.text
