"""Capabilities of the protocols that have a registry extension of their own: SIA 1, SSA, cone search."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from vo.tables.annotations import Param
from vo.vosi.capabilities import vosi_capabilities, write_capabilities

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_NAMESPACES = {
    "cs": "http://www.ivoa.net/xml/ConeSearch/v1.0",
    "sia": "http://www.ivoa.net/xml/SIA/v1.1",
    "ssap": "http://www.ivoa.net/xml/SSA/v1.1",
    "vs": "http://www.ivoa.net/xml/VODataService/v1.1",
    "xsi": _XSI,
}
Content = Sequence[tuple[str, "str | Content"]]
"""Names of elements and what they hold: text, or elements again."""


def simple_capability(
    kind: str,
    standard_id: str,
    access_url: str,
    inputs: Sequence[Param],
    content: Content,
    required: frozenset[str] = frozenset(),
) -> etree._Element:
    """Capability element of a service whose requests are names and values.

    Parameters
    ----------
    kind
        Type of the extension: ``cs:ConeSearch``, ``sia:SimpleImageAccess`` or ``ssap:SimpleSpectralAccess``.
    standard_id
        Identifier of the standard.
    access_url
        Where the service is; the question mark is added.
    inputs
        Its parameters.
    content
        Elements of the extension, in order.
    required
        Names of the parameters without which no request is answered.

    References
    ----------
    SimpleDALRegExt 1.1, "Common Features" and the sections of the protocols.
    """
    capability = etree.Element(
        "capability", {"standardID": standard_id, f"{{{_XSI}}}type": kind}, nsmap=dict(_NAMESPACES)
    )
    interface = etree.SubElement(capability, "interface", {f"{{{_XSI}}}type": "vs:ParamHTTP", "role": "std"})
    etree.SubElement(interface, "accessURL", {"use": "base"}).text = f"{access_url}?"
    etree.SubElement(interface, "queryType").text = "GET"
    etree.SubElement(interface, "resultType").text = "text/xml;content=x-votable"
    for each in inputs:
        _add_param(interface, each, is_required=each.field.name in required)
    _add(capability, content)
    return capability


def write_simple_capabilities(capability: etree._Element, base_url: str) -> bytes:
    """Capabilities document of one such service, with its support interfaces.

    Parameters
    ----------
    capability
        Of the service itself.
    base_url
        URL below which ``capabilities`` and ``availability`` are found, without a slash at its end.

    References
    ----------
    VOSI 1.1, "Capability metadata".
    """
    root = etree.fromstring(write_capabilities(vosi_capabilities(base_url)))
    root.append(capability)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _add_param(interface: etree._Element, param: Param, *, is_required: bool) -> None:
    field = param.field
    use = "required" if is_required else "optional"
    element = etree.SubElement(interface, "param", {"std": "true", "use": use})
    texts = {"name": field.name, "description": field.description, "unit": field.unit, "ucd": field.ucd}
    for tag, text in texts.items():
        if text:
            etree.SubElement(element, tag).text = text
    datatype = etree.SubElement(element, "dataType", {f"{{{_XSI}}}type": "vs:VOTableType"})
    datatype.text = field.datatype
    if field.arraysize is not None:
        datatype.set("arraysize", field.arraysize)


def _add(parent: etree._Element, content: Content) -> None:
    for tag, inner in content:
        element = etree.SubElement(parent, tag)
        if isinstance(inner, str):
            element.text = inner
        else:
            _add(element, inner)
