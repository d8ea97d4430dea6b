"""Files of ESO instruments, raw or reduced, and of others that use the HIERARCH ESO keywords."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from ingest.astrometry import celestial_axes
from ingest.content import Content
from ingest.times import as_datetime, read_date
from ingest.translators.base import Row, Translator

_OFF_SKY = frozenset(
    (
        "BIAS", "DARK", "FLAT", "DOME", "LAMP", "WAVE", "ARC", "ORDERDEF", "FMTCHK", "LINEARITY", "DETCHAR", "GAIN",
        "FPN", "CCD", "SHUTTER", "FIBRE", "FIBER", "DISTORTION", "FF", "CAL", "KAPPA", "SCREEN", "PINHOLE", "TELSLIT",
        "LED", "THAR", "BASELINE",
    )
)  # fmt: skip
_ON_SKY = frozenset(
    (
        "OBJECT", "SKY", "STD", "STAR", "TWILIGHT", "ASTROMETRY", "PSF", "TELLURIC", "FLUX", "ZERO", "FOCUS", "SLIT",
        "FIELD", "CENTER", "FRINGE", "SEARCH", "SPECIAL", "PSF-CALIBRATOR", "NIGHTSKY",
    )
)  # fmt: skip
_TYPES = {
    "IMAGE": "image",
    "SPECTRUM": "spectrum",
    "ECHELLE": "spectrum",
    "MOS": "spectrum",
    "MXU": "spectrum",
    "IFU": "spectrum",
    "INTERFEROMETRY": "visibility",
    "POLARIMETRY": "image",
    "CORONOGRAPHY": "image",
}
_PERIOD = re.compile(r"0?(\d{2,3})\.", re.ASCII)
_EXPTIME_IS_TOTAL = ("VIRCAM",)
_LISTED = 9
_REDUCED = ("ESO PRO CATG", "ESO DRS VERSION", "PRODCATG")


class EsoTranslator(Translator):
    """Raw frames by their DPR keywords, pipeline products by their PRO keywords.

    References
    ----------
    ESO data interface control document (ESO-044156), "Data product description"; names of the columns of ``dbo.raw``.
    """

    name = "eso"

    texts: ClassVar[dict[str, tuple[str, ...]]] = Translator.texts | {
        "target_name": ("ESO OBS TARG NAME", "OBJECT"),
        "proposal_id": ("PROG_ID", "ESO OBS PROG ID"),
        "obs_id": ("ESO OBS ID", "OBID1"),
        "obstech": ("OBSTECH", "ESO PRO TECH", "ESO DPR TECH"),
    }

    raw_texts: ClassVar[dict[str, str]] = {
        "object": "OBJECT",
        "target": "ESO OBS TARG NAME",
        "telescope": "TELESCOP",
        "instrument": "INSTRUME",
        "dp_cat": "ESO DPR CATG",
        "dp_type": "ESO DPR TYPE",
        "dp_tech": "ESO DPR TECH",
        "date_obs": "DATE-OBS",
        "prog_id": "ESO OBS PROG ID",
        "ob_name": "ESO OBS NAME",
        "det_chip1id": "ESO DET CHIP1 ID",
        "tpl_id": "ESO TPL ID",
        "tpl_name": "ESO TPL NAME",
        "tpl_start": "ESO TPL START",
        "origfile": "ORIGFILE",
    }

    raw_integers: ClassVar[dict[str, str]] = {
        "ob_id": "ESO OBS ID",
        "det_chop_ncycles": "ESO DET CHOP NCYCLES",
        "det_expid": "ESO DET EXP ID",
        "det_ndit": "ESO DET NDIT",
        "tpl_seqno": "ESO TPL SEQNO",
        "tpl_expno": "ESO TPL EXPNO",
        "tpl_nexp": "ESO TPL NEXP",
    }

    raw_numbers: ClassVar[dict[str, str]] = {
        "exposure": "EXPTIME",
        "tel_airm_start": "ESO TEL AIRM START",
        "tel_airm_end": "ESO TEL AIRM END",
        "tel_alt": "ESO TEL ALT",
        "tel_az": "ESO TEL AZ",
        "tel_ambi_fwhm_start": "ESO TEL AMBI FWHM START",
        "tel_ambi_fwhm_end": "ESO TEL AMBI FWHM END",
        "tel_ambi_pres_start": "ESO TEL AMBI PRES START",
        "tel_ambi_pres_end": "ESO TEL AMBI PRES END",
        "tel_ambi_rhum": "ESO TEL AMBI RHUM",
    }

    raw_paths: ClassVar[dict[str, str]] = {
        "filter_path": "FILT",
        "grat_path": "GRAT",
        "gris_path": "GRIS",
        "slit_path": "SLIT",
    }

    methods: ClassVar[tuple[str, ...]] = ("target_name", "filter")

    @classmethod
    def can_translate(cls, content: Content) -> bool:
        """Whether there are DPR, PRO or OBS keywords."""
        words = ("ESO DPR CATG", "ESO DPR TYPE", "ESO PRO CATG", "ESO OBS PROG ID", "ESO TPL ID")
        return content.card(*words) is not None

    def is_processed(self) -> bool:
        """Whether a pipeline or another tool has written the file."""
        origin = (self.content.text("ORIGIN") or "").upper()
        written_again = "IRAF" in origin or "MIDAS" in origin
        return written_again or self.content.card(*_REDUCED) is not None or super().is_processed()

    def dp_id(self) -> str:
        """ARCFILE of raw frames and of products that the archive itself has named."""
        archive_name = self.content.text("ARCFILE")
        if archive_name and archive_name.startswith(("ADP.", "M.")):
            return archive_name.removesuffix(".fits")
        return super().dp_id()

    def is_raw(self) -> bool:
        """Whether the frame comes as the instrument wrote it."""
        return self.content.card("ESO DPR CATG") is not None and not self.is_processed()

    @property
    def kinds(self) -> tuple[str, ...]:
        """Elements of DPR.TYPE."""
        text = self.content.text("ESO DPR TYPE") or ""
        return tuple(part.strip().upper() for part in text.split(",") if part.strip())

    def on_sky(self) -> bool:
        """Whether the light came from the sky: by the elements of DPR.TYPE, for other files by DPR.CATG."""
        if set(self.kinds) & _ON_SKY:
            return True
        if set(self.kinds) & _OFF_SKY:
            return False
        category = (self.content.text("ESO DPR CATG") or "").upper()
        return category not in ("CALIB", "TEST", "TECHNICAL") and super().on_sky()

    def uses_wcs(self) -> bool:
        """Whether both axes of the detector lie on the sky."""
        return self.on_sky() and (not self.is_raw() or self._technique() in ("IMAGE", "POLARIMETRY", "CORONOGRAPHY"))

    def product_type(self) -> tuple[str | None, str | None]:
        """Type of raw frames by DPR.TECH and of products by their form; the subtype says DPR.TYPE or PRO.CATG."""
        if not self.is_raw():
            kind, subtype = super().product_type()
            if kind in ("image", None) and self.content.main.shape and celestial_axes(self.content.main.header) is None:
                kind = _TYPES.get(self._technique(), kind)
            return kind, self.content.text("ESO PRO CATG") or subtype
        return _TYPES.get(self._technique()) if self.on_sky() else None, self.content.text("ESO DPR TYPE")

    def calib_level(self) -> int:
        """1 for raw frames, 2 for products."""
        return 1 if self.is_raw() else 2

    def total_exposure(self) -> float | None:
        """EXPTIME of infrared detectors is that of one integration: times their number (not for VIRCAM)."""
        exposure = self.exposure()
        one = self.content.number("ESO DET DIT", "ESO DET SEQ1 DIT")
        count = self.content.number("ESO DET NDIT") or 1.0
        if exposure is None or one is None or self.content.text("INSTRUME") in _EXPTIME_IS_TOTAL:
            return exposure
        is_one = abs(exposure - one) <= 0.01 * max(one, exposure) + 1e-6
        return exposure * count if is_one and 1 <= count <= 1e6 else exposure

    def release_days(self) -> bool:
        """Science and acquisition frames are kept for their programme (ESO data access policy)."""
        return self.is_raw() and (self.content.text("ESO DPR CATG") or "").upper() in ("SCIENCE", "ACQUISITION")

    def to_target_name(self) -> str | None:
        """Target of the observation block on the sky, OBJECT otherwise."""
        keywords = ("ESO OBS TARG NAME", "OBJECT") if self.on_sky() else ("OBJECT",)
        return self.content.text(*keywords)

    def to_filter(self) -> str | None:
        """FILTER of products, the filters in the beam of raw frames."""
        return self.content.text("FILTER") or self._path("FILT")

    def raw_row(self) -> Row:
        """Columns of ``dbo.raw``; names of people stay in the header."""
        content = self.content
        row: dict[str, Any] = {column: content.text(keyword) for column, keyword in self.raw_texts.items()}
        row.update({column: content.integer(keyword) for column, keyword in self.raw_integers.items()})
        row.update({column: content.number(keyword) for column, keyword in self.raw_numbers.items()})
        row.update({column: self._path(word) for column, word in self.raw_paths.items()})
        row["det_dit"] = content.number("ESO DET DIT", "ESO DET SEQ1 DIT")
        row["ins_mode"] = content.text("ESO INS MODE", *(f"ESO INS{number} MODE" for number in (4, 1, 2, 3)))
        row["period"] = self._period(row["prog_id"])
        start = self.times().start
        row["mjd_obs"] = start
        instant = read_date(content.value("DATE-OBS"))
        if instant is not None and instant.has_clock:
            start = instant.mjd
        row["exp_start"] = None if start is None else as_datetime(start)
        return row

    def _technique(self) -> str:
        first = (self.content.text("ESO PRO TECH", "ESO DPR TECH") or "").upper().partition(",")[0]
        return first.strip()

    def _path(self, word: str) -> str | None:
        """Names of the elements of one kind in the beam, joined by commas."""
        names = [
            name
            for number in ("", *map(str, range(1, _LISTED + 1)))
            if (name := self.content.text(f"ESO INS {word}{number} NAME")) and name.upper() not in ("FREE", "OPEN")
        ]
        return ",".join(dict.fromkeys(names)) or None

    def _period(self, programme: str | None) -> int | None:
        match = _PERIOD.match(programme or "")
        return int(match.group(1)) if match else None
