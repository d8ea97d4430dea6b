"""The phases of a job and the changes between them."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where a job stands; UWS 1.1, "Execution Phase"."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    EXECUTING = "EXECUTING"
    COMPLETED = "COMPLETED"
    ERROR = "ERROR"
    ABORTED = "ABORTED"
    UNKNOWN = "UNKNOWN"
    HELD = "HELD"
    SUSPENDED = "SUSPENDED"
    ARCHIVED = "ARCHIVED"

    @property
    def is_final(self) -> bool:
        """Whether the job will not run any more."""
        return self in FINAL

    @property
    def is_active(self) -> bool:
        """Whether the job may change by itself, so that a client may wait for it (UWS 1.1, "Blocking Behaviour")."""
        return self in ACTIVE


FINAL = frozenset({Phase.COMPLETED, Phase.ERROR, Phase.ABORTED, Phase.ARCHIVED})
ACTIVE = frozenset({Phase.PENDING, Phase.QUEUED, Phase.EXECUTING})

LEGAL_CHANGES: dict[Phase, frozenset[Phase]] = {
    Phase.PENDING: frozenset({Phase.QUEUED, Phase.HELD, Phase.ABORTED, Phase.ERROR}),
    Phase.HELD: frozenset({Phase.QUEUED, Phase.ABORTED, Phase.ERROR}),
    Phase.QUEUED: frozenset({Phase.EXECUTING, Phase.HELD, Phase.ABORTED, Phase.ERROR}),
    # Back into the queue when the process that ran it is gone.
    Phase.EXECUTING: frozenset(
        {Phase.COMPLETED, Phase.ERROR, Phase.ABORTED, Phase.SUSPENDED, Phase.UNKNOWN, Phase.QUEUED}
    ),
    Phase.SUSPENDED: frozenset({Phase.EXECUTING, Phase.QUEUED, Phase.ABORTED, Phase.ERROR}),
    Phase.UNKNOWN: frozenset({Phase.QUEUED, Phase.EXECUTING, Phase.COMPLETED, Phase.ERROR, Phase.ABORTED}),
    Phase.COMPLETED: frozenset({Phase.ARCHIVED}),
    Phase.ERROR: frozenset({Phase.ARCHIVED}),
    Phase.ABORTED: frozenset({Phase.ARCHIVED}),
    Phase.ARCHIVED: frozenset(),
}
"""Phases that may follow each phase."""

ABORTABLE = frozenset(phase for phase, followers in LEGAL_CHANGES.items() if Phase.ABORTED in followers)
"""Phases from which a job may be aborted."""
