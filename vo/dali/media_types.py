"""Media types, as clients write them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type.

    Attributes
    ----------
    name
        Type and subtype, lower case: ``application/x-votable+xml``.
    parameters
        Names and values, lower case, sorted; without ``charset`` and ``q``, which choose no format.
    """

    name: str
    parameters: tuple[tuple[str, str], ...] = ()


def read_media_type(text: str) -> MediaType:
    """Read a media type without regard to case, blanks and quotes.

    References
    ----------
    RFC 9110, "Media Type".
    """
    return _read(text)[0]


def read_accept(text: str) -> Iterator[MediaType]:
    """Media types of an Accept header that the client takes, the one it likes best first.

    References
    ----------
    RFC 9110, "Accept".
    """
    wanted = [_read(part) for part in text.split(",") if part.strip()]
    yield from (kind for kind, quality in sorted(wanted, key=lambda pair: -pair[1]) if quality > 0)


def _read(text: str) -> tuple[MediaType, float]:
    name, *rest = (part.strip().lower() for part in text.split(";"))
    pairs = {key.strip(): value.strip().strip('"') for key, _, value in (part.partition("=") for part in rest) if key}
    quality = _quality(pairs.pop("q", "1"))
    pairs.pop("charset", None)
    return MediaType(name, tuple(sorted(pairs.items()))), quality


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
