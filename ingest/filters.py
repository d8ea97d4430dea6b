"""Wavelengths of filters that are known by their name everywhere."""

from __future__ import annotations

import re

_BANDS_NM = {
    "U": (366.3, 65.0), "B": (436.1, 89.0), "V": (544.8, 84.0), "R": (640.7, 158.0), "I": (798.0, 154.0),
    "J": (1220.0, 213.0), "H": (1630.0, 307.0), "K": (2190.0, 390.0), "Ks": (2159.0, 262.0), "Y": (1020.0, 120.0),
    "u": (359.6, 57.0), "g": (463.9, 128.0), "r": (612.2, 115.0), "i": (743.9, 123.0), "z": (889.6, 107.0),
}  # fmt: skip
"""Effective wavelength and width of broad bands, in nm."""

_SAME = {"KS": "Ks", "Kshort": "Ks", "Kprime": "K", "K'": "K"}
_NAME = re.compile(r"([A-Za-z']+?)(?:[#_. \-]\S*|['’]|\d{3,4})?")


def band(filters: str | None) -> tuple[float, float] | None:
    """Range of wavelengths that a broad-band filter lets through, in m.

    Parameters
    ----------
    filters
        Name as headers have it, ``V``, ``g#782`` or ``Ks``, several joined by commas.

    Returns
    -------
    (low, high) or None
        Half a width to both sides; None unless exactly one name is that of a broad band. Narrow bands, cut-on filters
        and names of one instrument alone are not guessed.

    References
    ----------
    Bessell 2005 (ARA&A 43, 293), "Photometric Systems"; Cohen et al. 2003 (AJ 126, 1090) for Ks.
    """
    names = {name for text in (filters or "").split(",") if (name := _broad(text.strip())) is not None}
    if len(names) != 1:
        return None
    centre, width = _BANDS_NM[names.pop()]
    return (centre - width / 2) * 1e-9, (centre + width / 2) * 1e-9


def _broad(text: str) -> str | None:
    match = _NAME.fullmatch(text)
    name = match.group(1) if match else text
    name = _SAME.get(name, name)
    return name if name in _BANDS_NM else None
