"""Parameters of a request, as all services of the VO share them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from vo.dali.errors import MultiValuedParamNotSupported, UsageFault

_QUOTED_LENGTH = 60


@dataclass(frozen=True, slots=True)
class RowLimits:
    """Numbers of rows that a service gives.

    Attributes
    ----------
    default
        When MAXREC is absent.
    hard
        Never more than this.
    """

    default: int
    hard: int


class Parameters:
    """Names and values of a request; names without regard to case.

    Parameters
    ----------
    pairs
        In the order in which they came, each time they came.

    References
    ----------
    DALI 1.1, "Parameters" ("Case Sensitivity", "Multiple Values").
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name.upper(), []).append(value)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a parameter, empty ones left out: they say nothing."""
        return tuple(value for value in self._values.get(name, ()) if value.strip())

    def one(self, name: str) -> str | None:
        """Value of a parameter that takes one; None when it is absent or empty.

        Raises
        ------
        MultiValuedParamNotSupported
            Raised if the parameter comes more than once.
        """
        values = self.all(name)
        if len(values) > 1:
            raise MultiValuedParamNotSupported(f"{name} is given {len(values)} times; give it once.")
        return values[0] if values else None


def read_maxrec(text: str | None, *, default: int, hard: int) -> int:
    """Most rows to give: the wish of the client, cut silently to the hard limit of the service.

    Raises
    ------
    UsageFault
        Raised if `text` is no whole number of zero or more.

    References
    ----------
    DALI 1.1, "MAXREC".
    """
    if text is None:
        return default
    if not re.fullmatch(r"\s*\+?[0-9]+\s*", text):
        raise UsageFault(f"MAXREC must be a whole number of zero or more, not {quoted(text)}.")
    digits = text.strip().lstrip("+").lstrip("0") or "0"
    return hard if len(digits) > len(str(hard)) else min(int(digits), hard)


def read_choice(name: str, text: str | None, choices: Iterable[str], *, default: str) -> str:
    """One of a few words, without regard to case, spelled as in `choices`.

    Raises
    ------
    UsageFault
        Raised if `text` is none of them.
    """
    if text is None:
        return default
    known = {choice.lower(): choice for choice in choices}
    choice = known.get(text.strip().lower())
    if choice is None:
        raise UsageFault(f"{name}={quoted(text)} is not known here; known: {', '.join(known.values())}.")
    return choice


def quoted(text: str) -> str:
    """Text of a client inside a sentence: one line, shortened."""
    line = " ".join(text.split())
    return f"'{line if len(line) <= _QUOTED_LENGTH else line[:_QUOTED_LENGTH] + '…'}'"
