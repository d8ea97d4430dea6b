# ruff: noqa: S608 - names and versions come from the code, not from users.
"""Backups of the truth: one file, written by pg_dump, restored wholly or not at all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from schema.embedded import MAJOR_VERSION, TruthError, binaries
from schema.migrate import known_versions, migrate
from schema.tables import SCHEMAS
from schema.truth import Truth

_LOCK_SECONDS = 10


def write_backup(truth: Truth, file: Path) -> None:
    """Write the whole database to a file, as it is at one moment; the archive may be in use.

    The files of the observatory are not part of it: the stores hold them. The backup appears under its name when it is
    complete, and only its owner may read it.

    Raises
    ------
    TruthError
        Raised with a sentence if the file exists or cannot be written, or if there is no pg_dump for this server.
    """
    if file.exists():
        raise TruthError(f"The file {file} exists already; give another name.")
    program = _program("pg_dump", _server_version(truth))
    url, environment = _address(truth)
    making = file.with_name(f"{file.name}.{uuid4().hex}.part")
    try:
        with _open_private(making) as output:
            command = [str(program), "--format=custom", "--no-owner", "--no-privileges", f"--dbname={url}"]
            with tempfile.TemporaryFile() as said:
                done = subprocess.run(command, stdout=output, stderr=said, env=environment, check=False)  # noqa: S603
                _check(done.returncode, said, f"The backup {file} could not be written")
            os.fsync(output.fileno())
        # A link fails where a rename would replace what another has written in the meantime.
        os.link(making, file)
        _sync_folder(file.parent)
    except FileExistsError:
        raise TruthError(f"The file {file} exists already; give another name.") from None
    except OSError as error:
        raise TruthError(f"The backup {file} could not be written: {error.strerror}.") from None
    finally:
        making.unlink(missing_ok=True)


def restore_backup(truth: Truth, file: Path, *, replace: bool = False) -> None:
    """Make the database what a backup says, in one transaction, and bring it to the version of this code.

    The restored truth is another than the one that was backed up: replicas are made anew.

    Parameters
    ----------
    truth
        Where to restore; its tables need not exist.
    file
        Written by `write_backup`.
    replace
        True to give up what the archive holds now.

    Raises
    ------
    TruthError
        Raised with a sentence, and nothing is changed, if the archive holds something and `replace` is not set, if the
        file is no backup, was written by a later version of the archive or PostgreSQL, or if others use the database.
    """
    version = _server_version(truth)
    reader, writer = _program("pg_restore", version), _program("psql", version)
    if not file.is_file():
        raise TruthError(f"There is no file {file}.")
    if not replace and _holds_something(truth):
        raise TruthError("The archive is not empty; restore into a new one.")
    url, environment = _address(truth)
    with tempfile.TemporaryFile() as said:
        _check_backup(reader, file, environment, said)
        begin, end = _statements()
        command = [
            str(writer),
            "--no-psqlrc",
            "--quiet",
            "--single-transaction",
            "--set=ON_ERROR_STOP=1",
            "--output=/dev/null",
            f"--dbname={url}",
        ]
        with subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, env=environment
        ) as restoring:
            assert restoring.stdin is not None
            script = [str(reader), "--file=-", "--no-owner", str(file)]
            if not _feed(restoring.stdin, begin, script, end, environment):
                # Without the end of its input psql does not commit.
                restoring.kill()
        _check(restoring.returncode, said, f"The backup {file} could not be restored")
    migrate(truth.engine)


def _feed(sink: IO[bytes], begin: str, read: list[str], end: str, environment: Mapping[str, str]) -> bool:
    """Write the script of a restore to psql; False if the backup could not be read to its end."""
    try:
        with sink:
            sink.write(begin.encode())
            sink.flush()
            if subprocess.run(read, stdout=sink, env=environment, check=False).returncode != 0:  # noqa: S603
                return False
            sink.write(end.encode())
    except BrokenPipeError:  # psql has told why
        pass
    return True


def _statements() -> tuple[str, str]:
    names = ", ".join(SCHEMAS)
    versions = ", ".join(f"'{known}'" for known in known_versions())
    begin = f"SET lock_timeout = '{_LOCK_SECONDS}s';\nDROP SCHEMA IF EXISTS {names} CASCADE;\n"
    end = f"""
DO $$ BEGIN
    IF EXISTS (SELECT FROM archive.alembic_version WHERE version_num NOT IN ({versions})) THEN
        RAISE EXCEPTION 'it was written by a later version of the archive';
    END IF;
END $$;
DELETE FROM archive.follower;
UPDATE archive.truth SET uuid = gen_random_uuid(), made = timezone('UTC', now());
"""
    return begin, end


def _check_backup(reader: Path, file: Path, environment: Mapping[str, str], said: IO[bytes]) -> None:
    listing = subprocess.run(  # noqa: S603
        [str(reader), "--list", str(file)], stdout=subprocess.PIPE, stderr=said, env=environment, check=False
    )
    _check(listing.returncode, said, f"The file {file} is no backup that can be restored here")
    if b" TABLE archive truth " not in listing.stdout:
        raise TruthError(f"The file {file} is a backup of something else: it holds no archive.")


def _holds_something(truth: Truth) -> bool:
    with truth.engine.connect() as connection:
        for table in ("archive.file", "ivoa.obscore", "dbo.raw"):
            known = connection.execute(sa.text("SELECT to_regclass(:table)"), {"table": table}).scalar_one()
            if known is not None and connection.execute(sa.text(f"SELECT FROM {table} LIMIT 1")).first() is not None:
                return True
    return False


def _server_version(truth: Truth) -> int:
    with truth.engine.connect() as connection:
        return int(connection.execute(sa.text("SHOW server_version_num")).scalar_one()) // 10_000


def _program(name: str, version: int) -> Path:
    """Find a program of the same major version as the server: others write what it may not read."""
    if version == MAJOR_VERSION:
        return binaries() / name
    for place in (shutil.which(name), f"/usr/lib/postgresql/{version}/bin/{name}"):
        if place is not None and Path(place).exists():
            said = subprocess.run([place, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
            if re.search(rf"\b{version}\.", said):
                return Path(place)
    raise TruthError(
        f"The database is of PostgreSQL {version} and {name} of that version is not on the path: "
        f"install the client programs of PostgreSQL {version}."
    )


def _address(truth: Truth) -> tuple[str, dict[str, str]]:
    """Address without the password, which others could read in the list of processes, and an environment with it."""
    url = make_url(truth.url)
    environment = {name: value for name, value in os.environ.items() if name not in ("PGOPTIONS", "PGSERVICE")}
    environment["LC_ALL"] = "C"
    if url.password is not None:
        environment["PGPASSWORD"] = str(url.password)
        url = url.set(password=None)
    return url.render_as_string(), environment


@contextmanager
def _open_private(path: Path) -> Iterator[IO[bytes]]:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        yield file


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _check(code: int, said: IO[bytes], failure: str) -> None:
    if code == 0:
        return
    said.seek(0)
    lines = [line.strip() for line in said.read().decode(errors="replace").splitlines() if line.strip()]
    marked = [line for line in lines if "error:" in line or "ERROR:" in line]
    reason = re.sub(r"^.*?(error|ERROR): +", "", (marked or lines or ["no reason was given"])[0])
    raise TruthError(f"{failure}: {reason.rstrip('.')}.")
