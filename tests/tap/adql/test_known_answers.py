"""Queries with known answers, computed with numpy and astropy and not by us."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import duckdb
import pytest

from schema.catalogue import Catalogue
from schema.engines.dialect import render
from tap.adql.compile import compile_query
from tap.adql.errors import AdqlError

# What this service says of the features it does not have yet.
NOT_YET = ("of a polygon and anything but a point is not supported by this service yet.",)

pytestmark = pytest.mark.testdata


def entries() -> list[Any]:
    path = Path(os.environ.get("QUIPU_TESTDATA", "")) / "conformance" / "adql_semantics.jsonl"
    if "QUIPU_TESTDATA" not in os.environ or not path.exists():
        return []
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [pytest.param(line, id=line["id"]) for line in lines]


def is_close(found: Any, wanted: Any, expect: dict[str, Any]) -> bool:
    if found is None or wanted is None:
        return found is wanted
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(is_close(a, b, expect) for a, b in zip(found, wanted, strict=True))
    if isinstance(wanted, str) or isinstance(found, str):
        return bool(found == wanted)
    return bool(abs(found - wanted) <= max(expect.get("atol", 0), expect.get("rtol", 0) * abs(wanted)))


def in_order(rows: list[list[Any]]) -> list[list[Any]]:
    return sorted(rows, key=lambda row: [(value is None, str(value)) for value in row])


@pytest.mark.usefixtures("testdata")
def test_there_are_queries_with_known_answers() -> None:
    assert len(entries()) > 100


@pytest.mark.parametrize("engine", ["duckdb", "postgresql"])
@pytest.mark.parametrize("entry", entries())
def test_the_answer_is_the_known_one(
    known_answers: tuple[Catalogue, duckdb.DuckDBPyConnection],
    entry: dict[str, Any],
    engine: str,
    request: pytest.FixtureRequest,
) -> None:
    catalogue, connection = known_answers
    adql = entry["adql"].replace("{S}", "TAP_UPLOAD.sem_src").replace("{G}", "TAP_UPLOAD.sem_grp")
    expect = entry["expect"]
    if expect.get("error"):
        with pytest.raises(AdqlError):
            compile_query(adql, catalogue)
        return
    try:
        query = compile_query(adql, catalogue)
    except AdqlError as error:
        if any(words in str(error) for words in NOT_YET):
            pytest.skip(str(error))
        raise
    if engine == "postgresql":
        with request.getfixturevalue("known_answers_in_postgresql").connect() as reader:
            rows = [list(row) for row in reader.execute(query.select)]
    else:
        sql, parameters = render(query.select)
        rows = [list(row) for row in connection.execute(sql, parameters).fetchall()]
    candidates = [expect["rows"], *expect.get("alternatives", [])]
    if not expect.get("ordered"):
        rows, candidates = in_order(rows), [in_order(each) for each in candidates]
    assert any(is_close(rows, wanted, expect) for wanted in candidates), rows
    if "column_names" in expect:
        assert [field.name for field in query.fields] == expect["column_names"]
