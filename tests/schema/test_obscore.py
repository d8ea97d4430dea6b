from __future__ import annotations

from typing import Any

import astropy.units as u
import pytest
import sqlalchemy as sa
from astropy.io.votable.ucd import parse_ucd

from schema.columns import field_of
from schema.obscore import obscore
from schema.observations import raw
from schema.published import published
from schema.truth import Truth
from vo.tables.field import Field

ROW: dict[str, Any] = {
    "calib_level": 2,
    "obs_collection": "TOY",
    "obs_id": "1",
    "obs_publisher_did": "ivo://toy/ID?A",
    "dp_id": "A",
}

# ObsCore 1.1, "Implementation of ObsCore in a TAP Service": every ObsTAP service has these.
MANDATORY = [
    "dataproduct_type",
    "calib_level",
    "obs_collection",
    "obs_id",
    "obs_publisher_did",
    "access_url",
    "access_format",
    "access_estsize",
    "target_name",
    "s_ra",
    "s_dec",
    "s_fov",
    "s_region",
    "s_resolution",
    "s_xel1",
    "s_xel2",
    "t_min",
    "t_max",
    "t_exptime",
    "t_resolution",
    "t_xel",
    "em_min",
    "em_max",
    "em_res_power",
    "em_xel",
    "o_ucd",
    "pol_states",
    "pol_xel",
    "facility_name",
    "instrument_name",
]

# The 54 columns that users of the ESO archive know.
ESO = [
    "abmaglim",
    "access_estsize",
    "access_format",
    "access_url",
    "bib_reference",
    "calib_level",
    "dataproduct_subtype",
    "dataproduct_type",
    "dp_id",
    "em_max",
    "em_min",
    "em_res_power",
    "em_xel",
    "facility_name",
    "filter",
    "gal_lat",
    "gal_lon",
    "instrument_name",
    "last_mod_date",
    "multi_ob",
    "n_obs",
    "o_calib_status",
    "o_ucd",
    "obs_collection",
    "obs_creator_did",
    "obs_creator_name",
    "obs_id",
    "obs_publisher_did",
    "obs_release_date",
    "obs_title",
    "obstech",
    "p3orig",
    "pol_states",
    "pol_xel",
    "preview_html",
    "proposal_id",
    "publication_date",
    "release_description",
    "s_dec",
    "s_fov",
    "s_pixel_scale",
    "s_ra",
    "s_region",
    "s_resolution",
    "s_xel1",
    "s_xel2",
    "snr",
    "strehl",
    "t_exptime",
    "t_max",
    "t_min",
    "t_resolution",
    "t_xel",
    "target_name",
]

ESO_RAW = [
    "access_estsize:long:kbyte",
    "access_url:char",
    "datalink_url:char",
    "date_obs:char",
    "dec:double:deg",
    "dec_pnt:double:deg",
    "det_chip1id:char",
    "det_chop_ncycles:short",
    "det_dit:float:s",
    "det_expid:short",
    "det_ndit:short",
    "dp_cat:char",
    "dp_id:char",
    "dp_tech:char",
    "dp_type:char",
    "ecl_lat:double:deg",
    "ecl_lon:double:deg",
    "exp_start:char",
    "exposure:float:s",
    "filter_path:char",
    "gal_lat:double:deg",
    "gal_lon:double:deg",
    "grat_path:char",
    "gris_path:char",
    "ins_mode:char",
    "instrument:char",
    "lambda_max:double:nm",
    "lambda_min:double:nm",
    "last_mod_date:char",
    "mjd_obs:double:d",
    "ob_id:int",
    "ob_name:char",
    "object:char",
    "obs_mode:char",
    "origfile:char",
    "period:short",
    "pi_coi:char",
    "prog_id:char",
    "prog_title:char",
    "prog_type:int",
    "ra:double:deg",
    "ra_pnt:double:deg",
    "release_date:char",
    "s_region:char",
    "slit_path:char",
    "target:char",
    "tel_airm_end:float",
    "tel_airm_start:float",
    "tel_alt:float:deg",
    "tel_ambi_fwhm_end:float:arcsec",
    "tel_ambi_fwhm_start:float:arcsec",
    "tel_ambi_pres_end:float:hPa",
    "tel_ambi_pres_start:float:hPa",
    "tel_ambi_rhum:float:%",
    "tel_az:float:deg",
    "telescope:char",
    "tpl_expno:int",
    "tpl_id:char",
    "tpl_name:char",
    "tpl_nexp:int",
    "tpl_seqno:int",
    "tpl_start:char",
]


def _fields(schema: str, name: str) -> dict[str, Field]:
    (table,) = published("http://localhost").find(schema, name)
    return {field.name: field for field in table.fields}


def test_every_mandatory_column_is_there_standard_and_principal() -> None:
    fields = _fields("ivoa", "obscore")
    assert [name for name in MANDATORY if name not in fields] == []
    assert [name for name in MANDATORY if not (fields[name].std and fields[name].principal)] == []


def test_the_columns_of_the_eso_archive_are_there() -> None:
    assert set(ESO) <= set(_fields("ivoa", "obscore"))
    assert len(ESO) == 54


def test_raw_has_the_columns_types_and_units_of_the_eso_archive() -> None:
    expected = {}
    for entry in ESO_RAW:
        name, datatype, unit = (*entry.split(":"), None)[:3]
        expected[name] = (datatype, unit)
    found = {
        field.name: (field.datatype.replace("unicodeChar", "char"), field.unit)
        for field in _fields("dbo", "raw").values()
    }
    assert found == expected
    assert len(found) == 62


@pytest.mark.parametrize("table", ["obscore", "raw"])
def test_ucds_units_and_descriptions_are_those_of_the_vocabularies(table: str) -> None:
    fields = _fields({"obscore": "ivoa", "raw": "dbo"}[table], table)
    for field in fields.values():
        assert parse_ucd(field.ucd, check_controlled_vocabulary=True), field.name
        assert field.description, field.name
        if field.unit is not None and field.unit != "%":  # VOUnits have the per cent, astropy's reader has not
            u.Unit(field.unit, format="vounit")


def test_what_the_standard_forbids_to_be_null_is_not_null() -> None:
    required = {column.name for column in obscore.columns if not column.nullable} - {"row_id", "dp_id"}
    assert required == {"calib_level", "obs_collection", "obs_id", "obs_publisher_did"}


@pytest.mark.parametrize(("table", "hidden"), [(obscore, ["row_id"]), (raw, ["row_id", "keywords"])], ids=str)
def test_only_the_key_and_the_keywords_of_instruments_are_hidden(table: sa.Table, hidden: list[str]) -> None:
    assert [column.name for column in table.columns if field_of(column) is None] == hidden


def test_a_row_may_hold_what_is_mandatory_alone(truth: Truth) -> None:
    with truth.engine.begin() as connection:
        connection.execute(obscore.insert(), ROW)
        connection.execute(raw.insert(), {"dp_id": "A"})
        assert connection.scalar(sa.select(sa.func.count()).select_from(obscore)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"calib_level": 5},
        {"calib_level": -1},
        {"s_ra": 360.5, "s_dec": 0.0},
        {"s_ra": -596.52, "s_dec": -596.52},
        {"s_ra": float("nan"), "s_dec": 0.0},
        {"s_ra": 1.0},
        {"s_dec": 1.0},
        {"em_min": 2e-6, "em_max": 1e-6},
        {"em_min": -1.0},
        {"em_max": float("nan")},
        {"t_min": 2.0, "t_max": 1.0},
        {"access_estsize": -1},
        {"data_rights": "mine"},
        {"obs_id": None},
        {"dp_id": None},
    ],
    ids=str,
)
def test_values_that_cannot_be_are_refused(truth: Truth, wrong: dict[str, Any]) -> None:
    with pytest.raises(sa.exc.IntegrityError), truth.engine.begin() as connection:
        connection.execute(obscore.insert(), ROW | wrong)


@pytest.mark.parametrize("position", [(0.0, 90.0), (360.0, -90.0), (0.0, 0.0)], ids=str)
def test_the_poles_and_the_ends_of_right_ascension_are_positions(truth: Truth, position: tuple[float, float]) -> None:
    with truth.engine.begin() as connection:
        connection.execute(obscore.insert(), ROW | {"s_ra": position[0], "s_dec": position[1]})


@pytest.mark.parametrize("key", ["dp_id", "obs_publisher_did"])
def test_identifiers_are_given_once(truth: Truth, key: str) -> None:
    with truth.engine.begin() as connection:
        connection.execute(obscore.insert(), ROW)
    again = ROW | {"dp_id": "B", "obs_publisher_did": "ivo://toy/ID?B"} | {key: ROW[key]}
    with pytest.raises(sa.exc.IntegrityError), truth.engine.begin() as connection:
        connection.execute(obscore.insert(), again)
