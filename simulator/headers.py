"""The cards of raw frames, in the order and the spelling of ESO headers."""

import math
from datetime import datetime, timedelta

from astropy.io import fits

from simulator.ephemeris import horizontal, mjd, sidereal_time
from simulator.exposure import Exposure
from simulator.observatory import HAWKI, KUYCHI, MUSE, QHAWAQ, UVES, Detector, Kind

Card = tuple[str, str | int | float | bool, str]

SOFTWARE = "quipu-simulator/1.0"
NOTICE = "Simulated by the telescope simulator of Quipu, not an observation."


def simulated() -> list[Card]:
    """Return the cards that tell a simulated file from a real one."""
    return [("SIMULATD", True, "Simulated data, not an observation"), ("COMMENT", NOTICE, "")]


def sexagesimal(hours_or_degrees: float) -> str:
    """Write an angle as `[-]dd:mm:ss.s`."""
    tenths = round(abs(hours_or_degrees) * 36000)
    sign = "-" if hours_or_degrees < 0 else ""
    return f"{sign}{tenths // 36000:02d}:{tenths // 600 % 60:02d}:{tenths // 10 % 60:02d}.{tenths % 10}"


def packed(hours_or_degrees: float) -> float:
    """Write an angle as the number `[-]ddmmss.sss`, the form of TEL.TARG.ALPHA and DELTA."""
    thousandths = round(abs(hours_or_degrees) * 3_600_000)
    seconds, rest = divmod(thousandths, 60_000)
    value = (seconds // 60 * 10_000 + seconds % 60 * 100) + rest / 1000
    return round(math.copysign(value, hours_or_degrees), 3)


def pointing(exposure: Exposure) -> tuple[float, float] | None:
    """Return where the telescope points, FK5 J2000, degrees; None if the header does not say.

    Day calibrations of some instruments carry the direction in which the telescope is parked, as real files do: the
    numbers are valid and mean nothing.
    """
    site = exposure.instrument.telescope.site
    if exposure.kind.sees_the_sky:
        return exposure.target.ra, exposure.target.dec
    zenith = (sidereal_time(exposure.start, site.longitude), site.latitude)
    if exposure.kind is Kind.TWILIGHT_FLAT:
        return zenith
    if exposure.instrument.idle_pointing:
        return zenith[0], zenith[1] - 45.0
    return None


def primary_cards(exposure: Exposure, moon: tuple[float, float]) -> list[Card]:
    """Return the cards of a raw frame's primary header, without the structural ones, pixels and WCS."""
    cards = _standard_cards(exposure)
    for group in (_dpr, _obs, _tpl, _tel, _ins, _det):
        cards += [(f"HIERARCH ESO {key}", value, comment) for key, value, comment in group(exposure)]
    if exposure.kind.sees_the_sky:
        cards += [
            ("HIERARCH ESO TEL MOON DEC", round(moon[1], 5), f"{sexagesimal(moon[1])} DEC (J2000)"),
            ("HIERARCH ESO TEL MOON RA", round(moon[0], 6), f"{sexagesimal(moon[0] / 15)} RA (J2000)"),
        ]
    origfile = f"{exposure.instrument.name}_{exposure.frame_kind.tag}{exposure.start:%j}_{exposure.serial:04d}.fits"
    return [
        *cards,
        ("ORIGFILE", origfile, "Original File Name"),
        ("ARCFILE", exposure.arcfile, "Archive File Name"),
        *simulated(),
    ]


def write_date(exposure: Exposure) -> str:
    """Return when the file is written: some seconds after the light stops, always the same."""
    return (exposure.end + timedelta(seconds=17)).isoformat(timespec="milliseconds")


def _standard_cards(exposure: Exposure) -> list[Card]:
    site = exposure.instrument.telescope.site
    start = exposure.start
    seconds = round(start.hour * 3600 + start.minute * 60 + start.second + start.microsecond / 1e6, 3)
    lst = sidereal_time(start, site.longitude) / 15
    name = exposure.target.name if exposure.kind is Kind.SCIENCE else exposure.frame_kind.type
    cards: list[Card] = [
        ("ORIGIN", exposure.instrument.telescope.origin, "Observatory"),
        ("DATE", write_date(exposure), "UT date when this file was written"),
        ("TELESCOP", exposure.instrument.telescope.name, "Telescope"),
        ("INSTRUME", exposure.instrument.name, "Instrument used"),
        ("OBJECT", name, "Original target"),
    ]
    where = pointing(exposure)
    if where is not None:
        ra, dec = where
        cards += [
            ("RA", round(ra, 6), f"[deg] {sexagesimal(ra / 15)} RA (J2000) pointing"),
            ("DEC", round(dec, 5), f"[deg] {sexagesimal(dec)} DEC (J2000) pointing"),
            ("EQUINOX", 2000.0, "Standard FK5 (years)"),
            ("RADECSYS", "FK5", "Coordinate reference frame"),
        ]
    # Infrared detectors state one integration, CCDs the whole exposure.
    return [
        *cards,
        ("EXPTIME", exposure.dit, "[s] Integration time"),
        ("MJD-OBS", round(mjd(start), 8), f"MJD start ({start.isoformat(timespec='milliseconds')})"),
        ("DATE-OBS", start.isoformat(timespec="microseconds")[:-2], "Date of observation, UTC"),
        ("UTC", seconds, f"[s] {sexagesimal(seconds / 3600)} UTC at start"),
        ("LST", round(lst * 3600, 3), f"[s] {sexagesimal(lst)} LST at start"),
        ("PI-COI", "UNKNOWN", "PI-COI name"),
        ("OBSERVER", "UNKNOWN", "Name of observer"),
    ]


def _dpr(exposure: Exposure) -> list[Card]:
    kind = exposure.frame_kind
    return [
        ("DPR CATG", kind.catg, "Observation category"),
        ("DPR TECH", kind.tech, "Observation technique"),
        ("DPR TYPE", kind.type, "Observation type"),
    ]


def _obs(exposure: Exposure) -> list[Card]:
    block = exposure.block
    cards: list[Card] = [
        ("OBS CONTAINER ID", 0, "Scheduling container ID"),
        ("OBS CONTAINER TYPE", "", "Scheduling container type"),
        ("OBS DID", "ESO-VLT-DIC.OBS-2.2", "OBS Dictionary"),
        ("OBS EXECTIME", 0, "[s] Expected execution time"),
        ("OBS GRP", "0", "Linked blocks"),
        ("OBS ID", block.number, "Observation block ID"),
        ("OBS NAME", block.name, "OB name"),
        ("OBS OBSERVER", "UNKNOWN", "Observer Name"),
        ("OBS PI-COI ID", 0, "PI-COI ID"),
        ("OBS PI-COI NAME", "UNKNOWN", "PI-COI name"),
        ("OBS PROG ID", block.programme, "Programme identification"),
        ("OBS START", block.start.isoformat(), "OB start time"),
        ("OBS TPLNO", exposure.template.number, "Template number within OB"),
    ]
    if block.target is not None:
        cards.append(("OBS TARG NAME", block.target.name, "OB target name"))
    return cards


def _tpl(exposure: Exposure) -> list[Card]:
    kind, template = exposure.frame_kind, exposure.template
    return [
        ("TPL DID", "ESO-VLT-DIC.TPL-1.9", "Data dictionary for TPL"),
        ("TPL EXPNO", exposure.expno, "Exposure number within template"),
        ("TPL ID", kind.template, "Template signature ID"),
        ("TPL NAME", kind.template_name, "Template name"),
        ("TPL NEXP", template.nexp, "Number of exposures within template"),
        ("TPL PRESEQ", f"{kind.template}.seq", "Sequencer script"),
        ("TPL START", template.start.isoformat(), "TPL start time"),
        ("TPL VERSION", "1.0", "Version of the template"),
    ]


def _tel(exposure: Exposure) -> list[Card]:
    site = exposure.instrument.telescope.site
    sky = exposure.kind.sees_the_sky
    where = pointing(exposure)
    at_start = horizontal(*where, exposure.start, site) if where else None
    at_end = horizontal(*where, exposure.end, site) if where and sky else at_start
    cards: list[Card] = []
    if at_start and at_end:
        cards += [
            ("TEL AIRM END", round(at_end.airmass, 3), "Airmass at end"),
            ("TEL AIRM START", round(at_start.airmass, 3), "Airmass at start"),
            ("TEL ALT", round(at_start.altitude, 3), "[deg] Alt angle at start"),
            ("TEL AZ", round(at_start.azimuth, 3), "[deg] Az angle at start S=0,W=90"),
            ("TEL PARANG END", round(at_end.parallactic, 3), "[deg] Parallactic angle at end"),
            ("TEL PARANG START", round(at_start.parallactic, 3), "[deg] Parallactic angle at start"),
        ]
    phase = _hours_of_night(exposure.start) / 12
    cards += [
        ("TEL AMBI FWHM END", round(exposure.seeing * 1.02, 2), "[arcsec] Seeing"),
        ("TEL AMBI FWHM START", exposure.seeing, "[arcsec] Seeing"),
        ("TEL AMBI PRES END", site.pressure, "[hPa] Ambient air pressure"),
        ("TEL AMBI PRES START", site.pressure, "[hPa] Ambient air pressure"),
        ("TEL AMBI RHUM", round(12.0 + 9.0 * phase, 1), "[%] Relative humidity"),
        ("TEL AMBI TAU0", 0.0045, "[s] Coherence time"),
        ("TEL AMBI TEMP", round(15.5 - 4.0 * phase, 2), "[C] Ambient temperature"),
        ("TEL AMBI WINDDIR", 12.0, "[deg] Wind direction"),
        ("TEL AMBI WINDSP", 5.4, "[m/s] Wind speed"),
        ("TEL CHOP ST", False, "True when chopping is active"),
        ("TEL DID", "ESO-VLT-DIC.TCS", "Data dictionary for TEL"),
        ("TEL DOME STATUS", "FULLY-OPEN" if sky else "CLOSED", "Dome status"),
        ("TEL FOCU VALUE", -2.811, "[mm] M2 setting"),
        ("TEL GEOELEV", site.elevation, "[m] Elevation above sea level"),
        ("TEL GEOLAT", site.latitude, "[deg] Tel geo latitude (+=North)"),
        ("TEL GEOLON", site.longitude, "[deg] Tel geo longitude (+=East)"),
        ("TEL ID", "simulated", "TCS version number"),
        ("TEL TRAK STATUS", "NORMAL" if sky else "OFF", "Tracking status"),
    ]
    if sky:
        target = exposure.target
        cards += [
            ("TEL TARG ALPHA", packed(target.ra / 15), "Alpha coordinate for the target"),
            ("TEL TARG COORDTYPE", "M", "Coordinate type (M=mean A=apparent)"),
            ("TEL TARG DELTA", packed(target.dec), "Delta coordinate for the target"),
            ("TEL TARG EPOCH", 2000.0, "Epoch"),
            ("TEL TARG EPOCHSYSTEM", "J", "Epoch system (default J=Julian)"),
            ("TEL TARG EQUINOX", 2000.0, "Equinox"),
            ("TEL TARG PARALLAX", 0.0, "Parallax"),
            ("TEL TARG PMA", 0.0, "Proper Motion Alpha"),
            ("TEL TARG PMD", 0.0, "Proper motion Delta"),
            ("TEL TARG RADVEL", 0.0, "Radial velocity"),
        ]
    return cards


def _hours_of_night(instant: datetime) -> float:
    """Return hours since 16:00 UTC, the early afternoon of the observatory."""
    return (instant.hour + instant.minute / 60 - 16) % 24


def _ins(exposure: Exposure) -> list[Card]:
    """Return the instrument set-up; each instrument has its own words for it."""
    instrument, setup = exposure.instrument, exposure.setup
    cards: list[Card] = [
        ("INS DID", f"SIMULATED-DIC.{instrument.name}_ICS", "Data dictionary for INS"),
        ("INS ID", f"{instrument.name}/1.0", "Instrument ID"),
        ("INS MODE", instrument.mode, "Instrument mode used"),
        ("INS PIXSCALE", instrument.pixel_scale, "[arcsec] Pixel scale"),
    ]
    if instrument in (QHAWAQ, HAWKI):
        wheel = {QHAWAQ.name: (("FILT1", setup.filter),), HAWKI.name: (("FILT1", "OPEN"), ("FILT2", setup.filter))}
        for wheel_name, filter_name in wheel[instrument.name]:
            cards += [
                (f"INS {wheel_name} ID", filter_name.upper(), "Filter unique id"),
                (f"INS {wheel_name} NAME", filter_name, "Filter name"),
            ]
        cards += [
            ("SEQ CUMOFFSETX", float(exposure.dither[0]), "[pix] Cumulative offset in X"),
            ("SEQ CUMOFFSETY", float(exposure.dither[1]), "[pix] Cumulative offset in Y"),
        ]
    elif instrument == KUYCHI:
        cards += [
            ("INS GRIS1 ID", "G1", "Grism unique id"),
            ("INS GRIS1 NAME", "Gr_400_750", "Grism name"),
            ("INS GRIS1 WLEN", 574.3, "[nm] Central wavelength"),
            ("INS SLIT1 LEN", 90.0, "[arcsec] Slit length"),
            ("INS SLIT1 NAME", f"slit_{setup.slit:.1f}", "Slit common name"),
            ("INS SLIT1 WID", setup.slit, "[arcsec] Slit width"),
        ]
    elif instrument == UVES:
        cards += [
            ("INS PATH", "BLUE", "Optical path used"),
            ("INS GRAT1 ID", "CD#2", "Grating unique ID"),
            ("INS GRAT1 NAME", "HER_5", "Grating common name"),
            ("INS GRAT1 WLEN", 390.0, "[nm] Grating central wavelength"),
            ("INS SLIT1 NAME", "FREE", "Slit common name"),
            ("INS SLIT2 LEN", 8.0, "[arcsec] Slit length"),
            ("INS SLIT2 WID", setup.slit, "[arcsec] Slit width"),
            ("INS SENS26 MEAN", 743.0, "Average sensor value"),
            ("INS TEMP1 MEAN", 12.0, "[C] Average temperature"),
            ("INS TEMP2 MEAN", 12.0, "[C] Average temperature"),
        ]
    elif instrument == MUSE:
        cards += [
            ("INS DROT POSANG", instrument.rotation, "[deg] Derotator position angle"),
            ("INS OPTI1 NAME", "Open", "Optical element in the fore-optics"),
            ("INS OPTI2 NAME", "WFM_2.0", "Magnification of the fore-optics"),
            ("INS TEMP11 VAL", 12.5, "[C] Left IFU temperature"),
        ]
        cards += [
            (f"INS SHUT{number} ST", setup.lamp == lamp, f"Shutter of the {lamp} lamp open")
            for number, lamp in ((3, "Ne"), (4, "Xe"), (5, "HgCd"))
        ]
    if setup.lamp:
        cards += [("INS LAMP1 NAME", setup.lamp, "Lamp name"), ("INS LAMP1 ST", True, "Lamp on")]
    return cards


def _det(exposure: Exposure) -> list[Card]:
    """Return the cards of the detector system; those of single chips go with the chips."""
    instrument = exposure.instrument
    cards: list[Card] = [
        ("DET CHIPS", len(instrument.detectors), "# of chips in detector array"),
        ("DET DID", "ESO-VLT-DIC.CCDDCS", "Data dictionary for DET"),
        ("DET EXP NO", int(mjd(exposure.start)) % 10000 * 100 + exposure.serial, "Unique exposure ID number"),
        ("DET EXP TYPE", "Dark" if exposure.kind in {Kind.BIAS, Kind.DARK} else "Normal", "Exposure type"),
        ("DET ID", f"{instrument.name} detectors", "Detector system Id"),
    ]
    if instrument == HAWKI:
        cards += [
            ("DET DIT", exposure.dit, "[s] Integration time"),
            ("DET MODE NAME", "NonDest", "DCS Detector Mode"),
            ("DET NCORRS NAME", "NonDest", "Read-Out Mode Name"),
            ("DET NDIT", exposure.ndit, "# of Sub-Integrations"),
            ("DET NDSAMPLES", 4, "# of Non-Dest. Samples"),
            ("DET READ CURNAME", "NonDest", "Used readout mode name"),
        ]
    elif instrument == MUSE:
        cards += [
            ("DET READ CURID", 1, "Used readout mode id"),
            ("DET READ CURNAME", "SCI1.0", "Used readout mode name"),
        ]
    else:
        speed = {UVES.name: "50kHz,1pt/1.01,LG"}.get(instrument.name, "slow")
        cards += [
            ("DET READ CLOCK", f"{speed} 1 port", "Readout clock pattern used"),
            ("DET READ MODE", "normal", "Readout method"),
            ("DET READ SPEED", speed, "Readout speed"),
            ("DET WIN1 BINX", 1, "Binning factor along X"),
            ("DET WIN1 BINY", 1, "Binning factor along Y"),
            ("DET WIN1 DIT1", exposure.dit, "[s] Actual subintegration time"),
            ("DET WIN1 NDIT", exposure.ndit, "# of subintegrations"),
            ("DET WIN1 NX", instrument.detectors[0].nx + 2 * instrument.detectors[0].scan, "# of pixels along X"),
            ("DET WIN1 NY", instrument.detectors[0].ny, "# of pixels along Y"),
            ("DET WIN1 ST", True, "If T, window enabled"),
            ("DET WIN1 STRX", 1, "Lower left pixel in X"),
            ("DET WIN1 STRY", 1, "Lower left pixel in Y"),
            ("DET WIN1 UIT1", exposure.dit, "[s] User defined subintegration time"),
        ]
    return cards


def chip_cards(detector: Detector, number: int) -> list[Card]:
    """Return the cards of one chip; they stand where its pixels stand.

    Parameters
    ----------
    number
        Position of the chip in the array, from 1.
    """
    cards: list[Card] = [
        ("DET CHIP1 ID", detector.chip, "Detector chip identification"),
        ("DET CHIP1 INDEX", number, "Chip index"),
        ("DET CHIP1 NAME", detector.chip, "Detector chip name"),
        ("DET CHIP1 NX", detector.nx, "# of pixels along X"),
        ("DET CHIP1 NY", detector.ny, "# of pixels along Y"),
        ("DET OUT1 CONAD", detector.conad, "[e-/ADU] Conversion from ADUs to electrons"),
        ("DET OUT1 GAIN", round(1 / detector.conad, 4), "[ADU/e-] Conversion from electrons to ADU"),
        ("DET OUT1 NX", detector.nx, "Valid pixels along X"),
        ("DET OUT1 NY", detector.ny, "Valid pixels along Y"),
        ("DET OUT1 OVSCX", detector.scan, "Overscan region in X"),
        ("DET OUT1 OVSCY", 0, "Overscan region in Y"),
        ("DET OUT1 PRSCX", detector.scan, "Prescan region in X"),
        ("DET OUT1 PRSCY", 0, "Prescan region in Y"),
        ("DET OUT1 RON", detector.ron, "[e-] Readout noise per output"),
    ]
    if detector.extname:
        cards += [
            ("DET CHIP GAIN", detector.conad, "[e-/ADU] Gain"),
            ("DET CHIP ID", detector.chip, "Detector ID"),
            ("DET CHIP LIVE", True, "Detector live"),
            ("DET CHIP NO", number, "Unique Detector Number"),
            ("DET CHIP NX", detector.nx, "Pixels in X"),
            ("DET CHIP NY", detector.ny, "Pixels in Y"),
            ("DET CHIP RON", detector.ron, "[e-] Read-out noise"),
        ]
    return [(f"HIERARCH ESO {key}", value, comment) for key, value, comment in cards]


def header(cards: list[Card]) -> fits.Header:
    """Make a header of cards; a comment that does not fit into its line is cut, as in real files."""
    return fits.Header([_fitted(card) for card in cards])


def _fitted(card: Card) -> Card:
    keyword, value, comment = card
    length = max(len(value), 8) + 2 if isinstance(value, str) else len(str(value))
    # Values of standard keywords fill the line up to column 30; those of others start behind "keyword = ".
    used = max(10 + length, 30) if len(keyword) <= 8 else len(keyword) + 3 + length
    return keyword, value, comment[: max(80 - used - 3, 0)].rstrip()
