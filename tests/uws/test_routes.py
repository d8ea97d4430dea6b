from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from lxml import etree

from tests.uws.conftest import URL, MakeJobs, ended
from uws.joblist import JobList
from uws.phases import Phase
from uws.store import JobStore

UWS = "{http://www.ivoa.net/xml/UWS/v1.0}"
HREF = "{http://www.w3.org/1999/xlink}href"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"

CheckXml = Callable[[bytes], None]


@pytest.fixture
def client(jobs: JobList, make_client: Callable[[JobList], FlaskClient]) -> FlaskClient:
    """Client of a list whose jobs wait in the queue for ever."""
    return make_client(jobs)


@pytest.fixture
def busy(working: JobList, make_client: Callable[[JobList], FlaskClient]) -> FlaskClient:
    """Client of a list whose jobs are run."""
    return make_client(working)


def create(client: FlaskClient, headers: dict[str, str] | None = None, **parameters: Any) -> str:
    response = client.post("/jobs", data=parameters, headers=headers)
    assert response.status_code == 303, response.text
    address = response.headers["Location"]
    assert address.startswith(f"{URL}/")
    return address.removeprefix(f"{URL}/")


def document(client: FlaskClient, path: str) -> etree._Element:
    response = client.get(f"/jobs{path}")
    assert response.status_code == 200, response.text
    assert response.content_type == "text/xml;charset=utf-8"
    return etree.fromstring(response.data)


def listed(client: FlaskClient, query: str = "", headers: dict[str, str] | None = None) -> list[str]:
    response = client.get(f"/jobs{query}", headers=headers)
    assert response.status_code == 200, response.text
    return [job.get("id") or "" for job in etree.fromstring(response.data).iter(f"{UWS}jobref")]


def fetch(client: FlaskClient, path: str, headers: dict[str, str] | None = None) -> Any:
    """Answer that may come from a file, which is closed."""
    with client.get(path, headers=headers) as response:
        response.get_data()
    return response


def said(response: Any, status: int) -> str:
    """The one sentence of a refusal."""
    assert (response.status_code, response.content_type) == (status, "text/plain;charset=utf-8")
    assert response.text.endswith(".\n")
    return str(response.text)


def test_a_new_job_is_pending_and_shows_what_it_was_given(client: FlaskClient) -> None:
    job = document(client, f"/{create(client, Query='SELECT 1', LANG='ADQL', RUNID='night 3')}")
    assert job.get("version") == "1.1"
    assert [job.findtext(f"{UWS}{name}") for name in ("phase", "runId", "executionDuration")] == [
        "PENDING",
        "night 3",
        "60",
    ]
    for name in ("ownerId", "quote", "startTime", "endTime"):
        assert job.find(f"{UWS}{name}").get(NIL) == "true"
    assert [(item.get("id"), item.text) for item in job.iter(f"{UWS}parameter")] == [
        ("Query", "SELECT 1"),
        ("LANG", "ADQL"),
        ("RUNID", "night 3"),
    ]
    created, destroyed = (
        datetime.fromisoformat(job.findtext(f"{UWS}{name}") or "") for name in ("creationTime", "destruction")
    )
    assert created.tzinfo is not None
    assert timedelta(days=2) - timedelta(seconds=5) < destroyed - created < timedelta(days=2, seconds=5)


@pytest.mark.testdata
@pytest.mark.parametrize("wish", ["finish", "misuse", "break"])
def test_every_document_is_valid(busy: FlaskClient, check_xml: CheckXml, wish: str) -> None:
    job_id = create(
        busy, DO=wish, NAME="a < b & \x01 ω", RUNID="\x02", PHASE="RUN", table=(io.BytesIO(b"rows"), "table.vot")
    )
    ended(busy, job_id)
    for path in ("", f"/{job_id}", f"/{job_id}/parameters", f"/{job_id}/results"):
        check_xml(busy.get(f"/jobs{path}").data)


@pytest.mark.testdata
def test_documents_of_pending_jobs_and_of_empty_lists_are_valid(client: FlaskClient, check_xml: CheckXml) -> None:
    check_xml(client.get("/jobs").data)
    job_id = create(client)
    for path in ("", f"/{job_id}", f"/{job_id}/parameters", f"/{job_id}/results"):
        check_xml(client.get(f"/jobs{path}").data)


@pytest.mark.parametrize("path", ["", "/"])
def test_the_list_answers_with_and_without_a_slash(client: FlaskClient, path: str) -> None:
    response = client.post(f"/jobs{path}")
    assert response.status_code == 303
    assert client.get(f"/jobs{path}").status_code == 200


def test_a_job_that_is_created_to_run_does(busy: FlaskClient) -> None:
    job_id = create(busy, NAME="done", phase="run")
    assert ended(busy, job_id) == "COMPLETED"
    (result,) = document(busy, f"/{job_id}/results")
    assert dict(result.attrib) == {
        "id": "result",
        HREF: f"{URL}/{job_id}/results/result",
        "size": "4",
        "mime-type": "text/plain;charset=utf-8",
    }
    job = document(busy, f"/{job_id}")
    assert [item.get("id") for item in job.iter(f"{UWS}parameter")] == ["NAME"]
    times = [job.findtext(f"{UWS}{name}") or "" for name in ("creationTime", "startTime", "endTime")]
    assert times == sorted(times)
    assert all(times)


def test_control_parameters_may_come_with_the_creation(client: FlaskClient) -> None:
    job_id = create(client, EXECUTIONDURATION="77", Destruction="2000-01-01T00:00:00Z", X="1")
    assert client.get(f"/jobs/{job_id}/executionduration").text == "77"
    assert client.get(f"/jobs/{job_id}/destruction").text == "2000-01-01T00:00:00.000Z"
    assert [item.get("id") for item in document(client, f"/{job_id}/parameters")] == ["X"]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"PHASE": "GO"}, ["PHASE", "GO", "RUN"]),
        ({"PHASE": "ABORT"}, ["PHASE", "RUN"]),
        ({"PHASE": ["RUN", "RUN"]}, ["PHASE", "2 times"]),
        ({"EXECUTIONDURATION": "-1"}, ["EXECUTIONDURATION", "-1"]),
        ({"EXECUTIONDURATION": "nan"}, ["EXECUTIONDURATION", "nan"]),
        ({"DESTRUCTION": "tomorrow"}, ["DESTRUCTION", "tomorrow"]),
        ({"DESTRUCTION": "0001-01-01T00:00:00+14:00"}, ["DESTRUCTION"]),
        ({"NAME": "nul\0"}, ["not text"]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_creation_that_cannot_be_read_makes_no_job(
    client: FlaskClient, parameters: dict[str, Any], words: list[str]
) -> None:
    sentence = said(client.post("/jobs", data=parameters), 400)
    assert all(word in sentence for word in words)
    assert listed(client) == []


def test_a_body_that_is_too_large_is_refused(client: FlaskClient) -> None:
    assert "100000 bytes" in said(client.post("/jobs", data={"QUERY": "x" * 200_000}), 413)
    assert listed(client) == []


def test_a_file_may_be_larger_than_other_requests(busy: FlaskClient) -> None:
    upload = (io.BytesIO(b"x" * 400_000), "table.vot")
    job_id = create(busy, UPLOAD="t,param:t", t=upload, PHASE="RUN")
    ended(busy, job_id)
    assert fetch(busy, f"/jobs/{job_id}/results/result").data == b"x" * 400_000


@pytest.mark.parametrize(
    ("text", "file", "sentence"),
    [(10, 2_000_000, "more than the 1100000 bytes"), (200_000, 500_000, "more than the 100000 bytes")],
    ids=["the file", "text beside it, while it comes"],
)
def test_what_is_too_large_of_several_parts_is_refused(
    jobs: JobList, serve_jobs: Callable[[JobList], str], text: int, file: int, sentence: str
) -> None:
    parts = {"QUERY": (None, "x" * text), "t": ("t.vot", b"y" * file)}
    response = requests.post(serve_jobs(jobs), files=parts, timeout=10)
    assert response.status_code == 413
    assert sentence in response.text


def test_the_result_is_the_file_and_its_parts(busy: FlaskClient) -> None:
    job_id = create(busy, NAME="0123456789", PHASE="RUN")
    ended(busy, job_id)
    whole = fetch(busy, f"/jobs/{job_id}/results/result")
    assert (whole.status_code, whole.data) == (200, b"0123456789")
    assert whole.headers["Content-Length"] == "10"
    assert whole.content_type == "text/plain;charset=utf-8"
    assert "Content-Disposition" not in whole.headers
    part = fetch(busy, f"/jobs/{job_id}/results/result", {"Range": "bytes=4-"})
    assert (part.status_code, part.data, part.headers["Content-Range"]) == (206, b"456789", "bytes 4-9/10")
    again = fetch(busy, f"/jobs/{job_id}/results/result", {"If-None-Match": whole.headers["ETag"]})
    assert again.status_code == 304


def test_what_a_failed_job_has_to_say_is_its_error(busy: FlaskClient) -> None:
    job_id = create(busy, DO="misuse", PHASE="RUN")
    assert ended(busy, job_id) == "ERROR"
    error = busy.get(f"/jobs/{job_id}/error")
    assert (error.status_code, error.text, error.content_type) == (200, "Error: NAME is bad.", "text/plain")
    summary = document(busy, f"/{job_id}").find(f"{UWS}errorSummary")
    assert (summary.get("type"), summary.get("hasDetail"), summary.findtext(f"{UWS}message")) == (
        "fatal",
        "true",
        "NAME is bad.",
    )
    said(busy.get(f"/jobs/{job_id}/results/result"), 404)


@pytest.mark.parametrize(
    ("wish", "kind", "sentence"),
    [
        ("later", "transient", "Come back."),
        ("break", "fatal", "The service failed on this job; its log says why."),
        ("break late", "fatal", "Too late."),
    ],
)
def test_failures_are_told_by_their_kind(busy: FlaskClient, wish: str, kind: str, sentence: str) -> None:
    job_id = create(busy, DO=wish, PHASE="RUN")
    assert ended(busy, job_id) == "ERROR"
    summary = document(busy, f"/{job_id}").find(f"{UWS}errorSummary")
    assert (summary.get("type"), summary.findtext(f"{UWS}message")) == (kind, sentence)


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/nothing/phase",
        "/nothing/results/result",
        "/../../etc",
        "/{}/error",
        "/{}/results/result",
        "/{}/results/..%2f..%2fsecret",
        "/{}/parameters/OTHER",
        "/{}/nonsense",
    ],
)
def test_what_does_not_exist_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(f"/jobs{path}".format(create(client, NAME="x"))).status_code == 404


def test_simple_things_are_plain_text(client: FlaskClient) -> None:
    job_id = create(client)
    for name, text in (("phase", "PENDING"), ("executionduration", "60"), ("quote", ""), ("owner", "")):
        response = client.get(f"/jobs/{job_id}/{name}")
        assert (response.status_code, response.text) == (200, text)
        assert response.content_type == "text/plain;charset=utf-8"


@pytest.mark.parametrize(
    ("wanted", "given"), [("0", "600"), ("1", "1"), ("+30", "30"), ("600", "600"), ("601", "600"), ("9" * 400, "600")]
)
def test_the_execution_duration_is_cut_to_the_limit(client: FlaskClient, wanted: str, given: str) -> None:
    job_id = create(client)
    response = client.post(f"/jobs/{job_id}/executionduration", data={"executionDuration": wanted})
    assert (response.status_code, response.headers["Location"]) == (303, f"{URL}/{job_id}")
    assert client.get(f"/jobs/{job_id}/executionduration").text == given


def test_the_destruction_is_cut_to_the_limit(client: FlaskClient) -> None:
    job_id = create(client)
    created = datetime.fromisoformat(document(client, f"/{job_id}").findtext(f"{UWS}creationTime") or "")
    for wanted, given in (
        (created + timedelta(days=1), created + timedelta(days=1)),
        (created + timedelta(days=9999), created + timedelta(days=10)),
        (created - timedelta(days=9), created - timedelta(days=9)),
    ):
        response = client.post(f"/jobs/{job_id}/destruction", data={"DESTRUCTION": wanted.isoformat()})
        assert response.status_code == 303
        found = datetime.fromisoformat(client.get(f"/jobs/{job_id}/destruction").text)
        assert abs(found - given) < timedelta(milliseconds=2)


@pytest.mark.parametrize(
    ("path", "parameters", "status"),
    [
        ("/phase", {}, 400),
        ("/phase", {"PHASE": "COMPLETED"}, 400),
        ("/executionduration", {"EXECUTIONDURATION": "1.5"}, 400),
        ("/executionduration", {}, 400),
        ("/destruction", {"DESTRUCTION": "2030-13-01"}, 400),
        ("", {}, 400),
        ("", {"QUERY": "SELECT 1"}, 400),
        ("", {"ACTION": "KEEP"}, 400),
        ("/parameters", {"QUERY": "half \0"}, 400),
    ],
)
def test_changes_that_cannot_be_read_change_nothing(
    client: FlaskClient, path: str, parameters: dict[str, str], status: int
) -> None:
    job_id = create(client, NAME="x")
    before = client.get(f"/jobs/{job_id}").data
    said(client.post(f"/jobs/{job_id}{path}", data=parameters), status)
    assert client.get(f"/jobs/{job_id}").data == before


def test_parameters_may_be_set_until_the_job_is_run(client: FlaskClient) -> None:
    job_id = create(client, QUERY="SELECT 1", upload="a,param:a")
    response = client.post(
        f"/jobs/{job_id}/parameters", data={"query": "SELECT 2", "UPLOAD": "b,param:b", "RUNID": "new"}
    )
    assert (response.status_code, response.headers["Location"]) == (303, f"{URL}/{job_id}")
    job = document(client, f"/{job_id}")
    assert [(item.get("id"), item.text) for item in job.iter(f"{UWS}parameter")] == [
        ("upload", "a,param:a"),
        ("query", "SELECT 2"),
        ("UPLOAD", "b,param:b"),
        ("RUNID", "new"),
    ]
    assert job.findtext(f"{UWS}runId") == "new"
    client.post(f"/jobs/{job_id}/phase", data={"PHASE": "RUN"})
    assert "QUEUED" in said(client.post(f"/jobs/{job_id}/parameters", data={"QUERY": "SELECT 3"}), 403)


def test_files_come_with_a_job_are_shown_by_reference_and_reach_it(busy: FlaskClient) -> None:
    job_id = create(busy, NAME="in: ", t1=(io.BytesIO(b"rows"), "a.vot"), UPLOAD="t1,param:t1")
    busy.post(f"/jobs/{job_id}/parameters", data={"../a b": (io.BytesIO(b" more"), "b.vot")})
    (first, second) = [
        item for item in document(busy, f"/{job_id}").iter(f"{UWS}parameter") if item.get("byReference") == "true"
    ]
    for item, name, content in ((first, "../a b", b" more"), (second, "t1", b"rows")):
        assert item.get("id") == name
        response = fetch(busy, (item.text or "").removeprefix("http://archive.example"))
        assert (response.status_code, response.data) == (200, content)
    busy.post(f"/jobs/{job_id}/phase", data={"PHASE": "RUN"})
    assert ended(busy, job_id) == "COMPLETED"
    assert fetch(busy, f"/jobs/{job_id}/results/result").data == b"in:  morerows"


def test_a_file_with_an_impossible_name_makes_no_job(client: FlaskClient) -> None:
    said(client.post("/jobs", data={"x" * 500: (io.BytesIO(b"rows"), "a.vot")}), 400)
    assert listed(client) == []


def test_a_value_that_xml_cannot_hold_is_given_by_reference(client: FlaskClient) -> None:
    job_id = create(client, QUERY="bell \a")
    (item,) = document(client, f"/{job_id}/parameters")
    assert item.get("byReference") == "true"
    assert client.get((item.text or "").removeprefix("http://archive.example")).text == "bell \a"


def test_running_twice_does_no_harm_and_running_what_has_ended_is_refused(client: FlaskClient) -> None:
    job_id = create(client)
    for _ in range(2):
        response = client.post(f"/jobs/{job_id}/phase", data={"PHASE": "RUN"})
        assert (response.status_code, response.headers["Location"]) == (303, f"{URL}/{job_id}")
        assert client.get(f"/jobs/{job_id}/phase").text == "QUEUED"
    for _ in range(2):
        assert client.post(f"/jobs/{job_id}/phase", data={"PHASE": "ABORT"}).status_code == 303
        assert client.get(f"/jobs/{job_id}/phase").text == "ABORTED"
    assert "ABORTED" in said(client.post(f"/jobs/{job_id}/phase", data={"PHASE": "RUN"}), 403)
    assert "ABORTED" in said(client.post(f"/jobs/{job_id}/executionduration", data={"EXECUTIONDURATION": "5"}), 403)


@pytest.mark.parametrize("method", ["DELETE", "POST"])
def test_a_deleted_job_is_gone(client: FlaskClient, method: str) -> None:
    job_id = create(client)
    response = client.open(f"/jobs/{job_id}", method=method, data={"ACTION": "DELETE"} if method == "POST" else None)
    assert response.status_code == 303
    # To the list, and a short one.
    assert response.headers["Location"] == f"{URL}?LAST=100"
    said(client.get(f"/jobs/{job_id}"), 404)
    said(client.delete(f"/jobs/{job_id}"), 404)
    assert listed(client) == []


def test_the_list_can_be_narrowed(client: FlaskClient, make_jobs: MakeJobs) -> None:
    first, second, third = (create(client, RUNID=str(number)) for number in range(3))
    client.post(f"/jobs/{second}/phase", data={"PHASE": "RUN"})
    client.post(f"/jobs/{third}/phase", data={"PHASE": "ABORT"})
    assert listed(client) == [third, second, first]
    assert listed(client, "?PHASE=QUEUED&phase=aborted") == [third, second]
    assert listed(client, "?PHASE=ARCHIVED") == []
    assert listed(client, "?LAST=2") == [third, second]
    assert listed(client, "?LAST=1&PHASE=PENDING") == [first]
    made = document(client, f"/{second}").findtext(f"{UWS}creationTime") or ""
    after = datetime.fromisoformat(made) + timedelta(milliseconds=1)
    assert listed(client, f"?AFTER={after.isoformat().replace('+00:00', 'Z')}") == [third]
    store: JobStore = make_jobs(start=False)[1].store
    store.set_phase(third, Phase.ABORTED, Phase.ARCHIVED)
    assert listed(client) == [second, first]
    assert listed(client, "?PHASE=ARCHIVED") == [third]


@pytest.mark.parametrize("query", ["PHASE=READY", "AFTER=yesterday", "LAST=0", "LAST=-1", "LAST=x", "LAST=1&LAST=2"])
def test_a_filter_that_means_nothing_is_refused(client: FlaskClient, query: str) -> None:
    said(client.get(f"/jobs?{query}"), 400)


def test_a_list_shows_to_each_what_is_theirs(client: FlaskClient) -> None:
    ana, ben, there = {"X-Owner": "ana"}, {"X-Owner": "ben"}, {"X-Address": "there"}
    of_ana, of_nobody, of_there = create(client, ana), create(client), create(client, there)
    assert listed(client, headers=ana) == [of_ana]
    assert listed(client, headers=ben) == []
    assert listed(client) == [of_nobody]
    assert listed(client, headers=there) == [of_there]
    # Whoever knows the identifier may use a job of nobody; a job with an owner is its owner's.
    assert client.get(f"/jobs/{of_there}", headers=ben).status_code == 200
    for headers in (ben, {}):
        said(client.get(f"/jobs/{of_ana}", headers=headers), 403)
        said(client.delete(f"/jobs/{of_ana}", headers=headers), 403)
    assert client.get(f"/jobs/{of_ana}/owner", headers=ana).text == "ana"


@pytest.mark.parametrize("query", ["WAIT=soon", "WAIT=-2", "WAIT=1.5", "WAIT=1&PHASE=READY"])
def test_a_wait_that_means_nothing_is_refused(client: FlaskClient, query: str) -> None:
    said(client.get(f"/jobs/{create(client)}?{query}"), 400)


def test_documents_are_not_cached(client: FlaskClient) -> None:
    assert client.get(f"/jobs/{create(client)}").headers["Cache-Control"] == "no-cache"
