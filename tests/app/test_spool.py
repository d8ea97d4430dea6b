"""What a slow client has not taken yet waits, in its order, within bounds."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

import app.spool
from app.spool import Spool, Spools, spooled

PIECES = [random.Random(number).randbytes(number * 997 % 5000 + 1) for number in range(300)]


@pytest.fixture(autouse=True)
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.spool, "_MEMORY_BYTES", 10_000)


class Source:
    """Pieces, and how many were made."""

    def __init__(self) -> None:
        self.made = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in PIECES:
            self.made += 1
            yield piece


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("limit", [0, 20_000, 10**9])
def test_every_byte_arrives_once_and_in_order_however_the_client_reads(tmp_path: Path, seed: int, limit: int) -> None:
    moods = random.Random(seed)
    patience = moods.random()
    spools = Spools(tmp_path, limit)
    answer = b"".join(spooled(iter(PIECES), lambda: moods.random() < patience, Spool(spools)))
    assert answer == b"".join(PIECES)
    assert spools.reserve(limit)


def test_the_source_is_read_to_its_end_while_the_client_takes_nothing(tmp_path: Path) -> None:
    source = Source()
    answer = spooled(iter(source), lambda: False, Spool(Spools(tmp_path, 10**9)))
    next(answer)
    assert source.made == len(PIECES)


def test_a_quick_client_gets_each_piece_when_it_is_made(tmp_path: Path) -> None:
    source = Source()
    answer = spooled(iter(source), lambda: True, Spool(Spools(tmp_path, 10**9)))
    for number, piece in enumerate(answer, start=1):
        assert source.made == number
        assert piece == PIECES[number - 1]


def test_without_room_the_source_waits_for_the_client(tmp_path: Path) -> None:
    source = Source()
    answer = spooled(iter(source), lambda: False, Spool(Spools(tmp_path, 20_000)))
    next(answer)
    assert source.made < 30


def test_on_a_full_disk_the_source_waits_for_the_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(file: object, piece: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(app.spool, "_write", no_space)
    spools = Spools(tmp_path, 10**9)
    assert b"".join(spooled(iter(PIECES), lambda: False, Spool(spools))) == b"".join(PIECES)
    assert spools.reserve(10**9)


def test_an_answer_given_up_gives_back_its_room(tmp_path: Path) -> None:
    spools = Spools(tmp_path, 10**6)
    answer = spooled(iter(PIECES), lambda: False, Spool(spools))
    next(answer)
    assert not spools.reserve(10**6)
    answer.close()  # type: ignore[attr-defined]
    assert spools.reserve(10**6)
    assert list(tmp_path.iterdir()) == []
