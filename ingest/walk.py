"""Files to take in, from the paths that people name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.headers import is_fits_start
from ingest.translators.base import FITS_NAME


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A path that leads to no file that can be read.

    Attributes
    ----------
    path
        As it was found.
    reason
        One sentence.
    """

    path: Path
    reason: str


def find_files(paths: Iterable[Path]) -> Iterator[Path | Unreadable]:
    """Files named and files in the folders named, each once, folders in the order of their names.

    In folders, names that begin with a dot are left alone, and so are files that are FITS neither by name nor by their
    first bytes. Symbolic links are followed where they are named, and inside a folder when they lead to a file below.
    """
    seen: set[Path] = set()
    for path in paths:
        found = _in_folder(path, path.resolve()) if path.is_dir() else iter((path,))
        for item in found:
            key = item.path if isinstance(item, Unreadable) else _resolved(item)
            if key not in seen:
                seen.add(key)
                yield item


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except OSError:
        return path


def _in_folder(folder: Path, root: Path) -> Iterator[Path | Unreadable]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Unreadable(folder, f"The folder cannot be read: {error.strerror}.")
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _in_folder(path, root)
        elif entry.is_symlink() and not (_resolved(path).is_relative_to(root) and path.is_file()):
            continue
        elif FITS_NAME.search(entry.name) or _begins_like_fits(path):
            yield path


def _begins_like_fits(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return is_fits_start(file.read(80))
    except OSError:
        return False
