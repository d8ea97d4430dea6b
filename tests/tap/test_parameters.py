from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from tap.parameters import read_tap_query
from vo.dali.errors import UsageFault
from vo.dali.parameters import Parameters, RowLimits

ROWS = RowLimits(default=2000, hard=5000)
NAMES = ["QUERY", "LANG", "REQUEST", "MAXREC", "FORMAT", "RESPONSEFORMAT", "VERSION", "RUNID", "UPLOAD", "PHASE", "é"]
VALUES = ["", " ", "doQuery", "ADQL", "-1", "0", "5", "15000000", "votable", "csv", "first 3", "wrong", "1.1", "NaN"]


def test_a_query_is_read_once_at_the_door() -> None:
    query = read_tap_query(Parameters([("query", "SELECT 1"), ("maxrec", "7"), ("format", "csv")]), ROWS)
    assert (query.text, query.maxrec, query.output.aliases, query.run_id) == ("SELECT 1", 7, ("csv",), None)


def test_without_further_parameters_the_defaults_hold() -> None:
    query = read_tap_query(Parameters([("QUERY", " SELECT 1 ")]), ROWS)
    assert (query.text, query.maxrec, query.output.aliases[0]) == (" SELECT 1 ", 2000, "votable")


def test_what_astroquery_sends_is_accepted() -> None:
    sent = [("REQUEST", "doQuery"), ("LANG", "ADQL"), ("MAXREC", "15000000"), ("QUERY", "select 1")]
    assert read_tap_query(Parameters(sent), ROWS).maxrec == 5000


def test_the_first_mistake_is_told() -> None:
    with pytest.raises(UsageFault, match="REQUEST='dance'"):
        read_tap_query(Parameters([("REQUEST", "dance"), ("MAXREC", "-1")]), ROWS)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES) | st.text(max_size=12)), max_size=6))
def test_no_parameters_make_the_service_fail(client: FlaskClient, pairs: list[tuple[str, str]]) -> None:
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    response = client.post("/tap/sync", data=form)
    assert response.status_code in (200, 400)
    if response.status_code == 400:
        (info,) = etree.fromstring(response.data).iterfind(".//{*}INFO")
        assert info.get("value") == "ERROR"
        assert info.text
        assert "\n" not in info.text


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.binary(max_size=60), body=st.binary(max_size=60))
def test_no_bytes_make_the_service_fail(client: FlaskClient, query: bytes, body: bytes) -> None:
    response = client.open(
        "/tap/sync",
        method="POST",
        query_string=query.decode("latin-1"),
        data=body,
        content_type="application/x-www-form-urlencoded",
    )
    assert response.status_code in (200, 400)
