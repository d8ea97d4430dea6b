"""One file from its path to what the archive needs to take it."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.headers import NotTakenError, read_fits, require_regular
from ingest.obscore import Description, describe
from ingest.release import ReleaseRule
from ingest.sums import wrong_sums
from storage.checksums import sha256_of
from storage.local import stage_path
from storage.store import ChangedWhileReadError, StagedFile


@dataclass(frozen=True, slots=True)
class Examined:
    """A file and what was found.

    Attributes
    ----------
    path
        Where it was found.
    name
        Its name, as text that a database takes.
    staged
        Its bytes in the staging folder; None where they could not be read or are held already.
    held
        Checksum of bytes that the archive holds already, found without staging them; None otherwise.
    description
        What the archive writes down; None for a file that is refused or held. Its header is in `header`.
    header
        All headers as JSON text.
    reason
        Why the file is refused; None otherwise.
    """

    path: Path
    name: str
    staged: StagedFile | None = None
    held: str | None = None
    description: Description | None = None
    header: str = ""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """How files are examined.

    Attributes
    ----------
    folder
        Staging folder.
    authority
        IVOA authority of the archive.
    rule
        When files become public.
    """

    folder: Path
    authority: str
    rule: ReleaseRule

    def __call__(self, path: Path, known: frozenset[str] = frozenset()) -> Examined:
        """Stage a file and read its headers; what is wrong with the file becomes a reason.

        Parameters
        ----------
        path
            The file.
        known
            Checksums of held files that look like this one: its own is compared with them before anything is copied.

        Raises
        ------
        StorageError
            Raised if the archive cannot take more bytes.
        """
        name = printable(path.name)
        try:
            require_regular(path)
            if known:
                with path.open("rb") as source:
                    sha256, _ = sha256_of(source)
                if sha256 in known:
                    return Examined(path, name, held=sha256)
            staged = stage_path(path, self.folder)
        except (NotTakenError, ChangedWhileReadError) as error:
            return Examined(path, name, reason=f"{error}")
        except OSError as error:
            return Examined(path, name, reason=f"It cannot be read: {error.strerror or error}.")
        return self._described(Examined(path, name, staged), staged)

    def _described(self, examined: Examined, staged: StagedFile) -> Examined:
        try:
            fits = read_fits(staged.path, examined.name)
            fits = replace(fits, warnings=(*fits.warnings, *wrong_sums(staged.path, fits)))
            description = describe(fits, authority=self.authority, rule=self.rule, now=_now())
            header = json.dumps(description.header, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        except NotTakenError as error:
            return replace(examined, reason=f"{error}")
        except MemoryError:
            return replace(examined, reason="Its headers do not fit into memory.")
        except Exception as error:  # a header that nobody foresaw must not stop the others
            return replace(examined, reason=f"Its headers cannot be understood ({type(error).__name__}: {error}).")
        return replace(examined, description=replace(description, header={}), header=header)


def printable(name: str) -> str:
    """Name of a file as text, whatever bytes it has on disk."""
    text = os.fsencode(name).decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


Examine = Callable[[Path, frozenset[str]], Examined]
