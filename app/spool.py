"""Where an answer waits for a slow client, so that its query may end."""

from __future__ import annotations

import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

_MEMORY_BYTES = 4 * 2**20
_BLOCK_BYTES = 2**20


class Spools:
    """Room for what waits, shared by all answers.

    Parameters
    ----------
    folder
        For files without a name, which go with the process.
    limit
        Most bytes in files, for all answers together.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self._left = limit
        self._lock = threading.Lock()

    def reserve(self, number: int) -> bool:
        """Take so many bytes of the room; False if there are not so many left."""
        with self._lock:
            if number > self._left:
                return False
            self._left -= number
        return True

    def give_back(self, number: int) -> None:
        """Give back what was taken."""
        with self._lock:
            self._left += number


class Spool:
    """What one answer has made and its client has not taken: the end in a file, the beginning in memory."""

    def __init__(self, room: Spools) -> None:
        self._room = room
        self._pieces: deque[bytes] = deque()
        self._in_memory = 0
        self._file: IO[bytes] | None = None
        self._read = self._written = self._reserved = 0

    def __bool__(self) -> bool:
        return bool(self._pieces) or self._read < self._written

    def add(self, piece: bytes) -> bool:
        """Let a piece wait; False if there is no room for it, on the disk either."""
        if self._read == self._written and self._in_memory + len(piece) <= _MEMORY_BYTES:
            self._pieces.append(piece)
            self._in_memory += len(piece)
            return True
        if not self._room.reserve(len(piece)):
            return False
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._room.folder, buffering=0)  # noqa: SIM115
            self._file.seek(self._written)
            _write(self._file, piece)
        except OSError:
            self._room.give_back(len(piece))
            return False
        self._reserved += len(piece)
        self._written += len(piece)
        return True

    def take(self) -> bytes:
        """Give the oldest of what waits."""
        if self._pieces:
            piece = self._pieces.popleft()
            self._in_memory -= len(piece)
            return piece
        assert self._file is not None
        self._file.seek(self._read)
        block = self._file.read(min(_BLOCK_BYTES, self._written - self._read))
        self._read += len(block)
        if self._read == self._written:
            self._empty()
        return block

    def close(self) -> None:
        """Give back memory, file and room."""
        self._pieces.clear()
        self._empty()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _empty(self) -> None:
        self._read = self._written = 0
        self._room.give_back(self._reserved)
        self._reserved = 0
        if self._file is not None and not self._file.closed:
            self._file.truncate(0)


def _write(file: IO[bytes], piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[file.write(rest) :]


def spooled(pieces: Iterator[bytes], can_take: Callable[[], bool], spool: Spool) -> Iterator[bytes]:
    """Give pieces as they come while the client takes them; let them wait, and make the next, while it does not.

    Parameters
    ----------
    pieces
        Parts of an answer.
    can_take
        Tells whether the client would take something now.
    spool
        Where pieces wait; when it has no more room, the answer is made as slowly as its client reads it.
    """
    try:
        for piece in pieces:
            while spool and can_take():
                yield spool.take()
            if not spool and can_take():
                yield piece
                continue
            while not spool.add(piece):
                if not spool:
                    yield piece
                    break
                yield spool.take()
        while spool:
            yield spool.take()
    finally:
        spool.close()
