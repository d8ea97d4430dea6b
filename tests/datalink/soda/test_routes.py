"""SODA over HTTP, in process: what is wrong with a request, and whether anything makes it fail."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import flask
import numpy as np
import pytest
from astropy.io import fits
from flask.testing import FlaskClient

from app.doors import guard
from datalink.soda.filters import Product
from datalink.soda.routes import blueprint
from datalink.soda.service import SodaLimits, SodaService
from datalink.soda.workers import Workers
from storage.local import LocalStore
from storage.replicas import HeldFile, Replicas
from vo.vosi.availability import Availability

DAY = datetime(2024, 3, 10)


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    made = Workers(1, waiting=4)
    yield made
    made.close()


@pytest.fixture
def client(tmp_path: Path, workers: Workers) -> FlaskClient:
    header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 20.0, "CDELT1": -0.01,
                          "CDELT2": 0.01, "CRPIX1": 50.5, "CRPIX2": 50.5})  # fmt: skip
    content = io.BytesIO()
    fits.PrimaryHDU(np.arange(10_000, dtype="i4").reshape(100, 100), header).writeto(content)
    store = LocalStore(tmp_path / "store")
    staged = store.put(io.BytesIO(content.getvalue()))
    image = HeldFile("image", "image.fits", staged.sha256, staged.size, "application/fits", DAY, DAY, ("local",))
    secret = HeldFile("secret", "s.fits", staged.sha256, staged.size, "application/fits", None, DAY, ("local",))
    gone = HeldFile("gone", "g.fits", "0" * 64, 1, "application/fits", DAY, DAY, ("local",))
    held = {each.dp_id: each for each in (image, secret, gone)}
    service = SodaService(
        Replicas(None, {"local": store}),  # type: ignore[arg-type]
        held.get,
        lambda file: Product(file.dp_id, "image", 10.0, 20.0, em_min=4e-7, em_max=5e-7, t_min=60000.0, t_max=60000.1),
        workers,
        tmp_path / "cutouts",
        "http://archive.example/files/",
        SodaLimits(result_bytes=1_000_000),
    )
    service.start()
    app = flask.Flask(__name__)
    app.register_blueprint(
        blueprint(
            service,
            base_url="http://archive.example/soda",
            availability=lambda: Availability(True, ("All is well.",)),
            guard=partial(guard, largest_request=100_000),
        ),
        url_prefix="/soda",
    )
    return app.test_client()


def test_a_cutout_comes_as_fits_and_leaves_nothing_behind(client: FlaskClient, tmp_path: Path) -> None:
    answer = client.post("/soda/sync", data={"ID": "image", "CIRCLE": "10 20 0.0995", "PREFIX": "my_"}, buffered=True)
    assert answer.status_code == 200
    assert answer.mimetype == "application/fits"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="my_image_cutout.fits"'
    assert fits.getdata(io.BytesIO(answer.data)).shape == (20, 20)
    assert not list((tmp_path / "cutouts").iterdir())


def test_where_nothing_overlaps_there_is_no_content(client: FlaskClient) -> None:
    for given in ({"CIRCLE": "100 20 0.1"}, {"BAND": "1 2"}, {"TIME": "50000 50001"}, {"POS": "RANGE 0 1 80 90"}):
        answer = client.get("/soda/sync", query_string={"ID": "image", **given})
        assert (answer.status_code, answer.data) == (204, b"")


def test_the_whole_file_is_elsewhere(client: FlaskClient) -> None:
    answer = client.get("/soda/sync?ID=image")
    assert (answer.status_code, answer.headers["Location"]) == (303, "http://archive.example/files/image")


BAD = [
    ("CIRCLE", "1 2"), ("CIRCLE", "NaN 2 3"), ("CIRCLE", "1 2 -3"), ("CIRCLE", "1 95 1"), ("CIRCLE", "400 2 1"),
    ("CIRCLE", "1 2 200"), ("CIRCLE", "1 2 3 4"), ("CIRCLE", "a b c"), ("POS", "BOX 1 2 3 4"), ("POS", "1 2 3"),
    ("POS", "RANGE 2 1 0 1"), ("POS", "RANGE 0 1 2 1"), ("POS", "CIRCLE 1 2 1e999"), ("POLYGON", "1 2 3 4"),
    ("POLYGON", "1 2 3 4 5"), ("POLYGON", "1 2 3 4 5 NaN"), ("BAND", "5 4"), ("BAND", "NaN NaN"), ("BAND", "1 2 3"),
    ("BAND", "-3 -2"), ("BAND", "+Inf +Inf"), ("TIME", "one"), ("TIME", "2 1"), ("POL", "Z"), ("POL", "I Z"),
    ("SUB", "1:2"), ("SUB", "[2:1]"), ("SUB", "[0:5]"), ("SUB", "[1][1:2:3]"), ("SUB", "[9][1:2]"),
    ("SUB", "[1:2,1:2,1:2]"), ("SUB", "[x"), ("PREFIX", "../x"), ("RESPONSEFORMAT", "paper"), ("POL", "I"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD, ids=[f"{name}={value}" for name, value in BAD])
def test_what_is_wrong_is_said_in_one_sentence(client: FlaskClient, name: str, value: str) -> None:
    answer = client.post("/soda/sync", data={"ID": "image", name: value})
    assert answer.status_code == 400
    assert answer.mimetype == "text/plain"
    assert answer.text.startswith("UsageError: ")
    assert answer.text.count("\n") == 1
    assert name in answer.text


@pytest.mark.parametrize("name", ["ID", "POS", "CIRCLE", "POLYGON", "BAND", "TIME", "SUB"])
def test_a_parameter_that_comes_twice_is_refused_by_name(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/soda/sync?ID=image&{name}=1&{name.lower()}=2")
    assert answer.status_code == 400
    assert answer.text.startswith(f"MultiValuedParamNotSupported: {name}")


@pytest.mark.parametrize(("query", "status", "word"), [
    ("CIRCLE=1 2 3", 400, "UsageError"), ("ID=nothing&CIRCLE=1 2 3", 404, "UsageError"),
    ("ID=secret&CIRCLE=1 2 3", 403, "AuthorizationError"), ("ID=gone&CIRCLE=1 2 3", 503, "ServiceUnavailable"),
    ("ID=" + "x" * 50_000, 404, "UsageError"), ("ID=%00&CIRCLE=1 2 3", 404, "UsageError"),
])  # fmt: skip
def test_each_kind_of_trouble_has_its_word(client: FlaskClient, query: str, status: int, word: str) -> None:
    answer = client.get(f"/soda/sync?{query}")
    assert answer.status_code == status
    assert answer.mimetype == "text/plain"
    assert answer.text.startswith(f"{word}: ")


def test_no_parameter_makes_the_service_fail(client: FlaskClient) -> None:
    dice = random.Random(SEED)
    words = ["", "1", "10 20 0", "10 20 0.1", "NaN", "1e308 1e309", "' OR 1=1 --", "\x00", "é", "9" * 400, "I", "V/Q",
             "CIRCLE 0 90 0", "RANGE 360 360 90 90", "POLYGON 0 0 0 0 0 0", "0 90 0 90 0 90", "4e-7", "60000 +Inf",
             "RANGE 0 0 0 0", "[1:5,*]", "[0][*,2:2]", "POLYGON 9 19 11 19 11 21 9 21", "-Inf +Inf",
             "CIRCLE 190 -20 89"]  # fmt: skip
    names = ["POS", "CIRCLE", "POLYGON", "BAND", "TIME", "POL", "SUB", "RESPONSEFORMAT", "PREFIX", "RUNID", "x"]
    for _ in range(400):
        given = [("ID", "image"), *((dice.choice(names), dice.choice(words)) for _ in range(dice.randrange(1, 5)))]
        answer = client.get("/soda/sync", query_string=given, buffered=True)
        assert answer.status_code in (200, 204, 303, 400), given


SEED = 4


def test_capabilities_name_both_resources(client: FlaskClient) -> None:
    text = client.get("/soda/capabilities").text
    assert "ivo://ivoa.net/std/SODA#sync-1.0" in text
    assert "ivo://ivoa.net/std/SODA#async-1.0" in text
    assert client.get("/soda/availability").status_code == 200
