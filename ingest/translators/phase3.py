"""Products to the ESO Science Data Products Standard (Phase 3)."""

from __future__ import annotations

from typing import ClassVar

from ingest.content import Content
from ingest.translators.base import Translator
from ingest.translators.eso import EsoTranslator
from vo.spectral import Spectrum, vacuum

_TYPES = {
    "IMAGE": "image",
    "MEFIMAGE": "image",
    "SPECTRUM": "spectrum",
    "CUBE": "cube",
    "VISIBILITY": "visibility",
    "SRCTBL": "measurements",
    "CATALOG": "measurements",
    "MCATALOG": "measurements",
    "CATALOGTILE": "measurements",
}
_NANOMETRE = 1e-9


class Phase3Translator(EsoTranslator):
    """PRODCATG decides what a product is; the other keywords are those of the standard.

    References
    ----------
    ESO Science Data Products Standard (ESO-044286), version 8, "Keyword definitions".
    """

    name = "phase3"

    texts: ClassVar[dict[str, tuple[str, ...]]] = EsoTranslator.texts | {
        "target_name": ("OBJECT",),
        "proposal_id": ("PROG_ID",),
        "p3orig": ("P3ORIG",),
    }

    methods = (
        "filter", "facility_name", "instrument_name", "proposal_id", "obs_id", "multi_ob", "o_calib_status", "obstech",
        "obs_creator_did",
    )  # fmt: skip

    exposures = ("EXPTIME", "TEXPTIME")

    @classmethod
    def can_translate(cls, content: Content) -> bool:
        """Whether PRODCATG names a category of the standard, written as the standard does."""
        return _category(content) is not None

    def is_processed(self) -> bool:
        """Products are not raw, but ARCFILE is their own name: the archive writes it."""
        return False

    def is_raw(self) -> bool:
        """Never."""
        return False

    def on_sky(self) -> bool:
        """Science products and their companions are."""
        return True

    def uses_wcs(self) -> bool:
        """Images and cubes say where they lie; tables say RA and DEC."""
        return True

    def product_type(self) -> tuple[str | None, str | None]:
        """Type and the rest of PRODCATG."""
        category = _category(self.content)
        if category is None:
            return Translator.product_type(self)
        kind, _, rest = category.partition(".")
        word = rest.partition(".")[0]
        subtype = rest if kind == "SCIENCE" else category
        if kind != "SCIENCE":
            return Translator.product_type(self)[0], subtype
        return _TYPES.get(word), subtype

    def calib_level(self) -> int:
        """PRODLVL where it is given; 4 for catalogues, 2 else."""
        level = self.content.integer("PRODLVL")
        if level is not None and 0 <= level <= 4:
            return level
        return 4 if self.product_type()[0] == "measurements" else 2

    def total_exposure(self) -> float | None:
        """EXPTIME is the sum of all integrations already."""
        return self.exposure()

    def spectrum(self) -> Spectrum | None:
        """WAVELMIN and WAVELMAX, nm in the medium of the axis; without them the axis itself."""
        low, high = self.content.number("WAVELMIN"), self.content.number("WAVELMAX")
        axis = super().spectrum()
        if low is None or high is None or not 0 < low <= high:
            return axis
        convert = vacuum if self._in_air() else float
        count = self.content.integer("NELEM") or (axis.em_xel if axis else None)
        return Spectrum(
            convert(low * _NANOMETRE),
            convert(high * _NANOMETRE),
            count or 0,
            (axis and axis.em_unit) or self.content.text("TUNIT1"),
            (axis and axis.em_ucd) or self.content.text("TUCD1"),
        )

    def release_days(self) -> bool:
        """Products carry the date agreed for their release."""
        return False

    def to_filter(self) -> str | None:
        """Filter or filters."""
        return self._one_or_list("FILTER", "FILTER")

    def to_facility_name(self) -> str | None:
        """Telescope or telescopes."""
        return self._one_or_list("TELESCOP", "TELESC")

    def to_instrument_name(self) -> str | None:
        """Instrument or instruments."""
        return self._one_or_list("INSTRUME", "INSTR")

    def to_proposal_id(self) -> str | None:
        """Programme or programmes."""
        return self._one_or_list("PROG_ID", "PROGID")

    def to_obs_id(self) -> str | None:
        """Observation blocks, joined by commas."""
        return ",".join(self.content.indexed("OBID", 9999)) or None

    def to_multi_ob(self) -> str | None:
        """M for several observation blocks, S for one."""
        return {0: None, 1: "S"}.get(len(self.content.indexed("OBID", 2)), "M")

    def to_o_calib_status(self) -> str | None:
        """State of the flux calibration in the words of ObsCore."""
        if self.content.value("CONTNORM") is True:
            return "normalized"
        text = (self.content.text("FLUXCAL") or "").lower()
        return text if text in ("absolute", "uncalibrated") else None

    def to_obstech(self) -> str | None:
        """Technique of observation."""
        return self.content.text("OBSTECH")

    def to_obs_creator_did(self) -> str | None:
        """Name under which the file was submitted."""
        name = self.content.text("ORIGFILE")
        return f"ivo://eso.org/origfile?{name}" if name and "ESO" in (self.content.text("ORIGIN") or "") else name

    def _one_or_list(self, word: str, list_word: str) -> str | None:
        text = self.content.text(word)
        return ",".join(self.content.indexed(list_word)) or text if text == "MULTI" else text

    def _in_air(self) -> bool:
        ucd = self.content.text("TUCD1") or ""
        header = self.content.main.header
        return "obs.atmos" in ucd or any(
            (header.text(f"CTYPE{axis}") or "").upper().startswith("AWAV") for axis in range(1, 5)
        )


def _category(content: Content) -> str | None:
    """PRODCATG when it is one of the standard's: upper case, SCIENCE or ANCILLARY."""
    text = content.text("PRODCATG") or ""
    kind, _, rest = text.partition(".")
    return text if kind in ("SCIENCE", "ANCILLARY") and rest and text == text.upper() else None
