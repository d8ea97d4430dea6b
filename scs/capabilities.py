"""What a cone search can do."""

from __future__ import annotations

from lxml import etree

from scs.parameters import INPUTS
from vo.dali.parameters import RowLimits
from vo.vosi.simple_access import simple_capability

STANDARD_ID = "ivo://ivoa.net/std/ConeSearch"


def cone_search_capability(url: str, rows: RowLimits, example: tuple[float, float]) -> etree._Element:
    """Capability element of the cone search in one table, for VOSI and for registries.

    Parameters
    ----------
    url
        Of the service.
    rows
        Numbers of rows that it gives.
    example
        Right ascension and declination of a row, in deg.

    References
    ----------
    SimpleDALRegExt 1.1, "Simple Cone Search".
    """
    ra, dec = example
    test = (("ra", f"{ra:.6f}"), ("dec", f"{dec:.6f}"), ("sr", "0.1"))
    content = (("maxSR", "180"), ("maxRecords", str(rows.hard)), ("verbosity", "true"), ("testQuery", test))
    return simple_capability(
        "cs:ConeSearch", STANDARD_ID, url, INPUTS, content, required=frozenset({"RA", "DEC", "SR"})
    )
