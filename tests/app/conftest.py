"""Archives that run as their users run them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import Served, make_archive, quipu


@pytest.fixture(scope="session")
def archives() -> Iterator[Path]:
    """Folder for archives; short, and open to the account under which PostgreSQL runs where we are root."""
    folder = Path(tempfile.mkdtemp(prefix="quipu-app-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def night(archives: Path) -> Path:
    """A short simulated night."""
    folder = archives / "night"
    quipu("simulate", "--night", "2024-03-10", "--out", folder, "--frames", "24")
    return folder


@pytest.fixture(scope="session")
def new_archive(archives: Path) -> Iterator[Callable[[str], Served]]:
    """Make a new archive of a name; what still serves at the end is stopped."""
    made: list[Served] = []

    def make(name: str) -> Served:
        made.append(make_archive(archives / name))
        return made[-1]

    yield make
    for archive in made:
        archive.stop()


@pytest.fixture(scope="session")
def served(night: Path, new_archive: Callable[[str], Served]) -> Served:
    """The night, ingested and served; shared by all tests that do not stop it."""
    archive = new_archive("served")
    quipu("--archive", archive.directory, "ingest", night)
    archive.start()
    return archive
