from __future__ import annotations

from collections.abc import Iterator

import pytest
from linked import Linked, linked_archive


@pytest.fixture(scope="session")
def linked(truth_server: str, truth_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linked]:
    """A simulated night and its links; tests only read."""
    with linked_archive(truth_server, truth_template, tmp_path_factory.mktemp("linked")) as archive:
        yield archive
