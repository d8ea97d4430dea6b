"""Files of X-ray and gamma-ray missions and of photometry satellites: event lists, light curves and their images."""

from __future__ import annotations

from ingest.content import Content
from ingest.times import is_mjd
from ingest.translators.base import Translator


class HeasarcTranslator(Translator):
    """EXPOSURE is the time that counts; EXPTIME is that of one frame of the detector.

    References
    ----------
    OGIP 93-003, "Exposure and live time"; FITS 4.0, "Time coordinates".
    """

    name = "heasarc"

    exposures = ("EXPOSURE", "LIVETIME", "ONTIME", "EXPTIME")

    @classmethod
    def can_translate(cls, content: Content) -> bool:
        """Whether times count from a reference date and there is a start on that clock."""
        return content.card("MJDREF", "MJDREFI", "BJDREFI") is not None and (
            content.card("TSTART", "EXPOSURE", "TIMEDEL") is not None
        )

    def calib_level(self) -> int:
        """Events have been calibrated when they are listed."""
        return 2

    def _start(self) -> float | None:
        mjd = super()._start()
        if mjd is not None:
            return mjd
        reference = self.content.number("MJDREFI", "MJDREF")
        started = self.content.number("TSTART")
        if reference is None or started is None:
            return None
        in_days = (self.content.text("TIMEUNIT") or "s").lower().startswith("d")
        mjd = reference + (self.content.number("MJDREFF") or 0.0) + started / (1.0 if in_days else 86400.0)
        return mjd if is_mjd(mjd) else None
