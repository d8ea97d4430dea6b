"""Files of jobs: what came with them and what they gave."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote

from uws.job import Result
from vo.dali.errors import TransientFault, UsageFault
from vo.dali.parameters import quoted

_INPUT = ".input"
_LONGEST_NAME = 200


class NoRoomFault(TransientFault):
    """Raised when a file of a job cannot be written: the disk is full or broken."""

    def __init__(self, error: OSError) -> None:
        super().__init__(
            f"The archive could not keep a file of this job ({os.strerror(error.errno or 0)}); "
            "ask for less at once, or try again later."
        )


class JobDirectory:
    """Files of one job, in a directory of its own that is made with the first of them.

    Parameters
    ----------
    path
        The directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def inputs(self) -> dict[str, Path]:
        """Files that came with the job, by the names of their parameters."""
        found = sorted((self.path / "inputs").glob(f"*{_INPUT}"))
        return {unquote(path.name.removesuffix(_INPUT)): path for path in found}

    def keep_input(self, name: str, source: BinaryIO) -> None:
        """Keep a file that came with the job; one of the same name is replaced.

        Raises
        ------
        UsageFault
            Raised for a name that no file can have.
        NoRoomFault
            Raised if it cannot be written; nothing of it stays.
        """
        file = quote(name, safe="")
        if not file or len(file) > _LONGEST_NAME:
            raise UsageFault(f"A file cannot be named {quoted(name)}: use a short name.")
        path = self.path / "inputs" / f"{file}{_INPUT}"
        _write(path, iter(lambda: source.read(2**20), b""))

    def result(self, result_id: str) -> Path:
        """Where a result is; the name is one that the job has given it."""
        return self.path / "results" / result_id

    def write_result(self, result_id: str, pieces: Iterable[bytes], mime_type: str) -> Result:
        """Write a result; it is there wholly or not at all.

        Raises
        ------
        NoRoomFault
            Raised if it cannot be written. What breaks the pieces is raised as it is.
        """
        size = _write(self.result(result_id), pieces)
        return Result(result_id, f"results/{result_id}", size, mime_type)

    def remove_results(self) -> None:
        """Delete what the job gave."""
        shutil.rmtree(self.path / "results", ignore_errors=True)

    def remove(self) -> None:
        """Delete all files of the job."""
        shutil.rmtree(self.path, ignore_errors=True)


class JobDirectories:
    """Directories of all jobs of a service.

    Parameters
    ----------
    root
        Where they lie; nothing else does.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def of(self, job_id: str) -> JobDirectory:
        """Directory of a job that exists."""
        return JobDirectory(self._root / job_id)

    def remove_orphans(self, known: Collection[str]) -> int:
        """Delete what belongs to no job; gives how many directories these were."""
        if not self._root.is_dir():
            return 0
        orphans = [path for path in self._root.iterdir() if path.name not in set(known)]
        for path in orphans:
            JobDirectory(path).remove()
        return len(orphans)


def _write(path: Path, pieces: Iterable[bytes]) -> int:
    """Write a file beside its place and move it there when it is whole; gives its size."""
    part = path.with_name(f"{path.name}.part")
    size = 0
    try:
        with _open(part) as out:
            for piece in pieces:
                size += _append(out, piece)
            _keep(out)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return size


def _open(part: Path) -> BinaryIO:
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        # Without a buffer: its rest would be written once more, and fail once more, when the file is closed.
        return part.open("wb", buffering=0)
    except OSError as error:
        raise NoRoomFault(error) from error


def _append(out: BinaryIO, piece: bytes) -> int:
    rest = memoryview(piece)
    try:
        while len(rest):
            rest = rest[out.write(rest) :]
    except OSError as error:
        raise NoRoomFault(error) from error
    return len(piece)


def _keep(out: BinaryIO) -> None:
    """Bring a file to the disk: a job that is told to be completed has its result even after a loss of power."""
    try:
        os.fdatasync(out.fileno())
    except OSError as error:
        raise NoRoomFault(error) from error
