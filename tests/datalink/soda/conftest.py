from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pytest

from datalink.soda.filters import Product
from datalink.soda.parameters import read_soda_query
from datalink.soda.task import Cutout, CutRequest, Refusal, make_cutout
from vo.dali.parameters import Parameters

Cut = Callable[..., bytes | Refusal]


@pytest.fixture(scope="session")
def real_fits() -> Path:
    """Folder of the real files; tests that ask for it are marked `testdata`."""
    folder = Path(os.environ.get("QUIPU_TESTDATA", "/nonexistent")) / "data" / "fits"
    if not folder.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("QUIPU_TESTDATA names no folder with data/fits.")
        pytest.skip("QUIPU_TESTDATA is not set: no real files.")
    return folder


def open_path(path: Path) -> BinaryIO:
    return path.open("rb")


@pytest.fixture
def cut(tmp_path: Path) -> Cut:
    """Cut a file as a worker does: path, parameters by name, and what is known of the product."""
    folder = tmp_path / "cutouts"
    folder.mkdir()

    def make(path: Path, product: Product | None = None, most_bytes: int = 2**30, **values: str) -> bytes | Refusal:
        query = read_soda_query(Parameters([("ID", path.name), *values.items()]), most=1)
        (wanted,) = query.combinations
        request = CutRequest(
            partial(open_path, path), product or Product(path.name), wanted.filters, query.form, folder, most_bytes,
            wanted.asked,
        )  # fmt: skip
        made = make_cutout(request)
        if isinstance(made, Refusal):
            assert not list(folder.iterdir())
            return made
        assert isinstance(made, Cutout)
        content = made.path.read_bytes()
        assert made.size == len(content)
        made.path.unlink()
        return content

    return make
