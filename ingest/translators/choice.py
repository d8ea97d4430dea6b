"""Which translator reads a file."""

from __future__ import annotations

from ingest.content import Content
from ingest.translators.base import Translator
from ingest.translators.eso import EsoTranslator
from ingest.translators.heasarc import HeasarcTranslator
from ingest.translators.phase3 import Phase3Translator

TRANSLATORS: tuple[type[Translator], ...] = (Phase3Translator, EsoTranslator, HeasarcTranslator, Translator)
"""In the order in which they are asked; the last knows every file."""


def translator_for(content: Content) -> Translator:
    """The first translator that knows a file."""
    return next(kind(content) for kind in TRANSLATORS if kind.can_translate(content))
