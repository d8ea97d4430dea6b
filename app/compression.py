"""Answers in transit: gzip where the client takes it and where it pays."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from itertools import chain
from typing import Any

from flask import Request, Response
from isal import isal_zlib

SMALL_BYTES = 2**16
"""Answers up to this size are compressed for everyone."""

_LEAST_BYTES = 256
_LEVEL = 1
_GZIP = 31
_KINDS = frozenset(
    {
        "application/json", "application/problem+json", "application/vnd.apache.arrow.stream",
        "application/x-votable+xml", "application/xhtml+xml", "application/xml",
    }
)  # fmt: skip


def compress(request: Request, response: Response, client: str) -> Response:
    """Compress an answer, if its client takes gzip.

    What is compressed already, files and what may be asked for in parts stay as they are. Large answers to programs on
    the same machine do so too: there, moving bytes takes less time than compressing them. A failure among the rows
    breaks the connection as it does without compression.

    Parameters
    ----------
    request, response
        What was asked and what is to be answered.
    client
        Address of who asks.

    References
    ----------
    RFC 9110, "Accept-Encoding", "Content-Encoding" and "Vary".
    """
    if not _is_compressible(response):
        return response
    response.vary.add("Accept-Encoding")
    if request.method == "HEAD" or not request.accept_encodings.quality("gzip"):
        return response
    source = response.response
    pieces: Iterator[bytes] = iter(source)  # type: ignore[arg-type]  # bytes, as all our answers
    start = b""
    while len(start) <= SMALL_BYTES and (piece := next(pieces, None)) is not None:
        start += piece
    if len(start) <= SMALL_BYTES:
        if len(start) < _LEAST_BYTES:
            response.set_data(start)
            return response
        response.set_data(b"".join(_compressed(iter([start]))))
    else:
        rest = chain([start], pieces)
        if _is_here(client):
            response.response = _Kept(rest, source)
            return response
        response.response = _Kept(_compressed(rest), source)
        response.headers.pop("Content-Length", None)
    response.headers["Content-Encoding"] = "gzip"
    return response


def _is_compressible(response: Response) -> bool:
    kind = response.mimetype or ""
    return (
        (kind in _KINDS or kind.startswith("text/"))
        and not response.direct_passthrough
        and response.status_code not in (204, 206, 304)
        and not {"Content-Encoding", "Accept-Ranges", "ETag"} & set(response.headers.keys())
    )


class _Kept:
    """Pieces of an answer; closing them closes what they are made of."""

    def __init__(self, pieces: Iterator[bytes], source: Any) -> None:
        self._pieces = pieces
        self._source = source

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        """Close the source, if it can be."""
        if hasattr(self._source, "close"):
            self._source.close()


def _compressed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def _is_here(client: str) -> bool:
    try:
        return ip_address(client).is_loopback
    except ValueError:
        return False
