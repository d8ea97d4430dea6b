from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from ingest.cli import ingest_command
from ingest.pipeline import Pipeline
from ingest.release import ReleaseRule
from storage.local import LocalStore

from .conftest import WriteFits


@pytest.fixture
def invoke(pipeline: Pipeline):  # type: ignore[no-untyped-def]
    dates: list[datetime.datetime | None] = []
    awaited: list[bool] = []

    @contextmanager
    def open_pipeline(context: click.Context, date: datetime.datetime | None) -> Iterator[Pipeline]:
        dates.append(date)
        yield replace(pipeline, rule=ReleaseRule(date))

    def await_replica(context: click.Context) -> str | None:
        awaited.append(True)
        return None

    def run(*arguments: object) -> Result:
        command = ingest_command(open_pipeline, await_replica)
        return CliRunner().invoke(command, [f"{argument}" for argument in arguments])

    run.dates, run.awaited = dates, awaited  # type: ignore[attr-defined]
    return run


def test_all_taken_is_success_with_a_summary(invoke, night: Path, write_fits: WriteFits) -> None:  # type: ignore[no-untyped-def]
    write_fits("a.fits")
    write_fits("b.fits", fill=1)
    result = invoke(night)
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == "2 taken, 0 already held, 0 refused."
    assert invoke.awaited == [True]
    again = invoke(night)
    assert again.exit_code == 0
    assert again.output.splitlines()[-1] == "0 taken, 2 already held, 0 refused."
    assert invoke.awaited == [True]


def test_a_refused_file_is_named_with_its_reason(invoke, night: Path, write_fits: WriteFits) -> None:  # type: ignore[no-untyped-def]
    write_fits("a.fits")
    (night / "bad.fits").write_bytes(b"<html>")
    result = invoke(night)
    assert result.exit_code == 1
    assert f"refused {night / 'bad.fits'}: This is an HTML page" in result.output
    assert result.output.splitlines()[-1] == "1 taken, 0 already held, 1 refused (see quipu status --quarantine)."


def test_json_has_one_object_for_each_file_and_one_at_the_end(invoke, night: Path, write_fits: WriteFits) -> None:  # type: ignore[no-untyped-def]
    write_fits("a.fits")
    (night / "bad.fits").write_bytes(b"<html>")
    result = invoke("--json", night)
    first, second, last = (json.loads(line) for line in result.output.splitlines())
    assert (first["state"], first["dp_id"], first["reason"]) == ("taken", "a", None)
    assert (second["state"], second["dp_id"]) == ("refused", None)
    assert last == {"taken": 1, "held": 0, "refused": 1}


def test_a_path_that_leads_nowhere_is_refused_not_a_traceback(invoke, night: Path) -> None:  # type: ignore[no-untyped-def]
    result = invoke(night / "nowhere")
    assert result.exit_code == 1
    assert "cannot be read: No such file or directory." in result.output


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2027-01-31", datetime.datetime(2027, 1, 31)),
        ("2027-01-31T12:00:00", datetime.datetime(2027, 1, 31, 12)),
        ("2027-01-31T12:00:00Z", datetime.datetime(2027, 1, 31, 12)),
    ],
)
def test_the_release_date_is_handed_on(invoke, night: Path, text: str, date: datetime.datetime) -> None:  # type: ignore[no-untyped-def]
    assert invoke("--release-date", text, night).exit_code == 0
    assert invoke.dates == [date]


@pytest.mark.parametrize("arguments", [(), ("--release-date", "tomorrow", "x"), ("--nonsense", "x")], ids=str)
def test_wrong_use_is_status_2(invoke, arguments: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.output


def test_an_archive_that_takes_no_more_is_one_sentence(pipeline: Pipeline, night: Path, write_fits: WriteFits) -> None:
    write_fits("a.fits")
    (night / "file").write_bytes(b"")

    @contextmanager
    def open_pipeline(context: click.Context, date: datetime.datetime | None) -> Iterator[Pipeline]:
        yield replace(pipeline, store=LocalStore(night / "file" / "store"))

    result = CliRunner().invoke(ingest_command(open_pipeline, lambda _: None), [f"{night / 'a.fits'}"])
    assert result.exit_code == 1
    assert "cannot be written" in result.output
    assert "Traceback" not in result.output
