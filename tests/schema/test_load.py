from __future__ import annotations

import contextlib
import datetime
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from schema.load import LoadReport, load_parquet
from schema.load_cli import load_command
from schema.load_columns import LoadError
from schema.obscore import obscore
from schema.observations import raw
from schema.truth import Truth

ROOT = Path(__file__).parents[2]


def products(rows: int, **columns: Any) -> pa.Table:
    """A table of products with what every row must have; a column that is given replaces the one made here."""
    made: dict[str, Any] = {
        "obs_id": [f"night.{row}" for row in range(rows)],
        "obs_collection": ["TOY"] * rows,
        "obs_publisher_did": [f"ivo://archive.example/ID?TOY.{row}" for row in range(rows)],
        "calib_level": [2] * rows,
        **columns,
    }
    return pa.table({name: values for name, values in made.items() if values is not None})


def load(truth: Truth, folder: Path, table: pa.Table, **options: Any) -> LoadReport:
    path = folder / "rows.parquet"
    pq.write_table(table, path)
    return load_parquet(truth.url, obscore, path, **options)


def held(truth: Truth, *names: str) -> list[tuple[Any, ...]]:
    with truth.engine.connect() as connection:
        columns = [obscore.c[name] for name in names]
        return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(obscore.c.row_id))]


def test_rows_arrive_with_their_values(truth: Truth, tmp_path: Path) -> None:
    instant = datetime.datetime(2020, 1, 2, 3, 4, 5, 678901)
    report = load(
        truth,
        tmp_path,
        products(
            2,
            S_RA=[10.5, None],
            s_dec=[-90.0, None],
            target_name=["σ Ori", None],
            t_exptime=pa.array([1.5, 2.5], pa.float32()),
            s_xel1=pa.array([4096, 1], pa.int16()),
            facility_name=pa.array(["VLT", "VLT"]).dictionary_encode(),
            obs_release_date=pa.array([instant, instant], pa.timestamp("ns", "UTC")),
        ),
    )
    assert report == LoadReport(2, 0, (), {})
    assert held(truth, "s_ra", "s_dec", "target_name", "t_exptime", "s_xel1", "facility_name", "obs_release_date") == [
        (10.5, -90.0, "σ Ori", 1.5, 4096, "VLT", instant),
        (None, None, None, 2.5, 1, "VLT", instant),
    ]


def test_the_identifier_of_the_file_follows_from_that_of_the_publisher(truth: Truth, tmp_path: Path) -> None:
    dids = ["ivo://a/ID?X.1", "ivo://a/ID?X.2?y", "X.3"]
    load(truth, tmp_path, products(3, obs_publisher_did=dids))
    assert held(truth, "dp_id") == [("X.1",), ("X.2?y",), ("X.3",)]


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        pytest.param([10.0, -20.5], "POSITION ICRS 10 -20.5", id="position"),
        pytest.param([10.0, -20.5, 0.25], "CIRCLE ICRS 10 -20.5 0.25", id="circle"),
        pytest.param([1.0, 2.0, 3.0, 2.0, 2.0, 3.5], "POLYGON ICRS 1 2 3 2 2 3.5", id="polygon"),
        pytest.param([], None, id="empty"),
        pytest.param(None, None, id="none"),
        pytest.param([1.0, math.nan], None, id="not a number"),
    ],
)
@pytest.mark.parametrize("kind", [pa.list_(pa.float64()), pa.large_list(pa.float32())], ids=str)
def test_regions_as_numbers_become_text(
    numbers: list[float] | None, text: str | None, kind: pa.DataType, truth: Truth, tmp_path: Path
) -> None:
    regions = pa.array([[5.0, 5.0], numbers, None, [6.0, 6.0]], kind)
    load(truth, tmp_path, products(4, s_ra=[1.0] * 4, s_dec=[2.0] * 4, s_region=regions))
    first, found, none, last = (region for (region,) in held(truth, "s_region"))
    assert (numbers_of(first), none, numbers_of(last)) == (("POSITION", 5.0, 5.0), None, ("POSITION", 6.0, 6.0))
    assert numbers_of(found) == numbers_of(text)


def numbers_of(text: str | None) -> tuple[str | float, ...] | None:
    if text is None:
        return None
    shape, frame, *numbers = text.split()
    assert frame == "ICRS"
    return (shape, *map(float, numbers))


def test_regions_as_text_stay_what_they_are(truth: Truth, tmp_path: Path) -> None:
    load(truth, tmp_path, products(1, s_ra=[1.0], s_dec=[1.0], s_region=["CIRCLE ICRS 1 1 0.5"]))
    assert held(truth, "s_region") == [("CIRCLE ICRS 1 1 0.5",)]


def test_values_that_cannot_be_meant_become_null(truth: Truth, tmp_path: Path) -> None:
    report = load(
        truth,
        tmp_path,
        products(
            4,
            s_ra=[-596.52, 10.0, 10.0, math.nan],
            s_dec=[0.0, 90.0001, 5.0, 5.0],
            s_region=["CIRCLE ICRS 1 1 1"] * 4,
            em_min=[math.nan, 1e-6, None, 1e-6],
            em_max=[2e-6] * 4,
        ),
    )
    assert held(truth, "s_ra", "s_dec", "s_region") == [
        (None, None, None),
        (None, None, None),
        (10.0, 5.0, "CIRCLE ICRS 1 1 1"),
        (None, None, None),
    ]
    assert report.cleared == {"em_min": 1, "s_ra": 3, "s_dec": 3, "s_region": 3}


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        pytest.param({"obs_id": None}, "lacks obs_id", id="missing column"),
        pytest.param({"obs_id": ["a", None, "c"]}, "Row 2 has no obs_id", id="missing value"),
        pytest.param({"OBS_ID": ["a"] * 3}, "column OBS_ID twice", id="column twice"),
        pytest.param(
            {"calib_level": [1, 2, 7]}, "Row 3 breaks a rule of ivoa.obscore: calib level is 0 to 4", id="rule"
        ),
        pytest.param({"t_min": [1.0, 9.0, 1.0], "t_max": [2.0] * 3}, "Row 2 breaks a rule", id="reversed times"),
        pytest.param(
            {"obs_publisher_did": ["a", "b", "a"]}, "Row 3 has the obs_publisher_did a", id="identifier twice"
        ),
        pytest.param({"s_ra": ["x", "1", "2"]}, "Column s_ra is of type string", id="text for numbers"),
        pytest.param({"s_xel1": [1.5, 1.0, 2.0]}, "Column s_xel1 is of type double", id="fraction for integers"),
        pytest.param({"t_xel": pa.array([2**63] * 3, pa.uint64())}, "Column t_xel", id="overflow"),
        pytest.param({"s_region": [[1.0, 2.0, 3.0, 4.0]] * 3}, "Row 1 has 4 numbers in s_region", id="half a region"),
        pytest.param({"target_name": ["a\0b"] * 3}, "NUL", id="NUL"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_a_sentence_and_changes_nothing(
    columns: dict[str, Any], sentence: str, truth: Truth, tmp_path: Path
) -> None:
    with pytest.raises(LoadError) as refusal:
        load(truth, tmp_path, products(3, **columns))
    assert sentence in str(refusal.value)
    assert held(truth, "dp_id") == []


def test_a_row_number_counts_from_the_start_of_the_file(
    truth: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schema.load._CHUNK_ROWS", 10)
    levels = [1] * 50
    levels[37] = 9
    with pytest.raises(LoadError, match="Row 38 breaks"):
        load(truth, tmp_path, products(50, calib_level=levels))
    assert held(truth, "dp_id") == []


def test_unknown_columns_are_skipped_and_named_or_refused(truth: Truth, tmp_path: Path) -> None:
    table = products(1, colour=["red"], shape=["round"])
    with pytest.raises(LoadError, match="has no column colour, shape"):
        load(truth, tmp_path, table, strict=True)
    assert held(truth, "dp_id") == []
    assert load(truth, tmp_path, table).skipped == ("colour", "shape")


def test_rows_that_are_there_are_refused_or_replaced(truth: Truth, tmp_path: Path) -> None:
    load(truth, tmp_path, products(3, target_name=["old"] * 3))
    with pytest.raises(LoadError, match=r"Row 1 has the obs_publisher_did ivo://archive.example/ID\?TOY.0"):
        load(truth, tmp_path, products(4))
    assert len(held(truth, "dp_id")) == 3
    report = load(truth, tmp_path, products(4, target_name=["new"] * 4), replace=True)
    assert (report.rows, report.replaced) == (4, 3)
    assert held(truth, "target_name") == [("new",)] * 4
    with pytest.raises(LoadError, match="already or twice in the file"):
        load(truth, tmp_path, products(2, obs_publisher_did=["a", "a"]), replace=True)
    assert held(truth, "target_name") == [("new",)] * 4


def test_an_empty_file_changes_nothing(truth: Truth, tmp_path: Path) -> None:
    assert load(truth, tmp_path, products(0, calib_level=pa.array([], pa.int32()))).rows == 0


@pytest.mark.parametrize(
    "content", [b"", b"SIMPLE  =                    T", b"PAR1" * 10], ids=["empty", "FITS", "PAR1"]
)
def test_a_file_that_is_no_parquet_is_refused(content: bytes, truth: Truth, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(content)
    with pytest.raises(LoadError, match="is not a readable Parquet file"):
        load_parquet(truth.url, obscore, path)


def test_a_missing_file_is_refused(truth: Truth, tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="cannot be read"):
        load_parquet(truth.url, obscore, tmp_path / "nothing.parquet")


def test_raw_frames_are_loaded_too(truth: Truth, tmp_path: Path) -> None:
    path = tmp_path / "raw.parquet"
    pq.write_table(pa.table({"dp_id": ["TOY.1"], "ra": [400.0], "dec": [1.0], "object": ["BIAS"]}), path)
    report = load_parquet(truth.url, raw, path)
    assert report.cleared == {"ra": 1, "dec": 1}


def test_a_load_that_is_killed_leaves_nothing(truth: Truth, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(products(60_000), path)
    code = """
import pathlib, sys
import schema.load
from schema.obscore import obscore
schema.load._CHUNK_ROWS = 5000
schema.load.load_parquet(sys.argv[1], obscore, pathlib.Path(sys.argv[2]), progress=lambda *_: print(_, flush=True))
"""
    loader = subprocess.Popen(
        [sys.executable, "-c", code, truth.url, str(path)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert loader.stdout is not None
    assert loader.stdout.readline() == "(5000, 60000)\n"
    os.kill(loader.pid, signal.SIGKILL)
    loader.wait()
    loader.stdout.close()
    deadline = time.monotonic() + 30
    while others(truth):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert held(truth, "dp_id") == []
    assert load_parquet(truth.url, obscore, path).rows == 60_000


def others(truth: Truth) -> int:
    """Number of other connections to the database; each transaction sees one state of them."""
    query = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )
    with truth.engine.connect() as connection:
        return int(connection.scalar(query) or 0)


def test_the_command_tells_what_it_did(truth: Truth, tmp_path: Path) -> None:
    @contextlib.contextmanager
    def open_truth(_: click.Context) -> Iterator[Truth]:
        yield truth

    path = tmp_path / "rows.parquet"
    pq.write_table(products(2, colour=["red"] * 2, s_ra=[500.0, 1.0], s_dec=[1.0, 1.0]), path)

    @contextlib.contextmanager
    def bar(_: str) -> Iterator[Callable[[int, int], None]]:
        yield lambda *_: None

    command = load_command(open_truth, pytest.fail, lambda _: None, bar)
    done = CliRunner().invoke(command, ["--table", "ivoa.obscore", str(path)])
    assert done.exit_code == 0
    assert "2 rows are in ivoa.obscore" in done.stdout
    assert "no such columns: colour" in done.stderr
    assert "1 values of s_ra" in done.stderr
    again = CliRunner().invoke(command, [str(path)])
    assert again.exit_code == 1
    assert "already" in again.stderr
    assert CliRunner().invoke(command, [str(path), "--strict"]).exit_code == 1


def test_a_load_that_doubles_the_table_keeps_identifiers_unique(
    truth: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schema.load._MANY_ROWS", 1)
    load(truth, tmp_path, products(3))
    with pytest.raises(LoadError, match=r"A row has the dp_id TOY\.[0-2], which is in ivoa.obscore already"):
        load(truth, tmp_path, products(4))
    assert len(held(truth, "dp_id")) == 3
    with pytest.raises(LoadError, match="A row has the dp_id a, "):
        load(truth, tmp_path, products(5, obs_publisher_did=["a", "b", "c", "d", "a"]))
    assert len(held(truth, "dp_id")) == 3
    with truth.engine.begin() as connection:
        rules = set(
            connection.scalars(
                sa.text("SELECT conname FROM pg_constraint WHERE conrelid = 'ivoa.obscore'::regclass AND contype = 'u'")
            )
        )
    assert rules == {"obscore_dp_id_is_unique", "obscore_obs_publisher_did_is_unique"}
