"""Files over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from flask import Blueprint, Response, request
from werkzeug.http import unquote_etag
from werkzeug.wsgi import wrap_file

from storage.checksums import BLOCK
from storage.ranges import UnsatisfiableRangeError, read_range
from storage.replicas import HeldFile, Replicas
from storage.store import ByteRange, MissingBytesError

MayRead = Callable[[HeldFile, datetime], bool]


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _is_public(held: HeldFile, now: datetime) -> bool:
    return held.is_public(now)


def blueprint(
    replicas: Replicas,
    *,
    find: Callable[[str], HeldFile | None] | None = None,
    may_read: MayRead = _is_public,
    now: Callable[[], datetime] = _now,
    name: str = "files",
) -> Blueprint:
    """Door to the files, to be registered under ``/files``.

    Every answer that is not the file is plain text, never HTML: what a client saves under a FITS name is FITS, or its
    status says otherwise.

    Parameters
    ----------
    replicas
        The files.
    find
        Finds the file that an identifier means; without it only those of the archive itself are known.
    may_read
        Tells whether the one who asks may have a file at an instant; by default everybody may once it is public.
    now
        Clock; UTC without zone.
    name
        Name of the blueprint.
    """
    routes = Blueprint(name, __name__)
    find = find or replicas.find

    @routes.route("/<path:dp_id>", methods=["GET", "HEAD"], merge_slashes=False)
    def file(dp_id: str) -> Response:
        held = find(dp_id)
        if held is None:
            return _sentence(404, f"No file {dp_id[:200]} is held here.")
        if not may_read(held, now()):
            return _sentence(403, _not_yet(held))
        try:
            return _answer(held, replicas)
        except MissingBytesError as error:
            return _sentence(503, str(error))

    return routes


def _answer(held: HeldFile, replicas: Replicas) -> Response:
    response = Response(mimetype=held.content_type)
    response.content_length = held.size
    response.set_etag(held.sha256)
    response.last_modified = held.ingested.replace(tzinfo=UTC)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Disposition"] = f'attachment; filename="{held.name}"'
    response.make_conditional(request)
    if response.status_code == 412:
        return _sentence(412, f"{held.dp_id} is not the file that If-Match names.")
    if response.status_code != 200:
        return response
    try:
        part = read_range(request.headers.get("Range"), held.size) if _range_counts(held) else None
    except UnsatisfiableRangeError as error:
        refusal = _sentence(416, str(error))
        refusal.headers["Content-Range"] = f"bytes */{held.size}"
        return refusal
    if part is not None:
        response.status_code = 206
        response.content_length = part.length
        response.headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{held.size}"
    source = replicas.open(held)
    if request.method == "HEAD":
        source.close()
    else:
        _send(response, source, part or ByteRange(0, held.size), held.size)
    return response


def _send(response: Response, source: BinaryIO, part: ByteRange, size: int) -> None:
    """Let the server send a file from a position to its end by itself, or give it the blocks of a part."""
    source.seek(part.start)
    if part.stop == size:
        response.response = wrap_file(request.environ, source, BLOCK)
    else:
        response.response = _Part(source, part.length)
    response.direct_passthrough = True


class _Part:
    """Blocks of a file from where it stands; the server closes it, also when it never began to read."""

    def __init__(self, source: BinaryIO, length: int) -> None:
        self._source = source
        self._length = length

    def __iter__(self) -> Iterator[bytes]:
        while self._length and (block := self._source.read(min(BLOCK, self._length))):
            self._length -= len(block)
            yield block

    def close(self) -> None:
        self._source.close()


def _range_counts(held: HeldFile) -> bool:
    """Whether If-Range, when given, names the file as it is now (RFC 9110, "If-Range")."""
    if request.method != "GET":
        return False
    if "If-Range" not in request.headers:
        return True
    condition = request.if_range
    if condition.date is not None:
        return condition.date == held.ingested.replace(tzinfo=UTC, microsecond=0)
    etag, weak = unquote_etag(request.headers["If-Range"])
    return not weak and etag == held.sha256


def _not_yet(held: HeldFile) -> str:
    if held.release_date is None:
        return f"{held.dp_id} is proprietary; the date when it becomes public is not set."
    date = held.release_date.isoformat(timespec="seconds")
    return f"{held.dp_id} is proprietary; it becomes public on {date}Z (UTC)."


def _sentence(status: int, text: str) -> Response:
    return Response(f"{text}\n", status, mimetype="text/plain")
