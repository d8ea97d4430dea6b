"""Cutouts of a served archive, over HTTP."""

from __future__ import annotations

import io
import time
import urllib.parse
import urllib.request
from typing import Any

import pyvo
from astropy.io import fits
from commands import Served


def image_of(served: Served) -> Any:
    service = pyvo.dal.TAPService(f"{served.url}/tap")
    columns = "dp_id, obs_publisher_did, s_ra, s_dec"
    condition = "dataproduct_type = 'image' AND calib_level > 1"
    return service.search(f"SELECT {columns} FROM ivoa.obscore WHERE {condition} AND s_ra IS NOT NULL")[0]


def test_jobs_give_one_result_for_each_combination(served: Served) -> None:
    row = image_of(served)
    body = urllib.parse.urlencode([
        ("ID", row["obs_publisher_did"]), ("CIRCLE", f"{row['s_ra']} {row['s_dec']} 0.05"), ("CIRCLE", "1 85 0.001"),
        ("PHASE", "RUN"),
    ]).encode()  # fmt: skip
    with urllib.request.urlopen(f"{served.url}/soda/async", body) as answer:
        address = answer.url
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{address}/phase") as answer:
            phase = answer.read().decode()
        if phase not in ("QUEUED", "EXECUTING"):
            break
        time.sleep(0.1)
    assert phase == "COMPLETED"
    with urllib.request.urlopen(f"{address}/results/cutout_1") as answer:
        assert answer.headers["Content-Type"] == "application/fits"
        fits.open(io.BytesIO(answer.read())).verify("exception")
    with urllib.request.urlopen(f"{address}/results/cutout_2") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        text = answer.read().decode()
    assert text.startswith("UsageError: ")
    assert row["dp_id"] in text


def test_both_names_of_the_synchronous_service_answer(served: Served) -> None:
    row = image_of(served)
    given = urllib.parse.urlencode({"ID": row["dp_id"], "POS": f"CIRCLE {row['s_ra']} {row['s_dec']} 0.05"})
    sizes = set()
    for path in ("soda", "dataPortal/soda"):
        with urllib.request.urlopen(f"{served.url}/{path}/sync?{given}") as answer:
            sizes.add(tuple(hdu.shape for hdu in fits.open(io.BytesIO(answer.read()))))
    assert len(sizes) == 1
