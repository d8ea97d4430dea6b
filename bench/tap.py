"""Measure TAP over HTTP on this machine: cones, dumps, memory.

    python -m bench.tap [--rows 1000000] [--out result.json]
    python -m bench.tap --url http://127.0.0.1:8080 --pid PID

Without --url an archive with invented products is made, served, measured and removed.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import platform
import statistics
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.archive import Served, served_archive
from bench.products import target_positions

BINARY2 = "application/x-votable+xml;serialization=BINARY2"
COLUMNS = (
    "obs_id, obs_publisher_did, access_url, target_name, s_ra, s_dec, t_min, instrument_name, dataproduct_type,"
    " access_estsize"
)
TRIVIAL = "SELECT TOP 1 obs_id FROM ivoa.obscore"
COUNT = "SELECT COUNT(*) AS n FROM ivoa.obscore"
_KIND = "instrument_name, dataproduct_type"
GROUPS = f"SELECT {_KIND}, COUNT(*) AS n FROM ivoa.obscore GROUP BY {_KIND}"
CLIENTS = (1, 4, 16)


class Client:
    """One kept connection to a TAP service.

    Attributes
    ----------
    server_timing
        What the server told of the last query, as its header of that name.
    """

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self.server_timing = ""
        self._path = parts.path.rstrip("/") + "/tap/sync"
        self._connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=600)

    def ask(self, query: str, **parameters: Any) -> tuple[float, float, int]:
        """Ask and read all: seconds to the first byte of the body, seconds in all, bytes."""
        form = {"LANG": "ADQL", "QUERY": query, "RESPONSEFORMAT": BINARY2, **parameters}
        began = time.perf_counter()
        self._connection.request(
            "POST", self._path, urllib.parse.urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"}
        )
        answer = self._connection.getresponse()
        self.server_timing = answer.getheader("Server-Timing", "")
        size = len(answer.read(1))
        first = time.perf_counter() - began
        while piece := answer.read(1 << 20):
            size += len(piece)
        if answer.status != 200:
            raise SystemExit(f"HTTP {answer.status} for: {query}")
        return first, time.perf_counter() - began, size

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Memory:
    """Resident memory of a process and its children, watched while a block runs; MiB."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self.peak = 0.0

    def now(self) -> float:
        """Resident memory now; NaN for an unknown process."""
        return sum(_resident(pid) for pid in _family(self._pid)) if self._pid else float("nan")

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Keep the largest value seen in `peak`."""
        done = threading.Event()
        self.peak = self.now()

        def watch() -> None:
            while not done.wait(0.05):
                self.peak = max(self.peak, self.now())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


def _family(pid: int) -> list[int]:
    """The serving process and its children, without the database server, which has a memory of its own."""
    children = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            name = Path(f"/proc/{child}/comm").read_text().strip()
            if not name.startswith("postgres"):
                children += _family(int(child))
    return [pid, *children]


def _resident(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


def cones(seed: int, radius: float = 0.1) -> Iterator[str]:
    """Cones around random targets and random places, in turn."""
    ra, dec = target_positions(seed)
    random = np.random.default_rng([seed, 99])
    while True:
        place = random.integers(len(ra))
        lon, lat = (
            (ra[place], dec[place]) if random.random() < 0.5 else (random.uniform(0, 360), random.uniform(-80, 20))
        )
        yield (
            f"SELECT {COLUMNS} FROM ivoa.obscore WHERE 1=CONTAINS(POINT('ICRS', s_ra, s_dec),"
            f" CIRCLE('ICRS', {lon:.6f}, {lat:.6f}, {radius}))"
        )


def latency(url: str, queries: Iterator[str], runs: int) -> dict[str, float]:
    """Times of one client, milliseconds."""
    client = Client(url)
    for _ in range(min(20, runs)):
        client.ask(next(queries))
    times = [client.ask(next(queries))[1] * 1000 for _ in range(runs)]
    client.close()
    return {
        "p50_ms": statistics.median(times),
        "p90_ms": float(np.percentile(times, 90)),
        "p99_ms": float(np.percentile(times, 99)),
        "runs": runs,
    }


def throughput(url: str, seed: int, clients: int, seconds: float) -> float:
    """Cones answered in a second to several clients."""
    end = time.monotonic() + seconds
    counts = [0] * clients

    def work(number: int) -> None:
        client = Client(url)
        queries = cones(seed + 1 + number)
        while time.monotonic() < end:
            client.ask(next(queries))
            counts[number] += 1
        client.close()

    _together([lambda number=number: work(number) for number in range(clients)])
    return sum(counts) / seconds


def _together(jobs: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def dump(url: str, rows: int, memory: Memory) -> dict[str, float]:
    """All rows of ten columns in BINARY2, and what that costs the server."""
    client = Client(url)
    before = memory.now()
    with memory.watched():
        first, seconds, size = client.ask(f"SELECT {COLUMNS} FROM ivoa.obscore", MAXREC=rows)
    client.close()
    return {
        "seconds": seconds,
        "first_byte_ms": first * 1000,
        "megabytes": size / 1e6,
        "megabytes_per_second": size / 1e6 / seconds,
        "rows_per_second": rows / seconds,
        "memory_before_mib": before,
        "memory_peak_mib": memory.peak,
        "memory_after_mib": memory.now(),
    }


def measure(url: str, pid: int | None, rows: int, seed: int, runs: int) -> dict[str, Any]:
    """All measurements, by name."""
    memory = Memory(pid)
    result: dict[str, Any] = {"idle_memory_mib": memory.now()}
    for name, query in (("trivial", TRIVIAL), ("count", COUNT), ("groups", GROUPS)):
        result[name] = latency(url, iter(lambda query=query: query, None), runs)
    result["cone_0p1deg"] = latency(url, cones(seed), runs)
    result["cones_per_second"] = {str(clients): throughput(url, seed, clients, 5.0) for clients in CLIENTS}
    result["dump_first"] = dump(url, rows, memory)
    result["dump"] = dump(url, rows, memory)
    result["cone_0p1deg_beside_a_dump"] = beside_a_dump(url, rows, seed)
    result["memory_at_the_end_mib"] = memory.now()
    return result


def beside_a_dump(url: str, rows: int, seed: int) -> dict[str, float]:
    """Cones while another client takes one dump after the other."""
    done = threading.Event()

    def take() -> None:
        client = Client(url)
        while not done.is_set():
            client.ask(f"SELECT {COLUMNS} FROM ivoa.obscore", MAXREC=rows)
        client.close()

    taker = threading.Thread(target=take)
    taker.start()
    try:
        return latency(url, cones(seed), 100)
    finally:
        done.set()
        taker.join()


def show(result: dict[str, Any], prefix: str = "") -> None:
    """Print the figures, one a line."""
    for name, value in result.items():
        if isinstance(value, dict):
            show(value, f"{prefix}{name}.")
        else:
            print(
                f"{prefix + name:45} {value:12.2f}" if isinstance(value, float) else f"{prefix + name:45} {value!s:>12}"
            )


def main() -> None:
    """Read the command line, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="address of a running archive that holds the products of bench.products")
    parser.add_argument("--pid", type=int, help="process of that server, to watch its memory")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--out", type=Path, help="write the figures as JSON too")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        if arguments.url:
            served = Served(arguments.url, arguments.pid, float("nan"), float("nan"))
        else:
            served = stack.enter_context(served_archive(arguments.rows, arguments.seed))
        result = {
            "rows": arguments.rows,
            "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}",
            "load_seconds": served.load_seconds,
            "serve_seconds": served.copy_seconds,
            **measure(served.url.rstrip("/"), served.pid, arguments.rows, arguments.seed, arguments.runs),
        }
    show(result)
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
