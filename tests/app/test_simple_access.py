"""SIA, SSA and cone search over a simulated night, by clients of the field."""

from __future__ import annotations

import io
from pathlib import Path
from urllib.parse import quote

import astropy.units as u
import numpy as np
import pyvo
import requests
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.io.votable import parse
from commands import Served


def test_every_spectrum_of_the_night_comes_as_a_file_and_as_a_votable(served: Served, night: Path) -> None:
    products = {}
    for path in night.iterdir():
        header = fits.getheader(path)
        if header.get("PRODCATG") == "SCIENCE.SPECTRUM":
            products[header["OBJECT"], header["MJD-OBS"]] = path
    assert products
    records = pyvo.dal.SSAService(f"{served.url}/ssap?").search(format="all")
    pairs: dict[str, dict[str, bytes]] = {}
    for record in records:
        answer = requests.get(record.acref, timeout=60)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].partition(";")[0] == record.format
        pairs.setdefault(record["association"], {})[record.format] = answer.content
    assert len(pairs) == len(products)
    for forms in pairs.values():
        with fits.open(io.BytesIO(forms["application/fits"])) as hdus:
            row = hdus[1].data[0]
            table = parse(io.BytesIO(forms["application/x-votable+xml"])).get_first_table()
            values = table.to_table()
            for name in ("WAVE", "FLUX", "ERR"):
                assert np.array_equal(values[name], row[name], equal_nan=True)
            params = {param.utype: param.value for param in table.params}
            assert params["spec:Spectrum.Target.Name"] == hdus[0].header["OBJECT"]
            assert params["spec:Spectrum.DataModel"] == "Spectrum-1.1"
            assert params["spec:Spectrum.Length"] == len(values)
            assert params["spec:Spectrum.Char.SpectralAxis.Unit"] == "nm"
            position = SkyCoord(*params["spec:Spectrum.Target.Pos"], unit="deg")
            pointed = SkyCoord(hdus[0].header["RA"], hdus[0].header["DEC"], unit="deg")
            assert position.separation(pointed).arcsec < 1


def test_a_spectrum_that_is_not_there_is_named(served: Served) -> None:
    for name, status in (("NOSUCH", 404), ("a' OR 1=1 --", 404), ("\x00", 404), ("", 200)):
        answer = requests.get(f"{served.url}/ssap/spectrum?ID={quote(name)}", timeout=60)
        assert answer.status_code == status
        infos = {info.name: info.value for info in parse(io.BytesIO(answer.content)).resources[0].infos}
        assert infos["QUERY_STATUS"] == "ERROR"


def test_images_of_the_night_are_found_by_both_generations_of_sia(served: Served, night: Path) -> None:
    record = pyvo.dal.SIA2Service(f"{served.url}/sia2").search(calib_level=2, maxrec=1)[0]
    place = SkyCoord(record["s_ra"], record["s_dec"], unit="deg")
    new = pyvo.dal.SIA2Service(f"{served.url}/sia2").search(pos=(place, 0.1 * u.deg), maxrec=1000)
    old = pyvo.dal.SIAService(f"{served.url}/sia?").search(pos=place, size=0.01 * u.deg)
    assert record["obs_publisher_did"] in set(new["obs_publisher_did"])
    found = [each for each in old if each["obs_publisher_did"] == record["obs_publisher_did"]]
    held = {path.read_bytes() for path in night.iterdir()}
    assert requests.get(found[0].acref, timeout=60).content in held
    cone = pyvo.dal.SCSService(f"{served.url}/scs/dbo.raw?").search(pos=place, radius=1 * u.deg)
    assert len(cone) > 0
