from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa

from schema.backup import restore_backup, write_backup
from schema.catalogue import Catalogue
from schema.describe import describe
from schema.engines.execute import EngineUnavailableError
from schema.engines.replica import Replica
from schema.obscore import obscore
from schema.observations import raw
from schema.published import published
from schema.replication.follower import Follower
from schema.replication.tables import replicated_tables
from schema.truth import Truth

ROOT = Path(__file__).parents[3]
SECONDS = 5.0
CATALOGUE = published("https://archive.example/", "archive.example")


def open_replica(folder: Path, catalogue: Catalogue = CATALOGUE) -> Replica:
    return Replica(folder, replicated_tables(catalogue), describe(catalogue))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "replica"


@pytest.fixture
def replica(folder: Path) -> Iterator[Replica]:
    replica = open_replica(folder)
    yield replica
    replica.close()


@pytest.fixture
def follower(replica: Replica, truth: Truth) -> Iterator[Follower]:
    """A follower that looks when it is told to."""
    follower = Follower(replica, truth.engine, truth.url)
    yield follower
    follower.stop()


@pytest.fixture
def running(follower: Follower) -> Follower:
    follower.start()
    wait_until(lambda: follower.status().revision is not None)
    return follower


def product(number: int, **values: Any) -> dict[str, Any]:
    return {
        "obs_id": f"night.{number}",
        "obs_collection": "TOY",
        "obs_publisher_did": f"ivo://archive.example/ID?TOY.{number}",
        "dp_id": f"TOY.{number}",
        "calib_level": 1,
        "s_ra": number * 7.0 % 360.0,
        "s_dec": number * 3.0 % 180.0 - 90.0,
        "data_rights": "public",
        **values,
    }


def insert(truth: Truth, *numbers: int, **values: Any) -> None:
    with truth.engine.begin() as connection:
        connection.execute(sa.insert(obscore), [product(number, **values) for number in numbers])


def rows_of_truth(truth: Truth, table: sa.Table) -> list[tuple[Any, ...]]:
    with truth.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(table).order_by(table.c.row_id))]


def rows_of_replica(replica: Replica, table: sa.Table) -> list[tuple[Any, ...]]:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    with replica.cursor() as cursor:
        return cursor.execute(f"SELECT {names} FROM replica.{table.schema}_{table.name} ORDER BY row_id").fetchall()


def agree(truth: Truth, replica: Replica) -> bool:
    """Whether both tables hold the same rows, compared in full."""
    try:
        return all(rows_of_truth(truth, table) == rows_of_replica(replica, table) for table in (obscore, raw))
    except EngineUnavailableError:
        return False


def wait_until(done: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)


def test_rows_that_stand_in_the_truth_at_the_start_are_copied(
    truth: Truth, replica: Replica, follower: Follower
) -> None:
    insert(truth, *range(100))
    follower.follow()
    assert len(rows_of_replica(replica, obscore)) == 100
    assert agree(truth, replica)


def test_addresses_and_positions_are_computed_for_queries(truth: Truth, replica: Replica, follower: Follower) -> None:
    elsewhere = "https://other.example/a?b"
    insert(truth, 1, dp_id="A:B+C/ü~1", s_ra=None, s_dec=None)
    insert(truth, 2, access_url=elsewhere, s_ra=0.0, s_dec=90.0)
    follower.follow()
    with replica.cursor() as cursor:
        found = cursor.execute("SELECT access_url, hpx, ux, uy, uz FROM ivoa.obscore ORDER BY obs_id").fetchall()
    links = "https://archive.example/datalink/links?ID=ivo%3A%2F%2Farchive.example%2FID%3FA%3AB%2BC%2F%C3%BC~1"
    assert found[0] == (links, None, None, None, None)
    assert found[1][0] == elsewhere
    # The last pixel of base cell 3, which holds the north pole at RA 0 (Górski et al. 2005) is in cells 0 to 3.
    assert found[1][1] in {(base + 1) * 4**29 - 1 for base in range(4)}
    assert found[1][2:] == pytest.approx((0.0, 0.0, 1.0), abs=1e-15)


def test_the_service_describes_itself_from_the_start(replica: Replica, follower: Follower) -> None:
    follower.follow()
    with replica.cursor() as cursor:
        tables = {name for (name,) in cursor.execute("SELECT table_name FROM tap_schema.tables").fetchall()}
    assert {"ivoa.obscore", "dbo.raw", "tap_schema.columns"} <= tables


def test_queries_are_refused_until_the_first_copy_is_complete(replica: Replica) -> None:
    with pytest.raises(EngineUnavailableError, match="still building"):
        replica.cursor()


def test_a_commit_of_another_process_is_seen_within_five_seconds(
    truth: Truth, replica: Replica, running: Follower
) -> None:
    statement = (
        "INSERT INTO ivoa.obscore (obs_id, obs_collection, obs_publisher_did, dp_id, calib_level)"
        " VALUES ('o', 'TOY', 'ivo://x/ID?1', '1', 1)"
    )
    code = "import sys, psycopg2; c = psycopg2.connect(sys.argv[1]); c.cursor().execute(sys.argv[2]); c.commit()"
    subprocess.run([sys.executable, "-c", code, truth.url, statement], check=True)
    wait_until(lambda: len(rows_of_replica(replica, obscore)) == 1, SECONDS)
    assert agree(truth, replica)


def test_an_update_a_delete_and_a_truncation_are_followed(truth: Truth, replica: Replica, follower: Follower) -> None:
    insert(truth, *range(50))
    follower.follow()
    with truth.engine.begin() as connection:
        connection.execute(sa.update(obscore).where(obscore.c.row_id % 7 == 0).values(target_name="M 31", s_ra=10.5))
        connection.execute(sa.delete(obscore).where(obscore.c.row_id % 5 == 0))
    follower.follow()
    assert len(rows_of_replica(replica, obscore)) == 40
    assert agree(truth, replica)
    with truth.engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE ivoa.obscore"))
        connection.execute(sa.insert(obscore), [product(1)])
    follower.follow()
    assert len(rows_of_replica(replica, obscore)) == 1
    assert agree(truth, replica)


def test_a_row_with_another_key_leaves_nothing_behind(truth: Truth, replica: Replica, follower: Follower) -> None:
    insert(truth, *range(5))
    follower.follow()
    with truth.engine.begin() as connection:
        connection.execute(sa.update(obscore).where(obscore.c.dp_id == "TOY.3").values(row_id=1_000_000))
    follower.follow()
    assert agree(truth, replica)


def test_who_begins_first_and_commits_last_is_not_missed(truth: Truth, replica: Replica, follower: Follower) -> None:
    with truth.engine.connect() as late:
        late.execute(sa.insert(obscore), [product(1)])
        insert(truth, 2)
        follower.follow()
        assert [row[0] for row in rows_of_replica(replica, obscore)] != []
        late.commit()
    follower.follow()
    assert len(rows_of_replica(replica, obscore)) == 2
    assert agree(truth, replica)


def test_a_rollback_leaves_a_gap_and_no_rows(truth: Truth, replica: Replica, follower: Follower) -> None:
    insert(truth, 1)
    follower.follow()
    with truth.engine.connect() as connection:
        connection.execute(sa.insert(obscore), [product(2)])
        connection.execute(sa.text("SET CONSTRAINTS ALL IMMEDIATE"))
        connection.rollback()
    insert(truth, 3)
    follower.follow()
    assert [row[0] for row in rows_of_replica(replica, obscore)] == [row[0] for row in rows_of_truth(truth, obscore)]
    assert agree(truth, replica)


def test_nothing_depends_on_notices(truth: Truth, replica: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schema.replication.follower.CHANNEL", "nobody_speaks_here")
    follower = Follower(replica, truth.engine, truth.url)
    follower.start()
    try:
        wait_until(lambda: follower.status().revision is not None)
        insert(truth, 1)
        wait_until(lambda: agree(truth, replica), SECONDS)
        assert len(rows_of_replica(replica, obscore)) == 1
    finally:
        follower.stop()


def test_a_new_column_in_the_truth_leads_to_a_new_copy(truth: Truth, replica: Replica, follower: Follower) -> None:
    insert(truth, 1)
    follower.follow()
    before = replica.state
    with truth.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE ivoa.obscore ADD COLUMN further integer"))
        connection.execute(sa.text("ALTER TABLE ivoa.obscore ALTER s_fov TYPE double precision USING 1.5"))
    follower.follow()
    assert before is not None
    assert replica.state is not None
    assert replica.state.fingerprint != before.fingerprint
    assert agree(truth, replica)


def test_a_restored_backup_ends_in_agreement(
    truth: Truth, replica: Replica, follower: Follower, tmp_path: Path
) -> None:
    insert(truth, 1, 2)
    write_backup(truth, tmp_path / "backup")
    insert(truth, 3)
    follower.follow()
    assert len(rows_of_replica(replica, obscore)) == 3
    restore_backup(truth, tmp_path / "backup", replace=True)
    follower.follow()
    assert len(rows_of_replica(replica, obscore)) == 2
    assert agree(truth, replica)
    insert(truth, 4)
    follower.follow()
    assert len(rows_of_replica(replica, obscore)) == 3
    assert agree(truth, replica)


def test_another_history_with_the_same_numbers_ends_in_agreement(
    truth: Truth, replica: Replica, follower: Follower
) -> None:
    insert(truth, 1, 2)
    with truth.engine.connect() as connection:
        saved = connection.execute(sa.text("SELECT line, revision, token FROM archive.revision")).all()
    insert(truth, 3)
    follower.follow()
    # The history goes another way with the same number, as after a restore to an earlier state.
    with truth.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE ivoa.obscore DISABLE TRIGGER USER"))
        connection.execute(sa.text("DELETE FROM ivoa.obscore WHERE dp_id = 'TOY.3'"))
        connection.execute(sa.insert(obscore), [product(4)])
        for trigger in ("record_insert", "record_update", "record_delete", "record_truncate"):
            connection.execute(sa.text(f"ALTER TABLE ivoa.obscore ENABLE ALWAYS TRIGGER {trigger}"))
        connection.execute(
            sa.text("UPDATE archive.revision SET token = gen_random_uuid() WHERE NOT line = ANY(:lines)"),
            {"lines": [line for line, _, _ in saved]},
        )
    follower.follow()
    assert agree(truth, replica)


def test_another_truth_replaces_the_first(truth: Truth, replica: Replica, follower: Follower) -> None:
    insert(truth, 1)
    follower.follow()
    with truth.engine.begin() as connection:
        connection.execute(sa.text("UPDATE archive.truth SET uuid = gen_random_uuid()"))
    before = replica.state
    follower.follow()
    assert before is not None
    assert replica.state is not None
    assert replica.state.truth != before.truth
    assert agree(truth, replica)


def test_forgotten_changes_lead_to_a_new_copy(truth: Truth, replica: Replica, follower: Follower) -> None:
    insert(truth, 1)
    follower.follow()
    insert(truth, 2)
    insert(truth, 3)
    with truth.engine.begin() as connection:
        connection.execute(
            sa.text("DELETE FROM archive.revision WHERE revision < (SELECT max(revision) FROM archive.revision)")
        )
        connection.execute(sa.text("DELETE FROM archive.change WHERE line NOT IN (SELECT line FROM archive.revision)"))
    follower.follow()
    assert len(rows_of_replica(replica, obscore)) == 3
    assert agree(truth, replica)


def test_the_truth_forgets_changes_that_are_old_and_read(truth: Truth, replica: Replica, follower: Follower) -> None:
    for number in range(3):
        insert(truth, number)
    with truth.engine.begin() as connection:
        connection.execute(sa.text("UPDATE archive.revision SET committed = committed - interval '30 days'"))

    def lines() -> int:
        with truth.engine.connect() as connection:
            return int(connection.scalar(sa.text("SELECT count(*) FROM archive.revision")) or 0)

    before = lines()
    follower.start()
    wait_until(lambda: lines() == 1)
    assert before > 1
    assert agree(truth, replica)


def test_a_deleted_replica_comes_back_with_the_same_rows(truth: Truth, folder: Path) -> None:
    insert(truth, *range(20))
    answers = []
    for _ in range(2):
        replica = open_replica(folder)
        follower = Follower(replica, truth.engine, truth.url)
        follower.follow()
        answers.append(rows_of_replica(replica, obscore))
        follower.stop()
        replica.close()
        for path in folder.glob("*.duckdb*"):
            path.unlink()
    assert answers[0] == answers[1]
    assert len(answers[0]) == 20


@pytest.mark.parametrize("damage", ["garbage", "empty", "cut", "middle"])
def test_a_damaged_replica_is_made_anew(damage: str, truth: Truth, folder: Path) -> None:
    insert(truth, *range(2000))
    replica = open_replica(folder)
    follower = Follower(replica, truth.engine, truth.url)
    follower.follow()
    follower.stop()
    replica.close()
    (path,) = folder.glob("*.duckdb")
    content = path.read_bytes()
    spoilt = bytes(range(256)) * 64
    path.write_bytes(
        {
            "garbage": spoilt,
            "empty": b"",
            "cut": content[: len(content) // 2],
            "middle": content[:12288] + bytes(len(content) - 12288),
        }[damage]
    )
    replica = open_replica(folder)
    follower = Follower(replica, truth.engine, truth.url)
    follower.start()
    try:
        wait_until(lambda: agree_or_suspect(truth, replica))
    finally:
        follower.stop()
        replica.close()


def agree_or_suspect(truth: Truth, replica: Replica) -> bool:
    """As `agree`; what a broken file answers with is reported, as the engine does it."""
    try:
        return agree(truth, replica)
    except Exception as error:
        replica.suspect(error)
        return False


def test_a_second_process_gets_one_sentence(replica: Replica, folder: Path) -> None:
    code = "import sys, pathlib; from schema.engines.replica import Replica; Replica(pathlib.Path(sys.argv[1]), (), {})"
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode != 0
    assert f"The replica in {folder} is in use by another process" in done.stderr.splitlines()[-1]


def test_a_lost_connection_is_made_again(truth: Truth, replica: Replica, running: Follower) -> None:
    insert(truth, 1)
    wait_until(lambda: agree(truth, replica))
    for number in (2, 3):
        with truth.engine.connect() as connection:
            connection.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        insert(truth, number)
        wait_until(lambda: agree(truth, replica), 15.0)
    wait_until(lambda: running.status().error is None)
    assert len(rows_of_replica(replica, obscore)) == 3


def test_a_truth_that_is_away_is_reported_and_found_again(truth: Truth, replica: Replica) -> None:
    insert(truth, 1)
    away = sa.create_engine("postgresql+psycopg2://nobody@127.0.0.1:9/nothing", poolclass=sa.NullPool)
    follower = Follower(replica, away, "postgresql://nobody@127.0.0.1:9/nothing", poll_seconds=0.05)
    follower.start()
    try:
        wait_until(lambda: follower.status().error is not None)
        assert "OperationalError" in (follower.status().error or "")
        follower._engine, follower._url = truth.engine, truth.url
        wait_until(lambda: agree(truth, replica))
        wait_until(lambda: follower.status().error is None)
    finally:
        follower.stop()


def test_the_truth_knows_how_far_the_replica_is(truth: Truth, replica: Replica, running: Follower) -> None:
    insert(truth, 1)
    with truth.engine.connect() as connection:
        last = connection.scalar(sa.text("SELECT max(revision) FROM archive.revision"))
    assert running.wait_for(last, 15.0)
    query = sa.text("SELECT revision FROM archive.follower")

    def reported() -> int | None:
        with truth.engine.connect() as connection:
            return connection.scalar(query)

    wait_until(lambda: reported() == last)


def test_a_reader_never_sees_half_of_a_commit(truth: Truth, replica: Replica, running: Follower) -> None:
    """Each commit moves all rows to one collection, some by update, some by delete and insert."""
    numbers = range(40)
    insert(truth, *numbers, obs_collection="0")
    wait_until(lambda: agree(truth, replica))
    done = threading.Event()
    seen: set[str] = set()

    def write() -> None:
        end = time.monotonic() + 60
        for turn in itertools.count(1):
            if (turn > 25 and len(seen) > 4) or time.monotonic() > end:
                break
            with truth.engine.begin() as connection:
                connection.execute(sa.delete(obscore).where(obscore.c.row_id % 2 == turn % 2))
                connection.execute(sa.update(obscore).values(obs_collection=str(turn)))
                held = set(connection.scalars(sa.select(obscore.c.dp_id)))
                missing = [n for n in numbers if f"TOY.{n}" not in held]
                if missing:
                    connection.execute(sa.insert(obscore), [product(n, obs_collection=str(turn)) for n in missing])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        with replica.cursor() as cursor:
            rows = cursor.execute("SELECT obs_collection, count(*) FROM ivoa.obscore GROUP BY 1").fetchall()
        assert len(rows) == 1, rows
        assert rows[0][1] == len(numbers)
        seen.add(rows[0][0])
    writer.join()
    wait_until(lambda: agree(truth, replica))
    assert len(seen) > 4


def test_many_writers_and_two_deleters_end_in_agreement(truth: Truth, replica: Replica, running: Follower) -> None:
    def write(writer: int) -> None:
        for turn in range(15):
            with truth.engine.connect() as connection:
                connection.execute(sa.insert(obscore), [product(writer * 1000 + turn * 10 + k) for k in range(5)])
                connection.execute(sa.delete(obscore).where(obscore.c.dp_id == f"TOY.{writer * 1000 + turn * 10}"))
                if (turn + writer) % 4 == 0:
                    connection.rollback()
                else:
                    connection.commit()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(1, 7)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    wait_until(lambda: agree(truth, replica))
    assert len(rows_of_replica(replica, obscore)) > 200


@pytest.mark.parametrize("seconds", [0.4, 0.8, 1.2, 1.6, 2.0])
def test_a_killed_server_leaves_a_replica_that_ends_in_agreement(seconds: float, truth: Truth, folder: Path) -> None:
    insert(truth, *range(3000))
    code = """
import pathlib, sys
import sqlalchemy as sa
from schema.describe import describe
from schema.engines.replica import Replica
from schema.published import published
from schema.replication.follower import Follower
from schema.replication.tables import replicated_tables
from schema.truth import Truth
catalogue = published("https://archive.example")
replica = Replica(pathlib.Path(sys.argv[1]), replicated_tables(catalogue), {})
truth = Truth(sys.argv[2])
follower = Follower(replica, truth.engine, truth.url)
print("ready", flush=True)
while True:
    follower.follow()
    with truth.engine.begin() as connection:
        connection.execute(sa.text("UPDATE ivoa.obscore SET n_obs = coalesce(n_obs, 0) + 1 WHERE row_id % 3 = 0"))
"""
    server = subprocess.Popen(
        [sys.executable, "-c", code, str(folder), truth.url], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    time.sleep(seconds)
    os.kill(server.pid, signal.SIGKILL)
    server.wait()
    server.stdout.close()
    replica = open_replica(folder)
    follower = Follower(replica, truth.engine, truth.url)
    try:
        if replica.state is not None:
            with replica.cursor() as cursor:
                counts = cursor.execute(
                    "SELECT count(*), count(DISTINCT n_obs) FROM ivoa.obscore WHERE n_obs IS NOT NULL"
                ).fetchall()
            assert counts[0] in ((0, 0), (1000, 1)), "half of a commit"
        follower.follow()
        assert agree(truth, replica)
    finally:
        follower.stop()
        replica.close()


def test_what_came_unsorted_is_sorted_when_it_has_grown(
    truth: Truth, replica: Replica, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schema.engines.replica._ROW_GROUP", 40)
    insert(truth, *range(50))
    follower.follow()
    for numbers in (range(50, 200), range(200, 400)):
        insert(truth, *numbers)
        follower.follow()
    with replica.cursor() as cursor:
        cells = [cell for (cell,) in cursor.execute("SELECT hpx FROM replica.ivoa_obscore").fetchall()]
        (unsorted,) = cursor.execute("SELECT unsorted FROM replica.tables WHERE name = 'ivoa.obscore'").fetchall()[0]
    assert unsorted == 0
    assert cells == sorted(cells)
    assert agree(truth, replica)


def test_a_truncation_in_the_middle_of_a_look_is_not_seen_as_half(
    truth: Truth, replica: Replica, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schema.replication.source._LOCK_SECONDS", 1)
    insert(truth, *range(10))
    follower.follow()
    insert(truth, 10)
    cut = threading.Thread(target=lambda: psql(truth, "TRUNCATE ivoa.obscore, dbo.raw"))
    read = follower._rows

    def rows(*arguments: Any) -> Any:
        if not cut.is_alive():
            cut.start()
            time.sleep(0.3)
        return read(*arguments)

    monkeypatch.setattr(follower, "_rows", rows)
    # The truncation waits for the look, or the look gives up and leaves all as it was.
    try:
        follower.follow()
    except Exception:
        assert len(rows_of_replica(replica, obscore)) == 10
    else:
        assert len(rows_of_replica(replica, obscore)) == 11
    cut.join()
    monkeypatch.undo()
    follower.follow()
    assert agree(truth, replica)
    assert rows_of_replica(replica, obscore) == []


def psql(truth: Truth, statement: str) -> None:
    connection = psycopg2.connect(truth.url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


def test_a_full_disk_stops_the_copy_and_room_lets_it_go_on(truth: Truth, folder: Path) -> None:
    insert(truth, *range(6000))
    code = """
import pathlib, resource, sys
from schema.engines.replica import Replica
from schema.published import published
from schema.replication.follower import Follower
from schema.replication.tables import replicated_tables
from schema.truth import Truth
replica = Replica(pathlib.Path(sys.argv[1]), replicated_tables(published("https://archive.example")), {})
truth = Truth(sys.argv[2])
follower = Follower(replica, truth.engine, truth.url)
follower.follow()
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
largest = max(path.stat().st_size for path in pathlib.Path(sys.argv[1]).iterdir())
# No file may grow beyond what is there: to the database that is a full disk.
resource.setrlimit(resource.RLIMIT_FSIZE, (largest, limits[1]))
with truth.engine.begin() as connection:
    connection.exec_driver_sql("UPDATE ivoa.obscore SET target_name = md5(dp_id) || md5(obs_id)")
failures = 0
for _ in range(3):
    try:
        follower.follow()
    except Exception as error:
        failures += 1
        print(type(error).__name__, error, file=sys.stderr)
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
follower.follow()
with replica.cursor() as cursor:
    print(failures, *cursor.execute("SELECT count(*), count(target_name) FROM ivoa.obscore").fetchall()[0])
follower.stop()
replica.close()
truth.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), truth.url], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    failures, rows, named = map(int, done.stdout.split()[-3:])
    assert failures > 0
    assert (rows, named) == (6000, 6000)
    replica = open_replica(folder)
    try:
        assert agree(truth, replica)
    finally:
        replica.close()
