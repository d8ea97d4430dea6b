from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest.pipeline import IngestStoppedError, Outcome, Pipeline
from ingest.release import ReleaseRule
from ingest.walk import find_files
from schema.files import copy, file, quarantine
from schema.obscore import obscore
from schema.observations import raw
from storage.local import LocalStore
from storage.replicas import Replicas
from storage.store import NoSpaceError, StagedFile

from .conftest import WriteFits

RAW = {
    "INSTRUME": "TOYCAM", "TELESCOP": "TOY-T1", "RADESYS": "ICRS", "RA": 83.6, "DEC": -5.4, "EXPTIME": 30.0,
    "DATE-OBS": "2024-03-10T01:02:03.004", "MJD-OBS": 60379.04309032, "HIERARCH ESO DPR CATG": "SCIENCE",
    "HIERARCH ESO DPR TYPE": "OBJECT", "HIERARCH ESO DPR TECH": "IMAGE", "HIERARCH ESO OBS ID": 4711,
    "HIERARCH ESO OBS PROG ID": "108.22F6.001", "HIERARCH ESO OBS TARG NAME": "M42",
}  # fmt: skip


def run(pipeline: Pipeline, *paths: Path) -> list[Outcome]:
    return list(pipeline.run(find_files(paths)))


def states(outcomes: list[Outcome]) -> Counter[str]:
    return Counter(outcome.state for outcome in outcomes)


def rows(pipeline: Pipeline, table: sa.Table) -> list[dict[str, object]]:
    with pipeline.engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.select(table)).mappings()]


def assert_whole(pipeline: Pipeline) -> None:
    """Database and store agree: each file once, with its copy, its product and its bytes."""
    files = rows(pipeline, file)
    assert {row["sha256"] for row in files} <= set(pipeline.store)
    assert {row["dp_id"] for row in files} == {row["dp_id"] for row in rows(pipeline, obscore)}
    assert len(rows(pipeline, copy)) == len(files) == len(rows(pipeline, obscore))
    for row in files:
        with pipeline.store.open(str(row["sha256"])) as held:
            assert hashlib.sha256(held.read()).hexdigest() == row["sha256"]


@pytest.fixture
def frame(write_fits: WriteFits) -> Path:
    return write_fits("TOY.2024-03-10T01:02:03.004.fits", ARCFILE="TOY.2024-03-10T01:02:03.004.fits", **RAW)


def test_a_raw_frame_is_found_in_all_tables_and_comes_back(pipeline: Pipeline, frame: Path) -> None:
    before = datetime.now(UTC).replace(tzinfo=None)
    [outcome] = run(pipeline, frame)
    assert (outcome.state, outcome.dp_id) == ("taken", "TOY.2024-03-10T01:02:03.004")
    assert_whole(pipeline)
    [product] = rows(pipeline, obscore)
    assert product["obs_publisher_did"] == "ivo://toy.example/ID?TOY.2024-03-10T01:02:03.004"
    assert product["access_url"] is None
    assert product["access_estsize"] == 6
    assert (product["dataproduct_type"], product["calib_level"], product["obs_collection"]) == ("image", 1, "TOYCAM")
    assert (product["s_ra"], product["s_dec"], product["s_region"]) == (83.6, -5.4, "POSITION ICRS 83.6 -5.4")
    assert (product["obs_id"], product["proposal_id"], product["target_name"]) == ("4711", "108.22F6.001", "M42")
    assert (product["t_min"], product["t_exptime"], product["data_rights"]) == (60379.04309032, 30.0, "public")
    [exposure] = rows(pipeline, raw)
    assert (exposure["dp_cat"], exposure["dp_type"], exposure["dp_tech"]) == ("SCIENCE", "OBJECT", "IMAGE")
    assert (exposure["instrument"], exposure["exposure"], exposure["period"]) == ("TOYCAM", 30.0, 108)
    assert exposure["exp_start"] == datetime(2024, 3, 10, 1, 2, 3, 4000)
    held = Replicas(pipeline.engine, {"local": pipeline.store}).find("TOY.2024-03-10T01:02:03.004.fits")
    assert held is not None
    assert held.name == "TOY.2024-03-10T01:02:03.004.fits"
    assert held.release_date is not None
    assert held.is_public(datetime.now(UTC).replace(tzinfo=None))
    assert held.release_date >= before
    with Replicas(pipeline.engine, {"local": pipeline.store}).open(held) as stream:
        assert stream.read() == frame.read_bytes()


def test_the_source_is_not_touched(pipeline: Pipeline, frame: Path) -> None:
    before = frame.read_bytes(), frame.stat().st_mtime_ns, frame.stat().st_mode
    run(pipeline, frame)
    assert (frame.read_bytes(), frame.stat().st_mtime_ns, frame.stat().st_mode) == before


def test_the_same_file_again_changes_nothing(pipeline: Pipeline, frame: Path) -> None:
    run(pipeline, frame)
    before = rows(pipeline, file), rows(pipeline, obscore), rows(pipeline, raw)
    [outcome] = run(pipeline, frame)
    assert (outcome.state, outcome.dp_id) == ("held", "TOY.2024-03-10T01:02:03.004")
    assert (rows(pipeline, file), rows(pipeline, obscore), rows(pipeline, raw)) == before


def test_the_same_bytes_under_another_name_are_held_once(pipeline: Pipeline, night: Path, frame: Path) -> None:
    shutil.copy(frame, night / "copy.fits")
    assert states(run(pipeline, night)) == {"taken": 1, "held": 1}
    assert_whole(pipeline)


def test_other_bytes_under_the_same_identifier_are_refused_and_kept(
    pipeline: Pipeline, frame: Path, write_fits: WriteFits
) -> None:
    other = write_fits("other.fits", ARCFILE="TOY.2024-03-10T01:02:03.004.fits", fill=1, **RAW)
    run(pipeline, frame)
    [outcome] = run(pipeline, other)
    assert outcome.state == "refused"
    assert outcome.reason is not None
    assert "TOY.2024-03-10T01:02:03.004 is held already with other bytes" in outcome.reason
    [refusal] = rows(pipeline, quarantine)
    assert (refusal["name"], refusal["reason"]) == ("other.fits", outcome.reason)
    with pipeline.quarantine.open(str(refusal["sha256"])) as kept:
        assert kept.read() == other.read_bytes()
    assert_whole(pipeline)


def test_one_bad_file_does_not_lose_the_others(pipeline: Pipeline, night: Path, write_fits: WriteFits) -> None:
    for number in range(12):
        write_fits(f"good{number:02}.fits", fill=number)
    (night / "bad.fits").write_bytes(b"<html><body>502 Proxy Error</body></html>")
    (night / "empty.fits").write_bytes(b"")
    (night / "notes.txt").write_text("not for the archive")
    (night / ".hidden.fits").write_bytes(b"not for the archive")
    outcomes = run(replace(pipeline, batch=5), night)
    assert states(outcomes) == {"taken": 12, "refused": 2}
    reasons = {outcome.path.name: outcome.reason for outcome in outcomes if outcome.state == "refused"}
    assert "HTML" in str(reasons["bad.fits"])
    assert "empty" in str(reasons["empty.fits"])
    assert_whole(pipeline)


def test_the_same_refused_file_is_noted_once(pipeline: Pipeline, night: Path) -> None:
    (night / "bad.fits").write_bytes(b"nothing")
    for path in (night / "bad.fits", night / "nowhere.fits", night / "bad.fits", night / "nowhere.fits"):
        run(pipeline, path)
    assert sorted(str(row["name"]) for row in rows(pipeline, quarantine)) == ["bad.fits", "nowhere.fits"]


def test_a_file_is_forgotten_by_the_quarantine_when_it_is_taken(
    pipeline: Pipeline, frame: Path, write_fits: WriteFits
) -> None:
    other = write_fits("other.fits", ARCFILE="TOY.2024-03-10T01:02:03.004.fits", fill=1, **RAW)
    assert states(run(pipeline, frame, other)) == {"taken": 1, "refused": 1}
    with pipeline.engine.begin() as connection:
        for table in (file, obscore, raw):
            connection.execute(sa.delete(table))
    assert [*pipeline.quarantine] != []
    assert states(run(pipeline, other)) == {"taken": 1}
    assert rows(pipeline, quarantine) == []
    assert [*pipeline.quarantine] == []


@pytest.mark.parametrize("kind", ["folder", "pipe", "missing", "dangling"])
def test_what_is_no_file_is_refused_with_a_sentence(pipeline: Pipeline, night: Path, kind: str) -> None:
    path = night / "thing.fits"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "dangling":
        path.symlink_to(night / "nowhere")
    elif kind == "folder":
        path = night / "thing"
        path.mkdir()
        assert run(pipeline, path) == []
        return
    [outcome] = run(pipeline, path)
    assert outcome.state == "refused"
    assert outcome.reason is not None
    assert outcome.reason.endswith(".")
    assert [row["sha256"] for row in rows(pipeline, quarantine)] == [None]


def test_folders_are_read_to_the_bottom_and_links_out_of_them_are_not_followed(
    pipeline: Pipeline, night: Path, tmp_path: Path, write_fits: WriteFits
) -> None:
    inner = night / "a" / "b"
    inner.mkdir(parents=True)
    write_fits("a/b/deep.fits")
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.copy(write_fits("outer.fits", fill=1), outside)
    (night / "outer.fits").unlink()
    (night / "loop").symlink_to(night)
    (night / "link.fits").symlink_to(outside / "outer.fits")
    (night / "inside.fits").symlink_to(inner / "deep.fits")
    assert states(run(pipeline, night)) == {"taken": 1}


def test_two_runs_at_once_hold_every_file_once(pipeline: Pipeline, night: Path, write_fits: WriteFits) -> None:
    for number in range(24):
        write_fits(f"frame{number:02}.fits", fill=number)
    results: list[list[Outcome]] = []

    def work(names: list[Path]) -> None:
        results.append(list(replace(pipeline, batch=3).run(names)))

    names = sorted(night.iterdir())
    threads = [threading.Thread(target=work, args=(order,)) for order in (names, names[::-1], names)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states([outcome for result in results for outcome in result]) == {"taken": 24, "held": 48}
    assert_whole(pipeline)


def test_several_workers_do_the_same(pipeline: Pipeline, night: Path, write_fits: WriteFits) -> None:
    for number in range(20):
        write_fits(f"frame{number:02}.fits", fill=number)
    (night / "bad.fits").write_bytes(b"nothing")
    outcomes = run(replace(pipeline, workers=2, batch=7), night)
    assert states(outcomes) == {"taken": 20, "refused": 1}
    assert [outcome.path for outcome in outcomes] == sorted(night.iterdir())
    assert_whole(pipeline)


def test_names_of_any_bytes_are_taken(pipeline: Pipeline, night: Path, frame: Path) -> None:
    broken = os.fsdecode(b"b\xff\xfed.fits")
    names = ['qu"o te.fits', "ñandú 日本.fits", broken, "new\nline.fits", "plus+[brackets].fits"]
    for number, name in enumerate(names):
        content = bytearray(frame.read_bytes().replace(b"ARCFILE ", b"ARCFILX "))
        content[-1] = number
        (night / name).write_bytes(content)
    frame.unlink()
    assert states(run(pipeline, night)) == {"taken": 5}
    for row in rows(pipeline, file):
        name = str(row["name"])
        assert name.isascii()
        assert not set(name) & set('"\\ \n')


def test_a_period_keeps_raw_science_for_its_programme(pipeline: Pipeline, frame: Path, write_fits: WriteFits) -> None:
    calibration = write_fits("bias.fits", **RAW | {"HIERARCH ESO DPR CATG": "CALIB", "HIERARCH ESO DPR TYPE": "BIAS"})
    run(replace(pipeline, rule=ReleaseRule(proprietary_days=10_000.0)), frame, calibration)
    found = {str(row["dp_id"]): row for row in rows(pipeline, obscore)}
    science = found["TOY.2024-03-10T01:02:03.004"]
    assert science["data_rights"] == "proprietary"
    exposure_end = datetime(2024, 3, 10, 1, 2, 33)
    assert abs(science["obs_release_date"] - exposure_end - timedelta(days=10_000)) < timedelta(seconds=1)  # type: ignore[operator]
    assert found["bias"]["data_rights"] == "public"
    assert found["bias"]["s_ra"] is None


def test_a_date_of_the_run_goes_before_every_rule(pipeline: Pipeline, frame: Path) -> None:
    date = datetime(2090, 1, 2)
    run(replace(pipeline, rule=ReleaseRule(date=date)), frame)
    assert [row["release_date"] for row in rows(pipeline, file)] == [date]
    assert [row["release_date"] for row in rows(pipeline, raw)] == [date]
    assert [row["data_rights"] for row in rows(pipeline, obscore)] == ["proprietary"]


class FullStore(LocalStore):
    """Store that is full after some files."""

    __slots__ = ("left",)

    def adopt(self, staged: StagedFile) -> bool:
        object.__setattr__(self, "left", getattr(self, "left", 3) - 1)
        if self.left < 0:
            raise NoSpaceError("The disk that holds the store is full.")
        return super().adopt(staged)


def test_a_full_store_stops_cleanly_and_the_next_run_finishes(
    pipeline: Pipeline, night: Path, write_fits: WriteFits
) -> None:
    for number in range(9):
        write_fits(f"frame{number}.fits", fill=number)
    full = FullStore(pipeline.store.root)  # type: ignore[attr-defined]
    with pytest.raises(IngestStoppedError, match="is full"):
        list(replace(pipeline, store=full, batch=2).run(find_files([night])))
    assert_whole(pipeline)
    assert len(rows(pipeline, file)) == 2
    assert states(run(pipeline, night)) == {"taken": 7, "held": 2}
    assert_whole(pipeline)


def test_a_row_that_the_database_refuses_is_kept_and_the_others_are_taken(
    pipeline: Pipeline, night: Path, write_fits: WriteFits
) -> None:
    for number in range(4):
        write_fits(f"frame{number}.fits", fill=number)
    with pipeline.engine.begin() as connection:
        loaded = {"dp_id": "elsewhere", "obs_publisher_did": "ivo://toy.example/ID?frame2", "obs_id": "1"}
        connection.execute(sa.insert(obscore).values(loaded | {"calib_level": 2, "obs_collection": "LOADED"}))
    outcomes = run(pipeline, night)
    assert [outcome.state for outcome in outcomes] == ["taken", "taken", "refused", "taken"]
    assert "The database refuses its row" in str(outcomes[2].reason)
    [refusal] = rows(pipeline, quarantine)
    assert (refusal["name"], [*pipeline.quarantine]) == ("frame2.fits", [refusal["sha256"]])
    assert set(pipeline.store) == {row["sha256"] for row in rows(pipeline, file)}
