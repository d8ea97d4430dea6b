"""Whether a service can be used now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from vo_models.vosi.availability import Availability as AvailabilityDocument

from vo.vosi.documents import document


@dataclass(frozen=True, slots=True)
class Availability:
    """State of a service.

    Attributes
    ----------
    available
        Whether requests are answered.
    notes
        Sentences for people.
    up_since
        Instant with a time zone since which it has been available; None if not known.
    """

    available: bool
    notes: tuple[str, ...] = ()
    up_since: datetime | None = None


def write_availability(state: Availability) -> bytes:
    """Availability document.

    References
    ----------
    VOSI 1.1, "Availability metadata".
    """
    up_since = state.up_since.astimezone(UTC) if state.up_since else None
    return document(AvailabilityDocument(available=state.available, up_since=up_since, note=list(state.notes)))
