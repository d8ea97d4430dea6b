from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from schema.files import copy, file
from schema.truth import Truth
from storage.local import LocalStore
from storage.replicas import Replicas
from storage.store import MissingBytesError


@pytest.fixture
def stores(tmp_path: Path) -> dict[str, LocalStore]:
    return {name: LocalStore(tmp_path / name, name) for name in ("first", "second")}


@pytest.fixture
def replicas(truth: Truth, stores: dict[str, LocalStore]) -> Replicas:
    return Replicas(truth.engine, stores)


def hold(replicas: Replicas, dp_id: str, content: bytes, *stores: str) -> str:
    for name in stores:
        staged = replicas.stores[name].put(io.BytesIO(content))
    values = {"dp_id": dp_id, "sha256": staged.sha256, "size": len(content), "name": f"{dp_id}.fits"}
    with replicas.engine.begin() as connection:
        number = connection.scalar(
            sa.insert(file).values(values | {"content_type": "application/fits"}).returning(file.c.file_id)
        )
        for name in stores:
            connection.execute(
                sa.insert(copy).values(file_id=number, store=name, path=replicas.stores[name].locate(staged.sha256))
            )
    return staged.sha256


def test_a_file_is_found_with_and_without_its_ending(replicas: Replicas) -> None:
    sha256 = hold(replicas, "TOY.2024-03-10T01:02:03.004", b"bytes", "first")
    for name in ("TOY.2024-03-10T01:02:03.004", "TOY.2024-03-10T01:02:03.004.fits"):
        found = replicas.find(name)
        assert found is not None
        assert (found.sha256, found.size, found.stores) == (sha256, 5, ("first",))


@pytest.mark.parametrize("dp_id", ["", "nowhere", "TOY", "%", "x\x00y", "'; DROP TABLE file; --", "x" * 100_000])
def test_what_is_not_held_is_not_found(replicas: Replicas, dp_id: str) -> None:
    hold(replicas, "TOY.2024", b"bytes", "first")
    assert replicas.find(dp_id) is None


def test_an_identifier_that_ends_in_fits_goes_first(replicas: Replicas) -> None:
    whole = hold(replicas, "a.fits", b"one", "first")
    short = hold(replicas, "a", b"two", "first")
    assert [found.sha256 for name in ("a.fits", "a") if (found := replicas.find(name))] == [whole, short]


def test_a_copy_that_is_gone_or_cut_is_passed_over(replicas: Replicas, stores: dict[str, LocalStore]) -> None:
    sha256 = hold(replicas, "a", b"bytes", "first", "second")
    found = replicas.find("a")
    assert found is not None
    place = stores["first"].root / stores["first"].locate(sha256)
    place.chmod(0o644)
    place.write_bytes(b"byt")
    with replicas.open(found) as stream:
        assert stream.name.startswith(str(stores["second"].root))
        assert stream.read() == b"bytes"
    stores["first"].delete(sha256)
    with replicas.open(found) as stream:
        assert stream.read() == b"bytes"
    stores["second"].delete(sha256)
    with pytest.raises(MissingBytesError, match="No copy of a "):
        replicas.open(found)


@pytest.mark.parametrize(
    ("release", "now", "public"),
    [
        (datetime(2024, 1, 1), datetime(2024, 1, 1), True),
        (datetime(2024, 1, 1, 0, 0, 1), datetime(2024, 1, 1), False),
        (None, datetime(2999, 1, 1), False),
    ],
)
def test_a_file_is_public_from_its_release_on(
    replicas: Replicas, release: datetime | None, now: datetime, public: bool
) -> None:
    hold(replicas, "a", b"bytes", "first")
    with replicas.engine.begin() as connection:
        connection.execute(sa.update(file).values(release_date=release))
    found = replicas.find("a")
    assert found is not None
    assert found.is_public(now) == public
