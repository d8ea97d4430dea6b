"""What a query looks like apart from the values of its literals."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tap.adql.tokens import COMMENT, DELIMITED, DIGITS, NUMBER, STRING, WORD

_LONGEST_TEXT = 8_000
_MOST_DIGITS = 18
"""So many digits always fit into 64 bits; what is longer may be a real number."""

_PIECE = re.compile(
    rf"""
    (?P<NUMBER>{NUMBER})
  | (?P<DIGITS>{DIGITS})
  | (?P<STRING>{STRING})
  | (?P<REST>(?:{WORD}|{DELIMITED}|{COMMENT}|-(?!-)|\.(?![0-9])|[^A-Za-z0-9'".-])++)
    """,
    re.VERBOSE,
)
_REST = _PIECE.groupindex["REST"]


@dataclass(frozen=True, slots=True)
class Shape:
    """A query as what stands between its literals, and the literals.

    Attributes
    ----------
    key
        Text between literals, and a number for the kind of each literal: queries with the same key have the same
        tokens but for the values of numbers and strings.
    literals
        As they are written, in order.
    positions
        Offset of each literal.
    """

    key: tuple[str | int, ...]
    literals: tuple[str, ...]
    positions: tuple[int, ...]


def read_shape(text: str) -> Shape | None:
    """Shape of a query; None for what is long or cannot be divided so."""
    if len(text) > _LONGEST_TEXT:
        return None
    key: list[str | int] = []
    literals: list[str] = []
    positions: list[int] = []
    end = 0
    for match in _PIECE.finditer(text):
        if match.start() != end:
            return None
        end = match.end()
        piece = match.group()
        kind = match.lastindex
        assert kind is not None
        if kind == _REST:
            key.append(piece)
            continue
        if piece.isdigit() and len(piece) > _MOST_DIGITS:
            return None
        key.append(kind)
        literals.append(piece)
        positions.append(match.start())
    return Shape(tuple(key), tuple(literals), tuple(positions)) if end == len(text) else None


def literal_value(text: str) -> int | float | str:
    """Value of a literal as it is written.

    Raises
    ------
    ValueError
        Raised for values that no query may hold.
    """
    if text[0] == "'":
        if "\0" in text:
            raise ValueError("Strings may not contain the character U+0000.")
        return text[1:-1].replace("''", "'")
    if text.isdigit():
        return int(text)
    value = float(text)
    if value == float("inf"):
        raise ValueError("This number is too large.")
    return value
