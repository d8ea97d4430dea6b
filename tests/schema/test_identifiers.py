"""One product under all its names."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from schema.identifiers import Identifiers
from schema.obscore import obscore
from schema.observations import raw
from schema.truth import Truth

RAW = "TOY.2024-03-10T01:02:03.004"
PRODUCT = "ADP.1 +ä"


@pytest.fixture
def identifiers(truth: Truth) -> Identifiers:
    rows = [
        {"dp_id": RAW, "obs_publisher_did": f"ivo://toy.example/ID?{RAW}", "obs_id": "200"},
        {
            "dp_id": PRODUCT,
            "obs_publisher_did": "ivo://toy.example/ID?ADP.1%20+%C3%A4",
            "obs_id": "200",
            "obs_creator_did": "ivo://eso.org/origfile?r.image_1.fits",
        },
        {"dp_id": "200.fits", "obs_publisher_did": "ivo://elsewhere/x?y=1", "obs_id": "lone"},
    ]
    with truth.engine.begin() as connection:
        connection.execute(
            sa.insert(obscore),
            [{"calib_level": 2, "obs_collection": "toy", "obs_creator_did": None} | row for row in rows],
        )
        connection.execute(sa.insert(raw), [{"dp_id": RAW, "origfile": "TOY_IMG.0001.fits"}])
    return Identifiers(truth.engine, "toy.example")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (RAW, [RAW]),
        (f" {RAW} ", [RAW]),
        (f"{RAW}.fits", [RAW]),
        (f"{RAW}.fits.Z", [RAW]),
        (f"ivo://toy.example/ID?{RAW}", [RAW]),
        (f"IVO://TOY.example/ID?{RAW}", [RAW]),
        ("ivo://toy.example/ID?TOY.2024-03-10T01%3A02%3A03.004", [RAW]),
        ("TOY_IMG.0001.fits", [RAW]),
        ("TOY_IMG.0001", [RAW]),
        ("http://archive.example/files/TOY.2024-03-10T01%3A02%3A03.004", [RAW]),
        (f"https://archive.example/sub/dataPortal/file/{RAW}.fits", [RAW]),
        (f"http://archive.example/datalink/links?ID=ivo%3A%2F%2Ftoy.example%2FID%3F{RAW}", [RAW]),
        (f"http://archive.example/hdr?DpId={RAW}", [RAW]),
        (PRODUCT, [PRODUCT]),
        ("ivo://toy.example/ID?ADP.1%20+%C3%A4", [PRODUCT]),
        ("r.image_1", [PRODUCT]),
        ("ivo://eso.org/origfile?r.image_1.fits", [PRODUCT]),
        ("200", [PRODUCT, RAW]),
        ("200.fits", ["200.fits"]),
        ("ivo://elsewhere/x?y=1", ["200.fits"]),
        ("lone", ["200.fits"]),
        ("", []),
        ("nothing", []),
        ("%", []),
        ("a\x00b", []),
        ("ivo://toy.example/ID?", []),
        ("ivo://other.example/ID?" + RAW, []),
        ("http://[::1", []),
        ("http://archive.example/datalink/links?ID=" * 20 + "x", []),
        ("x" * 100_000, []),
        ("' OR 1=1 --", []),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else None,
)
def test_every_name_of_a_product_means_it(identifiers: Identifiers, text: str, meant: list[str]) -> None:
    assert identifiers.resolve([text, RAW]) == {text: tuple(meant), RAW: (RAW,)}


def test_many_names_are_resolved_together(identifiers: Identifiers) -> None:
    texts = [f"unknown {number}" for number in range(500)]
    assert identifiers.resolve([*texts, "lone"]) == dict.fromkeys(texts, ()) | {"lone": ("200.fits",)}
    assert identifiers.resolve([]) == {}
