"""What an SIA 1 service can do."""

from __future__ import annotations

from lxml import etree

from sia.v1.parameters import INPUTS
from vo.dali.parameters import RowLimits
from vo.vosi.simple_access import simple_capability

STANDARD_ID = "ivo://ivoa.net/std/SIA"


def image_access_capability(url: str, rows: RowLimits, example: tuple[float, float]) -> etree._Element:
    """Capability element of the service, for VOSI and for registries.

    Parameters
    ----------
    url
        Of the service.
    rows
        Numbers of rows that it gives.
    example
        Right ascension and declination of an image, in deg.

    References
    ----------
    SimpleDALRegExt 1.1, "Simple Image Access".
    """
    place = (("long", f"{example[0]:.6f}"), ("lat", f"{example[1]:.6f}"))
    size = (("long", "0.1"), ("lat", "0.1"))
    content = (
        ("imageServiceType", "Pointed"),
        ("maxRecords", str(rows.hard)),
        ("testQuery", (("pos", place), ("size", size))),
    )
    return simple_capability(
        "sia:SimpleImageAccess", STANDARD_ID, url, INPUTS, content, required=frozenset({"POS", "SIZE"})
    )
