"""A store in a folder of this machine: ``ab/cd/<sha256>``."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from storage.checksums import copy_with_sha256, is_sha256
from storage.store import ChangedWhileReadError, MissingBytesError, NoSpaceError, StagedFile, StorageError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_LOCK = "lock"
_UNBORN_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class LocalStore:
    """Bytes as read-only files named by their checksum.

    A file is written to a staging folder, synced, renamed to its place, and the folders are synced: under its final
    name it is whole, whenever the machine stops. A staging folder is locked by the process that made it; the lock
    dies with the process, and the next one to stage sweeps what a killed one left.

    Attributes
    ----------
    root
        Folder of the store; made when needed.
    name
        Name in the table of copies.
    """

    root: Path
    name: str = "local"

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Folder for one run to stage files in, removed at the end.

        Raises
        ------
        StorageError
            Raised if the store's folder cannot be written.
        """
        with _sentences(self.root):
            _make_folder(self._incoming)
            self._sweep()
            folder = self._incoming / uuid.uuid4().hex
            lock = self._lock_new(folder)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)

    def adopt(self, staged: StagedFile) -> bool:
        """Hold staged bytes; False if they were held before. A held file of another size is damaged and replaced."""
        place = self._place(staged.sha256)
        with _sentences(self.root):
            if place.exists() and place.stat().st_size == staged.size:
                staged.path.unlink(missing_ok=True)
                return False
            _make_folder(place.parent)
            staged.path.chmod(0o444)
            staged.path.rename(place)
            sync_folder(place.parent)
        return True

    def put(self, source: BinaryIO) -> StagedFile:
        """Hold the bytes of a stream."""
        with self.staging() as folder:
            staged = stage(source, folder)
            self.adopt(staged)
        return staged

    def open(self, sha256: str) -> BinaryIO:
        """Open bytes for reading and seeking."""
        try:
            return self._place(sha256).open("rb")
        except OSError as error:
            raise self._missing(sha256, error) from error

    def locate(self, sha256: str) -> str:
        """Path below the root."""
        return self._place(sha256).relative_to(self.root).as_posix()

    def exists(self, sha256: str) -> bool:
        """Whether the bytes are held."""
        return self._place(sha256).is_file()

    def size(self, sha256: str) -> int:
        """Number of bytes held under a checksum."""
        try:
            return self._place(sha256).stat().st_size
        except OSError as error:
            raise self._missing(sha256, error) from error

    def delete(self, sha256: str) -> None:
        """Forget bytes."""
        place = self._place(sha256)
        with _sentences(self.root):
            place.unlink(missing_ok=True)
            if place.parent.is_dir():
                sync_folder(place.parent)

    def __iter__(self) -> Iterator[str]:
        for path in self.root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*"):
            if is_sha256(path.name):
                yield path.name

    @property
    def _incoming(self) -> Path:
        return self.root / "incoming"

    def _place(self, sha256: str) -> Path:
        if not is_sha256(sha256):
            raise MissingBytesError(f"{sha256!r} is not a SHA-256 checksum.")
        return self.root / sha256[:2] / sha256[2:4] / sha256

    def _missing(self, sha256: str, error: OSError) -> MissingBytesError:
        return MissingBytesError(f"The store {self.name} cannot give {sha256}: {error.strerror}.")

    def _lock_new(self, folder: Path) -> int:
        """Make a folder with a lock in it that no sweeper can see without its lock."""
        hidden = folder.with_name(f".{folder.name}")
        hidden.mkdir()
        lock = os.open(hidden / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        hidden.rename(folder)
        return lock

    def _sweep(self) -> None:
        for folder in self._incoming.iterdir():
            if _abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _abandoned(folder: Path) -> bool:
    if folder.name.startswith("."):
        with suppress(OSError):
            return time.time() - folder.stat().st_mtime > _UNBORN_SECONDS
        return False
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR)
    except OSError:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(lock)


def stage(source: BinaryIO, folder: Path) -> StagedFile:
    """Write a stream to a file of its own in a staging folder, synced.

    Raises
    ------
    NoSpaceError
        Raised if the disk is full; the unfinished file is removed.
    StorageError
        Raised if the folder cannot be written.
    OSError
        Raised if the source cannot be read.
    """
    path = folder / uuid.uuid4().hex
    with _sentences(folder):
        sink = path.open("xb", buffering=0)

    def write(block: bytes) -> None:
        with _sentences(folder):
            rest = memoryview(block)
            while rest:
                rest = rest[sink.write(rest) :]

    try:
        with sink:
            sha256, size = copy_with_sha256(source, write)
            with _sentences(folder):
                os.fsync(sink.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return StagedFile(path, sha256, size)


def stage_path(path: Path, folder: Path) -> StagedFile:
    """Stage a file and make sure that nobody wrote to it meanwhile.

    Raises
    ------
    ChangedWhileReadError
        Raised if size or time of the file changed between open and close.
    OSError
        Raised if the file cannot be read.
    """
    with path.open("rb") as source:
        before = os.fstat(source.fileno())
        staged = stage(source, folder)
        after = os.fstat(source.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or staged.size != after.st_size:
        staged.path.unlink(missing_ok=True)
        raise ChangedWhileReadError(f"{path.name} was written to while it was read; try again when it is finished.")
    return staged


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_folder(folder: Path) -> None:
    """Make a folder and its parents, each durable."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        with suppress(FileExistsError):
            parent.mkdir()
        sync_folder(parent.parent)


@contextmanager
def _sentences(place: Path) -> Iterator[None]:
    """Turn errors of the system into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise NoSpaceError(f"The disk that holds {place} is full.") from error
        raise StorageError(f"The folder {place} cannot be written: {error.strerror or error}.") from error
