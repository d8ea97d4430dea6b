"""What a header says of other files: what this one was made of, and what belongs to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ingest.cards import Header
from ingest.content import Content
from ingest.translators.base import without_ending

Kind = Literal["progenitor", "calibration", "companion"]

_PARENT = re.compile(r"PROV([1-9][0-9]*)")
_INPUT = re.compile(r"(ESO PRO REC[0-9]+ (RAW|CAL)[0-9]+) NAME")
_COMPANION = re.compile(r"ASSON([1-9][0-9]*)")
_WITHOUT_COLONS = re.compile(r"([A-Z0-9]+\.\d{4}-\d\d-\d\dT\d\d)_(\d\d)_(\d\d\.\d{3})")


@dataclass(frozen=True, slots=True)
class Relation:
    """Another file that a header names.

    Attributes
    ----------
    kind
        What the other is for this one.
    name
        Its name, without an ending.
    category
        Its category where the header says it.
    """

    kind: Kind
    name: str
    category: str | None = None


def relations(content: Content) -> tuple[Relation, ...]:
    """Files that a header names, in its order, each once.

    Progenitors are the parents of a product and the frames that a pipeline read; the calibrations that it applied to
    them are told apart.

    References
    ----------
    ESO Science Data Products Standard (ESO-044286), version 8, "Provenance information" and "Associated files"; ESO
    Data Interface Control Document (GEN-SPE-ESO-19400-0794), "Pipeline products".
    """
    header = content.fits.hdus[0].header
    found = {(relation.kind, relation.name): relation for relation in reversed([*_relations(header)])}
    return tuple(reversed(found.values()))


def _relations(header: Header) -> Iterator[Relation]:
    for card in header.cards:
        if not isinstance(card.value, str):
            continue
        name = _WITHOUT_COLONS.sub(r"\1:\2:\3", without_ending(card.value))
        if not name:
            continue
        if _PARENT.fullmatch(card.keyword):
            yield Relation("progenitor", name)
        elif match := _INPUT.fullmatch(card.keyword):
            kind: Kind = "calibration" if match[2] == "CAL" else "progenitor"
            yield Relation(kind, name, header.text(f"{match[1]} CATG"))
        elif match := _COMPANION.fullmatch(card.keyword):
            yield Relation("companion", name, header.text(f"ASSOC{match[1]}"))
