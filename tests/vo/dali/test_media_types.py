from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vo.dali.media_types import MediaType, read_accept, read_media_type


@pytest.mark.parametrize(
    "text",
    [
        "application/x-votable+xml;serialization=BINARY2",
        'Application/X-VOTable+XML ; Serialization="binary2"',
        "application/x-votable+xml; charset=utf-8; serialization=binary2",
    ],
)
def test_spellings_of_one_media_type_are_equal(text: str) -> None:
    assert read_media_type(text) == MediaType("application/x-votable+xml", (("serialization", "binary2"),))


def test_parameters_make_another_media_type() -> None:
    assert read_media_type("text/csv") != read_media_type("text/csv;header=absent")


def test_what_the_client_likes_best_comes_first() -> None:
    kinds = read_accept("text/html;q=0.5, text/csv, */*;q=0, image/png;q=2, application/json;q=0.7")
    assert [kind.name for kind in kinds] == ["text/csv", "application/json", "text/html"]


@given(st.text(max_size=40))
def test_any_header_can_be_read(text: str) -> None:
    for kind in read_accept(text):
        assert kind.name == kind.name.lower()
