from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from ingest.headers import NotTakenError, read_fits
from ingest.sums import wrong_sums


def write(path: Path, checksum: bool | str) -> Path:
    random = np.random.default_rng(2)
    image = fits.PrimaryHDU(random.integers(0, 60_000, (33, 57)).astype(np.uint16))
    table = fits.BinTableHDU.from_columns([fits.Column("x", "E", array=random.normal(size=999))])
    fits.HDUList([image, fits.ImageHDU(random.normal(size=(3, 5))), table]).writeto(path, checksum=checksum)
    return path


@pytest.mark.parametrize("checksum", [True, "datasum", False])
def test_sums_that_astropy_wrote_agree(tmp_path: Path, checksum: bool | str) -> None:
    path = write(tmp_path / "a.fits", checksum)
    assert wrong_sums(path, read_fits(path)) == []


@pytest.mark.parametrize(("checksum", "word"), [(True, "CHECKSUM"), ("datasum", "DATASUM")])
def test_one_changed_byte_is_noticed_in_its_hdu(tmp_path: Path, checksum: bool | str, word: str) -> None:
    path = write(tmp_path / "a.fits", checksum)
    found = read_fits(path)
    for hdu in found.hdus:
        content = bytearray(path.read_bytes())
        content[hdu.data_start + hdu.data_size // 2] ^= 1
        (tmp_path / "b.fits").write_bytes(content)
        sentences = wrong_sums(tmp_path / "b.fits", found)
        assert sentences == [f"{word} of HDU {hdu.index} does not agree with its bytes."]


@pytest.mark.testdata
def test_real_files_are_judged_as_astropy_judges_them(real_fits: Path, recwarn: pytest.WarningsRecorder) -> None:
    wrong = set()
    for path in sorted(real_fits.glob("*.*fits")):
        try:
            found = read_fits(path)
        except NotTakenError:
            continue
        ours = {int(sentence.split()[3]) for sentence in wrong_sums(path, found)}
        with fits.open(path, disable_image_compression=True, do_not_scale_image_data=True) as hdus:
            theirs = {
                hdu.index
                for hdu, judge in zip(found.hdus, hdus, strict=True)
                if len(hdu.header.text("CHECKSUM") or "") == 16 and judge.verify_checksum() == 0
            }
        assert {index for index in ours if found.hdus[index].header.text("CHECKSUM")} == theirs, path.name
        wrong |= {path.name} if ours else set()
    recwarn.clear()
    assert {"checksum_false.fits", "ISAAC.2001-04-09T23:38:10.656.fits"} <= wrong
