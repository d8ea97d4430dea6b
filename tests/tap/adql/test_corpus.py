"""Every query of the public corpus, judged as the recommendation judges it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tap.adql.errors import AdqlError
from tap.adql.parse import parse_query
from tap.adql.write import write_adql

pytestmark = pytest.mark.testdata


@pytest.fixture(scope="module")
def entries(testdata: Path) -> list[dict[str, Any]]:
    lines = (testdata / "conformance" / "adql_corpus.jsonl").read_text().splitlines()
    firm = [entry for line in lines if (entry := json.loads(line))["status"] == "firm"]
    assert len(firm) > 700
    return firm


def test_valid_queries_are_read_and_written_without_loss(entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        if entry["valid"]:
            query = parse_query(entry["adql"])
            assert parse_query(write_adql(query)) == query


def test_invalid_queries_are_refused_with_a_place_and_a_sentence(entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        if not entry["valid"]:
            with pytest.raises(AdqlError, match=r"^Line \d+, column \d+: [^a-z].*\.$") as caught:
                parse_query(entry["adql"])
            lines = entry["adql"].replace("\r\n", "\n").split("\n")
            assert 1 <= caught.value.line <= len(lines)
            assert 1 <= caught.value.column <= len(lines[caught.value.line - 1]) + 1
