from __future__ import annotations

from typing import Any

import pytest
from astropy.io.votable.ucd import check_ucd

from schema.keywords import Keyword, column_name, read_keywords


# Names as the ESO archive's own tables of instruments have them.
@pytest.mark.parametrize(
    ("card", "name"),
    [
        ("ESO INS FILT NAME", "ins_filt_name"),
        ("ESO ISS CONF STATION1", "iss_conf_station1"),
        ("ESO TEL AMBI WINDSP", "tel_ambi_windsp"),
        ("ESO AG FWHMX AVG", "ag_fwhmx_avg"),
        ("ESO DET BINX", "det_binx"),
        ("ESO OBS TARG NAME", "ob_targ_name"),
        ("ESO OBS CONTAINER ID", "ob_container_id"),
        ("EXPTIME", "exptime"),
        ("UTC", "utc"),
        ("ESO INS A-B", "ins_a_b"),
    ],
)
def test_a_column_has_the_name_of_its_keyword(card: str, name: str) -> None:
    assert column_name(card) == name


@pytest.mark.parametrize("card", ["NAXIS1", "ESO", "ESO DPR CATG", "ESO PRO REC1 ID", "ESO INS DID", "", "COMMENT"])
def test_what_is_no_setting_is_no_column(card: str) -> None:
    assert column_name(card) is None


def read(*cards: tuple[str, Any, str]) -> tuple[dict[str, Any], dict[str, Keyword]]:
    values, keywords = read_keywords(cards)
    return values, {each.name: each for each in keywords}


def test_types_come_from_values_and_units_and_words_from_comments() -> None:
    values, found = read(
        ("ESO INS SLIT WID", 0.4, "[arcsec] Width of the slit."),
        ("ESO INS SLIT NO", 3, "Number"),
        ("ESO INS SLIT NAME", "S3", "[arcsec] no unit of a text"),
        ("ESO INS SHUT ST", True, ""),
        ("ESO INS ODD LEN", 1.0, "[furlongs] Length"),
        ("EXPTIME", 5, ""),
        ("ESO INS SLIT NO", 9, "repeated: the first counts"),
        ("ESO INS GONE NAME", None, "no value"),
        ("ESO INS BLANK NAME", "", "no value either"),
    )
    assert values == {
        "ins_slit_wid": 0.4, "ins_slit_no": 3, "ins_slit_name": "S3", "ins_shut_st": True, "ins_odd_len": 1.0,
        "exptime": 5,
    }  # fmt: skip
    assert {name: (each.datatype, each.unit) for name, each in found.items()} == {
        "ins_slit_wid": ("double", "arcsec"), "ins_slit_no": ("long", None), "ins_slit_name": ("char", None),
        "ins_shut_st": ("boolean", None), "ins_odd_len": ("double", None), "exptime": ("long", "s"),
    }  # fmt: skip
    assert found["ins_slit_wid"].description == "Width of the slit."
    assert found["ins_odd_len"].description == "[furlongs] Length"


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (1, 2, "long"),
        (1, 2.5, "double"),
        (2.5, 1, "double"),
        (2**63, 1, "double"),
        (1, "x", "char"),
        (True, 1, "char"),
        ("x", 2.5, "char"),
    ],
)
def test_values_of_two_kinds_both_have_a_place(one: Any, other: Any, both: str) -> None:
    (first,), (second,) = (read_keywords([("ESO INS A B", value, "")])[1] for value in (one, other))
    assert first.joined(second).datatype == both


@pytest.mark.parametrize("card", ["EXPTIME", "LST", "ESO TEL AMBI TEMP", "ESO OBS START", "ESO DET1 A B", "ESO X Y Z"])
def test_every_column_has_a_ucd_of_the_vocabulary(card: str) -> None:
    _, (each,) = read_keywords([(card, 1.0, "")])
    assert check_ucd(each.field.ucd, check_controlled_vocabulary=True)
