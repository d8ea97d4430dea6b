"""Documents made of the models of the IVOA's XML schemas."""

from __future__ import annotations

from pydantic_xml import BaseXmlModel


def document(model: BaseXmlModel) -> bytes:
    """XML document in UTF-8, without the elements that are None."""
    text = model.to_xml(skip_empty=True, encoding="UTF-8", xml_declaration=True)
    return text if isinstance(text, bytes) else text.encode()
