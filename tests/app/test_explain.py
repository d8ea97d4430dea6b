"""Operators may see what a query becomes."""

from __future__ import annotations

import stat
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner
from commands import Served, quipu

from app.cli import main


def test_a_query_is_shown_as_sql_with_its_parameters(tmp_path: Path) -> None:
    shown = CliRunner().invoke(
        main, ["--archive", str(tmp_path), "explain", "SELECT TOP 2 dp_id FROM ivoa.obscore WHERE t_min > 50000.5"]
    )
    assert shown.exit_code == 0
    assert shown.output.startswith("SELECT")
    assert {"$1 = 50000.5", "$2 = 2"} <= set(shown.output.splitlines())
    assert "50000.5" not in shown.output.split("$1 =")[0]


def test_a_query_that_is_wrong_is_refused_with_its_sentence(tmp_path: Path) -> None:
    shown = CliRunner().invoke(main, ["--archive", str(tmp_path), "explain", "SELECT foo FROM ivoa.obscore"])
    assert shown.exit_code == 1
    assert "There is no column foo" in shown.output
    assert "Traceback" not in shown.output


def test_a_running_server_gives_its_plan_and_times(served: Served) -> None:
    query = "SELECT dp_id FROM ivoa.obscore WHERE s_dec < 12.25"
    shown = quipu("--archive", served.directory, "explain", query).stdout
    times, sql, *rest = shown.splitlines()
    assert [part.split()[0] for part in times.removeprefix("-- ").split(", ")] == ["parse", "compile", "plan"]
    assert sql.startswith("SELECT")
    assert "$1 = 12.25" in rest
    assert "obscore" in "".join(rest).split("$1 = 12.25")[1]
    run = quipu("--archive", served.directory, "explain", "--analyze", query).stdout
    assert "run in the engine" in run
    assert "Total Time" in run


def test_the_server_refuses_wrong_queries_of_operators_too(served: Served) -> None:
    shown = quipu("--archive", served.directory, "explain", "SELECT foo FROM ivoa.obscore", check=False)
    assert shown.returncode == 1
    assert "There is no column foo" in shown.stderr


def test_nobody_without_the_key_sees_sql(served: Served) -> None:
    key = served.directory / "operator.json"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer \xe9"}):
        asked = urllib.request.Request(f"{served.url}/operator/explain", b"QUERY=SELECT+1", headers)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked)
        assert refused.value.code == 404
        assert refused.value.read() == b"There is nothing here.\n"


def test_an_answer_says_what_its_stages_took(served: Served) -> None:
    with urllib.request.urlopen(f"{served.url}/tap/sync?LANG=ADQL&QUERY=SELECT+TOP+1+dp_id+FROM+obscore") as answer:
        stages = [part.split(";dur=") for part in answer.headers["Server-Timing"].split(", ")]
    assert [name for name, _ in stages] == ["compile", "engine"]
    assert all(float(duration) >= 0 for _, duration in stages)


def test_what_needs_a_server_says_so(tmp_path: Path) -> None:
    shown = CliRunner().invoke(main, ["--archive", str(tmp_path), "explain", "--analyze", "SELECT 1 FROM obscore"])
    assert shown.exit_code == 1
    assert "needs a running one" in shown.output
