"""Cards of a FITS header: 80 characters become keyword, value and comment."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

CARD = 80
"""Characters of a card."""

Value = str | bool | int | float | None

_VALUE = re.compile(
    r"""\s*(?:
        '((?:[^']|'')*)'                                          # 1 text
      | ([TF])(?=[\s/]|$)                                         # 2 logical
      | ([+-]?\d+)(?=[\s/]|$)                                     # 3 integer
      | ([+-]?(?:\d+\.?\d*|\.\d+)(?:[EeDd][+-]?\d+)?)(?=[\s/]|$)  # 4 real
      |
    )\s*(?:/\s?(.*))?$                                            # 5 comment
    """,
    re.VERBOSE | re.ASCII,
)
_LOOSE_KEYWORD = re.compile(r"[A-Za-z0-9_-]{1,40}\s*=", re.ASCII)
_COMMENTARY = ("COMMENT", "HISTORY", "")
_CONTROL = {code: "\N{REPLACEMENT CHARACTER}" for code in range(256) if not chr(code).isprintable()}
_UNIT = re.compile(r"\s*\[([^\]]*)\]")


@dataclass(frozen=True, slots=True)
class Card:
    """One keyword of a header.

    Attributes
    ----------
    keyword
        Upper case; of a hierarchical one the words, without HIERARCH: ``ESO DPR CATG``. Empty for blank cards.
    value
        None where the card has none. What is not a value by the standard stays the text that it is.
    comment
        May be empty.
    """

    keyword: str
    value: Value
    comment: str = ""

    @property
    def unit(self) -> str | None:
        """Unit in brackets at the start of the comment (FITS 4.0, "Units")."""
        match = _UNIT.match(self.comment)
        return match.group(1).strip() if match else None


def read_cards(header: bytes) -> list[Card]:
    """Read the cards before END, in order; commentary and repeated ones too.

    Nothing raises: bytes that are no characters become replacement characters, cards that break the standard are read
    as far as they can be.

    Parameters
    ----------
    header
        Cards of 80 bytes.

    References
    ----------
    FITS 4.0, "Headers", "Long-string keywords" (CONTINUE); the ESO HIERARCH keyword convention.
    """
    text = header.decode("latin-1")
    if not text.isprintable():
        text = text.translate(_CONTROL)
    cards: list[Card] = []
    for start in range(0, len(text), CARD):
        card = text[start : start + CARD]
        if card.startswith("CONTINUE") and cards and _goes_on(cards[-1].value):
            cards[-1] = _joined(cards[-1], card[8:])
        else:
            cards.append(_card(card))
    return cards


def _card(text: str) -> Card:
    keyword = text[:8].rstrip().upper()
    if text[8:10] == "= " and keyword not in _COMMENTARY:
        return Card(keyword, *_value(text[10:]))
    if keyword in _COMMENTARY:
        return Card(keyword, text[8:].rstrip())
    if keyword == "HIERARCH" and "=" in text:
        name, _, rest = text[8:].partition("=")
        return Card(" ".join(name.split()).upper(), *_value(rest))
    if _LOOSE_KEYWORD.match(text):
        name, _, rest = text.partition("=")
        return Card(name.strip().upper(), *_value(rest))
    return Card(keyword, text[8:].strip() or None)


def _value(text: str) -> tuple[Value, str]:
    match = _VALUE.match(text)
    if match is None:
        value, _, comment = text.partition(" /")
        return value.strip(" '") or None, comment.strip()
    string, logical, integer, real, comment = match.groups()
    comment = (comment or "").rstrip()
    if string is not None:
        return string.replace("''", "'").rstrip(), comment
    if logical is not None:
        return logical == "T", comment
    if integer is not None:
        return int(integer), comment
    if real is not None:
        number = float(real.upper().replace("D", "E"))
        return (number if math.isfinite(number) else real), comment
    return None, comment


def _goes_on(value: Value) -> bool:
    return isinstance(value, str) and value.endswith("&")


def _joined(card: Card, text: str) -> Card:
    value, comment = _value(text)
    return Card(
        card.keyword, f"{card.value}"[:-1] + ("" if value is None else f"{value}"), f"{card.comment} {comment}".strip()
    )


class Header:
    """Cards in order, found by keyword; of a repeated keyword the first counts.

    Parameters
    ----------
    cards
        In the order of the file.
    """

    __slots__ = ("_first", "cards", "repeated")

    def __init__(self, cards: Iterable[Card]) -> None:
        self.cards = tuple(cards)
        self._first: dict[str, Card] = {}
        self.repeated: tuple[str, ...] = ()
        for card in self.cards:
            if card.keyword in _COMMENTARY:
                continue
            first = self._first.setdefault(card.keyword, card)
            if first.value != card.value and card.keyword not in self.repeated:
                self.repeated += (card.keyword,)

    def __contains__(self, keyword: str) -> bool:
        return keyword in self._first

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def card(self, keyword: str) -> Card | None:
        """First card of a keyword."""
        return self._first.get(keyword)

    def value(self, keyword: str) -> Value:
        """Value of a keyword, None without one."""
        card = self._first.get(keyword)
        return None if card is None else card.value

    def text(self, keyword: str) -> str | None:
        """Value as text without blanks around it; None where it is empty or missing."""
        return as_text(self.value(keyword))

    def number(self, keyword: str) -> float | None:
        """Value as a finite number, also when it was written as text; None where it is not one."""
        return as_number(self.value(keyword))

    def integer(self, keyword: str) -> int | None:
        """Value as a whole number, also when it was written with a point; None where it is not one."""
        return as_integer(self.value(keyword))


def as_text(value: Value) -> str | None:
    """Value of a card as text without blanks around it; None where it is empty or missing."""
    if value is None:
        return None
    return f"{value}".strip() or None


def as_number(value: Value) -> float | None:
    """Value of a card as a finite number; None where it is not one."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def as_integer(value: Value) -> int | None:
    """Value of a card as a whole number; None where it is not one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    number = as_number(value)
    return int(number) if number is not None and number.is_integer() else None
