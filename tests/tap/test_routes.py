from __future__ import annotations

import csv
import http.client
import io
import itertools
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import pyvo
import requests
from astropy.io.votable import parse
from astropy.table import Table
from flask.testing import FlaskClient
from lxml import etree
from pyvo.dal import DALOverflowWarning, DALQueryError
from pyvo.utils.http import create_session

from tap.adql.functions import LANGUAGE_FEATURES
from tap.service import TapService
from vo.vosi.availability import Availability

BINARY2 = "application/x-votable+xml;serialization=BINARY2"
TABLEDATA = "application/x-votable+xml;serialization=TABLEDATA"

CheckXml = Callable[[bytes], None]


def ask(client: FlaskClient, **parameters: Any) -> Any:
    return client.post("/tap/sync", data={"LANG": "ADQL", "REQUEST": "doQuery", **parameters})


def status_of(document: bytes) -> list[tuple[str, str]]:
    infos = etree.fromstring(document).iterfind(".//{*}INFO[@name='QUERY_STATUS']")
    return [(info.get("value"), info.text or "") for info in infos]


def table_of(document: bytes) -> Table:
    return parse(io.BytesIO(document), verify="exception").get_first_table().to_table()


def error_of(response: Any, status: int) -> str:
    assert response.status_code == status
    assert response.content_type == "application/x-votable+xml"
    [(value, text)] = status_of(response.data)
    assert value == "ERROR"
    return text


@pytest.mark.testdata
@pytest.mark.parametrize("query", ["first 3", "first 0", "wrong table", "late", "all"])
@pytest.mark.parametrize("form", ["votable", "votable/td"])
def test_every_answer_is_a_valid_votable(client: FlaskClient, check_xml: CheckXml, query: str, form: str) -> None:
    check_xml(ask(client, QUERY=query, RESPONSEFORMAT=form).data)


@pytest.mark.testdata
@pytest.mark.parametrize("path", ["tables", "tables?detail=min", "tables/sky.stars", "capabilities", "availability"])
def test_every_description_of_the_service_is_valid(client: FlaskClient, check_xml: CheckXml, path: str) -> None:
    response = client.get(f"/tap/{path}")
    assert response.status_code == 200
    assert response.content_type == "text/xml;charset=utf-8"
    check_xml(response.data)


@pytest.fixture
def tap(server: str) -> Iterator[pyvo.dal.TAPService]:
    with create_session() as session:
        yield pyvo.dal.TAPService(server, session=session)


def test_pyvo_reads_the_rows_over_a_real_socket(tap: pyvo.dal.TAPService) -> None:
    result = tap.search("first 20", maxrec=100)
    assert len(result) == 20
    assert result["name"][1] == "Étoile 1"
    assert result["ra"][17] == 1.0
    assert result["seen"][5] == "2024-01-01T00:05:00.000"
    assert result.fieldnames == ("n", "name", "ra", "seen")


def test_pyvo_is_warned_when_the_service_gives_fewer_rows_than_asked(tap: pyvo.dal.TAPService) -> None:
    with pytest.warns(DALOverflowWarning):
        assert len(tap.search("all", maxrec=5500)) == 5000


def test_pyvo_raises_the_sentence_about_a_wrong_query(tap: pyvo.dal.TAPService) -> None:
    with pytest.raises(DALQueryError, match="Line 1, column 7: There is no table here of this name"):
        tap.search("wrong table")


def test_pyvo_learns_what_the_service_is(tap: pyvo.dal.TAPService) -> None:
    assert [table.name for table in tap.tables] == ["sky.stars"]
    assert [column.name for column in tap.tables["sky.stars"].columns] == ["n", "name", "ra", "seen"]
    access = next(item for item in tap.capabilities if item.standardid == "ivo://ivoa.net/std/TAP")
    assert [str(version.content) for version in access.languages[0].versions] == ["2.0", "2.1"]
    assert tap.maxrec == 2000
    assert tap.hardlimit == 5000


def test_get_and_post_answer_alike(client: FlaskClient) -> None:
    parameters = {"QUERY": "first 3", "LANG": "ADQL", "REQUEST": "doQuery"}
    assert client.get(f"/tap/sync?{urlencode(parameters)}").data == client.post("/tap/sync", data=parameters).data


@pytest.mark.parametrize(("maxrec", "rows", "overflow"), [(9, 9, True), (10, 10, False), (11, 10, False), (0, 0, True)])
@pytest.mark.parametrize("form", ["votable", "votable/td"])
def test_overflow_is_told_only_when_rows_were_cut_off(
    client: FlaskClient, maxrec: int, rows: int, overflow: bool, form: str
) -> None:
    document = ask(client, QUERY="first 10", MAXREC=maxrec, RESPONSEFORMAT=form).data
    table = table_of(document)
    assert len(table) == rows
    assert table.colnames == ["n", "name", "ra", "seen"]
    assert [value for value, _ in status_of(document)] == ["OK", "OVERFLOW"] if overflow else ["OK"]


def test_without_maxrec_the_default_of_the_service_holds(client: FlaskClient) -> None:
    document = ask(client, QUERY="all").data
    assert len(table_of(document)) == 2000
    assert [value for value, _ in status_of(document)] == ["OK", "OVERFLOW"]


@pytest.mark.parametrize("maxrec", ["15000000", "+5000", "9" * 5000])
def test_maxrec_is_cut_silently_to_the_hard_limit(client: FlaskClient, maxrec: str) -> None:
    assert len(table_of(ask(client, QUERY="all", MAXREC=maxrec).data)) == 5000


@pytest.mark.parametrize(
    ("parameters", "media_type"),
    [
        ({}, BINARY2),
        ({"RESPONSEFORMAT": "votable"}, BINARY2),
        ({"FORMAT": "VOTable/TD"}, TABLEDATA),
        ({"RESPONSEFORMAT": "application/x-votable+xml; serialization=tabledata"}, TABLEDATA),
        ({"RESPONSEFORMAT": "application/x-votable xml"}, BINARY2),
        ({"RESPONSEFORMAT": "text/xml"}, "text/xml;charset=utf-8"),
        ({"RESPONSEFORMAT": "csv", "FORMAT": "votable"}, "text/csv;header=present;charset=utf-8"),
        ({"RESPONSEFORMAT": "text/csv"}, "text/csv;header=present;charset=utf-8"),
        ({"RESPONSEFORMAT": "text/csv;header=absent"}, "text/csv;header=absent;charset=utf-8"),
        ({"RESPONSEFORMAT": "tsv"}, "text/tab-separated-values;charset=utf-8"),
        ({"RESPONSEFORMAT": "fits"}, "application/fits"),
        ({"RESPONSEFORMAT": "text/html"}, "text/html;charset=utf-8"),
        ({"RESPONSEFORMAT": ""}, BINARY2),
    ],
    ids=str,
)
def test_the_format_asked_for_is_the_format_sent(
    client: FlaskClient, parameters: dict[str, str], media_type: str
) -> None:
    response = ask(client, QUERY="first 1", **parameters)
    assert response.status_code == 200
    assert response.content_type == media_type


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", BINARY2),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html;charset=utf-8"),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", BINARY2),
        ("application/json, text/plain, */*", "application/json"),
        ("text/csv", "text/csv;header=present;charset=utf-8"),
        ("text/csv;q=0.1, application/x-votable+xml;serialization=TABLEDATA", TABLEDATA),
        ("text/csv;q=0", BINARY2),
        ("nonsense;;q=x", BINARY2),
    ],
)
def test_without_a_format_the_accept_header_is_heard(client: FlaskClient, accept: str, media_type: str) -> None:
    response = client.get("/tap/sync?QUERY=first+1", headers={"Accept": accept})
    assert response.content_type == media_type


@pytest.mark.parametrize(("form", "name"), [("votable", "result.vot"), ("csv", "result.csv"), ("fits", "result.fits")])
def test_an_answer_has_the_name_under_which_a_browser_saves_it(client: FlaskClient, form: str, name: str) -> None:
    response = ask(client, QUERY="first 1", RESPONSEFORMAT=form)
    assert response.headers["Content-Disposition"] == f'inline; filename="{name}"'


@pytest.mark.parametrize("form", ["fits", "text"])
def test_forms_that_need_all_rows_tell_a_late_failure_with_the_status(client: FlaskClient, form: str) -> None:
    assert "longer than 60 s" in error_of(ask(client, QUERY="late", RESPONSEFORMAT=form), 408)


def test_a_table_too_large_for_its_form_is_refused(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vo.tables.spool.SPOOL_BYTES", 1000)
    sentence = error_of(ask(client, QUERY="all", RESPONSEFORMAT="fits"), 400)
    assert "too large for this format" in sentence
    assert "VOTable, CSV or Parquet" in sentence


def test_csv_holds_the_rows_under_their_names(client: FlaskClient) -> None:
    rows = list(csv.reader(io.StringIO(ask(client, QUERY="first 3", RESPONSEFORMAT="csv").text, newline="")))
    assert rows[0] == ["n", "name", "ra", "seen"]
    assert rows[1] == ["0", "", "0", "2024-01-01T00:00:00.000"]
    assert rows[2][:2] == ["1", "Étoile 1"]
    assert len(rows) == 4


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"QUERY": ""}, "QUERY is missing or empty"),
        ({"QUERY": " \n"}, "QUERY is missing or empty"),
        ({}, "QUERY is missing or empty"),
        ({"QUERY": ["first 1", "first 2"]}, "QUERY is given 2 times"),
        ({"QUERY": "first 1", "query": "first 2"}, "QUERY is given 2 times"),
        ({"QUERY": "first 1", "MAXREC": "-1"}, "MAXREC must be a whole number of zero or more, not '-1'"),
        ({"QUERY": "first 1", "MAXREC": "1e3"}, "MAXREC must be a whole number"),
        ({"QUERY": "first 1", "MAXREC": "٣"}, "MAXREC must be a whole number"),
        ({"QUERY": "first 1", "MAXREC": "NaN"}, "MAXREC must be a whole number"),
        ({"QUERY": "first 1", "FORMAT": "xyz"}, "known: votable, votable/b2, votable/td, votable/b, csv, tsv, json"),
        ({"QUERY": "first 1", "LANG": "PQL"}, "LANG='PQL' is not known here; known: ADQL, ADQL-2.1, ADQL-2.0"),
        ({"QUERY": "first 1", "REQUEST": "dance"}, "known: doQuery"),
        ({"QUERY": "first 1", "REQUEST": "getCapabilities"}, "/capabilities"),
        ({"QUERY": "first 1", "VERSION": "7"}, "VERSION='7' is not known here"),
        ({"QUERY": "first 1", "UPLOAD": "t,http://somewhere.example"}, "UPLOAD is not supported"),
        ({"QUERY": "wrong table"}, "Line 1, column 7: There is no table here"),
        ({"QUERY": "deep"}, "nested too deeply"),
    ],
    ids=str,
)
def test_bad_input_gets_one_sentence_and_400(client: FlaskClient, parameters: dict[str, Any], words: str) -> None:
    assert words in error_of(ask(client, **parameters), 400)


def test_repeated_names_and_values_of_parameters_are_read_without_regard_to_case(client: FlaskClient) -> None:
    response = client.get("/tap/sync?request=DOQUERY&lang=adql-2.1&query=first+3&MaxRec=2&nonsense=1&nonsense=2")
    assert len(table_of(response.data)) == 2


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("slow", 408, "ran longer than 60 s"),
        ("unavailable", 503, "being rebuilt"),
        ("broken", 500, "its log says why"),
    ],
)
def test_a_failure_of_the_service_tells_a_sentence_and_no_secret(
    client: FlaskClient, query: str, status: int, words: str
) -> None:
    response = ask(client, QUERY=query)
    text = error_of(response, status)
    assert words in text
    assert "secret" not in response.text
    assert ("Retry-After" in response.headers) == (status == 503)


@pytest.mark.parametrize("form", ["votable", "votable/td"])
def test_a_late_failure_ends_the_table_and_is_told_after_it(client: FlaskClient, form: str) -> None:
    response = ask(client, QUERY="late", RESPONSEFORMAT=form)
    assert response.status_code == 200
    assert status_of(response.data) == [("OK", ""), ("ERROR", "The query ran longer than 60 s.")]
    assert len(table_of(response.data)) == 1000


def test_a_late_failure_in_csv_breaks_the_connection(server: str) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.post(f"{server}/sync", data={"QUERY": "late", "FORMAT": "csv"}, timeout=20)


def test_the_answer_carries_the_query_and_the_name_of_the_run(client: FlaskClient) -> None:
    query = 'first 1 -- "quoted" <tag> & Étoile \x01\nsecond line'
    document = ask(client, QUERY=query, RUNID="night 7").data
    infos = {info.get("name"): info.get("value") for info in etree.fromstring(document).iterfind(".//{*}INFO")}
    assert infos["QUERY"] == query.replace("\x01", "\ufffd")
    assert infos["RUNID"] == "night 7"


def test_what_the_compiler_warns_of_goes_with_the_answer(client: FlaskClient) -> None:
    for query, expected in (("first 1 -- odd frame", ["This frame is odd."]), ("first 1", [])):
        document = ask(client, QUERY=query).data
        assert [each.text for each in etree.fromstring(document).iterfind(".//{*}INFO[@name='WARNING']")] == expected
        assert len(table_of(document)) == 1


@pytest.mark.parametrize("query", ["first 3", "all", "late", "slow", "first 0"])
def test_every_stream_is_released_once(client: FlaskClient, engine: Any, query: str) -> None:
    ask(client, QUERY=query)
    assert engine.opened == engine.released == 1


def test_a_client_that_asks_for_the_head_alone_leaves_no_stream_open(client: FlaskClient, engine: Any) -> None:
    assert client.head("/tap/sync?QUERY=all", buffered=True).status_code == 200
    assert engine.opened == engine.released == 1


def test_a_client_that_goes_away_closes_the_stream(client: FlaskClient, engine: Any) -> None:
    response = client.get("/tap/sync?QUERY=all&MAXREC=5000&FORMAT=csv", buffered=False)
    pieces = response.iter_encoded()
    next(pieces)
    next(pieces)
    assert engine.released == 0
    response.close()
    assert engine.released == 1


def test_the_engine_is_told_the_limits(client: FlaskClient, engine: Any) -> None:
    ask(client, QUERY="first 1", MAXREC="7")
    assert (engine.limits[-1].maxrec, engine.limits[-1].seconds) == (7, 60)


@pytest.mark.parametrize("multipart", [False, True])
def test_a_huge_query_is_refused_with_413_after_it_was_taken(server: str, multipart: bool) -> None:
    query = "SELECT " + "(" * 10_000_000
    body: dict[str, Any] = {"files": {"QUERY": (None, query)}} if multipart else {"data": {"QUERY": query}}
    response = requests.post(f"{server}/sync", **body, timeout=20)
    assert response.status_code == 413
    assert status_of(response.content) == [
        ("ERROR", "The request has more than the 1048576 bytes that this service reads.")
    ]


def test_a_huge_query_of_unknown_length_is_not_cut_but_refused(server: str) -> None:
    body = itertools.chain([b"QUERY=first+1"], itertools.repeat(b"+" * 2**16, 100))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert requests.post(f"{server}/sync", data=body, headers=headers, timeout=20).status_code == 413


def test_a_query_of_unknown_length_is_read(server: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = requests.post(f"{server}/sync", data=iter([b"QUERY=fir", b"st+1"]), headers=headers, timeout=20)
    assert len(table_of(response.content)) == 1


def test_a_body_that_is_no_form_gives_no_query(client: FlaskClient) -> None:
    response = client.post("/tap/sync", data=b"QUERY=first+1", content_type="text/plain")
    assert "QUERY is missing" in error_of(response, 400)


def test_a_form_that_cannot_be_read_is_refused(client: FlaskClient) -> None:
    response = client.post("/tap/sync", data=b"nothing", content_type="multipart/form-data")
    assert response.status_code == 400


def test_a_half_written_request_leaves_the_service_alive(server: str) -> None:
    address = urlsplit(server)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
    connection.putrequest("POST", "/tap/sync")
    connection.putheader("Content-Type", "application/x-www-form-urlencoded")
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"QUERY=first")
    connection.close()
    assert requests.get(f"{server}/availability", timeout=20).status_code == 200


def test_tables_tell_columns_unless_they_are_not_wanted(client: FlaskClient) -> None:
    columns = "{*}schema/{*}table/{*}column".replace("{*}", "")
    assert len(etree.fromstring(client.get("/tap/tables").data).findall(columns)) == 4
    assert len(etree.fromstring(client.get("/tap/tables?DETAIL=MAX").data).findall(columns)) == 4
    assert not etree.fromstring(client.get("/tap/tables?detail=min").data).findall(columns)


def test_hidden_columns_stay_hidden(client: FlaskClient) -> None:
    assert "hpx" not in client.get("/tap/tables").text


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("tables/sky.nothing", 404, "There is no table sky.nothing here"),
        ("tables/stars", 404, "There is no table stars here"),
        ("tables?detail=most", 400, "known: min, max"),
        ("tables?detail=min&detail=max", 400, "DETAIL is given 2 times"),
    ],
)
def test_wrong_questions_about_tables_are_answered_in_text(
    client: FlaskClient, path: str, status: int, words: str
) -> None:
    response = client.get(f"/tap/{path}")
    assert response.status_code == status
    assert response.content_type == "text/plain;charset=utf-8"
    assert words in response.text


def test_a_single_table_is_found_without_regard_to_case(client: FlaskClient) -> None:
    root = etree.fromstring(client.get("/tap/tables/Sky.STARS").data)
    assert root.findtext("name") == "sky.stars"
    assert root.findtext("description") == "Stars & such."
    assert [column.findtext("name") for column in root.findall("column")] == ["n", "name", "ra", "seen"]
    assert root.find("column").get("std") == "true"
    assert {flag.text for flag in root.find("column").findall("flag")} == {"principal", "indexed", "std"}


def test_availability_tells_the_state_of_the_moment(client: FlaskClient, state: list[Availability]) -> None:
    assert "true" in client.get("/tap/availability").text
    state.append(Availability(False, ("The replica is being rebuilt.",)))
    root = etree.fromstring(client.get("/tap/availability").data)
    assert root.findtext("{*}available") == "false"
    assert root.findtext("{*}note") == "The replica is being rebuilt."


def test_capabilities_tell_limits_formats_and_features(client: FlaskClient, service: TapService) -> None:
    root = etree.fromstring(client.get("/tap/capabilities").data)
    assert [item.get("standardID") for item in root.findall("capability")] == [
        "ivo://ivoa.net/std/TAP",
        "ivo://ivoa.net/std/VOSI#capabilities",
        "ivo://ivoa.net/std/VOSI#availability",
        "ivo://ivoa.net/std/VOSI#tables-1.1",
        "ivo://ivoa.net/std/DALI#examples",
    ]
    access = root.find("capability")
    assert access.findtext("interface/accessURL") == "http://archive.example/tap"
    declared = {
        (features.get("type"), form.text)
        for features in access.findall("language/languageFeatures")
        for form in features.findall("feature/form")
    }
    assert declared == {(feature.feature_type, feature.form) for feature in LANGUAGE_FEATURES}
    assert ("ivo://ivoa.net/std/TAPRegExt#features-adqlgeo", "CONTAINS") in declared
    assert access.findtext("outputLimit/hard") == str(service.rows.hard)
    assert access.findtext("executionDuration/hard") == "60"
    assert [item.get("ivo-id") for item in access.findall("outputFormat")][:2] == [
        "ivo://ivoa.net/std/TAPRegExt#output-votable-binary2",
        "ivo://ivoa.net/std/TAPRegExt#output-votable-td",
    ]
