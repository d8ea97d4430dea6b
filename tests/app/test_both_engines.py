"""The doors of the simple access protocols give the same rows from the replica and from the truth."""

from __future__ import annotations

import io
from urllib.parse import urlencode

import pytest
from astropy.io.votable import parse
from observed import Observed

REQUESTS: list[tuple[str, dict[str, str]]] = [
    ("/scs/ivoa.obscore", {"RA": "83.6", "DEC": "-5.4", "SR": "2", "VERB": "3"}),
    ("/scs/ivoa.obscore", {"RA": "180", "DEC": "90", "SR": "70"}),
    ("/sia2/query", {"POS": "CIRCLE 83.6 -5.4 1", "BAND": "-Inf 1e-5"}),
    ("/sia2/query", {"POS": "POLYGON 82 -7 85 -7 85 -4", "POL": "I"}),
    ("/sia2/query", {"ID": "IVO://archive.example/id?p.00001"}),
    ("/sia2/query", {"COLLECTION": "KUYCHI", "TIME": "-Inf +Inf", "CALIB": "2", "SPATRES": "0.1 2"}),
    ("/sia", {"POS": "83.6,-5.4", "SIZE": "2", "INTERSECT": "OVERLAPS"}),
    ("/sia", {"POS": "83.6,-5.4", "SIZE": "0.01", "INTERSECT": "COVERS", "VERB": "3"}),
    ("/sia", {"POS": "83.6,-5.4", "SIZE": "9", "INTERSECT": "ENCLOSED", "FORMAT": "image/fits"}),
    ("/ssap", {"REQUEST": "queryData", "POS": "83.6,-5.4", "SIZE": "6", "TOP": "20"}),
    ("/ssap", {"REQUEST": "queryData", "BAND": "1e-7/1e-6", "MTIME": "2020-03/", "COLLECTION": "uves"}),
    ("/ssap", {"REQUEST": "queryData", "FORMAT": "fits", "TIME": "2005/", "FLUXCALIB": "relative"}),
]


@pytest.mark.parametrize(("path", "given"), REQUESTS, ids=[f"{path}?{urlencode(given)}" for path, given in REQUESTS])
def test_both_engines_give_the_same_rows(observed: Observed, path: str, given: dict[str, str]) -> None:
    answers = [app.test_client().get(f"{path}?{urlencode(given)}") for app in (observed.app, observed.live)]
    assert [each.status_code for each in answers] == [200, 200], answers[1].data
    tables = [parse(io.BytesIO(each.data)).get_first_table().array for each in answers]
    names = tables[0].dtype.names
    assert names == tables[1].dtype.names
    # Engines round computed numbers in their own ways.
    compared = [name for name in names if tables[0].dtype[name].kind != "f"]
    first, second = (sorted(tuple(str(row[name]) for name in compared) for row in each) for each in tables)
    assert first == second
    assert first


def test_ranges_are_refused_where_the_database_itself_answers(observed: Observed) -> None:
    answer = observed.live.test_client().get(f"/sia2/query?{urlencode({'POS': 'RANGE 1 2 3 4'})}")
    assert answer.status_code == 500
    (info,) = parse(io.BytesIO(answer.data)).resources[0].infos
    assert info.content.startswith("FatalFault: This archive answers from its database itself")
