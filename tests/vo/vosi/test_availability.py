from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from lxml import etree

from vo.vosi.availability import Availability, write_availability

STATES = [
    Availability(True),
    Availability(False, ("Down < up & é.", "Second.")),
    Availability(True, up_since=datetime(2024, 1, 1, 14, 30, tzinfo=timezone(timedelta(hours=2)))),
    Availability(True, up_since=datetime(2024, 1, 1, tzinfo=UTC)),
]


@pytest.mark.testdata
@pytest.mark.parametrize("state", STATES, ids=str)
def test_the_document_is_valid(check_xml: Callable[[bytes], None], state: Availability) -> None:
    check_xml(write_availability(state))


def test_the_document_tells_state_notes_and_instant() -> None:
    root = etree.fromstring(write_availability(STATES[1]))
    assert root.findtext("{*}available") == "false"
    assert [note.text for note in root.iterfind("{*}note")] == ["Down < up & é.", "Second."]
    assert root.find("{*}upSince") is None
    since = etree.fromstring(write_availability(STATES[2])).findtext("{*}upSince")
    assert datetime.fromisoformat(since) == STATES[2].up_since
