"""What SODA calls faults."""

from __future__ import annotations

from vo.dali.errors import (
    AuthorizationFault,
    DaliError,
    MultiValuedParamNotSupported,
    NotFoundFault,
    TooLargeFault,
    TooManyRequestsFault,
    TransientFault,
    UsageFault,
)

_LABELS: tuple[tuple[tuple[type[DaliError], ...], str], ...] = (
    ((MultiValuedParamNotSupported,), "MultiValuedParamNotSupported"),
    ((UsageFault, NotFoundFault, TooLargeFault), "UsageError"),
    ((AuthorizationFault,), "AuthorizationError"),
    ((TransientFault, TooManyRequestsFault), "ServiceUnavailable"),
)


def label(fault: DaliError) -> str:
    """Word with which a document on a fault begins.

    References
    ----------
    SODA 1.0, "Errors".
    """
    if fault.status == 401:
        return "AuthenticationError"
    return next((word for kinds, word in _LABELS if isinstance(fault, kinds)), "Error")
