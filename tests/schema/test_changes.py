from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from io import StringIO
from uuid import uuid4

import psycopg2
import pytest
import sqlalchemy as sa

from schema.change_log import CHANNEL, attach
from schema.changes import Changes, prune_changes, read_changes, write_progress
from schema.truth import Truth

INSERT = "INSERT INTO dbo.raw (dp_id) SELECT {!r} || n FROM generate_series(1, {}) AS n"


@contextmanager
def snapshot(truth: Truth) -> Iterator[sa.Connection]:
    with truth.engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def changes(truth: Truth, after: Changes | None = None) -> Changes:
    with snapshot(truth) as connection:
        return read_changes(connection, after and after.revision, after and after.token)


def execute(truth: Truth, *statements: str) -> None:
    with truth.engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def row_ids(truth: Truth, where: str = "true") -> set[int]:
    with truth.engine.connect() as connection:
        return set(connection.execute(sa.text(f"SELECT row_id FROM dbo.raw WHERE {where}")).scalars())


def named(found: Changes, table: str = "dbo.raw") -> set[int]:
    return {row for lo, hi in found.ranges.get(table, ()) for row in range(lo, hi + 1)}


def test_a_new_truth_has_a_revision_and_no_changes(truth: Truth) -> None:
    start = changes(truth)
    assert not start.known
    again = changes(truth, start)
    assert again.known
    assert (again.revision, again.token, again.truth) == (start.revision, start.token, start.truth)
    assert (again.ranges, again.whole) == ({}, frozenset())


def test_an_insert_names_exactly_its_rows(truth: Truth) -> None:
    start = changes(truth)
    execute(truth, INSERT.format("A", 5))
    after = changes(truth, start)
    assert after.known
    assert after.revision == start.revision + 1
    assert after.token != start.token
    assert named(after) == row_ids(truth)
    assert set(after.ranges) == {"dbo.raw"}
    assert len(after.ranges["dbo.raw"]) == 1


def test_updates_and_deletes_name_exactly_their_rows(truth: Truth) -> None:
    execute(truth, INSERT.format("A", 20))
    start = changes(truth)
    execute(truth, "UPDATE dbo.raw SET object = 'X' WHERE row_id % 3 = 0")
    updated = changes(truth, start)
    assert named(updated) == row_ids(truth, "row_id % 3 = 0")
    gone = row_ids(truth, "row_id % 5 < 2")
    execute(truth, "DELETE FROM dbo.raw WHERE row_id % 5 < 2")
    assert named(changes(truth, updated)) == gone
    assert named(changes(truth, start)) == gone | row_ids(truth, "row_id % 3 = 0")


def test_an_upsert_names_what_it_made_and_what_it_changed(truth: Truth) -> None:
    execute(truth, INSERT.format("A", 3))
    start = changes(truth)
    execute(truth, INSERT.format("A", 5) + " ON CONFLICT (dp_id) DO UPDATE SET object = 'again'")
    assert named(changes(truth, start)) >= row_ids(truth)


def test_a_row_that_gets_another_key_is_named_by_both(truth: Truth) -> None:
    execute(truth, INSERT.format("A", 1))
    (old,) = row_ids(truth)
    start = changes(truth)
    execute(truth, "UPDATE dbo.raw SET row_id = 1000")
    assert named(changes(truth, start)) == {old, 1000}


def test_emptying_a_table_is_a_change_of_the_whole(truth: Truth) -> None:
    execute(truth, INSERT.format("A", 3))
    start = changes(truth)
    execute(truth, "TRUNCATE dbo.raw")
    assert changes(truth, start).whole == {"dbo.raw"}


def test_statements_without_rows_make_no_revision(truth: Truth) -> None:
    start = changes(truth)
    execute(
        truth,
        "UPDATE dbo.raw SET object = 'X'",
        "DELETE FROM dbo.raw",
        "INSERT INTO dbo.raw (dp_id) SELECT 'A' WHERE false",
    )
    assert changes(truth, start).revision == start.revision


def test_a_transaction_is_one_revision_whatever_it_does(truth: Truth) -> None:
    start = changes(truth)
    execute(truth, INSERT.format("A", 3), INSERT.format("B", 3), "DELETE FROM dbo.raw WHERE dp_id LIKE 'A%'")
    assert changes(truth, start).revision == start.revision + 1


def test_what_is_rolled_back_leaves_no_trace(truth: Truth) -> None:
    start = changes(truth)
    with truth.engine.connect() as connection:
        connection.execute(sa.text(INSERT.format("A", 3)))
        connection.rollback()
    assert changes(truth, start).revision == start.revision


def test_what_follows_a_savepoint_that_was_rolled_back_is_recorded(truth: Truth) -> None:
    start = changes(truth)
    with truth.engine.begin() as connection:
        nested = connection.begin_nested()
        connection.execute(sa.text(INSERT.format("A", 3)))
        nested.rollback()
        with connection.begin_nested():
            connection.execute(sa.text(INSERT.format("B", 3)))
    after = changes(truth, start)
    assert after.revision == start.revision + 1
    assert named(after) == row_ids(truth)
    assert len(named(after)) == 3


def test_the_change_of_an_open_transaction_is_not_seen(truth: Truth) -> None:
    start = changes(truth)
    with truth.engine.begin() as connection:
        connection.execute(sa.text(INSERT.format("A", 3)))
        assert changes(truth, start).revision == start.revision
    assert changes(truth, start).revision == start.revision + 1


def test_changes_after_an_immediate_constraint_are_recorded_too(truth: Truth) -> None:
    start = changes(truth)
    execute(truth, INSERT.format("A", 2), "SET CONSTRAINTS ALL IMMEDIATE", INSERT.format("B", 2))
    after = changes(truth, start)
    assert after.revision > start.revision
    assert named(after) == row_ids(truth)


def test_a_revision_of_another_history_is_not_known(truth: Truth) -> None:
    start = changes(truth)
    with snapshot(truth) as connection:
        assert read_changes(connection, start.revision, start.token).known
        assert not read_changes(connection, start.revision, uuid4()).known
        assert not read_changes(connection, start.revision + 1, start.token).known


def test_a_table_may_join_the_log_later(truth: Truth) -> None:
    execute(truth, "CREATE TABLE dbo.later (row_id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, x int)")
    before = changes(truth)
    for _ in range(2):
        with truth.engine.begin() as connection:
            attach(connection, "dbo", "later")
    start = changes(truth)
    assert start.fingerprint != before.fingerprint
    execute(truth, "INSERT INTO dbo.later (x) VALUES (1)")
    assert set(changes(truth, start).ranges) == {"dbo.later"}


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE dbo.raw ADD COLUMN seeing real",
        "ALTER TABLE dbo.raw DROP COLUMN slit_path",
        "ALTER TABLE dbo.raw RENAME COLUMN slit_path TO slit",
        "ALTER TABLE dbo.raw ALTER COLUMN exposure TYPE double precision",
        "ALTER TABLE dbo.raw ALTER COLUMN mjd_obs TYPE double precision USING mjd_obs + 1",
        "ALTER TABLE dbo.raw DISABLE TRIGGER record_insert",
        "DROP TRIGGER record_delete ON dbo.raw",
        "DROP TABLE dbo.raw",
    ],
)
def test_changes_that_no_trigger_sees_change_the_fingerprint(truth: Truth, statement: str) -> None:
    execute(truth, INSERT.format("A", 3))
    start = changes(truth)
    assert changes(truth, start).fingerprint == start.fingerprint
    execute(truth, statement)
    assert changes(truth, start).fingerprint != start.fingerprint


def test_each_commit_is_announced(truth: Truth) -> None:
    with closing(psycopg2.connect(truth.url)) as listener:
        listener.autocommit = True
        with listener.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
            execute(truth, INSERT.format("A", 1))
            cursor.execute("SELECT 1")
        heard = [int(notice.payload) for notice in listener.notifies]
    assert heard == [changes(truth).revision]


def as_superuser(truth: Truth) -> None:
    """Skip a test that an ordinary role of an external server cannot run."""
    with truth.engine.connect() as connection:
        if connection.execute(sa.text("SHOW is_superuser")).scalar_one() != "on":
            pytest.skip("needs a superuser of the server")


def test_a_writer_needs_no_right_on_the_log(truth: Truth) -> None:
    as_superuser(truth)
    role = f"writer_{uuid4().hex}"
    start = changes(truth)
    execute(truth, f"CREATE ROLE {role}", f"GRANT USAGE ON SCHEMA dbo TO {role}", f"GRANT INSERT ON dbo.raw TO {role}")
    try:
        execute(truth, f"SET LOCAL ROLE {role}", INSERT.format("A", 2))
        assert named(changes(truth, start)) == row_ids(truth)
    finally:
        execute(truth, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_rows_that_come_by_replication_are_recorded(truth: Truth) -> None:
    as_superuser(truth)
    start = changes(truth)
    execute(truth, "SET LOCAL session_replication_role = replica", INSERT.format("A", 2))
    assert named(changes(truth, start)) == row_ids(truth)


def test_a_bulk_copy_is_one_range(truth: Truth) -> None:
    start = changes(truth)
    connection = truth.engine.raw_connection()
    with connection.cursor() as cursor:
        cursor.copy_expert("COPY dbo.raw (dp_id) FROM STDIN", StringIO("".join(f"A{n}\n" for n in range(50_000))))
    connection.commit()
    connection.close()
    after = changes(truth, start)
    ((lo, hi),) = after.ranges["dbo.raw"]
    assert hi - lo + 1 == 50_000


def test_old_lines_are_forgotten_but_never_the_last_nor_what_a_replica_needs(truth: Truth) -> None:
    start = changes(truth)
    for name in "ABCD":
        execute(truth, INSERT.format(name, 1))
    with truth.engine.begin() as connection:
        write_progress(connection, "replica", start.revision + 2)
        assert prune_changes(connection, keep_days=1) == 0
        connection.execute(sa.text("UPDATE archive.revision SET committed = committed - interval '2 days'"))
        assert prune_changes(connection, keep_days=1) == 2
    assert not changes(truth, start).known
    with snapshot(truth) as connection:
        assert len(named(read_changes(connection, start.revision + 2))) == 2
    with truth.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM archive.follower"))
        prune_changes(connection, keep_days=1)
        assert prune_changes(connection, keep_days=1) == 0
    assert changes(truth).revision == start.revision + 4


def _write(truth: Truth, name: str, rounds: int, seed: int) -> int:
    """Commit and roll back in many ways; gives the number of rows committed."""
    chance = random.Random(seed)
    committed = 0
    with truth.engine.connect() as connection:
        for number in range(rounds):
            connection.execute(sa.text(INSERT.format(f"{name}-{number}-", 2)))
            rows = 2
            if chance.random() < 0.3:
                nested = connection.begin_nested()
                connection.execute(sa.text(INSERT.format(f"{name}-{number}-nested-", 1)))
                if chance.random() < 0.5:
                    nested.rollback()
                else:
                    nested.commit()
                    rows += 1
            if chance.random() < 0.2:
                connection.execute(sa.text("SET CONSTRAINTS ALL IMMEDIATE"))
                connection.execute(sa.text(INSERT.format(f"{name}-{number}-late-", 1)))
                rows += 1
            if chance.random() < 0.3:
                time.sleep(0.005)
            if chance.random() < 0.2:
                connection.rollback()
            else:
                connection.commit()
                committed += rows
    return committed


def test_a_follower_misses_nothing_of_many_writers(truth: Truth) -> None:
    held: dict[int, str] = {}
    mark = changes(truth)
    done = threading.Event()

    def follow() -> Changes:
        with snapshot(truth) as connection:
            found = read_changes(connection, mark.revision, mark.token)
            assert found.known
            assert found.revision >= mark.revision
            for lo, hi in found.ranges.get("dbo.raw", ()):
                for row in [row for row in held if lo <= row <= hi]:
                    del held[row]
                rows = connection.execute(
                    sa.text("SELECT row_id, dp_id FROM dbo.raw WHERE row_id BETWEEN :lo AND :hi"), {"lo": lo, "hi": hi}
                )
                held.update(dict(iter(rows)))
            everything = connection.execute(sa.text("SELECT row_id, dp_id FROM dbo.raw"))
            assert held == dict(iter(everything))
        return found

    with ThreadPoolExecutor(7) as pool:
        writers = [pool.submit(_write, truth, f"W{number}", 40, number) for number in range(6)]
        for writer in writers:
            writer.add_done_callback(lambda _: done.set() if all(w.done() for w in writers) else None)
        looks = 0
        while not done.is_set():
            mark = follow()
            looks += 1
    mark = follow()
    assert looks > 5
    assert len(held) == sum(writer.result() for writer in writers)


def test_revisions_are_drawn_in_the_order_of_commits(truth: Truth) -> None:
    """Whoever sees a revision sees all lower ones, at any moment."""
    seen: set[int] = {changes(truth).revision}
    with ThreadPoolExecutor(4) as pool, truth.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        writers = [pool.submit(_write, truth, f"W{number}", 40, 100 + number) for number in range(4)]
        while not all(writer.done() for writer in writers):
            visible = set(connection.execute(sa.text("SELECT revision FROM archive.revision")).scalars())
            assert all(late > max(seen) for late in visible - seen)
            seen |= visible
