from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import flask
import pytest
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from schema.truth import Truth
from uws.directory import JobDirectories, JobDirectory
from uws.job import Client, ErrorSummary, Job, Result
from uws.joblist import JobList
from uws.limits import JobLimits
from uws.phases import Phase
from uws.postgresql import PostgresqlJobStore
from uws.routes import blueprint
from uws.runner import Runner, Stop
from vo.dali.errors import TransientFault, UsageFault

URL = "http://archive.example/jobs"
LIMITS = JobLimits(60, 600, timedelta(days=2), timedelta(days=10), waiting=2)


class Bench:
    """A task whose jobs do what their parameter DO says, and notes about them.

    Attributes
    ----------
    begun, ended
        Texts of their parameter NAME, in order.
    """

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.release = threading.Event()

    def __call__(self, job: Job, directory: JobDirectory, stop: Stop) -> tuple[Result, ...]:
        values = dict(job.parameters)
        name, wish = values.get("NAME", ""), values.get("DO", "finish")
        self.begun.append(name)
        try:
            match wish:
                case "wait":
                    stop.then(self.release.set)
                    self.release.wait(30)
                case "wait and ignore":
                    self.release.wait(30)
                case "misuse":
                    raise UsageFault("NAME is bad.")
                case "later":
                    raise TransientFault("Come back.")
                case "break":
                    raise RuntimeError("secret of the house")
                case "break late":
                    directory.write_result("result", self._broken(), "text/plain")
            inputs = b"".join(path.read_bytes() for path in directory.inputs.values())
            return (directory.write_result("result", [name.encode(), inputs], "text/plain;charset=utf-8"),)
        finally:
            self.ended.append(name)

    def _broken(self) -> Iterator[bytes]:
        yield b"first"
        raise UsageFault("Too late.")


class MakeJobs(Protocol):
    """Makes a job list on the truth of the test, and its runner, which works until the test ends."""

    def __call__(
        self, *, workers: int = 1, start: bool = True, service: str = "tap", limits: JobLimits = LIMITS
    ) -> tuple[JobList, Runner]: ...


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.release.set()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


@pytest.fixture
def make_jobs(truth: Truth, root: Path, bench: Bench) -> Iterator[MakeJobs]:
    with ExitStack() as made:

        def make(
            *, workers: int = 1, start: bool = True, service: str = "tap", limits: JobLimits = LIMITS
        ) -> tuple[JobList, Runner]:
            store = PostgresqlJobStore(truth.engine, service)
            runner = Runner(store, JobDirectories(root / service), bench, workers=workers, look_seconds=0.05)
            made.callback(runner.stop)
            if start:
                runner.start()
            return JobList(runner, limits, ("UPLOAD",)), runner

        yield make
        bench.release.set()


@pytest.fixture
def jobs(make_jobs: MakeJobs) -> JobList:
    """A list whose jobs wait in the queue for ever."""
    return make_jobs(start=False)[0]


@pytest.fixture
def working(make_jobs: MakeJobs) -> JobList:
    """A list whose jobs are run."""
    return make_jobs()[0]


def write_error(summary: ErrorSummary) -> tuple[bytes, str]:
    return f"Error: {summary.message}".encode(), "text/plain"


@pytest.fixture
def make_client() -> Callable[[JobList], FlaskClient]:
    def make(jobs: JobList) -> FlaskClient:
        app = flask.Flask("archive")
        identify = lambda: Client(flask.request.headers.get("X-Owner"), flask.request.headers.get("X-Address", "here"))  # noqa: E731
        routes = blueprint(
            jobs,
            url=URL,
            write_error=write_error,
            identify=identify,
            largest_request=100_000,
            largest_files=1_000_000,
        )
        app.register_blueprint(routes, url_prefix="/jobs")
        return app.test_client()

    return make


@pytest.fixture
def serve_jobs(make_client: Callable[[JobList], FlaskClient]) -> Iterator[Callable[[JobList], str]]:
    with ExitStack() as served:

        def serve(jobs: JobList) -> str:
            server = make_server("127.0.0.1", 0, make_client(jobs).application, threaded=True)
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            served.callback(server.server_close)
            served.callback(thread.join)
            served.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}/jobs"

        yield serve


def wait_for(reached: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def ended(client: FlaskClient, job_id: str) -> str:
    """Phase in which a job ends."""
    final = {phase.value for phase in Phase if phase.is_final}
    wait_for(lambda: client.get(f"/jobs/{job_id}/phase").text in final)
    return client.get(f"/jobs/{job_id}/phase").text
