"""An archive of its own for a measurement, served on a free port."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.products import write_products

START_SECONDS = 120


@dataclass(frozen=True)
class Served:
    """A running server: its address, its process, and how long the rows took to get in (seconds)."""

    url: str
    pid: int
    load_seconds: float
    copy_seconds: float


@contextlib.contextmanager
def served_archive(rows: int, seed: int) -> Iterator[Served]:
    """Make an archive with invented products, serve it, and remove all of it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="quipu-bench-"))
    # A server of the database that runs under an account of its own must be able to enter.
    folder.chmod(0o755)
    archive = folder / "archive"
    try:
        write_products(folder / "products.parquet", rows, seed)
        _quipu(archive, "init")
        began = time.monotonic()
        _quipu(archive, "load", "--table", "ivoa.obscore", str(folder / "products.parquet"))
        loaded = time.monotonic()
        port = _free_port()
        server = subprocess.Popen(_command(archive, "serve", "--port", str(port)))
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(f"{url}/tap/sync", server)
            yield Served(url, server.pid, loaded - began, time.monotonic() - loaded)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)
    finally:
        shutil.rmtree(folder)


def _command(archive: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "app", "--archive", str(archive), *arguments]


def _quipu(archive: Path, *arguments: str) -> None:
    subprocess.run(_command(archive, *arguments), check=True)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers a query: then the replica holds all rows."""
    query = f"{url}?LANG=ADQL&QUERY=SELECT+TOP+1+obs_id+FROM+ivoa.obscore"
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(query, timeout=10) as answer:
                answer.read()
                return
        except (urllib.error.URLError, OSError) as error:
            if server.poll() is not None:
                raise SystemExit(f"The server ended with status {server.returncode}.") from None
            if time.monotonic() > end:
                raise SystemExit(f"The server does not answer queries after {START_SECONDS} s: {error}.") from None
            time.sleep(0.1)
