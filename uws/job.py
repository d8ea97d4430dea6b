"""What a job is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from uws.phases import Phase

Parameters = tuple[tuple[str, str], ...]
"""Names and values in the order given; a name may come more than once."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks for something.

    Attributes
    ----------
    owner
        Identity of who is signed in; None for anybody.
    address
        Network address; None if not known.
    """

    owner: str | None = None
    address: str | None = None


NOBODY = Client()
"""Somebody of whom nothing is known."""


@dataclass(frozen=True, slots=True)
class Result:
    """Where one result of a job is.

    Attributes
    ----------
    result_id
        Name of the result within the job.
    href
        Address, absolute or relative to the job's results.
    size
        Bytes; None if not known.
    mime_type
        Media type; None if not known.
    """

    result_id: str
    href: str
    size: int | None = None
    mime_type: str | None = None


@dataclass(frozen=True, slots=True)
class ErrorSummary:
    """Why a job failed.

    Attributes
    ----------
    message
        One sentence for people.
    kind
        ``transient`` if the same job may succeed another time, else ``fatal``; ``type`` in UWS.
    has_detail
        Whether the job's error resource tells more.
    """

    message: str
    kind: Literal["transient", "fatal"] = "fatal"
    has_detail: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One job as it was at one moment; all times are UTC, without zone.

    Attributes
    ----------
    job_id
        Drawn at random; who knows it may use an anonymous job.
    phase
        Where it stands.
    creation_time, start_time, end_time
        When it was made, last begun and ended; None if not yet.
    destruction
        When it will be deleted with its results.
    execution_duration
        Most seconds it may run; 0 for no limit.
    parameters
        As the client gave them.
    run_id
        Free text of the client.
    owner
        Who made it; None for anybody.
    address
        Network address of who made it, where that is anybody; None if not known.
    quote
        When it is expected to end.
    results
        Of a completed job.
    error_summary
        Of a failed job.
    attempts
        How often it was begun.

    References
    ----------
    UWS 1.1, "Objects within a UWS".
    """

    job_id: str
    phase: Phase
    creation_time: datetime
    destruction: datetime
    execution_duration: int
    parameters: Parameters
    run_id: str | None = None
    owner: str | None = None
    quote: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    results: tuple[Result, ...] = ()
    error_summary: ErrorSummary | None = None
    attempts: int = 0
    address: str | None = None
