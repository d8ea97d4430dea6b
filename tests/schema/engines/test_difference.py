"""The same query gives the same rows on both engines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from astropy.coordinates import SkyCoord
from databases import create_pg_sphere, new_truth

from schema.describe import describe
from schema.engines.dialect import render
from schema.engines.duckdb import DuckDbEngine
from schema.engines.duckdb_file import DuckDbSettings
from schema.engines.execute import Engine, Limits
from schema.engines.live import prepare_live
from schema.engines.postgresql import PostgreSqlEngine
from schema.engines.replica import Replica
from schema.obscore import obscore
from schema.published import published
from schema.replication.follower import Follower
from schema.replication.tables import replicated_tables
from tap.adql.compile import compile_query

CATALOGUE = published("https://archive.example/", "archive.example")
ROWS = 400


@dataclass
class Engines:
    """Both engines over the same rows."""

    replica: Engine
    live: Engine

    def answers(self, adql: str) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        query = compile_query(adql, CATALOGUE)
        return rows(self.replica, query), rows(self.live, query)


def rows(engine: Engine, query: Any) -> list[tuple[Any, ...]]:
    stream = engine.execute(query, Limits(None, 60))
    return [tuple(row) for batch in stream for row in zip(*(c.to_pylist() for c in batch.columns), strict=True)]


@pytest.fixture(scope="module", params=["plain", "pg_sphere"])
def engines(
    request: pytest.FixtureRequest, truth_server: str, truth_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engines]:
    tables = replicated_tables(CATALOGUE)
    with new_truth(truth_server, truth_template) as truth:
        if request.param == "pg_sphere":
            create_pg_sphere(truth.engine)
        with truth.engine.begin() as connection:
            connection.execute(sa.insert(obscore), [product(number) for number in range(ROWS)])
        has_pg_sphere = prepare_live(truth.engine, tables)
        assert has_pg_sphere is (request.param == "pg_sphere")
        folder = tmp_path_factory.mktemp("replica")
        replica = Replica(folder, tables, describe(CATALOGUE), DuckDbSettings("1GB", "1GB", 2))
        follower = Follower(replica, truth.engine, truth.url)
        follower.follow()
        yield Engines(
            DuckDbEngine(replica.cursor, render),
            PostgreSqlEngine(truth.engine, tables, describe(CATALOGUE), has_pg_sphere=has_pg_sphere),
        )
        follower.stop()
        replica.close()


def product(number: int) -> dict[str, Any]:
    given = number % 5 > 0
    return {
        "obs_id": f"night.{number // 3:06d}",
        "obs_collection": ("TOY", "toy", "Äther")[number % 3],
        "obs_publisher_did": f"ivo://archive.example/ID?TOY.{number}",
        "dp_id": f"TOY.{number}",
        "calib_level": number % 4,
        "s_ra": number * 0.9 if given else None,
        "s_dec": (number * 7 % 180) - 90.0 if given else None,
        "s_region": f"CIRCLE ICRS {number * 0.9} {(number * 7 % 180) - 90.0} 1" if given else None,
        "t_min": 50_000.0 + number,
        "t_max": 50_000.5 + number,
        "t_exptime": number * 0.1 if given else None,
        "em_min": 3e-7,
        "em_max": 1e-6,
        "s_xel1": number - 200 if given else None,
        "target_name": f"σ Ori {number % 7}" if given else None,
    }


@pytest.mark.parametrize(
    "adql",
    [
        "SELECT obs_id, s_ra, s_dec, access_url FROM ivoa.obscore ORDER BY dp_id",
        "SELECT TOP 7 dp_id, t_exptime FROM ivoa.obscore ORDER BY t_exptime DESC, dp_id",
        "SELECT dp_id, s_xel1 FROM ivoa.obscore ORDER BY s_xel1, dp_id",
        "SELECT obs_collection, COUNT(*) AS n, SUM(s_xel1) AS s, AVG(t_exptime) AS a, MIN(s_ra) AS lo, MAX(s_ra) AS hi"
        " FROM ivoa.obscore GROUP BY obs_collection ORDER BY n, obs_collection",
        "SELECT dp_id FROM ivoa.obscore WHERE obs_collection = 'TOY' AND s_ra BETWEEN 20 AND 60 ORDER BY dp_id",
        "SELECT dp_id FROM ivoa.obscore WHERE target_name LIKE 'σ%3' ORDER BY dp_id",
        "SELECT dp_id FROM ivoa.obscore WHERE s_ra IS NULL ORDER BY dp_id",
        "SELECT dp_id, s_xel1 / 7 AS q, s_xel1 * 3 AS p, 1.0 / s_xel1 AS r FROM ivoa.obscore ORDER BY dp_id",
        "SELECT dp_id, SQRT(s_xel1) AS r, LOG(t_exptime) AS l, MOD(s_xel1, 9) AS m FROM ivoa.obscore ORDER BY dp_id",
        "SELECT COUNT(DISTINCT target_name) AS n FROM ivoa.obscore WHERE calib_level > 1",
        "SELECT a.dp_id, b.dp_id AS other FROM ivoa.obscore AS a JOIN ivoa.obscore AS b ON a.obs_id = b.obs_id"
        " AND a.calib_level = b.calib_level + 1 ORDER BY a.dp_id, b.dp_id",
        "SELECT dp_id FROM ivoa.obscore WHERE 1 = CONTAINS(POINT('ICRS', s_ra, s_dec), CIRCLE('ICRS', 180, 0, 40))"
        " ORDER BY dp_id",
        "SELECT dp_id FROM ivoa.obscore WHERE DISTANCE(POINT('ICRS', s_ra, s_dec), POINT('ICRS', 0, -89)) < 20"
        " ORDER BY dp_id",
        "SELECT ivo_healpix_index(2, s_ra, s_dec) AS cell, COUNT(*) AS n FROM ivoa.obscore"
        " GROUP BY ivo_healpix_index(2, s_ra, s_dec) ORDER BY cell",
        "SELECT dp_id FROM ivoa.obscore WHERE 1 = CONTAINS(POINT(s_ra, s_dec), MOC('1/0-5,40 2/90')) ORDER BY dp_id",
        "SELECT dp_id FROM ivoa.obscore WHERE 0 = CONTAINS(POINT(s_ra, s_dec), MOC('1/0-5,40 2/90')) ORDER BY dp_id",
        "SELECT dp_id FROM ivoa.obscore WHERE 1 = CONTAINS(POINT(s_ra, s_dec), CIRCLE('GALACTIC', 0, 0, 30))"
        " ORDER BY dp_id",
        "SELECT dp_id, ivo_geom_transform('ICRS', 'ECLIPTIC', POINT(s_ra, s_dec)) AS p, ivo_healpix_center(29,"
        " ivo_healpix_index(29, s_ra, s_dec)) AS c, ivo_epoch_prop_pos(s_ra, s_dec, 9, 8, s_xel1, NULL, 2016, 2000)"
        " AS q FROM ivoa.obscore ORDER BY dp_id",
        "SELECT calib_level, ivo_histogram(t_exptime, 1, 30, 6) AS h, ivo_string_agg(target_name, '; ') AS t"
        " FROM ivoa.obscore GROUP BY calib_level ORDER BY calib_level",
        "SELECT dp_id, ivo_hasword(target_name, 'ORI Σ') AS w, ivo_nocasematch(target_name, 'Σ%') AS m,"
        " ivo_interval_overlaps(t_min, t_max, 50100, t_max) AS o FROM ivoa.obscore ORDER BY dp_id",
        "SELECT a.dp_id, b.dp_id AS other FROM ivoa.obscore AS a JOIN ivoa.obscore AS b ON"
        " 1 = CONTAINS(POINT(a.s_ra, a.s_dec), CIRCLE(POINT(b.s_ra, b.s_dec), 9.5)) ORDER BY a.dp_id, b.dp_id",
        "SELECT a.dp_id, b.dp_id AS other FROM ivoa.obscore AS a JOIN ivoa.obscore AS b ON"
        " DISTANCE(POINT(a.s_ra, a.s_dec), POINT(b.s_ra, b.s_dec)) <= 0 ORDER BY a.dp_id, b.dp_id",
        "SELECT a.dp_id, b.dp_id AS other FROM ivoa.obscore AS a JOIN ivoa.obscore AS b ON"
        " 1 = CONTAINS(POINT(a.s_ra, a.s_dec), b.s_region) ORDER BY a.dp_id, b.dp_id",
        "SELECT dp_id, AREA(s_region) AS a, CENTROID(s_region) AS c FROM ivoa.obscore ORDER BY dp_id",
        "SELECT DISTINCT obs_collection FROM ivoa.obscore ORDER BY obs_collection DESC",
        "SELECT dp_id, CAST(target_name AS INTEGER) AS a, CAST(s_xel1 AS VARCHAR(3)) AS b, CAST(s_ra AS INTEGER) AS c"
        " FROM ivoa.obscore ORDER BY dp_id",
        "SELECT table_name, column_name, datatype FROM tap_schema.columns ORDER BY table_name, column_index",
    ],
)
def test_both_engines_give_the_same_rows(adql: str, engines: Engines) -> None:
    replica, live = engines.answers(adql)
    assert len(replica) > 0
    assert len(replica) == len(live)
    for mine, theirs in zip(replica, live, strict=True):
        assert all(same(*pair) for pair in zip(mine, theirs, strict=True)), (mine, theirs)


def same(mine: Any, theirs: Any) -> bool:
    """Whether two cells are the same; sums and functions of real numbers may differ in the last digits."""
    if isinstance(mine, float) and isinstance(theirs, float):
        return math.isclose(mine, theirs, rel_tol=1e-14)
    if isinstance(mine, list) and isinstance(theirs, list):
        # Coordinates: what is next to zero has no digits to compare.
        return len(mine) == len(theirs) and all(
            math.isclose(*pair, rel_tol=1e-14, abs_tol=1e-12) for pair in zip(mine, theirs, strict=True)
        )
    return bool(mine == theirs)


def test_conditions_on_regions_of_columns_find_what_astropy_finds(engines: Engines) -> None:
    adql = "SELECT dp_id FROM ivoa.obscore WHERE INTERSECTS(s_region, CIRCLE('ICRS', 20, 30, 5)) = 1"
    with_region = [number for number in range(ROWS) if number % 5 > 0]
    wanted = {
        f"TOY.{number}"
        for number in with_region
        if SkyCoord(number * 0.9, (number * 7 % 180) - 90.0, unit="deg").separation(SkyCoord(20, 30, unit="deg")).deg
        < 6
    }
    assert len(wanted) > 0
    for found in engines.answers(adql):
        assert {row[0] for row in found} == wanted
