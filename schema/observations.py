"""The table ``dbo.raw``: one row for each raw file, in the words of its header."""

from __future__ import annotations

import sqlalchemy as sa

from schema.tables import described, metadata, row_id

raw = sa.Table(
    "raw",
    metadata,
    row_id(),
    described(
        "dp_id", "char", "meta.id;meta.main",
        "Identifier of the file in this archive.",
        nullable=False, principal=True, indexed=True,
    ),
    described(
        "object", "unicodeChar", "meta.id;src",
        "Target or kind of calibration as the header's OBJECT says.",
        principal=True, case_insensitive=True,
    ),
    described(
        "ra", "double", "pos.eq.ra;meta.main",
        "Right ascension of the target, ICRS; NULL off the sky.",
        unit="deg", principal=True, indexed=True,
    ),
    described(
        "dec", "double", "pos.eq.dec;meta.main",
        "Declination of the target, ICRS; NULL off the sky.",
        unit="deg", principal=True, indexed=True,
    ),
    described(
        "ra_pnt", "double", "pos.eq.ra;instr.tel",
        "Right ascension that the telescope pointed to, ICRS.",
        unit="deg",
    ),
    described(
        "dec_pnt", "double", "pos.eq.dec;instr.tel",
        "Declination that the telescope pointed to, ICRS.",
        unit="deg",
    ),
    described(
        "target", "unicodeChar", "meta.id;src",
        "Target as the observation block names it.",
        principal=True, case_insensitive=True,
    ),
    described(
        "telescope", "char", "meta.id;instr.tel",
        "Telescope.",
        principal=True, case_insensitive=True,
    ),
    described(
        "instrument", "char", "meta.id;instr",
        "Instrument.",
        principal=True, case_insensitive=True,
    ),
    described(
        "dp_cat", "char", "meta.code.class",
        "Category of the file: SCIENCE, CALIB, ACQUISITION, TECHNICAL, TEST, SIMULATION or OTHER.",
        principal=True, case_insensitive=True,
    ),
    described(
        "dp_type", "char", "meta.code.class",
        "What was observed: OBJECT, STD, SKY, BIAS, DARK, FLAT, WAVE and the like.",
        principal=True, case_insensitive=True,
    ),
    described(
        "dp_tech", "char", "meta.code.class;instr.setup",
        "Technique of observation: IMAGE, SPECTRUM, ECHELLE, IFU and the like.",
        principal=True, case_insensitive=True,
    ),
    described(
        "date_obs", "char", "time.start;obs.exposure",
        "Start of the exposure as the header's DATE-OBS says, ISO 8601, UTC.",
        principal=True,
    ),
    described(
        "mjd_obs", "double", "time.start;obs.exposure",
        "Start of the exposure, MJD, UTC.",
        unit="d", principal=True,
    ),
    described(
        "exp_start", "char", "time.start;obs.exposure",
        "Start of the exposure, UTC.",
        xtype="timestamp", principal=True,
    ),
    described(
        "exposure", "float", "time.duration;obs.exposure",
        "Exposure time.",
        unit="s", principal=True,
    ),
    described(
        "prog_id", "char", "meta.id;obs.proposal",
        "Observing programme.",
        principal=True, case_insensitive=True,
    ),
    described(
        "prog_title", "unicodeChar", "meta.title;obs.proposal",
        "Title of the observing programme.",
        case_insensitive=True,
    ),
    described(
        "prog_type", "int", "meta.code;obs.proposal",
        "Kind of observing programme: 0 normal, 1 guaranteed time, 2 discretionary time, 3 target of opportunity, "
        "4 large, 5 short, 6 calibration, 7 monitoring.",
    ),
    described(
        "period", "short", "obs.proposal.cycle",
        "Observing period of the programme.",
    ),
    described(
        "pi_coi", "unicodeChar", "meta.id.PI;obs.proposal",
        "Principal investigator and co-investigators.",
        case_insensitive=True,
    ),
    described(
        "ob_id", "int", "meta.id;obs",
        "Identifier of the observation block.",
        principal=True,
    ),
    described(
        "ob_name", "unicodeChar", "meta.id;obs",
        "Name of the observation block.",
        case_insensitive=True,
    ),
    described(
        "obs_mode", "char", "meta.code;obs",
        "Mode of observing: visitor or service.",
        case_insensitive=True,
    ),
    described(
        "ins_mode", "char", "meta.code;instr.setup",
        "Mode of the instrument.",
        case_insensitive=True,
    ),
    described(
        "filter_path", "char", "meta.id;instr.filter",
        "Filters in the beam.",
        case_insensitive=True,
    ),
    described(
        "grat_path", "char", "meta.id;instr.dispersion",
        "Gratings in the beam.",
        case_insensitive=True,
    ),
    described(
        "gris_path", "char", "meta.id;instr.dispersion",
        "Grisms in the beam.",
        case_insensitive=True,
    ),
    described(
        "slit_path", "char", "meta.id;instr.setup",
        "Slits in the beam.",
        case_insensitive=True,
    ),
    described(
        "lambda_min", "double", "em.wl;stat.min",
        "Shortest wavelength.",
        unit="nm",
    ),
    described(
        "lambda_max", "double", "em.wl;stat.max",
        "Longest wavelength.",
        unit="nm",
    ),
    described(
        "det_chip1id", "char", "meta.id;instr.det",
        "Identifier of the first detector chip.",
        case_insensitive=True,
    ),
    described(
        "det_chop_ncycles", "short", "meta.number;instr.det",
        "Number of chopping cycles.",
    ),
    described(
        "det_dit", "float", "time.duration;instr.det",
        "Integration time of one detector read-out.",
        unit="s",
    ),
    described(
        "det_expid", "short", "meta.id;instr.det",
        "Number of the exposure since the detector control was started.",
    ),
    described(
        "det_ndit", "short", "meta.number;instr.det",
        "Number of detector integrations averaged or summed.",
    ),
    described(
        "tpl_id", "char", "meta.id;obs.sequence",
        "Template that made the exposure.",
        case_insensitive=True,
    ),
    described(
        "tpl_name", "char", "meta.id;obs.sequence",
        "Name of the template for people.",
        case_insensitive=True,
    ),
    described(
        "tpl_seqno", "int", "meta.number;obs.sequence",
        "Number of the template within the observation block.",
    ),
    described(
        "tpl_expno", "int", "meta.number;obs.sequence",
        "Number of the exposure within the template.",
    ),
    described(
        "tpl_nexp", "int", "meta.number;obs.sequence",
        "Number of exposures that the template makes.",
    ),
    described(
        "tpl_start", "char", "time.start;obs.sequence",
        "Start of the template, ISO 8601, UTC.",
    ),
    described(
        "tel_airm_start", "float", "obs.airMass",
        "Airmass at the start.",
    ),
    described(
        "tel_airm_end", "float", "obs.airMass",
        "Airmass at the end.",
    ),
    described(
        "tel_alt", "float", "pos.az.alt;instr.tel",
        "Altitude of the telescope at the start.",
        unit="deg",
    ),
    described(
        "tel_az", "float", "pos.az.azi;instr.tel",
        "Azimuth of the telescope at the start, from the south over the west.",
        unit="deg",
    ),
    described(
        "tel_ambi_fwhm_start", "float", "instr.obsty.seeing",
        "Seeing of the site monitor at the start.",
        unit="arcsec",
    ),
    described(
        "tel_ambi_fwhm_end", "float", "instr.obsty.seeing",
        "Seeing of the site monitor at the end.",
        unit="arcsec",
    ),
    described(
        "tel_ambi_pres_start", "float", "phys.pressure;obs.atmos",
        "Air pressure at the start.",
        unit="hPa",
    ),
    described(
        "tel_ambi_pres_end", "float", "phys.pressure;obs.atmos",
        "Air pressure at the end.",
        unit="hPa",
    ),
    described(
        "tel_ambi_rhum", "float", "obs.atmos.humidity",
        "Relative humidity of the air.",
        unit="%",
    ),
    described(
        "gal_lon", "double", "pos.galactic.lon",
        "Galactic longitude.",
        unit="deg",
    ),
    described(
        "gal_lat", "double", "pos.galactic.lat",
        "Galactic latitude.",
        unit="deg",
    ),
    described(
        "ecl_lon", "double", "pos.ecliptic.lon",
        "Ecliptic longitude.",
        unit="deg",
    ),
    described(
        "ecl_lat", "double", "pos.ecliptic.lat",
        "Ecliptic latitude.",
        unit="deg",
    ),
    described(
        "s_region", "char", "pos.outline;obs.field",
        "Position or covered region of the sky, ICRS.",
        xtype="adql:REGION", indexed=True,
    ),
    described(
        "access_estsize", "long", "phys.size;meta.file",
        "Size of the file.",
        unit="kbyte",
    ),
    described(
        "origfile", "char", "meta.id;meta.file",
        "Name that the instrument gave the file.",
    ),
    described(
        "release_date", "char", "time.release",
        "When the file becomes public, UTC; NULL where no date is set and the file stays proprietary.",
        xtype="timestamp", principal=True,
    ),
    described(
        "last_mod_date", "char", "time.processing",
        "When this row was last changed, UTC.",
        xtype="timestamp",
    ),
    sa.CheckConstraint("ra BETWEEN 0 AND 360", name="ra_is_0_to_360"),
    sa.CheckConstraint("dec BETWEEN -90 AND 90", name="dec_is_-90_to_90"),
    sa.CheckConstraint("(ra IS NULL) = (dec IS NULL)", name="position_is_whole"),
    sa.CheckConstraint("lambda_min <= lambda_max", name="lambda_min_is_not_above_lambda_max"),
    sa.CheckConstraint("access_estsize >= 0", name="access_estsize_is_not_negative"),
    sa.UniqueConstraint("dp_id", name="raw_dp_id_is_unique"),
    schema="dbo",
    comment="Raw files as they came from the telescopes.",
    info={"position": ("ra", "dec"), "replicated": True},
)
"""Raw files; the names, types and units of the ESO archive's table of the same name.

What queries see has two further columns, ``access_url`` and ``datalink_url``, which are computed (`schema.published`).
"""
