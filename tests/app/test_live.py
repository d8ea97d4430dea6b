"""An archive whose database answers queries itself, over a real socket."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import pyvo
from commands import Served, quipu

QUERIES = (
    "SELECT dp_id, s_ra, s_dec, access_url FROM ivoa.obscore ORDER BY dp_id",
    "SELECT dp_id FROM ivoa.obscore WHERE 1=CONTAINS(POINT('ICRS', s_ra, s_dec), CIRCLE('ICRS', 83.6, -5.4, 2))"
    " ORDER BY dp_id",
    "SELECT dp_id FROM ivoa.obscore WHERE 1=INTERSECTS(s_region, CIRCLE('ICRS', 83.6, -5.4, 2)) ORDER BY dp_id",
    "SELECT dp_id, AREA(s_region) AS a FROM dbo.raw ORDER BY dp_id",
    "SELECT dp_cat, COUNT(*) AS n FROM dbo.raw GROUP BY dp_cat ORDER BY dp_cat",
)


@pytest.fixture(scope="module")
def live(night: Path, new_archive: Callable[[str], Served]) -> Iterator[Served]:
    archive = new_archive("live")
    settings = archive.directory / "quipu.toml"
    settings.write_text('engine = "postgresql"\n' + settings.read_text())
    archive.start()
    quipu("--archive", archive.directory, "ingest", night)
    yield archive
    archive.stop()


@pytest.mark.parametrize("adql", QUERIES)
def test_the_database_and_the_replica_answer_alike(adql: str, live: Served, served: Served) -> None:
    found, wanted = (
        pyvo.dal.TAPService(f"{archive.url}/tap").search(adql, maxrec=10_000).to_table() for archive in (live, served)
    )
    assert found.colnames == wanted.colnames
    assert len(found) == len(wanted) > 0
    for name in found.colnames:
        here, there = (
            [str(each).replace(archive.url, "") for each in table[name]]
            for archive, table in ((live, found), (served, wanted))
        )
        if found[name].dtype.kind == "f":
            assert [float(each) for each in here] == pytest.approx([float(each) for each in there], nan_ok=True)
        else:
            assert here == there


def test_what_is_ingested_is_seen_at_once(live: Served) -> None:
    assert "Replica" not in quipu("--archive", live.directory, "status").stdout
    assert not (live.directory / "replica").exists()


def test_a_backup_of_such_an_archive_serves_again(
    live: Served, archives: Path, new_archive: Callable[[str], Served]
) -> None:
    if "QUIPU_DATABASE_URL" in os.environ:
        pytest.skip("the backup of a database of others is restored into the one that the settings name")
    copy = archives / "live-copy"
    quipu("--archive", live.directory, "backup", archives / "live-backup")
    quipu("--archive", copy, "restore", archives / "live-backup")
    again = Served(copy)
    again.start()
    try:
        rows = pyvo.dal.TAPService(f"{again.url}/tap").search(QUERIES[2])
        assert len(rows) > 0
    finally:
        again.stop()
