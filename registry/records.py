"""Resource records: what a registry tells of a service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

_RI = "http://www.ivoa.net/xml/RegistryInterface/v1.0"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_NAMESPACES = {
    "ri": _RI,
    "vr": "http://www.ivoa.net/xml/VOResource/v1.0",
    "vs": "http://www.ivoa.net/xml/VODataService/v1.1",
    "xsi": _XSI,
}


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who answers for the services.

    Attributes
    ----------
    name
        Of the organisation.
    creator
        Who made the data.
    contact_name, contact_email
        Whom to ask; the address may be missing.
    subjects
        Words of the Unified Astronomy Thesaurus.
    reference_url
        Page for people.
    """

    name: str
    creator: str
    contact_name: str
    contact_email: str | None
    subjects: tuple[str, ...]
    reference_url: str


@dataclass(frozen=True, slots=True)
class RegisteredService:
    """A service as its record describes it.

    Attributes
    ----------
    identifier
        IVOID, such as ``ivo://authority/tap``.
    title, description
        For people.
    capabilities
        Makes its capabilities document.
    tableset
        Makes its tableset document, None for a service without tables.
    """

    identifier: str
    title: str
    description: str
    capabilities: Callable[[], bytes]
    tableset: Callable[[], bytes] | None = None


def write_record(service: RegisteredService, publisher: Publisher, made: datetime) -> bytes:
    """Resource record of a service.

    Parameters
    ----------
    made
        When the description was made; with a time zone.

    References
    ----------
    VOResource 1.1, "The VOResource Metadata Model"; VODataService 1.2, "CatalogService".
    """
    capabilities = etree.fromstring(service.capabilities())
    tableset = None if service.tableset is None else etree.fromstring(service.tableset())
    namespaces = dict(_NAMESPACES)
    # Types of capabilities are named with prefixes, which must mean the same here.
    for capability in capabilities:
        namespaces |= {prefix: name for prefix, name in capability.nsmap.items() if prefix is not None}
    root = etree.Element(f"{{{_RI}}}Resource", nsmap=namespaces)
    root.set(f"{{{_XSI}}}type", "vs:CatalogService")
    instant = made.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for name, value in (("created", instant), ("updated", instant), ("status", "active")):
        root.set(name, value)
    _text(root, "title", service.title)
    _text(root, "identifier", service.identifier)
    _add_curation(root, publisher, instant)
    _add_content(root, service, publisher)
    root.extend(list(capabilities))
    if tableset is not None:
        element = etree.SubElement(root, "tableset")
        element.extend(list(tableset))
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _add_curation(root: etree._Element, publisher: Publisher, instant: str) -> None:
    curation = etree.SubElement(root, "curation")
    _text(curation, "publisher", publisher.name)
    _text(etree.SubElement(curation, "creator"), "name", publisher.creator)
    _text(curation, "date", instant[:10]).set("role", "Updated")
    contact = etree.SubElement(curation, "contact")
    _text(contact, "name", publisher.contact_name)
    if publisher.contact_email is not None:
        _text(contact, "email", publisher.contact_email)


def _add_content(root: etree._Element, service: RegisteredService, publisher: Publisher) -> None:
    content = etree.SubElement(root, "content")
    for subject in publisher.subjects:
        _text(content, "subject", subject)
    _text(content, "description", service.description)
    _text(content, "referenceURL", publisher.reference_url)
    _text(content, "type", "Archive")
    _text(content, "contentLevel", "Research")


def _text(parent: etree._Element, tag: str, text: str) -> etree._Element:
    element = etree.SubElement(parent, tag)
    element.text = text
    return element
