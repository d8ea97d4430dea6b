"""Parameters of UWS itself: text becomes values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from uws.job import Parameters as Pairs
from uws.limits import LONGEST_DURATION
from uws.phases import Phase
from vo.dali.errors import UsageFault
from vo.dali.parameters import Parameters, quoted, read_choice

CONTROL = frozenset({"PHASE", "EXECUTIONDURATION", "DESTRUCTION"})
"""Parameters that control a job when they come with its creation; all others belong to the job."""

_DIGITS = r"\s*\+?[0-9]+\s*"


@dataclass(frozen=True, slots=True)
class NewJob:
    """What a client asks for when it makes a job.

    Attributes
    ----------
    parameters
        Of the job, as given, without those that control it.
    run_id
        Name that the client gives it.
    runs
        Whether it begins without further ado.
    execution_duration, destruction
        Wishes; None without one.
    """

    parameters: Pairs
    run_id: str | None = None
    runs: bool = False
    execution_duration: int | None = None
    destruction: datetime | None = None


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs of a list are wanted: those that meet all conditions.

    Attributes
    ----------
    phases
        Any of these; without any, all but ARCHIVED.
    after
        Made later, UTC without zone.
    last
        At most so many.
    """

    phases: frozenset[Phase] = frozenset()
    after: datetime | None = None
    last: int | None = None


def read_new_job(pairs: Iterable[tuple[str, str]]) -> NewJob:
    """Read the request that makes a job.

    Raises
    ------
    UsageFault
        Raised for a control parameter that cannot be read. What belongs to the job is read when it runs.

    References
    ----------
    UWS 1.1, "Creating a Job"; TAP 1.1, "Parameters for Query Execution".
    """
    given = tuple(pairs)
    control = Parameters(given)
    own = tuple((name, value) for name, value in given if name.upper() not in CONTROL)
    phase = control.one("PHASE")
    duration = control.one("EXECUTIONDURATION")
    destruction = control.one("DESTRUCTION")
    return NewJob(
        own,
        run_id_of(own),
        runs=phase is not None and read_choice("PHASE", phase, ("RUN",), default="RUN") == "RUN",
        execution_duration=None if duration is None else read_execution_duration(duration),
        destruction=None if destruction is None else read_instant("DESTRUCTION", destruction),
    )


def run_id_of(pairs: Pairs) -> str | None:
    """Name that a client gives a job; the last where it is given repeatedly."""
    values = Parameters(pairs).all("RUNID")
    return values[-1] if values else None


def read_execution_duration(text: str) -> int:
    """Seconds that a job may run; 0 for no limit.

    Raises
    ------
    UsageFault
        Raised if `text` is no whole number of zero or more.
    """
    if not re.fullmatch(_DIGITS, text):
        raise UsageFault(f"EXECUTIONDURATION must be a whole number of seconds, zero or more, not {quoted(text)}.")
    return _bounded(text)


def read_instant(name: str, text: str) -> datetime:
    """Instant of ISO 8601; UTC unless it says otherwise.

    Raises
    ------
    UsageFault
        Raised if `text` is none.

    References
    ----------
    UWS 1.1, "Resources and URIs".
    """
    try:
        instant = datetime.fromisoformat(text.strip())
        return instant if instant.tzinfo is None else instant.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise UsageFault(f"{name} must be an instant such as 2030-01-31T12:00:00Z, not {quoted(text)}.") from None


def read_filter(parameters: Parameters) -> JobFilter:
    """Read which jobs of the list are wanted.

    Raises
    ------
    UsageFault
        Raised for a value that means nothing.

    References
    ----------
    UWS 1.1, "Job List".
    """
    after, last = parameters.one("AFTER"), parameters.one("LAST")
    if last is not None and (not re.fullmatch(_DIGITS, last) or _bounded(last) == 0):
        raise UsageFault(f"LAST must be a whole number greater than zero, not {quoted(last)}.")
    return JobFilter(
        frozenset(read_phase(text) for text in parameters.all("PHASE")),
        None if after is None else read_instant("AFTER", after),
        None if last is None else _bounded(last),
    )


def read_wait(parameters: Parameters) -> tuple[int, Phase | None]:
    """Read for how many seconds to wait for a change, -1 for as long as may be, and in which phase only.

    Raises
    ------
    UsageFault
        Raised for a value that means nothing.

    References
    ----------
    UWS 1.1, "Blocking Behaviour".
    """
    text, phase = parameters.one("WAIT"), parameters.one("PHASE")
    seconds = 0
    if text is not None:
        if not re.fullmatch(rf"{_DIGITS}|\s*-1\s*", text):
            raise UsageFault(f"WAIT must be a whole number of seconds, or -1, not {quoted(text)}.")
        seconds = -1 if "-" in text else _bounded(text)
    return seconds, None if phase is None else read_phase(phase)


def read_phase(text: str) -> Phase:
    """Name of a phase, without regard to case.

    Raises
    ------
    UsageFault
        Raised if there is none of this name.
    """
    return Phase(read_choice("PHASE", text, Phase, default=Phase.UNKNOWN))


def _bounded(text: str) -> int:
    digits = text.strip().lstrip("+").lstrip("0") or "0"
    return LONGEST_DURATION if len(digits) > len(str(LONGEST_DURATION)) else min(int(digits), LONGEST_DURATION)
