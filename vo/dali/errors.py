"""Faults that a service tells its clients about, with the HTTP status that goes with each."""

# ruff: noqa: N818 - the standards say "fault" for what a client is told

from __future__ import annotations


class DaliError(Exception):
    """A request that gets no result; the text is one sentence for the person who asked.

    Attributes
    ----------
    status
        HTTP status of the answer.
    retry_after
        Seconds after which asking again may help, None where it does not.

    References
    ----------
    DALI 1.1, "Errors".
    """

    status = 500
    retry_after: int | None = None


class UsageFault(DaliError):
    """Raised when a parameter is missing, unknown, or has a value that means nothing."""

    status = 400


class MultiValuedParamNotSupported(UsageFault):
    """Raised when a parameter that takes one value comes more than once."""


class AuthorizationFault(DaliError):
    """Raised when the one who asks may not have what exists."""

    status = 403


class NotFoundFault(DaliError):
    """Raised when what an identifier or a path names does not exist."""

    status = 404


class QueryTimeoutFault(DaliError):
    """Raised when a request ran longer than it may."""

    status = 408


class TooLargeFault(DaliError):
    """Raised when a request has more bytes than the service reads."""

    status = 413


class TooManyRequestsFault(DaliError):
    """Raised when a client has more requests under way than one may have."""

    status = 429
    retry_after = 5


class TransientFault(DaliError):
    """Raised when the service cannot answer now and may be able to soon."""

    status = 503
    retry_after = 5


class FatalFault(DaliError):
    """Raised when the service failed for a reason of its own."""


def fault_name(fault: DaliError) -> str:
    """Word of DALI for a fault, with which the documents of SIA 2 and DataLink begin.

    References
    ----------
    SIA 2.0, "Errors"; DataLink 1.1, "Errors".
    """
    match fault:
        case NotFoundFault():
            return "NotFoundFault"
        case UsageFault():
            return "UsageFault"
        case TransientFault():
            return "TransientFault"
        case _:
            return "FatalFault"
