"""What the observatory consists of: sites, telescopes, detectors and instruments."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """What an exposure is for."""

    SCIENCE = "science"
    STANDARD = "standard"
    TWILIGHT_FLAT = "twilight flat"
    FLAT = "flat"
    ILLUMINATION = "illumination"
    ARC = "arc"
    ORDER_DEFINITION = "order definition"
    FORMAT_CHECK = "format check"
    BIAS = "bias"
    DARK = "dark"

    @property
    def sees_the_sky(self) -> bool:
        """Whether the telescope points at a target, so that RA and DEC mean something."""
        return self in {Kind.SCIENCE, Kind.STANDARD}


@dataclass(frozen=True, slots=True)
class Site:
    """A place on the Earth.

    Attributes
    ----------
    latitude, longitude
        Degrees, north and east positive.
    elevation
        Metres above sea level.
    pressure
        Ambient pressure in hPa.
    """

    latitude: float
    longitude: float
    elevation: float
    pressure: float


@dataclass(frozen=True, slots=True)
class Telescope:
    """A telescope and where its files say they come from.

    Attributes
    ----------
    area
        Collecting area in cm2.
    """

    name: str
    origin: str
    site: Site
    area: float


@dataclass(frozen=True, slots=True)
class Detector:
    """One chip with one output.

    Attributes
    ----------
    extname
        Name of the extension that holds the chip; empty for the primary HDU.
    nx, ny
        Light-sensitive pixels.
    bias
        Level without light, ADU.
    conad, ron, dark
        Electrons per ADU, read-out noise in electrons, dark current in electrons per second.
    scan
        Columns of prescan, and as many of overscan.
    crpix
        Pixel (FITS, 1-based) on which the telescope points.
    bitpix
        16 (unsigned, read once) or 32 (signed, mean of the DET.NDIT integrations, no bias level).
    """

    extname: str
    chip: str
    nx: int
    ny: int
    bias: float
    conad: float
    ron: float
    dark: float
    scan: int = 0
    crpix: tuple[float, float] = (0.0, 0.0)
    bitpix: int = 16


@dataclass(frozen=True, slots=True)
class FrameKind:
    """How an instrument describes one kind of exposure (DPR and TPL keywords, tag of ORIGFILE)."""

    catg: str
    type: str
    tech: str
    template: str
    template_name: str
    tag: str


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument.

    Attributes
    ----------
    prefix
        Start of the names of its raw files, up to five characters, not always INSTRUME.
    pixel_scale
        Arcsec per pixel (per slit-length pixel of a spectrograph, per spaxel of an integral-field one).
    rotation
        Position angle of the detector's y axis, degrees, east of north.
    compressed
        Whether the archive keeps its raw files tile-compressed.
    idle_pointing
        Whether day calibrations carry RA and DEC: those of the parked telescope, which mean nothing.
    kinds
        The kinds of exposure it makes.
    """

    name: str
    prefix: str
    telescope: Telescope
    mode: str
    detectors: tuple[Detector, ...]
    pixel_scale: float
    rotation: float
    compressed: bool
    idle_pointing: bool
    kinds: Mapping[Kind, FrameKind]


QUIPU_SITE = Site(latitude=-23.1, longitude=-67.9, elevation=3120.0, pressure=705.0)
PARANAL = Site(latitude=-24.6270, longitude=-70.4040, elevation=2648.0, pressure=743.0)

QUIPU_T1 = Telescope("QUIPU-T1", "QUIPU", QUIPU_SITE, area=4.9e4)
QUIPU_T2 = Telescope("QUIPU-T2", "QUIPU", QUIPU_SITE, area=4.9e4)
UT2 = Telescope("ESO-VLT-U2", "ESO-PARANAL", PARANAL, area=5.2e5)
UT4 = Telescope("ESO-VLT-U4", "ESO-PARANAL", PARANAL, area=5.2e5)


def _kinds(technique: str, rows: Mapping[Kind, tuple[str, str, str, str, str]]) -> Mapping[Kind, FrameKind]:
    """Complete rows of (DPR.TYPE, DPR.TECH or '', TPL.ID, TPL.NAME, tag); an empty DPR.TECH is the technique."""
    return MappingProxyType(
        {
            kind: FrameKind("SCIENCE" if kind is Kind.SCIENCE else "CALIB", dpr, tech or technique, template, name, tag)
            for kind, (dpr, tech, template, name, tag) in rows.items()
        }
    )


QHAWAQ = Instrument(
    name="QHAWAQ",
    prefix="QHAWA",
    telescope=QUIPU_T1,
    mode="IMAGE",
    detectors=(Detector("", "INTI", 512, 512, 310.0, 1.6, 4.5, 0.002, crpix=(256.5, 256.5)),),
    pixel_scale=0.36,
    rotation=2.5,
    compressed=False,
    idle_pointing=False,
    kinds=_kinds(
        "IMAGE",
        {
            Kind.BIAS: ("BIAS", "", "QHAWAQ_img_cal_bias", "Bias", "Bias"),
            Kind.DARK: ("DARK", "", "QHAWAQ_img_cal_dark", "Dark", "Dark"),
            Kind.TWILIGHT_FLAT: ("FLAT,SKY", "", "QHAWAQ_img_cal_skyflat", "Twilight flats", "SkyFlat"),
            Kind.STANDARD: ("STD", "", "QHAWAQ_img_cal_std", "Standard field", "Std"),
            Kind.SCIENCE: ("OBJECT", "", "QHAWAQ_img_obs_dither", "Dithered images", "Ima"),
        },
    ),
)
KUYCHI = Instrument(
    name="KUYCHI",
    prefix="KUYCH",
    telescope=QUIPU_T2,
    mode="LONGSLIT",
    detectors=(Detector("", "K'UYCHI-1", 512, 192, 205.0, 1.2, 3.8, 0.001, crpix=(256.5, 96.5)),),
    pixel_scale=0.5,
    rotation=0.0,
    compressed=False,
    idle_pointing=False,
    kinds=_kinds(
        "SPECTRUM",
        {
            Kind.BIAS: ("BIAS", "IMAGE", "KUYCHI_spec_cal_bias", "Bias", "Bias"),
            Kind.DARK: ("DARK", "IMAGE", "KUYCHI_spec_cal_dark", "Dark", "Dark"),
            Kind.FLAT: ("FLAT,LAMP", "", "KUYCHI_spec_cal_flat", "Lamp flats", "Flat"),
            Kind.ARC: ("WAVE,LAMP", "", "KUYCHI_spec_cal_arc", "Helium, neon and argon arcs", "Arc"),
            Kind.STANDARD: ("STD", "", "KUYCHI_spec_cal_std", "Flux standard", "Std"),
            Kind.SCIENCE: ("OBJECT", "", "KUYCHI_spec_obs_stare", "Slit spectra", "Spec"),
        },
    ),
)
UVES = Instrument(
    name="UVES",
    prefix="UVES",
    telescope=UT2,
    mode="DICHR#1",
    detectors=(Detector("", "EEV2", 256, 512, 150.0, 0.55, 2.1, 0.0004, scan=50, crpix=(128.5, 256.5)),),
    pixel_scale=0.25,
    rotation=0.0,
    compressed=False,
    idle_pointing=True,
    kinds=_kinds(
        "ECHELLE",
        {
            Kind.BIAS: ("BIAS", "IMAGE", "UVES_blue_cal_bias", "Blue bias", "BLUE_BIAS"),
            Kind.DARK: ("DARK", "IMAGE", "UVES_blue_cal_dark", "Blue dark", "BLUE_DARK"),
            Kind.FORMAT_CHECK: ("LAMP,FMTCHK", "", "UVES_dic1_cal_fmtchk", "Format check", "DIC1B_FMTCHK"),
            Kind.ORDER_DEFINITION: ("LAMP,ORDERDEF", "", "UVES_dic1_cal_orderdef", "Order definition", "DIC1B_ORDER"),
            Kind.FLAT: ("LAMP,FLAT", "", "UVES_dic1_cal_flat", "Lamp flats", "DIC1B_FLAT"),
            Kind.ARC: ("LAMP,WAVE", "", "UVES_dic1_cal_wave", "Thorium and argon arcs", "DIC1B_WAVE"),
            Kind.STANDARD: ("STD", "", "UVES_dic1_cal_std", "Flux standard", "DIC1B_STD"),
            Kind.SCIENCE: ("OBJECT,POINT", "", "UVES_dic1_obs_exp", "Dichroic 1 observation", "DIC1B_OBS"),
        },
    ),
)
HAWKI = Instrument(
    name="HAWKI",
    prefix="HAWKI",
    telescope=UT4,
    mode="IMAGE",
    # The order of the extensions is that of the real files.
    detectors=tuple(
        Detector(f"CHIP{number}.INT1", f"CHIP{number}", 256, 256, 0.0, 1.7, 11.0, 0.02, crpix=crpix, bitpix=32)
        for number, crpix in ((1, (280.0, 280.5)), (2, (-22.5, 279.5)), (4, (279.5, -22.0)), (3, (-23.0, -22.5)))
    ),
    pixel_scale=0.32,
    rotation=0.0,
    compressed=False,
    idle_pointing=True,
    kinds=_kinds(
        "IMAGE",
        {
            Kind.DARK: ("DARK", "", "HAWKI_img_cal_Darks", "Darks", "DARK"),
            Kind.TWILIGHT_FLAT: ("FLAT", "", "HAWKI_img_cal_TwFlats", "Twilight flats", "TWFLAT"),
            Kind.STANDARD: ("STD", "", "HAWKI_img_cal_StandardStar", "Standard star", "STD"),
            Kind.SCIENCE: ("OBJECT", "", "HAWKI_img_obs_AutoJitter", "Jittered images", "OBS"),
        },
    ),
)
MUSE = Instrument(
    name="MUSE",
    prefix="MUSE",
    telescope=UT4,
    mode="WFM-NOAO-N",
    detectors=tuple(
        Detector(f"CHAN{number:02d}", f"CHAN{number:02d}", 288, 400, 1000.0, 1.1, 2.9, 0.001) for number in range(1, 5)
    ),
    pixel_scale=0.5,
    rotation=0.0,
    compressed=True,
    idle_pointing=True,
    kinds=_kinds(
        "IFU",
        {
            Kind.BIAS: ("BIAS", "", "MUSE_cal_bias", "Bias", "BIAS"),
            Kind.DARK: ("DARK", "", "MUSE_cal_dark", "Dark", "DARK"),
            Kind.FLAT: ("FLAT,LAMP", "", "MUSE_cal_flat", "Lamp flats", "FLAT"),
            Kind.ARC: ("WAVE", "", "MUSE_cal_wave", "Arcs", "WAVE"),
            Kind.ILLUMINATION: ("FLAT,LAMP,ILLUM", "", "MUSE_cal_illum", "Illumination flat", "ILLUM"),
            Kind.TWILIGHT_FLAT: ("FLAT,SKY", "", "MUSE_cal_skyflat", "Twilight flats", "SKYFLAT"),
            Kind.STANDARD: ("STD", "", "MUSE_cal_std", "Flux standard", "STD"),
            Kind.SCIENCE: ("OBJECT", "", "MUSE_wfm-noao_obs_generic", "Wide-field observation", "OBS"),
        },
    ),
)

INSTRUMENTS = (QHAWAQ, KUYCHI, UVES, HAWKI, MUSE)
