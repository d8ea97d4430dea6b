"""What a file holds, as its HDUs show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ingest.astrometry import celestial_axes
from ingest.cards import Card, Value, as_integer, as_number, as_text
from ingest.headers import FitsFile, Hdu
from vo.spectral import spectral_axis

_SCIENCE_NAMES = (
    "SCI", "DATA", "FLUX", "SPECTRUM", "EVENTS", "LIGHTCURVE", "COADD", "PHASE3CATALOG", "B_FLUX", "IMAGE",
)  # fmt: skip
_COMPANIONS = (
    "ERR", "ERROR", "DQ", "STAT", "VAR", "VARIANCE", "QUAL", "QUALITY", "MASK", "WEIGHT", "WHT", "CONF", "CTX", "IVAR",
    "EXPMAP", "NOISE", "SIGMA", "UNCERT", "D2IMARR", "WCSDVARR", "SAMP", "TIME", "FIELDMAP", "BKG", "BACKGROUND",
    "THUMBNAIL", "APERTURE", "MSK", "WGT", "AREA", "CON", "VAR_POISSON", "VAR_RNOISE", "VAR_FLAT", "MEDIAN", "RMS",
)  # fmt: skip
_FALLBACKS = 6
_MAX_COLUMNS = 999


@dataclass(frozen=True)
class Content:
    """A file seen as a whole: its keywords, its main HDU, its science images.

    Keywords are looked up in the primary header, then in that of the main HDU, then in the others: tools move them.

    Attributes
    ----------
    fits
        The file.
    """

    fits: FitsFile

    @cached_property
    def main(self) -> Hdu:
        """HDU that holds the science data: the primary if it has data, else the first image or table of note."""
        hdus = self.fits.hdus
        if hdus[0].shape or hdus[0].kind == "groups" or len(hdus) == 1:
            return hdus[0]
        held = [hdu for hdu in hdus[1:] if hdu.shape and not _is_companion(hdu)] or list(hdus[1:])
        for hdu in held:
            if hdu.name in _SCIENCE_NAMES:
                return hdu
        return held[0]

    @cached_property
    def images(self) -> tuple[Hdu, ...]:
        """Science images: all HDUs with pixels but errors, masks, weights and the like."""
        return tuple(
            hdu
            for hdu in self.fits.hdus
            if hdu.kind == "image" and len(hdu.shape) >= 2 and (hdu is self.main or not _is_companion(hdu))
        )

    @cached_property
    def tables(self) -> tuple[Hdu, ...]:
        """Tables, in order."""
        return tuple(hdu for hdu in self.fits.hdus if hdu.kind == "table")

    @cached_property
    def _headers(self) -> tuple[Hdu, ...]:
        first = [self.fits.hdus[0], self.main]
        others = [hdu for hdu in self.fits.hdus[1:] if hdu is not self.main]
        return tuple(_unique(first + others[:_FALLBACKS]))

    def card(self, *keywords: str) -> Card | None:
        """First card with a value: of the first keyword that has one, in the first header that has it."""
        for keyword in keywords:
            for hdu in self._headers:
                card = hdu.header.card(keyword)
                if card is not None and card.value not in (None, ""):
                    return card
        return None

    def value(self, *keywords: str) -> Value:
        """Value of `card`, None without one."""
        card = self.card(*keywords)
        return None if card is None else card.value

    def text(self, *keywords: str) -> str | None:
        """Value as text."""
        return as_text(self.value(*keywords))

    def number(self, *keywords: str) -> float | None:
        """Value as a number: the first of the keywords that has one."""
        return next((n for keyword in keywords if (n := as_number(self.value(keyword))) is not None), None)

    def integer(self, *keywords: str) -> int | None:
        """Value as a whole number."""
        return next((n for keyword in keywords if (n := as_integer(self.value(keyword))) is not None), None)

    def indexed(self, word: str, most: int = 999) -> tuple[str, ...]:
        """Texts of a keyword with a running number from 1, ending at the first gap."""
        found: list[str] = []
        for number in range(1, most + 1):
            text = self.text(f"{word}{number}")
            if text is None:
                break
            found.append(text)
        return tuple(found)

    def column_names(self, hdu: Hdu) -> tuple[str, ...]:
        """Names of the columns of a table, upper case."""
        return tuple(
            (hdu.header.text(f"TTYPE{number}") or "").upper()
            for number in range(1, min(hdu.header.integer("TFIELDS") or 0, _MAX_COLUMNS) + 1)
        )


def _unique(hdus: list[Hdu]) -> Iterator[Hdu]:
    seen: set[int] = set()
    for hdu in hdus:
        if hdu.index not in seen:
            seen.add(hdu.index)
            yield hdu


def _is_companion(hdu: Hdu) -> bool:
    name = hdu.name.replace("_", " ").split()
    return any(word in _COMPANIONS for word in name) or (hdu.header.text("HDUCLAS2") or "").upper() in (
        "ERROR", "QUALITY", "CONFIDENCE",
    )  # fmt: skip


def product_type(content: Content) -> tuple[str | None, str | None]:
    """Type of a product in the vocabulary of ObsCore, and a word that says more; by its form alone.

    References
    ----------
    ObsCore 1.1, "Data product type".
    """
    main = content.main
    names = {hdu.name for hdu in content.fits.hdus}
    if names & {"OI_VIS", "OI_VIS2", "OI_T3", "OI_FLUX"}:
        return "visibility", "oifits"
    if main.kind == "groups" or "UV_DATA" in names:
        return "visibility", "uvfits"
    if "EVENTS" in names or "STDEVT" in names:
        return "event", None
    if main.kind == "table":
        return _table_type(content, main)
    if any("WAVELENGTH" in name.split("_") for name in names):
        return "spectrum", None
    return _image_type(main)


def _table_type(content: Content, table: Hdu) -> tuple[str | None, str | None]:
    header, columns = table.header, set(content.column_names(table))
    kind = (header.text("HDUCLAS1") or "").upper()
    if any(word in header for word in ("MOCVERS", "MOCORDER", "MOCTOOL")) or header.text("ORDERING") == "NUNIQ":
        return None, "moc"
    if (header.text("PIXTYPE") or "").upper() == "HEALPIX":
        return "image", "healpix map"
    if kind == "LIGHTCURVE" or {"LIGHTCURVE", "RATE", "XTE_SA"} & {table.name}:
        return "timeseries", "light curve"
    if kind == "SPECTRUM" or (header.text("VOCLASS") or "").upper().startswith("SPECTRUM"):
        return "spectrum", None
    if (header.text("TUCD1") or "").startswith(("em.wl", "em.freq", "em.energy")):
        return "spectrum", None
    if columns & {"WAVE", "WAVELENGTH", "LAMBDA", "LOGLAM", "WAVEL"}:
        return "spectrum", None
    if "TIME" in columns and any("FLUX" in name or name in ("RATE", "COUNTS") for name in columns):
        return "timeseries", "light curve"
    return "measurements", None


def _image_type(image: Hdu) -> tuple[str | None, str | None]:
    header, shape = image.header, image.shape
    wide = [axis for axis, length in enumerate(shape, start=1) if length > 1]
    sky, spectrum = celestial_axes(header), spectral_axis(header, len(shape))
    if (header.text("CTYPE1") or "").upper().startswith("MULTISPE"):
        return "spectrum", "several orders"
    if sky is not None and max(sky) <= len(shape) and (set(sky) & set(wide) or not wide):
        return ("cube", None) if set(wide) - set(sky) else ("image", None)
    if len(wide) <= 1:
        return ("spectrum", None) if spectrum is not None else (None, None)
    if spectrum is not None and len(wide) == 2:
        return "spectrum", "two-dimensional"
    return ("image", None) if len(wide) == 2 else ("cube", None)
