"""Cards of a header as lines of text that simple readers understand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

Value = str | int | float | bool | None

_KEYWORD_LENGTH = 8
_CARD_LENGTH = 80
_LEFT_OUT = ("HISTORY", "CONTINUE", "")


def header_lines(cards: Iterable[Sequence[Value]]) -> Iterator[str]:
    """Write the cards of one header, END included.

    Each card is one line, filled up to 80 characters; a text that does not fit makes its line longer, because readers
    of these lines join nothing. Left out are cards without a value, HISTORY and blank cards: clients that take each
    line for ``keyword = value / comment`` fail on them.

    Parameters
    ----------
    cards
        Keyword (hierarchical ones without HIERARCH), value and perhaps a comment.

    References
    ----------
    FITS 4.0, "Keyword records"; ESO, "The HIERARCH keyword convention".
    """
    for keyword, value, *comment in cards:
        if keyword == "COMMENT" and value is not None:
            yield f"COMMENT {value}".ljust(_CARD_LENGTH)
        elif keyword not in _LEFT_OUT and value is not None:
            remark = f" / {comment[0]}" if comment else ""
            yield f"{_name(str(keyword))}= {_value(value)}{remark}".ljust(_CARD_LENGTH)
    yield "END".ljust(_CARD_LENGTH)


def _name(keyword: str) -> str:
    if len(keyword) <= _KEYWORD_LENGTH and " " not in keyword:
        return keyword.ljust(_KEYWORD_LENGTH)
    return f"HIERARCH {keyword} "


def _value(value: str | int | float | bool) -> str:
    match value:
        case bool():
            return ("T" if value else "F").rjust(20)
        case int():
            return str(value).rjust(20)
        case float():
            return _real(value).rjust(20)
        case str():
            quoted = value.replace("'", "''").ljust(_KEYWORD_LENGTH)
            return f"'{quoted}'".ljust(20)


def _real(value: float) -> str:
    """Shortest text that reads back equal, with a decimal point."""
    mantissa, exponent, power = repr(value).upper().partition("E")
    return f"{mantissa if '.' in mantissa else f'{mantissa}.0'}{exponent}{power}"
