from __future__ import annotations

import io
import subprocess
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from shutil import which

import flask
import pytest
import pyvo
from astropy.io.votable import parse
from pyvo.dal import DALQueryError
from pyvo.utils.http import create_session
from werkzeug.serving import make_server

import uws.routes
from schema.truth import Truth
from tap.jobs import ACCUMULATING, query_task, write_failure
from tap.service import TapService
from uws.directory import JobDirectories, JobDirectory
from uws.job import Job
from uws.joblist import JobList
from uws.limits import JobLimits
from uws.phases import Phase
from uws.postgresql import PostgresqlJobStore
from uws.runner import Runner, Stop
from vo.dali.errors import UsageFault

# pyvo reads answers as streams and leaves some of them to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def server(app: flask.Flask, service: TapService, truth: Truth, tmp_path: Path) -> Iterator[str]:
    """Address of the service, with jobs."""
    store = PostgresqlJobStore(truth.engine, "tap")
    runner = Runner(store, JobDirectories(tmp_path / "jobs"), query_task(service), workers=2, look_seconds=0.1)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    url = f"http://127.0.0.1:{server.server_port}/tap"
    jobs = JobList(runner, JobLimits(), ACCUMULATING)
    app.register_blueprint(
        uws.routes.blueprint(jobs, url=f"{url}/async", write_error=write_failure), url_prefix="/tap/async"
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    runner.start()
    yield url
    runner.stop()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def tap(server: str) -> Iterator[pyvo.dal.TAPService]:
    with create_session() as session:
        yield pyvo.dal.TAPService(server, session=session)


def test_pyvo_runs_a_query_as_a_job(tap: pyvo.dal.TAPService) -> None:
    rows = tap.run_async("first 20")
    assert len(rows) == 20
    assert rows["name"][1] == "Étoile 1"
    assert tap.get_job_list() == []


def test_pyvo_steers_a_job(tap: pyvo.dal.TAPService) -> None:
    job = tap.submit_job("first 5", maxrec=3)
    assert (job.phase, job.owner, job.quote, job.uws_version) == ("PENDING", None, None, "1.1")
    job.query = "first 7"
    assert job.query == "first 7"
    job.execution_duration = 10
    assert job.execution_duration.to_value("s") == 10
    before = job.destruction
    job.destruction = before + timedelta(days=1)
    assert job.destruction > before
    assert [listed.jobid for listed in tap.get_job_list()] == [job.job_id]
    job.run().wait()
    assert job.phase == "COMPLETED"
    assert job.result_uri == f"{job.url}/results/result"
    assert len(job.fetch_result()) == 3
    assert job.abort().phase == "COMPLETED"
    job.delete()
    assert tap.get_job_list() == []


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("wrong table", "Line 1, column 7: There is no table here of this name"),
        ("slow", "The query ran longer than 60 s"),
        ("late", "The query ran longer than 60 s"),
        ("unavailable", "being rebuilt"),
        ("deep", "nested too deeply"),
        ("broken", "its log says why"),
    ],
)
@pytest.mark.parametrize("form", ["votable", "csv"])
def test_pyvo_raises_the_sentence_of_a_failed_job(
    tap: pyvo.dal.TAPService, query: str, sentence: str, form: str
) -> None:
    job = tap.submit_job(query, RESPONSEFORMAT=form)
    job.run().wait()
    assert job.phase == "ERROR"
    assert job.results == []
    with pytest.raises(DALQueryError, match=sentence):
        job.raise_if_error()
    with create_session() as session:
        error = session.get(f"{job.url}/error")
    assert error.status_code == 200
    (status,) = [info for info in parse(io.BytesIO(error.content)).resources[0].infos if info.name == "QUERY_STATUS"]
    assert status.value == "ERROR"
    assert sentence in status.content


@pytest.mark.parametrize(
    ("parameters", "word"),
    [({"LANG": "PQL"}, "PQL"), ({"FORMAT": "xyz"}, "xyz"), ({"MAXREC": "x"}, "MAXREC"), ({}, "QUERY")],
)
def test_wrong_parameters_are_told_when_the_job_is_run(server: str, parameters: dict[str, str], word: str) -> None:
    with create_session() as session:
        created = session.post(f"{server}/async", data=parameters)
        assert b"PENDING" in created.content
        session.post(f"{created.url}/phase", data={"PHASE": "RUN"})
        job = session.get(created.url, params={"WAIT": "20", "PHASE": "EXECUTING"})
        while b">QUEUED<" in job.content or b">EXECUTING<" in job.content:
            job = session.get(created.url, params={"WAIT": "20"})
    assert b">ERROR<" in job.content
    assert word.encode() in job.content


@pytest.mark.skipif(which("stilts") is None, reason="STILTS is not installed")
def test_stilts_runs_a_query_as_a_job(server: str) -> None:
    done = subprocess.run(
        ["stilts", "tapquery", f"tapurl={server}", "sync=false", "adql=first 5", "parse=false", "poll=100", "ofmt=csv"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[0] == "n,name,ra,seen"
    assert len(done.stdout.splitlines()) == 6


@pytest.mark.parametrize("form", ["csv", "fits", "votable"])
def test_a_result_that_is_too_large_ends_the_job_with_the_limit(form: str, service: TapService, tmp_path: Path) -> None:
    parameters = (("LANG", "ADQL"), ("QUERY", "first 5000"), ("RESPONSEFORMAT", form))
    job = Job("j", Phase.EXECUTING, datetime(2026, 1, 1), datetime(2026, 1, 8), 0, parameters)
    with pytest.raises(UsageFault, match=r"more than the 10,000 bytes .* ask for fewer"):
        query_task(service, 10_000)(job, JobDirectory(tmp_path / "j"), Stop())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
