"""What a service allows its jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

LONGEST_DURATION = 2**31 - 1
"""Most seconds that ``executionDuration`` can say (``xs:int``)."""


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Times of jobs: what holds when the client says nothing, and the most that it may ask for.

    Attributes
    ----------
    seconds, seconds_limit
        Execution duration; 0 for no limit.
    kept, kept_limit
        Time from the creation of a job to its destruction.
    wait_seconds
        Longest time for which a request that waits for a change is held.
    waiting
        Requests that may wait at the same time; further ones are answered at once, as UWS allows under load.

    References
    ----------
    UWS 1.1, "Execution Duration", "Destruction Time", "Blocking Behaviour".
    """

    seconds: int = 3600
    seconds_limit: int = 14_400
    kept: timedelta = timedelta(days=7)
    kept_limit: timedelta = timedelta(days=30)
    wait_seconds: float = 60.0
    waiting: int = 32

    def execution_duration(self, wanted: int | None) -> int:
        """Seconds that a job may run: the wish of its client, cut to what is allowed; 0 for no limit."""
        if wanted is None:
            return self.seconds
        if self.seconds_limit == 0:
            return min(wanted, LONGEST_DURATION)
        return min(wanted or self.seconds_limit, self.seconds_limit)

    def destruction(self, created: datetime, wanted: datetime | None) -> datetime:
        """When a job is destroyed: the wish of its client, cut to what is allowed.

        Parameters
        ----------
        created, wanted
            UTC without zone.
        """
        return created + self.kept if wanted is None else min(wanted, created + self.kept_limit)
