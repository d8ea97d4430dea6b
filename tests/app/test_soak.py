"""Many clients of all kinds at once, for minutes, with a kill of the server among them."""

from __future__ import annotations

import csv
import http.client
import io
import os
import random
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from commands import Served, quipu

CLIENTS = 64
SECONDS = float(os.environ.get("QUIPU_SOAK_SECONDS", "300"))
MOST_MORE_BYTES = 500 * 2**20
"""Most memory over that of the idle server when all is over: what the engine and the allocator keep at hand."""
QUICK = "SELECT dp_id FROM ivoa.obscore ORDER BY dp_id"
MANY = "SELECT a.dp_id, b.s_ra, c.s_dec FROM ivoa.obscore AS a, ivoa.obscore AS b, ivoa.obscore AS c"
ENDLESS = "SELECT COUNT(*) AS n FROM " + ", ".join(f"ivoa.obscore AS t{number}" for number in range(9))
ENDLESS += " WHERE " + " + ".join(f"t{number}.s_ra" for number in range(9)) + " < 1"


@dataclass
class Load:
    """What the clients did and saw; a kill of the server excuses what was under way."""

    archive: Served
    rows: int
    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    finished: dict[str, bytes] = field(default_factory=dict)
    started: dict[str, str] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)
    kills: int = 0
    is_down: bool = False

    def client(self, seed: int) -> None:
        chance = random.Random(seed)
        acts = (self.cone, self.cone, self.cone, self.dump, self.upload, self.job, self.job, self.abort, self.leave)
        while not self.over.is_set():
            act = chance.choice(acts)
            kills = self.kills
            try:
                act(chance)
                self.done[act.__name__] += 1
            except (requests.RequestException, http.client.HTTPException, OSError, AssertionError) as error:
                if not self.is_down and kills == self.kills:
                    self.wrong.append(f"{act.__name__}: {type(error).__name__}: {error}"[:500])
                time.sleep(0.5)

    def post(self, path: str, **parameters: str) -> requests.Response:
        answer = requests.post(f"{self.archive.url}{path}", data=parameters, timeout=120)
        assert answer.status_code == 200, f"{path} {answer.status_code} {answer.text[:300]}"
        return answer

    def cone(self, chance: random.Random) -> None:
        self.post("/scs/ivoa.obscore", RA=f"{chance.uniform(0, 360)}", DEC=f"{chance.uniform(-90, 90)}", SR="5")

    def dump(self, chance: random.Random) -> None:
        del chance
        table = self.post("/tap/sync", LANG="ADQL", QUERY=MANY, FORMAT="csv", MAXREC="10000000").text
        assert table.count("\n") == self.rows**3 + 1

    def upload(self, chance: random.Random) -> None:
        rows = chance.randint(1, 5000)
        table = "n,x\n" + "".join(f"{number},{chance.random()}\n" for number in range(rows))
        answer = requests.post(
            f"{self.archive.url}/tap/sync",
            data={
                "LANG": "ADQL",
                "FORMAT": "csv",
                "QUERY": "SELECT COUNT(*) AS n, MAX(u.n) AS m FROM TAP_UPLOAD.u AS u",
                "UPLOAD": "u,param:t",
            },
            files={"t": ("t.csv", table, "text/csv")},
            timeout=120,
        )
        assert answer.status_code == 200, answer.text[:300]
        assert list(csv.reader(io.StringIO(answer.text)))[1] == [str(rows), str(rows - 1)]

    def job(self, chance: random.Random) -> None:
        url = self.submit(QUICK)
        self.await_phase(url, "COMPLETED")
        result = requests.get(f"{url}/results/result", timeout=120)
        assert result.status_code == 200
        assert result.text.count("\n") == self.rows + 1
        if chance.random() < 0.5:
            # Before it is sent: a kill may take the answer away, but not the deed.
            del self.started[url]
            requests.delete(url, timeout=120, allow_redirects=False).raise_for_status()
        else:
            self.finished[url] = result.content

    def abort(self, chance: random.Random) -> None:
        # Where the kill takes the client's word away, the job ends by itself.
        url = self.submit(ENDLESS, EXECUTIONDURATION="10")
        time.sleep(chance.random())
        requests.post(f"{url}/phase", data={"PHASE": "ABORT"}, timeout=120).raise_for_status()
        self.await_phase(url, "ABORTED")

    def leave(self, chance: random.Random) -> None:
        client = http.client.HTTPConnection("127.0.0.1", self.archive.port, timeout=120)
        client.request("GET", "/tap/sync?" + urllib.parse.urlencode({"QUERY": ENDLESS}))
        time.sleep(chance.random())
        client.close()

    def submit(self, query: str, **parameters: str) -> str:
        answer = self.post("/tap/async", LANG="ADQL", QUERY=query, FORMAT="csv", PHASE="RUN", **parameters)
        self.started[answer.url] = query
        return answer.url

    def await_phase(self, url: str, wanted: str) -> None:
        deadline = time.monotonic() + 240
        while (phase := requests.get(f"{url}/phase", timeout=120).text) != wanted:
            assert phase in ("QUEUED", "EXECUTING"), f"{url} is {phase}, not {wanted}"
            assert time.monotonic() < deadline, f"{url} is still {phase}"
            requests.get(url, params={"WAIT": "10"}, timeout=120)

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self.client, args=(seed,)) for seed in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join()


def await_end(url: str) -> str:
    end = time.monotonic() + 240
    while (phase := requests.get(f"{url}/phase", timeout=60).text) in ("QUEUED", "EXECUTING"):
        assert time.monotonic() < end, f"{url} is still {phase}"
        time.sleep(1)
    return phase


def memory(archive: Served) -> int:
    """Bytes in memory of the server's worker."""
    assert archive.process is not None
    master = archive.process.pid
    (worker, *_) = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    status = Path(f"/proc/{worker}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


@pytest.mark.soak
def test_minutes_of_load_with_a_kill_lose_nothing(night: Path, new_archive: Callable[[str], Served]) -> None:
    archive = new_archive("soak")
    quipu("--archive", archive.directory, "ingest", night)
    archive.start()
    rows = requests.post(
        f"{archive.url}/tap/sync", data={"LANG": "ADQL", "QUERY": QUICK, "FORMAT": "csv"}, timeout=60
    ).text.count("\n")
    load = Load(archive, rows - 1)
    idle = memory(archive)
    with load.running():
        time.sleep(SECONDS / 2)
        load.is_down = True
        archive.kill()
        archive.start()
        load.kills += 1
        load.is_down = False
        time.sleep(SECONDS / 2)
    print(f"{dict(load.done)}; MiB idle {idle / 2**20:.0f}, after {memory(archive) / 2**20:.0f}")  # noqa: T201 - a report
    assert load.wrong == []
    assert min(load.done[act] for act in ("cone", "dump", "upload", "job", "abort", "leave")) > 0
    for url, result in load.finished.items():
        assert requests.get(f"{url}/results/result", timeout=60).content == result
    for url, query in load.started.items():
        if query == QUICK:
            # Also those whose client the kill has turned away.
            load.await_phase(url, "COMPLETED")
        else:
            assert await_end(url) in ("ABORTED", "ERROR")
    end = time.monotonic() + 60
    while memory(archive) > idle + MOST_MORE_BYTES:
        assert time.monotonic() < end, f"{memory(archive)} bytes, {idle} when idle"
        time.sleep(1)
    archive.stop()
