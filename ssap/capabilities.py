"""What an SSA service can do."""

from __future__ import annotations

from lxml import etree

from ssap.inputs import INPUTS
from vo.dali.parameters import RowLimits
from vo.vosi.simple_access import Content, simple_capability

STANDARD_ID = "ivo://ivoa.net/std/SSA"

_FRAMES = ("ICRS", "FK5", "FK4", "ECLIPTIC", "GALACTIC_II", "SUPER_GALACTIC")


def spectral_access_capability(url: str, rows: RowLimits) -> etree._Element:
    """Capability element of the service, for VOSI and for registries.

    Parameters
    ----------
    url
        Of the service.
    rows
        Numbers of rows that it gives.

    References
    ----------
    SimpleDALRegExt 1.1, "Simple Spectral Access".
    """
    content: Content = (
        ("complianceLevel", "full"),
        ("dataSource", "pointed"),
        ("creationType", "archival"),
        *(("supportedFrame", frame) for frame in _FRAMES),
        ("maxSearchRadius", "180"),
        ("maxRecords", str(rows.hard)),
        ("defaultMaxRecords", str(rows.default)),
        ("testQuery", (("queryDataCmd", "REQUEST=queryData&MAXREC=1"),)),
    )
    return simple_capability("ssap:SimpleSpectralAccess", STANDARD_ID, url, INPUTS, content, frozenset({"REQUEST"}))
