"""One DuckDB database file, opened by one process and closed to the outside world."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from schema.engines.duckdb_functions import register_functions
from schema.engines.execute import EngineUnavailableError
from schema.replication.tables import literal

_STEM = "quipu_replica"


@dataclass(frozen=True, slots=True)
class DuckDbSettings:
    """What DuckDB may use of the machine.

    Attributes
    ----------
    memory_limit
        As DuckDB writes it, such as ``2GB``.
    temp_limit
        Most bytes of temporary files, likewise.
    threads
        Threads of all queries together; None for one for each core.
    """

    memory_limit: str = "2GB"
    temp_limit: str = "20GB"
    threads: int | None = None


class DuckDbFile:
    """Owner of a database file: holds its lock, opens it hardened, makes it anew.

    Parameters
    ----------
    folder
        Holds the database ``quipu_replica.duckdb``, a lock and, while the database is open, temporary files. The name
        is fixed because DuckDB makes it a catalogue, which must not be named as a schema is.
    settings
        Limits.
    attachable
        Folder of further databases that may be attached; None for none. No query writes there: what users send reaches
        the engine as parameters only, and the compiler of queries knows no statement but SELECT.

    Raises
    ------
    EngineUnavailableError
        Raised when another process holds the file.
    """

    def __init__(self, folder: Path, settings: DuckDbSettings, attachable: Path | None = None) -> None:
        self._folder = folder
        self._attachable = attachable
        self._settings = settings
        self._temporary = folder / "temporary"
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise EngineUnavailableError(
                f"The replica in {folder} is in use by another process; only one server can work on it."
            ) from None
        self._generation = max((number for number, _ in self._generations()), default=0)
        self._remove_older()

    def open(self) -> duckdb.DuckDBPyConnection:
        """Open the database, made if it is missing.

        Raises
        ------
        duckdb.Error
            Raised when the file is damaged.
        OSError
            Raised when the file must not be read or written.
        """
        if self.path.exists():
            self.path.open("r+b").close()
        else:
            # A log without its database is what somebody left who deleted the one and not the other.
            self._log(self.path).unlink(missing_ok=True)
        # What a killed server spilled is of no use to anyone.
        shutil.rmtree(self._temporary, ignore_errors=True)
        connection = duckdb.connect(
            str(self.path),
            config={
                "memory_limit": self._settings.memory_limit,
                "temp_directory": str(self._temporary),
                "max_temp_directory_size": self._settings.temp_limit,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
                "allow_persistent_secrets": False,
                # Otherwise what a large copy or sort used stays with the process for good.
                "allocator_background_threads": True,
                "python_enable_replacements": False,
                **({} if self._settings.threads is None else {"threads": self._settings.threads}),
            },
        )
        register_functions(connection)
        # Last, for they close the door to further settings.
        if self._attachable is not None:
            connection.execute(f"SET allowed_directories = [{literal(f'{self._attachable}/')}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        return connection

    def renew(self) -> None:
        """Let the next `open` start with an empty database.

        It gets a name of its own: DuckDB hands the old database out again under its old name as long as one cursor
        lives.
        """
        self._generation += 1
        self._remove_older()

    @property
    def path(self) -> Path:
        """The database that `open` opens."""
        return self._folder / f"{_STEM}{f'_{self._generation}' if self._generation else ''}.duckdb"

    def _generations(self) -> list[tuple[int, Path]]:
        return [
            (int(number.removeprefix("_") or 0), path)
            for path in self._folder.glob(f"{_STEM}*.duckdb")
            if re.fullmatch(r"(_[0-9]+)?", number := path.stem.removeprefix(_STEM))
        ]

    def _remove_older(self) -> None:
        for generation, path in self._generations():
            if generation < self._generation:
                path.unlink(missing_ok=True)
                self._log(path).unlink(missing_ok=True)

    @staticmethod
    def _log(path: Path) -> Path:
        return path.with_name(f"{path.name}.wal")

    def close(self) -> None:
        """Give the lock back; the connection is closed by who opened it."""
        shutil.rmtree(self._temporary, ignore_errors=True)
        os.close(self._lock)
