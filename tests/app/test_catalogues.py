"""Catalogues that come and go while an archive is served, over a real socket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvo
from astropy.coordinates import SkyCoord
from astropy.table import Table
from commands import Served, quipu

WORDS = """
description: Stars of a toy.
title: TOY
version: {version}
position: [ra, dec]
columns:
  ra: {{unit: deg, ucd: pos.eq.ra;meta.main, description: Right ascension.}}
  dec: {{unit: deg, ucd: pos.eq.dec;meta.main, description: Declination.}}
  n: {{ucd: meta.id;meta.main, description: Number.}}
"""
# What astroquery.eso asks for the latest version of each catalogue.
LATEST = (
    "SELECT table_name FROM TAP_SCHEMA.tables WHERE schema_name='safcat' AND cat_id IN ( SELECT t1.cat_id FROM"
    " TAP_SCHEMA.tables t1 LEFT JOIN TAP_SCHEMA.tables t2 ON (t1.title = t2.title AND t1.version < t2.version)"
    " WHERE t2.title IS NULL) ORDER BY table_name"
)


@pytest.fixture(scope="module")
def stars(archives: Path) -> Table:
    rng = np.random.default_rng(7)
    dec = np.degrees(np.arcsin(rng.uniform(-1, 1, 2000)))
    table = Table({"n": np.arange(2000), "ra": rng.uniform(0, 360, 2000), "dec": dec})
    table.write(archives / "stars.csv")
    table[:10].write(archives / "few.csv")
    for version in (1, 2):
        (archives / f"words{version}.yaml").write_text(WORDS.format(version=version))
    return table


def load(archive: Served, archives: Path, name: str, file: str, version: int, *options: str) -> None:
    words = archives / f"words{version}.yaml"
    quipu("--archive", archive.directory, "load", "--table", name, "--description", words, *options, archives / file)


def values(service: pyvo.dal.TAPService, query: str) -> list[str]:
    return [str(row[0]) for row in service.search(query).to_table()]


def test_catalogues_come_change_and_go_while_the_archive_is_served(
    served: Served, archives: Path, stars: Table
) -> None:
    service = pyvo.dal.TAPService(f"{served.url}/tap_cat")
    load(served, archives, "safcat.toy_v1", "stars.csv", 1)
    load(served, archives, "safcat.toy_v2", "stars.csv", 2)
    assert values(service, LATEST) == ["safcat.toy_v2"]
    cone = "SELECT n FROM safcat.TOY_v2 WHERE 1=CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', 10, 10, 15)) ORDER BY n"
    near = SkyCoord(stars["ra"], stars["dec"], unit="deg").separation(SkyCoord(10, 10, unit="deg")).deg < 15
    assert values(service, cone) == [str(number) for number in stars["n"][near]]
    load(served, archives, "safcat.toy_v2", "few.csv", 2, "--replace")
    assert values(service, "SELECT COUNT(*) AS n FROM safcat.toy_v2") == ["10"]
    assert {"safcat.toy_v1", "safcat.toy_v2"} <= set(service.tables.keys())
    quipu("--archive", served.directory, "drop", "--yes", "safcat.toy_v1")
    with pytest.raises(pyvo.dal.DALQueryError, match=r"no table safcat\.toy_v1"):
        service.search("SELECT * FROM safcat.toy_v1")
    quipu("--archive", served.directory, "drop", "--yes", "safcat.toy_v2")


def test_each_service_describes_its_own_tables(served: Served) -> None:
    instruments = values(
        pyvo.dal.TAPService(f"{served.url}/tap_obs"),
        "select table_name from TAP_SCHEMA.tables where schema_name='ist' order by table_name",
    )
    service = pyvo.dal.TAPService(f"{served.url}/tap")
    by_view = {name: values(service, f"SELECT COUNT(*) AS n FROM {name}")[0] for name in instruments}
    names = values(service, "SELECT DISTINCT instrument FROM dbo.raw WHERE instrument IS NOT NULL")
    assert len(instruments) == len({name.lower() for name in names}) > 1
    rows = values(service, "SELECT COUNT(*) AS n FROM dbo.raw WHERE instrument IS NOT NULL")
    assert sum(int(count) for count in by_view.values()) == int(rows[0])
    with pytest.raises(pyvo.dal.DALQueryError, match=r"no table ivoa\.obscore"):
        pyvo.dal.TAPService(f"{served.url}/tap_cat").search("SELECT TOP 1 * FROM ivoa.obscore")


def test_a_backup_holds_the_rows_of_catalogues(
    archives: Path, stars: Table, new_archive: Callable[[str], Served]
) -> None:
    archive = new_archive("with-catalogue")
    load(archive, archives, "safcat.toy", "stars.csv", 1)
    quipu("--archive", archive.directory, "backup", archives / "saved")
    quipu("--archive", archives / "restored", "restore", archives / "saved")
    again = Served(archives / "restored")
    again.start()
    try:
        service = pyvo.dal.TAPService(f"{again.url}/tap_cat")
        assert values(service, "SELECT COUNT(*) AS n FROM safcat.toy") == [str(len(stars))]
    finally:
        again.stop()
