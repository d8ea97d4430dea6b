"""The table ``ivoa.obscore``: one row for each product and each raw file."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from schema.tables import described, metadata, row_id
from vo.tables.field import Datatype

TABLE_UTYPE = "ivo://ivoa.net/std/obscore#table-1.1"


def _mandatory(
    name: str, datatype: Datatype, ucd: str, utype: str, description: str, **options: Any
) -> sa.Column[Any]:
    """Column that every ObsTAP service has (ObsCore 1.1, "Implementation of ObsCore in a TAP Service")."""
    return described(
        name, datatype, ucd, description, utype=f"obscore:{utype}", principal=True, std=True, **options
    )


def _optional(name: str, datatype: Datatype, ucd: str, utype: str, description: str, **options: Any) -> sa.Column[Any]:
    """Column that ObsCore 1.1 names but leaves to the archive ("List of data model fields in TAP_SCHEMA")."""
    return described(name, datatype, ucd, description, utype=f"obscore:{utype}", std=True, **options)


_SPACE = "Char.SpatialAxis"
_TIME = "Char.TimeAxis"
_SPECTRUM = "Char.SpectralAxis"
_OBSERVABLE = "Char.ObservableAxis"
_POLARIZATION = "Char.PolarizationAxis"

obscore = sa.Table(
    "obscore",
    metadata,
    row_id(),
    _mandatory(
        "dataproduct_type", "char", "meta.code.class", "ObsDataset.dataProductType",
        "Kind of product: image, cube, spectrum, sed, timeseries, visibility, event or measurements; "
        "NULL where none of them fits, as for calibrations taken off the sky.",
        case_insensitive=True,
    ),
    _mandatory(
        "calib_level", "int", "meta.code;obs.calib", "ObsDataset.calibLevel",
        "Degree of calibration, from 0 (instrumental data in a format of their own) and 1 (instrumental data in a "
        "standard format) to 4 (result of an analysis).",
        nullable=False,
    ),
    _mandatory(
        "obs_collection", "char", "meta.id", "DataID.collection",
        "Data collection that the product belongs to; the instrument for raw files.",
        nullable=False, case_insensitive=True,
    ),
    _mandatory(
        "obs_id", "char", "meta.id", "DataID.observationID",
        "Identifier of the observation, shared by all products made of it.",
        nullable=False, indexed=True,
    ),
    _mandatory(
        "obs_publisher_did", "char", "meta.ref.ivoid", "Curation.publisherDID",
        "IVOA identifier of the product in this archive.",
        nullable=False, indexed=True,
    ),
    _mandatory(
        "access_url", "char", "meta.ref.url", "Access.reference",
        "Where to fetch the product.",
    ),
    _mandatory(
        "access_format", "char", "meta.code.mime", "Access.format",
        "Media type of what access_url gives.",
        case_insensitive=True,
    ),
    _mandatory(
        "access_estsize", "long", "phys.size;meta.file", "Access.size",
        "Size of what access_url gives.",
        unit="kbyte",
    ),
    _mandatory(
        "target_name", "unicodeChar", "meta.id;src", "Target.name",
        "Name of the target as the observer wrote it.",
        case_insensitive=True,
    ),
    _mandatory(
        "s_ra", "double", "pos.eq.ra", f"{_SPACE}.Coverage.Location.Coord.Position2D.Value2.C1",
        "Right ascension of the centre, ICRS.",
        unit="deg", indexed=True,
    ),
    _mandatory(
        "s_dec", "double", "pos.eq.dec", f"{_SPACE}.Coverage.Location.Coord.Position2D.Value2.C2",
        "Declination of the centre, ICRS.",
        unit="deg", indexed=True,
    ),
    _mandatory(
        "s_fov", "double", "phys.angSize;instr.fov", f"{_SPACE}.Coverage.Bounds.Extent.diameter",
        "Diameter of a circle that holds the covered region.",
        unit="deg",
    ),
    _mandatory(
        "s_region", "char", "pos.outline;obs.field", f"{_SPACE}.Coverage.Support.Area",
        "Covered region of the sky, ICRS.",
        xtype="adql:REGION", indexed=True,
    ),
    _mandatory(
        "s_resolution", "double", "pos.angResolution", f"{_SPACE}.Resolution.Refval.value",
        "Spatial resolution, as full width at half maximum of a point source.",
        unit="arcsec",
    ),
    _mandatory(
        "s_xel1", "long", "meta.number", f"{_SPACE}.numBins1",
        "Number of pixels along the first spatial axis.",
    ),
    _mandatory(
        "s_xel2", "long", "meta.number", f"{_SPACE}.numBins2",
        "Number of pixels along the second spatial axis.",
    ),
    _mandatory(
        "t_min", "double", "time.start;obs.exposure", f"{_TIME}.Coverage.Bounds.Limits.StartTime",
        "Start of the observation, MJD, UTC.",
        unit="d", indexed=True,
    ),
    _mandatory(
        "t_max", "double", "time.end;obs.exposure", f"{_TIME}.Coverage.Bounds.Limits.StopTime",
        "End of the observation, MJD, UTC.",
        unit="d",
    ),
    _mandatory(
        "t_exptime", "double", "time.duration;obs.exposure", f"{_TIME}.Coverage.Support.Extent",
        "Total exposure time.",
        unit="s",
    ),
    _mandatory(
        "t_resolution", "double", "time.resolution", f"{_TIME}.Resolution.Refval.value",
        "Resolution in time.",
        unit="s",
    ),
    _mandatory(
        "t_xel", "long", "meta.number", f"{_TIME}.numBins",
        "Number of samples along the time axis.",
    ),
    _mandatory(
        "em_min", "double", "em.wl;stat.min", f"{_SPECTRUM}.Coverage.Bounds.Limits.LoLimit",
        "Shortest wavelength in vacuum.",
        unit="m",
    ),
    _mandatory(
        "em_max", "double", "em.wl;stat.max", f"{_SPECTRUM}.Coverage.Bounds.Limits.HiLimit",
        "Longest wavelength in vacuum.",
        unit="m",
    ),
    _mandatory(
        "em_res_power", "double", "spect.resolution", f"{_SPECTRUM}.Resolution.ResolPower.refVal",
        "Typical spectral resolving power.",
    ),
    _mandatory(
        "em_xel", "long", "meta.number", f"{_SPECTRUM}.numBins",
        "Number of samples along the spectral axis.",
    ),
    _mandatory(
        "o_ucd", "char", "meta.ucd", f"{_OBSERVABLE}.ucd",
        "UCD of the measured quantity.",
        case_insensitive=True,
    ),
    _mandatory(
        "pol_states", "char", "meta.code;phys.polarization", f"{_POLARIZATION}.stateList",
        "Polarization states between slashes, such as /I/Q/U/V/; NULL where polarization is not resolved.",
        case_insensitive=True,
    ),
    _mandatory(
        "pol_xel", "long", "meta.number", f"{_POLARIZATION}.numBins",
        "Number of polarization states.",
    ),
    _mandatory(
        "facility_name", "char", "meta.id;instr.tel", "Provenance.ObsConfig.Facility.name",
        "Telescope.",
        case_insensitive=True,
    ),
    _mandatory(
        "instrument_name", "char", "meta.id;instr", "Provenance.ObsConfig.Instrument.name",
        "Instrument.",
        case_insensitive=True,
    ),
    _optional(
        "dataproduct_subtype", "char", "meta.code.class", "ObsDataset.dataProductSubtype",
        "Kind of product in the words of this archive.",
        principal=True, case_insensitive=True,
    ),
    _optional(
        "target_class", "char", "src.class", "Target.class",
        "Class of the target.",
        case_insensitive=True,
    ),
    _optional(
        "obs_creation_date", "char", "time;meta.dataset", "DataID.date",
        "When the product was made, UTC.",
        xtype="timestamp",
    ),
    _optional(
        "obs_creator_name", "unicodeChar", "meta.id", "DataID.creator",
        "Who made the product.",
        case_insensitive=True,
    ),
    _optional(
        "obs_creator_did", "char", "meta.id", "DataID.creatorDID",
        "Identifier that the maker of the product gave it.",
    ),
    _optional(
        "obs_title", "unicodeChar", "meta.title;obs", "DataID.title",
        "One line that tells people what the product is.",
        case_insensitive=True,
    ),
    _optional(
        "publisher_id", "char", "meta.ref.ivoid", "Curation.publisherID",
        "IVOA identifier of the publisher.",
    ),
    _optional(
        # The text of the recommendation says meta.bib; the validator of the field wants the refinement.
        "bib_reference", "char", "meta.bib.bibcode", "Curation.reference",
        "Publication that describes the product, as bibcode or DOI.",
    ),
    _optional(
        "data_rights", "char", "meta.code", "Curation.rights",
        "Who may fetch the product: public, secure or proprietary.",
        principal=True, case_insensitive=True,
    ),
    _optional(
        "obs_release_date", "char", "time.release", "Curation.releaseDate",
        "When the product becomes public, UTC; NULL where no date is set and the product stays proprietary.",
        xtype="timestamp", principal=True,
    ),
    _optional(
        "s_ucd", "char", "meta.ucd", f"{_SPACE}.ucd",
        "UCD of the spatial axis.",
    ),
    _optional(
        "s_unit", "char", "meta.unit", f"{_SPACE}.unit",
        "Unit of the spatial axis in the product.",
    ),
    _optional(
        "s_resolution_min", "double", "pos.angResolution;stat.min", f"{_SPACE}.Resolution.Bounds.Limits.LoLimit",
        "Best spatial resolution.",
        unit="arcsec",
    ),
    _optional(
        "s_resolution_max", "double", "pos.angResolution;stat.max", f"{_SPACE}.Resolution.Bounds.Limits.HiLimit",
        "Worst spatial resolution.",
        unit="arcsec",
    ),
    _optional(
        "s_pixel_scale", "double", "phys.angSize;instr.pixel", f"{_SPACE}.Sampling.RefVal.SamplingPeriod",
        "Distance of neighbouring pixels on the sky.",
        unit="arcsec",
    ),
    _optional(
        "s_calib_status", "char", "meta.code.qual", f"{_SPACE}.calibrationStatus",
        "State of the astrometric calibration: uncalibrated, raw or calibrated.",
        case_insensitive=True,
    ),
    _optional(
        "s_stat_error", "double", "stat.error;pos.eq", f"{_SPACE}.Accuracy.StatError.Refval.value",
        "Statistical error of positions.",
        unit="arcsec",
    ),
    _optional(
        "t_calib_status", "char", "meta.code.qual", f"{_TIME}.calibrationStatus",
        "State of the calibration of times: uncalibrated, calibrated, raw or relative.",
        case_insensitive=True,
    ),
    _optional(
        "t_stat_error", "double", "stat.error;time", f"{_TIME}.Accuracy.StatError.Refval.value",
        "Statistical error of times.",
        unit="s",
    ),
    _optional(
        "em_ucd", "char", "meta.ucd", f"{_SPECTRUM}.ucd",
        "UCD of the spectral axis in the product.",
    ),
    _optional(
        "em_unit", "char", "meta.unit", f"{_SPECTRUM}.unit",
        "Unit of the spectral axis in the product.",
    ),
    _optional(
        "em_calib_status", "char", "meta.code.qual", f"{_SPECTRUM}.calibrationStatus",
        "State of the wavelength calibration: uncalibrated, calibrated, relative or absolute.",
        case_insensitive=True,
    ),
    _optional(
        "em_res_power_min", "double", "spect.resolution;stat.min", f"{_SPECTRUM}.Resolution.ResolPower.LoLimit",
        "Lowest spectral resolving power.",
    ),
    _optional(
        "em_res_power_max", "double", "spect.resolution;stat.max", f"{_SPECTRUM}.Resolution.ResolPower.HiLimit",
        "Highest spectral resolving power.",
    ),
    _optional(
        "em_resolution", "double", "spect.resolution;stat.mean", f"{_SPECTRUM}.Resolution.Refval.value",
        "Mean spectral resolution.",
        unit="m",
    ),
    _optional(
        "em_stat_error", "double", "stat.error;em", f"{_SPECTRUM}.Accuracy.StatError.Refval.value",
        "Statistical error of wavelengths.",
        unit="m",
    ),
    _optional(
        "o_unit", "char", "meta.unit", f"{_OBSERVABLE}.unit",
        "Unit of the measured quantity.",
    ),
    _optional(
        "o_calib_status", "char", "meta.code.qual", f"{_OBSERVABLE}.calibrationStatus",
        "State of the calibration of the measured quantity: absolute, relative, normalized or uncalibrated.",
        case_insensitive=True,
    ),
    _optional(
        "o_stat_error", "double", "stat.error", f"{_OBSERVABLE}.Accuracy.StatError.Refval.value",
        "Statistical error of the measured quantity, in the unit that o_unit says.",
    ),
    _optional(
        "proposal_id", "char", "meta.id;obs.proposal", "Provenance.Proposal.identifier",
        "Observing programme.",
        principal=True, case_insensitive=True,
    ),
    described(
        "dp_id", "char", "meta.id;meta.main",
        "Identifier of the file in this archive.",
        nullable=False, indexed=True,
    ),
    described(
        "filter", "char", "meta.id;instr.filter",
        "Filter or filters.",
        case_insensitive=True,
    ),
    described(
        "obstech", "char", "meta.code;instr.setup",
        "Technique of observation, such as IMAGE or ECHELLE.",
        case_insensitive=True,
    ),
    described(
        "multi_ob", "char", "meta.code",
        "S if the product was made of one observation block, M if of several.",
        case_insensitive=True,
    ),
    described(
        "n_obs", "int", "meta.number",
        "Number of observations combined in the product.",
    ),
    described(
        "p3orig", "char", "meta.code",
        "Origin of the product: EDP from the community, IDP from the observatory.",
        case_insensitive=True,
    ),
    described(
        "abmaglim", "double", "phot.mag;stat.max",
        "Limiting magnitude for point sources at five sigma, AB system.",
        unit="mag",
    ),
    described(
        "snr", "double", "stat.snr",
        "Median ratio of signal to noise.",
    ),
    described(
        "strehl", "double", "instr.det.psf",
        "Strehl ratio.",
    ),
    described(
        "gal_lon", "double", "pos.galactic.lon",
        "Galactic longitude of the centre.",
        unit="deg",
    ),
    described(
        "gal_lat", "double", "pos.galactic.lat",
        "Galactic latitude of the centre.",
        unit="deg",
    ),
    described(
        "publication_date", "char", "time.release;meta.dataset",
        "When the product was published in this archive, UTC.",
        xtype="timestamp",
    ),
    described(
        "last_mod_date", "char", "time.processing",
        "When this row was last changed, UTC.",
        xtype="timestamp",
    ),
    described(
        "preview_html", "char", "meta.ref.url;meta.preview",
        "Page that shows the product.",
    ),
    described(
        "release_description", "char", "meta.ref.url",
        "Page that describes the data release.",
    ),
    sa.CheckConstraint("calib_level BETWEEN 0 AND 4", name="calib_level_is_0_to_4"),
    sa.CheckConstraint("s_ra BETWEEN 0 AND 360", name="s_ra_is_0_to_360"),
    sa.CheckConstraint("s_dec BETWEEN -90 AND 90", name="s_dec_is_-90_to_90"),
    sa.CheckConstraint("(s_ra IS NULL) = (s_dec IS NULL)", name="position_is_whole"),
    sa.CheckConstraint("s_fov BETWEEN 0 AND 360", name="s_fov_is_0_to_360"),
    sa.CheckConstraint("em_min >= 0 AND em_min <= em_max AND em_max <> 'NaN'", name="em_min_is_not_above_em_max"),
    sa.CheckConstraint("t_min <= t_max AND t_max <> 'NaN'", name="t_min_is_not_after_t_max"),
    sa.CheckConstraint("access_estsize >= 0", name="access_estsize_is_not_negative"),
    sa.CheckConstraint("data_rights IN ('public', 'secure', 'proprietary')", name="data_rights_is_known"),
    sa.UniqueConstraint("obs_publisher_did", name="obscore_obs_publisher_did_is_unique"),
    sa.UniqueConstraint("dp_id", name="obscore_dp_id_is_unique"),
    schema="ivoa",
    comment="Observations and their products in the ObsCore 1.1 data model.",
    info={"position": ("s_ra", "s_dec"), "utype": TABLE_UTYPE, "replicated": True},
)
"""ObsCore 1.1 with all optional columns, and the further columns of the ESO archive.

`access_url` is NULL for files that this archive holds: what queries see is computed (`schema.published`).

References
----------
ObsCore 1.1 (REC 2017-05-09, errata of 2018-05-12 included): "Implementation of ObsCore in a TAP Service" (mandatory
columns, "not null"), "List of data model fields in TAP_SCHEMA" (units, utypes, UCDs).
"""
