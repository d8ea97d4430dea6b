"""Regions from the truth to the replica."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from schema.describe import describe
from schema.engines.dialect import render
from schema.engines.duckdb import DuckDbEngine
from schema.engines.duckdb_file import DuckDbSettings
from schema.engines.execute import Engine, Limits
from schema.engines.replica import Replica
from schema.obscore import obscore
from schema.observations import raw
from schema.published import published
from schema.replication.follower import Follower
from schema.replication.tables import replicated_tables
from schema.truth import Truth
from tap.adql.compile import compile_query

CATALOGUE = published("https://archive.example/", "archive.example")
REGIONS = {
    "square": "POLYGON ICRS 10 10 11 10 11 11 10 11",
    "circle": "CIRCLE J2000 10.5 12 0.7",
    "wide": "CIRCLE ICRS 40 10 35",
    "point": "POSITION ICRS 10.5 10.5",
    "far": "POLYGON ICRS 190 -10 191 -10 191 -11 190 -11",
    "unread": "ELLIPSE ICRS 10.5 10.5 1 1 0",
    "none": None,
}
CONE = "INTERSECTS(s_region, circle('ICRS', 10.5, 10.9, 0.5))=1"
IN_CONE = {"square", "circle", "wide", "point"}


def dp_ids(engine: Engine, table: str, condition: str) -> set[str]:
    query = compile_query(f"SELECT dp_id FROM {table} WHERE {condition}", CATALOGUE)
    return {str(each) for batch in engine.execute(query, Limits(None, 60)) for each in batch.column(0).to_pylist()}


def test_the_replica_answers_cones_on_regions_of_both_tables(truth: Truth, tmp_path: Path) -> None:
    tables = replicated_tables(CATALOGUE)
    replica = Replica(tmp_path / "replica", tables, describe(CATALOGUE), DuckDbSettings("1GB", "1GB", 2))
    follower = Follower(replica, truth.engine, truth.url)
    engine = DuckDbEngine(replica.cursor, render)
    try:
        follower.follow()
        assert dp_ids(engine, "ivoa.obscore", CONE) == set()
        with truth.engine.begin() as connection:
            for table in (obscore, raw):
                given = {column.name for column in table.columns if not column.nullable} - {"row_id", "dp_id"}
                required: dict[str, Any] = {name: 1 if name == "calib_level" else "x" for name in given}
                rows: list[dict[str, Any]] = [
                    required | {"dp_id": name, "s_region": text} for name, text in REGIONS.items()
                ]
                for row in rows:
                    row |= {name: row["dp_id"] for name in ("obs_publisher_did",) if name in table.columns}
                connection.execute(sa.insert(table), rows)
        follower.follow()
        for name in ("ivoa.obscore", "dbo.raw"):
            assert dp_ids(engine, name, CONE) == IN_CONE
            assert dp_ids(engine, name, CONE.replace("=1", "=0")) == {"far"}
        with truth.engine.begin() as connection:
            connection.execute(sa.update(obscore).where(obscore.c.dp_id == "far").values(s_region=REGIONS["circle"]))
        follower.follow()
        assert dp_ids(engine, "ivoa.obscore", CONE) == IN_CONE | {"far"}
    finally:
        follower.stop()
        replica.close()
