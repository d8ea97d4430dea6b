"""Links of products, judged by the schemas of the IVOA, astropy, pyvo and STILTS."""

from __future__ import annotations

import io
import random
import re
import shutil
import subprocess
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import pyvo
import sqlalchemy as sa
from astropy.io import fits
from astropy.io.votable import parse
from astropy.io.votable.tree import VOTableFile
from linked import Linked

from schema.files import file
from schema.obscore import obscore

DATALINK = "application/x-votable+xml;content=datalink"
# The copy of the vocabulary that STILTS 3.4.7 carries is older than these terms.
KNOWN = re.compile("Unknown predicate '(detached-header|package|coderived)' from core DataLink vocabulary")
SEMANTICS = {
    "this", "progenitor", "derivation", "auxiliary", "weight", "error", "noise", "calibration", "bias", "dark", "flat",
    "preview", "preview-image", "preview-plot", "thumbnail", "proc", "cutout", "documentation", "detached-header",
    "coderived", "counterpart", "package",
}  # fmt: skip


def ask(linked: Linked, *ids: str, **parameters: str) -> tuple[VOTableFile, list[dict[str, Any]]]:
    """Document and rows of an answer to a POST."""
    data = [*(("ID", each) for each in ids), *parameters.items()]
    answer = linked.client.post(
        "/datalink/links", data=urlencode(data), content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 200, answer.text
    assert answer.content_type == DATALINK
    document = parse(io.BytesIO(answer.data), verify="exception")
    table = document.resources[0].tables[0]
    names = [field.name for field in table.fields]
    return document, [dict(zip(names, _cells(row), strict=True)) for row in table.array]


def _cells(row: Any) -> list[Any]:
    return [None if str(value) in ("", "--") else value for value in row]


def product(linked: Linked, kind: str) -> str:
    return linked.dp_ids(obscore.c.dataproduct_type == kind, obscore.c.calib_level > 1)[0]


def test_a_product_links_to_its_bytes_header_and_progenitors(
    linked: Linked, check_xml: Callable[[bytes], None]
) -> None:
    dp_id = product(linked, "spectrum")
    did = linked.did(dp_id)
    answer = linked.client.get(f"/datalink/links?ID={quote(did)}")
    check_xml(answer.data)
    document, rows = ask(linked, did)
    infos = {info.name: info.value for info in document.resources[0].infos}
    assert infos["standardID"] == "ivo://ivoa.net/std/DataLink#links-1.1"
    this = rows[0]
    header = fits.getheader(linked.night / f"{dp_id}.fits")
    parents = {card.value.removesuffix(".fits") for card in header.cards if card.keyword.startswith("PROV")}
    assert (this["ID"], this["semantics"], this["content_type"]) == (did, "#this", "application/fits")
    assert this["content_length"] == (linked.night / f"{dp_id}.fits").stat().st_size
    assert this["content_qualifier"] == "#spectrum"
    assert (this["link_auth"], this["link_authorized"]) == ("false", True)
    assert (this["dp_id"], this["obs_publisher_did"]) == (dp_id, did)
    with linked.client.get(this["access_url"].removeprefix(linked.url)) as answer:
        assert answer.data == (linked.night / f"{dp_id}.fits").read_bytes()
    progenitors = {row["access_url"].rpartition("/")[2] for row in rows if row["semantics"] == "#progenitor"}
    assert parents
    assert progenitors == {quote(parent, safe="") for parent in parents}
    assert [row["semantics"] for row in rows].count("#detached-header") == 1
    assert all(
        sum(row[name] is not None for name in ("access_url", "service_def", "error_message")) == 1 for row in rows
    )


def test_a_raw_frame_links_to_what_was_made_of_it(linked: Linked) -> None:
    made = product(linked, "image")
    header = fits.getheader(linked.night / f"{made}.fits")
    _, rows = ask(linked, header["PROV1"])
    derived = {row["access_url"].rpartition("/")[2] for row in rows if row["semantics"] == "#derivation"}
    assert quote(made, safe="") in derived


def test_companions_are_linked_from_both_sides(linked: Linked) -> None:
    for dp_id in linked.dp_ids(obscore.c.calib_level > 1):
        header = fits.getheader(linked.night / f"{dp_id}.fits")
        if "ASSON1" in header:
            break
    companion = header["ASSON1"].removesuffix(".fits")
    _, rows = ask(linked, dp_id)
    (link,) = [row for row in rows if row["access_url"] == f"{linked.url}/files/{quote(companion, safe='')}"]
    assert link["semantics"] in ("#weight", "#auxiliary", "#preview-image", "#noise", "#error")
    _, rows = ask(linked, companion)
    assert any(
        row["semantics"] == "#coderived" and row["access_url"] == f"{linked.url}/files/{quote(dp_id, safe='')}"
        for row in rows
    )


def test_every_form_of_an_identifier_gives_the_same_links_under_the_value_given(linked: Linked) -> None:
    dp_id = linked.dp_ids(obscore.c.calib_level == 1)[0]
    origfile = fits.getheader(linked.night / f"{dp_id}.fits")["ORIGFILE"]
    forms = [
        dp_id, f"{dp_id}.fits", linked.did(dp_id), origfile, f"{linked.url}/files/{quote(dp_id, safe='')}",
        f"{linked.url}/datalink/links?ID={quote(dp_id, safe='')}",
    ]  # fmt: skip
    _, rows = ask(linked, *forms)
    answers = {given: [*links] for given, links in groupby(rows, lambda row: row["ID"])}
    assert list(answers) == forms
    plain = [[{**row, "ID": None, "service_def": None} for row in links] for links in answers.values()]
    assert all(links == plain[0] for links in plain)
    assert {row["dp_id"] for row in rows} == {dp_id}


def test_an_unknown_and_a_shared_identifier_have_a_row_that_says_so(linked: Linked) -> None:
    with linked.truth.engine.connect() as connection:
        shared = connection.execute(
            sa.select(obscore.c.obs_id).group_by(obscore.c.obs_id).having(sa.func.count() > 1).limit(1)
        ).scalar_one()
    _, rows = ask(linked, "nothing", shared, "ivo://other.example/x?y")
    faults = [(row["ID"], row["semantics"], row["error_message"].split(":")[0]) for row in rows]
    assert faults == [
        ("nothing", "#this", "NotFoundFault"),
        (shared, "#this", "UsageFault"),
        ("ivo://other.example/x?y", "#this", "NotFoundFault"),
    ]


def test_without_an_identifier_the_service_describes_itself(linked: Linked, check_xml: Callable[[bytes], None]) -> None:
    for path in ("/datalink/links", "/datalink/links?ID=", "/datalink/links?MAXREC=0"):
        answer = linked.client.get(path)
        assert (answer.status_code, answer.content_type) == (200, DATALINK)
        check_xml(answer.data)
        results, this = parse(io.BytesIO(answer.data)).resources
        assert len(results.tables[0].array) == 0
        assert this.utype == "adhoc:this"
        assert {entry.name for entry in this.groups[0].entries} == {"ID", "MAXREC", "RESPONSEFORMAT"}
        assert "OVERFLOW" not in answer.text


def test_links_of_one_identifier_are_never_cut(linked: Linked) -> None:
    ids = linked.dp_ids()[:6]
    _, whole = ask(linked, *ids)
    counts = [len([*links]) for _, links in groupby(whole, lambda row: row["ID"])]
    for maxrec in (0, 1, counts[0], sum(counts[:3]) - 1, sum(counts[:3]), len(whole) - 1, len(whole)):
        document, rows = ask(linked, *ids, MAXREC=str(maxrec))
        fitting = max(number for number in range(len(counts) + 1) if sum(counts[:number]) <= maxrec)
        assert rows == whole[: sum(counts[:fitting])]
        states = [info.value for info in document.resources[0].infos if info.name == "QUERY_STATUS"]
        assert ("OVERFLOW" in states) == (fitting < len(ids))


def test_proprietary_files_are_linked_and_marked(linked: Linked) -> None:
    dp_id = linked.dp_ids()[-1]
    change = sa.update(file).where(file.c.dp_id == dp_id)
    with linked.truth.engine.begin() as connection:
        connection.execute(change.values(release_date=sa.text("timestamp '2100-01-01'")))
    try:
        _, rows = ask(linked, dp_id)
        assert (rows[0]["link_auth"], rows[0]["link_authorized"]) == ("true", False)
        assert linked.client.get(rows[0]["access_url"].removeprefix(linked.url)).status_code == 403
    finally:
        with linked.truth.engine.begin() as connection:
            connection.execute(change.values(release_date=sa.text("timestamp '2020-01-01'")))


@pytest.mark.parametrize(
    ("word", "media_type"),
    [
        ("votable", DATALINK),
        ("application/x-votable+xml", DATALINK),
        (DATALINK, DATALINK),
        ("application/x-votable+xml;serialization=BINARY2", "application/x-votable+xml;serialization=BINARY2"),
        ("csv", "text/csv;header=present;charset=utf-8"),
        ("json", "application/json"),
        ("html", "text/html;charset=utf-8"),
    ],
)
def test_the_form_of_an_answer_is_chosen(linked: Linked, word: str, media_type: str) -> None:
    answer = linked.client.get(f"/datalink/links?{urlencode({'ID': linked.dp_ids()[0], 'RESPONSEFORMAT': word})}")
    assert (answer.status_code, answer.content_type) == (200, media_type)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("ID=x&MAXREC=-1", "UsageFault: MAXREC must be a whole number of zero or more, not '-1'."),
        ("ID=x&MAXREC=1&maxrec=2", "UsageFault: MAXREC is given 2 times; give it once."),
        ("ID=x&RESPONSEFORMAT=xyz", "UsageFault: RESPONSEFORMAT='xyz' is not known here"),
    ],
)
def test_a_wrong_parameter_is_answered_by_a_votable(
    linked: Linked, query: str, sentence: str, check_xml: Callable[[bytes], None]
) -> None:
    answer = linked.client.get(f"/datalink/links?{query}")
    assert answer.status_code == 400
    check_xml(answer.data)
    (info,) = [info for info in parse(io.BytesIO(answer.data)).resources[0].infos if info.name == "QUERY_STATUS"]
    assert info.value == "ERROR"
    assert info.content.startswith(sentence)


def test_no_identifier_breaks_the_service(linked: Linked) -> None:
    dice = random.Random(7)
    letters = "aZ0.:/?#&=%+'\"\\<>\x00\x01\n\t ä€𝄞;,-_[]{}"
    for _ in range(200):
        ids = ["".join(dice.choices(letters, k=dice.randrange(60))) for _ in range(dice.randrange(1, 4))]
        for path in ("/datalink/links", "/package", "/hdr"):
            data = urlencode([("DpId" if path == "/hdr" else "ID", each) for each in ids])
            answer = linked.client.get(f"{path}?{data}")
            assert answer.status_code in (200, 400, 404), (path, ids)
            if answer.content_type == DATALINK:
                parse(io.BytesIO(answer.data))


def test_the_capabilities_follow_their_schema(linked: Linked, check_xml: Callable[[bytes], None]) -> None:
    for path, word in (("capabilities", b"DataLink#links-1.1"), ("availability", b">true<")):
        answer = linked.client.get(f"/datalink/{path}")
        assert answer.status_code == 200
        check_xml(answer.data)
        assert word in answer.data


def test_pyvo_follows_links_and_services(linked: Linked) -> None:
    dp_id = product(linked, "cube")
    links = pyvo.dal.adhoc.DatalinkResults.from_result_url(f"{linked.url}/datalink/links?ID={quote(linked.did(dp_id))}")
    assert {record.semantics.lstrip("#") for record in links} <= SEMANTICS
    (this,) = links.bysemantics("#this", include_narrower=False)
    with this.getdataset() as source:
        assert source.read() == (linked.night / f"{dp_id}.fits").read_bytes()
    proc = links.get_first_proc()
    assert proc.semantics == "#cutout"
    params = {param.name: param for param in proc.input_params}
    assert params["ID"].value == linked.did(dp_id)
    with linked.truth.engine.connect() as connection:
        row = connection.execute(sa.select(obscore).where(obscore.c.dp_id == dp_id)).one()
    assert float(params["BAND"].values.min) == row.em_min
    assert float(params["BAND"].values.max) == row.em_max
    circle = [float(word) for word in str(params["CIRCLE"].values.max).strip("[]").split()]
    assert circle == pytest.approx([row.s_ra, row.s_dec, row.s_fov / 2])
    query = pyvo.dal.adhoc.DatalinkQuery.from_resource(
        proc, links.get_adhocservice_by_id(proc.service_def), band=(row.em_min, row.em_max)
    )
    assert query.baseurl == f"{linked.url}/soda/sync"
    assert set(query) == {"ID", "BAND"}


@pytest.mark.skipif(shutil.which("stilts") is None, reason="stilts is not installed")
def test_stilts_finds_no_fault_with_links(linked: Linked, tmp_path: Path) -> None:
    ids = linked.dp_ids()
    requests = {
        "single": [linked.did(ids[0])],
        "many": [*map(linked.did, ids[:20])],
        "unknown": ["nothing"],
        "empty": [],
        "mixed": [linked.did(ids[0]), "nothing", ids[-1], product(linked, "cube"), product(linked, "spectrum")],
    }
    for name, given in requests.items():
        document = tmp_path / f"{name}.vot"
        document.write_bytes(linked.client.get(f"/datalink/links?{urlencode([('ID', each) for each in given])}").data)
        for task in (["datalinklint"], ["votlint", "ucd=true", "unit=true"]):
            command = [
                "stilts",
                *task,
                f"votable={document}",
                *(["report=EWF", "maxrepeat=1000"] if task == ["datalinklint"] else []),
            ]
            said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            faults = [
                line for line in (said.stdout + said.stderr).splitlines()
                if line.startswith(("E-", "W-", "F-", "ERROR", "WARNING")) and not KNOWN.search(line)
            ]  # fmt: skip
            assert faults == [], name
