from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vo.dali.errors import UsageFault
from vo.tables.field import Field
from vo.tables.formats import FORMATS, OutputFormat, choose_format
from vo.tables.stream import TableStream


@pytest.mark.parametrize("output", FORMATS, ids=lambda output: output.media_type)
def test_each_format_is_found_by_all_its_names(output: OutputFormat) -> None:
    for word in (output.media_type, *output.aliases, *output.other_media_types):
        assert choose_format(word) is output
        assert choose_format(word.upper()) is output
        assert choose_format(None, word if "/" in word else output.media_type) in (output, FORMATS[0])


@pytest.mark.parametrize("output", FORMATS, ids=lambda output: output.media_type)
def test_each_format_writes_its_rows_and_releases_the_stream(
    make_stream: Callable[..., TableStream], output: OutputFormat
) -> None:
    released: list[bool] = []
    fields = [Field("w", "char", "*"), Field("ra", "double", ucd="pos.eq.ra"), Field("dec", "double", ucd="pos.eq.dec")]
    stream: Any = make_stream(fields, [["word", 1.0, 2.0]], release=lambda: released.append(True))
    assert b"".join(output.write(stream))
    assert released == [True]


def test_an_unknown_format_is_refused_with_what_exists() -> None:
    with pytest.raises(
        UsageFault, match="'xyz' is not known here; known: votable, votable/b2, votable/td, votable/b, "
    ):
        choose_format("xyz")


@pytest.mark.parametrize(
    "word", ["application/x-votable+xml;serialization=nonsense", ";", "/", "text/csv;header=maybe"]
)
def test_a_near_miss_is_not_taken_for_a_format(word: str) -> None:
    with pytest.raises(UsageFault, match="is not known here"):
        choose_format(word)
