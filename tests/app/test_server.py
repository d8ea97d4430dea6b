"""The whole walk over a real socket: files in, ADQL out, the file back."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvo
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.io.votable import parse
from commands import Served, free_port, quipu
from lxml import etree

ORION = "1=CONTAINS(POINT('ICRS', s_ra, s_dec), CIRCLE('ICRS', 83.6, -5.4, 2))"
"""What the first example of the README asks for."""


def get(url: str, **parameters: str) -> tuple[int, dict[str, str], bytes]:
    """Answer to a POST of parameters, or a GET without any; statuses of errors included."""
    data = urllib.parse.urlencode(parameters).encode() if parameters else None
    try:
        with urllib.request.urlopen(url, data) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def refusal(status: int, body: bytes) -> tuple[int, str]:
    """Status and sentence of an error document."""
    infos = parse(io.BytesIO(body)).resources[0].infos
    (info,) = [info for info in infos if info.name == "QUERY_STATUS"]
    assert info.value == "ERROR"
    return status, info.content


def test_the_first_query_of_the_readme_finds_the_files_byte_for_byte(served: Served, night: Path) -> None:
    rows = pyvo.dal.TAPService(f"{served.url}/tap").search(
        "SELECT TOP 5 obs_publisher_did, s_ra, s_dec, instrument_name, access_url, access_format, dp_id, "
        f"access_estsize FROM ivoa.obscore WHERE {ORION}"
    )
    assert len(rows) == 5
    held = {hashlib.sha256(path.read_bytes()).hexdigest() for path in night.iterdir()}
    for row in rows:
        this = next(row.getdatalink().bysemantics("#this", include_narrower=False))
        _, headers, body = get(this.access_url)
        assert hashlib.sha256(body).hexdigest() in held
        assert int(headers["Content-Length"]) == len(body)
        assert abs(row["access_estsize"] * 1000 - len(body)) <= 1024
        separation = SkyCoord(row["s_ra"], row["s_dec"], unit="deg").separation(SkyCoord(83.6, -5.4, unit="deg"))
        assert separation.deg <= 2


def test_every_file_of_the_night_has_a_row_and_comes_back(served: Served, night: Path) -> None:
    rows = pyvo.dal.TAPService(f"{served.url}/tap").search(
        "SELECT access_url, access_format FROM ivoa.obscore", maxrec=100_000
    )
    links = [next(found.bysemantics("#this", include_narrower=False)) for found in rows.iter_datalinks()]
    back = {hashlib.sha256(get(link.access_url)[2]).hexdigest() for link in links}
    assert back >= {hashlib.sha256(path.read_bytes()).hexdigest() for path in night.iterdir()}


def test_positions_are_where_the_headers_say(served: Served, night: Path) -> None:
    rows = pyvo.dal.TAPService(f"{served.url}/tap").search(
        "SELECT dp_id, ra, dec, dp_cat FROM dbo.raw WHERE dp_cat = 'SCIENCE'", maxrec=1000
    )
    by_id = {row["dp_id"]: row for row in rows}
    seen = 0
    for path in night.iterdir():
        header = fits.getheader(path)
        if header.get("ESO DPR CATG") == "SCIENCE":
            row = by_id[header["ARCFILE"].removesuffix(".fits")]
            found = SkyCoord(row["ra"], row["dec"], unit="deg")
            assert found.separation(SkyCoord(header["RA"], header["DEC"], unit="deg")).arcsec < 0.5
            seen += 1
    assert seen > 3


def test_what_is_ingested_while_it_serves_is_seen_when_the_command_ends(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "LATE.fits"
    image = fits.PrimaryHDU(np.zeros((8, 8), np.int16))
    image.header.update({"OBJECT": "late comer", "RA": 10.0, "DEC": 20.0, "TELESCOP": "T1", "INSTRUME": "CAM"})
    image.writeto(path)
    quipu("--archive", served.directory, "ingest", path)
    rows = pyvo.dal.TAPService(f"{served.url}/tap").search(
        "SELECT access_url, access_format FROM ivoa.obscore WHERE dp_id = 'LATE'"
    )
    this = next(rows[0].getdatalink().bysemantics("#this", include_narrower=False))
    assert get(this.access_url)[2] == path.read_bytes()


def test_a_second_server_is_told_that_there_is_one(served: Served) -> None:
    done = quipu("--archive", served.directory, "serve", "--port", str(free_port()), check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"Error: The archive {served.directory} is being served by another process already."
    ]


def test_a_taken_port_is_named(served: Served, new_archive: Callable[[str], Served]) -> None:
    other = new_archive("other")
    done = quipu("--archive", other.directory, "serve", "--port", str(served.port), check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: 127.0.0.1:{served.port} cannot be listened on (Address already in use); "
        "choose another with --host or --port.\n"
    )


def test_refused_files_are_listed_with_their_reasons(new_archive: Callable[[str], Served], archives: Path) -> None:
    archive = new_archive("refusing")
    page = archives / "page.fits"
    page.write_text("<html><body>502 Proxy Error</body></html>")
    done = quipu("--archive", archive.directory, "ingest", page, check=False)
    assert done.returncode == 1
    listed = quipu("--archive", archive.directory, "status", "--quarantine").stdout.splitlines()
    assert "page.fits" in listed[-1]
    assert "HTML" in listed[-1]


def test_status_counts_what_is_held_and_finds_bytes_and_rows_in_agreement(served: Served, night: Path) -> None:
    status = json.loads(quipu("--archive", served.directory, "status", "--checksums", "--json").stdout)
    assert status["files"] >= len(list(night.iterdir()))
    assert status["files"] == status["products"]
    assert status["follows"] is True
    assert status["disagreement"] == {"missing": [], "altered": [], "unknown": []}


def test_the_page_shows_the_instruments(served: Served) -> None:
    status, headers, body = get(f"{served.url}/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert headers["Server"].startswith("Quipu/")
    assert b"HAWKI" in body
    assert b"<circle" in body


def test_every_example_of_the_service_runs_and_finds_something(served: Served) -> None:
    tap = pyvo.dal.TAPService(f"{served.url}/tap")
    examples = {example["QUERY"]: len(example.execute()) for example in tap.examples}
    assert len(examples) >= 6
    assert [query for query, rows in examples.items() if not rows] == []


@pytest.mark.testdata
@pytest.mark.parametrize(
    ("name", "standard"),
    [
        ("sia2", "ivo://ivoa.net/std/SIA#query-2.0"),
        ("ssap", "ivo://ivoa.net/std/SSA"),
        ("datalink", "ivo://ivoa.net/std/DataLink#links-1.1"),
        ("soda", "ivo://ivoa.net/std/SODA#sync-1.0"),
    ],
)
def test_services_without_tables_have_records_too(
    served: Served, check_xml: Callable[[bytes], None], name: str, standard: str
) -> None:
    body = get(f"{served.url}/registry/record/{name}")[2]
    check_xml(body)
    record = etree.fromstring(body)
    assert record.findtext("identifier") == f"ivo://quipu.example/{name}"
    assert standard in [capability.get("standardID") for capability in record.findall("capability")]


def test_the_record_of_tap_is_what_registries_read(served: Served, check_xml: Callable[[bytes], None]) -> None:
    status, headers, body = get(f"{served.url}/registry/record/tap")
    assert (status, headers["Content-Type"]) == (200, "text/xml;charset=utf-8")
    check_xml(body)
    record = etree.fromstring(body)
    assert record.findtext("identifier") == "ivo://quipu.example/tap"
    assert [
        url.text for url in record.findall("capability[@standardID='ivo://ivoa.net/std/TAP']/interface/accessURL")
    ] == [f"{served.url}/tap"]
    assert "ivoa.obscore" in [name.text for name in record.findall("tableset/schema/table/name")]
    assert get(f"{served.url}/registry/record/none")[0] == 404


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"QUERY": "SELECT s_raa FROM ivoa.obscore"}, ["s_raa", "s_ra", "Line 1, column 8"]),
        ({"QUERY": "SELECT a, FROM ivoa.obscore"}, ["Line 1, column 11", "FROM", "expected"]),
        ({"QUERY": "SELECT TOP 1 dp_id FROM ivoa.obscore", "MAXREC": "-1"}, ["MAXREC", "-1"]),
        ({"QUERY": "SELECT TOP 1 dp_id FROM ivoa.obscore", "FORMAT": "xyz"}, ["xyz"]),
        ({"QUERY": ""}, ["QUERY"]),
        ({"QUERY": "SELECT " + "(" * 10_000 + "1" + ")" * 10_000 + " AS x FROM ivoa.obscore"}, ["nest"]),
    ],
    ids=["unknown column", "syntax", "negative maxrec", "unknown format", "empty query", "nesting"],
)
def test_bad_input_gets_one_sentence_and_changes_nothing(
    served: Served, parameters: dict[str, str], words: list[str]
) -> None:
    status, _, body = get(f"{served.url}/tap/sync", LANG="ADQL", REQUEST="doQuery", **parameters)
    code, sentence = refusal(status, body)
    assert code == 400
    for word in words:
        assert word in sentence
    assert len(sentence) < 1000


def test_a_query_of_ten_megabytes_is_refused_and_the_server_stays_up(served: Served) -> None:
    query = "SELECT dp_id FROM ivoa.obscore WHERE dp_id IN ('" + "x" * 10_000_000 + "')"
    status, _, body = get(f"{served.url}/tap/sync", LANG="ADQL", REQUEST="doQuery", QUERY=query)
    assert refusal(status, body)[0] == 413
    assert get(f"{served.url}/tap/availability")[0] == 200


@pytest.mark.parametrize("path", ["/nowhere", "/files/none.such", "/tap/tables/no.such", "/files/..%2f..%2fquipu.toml"])
def test_what_does_not_exist_is_said_in_plain_text(served: Served, path: str) -> None:
    status, headers, body = get(f"{served.url}{path}")
    assert status == 404
    assert headers["Content-Type"].startswith("text/plain")
    assert len(body.splitlines()) == 1


def test_a_server_killed_at_once_comes_back_with_the_same_answers(
    night: Path, new_archive: Callable[[str], Served]
) -> None:
    archive = new_archive("killed")
    quipu("--archive", archive.directory, "ingest", night)
    archive.start()
    query = "SELECT dp_id, s_ra, access_url FROM ivoa.obscore ORDER BY dp_id"
    before = pyvo.dal.TAPService(f"{archive.url}/tap").search(query, maxrec=1000).to_table()
    archive.kill()
    archive.start()
    assert pyvo.dal.TAPService(f"{archive.url}/tap").search(query, maxrec=1000).to_table().values_equal(before)
    archive.stop()
    shutil.rmtree(archive.directory / "replica")
    archive.start()
    assert pyvo.dal.TAPService(f"{archive.url}/tap").search(query, maxrec=1000).to_table().values_equal(before)


def test_a_stopped_server_leaves_no_process_behind(new_archive: Callable[[str], Served]) -> None:
    archive = new_archive("stopped")
    archive.start()
    archive.stop()
    time.sleep(1)
    mine = [
        path.parent.name
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if str(archive.directory).encode() in path.read_bytes()
    ]
    assert mine == []
