"""SHA-256 of files, by which the archive knows bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import BinaryIO

BLOCK = 1 << 20
"""Bytes read at a time."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


def is_sha256(text: str) -> bool:
    """Whether a text is a SHA-256 checksum, 64 hexadecimal digits in lower case."""
    return _SHA256.fullmatch(text) is not None


def sha256_of(stream: BinaryIO) -> tuple[str, int]:
    """Checksum and number of bytes from here to the end of a stream.

    Raises
    ------
    OSError
        Raised if the stream cannot be read.
    """
    digest = hashlib.sha256()
    size = 0
    while block := stream.read(BLOCK):
        digest.update(block)
        size += len(block)
    return digest.hexdigest(), size


def copy_with_sha256(source: BinaryIO, write: Callable[[bytes], object]) -> tuple[str, int]:
    """Hand a stream to a writer, block by block, to its end; the checksum is that of the bytes handed over.

    Returns
    -------
    sha256
        64 hexadecimal digits.
    size
        Bytes copied.

    Raises
    ------
    OSError
        Raised if the stream cannot be read; what `write` raises passes through.
    """
    digest = hashlib.sha256()
    size = 0
    while block := source.read(BLOCK):
        digest.update(block)
        write(block)
        size += len(block)
    return digest.hexdigest(), size
