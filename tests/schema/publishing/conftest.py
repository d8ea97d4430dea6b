from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from shop import Served, Shop

from schema.engines.dialect import render
from schema.engines.duckdb import DuckDbEngine
from schema.engines.duckdb_file import DuckDbSettings
from schema.engines.replica import Replica
from schema.published import published
from schema.publishing.current import CurrentCatalogues
from schema.publishing.publish import Shelf
from schema.replication.follower import Follower
from schema.replication.tables import replicated_tables
from schema.truth import Truth


@pytest.fixture
def shop(truth: Truth, tmp_path: Path) -> Shop:
    (tmp_path / "files").mkdir()
    return Shop(Shelf(truth.engine, tmp_path / "catalogues", "512MB"), tmp_path / "files")


@pytest.fixture
def served(shop: Shop, truth: Truth, tmp_path: Path) -> Iterator[Served]:
    tables = replicated_tables(published("https://archive.example", "archive.example"))
    with contextlib.ExitStack() as opened:
        replica = Replica(tmp_path / "replica", tables, {}, DuckDbSettings("1GB", "1GB", 2), shop.shelf.folder)
        opened.callback(replica.close)
        current = CurrentCatalogues("https://archive.example", "archive.example", shop.shelf.folder, replica.show)
        follower = Follower(replica, truth.engine, truth.url, notice=current.refresh)
        opened.callback(follower.stop)
        follower.follow()
        yield Served(shop, current, DuckDbEngine(replica.cursor, render), follower.follow)
