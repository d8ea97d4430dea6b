"""Spectra from FITS tables to VOTables, read back by astropy."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.io.votable import parse

from ssap.spectrum import NoSpectrumError, read_spectrum
from vo.tables.votable import write_votable

POINTS = 300
WAVE = np.linspace(300.0, 500.0, POINTS)
FLUX = np.where(np.arange(POINTS) % 17, np.sin(WAVE), np.nan).astype(np.float32)
QUALITY = np.arange(POINTS, dtype=np.int32)


def phase3(*columns: fits.Column, **cards: object) -> bytes:
    table = fits.BinTableHDU.from_columns(columns)
    table.header.update(cards)
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(out)
    return out.getvalue()


def row(name: str, code: str, values: Any, unit: str | None = None) -> fits.Column:
    return fits.Column(name, f"{len(values)}{code}", unit=unit, array=values[None, :])


GOOD = phase3(
    row("WAVE", "D", WAVE, "nm"),
    row("FLUX", "E", FLUX, "erg.s**(-1).cm**(-2).angstrom**(-1)"),
    row("ERR", "E", FLUX / 10, "erg.s**(-1).cm**(-2).angstrom**(-1)"),
    row("QUAL", "J", QUALITY),
    fits.Column("NOTE", "8A", array=["text"]),
    row("SHORT", "D", WAVE[:7]),
    TUTYP1="Spectrum.Data.SpectralAxis.Value",
    TUTYP2="eso:Data.FluxAxis.Value",
    TUTYP3="spec:Data.FluxAxis.Accuracy.StatError",
    TUCD1="em.wl;obs.atmos",
    TUCD2="phot.flux.density;em.wl",
)


def read_back(content: bytes) -> tuple[bytes, Any]:
    document = b"".join(write_votable(read_spectrum(io.BytesIO(content)), serialization="TABLEDATA"))
    (table,) = parse(io.BytesIO(document)).resources[0].tables
    return document, table


@pytest.mark.filterwarnings("ignore:The unit .* has been deprecated in the VOUnit standard")
def test_a_row_of_arrays_becomes_a_row_for_each_point(check_xml: Callable[[bytes], None]) -> None:
    document, table = read_back(GOOD)
    check_xml(document)
    values = table.to_table()
    assert values.colnames == ["WAVE", "FLUX", "ERR", "QUAL"]
    assert np.array_equal(values["WAVE"], WAVE)
    assert np.array_equal(np.ma.filled(values["FLUX"], np.nan), FLUX, equal_nan=True)
    assert np.array_equal(values["QUAL"], QUALITY)
    assert values["WAVE"].unit == u.nm
    assert values["FLUX"].unit == u.erg / u.s / u.cm**2 / u.AA
    assert table.utype == "spec:Spectrum"
    assert [field.utype for field in table.fields[:3]] == [
        "spec:Spectrum.Data.SpectralAxis.Value",
        "spec:Spectrum.Data.FluxAxis.Value",
        "spec:Spectrum.Data.FluxAxis.Accuracy.StatError",
    ]
    assert table.fields[0].ucd == "em.wl;obs.atmos"


def test_columns_are_known_by_their_names_where_the_header_gives_no_utypes() -> None:
    _, table = read_back(phase3(row("WAVE", "D", WAVE, "nm"), row("FLUX", "E", FLUX)))
    assert [field.utype.rpartition(".")[0] for field in table.fields] == [
        "spec:Spectrum.Data.SpectralAxis",
        "spec:Spectrum.Data.FluxAxis",
    ]


def test_a_row_for_each_point_is_read_too() -> None:
    columns = fits.Column("WAVE", "D", array=WAVE), fits.Column("FLUX", "E", array=FLUX)
    _, table = read_back(phase3(*columns))
    assert np.array_equal(table.to_table()["WAVE"], WAVE)


def test_several_fluxes_have_one_utype_between_them() -> None:
    _, table = read_back(
        phase3(
            row("WAVE", "D", WAVE),
            row("FLUX", "E", FLUX),
            row("FLUX_REDUCED", "E", FLUX),
            TUTYP3="eso:Data.FluxAxis.Value",
        )
    )
    assert [field.utype for field in table.fields].count("spec:Spectrum.Data.FluxAxis.Value") == 1
    assert len(table.fields) == 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"SIMPLE",
        b"\0" * 5760,
        b"<html></html>" * 500,
        GOOD[:2880],
        phase3(row("WAVE", "D", WAVE)),
        phase3(row("FLUX", "D", WAVE)),
        phase3(row("WAVE", "D", WAVE), row("FLUX", "E", FLUX[:-1])),
        phase3(fits.Column("WAVE", "8A", array=["x"]), row("FLUX", "E", FLUX)),
        phase3(fits.Column("WAVE", "D", array=[]), fits.Column("FLUX", "D", array=[])),
    ],
    ids=["empty", "stub", "zeros", "page", "head alone", "no flux", "no axis", "unequal", "text", "no rows"],
)
def test_what_holds_no_spectrum_is_refused_with_a_sentence(content: bytes) -> None:
    with pytest.raises(NoSpectrumError, match=r"\.$"):
        read_spectrum(io.BytesIO(content))


def test_no_damage_of_a_file_raises_anything_else() -> None:
    dice = random.Random(1)
    read = 0
    for _ in range(300):
        content = bytearray(GOOD)
        for _ in range(dice.randrange(1, 6)):
            content[dice.randrange(len(content) if dice.random() < 0.2 else 8640)] = dice.randrange(256)
        try:
            document = b"".join(
                write_votable(read_spectrum(io.BytesIO(bytes(content[: dice.choice((None, 7000, 9000))]))))
            )
            parse(io.BytesIO(document), verify="ignore")
            read += 1
        except NoSpectrumError:
            pass
    assert read > 10
