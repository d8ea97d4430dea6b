"""Operators may see what a query becomes."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

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
