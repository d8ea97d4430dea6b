"""Queries to begin with, for people and for programs that show them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from lxml import etree
from lxml.builder import ElementMaker

from schema.catalogue import Catalogue

MEDIA_TYPE = "application/xhtml+xml"

_XHTML = "http://www.w3.org/1999/xhtml"
_VOCABULARY = "http://www.ivoa.net/rdf/examples#"
_STYLE = """
:root { color-scheme: light dark }
body { max-width: 48rem; margin: 2rem auto; padding: 0 1.25rem; font: 16px/1.5 system-ui, sans-serif }
pre { border: 1px solid #8884; border-radius: .4rem; padding: .8rem 1rem; overflow-x: auto; font-size: .9rem }
"""


@dataclass(frozen=True, slots=True)
class Example:
    """A query to show.

    Attributes
    ----------
    name
        What it does, in a few words.
    tables
        Tables that it names, with their schemas; it is shown where all of them are published.
    text
        One or two sentences for people.
    query
        In ADQL.
    """

    name: str
    tables: tuple[str, ...]
    text: str
    query: str

    @property
    def identifier(self) -> str:
        """Its name as a fragment of the page's address."""
        return "-".join(self.name.lower().replace(",", "").split())


EXAMPLES = (
    Example(
        "Products in a cone",
        ("ivoa.obscore",),
        "Everything whose position lies within two degrees of the Orion Nebula.",
        "SELECT TOP 100 obs_publisher_did, target_name, instrument_name, s_ra, s_dec, access_url\n"
        "FROM ivoa.obscore\n"
        "WHERE 1 = CONTAINS(POINT('ICRS', s_ra, s_dec), CIRCLE('ICRS', 83.6, -5.4, 2))",
    ),
    Example(
        "Footprints that meet a circle",
        ("ivoa.obscore",),
        "A product may cover a place that is far from its centre: ask for its region.",
        "SELECT TOP 100 obs_publisher_did, dataproduct_type, s_region\n"
        "FROM ivoa.obscore\n"
        "WHERE 1 = INTERSECTS(s_region, CIRCLE('ICRS', 83.6, -5.4, 2))",
    ),
    Example(
        "What the archive holds",
        ("ivoa.obscore",),
        "Products, their volume in GB and the nights they span, by instrument and type.",
        "SELECT instrument_name, dataproduct_type, COUNT(*) AS products,\n"
        "       SUM(access_estsize) / 1e6 AS gigabytes, MIN(t_min) AS first_mjd, MAX(t_max) AS last_mjd\n"
        "FROM ivoa.obscore\n"
        "GROUP BY instrument_name, dataproduct_type\n"
        "ORDER BY products DESC",
    ),
    Example(
        "Images of a night",
        ("ivoa.obscore",),
        "Times are MJD; ivo_to_mjd reads a date.",
        "SELECT obs_id, target_name, t_min, t_exptime, em_min, em_max\n"
        "FROM ivoa.obscore\n"
        "WHERE dataproduct_type = 'image'\n"
        "  AND t_min BETWEEN ivo_to_mjd('2024-03-10T12:00:00') AND ivo_to_mjd('2024-03-11T12:00:00')\n"
        "ORDER BY t_min",
    ),
    Example(
        "Calibrations in the words of their headers",
        ("dbo.raw",),
        "Raw frames are described as the telescope did: category, type and technique.",
        "SELECT dp_cat, dp_type, dp_tech, COUNT(*) AS frames\n"
        "FROM dbo.raw\n"
        "WHERE dp_cat = 'CALIB'\n"
        "GROUP BY dp_cat, dp_type, dp_tech\n"
        "ORDER BY dp_cat, dp_type, dp_tech",
    ),
    Example(
        "Raw frames with their ObsCore rows",
        ("dbo.raw", "ivoa.obscore"),
        "Both tables name a file by dp_id.",
        "SELECT TOP 20 r.dp_id, r.dp_type, o.target_name, o.calib_level, o.access_url\n"
        "FROM dbo.raw AS r\n"
        "JOIN ivoa.obscore AS o ON o.dp_id = r.dp_id",
    ),
    Example(
        "Columns about time",
        ("tap_schema.columns",),
        "The archive describes itself: every column has a unit and a UCD, where there is one to have.",
        "SELECT table_name, column_name, unit, ucd, description\nFROM TAP_SCHEMA.columns\nWHERE ucd LIKE 'time%'",
    ),
)


def examples_of(catalogue: Catalogue) -> tuple[Example, ...]:
    """Examples whose tables are all in a catalogue."""
    known = {table.qualified_name.lower() for table in catalogue}
    return tuple(example for example in EXAMPLES if known.issuperset(example.tables))


def write_examples(examples: tuple[Example, ...], base_url: str) -> bytes:
    """Page of examples, which programs read as RDFa.

    Parameters
    ----------
    examples
        In the order wanted.
    base_url
        URL of the service, without a slash at its end.

    References
    ----------
    DALI 1.1, "Examples"; TAP 1.1, "Examples".
    """
    html = ElementMaker(namespace=_XHTML, nsmap={None: _XHTML})
    page = html.html(
        html.head(html.title("Queries to begin with"), html.style(_STYLE)),
        html.body(
            html.h1("Queries to begin with"),
            html.p("Service: ", html.code(base_url), ". A link below each query runs it and shows the rows."),
            *(_example(html, example, base_url) for example in examples),
            vocab=_VOCABULARY,
        ),
    )
    return etree.tostring(page, encoding="UTF-8", xml_declaration=True, pretty_print=False)


def _example(html: ElementMaker, example: Example, base_url: str) -> etree._Element:
    tables = [part for name in example.tables for part in (html.code(name, property="table"), " ")]
    run = f"{base_url}/sync?LANG=ADQL&RESPONSEFORMAT=csv&QUERY={quote(example.query)}"
    return html.div(
        html.h2(example.name, property="name"),
        html.p(example.text),
        html.pre(example.query, property="query"),
        html.p("Tables: ", *tables, html.a("Run it", href=run)),
        id=example.identifier,
        resource=f"#{example.identifier}",
        typeof="example",
    )
