"""What tables of all protocols say of the links of their products."""

from __future__ import annotations

from vo.tables.annotations import Param, ServiceDescriptor
from vo.tables.field import Field

LINKS_TYPE = "application/x-votable+xml;content=datalink"
"""Media type of a table of links (DataLink 1.1, "DataLink MIME Type")."""

LINKS_ID = "ivo://ivoa.net/std/DataLink#links-1.1"


def links_descriptor(url: str, ref: str) -> ServiceDescriptor:
    """Description of the service that gives the links of a product.

    Parameters
    ----------
    url
        Where it is.
    ref
        ID of the column of identifiers.

    References
    ----------
    DataLink 1.1, "Service Descriptors".
    """
    identifier = Param(Field("ID", "char", "*", ucd="meta.id;meta.main"), ref=ref)
    return ServiceDescriptor(url, LINKS_ID, (identifier,), description="Everything that belongs to the product.")
