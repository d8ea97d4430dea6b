"""A whole archive saved and made again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import Served, quipu


@pytest.fixture
def backup(served: Served, archives: Path, request: pytest.FixtureRequest) -> Path:
    out = archives / f"backup-{request.node.name}"
    quipu("--archive", served.directory, "backup", out)
    return out


def test_a_restored_archive_holds_the_same_files(served: Served, backup: Path, archives: Path) -> None:
    again = archives / "again"
    quipu("--archive", again, "restore", backup)
    before = json.loads(quipu("--archive", served.directory, "status", "--json").stdout)
    after = json.loads(quipu("--archive", again, "status", "--checksums", "--json").stdout)
    assert after["disagreement"] == {"missing": [], "altered": [], "unknown": []}
    for number in ("files", "bytes", "products", "raw_frames"):
        assert after[number] == before[number] > 0
    assert (again / "quipu.toml").read_text() == (served.directory / "quipu.toml").read_text()


def test_a_backup_goes_into_a_new_directory_only(served: Served, archives: Path) -> None:
    done = quipu("--archive", served.directory, "backup", archives, check=False)
    assert done.returncode == 1
    assert done.stderr == f"Error: {archives} is not empty; name a new directory for the backup.\n"


def test_an_archive_is_not_overwritten_by_a_backup(served: Served, backup: Path) -> None:
    done = quipu("--archive", served.directory, "restore", backup, check=False)
    assert done.returncode == 1
    assert done.stderr == f"Error: {served.directory} is not empty; restore into a new directory.\n"


def test_damaged_bytes_are_not_restored(backup: Path, archives: Path) -> None:
    victim = next(path for path in sorted((backup / "store").rglob("*")) if path.is_file() and len(path.name) == 64)
    victim.chmod(0o644)
    with victim.open("r+b") as file:
        file.seek(100)
        file.write(b"?")
    done = quipu("--archive", archives / "damaged", "restore", backup, check=False)
    assert done.returncode == 1
    assert victim.name in done.stderr
    assert "damaged" in done.stderr


def test_what_is_no_backup_is_said(archives: Path, night: Path) -> None:
    done = quipu("--archive", archives / "none", "restore", night, check=False)
    assert done.returncode == 1
    assert done.stderr == f"Error: {night} is no backup: it holds no truth.dump.\n"
