"""What links mean, in the words of the vocabularies of the IVOA."""

from __future__ import annotations

from typing import Literal

Term = Literal[
    "#this",
    "#progenitor",
    "#derivation",
    "#auxiliary",
    "#weight",
    "#error",
    "#noise",
    "#calibration",
    "#bias",
    "#dark",
    "#flat",
    "#preview",
    "#preview-image",
    "#preview-plot",
    "#thumbnail",
    "#proc",
    "#cutout",
    "#documentation",
    "#detached-header",
    "#coderived",
    "#counterpart",
    "#package",
]
"""Concepts of http://www.ivoa.net/rdf/datalink/core that links of this archive may have."""

_COMPANIONS: tuple[tuple[str, Term], ...] = (
    ("WEIGHT", "#weight"),
    ("RMS", "#noise"),
    ("NOISE", "#noise"),
    ("VAR", "#error"),
    ("ERR", "#error"),
    ("PREVIEW", "#preview"),
    ("WHITELIGHT", "#preview-image"),
    ("README", "#documentation"),
)
_PRODUCT_TYPES = frozenset(
    {"image", "cube", "spectrum", "sed", "timeseries", "visibility", "event", "measurements"}
)  # fmt: skip


def companion_term(category: str | None) -> Term:
    """Concept of a file that belongs to another, by its category.

    Parameters
    ----------
    category
        As Phase 3 writes it, such as ``ANCILLARY.WEIGHTMAP``, or None.
    """
    words = (category or "").upper()
    return next((term for word, term in _COMPANIONS if word in words), "#auxiliary")


def product_type(dataproduct_type: str | None) -> str | None:
    """Kind of a data product, as ``content_qualifier`` has it.

    References
    ----------
    DataLink 1.1, "content_qualifier"; http://www.ivoa.net/rdf/product-type.
    """
    return f"#{dataproduct_type}" if dataproduct_type in _PRODUCT_TYPES else None
