"""What one request for a package asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vo.dali.errors import UsageFault
from vo.dali.parameters import Parameters, read_choice

PackageFormat = Literal["tar", "zip"]

_FORMATS = {
    "tar": "tar",
    "application/x-tar": "tar",
    "zip": "zip",
    "application/zip": "zip",
}


@dataclass(frozen=True, slots=True)
class PackageQuery:
    """Files that are wanted together.

    Attributes
    ----------
    identifiers
        In the order of the request, each once.
    form
        Kind of package.
    related
        Whether the files that they were made of, and their companions, are wanted too.
    """

    identifiers: tuple[str, ...]
    form: PackageFormat
    related: bool = False


def read_package_query(parameters: Parameters, most: int) -> PackageQuery:
    """Read ID, which may be repeated, RESPONSEFORMAT, a media type or a short name, and RELATED.

    Parameters
    ----------
    parameters
        Of the request.
    most
        Most identifiers of one request.

    Raises
    ------
    UsageFault
        Raised with a sentence if there is no identifier, or there are too many, or the form is not known.
    """
    identifiers = tuple(dict.fromkeys(value for value in parameters.all("ID") if value.strip()))
    if not identifiers:
        raise UsageFault("ID is missing: it names a file, and may be repeated.")
    require_count(len(identifiers), most)
    word = read_choice("RESPONSEFORMAT", parameters.one("RESPONSEFORMAT"), tuple(_FORMATS), default="tar")
    related = read_choice("RELATED", parameters.one("RELATED"), ("true", "false"), default="false")
    return PackageQuery(identifiers, "zip" if _FORMATS[word] == "zip" else "tar", related == "true")


def require_count(count: int, most: int) -> None:
    """Refuse more files than one package holds.

    Raises
    ------
    UsageFault
        Raised with both numbers.
    """
    if count > most:
        raise UsageFault(f"A package holds {most} files at most, asked for are {count}: ask in parts.")
