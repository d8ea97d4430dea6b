"""Older protocols lead to the file itself, also where ``access_url`` leads to its links."""

from __future__ import annotations

import io

from astropy.io.votable import parse
from observed import BASE_URL, Observed, make_app

from schema.published import published


def references(observed: Observed, prefix: str, path: str) -> set[str]:
    catalogue = published(BASE_URL, "archive.example")
    catalogue.find("ivoa", "obscore")[0].table.info["computed"]["access_url"] = prefix
    answer = make_app(observed.engine, catalogue).test_client().get(path)
    return set(map(str, parse(io.BytesIO(answer.data)).get_first_table().to_table()["reference"]))


def test_a_reference_is_the_file_whatever_access_url_is(observed: Observed) -> None:
    for path in ("/sia?POS=83.6,-5.4&SIZE=4", "/ssap?REQUEST=queryData&POS=83.6,-5.4&SIZE=4"):
        files, links = (
            references(observed, f"{BASE_URL}/{prefix}", path) for prefix in ("files/", "datalink/links?ID=ivo%3A")
        )
        assert files == links != set()
        assert any(each.startswith(f"{BASE_URL}/files/P.") for each in files)
