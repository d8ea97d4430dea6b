from __future__ import annotations

from pathlib import Path

import pytest
from shop import Shop

from schema.publishing.publish import Shelf
from schema.truth import Truth


@pytest.fixture
def shop(truth: Truth, tmp_path: Path) -> Shop:
    (tmp_path / "files").mkdir()
    return Shop(Shelf(truth.engine, tmp_path / "catalogues", "512MB"), tmp_path / "files")
