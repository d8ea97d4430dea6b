"""Many files as one: tar or zip, stored as they are, written while they are read."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from zipstream import ZipStream

_BLOCK = 2**20
_MANIFEST = "manifest.json"
_SUMS = "SHA256SUMS"


class BrokenMemberError(RuntimeError):
    """A file ended before, or went on after, the size that was announced for it."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a package.

    Attributes
    ----------
    dp_id
        Its identifier.
    name
        Its name in the package.
    size
        Number of bytes.
    sha256
        Checksum of the bytes.
    content_type
        Media type.
    modified
        Seconds since 1970, UTC.
    open
        Opens the bytes; called when the package has come to them.
    """

    dp_id: str
    name: str
    size: int
    sha256: str
    content_type: str
    modified: float
    open: Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class Package:
    """A package on its way out.

    Attributes
    ----------
    size
        Number of bytes that `body` gives.
    body
        Read once; memory stays at one block, whatever the files are.
    """

    size: int
    body: Iterator[bytes]


def tar_package(members: Sequence[Member]) -> Package:
    """Pack files as a tar of the POSIX.1-2001 form, which knows any size and any name.

    `manifest.json` tells of each file, `SHA256SUMS` is for ``sha256sum --check``.
    """
    texts = _texts(members)
    headers = [_tar_header(name, len(text), _newest(members)) for name, text in texts]
    headers += [_tar_header(member.name, member.size, member.modified) for member in members]
    sizes = [*(len(text) for _, text in texts), *(member.size for member in members)]
    size = sum(map(len, headers)) + sum(size + _padding(size) for size in sizes) + 2 * tarfile.BLOCKSIZE

    def body() -> Iterator[bytes]:
        contents: list[Iterable[bytes]] = [[text] for _, text in texts]
        contents += [_blocks(member) for member in members]
        for header, length, content in zip(headers, sizes, contents, strict=True):
            yield header
            yield from content
            if _padding(length):
                yield bytes(_padding(length))
        yield bytes(2 * tarfile.BLOCKSIZE)

    return Package(size, body())


def zip_package(members: Sequence[Member]) -> Package:
    """Pack files as a zip, with the extensions for large files where they are needed."""
    stream = ZipStream(sized=True)
    for name, text in _texts(members):
        stream.add(text, name)
    for member in members:
        stream.add(_blocks(member), member.name, size=member.size)
    return Package(len(stream), iter(stream))


def _blocks(member: Member) -> Iterator[bytes]:
    """Bytes of a file, exactly as many as were announced."""
    left = member.size
    with member.open() as source:
        while left and (block := source.read(min(_BLOCK, left))):
            left -= len(block)
            yield block
        if left or source.read(1):
            raise BrokenMemberError(f"{member.dp_id} has not the {member.size} bytes that it had when it was taken in.")


def _texts(members: Sequence[Member]) -> list[tuple[str, bytes]]:
    files = [
        {
            "dp_id": member.dp_id,
            "name": member.name,
            "size": member.size,
            "sha256": member.sha256,
            "content_type": member.content_type,
        }
        for member in members
    ]
    manifest = json.dumps({"files": files, "size": sum(member.size for member in members)}, indent=2)
    sums = "".join(f"{member.sha256}  {member.name}\n" for member in members)
    return [(_MANIFEST, f"{manifest}\n".encode()), (_SUMS, sums.encode())]


def _newest(members: Sequence[Member]) -> float:
    return max(member.modified for member in members)


def _tar_header(name: str, size: int, modified: float) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mtime = int(modified)
    info.mode = 0o644
    return info.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> int:
    return -size % tarfile.BLOCKSIZE
