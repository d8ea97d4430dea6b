"""Text inside XML documents: escaped, and free of the characters that XML 1.0 cannot hold."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

import pyarrow as pa
import pyarrow.compute as pc

from vo.tables.text import holds_any, holds_control

REPLACEMENT = "\ufffd"
"""Stands for a character that XML 1.0 has no way to write."""

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FORBIDDEN_RE2 = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x{FFFE}\x{FFFF}]"
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;"))

# U+FFFE and U+FFFF begin with 0xEF in UTF-8; text with such a byte takes the careful path.
_SPECIAL_BYTES = b"&<>\xef"


def is_xml_text(text: str) -> bool:
    """Whether XML 1.0 can hold a text as it is."""
    return _FORBIDDEN.search(text) is None


def xml_safe(text: str) -> str:
    """Text with U+FFFD for each character that XML 1.0 cannot hold; not escaped."""
    return _FORBIDDEN.sub(REPLACEMENT, text)


def xml_text(text: str) -> str:
    """Text as the content of an element.

    References
    ----------
    XML 1.0, "Characters" and "End-of-Line Handling" (a bare carriage return would be read as a line feed).
    """
    return escape(xml_safe(text), {"\r": "&#13;"})


def xml_attributes(attributes: dict[str, str | None]) -> str:
    """Attributes of an element, each with a leading blank; those that are None are left out."""
    return "".join(f" {name}={quoteattr(xml_safe(value))}" for name, value in attributes.items() if value is not None)


def escape_column(cells: pa.StringArray) -> pa.StringArray:
    """Cells as the content of elements, a whole column at a time; NULL stays NULL."""
    if not (holds_control(cells) or holds_any(cells, _SPECIAL_BYTES)):
        return cells
    for character, reference in _ESCAPES:
        cells = pc.replace_substring(cells, character, reference)
    return pc.replace_substring_regex(cells, _FORBIDDEN_RE2, REPLACEMENT)
