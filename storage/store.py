"""A store keeps bytes once, under their SHA-256."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


class StorageError(Exception):
    """A store cannot do what is asked; the text says why in one sentence."""


class NoSpaceError(StorageError):
    """The store is full."""


class MissingBytesError(StorageError):
    """The store does not hold the bytes asked for."""


class ChangedWhileReadError(StorageError):
    """The source was written to while it was copied."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Part of a file.

    Attributes
    ----------
    start
        First byte, from 0.
    stop
        Byte after the last one.
    """

    start: int
    stop: int

    @property
    def length(self) -> int:
        """Number of bytes."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class StagedFile:
    """Bytes on their way into a store: written and synced, but not yet held.

    Attributes
    ----------
    path
        Where they lie.
    sha256
        Their checksum, 64 hexadecimal digits.
    size
        Their number.
    """

    path: Path
    sha256: str
    size: int


class Store(Protocol):
    """What every store can do.

    Bytes are durable when `adopt` or `put` returns. Putting bytes that are held changes nothing.
    """

    @property
    def name(self) -> str:
        """Name of the store in the table of copies."""

    def staging(self) -> AbstractContextManager[Path]:
        """Folder for one run of one process to stage files in; what it leaves behind goes away with it."""

    def adopt(self, staged: StagedFile) -> bool:
        """Hold staged bytes; they leave the staging folder.

        Returns
        -------
        bool
            False if the bytes were held before.

        Raises
        ------
        NoSpaceError
            Raised if the store is full; nothing half-written stays.
        """

    def put(self, source: BinaryIO) -> StagedFile:
        """Hold the bytes of a stream; the answer tells checksum and size."""

    def open(self, sha256: str) -> BinaryIO:
        """Open bytes for reading and seeking.

        Raises
        ------
        MissingBytesError
            Raised if they are not held.
        """

    def locate(self, sha256: str) -> str:
        """Place of the bytes inside the store, for people and for the table of copies."""

    def exists(self, sha256: str) -> bool:
        """Whether the bytes are held."""

    def size(self, sha256: str) -> int:
        """Number of bytes held under a checksum.

        Raises
        ------
        MissingBytesError
            Raised if they are not held.
        """

    def delete(self, sha256: str) -> None:
        """Forget bytes; those not held are no error."""

    def __iter__(self) -> Iterator[str]:
        """Checksums of all bytes held, in no order."""
