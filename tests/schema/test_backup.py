from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from schema.backup import restore_backup, write_backup
from schema.changes import read_changes
from schema.embedded import TruthError
from schema.truth import Truth


@pytest.fixture
def held(truth: Truth) -> Truth:
    """Truth that holds three raw files, one with a name beyond ASCII."""
    execute(truth, "INSERT INTO dbo.raw (dp_id, object) VALUES ('A', NULL), ('B', 'ω Cen'), ('C', E'tab\\there')")
    return truth


@pytest.fixture
def backup(held: Truth, tmp_path: Path) -> Path:
    write_backup(held, tmp_path / "backup")
    return tmp_path / "backup"


@pytest.fixture
def other(truth: Truth) -> Iterator[Truth]:
    """An empty database on the same server."""
    name = f"{make_url(truth.url).database}_other"
    with truth.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))
    opened = Truth(make_url(truth.url).set(database=name).render_as_string(hide_password=False))
    yield opened
    opened.close()
    with truth.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


def execute(truth: Truth, *statements: str) -> None:
    with truth.engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def rows(truth: Truth) -> list[tuple[object, ...]]:
    with truth.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text("SELECT * FROM dbo.raw ORDER BY row_id"))]


def test_a_backup_restored_elsewhere_holds_the_same_rows(held: Truth, other: Truth, backup: Path) -> None:
    restore_backup(other, backup)
    assert rows(other) == rows(held)
    assert len(rows(other)) == 3


def test_a_restored_truth_is_another_and_goes_on_recording(held: Truth, other: Truth, backup: Path) -> None:
    restore_backup(other, backup)
    with held.engine.connect() as before, other.engine.connect() as after:
        old, new = read_changes(before, None), read_changes(after, None)
    assert new.truth != old.truth
    assert new.revision >= old.revision
    execute(other, "INSERT INTO dbo.raw (dp_id) VALUES ('D')")
    with other.engine.connect() as connection:
        changed = read_changes(connection, new.revision, new.token)
    assert changed.revision > new.revision
    ((lo, hi),) = changed.ranges["dbo.raw"]
    assert lo == hi == rows(other)[-1][0]


def test_an_archive_that_holds_something_is_not_overwritten_unasked(held: Truth, backup: Path) -> None:
    execute(held, "DELETE FROM dbo.raw WHERE dp_id = 'A'")
    before = rows(held)
    with pytest.raises(TruthError, match="not empty"):
        restore_backup(held, backup)
    assert rows(held) == before
    restore_backup(held, backup, replace=True)
    assert len(rows(held)) == 3


def test_a_backup_is_readable_by_its_owner_alone(backup: Path) -> None:
    assert backup.stat().st_mode & 0o777 == 0o600


def test_nothing_but_the_backup_is_left_behind(held: Truth, backup: Path) -> None:
    with pytest.raises(TruthError, match="exists already"):
        write_backup(held, backup)
    with pytest.raises(TruthError, match="could not be written: No such file or directory"):
        write_backup(held, backup.parent / "missing" / "backup")
    assert [path.name for path in backup.parent.iterdir()] == ["backup"]


def test_a_dump_that_fails_leaves_no_file(held: Truth, tmp_path: Path) -> None:
    held.url = make_url(held.url).set(database="nothing").render_as_string(hide_password=False)
    with pytest.raises(TruthError, match=r'could not be written: .*"nothing" does not exist\.'):
        write_backup(held, tmp_path / "backup")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_nothing_stays(held: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(TruthError, match="could not be written: No space left on device"):
        write_backup(held, tmp_path / "backup")
    assert list(tmp_path.iterdir()) == []


def test_half_a_backup_changes_nothing(held: Truth, other: Truth, tmp_path: Path) -> None:
    execute(held, "INSERT INTO dbo.raw (dp_id) SELECT md5(n::text) FROM generate_series(1, 20000) AS n")
    write_backup(held, tmp_path / "backup")
    before = rows(held)
    os.truncate(tmp_path / "backup", (tmp_path / "backup").stat().st_size * 3 // 4)
    with pytest.raises(TruthError, match=r"could not be restored|no backup that can be restored"):
        restore_backup(held, tmp_path / "backup", replace=True)
    assert rows(held) == before


@pytest.mark.parametrize("content", [b"", b"SELECT 1;\n", b"PGDMP"], ids=["empty", "text", "cut"])
def test_what_is_no_backup_is_told(held: Truth, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(TruthError, match="is no backup that can be restored here") as caught:
        restore_backup(held, tmp_path / "file", replace=True)
    assert "\n" not in str(caught.value)
    assert len(rows(held)) == 3


def test_a_missing_file_is_told(truth: Truth, tmp_path: Path) -> None:
    with pytest.raises(TruthError, match="There is no file"):
        restore_backup(truth, tmp_path / "missing")


def test_a_dump_of_something_else_is_told(held: Truth, other: Truth, tmp_path: Path) -> None:
    write_backup(other, tmp_path / "backup")
    with pytest.raises(TruthError, match="holds no archive"):
        restore_backup(held, tmp_path / "backup", replace=True)
    assert len(rows(held)) == 3


def test_a_backup_of_a_later_version_is_refused_and_changes_nothing(held: Truth, tmp_path: Path) -> None:
    execute(held, "UPDATE archive.alembic_version SET version_num = '9999'")
    write_backup(held, tmp_path / "backup")
    execute(held, "UPDATE archive.alembic_version SET version_num = '0001'", "DELETE FROM dbo.raw WHERE dp_id = 'A'")
    with pytest.raises(TruthError, match="written by a later version of the archive"):
        restore_backup(held, tmp_path / "backup", replace=True)
    assert len(rows(held)) == 2


def test_a_database_in_use_is_not_replaced(held: Truth, backup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schema.backup._LOCK_SECONDS", 1)
    with held.engine.begin() as connection:
        connection.execute(sa.text("LOCK TABLE dbo.raw IN ACCESS SHARE MODE"))
        with pytest.raises(TruthError, match="lock timeout"):
            restore_backup(held, backup, replace=True)
    assert len(rows(held)) == 3
