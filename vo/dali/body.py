"""Bodies of requests that are refused before they are read."""

from __future__ import annotations

from typing import IO, Any

_MOST_BYTES = 64 * 2**20
_PIECE = 2**16


def discard_body(source: IO[bytes], length: int | None, parsed: Any = None) -> None:
    """Read what a client still sends: answered before it is done, it would see a broken connection instead.

    Parameters
    ----------
    source
        The body, as the server of the requests gives it: where the connection stays open, it never ends by itself.
    length
        Bytes of the body as the client says; None where it ends by itself.
    parsed
        Stream over `source` of which a part was read already, if any; it tells how much.
    """
    left = _MOST_BYTES
    if length is not None:
        left = min(length - (parsed.tell() if parsed is not None else 0), left)
    while left > 0 and (piece := source.read(min(left, _PIECE))):
        left -= len(piece)
