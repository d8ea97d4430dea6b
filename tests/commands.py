"""An archive as its users run it: by commands, in processes of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

START_SECONDS = 120

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("QUIPU_")}
"""Without settings for one archive, which would hold for all."""


def quipu(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "app", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env=ENVIRONMENT,
    )
    if check and done.returncode:
        pytest.fail(f"quipu {' '.join(map(str, arguments))}\n{done.stdout}\n{done.stderr}")
    return done


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Served:
    """An archive and the process that serves it."""

    directory: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.directory.parent / f"{self.directory.name}.log").read_text(errors="replace")

    def start(self) -> None:
        with (self.directory.parent / f"{self.directory.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", "--archive", str(self.directory), "serve", "--port", str(self.port)],
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=ENVIRONMENT,
            )
        self.wait_until_available()

    def wait_until_available(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self.process is not None
            assert self.process.poll() is None, self.log
            try:
                with urllib.request.urlopen(f"{self.url}/tap/availability") as answer:
                    if b">true<" in answer.read():
                        return
            except (urllib.error.URLError, ConnectionError):
                pass
            time.sleep(0.1)
        pytest.fail(f"The server did not become available.\n{self.log}")

    def kill(self) -> None:
        """End the server and its worker at once, as a loss of power would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)


def make_archive(directory: Path) -> Served:
    """A new archive; on the PostgreSQL of QUIPU_DATABASE_URL, if that is set, in a database of its own."""
    address = os.environ.get("QUIPU_DATABASE_URL")
    if address is not None:
        url = make_url(address).set(database=f"quipu_{uuid4().hex}")
        server = make_url(address).set(drivername="postgresql+psycopg2")
        engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {url.database} TEMPLATE template0 ENCODING 'UTF8'"))
        directory.mkdir()
        (directory / "quipu.toml").write_text(f'[database]\nurl = "{url.render_as_string(hide_password=False)}"\n')
    quipu("--archive", directory, "init")
    return Served(directory)
