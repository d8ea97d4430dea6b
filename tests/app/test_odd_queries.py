"""Odd queries over a real socket: an answer or a refusal, nothing of the engine, and a server that goes on."""

from __future__ import annotations

import io
import itertools
import urllib.error
import urllib.parse
import urllib.request

import pytest
from astropy.io.votable import parse
from commands import Served
from mutations import Mutations, seed_queries

OWN = [
    "SELECT TOP 5 dp_id, s_ra + 1 AS r, t_min * 2 FROM ivoa.obscore WHERE s_dec BETWEEN -30 AND 30 ORDER BY 2 DESC",
    "SELECT instrument_name, COUNT(*), MAX(t_exptime) FROM ivoa.obscore GROUP BY instrument_name HAVING COUNT(*) > 1",
    "SELECT a.dp_id FROM dbo.raw AS a JOIN ivoa.obscore AS b ON a.dp_id = b.dp_id WHERE dp_cat LIKE 'SCI%' OR 1 = 2",
    "SELECT dp_id FROM obscore WHERE 1=INTERSECTS(s_region, CIRCLE('ICRS', 83.6, -5.4, 2)) AND instrument_name <> 'x'",
    "SELECT DISTANCE(POINT(s_ra, s_dec), POINT(10, 20)) AS d, POINT(s_ra, s_dec) FROM obscore WHERE s_region IS NULL",
    "SELECT table_name, size FROM tap_schema.columns AS c WHERE c.datatype = 'char' AND arraysize IN ('*', '10*')",
    "WITH w AS (SELECT dp_id, -s_dec AS m FROM obscore) SELECT * FROM w WHERE EXISTS (SELECT 1 FROM raw WHERE m > dec)",
    "SELECT ivo_healpix_index(4, ra, dec) AS h, ivo_string_agg(dp_id, ' ') FROM dbo.raw GROUP BY "
    "ivo_healpix_index(4, ra, dec)",
]
ENGINE_WORDS = ("duckdb", "binder", "catalog error", "psycopg", "sqlalchemy", "traceback", "replica.", "object at 0x")
SECONDS = 60
"""Longest silence of the server."""


def check(url: str, text: str) -> bool:
    """Whether a query was answered; fails where it was neither answered nor refused as it should be."""
    form = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": text, "MAXREC": "50"}).encode()
    try:
        with urllib.request.urlopen(f"{url}/tap/sync", form, timeout=SECONDS) as answer:
            document = answer.read()
            assert b'value="ERROR"' not in document
            return True
    except urllib.error.HTTPError as error:
        status, document = error.code, error.read()
    assert status == 400
    infos = [info for info in parse(io.BytesIO(document)).resources[0].infos if info.name == "QUERY_STATUS"]
    assert [info.value for info in infos] == ["ERROR"]
    sentence = infos[0].content or ""
    assert sentence.strip()
    assert not [word for word in ENGINE_WORDS if word in sentence.lower() and word not in text.lower()]
    return False


def run(served: Served, seed: int, count: int) -> None:
    answered = 0
    for text in itertools.islice(Mutations(seed_queries(OWN), seed), count):
        try:
            answered += check(served.url, text)
        except Exception as error:
            error.add_note(f"Query: {text!r}")
            raise
    assert answered > count // 20
    assert "Traceback" not in served.log


def test_odd_queries_are_answered_or_refused(served: Served) -> None:
    run(served, 1, 250)


@pytest.mark.soak
@pytest.mark.testdata
def test_5000_odd_queries_are_answered_or_refused(served: Served) -> None:
    run(served, 2, 5_000)
