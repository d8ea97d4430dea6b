"""The UPLOAD parameter: which tables a query brings, and where their bytes are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TypeAlias
from urllib.parse import urlsplit

from schema.reserved_words import RESERVED_WORDS
from schema.uploads import UploadedTable, uploaded_table
from vo.dali.errors import UsageFault
from vo.dali.parameters import quoted
from vo.tables.readers.files import read_table
from vo.tables.readers.limits import ReadLimits
from vo.tables.table import Table

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LONGEST_NAME = 128
_MOST_TABLES = 16

Fetch: TypeAlias = Callable[[str, IO[bytes], int], None]


@dataclass(frozen=True, slots=True)
class Upload:
    """One table that a query brings.

    Attributes
    ----------
    table_name
        As the query names it in the schema TAP_UPLOAD.
    uri
        Where its bytes are: ``param:NAME`` for a file of the same request, else http or https.
    """

    table_name: str
    uri: str


def read_uploads(values: Sequence[str]) -> tuple[Upload, ...]:
    """Read the values of UPLOAD: ``name,uri``, and several of them with a semicolon between, as TAP 1.0 had it.

    Raises
    ------
    UsageFault
        Raised with a sentence about the first pair that cannot be read, a name that is no regular identifier of ADQL
        or stands twice, and a URI of another scheme than param, http and https.

    References
    ----------
    DALI 1.1, "UPLOAD"; TAP 1.1, "UPLOAD"; ADQL 2.1, "Identifiers".
    """
    # A semicolon may belong to a URI: only one in front of "name," divides.
    pairs = [pair for value in values for pair in re.split(r";(?=\s*[^,;:/?#]*,)|;\s*$", value) if pair.strip()]
    uploads = tuple(_read_pair(pair) for pair in pairs)
    seen: set[str] = set()
    for upload in uploads:
        if upload.table_name.lower() in seen:
            raise UsageFault(f"UPLOAD names two tables {upload.table_name}; give each another name.")
        seen.add(upload.table_name.lower())
    return uploads


def _read_pair(pair: str) -> Upload:
    name, comma, uri = (part.strip() for part in pair.partition(","))
    if not comma or not uri:
        raise UsageFault(f"UPLOAD={quoted(pair)} is not of the form name,uri, such as mytable,param:mytable.")
    name = re.sub(r"^tap_upload\.", "", name, flags=re.IGNORECASE)
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise UsageFault(
            f"UPLOAD cannot name a table {quoted(name)}: a name begins with a letter, letters, digits and _ follow."
        )
    if name.upper() in RESERVED_WORDS:
        raise UsageFault(f"UPLOAD cannot name a table {name}: ADQL keeps this word for itself.")
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme.lower() not in ("param", "http", "https"):
        raise UsageFault(f"UPLOAD={quoted(pair)}: a table comes from param:, http: or https:, not from {quoted(uri)}.")
    if scheme.lower() == "param":
        if not rest:
            raise UsageFault(f"UPLOAD={quoted(pair)}: the name of a parameter stands behind param:.")
    elif not urlsplit(uri).hostname:
        raise UsageFault(f"UPLOAD={quoted(pair)}: the address names no host.")
    return Upload(name, uri)


@dataclass(frozen=True, slots=True)
class Uploads:
    """Reads the tables that queries bring.

    Attributes
    ----------
    limits
        How much is read of each table.
    fetch
        Fetches a table from its address into a file, up to so many bytes; raises `UsageFault`. None where no table is
        fetched.
    """

    limits: ReadLimits
    fetch: Fetch | None = None

    def read(self, uploads: Sequence[Upload], inline: Mapping[str, Path]) -> tuple[UploadedTable, ...]:
        """Read all tables of a query.

        Parameters
        ----------
        uploads
            What the query names.
        inline
            Files of the request, by the names of their parameters.

        Raises
        ------
        UsageFault
            Raised with the name of the table and what is wrong with it.
        """
        if len(uploads) > _MOST_TABLES:
            raise UsageFault(f"UPLOAD brings {len(uploads)} tables; this service takes {_MOST_TABLES} at once.")
        return tuple(
            uploaded_table(upload.table_name, number, self._read(upload, inline))
            for number, upload in enumerate(uploads, start=1)
        )

    def _read(self, upload: Upload, inline: Mapping[str, Path]) -> Table:
        try:
            if upload.uri.lower().startswith("param:"):
                return read_table(self._file(upload, inline), self.limits)
            if self.fetch is None:
                raise UsageFault("This service fetches no tables; send it along with the request.")
            with NamedTemporaryFile(prefix="quipu-upload-") as file:
                self.fetch(upload.uri, file, self.limits.bytes)
                file.flush()
                return read_table(Path(file.name), self.limits)
        except UsageFault as error:
            raise UsageFault(f"UPLOAD {upload.table_name}: {error}") from error

    def _file(self, upload: Upload, inline: Mapping[str, Path]) -> Path:
        name = upload.uri.partition(":")[2]
        found = inline.get(name) or {key.lower(): path for key, path in inline.items()}.get(name.lower())
        if found is None:
            raise UsageFault(f"The request has no file {quoted(name)}; send it as multipart/form-data under this name.")
        return found
