"""What is wrong with a query, where, and what would cure it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a query.

    Attributes
    ----------
    position
        Offset into the text, in characters.
    message
        A sentence for users.
    """

    position: int
    message: str


class AdqlError(ValueError):
    """A query that is not ADQL 2.1, names what is not there, or asks for what this service cannot do.

    Parameters
    ----------
    faults
        At least one, in the order of their positions.
    text
        The query.

    Attributes
    ----------
    faults
        The faults.
    line, column
        Place of the first fault, both counted from 1.
    """

    def __init__(self, faults: tuple[Fault, ...], text: str) -> None:
        self.faults = faults
        self.line, self.column = line_and_column(text, faults[0].position)
        super().__init__("\n".join(_sentence(fault, text) for fault in faults))


class FaultError(Exception):
    """Carries faults from the stage that found them to the one that knows the text."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        super().__init__(*(fault.message for fault in faults))


def fault(position: int, message: str) -> FaultError:
    """Error with a single fault, to be raised."""
    return FaultError(Fault(position, message))


def line_and_column(text: str, position: int) -> tuple[int, int]:
    """Line and column, both counted from 1, of an offset into a text; CR LF and a lone CR end a line as LF does."""
    before = text[:position].replace("\r\n", "\n").replace("\r", "\n")
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _sentence(fault: Fault, text: str) -> str:
    line, column = line_and_column(text, fault.position)
    return f"Line {line}, column {column}: {fault.message}"
