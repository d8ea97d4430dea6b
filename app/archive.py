"""One archive in its directory: where its parts lie, and how they are opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.config import FILE_NAME, Config, config_template
from schema.migrate import migrate
from schema.truth import Truth, open_embedded, open_external
from storage.local import LocalStore


class ArchiveError(RuntimeError):
    """A directory that cannot be used as it is; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Archive:
    """The places of an archive.

    Attributes
    ----------
    config
        Its settings.
    """

    config: Config

    @property
    def directory(self) -> Path:
        """Where everything of the archive lies."""
        return self.config.directory

    @property
    def exists(self) -> bool:
        """Whether the directory holds an archive."""
        return (self.directory / FILE_NAME).is_file()

    @property
    def store(self) -> LocalStore:
        """The bytes."""
        return LocalStore(self.directory / "store")

    @property
    def quarantine(self) -> Path:
        """Where refused files are kept."""
        return self.directory / "quarantine"

    @property
    def jobs(self) -> Path:
        """Where the files of jobs lie, a directory a service."""
        return self.directory / "jobs"

    @property
    def cutouts(self) -> Path:
        """Where cutouts lie until they are sent; nothing in it is needed after a stop."""
        return self.directory / "cutouts"

    @property
    def replica(self) -> Path:
        """Where the columnar replica lies; may be deleted while nothing serves the archive."""
        return self.directory / "replica"

    @property
    def catalogues(self) -> Path:
        """Where the rows of loaded tables lie."""
        return self.directory / "catalogues"

    def create(self) -> bool:
        """Make what is missing; False if there was an archive already.

        Raises
        ------
        ArchiveError
            Raised if the directory holds something else, or cannot be written.
        """
        existed = self.exists
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            if not existed and not may_become_archive(self.directory):
                raise ArchiveError(
                    f"{self.directory} is not empty and holds no archive; name an empty or a new directory."
                )
            with self.open_truth() as truth:
                migrate(truth.engine)
            if not existed:
                (self.directory / FILE_NAME).write_text(config_template(), "utf-8")
        except OSError as error:
            raise ArchiveError(f"{self.directory} cannot be made an archive: {error.strerror}.") from error
        return not existed

    def require(self) -> None:
        """Check that the directory holds an archive.

        Raises
        ------
        ArchiveError
            Raised with the command that makes one.
        """
        if not self.exists:
            raise ArchiveError(
                f"{self.directory} holds no archive; make one with: quipu --archive {self.directory} init"
            )

    @contextmanager
    def open_truth(self) -> Iterator[Truth]:
        """Open the database of the archive, its own or the one that the settings name."""
        url = self.config.database.url
        truth = open_embedded(self.directory / "postgresql") if url is None else open_external(url)
        with truth:
            yield truth


def may_become_archive(directory: Path) -> bool:
    """Whether a directory is empty or holds what an interrupted attempt to make an archive of it left."""
    return not directory.exists() or {path.name for path in directory.iterdir()} <= {"postgresql", "store"}
