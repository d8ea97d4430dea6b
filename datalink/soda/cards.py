"""Headers of cutouts: the cards of the original, but for those that must change."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from astropy.io import fits

CARD = 80
BLOCK = 2880

Value = str | int | float | bool

_HISTORY = 72
_SUMS = frozenset({"CHECKSUM", "DATASUM"})


def edited_header(
    original: bytes,
    values: Mapping[str, Value],
    *,
    without: Collection[str] = (),
    history: Iterable[str] = (),
) -> bytes:
    """Header with some values changed, whole blocks; all other cards stay byte by byte, odd ones too.

    Parameters
    ----------
    original
        Cards of 80 bytes, with END.
    values
        New values; keywords that are not there yet are added.
    without
        Keywords whose cards are left out; checksums always are.
    history
        Lines to add.
    """
    left = dict(values)
    dropped = _SUMS | set(without)
    cards = []
    for start in range(0, len(original), CARD):
        card = original[start : start + CARD]
        keyword = card[:8].decode("latin-1").rstrip()
        if keyword == "END" and not card[8:].strip(b" \x00"):
            break
        if keyword in dropped:
            continue
        if keyword in left and card[8:10] == b"= ":
            cards.append(_card(keyword, left.pop(keyword), _comment(card)))
        elif keyword not in values or card[8:10] != b"= ":
            cards.append(card)
    while cards and not cards[-1].strip():
        cards.pop()
    cards += [_card(keyword, value, "") for keyword, value in left.items()]
    for line in history:
        cards += [
            f"HISTORY {line[at : at + _HISTORY]}".encode("ascii", "replace").ljust(CARD)
            for at in range(0, len(line), _HISTORY)
        ]
    cards.append(b"END".ljust(CARD))
    text = b"".join(cards)
    return text.ljust(-(-len(text) // BLOCK) * BLOCK)


def _card(keyword: str, value: Value, comment: str) -> bytes:
    card = str(fits.Card(keyword, value))
    if comment and len(card.rstrip()) + len(comment) + 3 <= CARD:
        card = f"{card.rstrip():<30} / {comment}"
    return card[:CARD].encode("ascii", "replace").ljust(CARD)


def _comment(card: bytes) -> str:
    """Comment of a card whose value is no text."""
    text = card[10:].decode("latin-1")
    return "" if text.lstrip().startswith("'") else text.partition("/")[2].strip()
