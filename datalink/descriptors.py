"""Services that stand beside the links of a product."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datalink.products import Product
from vo.datalink import LINKS_ID, LINKS_TYPE
from vo.tables.annotations import Param, ServiceDescriptor
from vo.tables.field import Field

SODA_SYNC_ID = "ivo://ivoa.net/std/SODA#sync-1.0"
SODA_ASYNC_ID = "ivo://ivoa.net/std/SODA#async-1.0"

_IN_SPACE = frozenset({"image", "cube"})
_CUT = _IN_SPACE | {"spectrum", "sed", "event"}
_POLYGON = re.compile(r"POLYGON ICRS ([-+0-9.eE ]+)")
_CIRCLE = re.compile(r"CIRCLE ICRS ([-+0-9.eE ]+)")


def links_inputs() -> tuple[Param, ...]:
    """Parameters of the links themselves."""
    return (
        Param(
            Field(
                "ID", "char", "*", ucd="meta.id;meta.main",
                description="Identifier of a product, in any of its forms; may be repeated.",
            )
        ),
        Param(Field("MAXREC", "int", description="Most links; those of one product are never cut."), minimum="0"),
        Param(Field("RESPONSEFORMAT", "char", "*", ucd="meta.code.mime", description="Form of the answer.")),
    )  # fmt: skip


def this_descriptor(url: str) -> ServiceDescriptor:
    """Description of the service of links itself.

    References
    ----------
    DataLink 1.1, "Service self-description".
    """
    return ServiceDescriptor(
        url,
        LINKS_ID,
        links_inputs(),
        description="Everything that belongs to a product.",
        content_type=LINKS_TYPE,
        is_this=True,
    )


def soda_inputs(product: Product) -> tuple[Param, ...]:
    """Parameters of cutouts of a product with the ranges in which there are data; none if nothing can be cut.

    References
    ----------
    SODA 1.0, "SODA Service Descriptor from DataLink" and "Parameters for Axis Selection".
    """
    if product.file is None or product.row["dataproduct_type"] not in _CUT:
        return ()
    axes = (*_space(product), *_band(product), *_time(product), *_polarization(product))
    if not axes:
        return ()
    identifier = Field("ID", "char", "*", ucd="meta.ref.url;meta.curation", description="Identifier of the product.")
    return (Param(identifier, product.publisher_did), *axes)


def soda_descriptors(url: str, product: Product, number: int) -> tuple[ServiceDescriptor, ...]:
    """Descriptions of the services that cut one product, at once and as a job; none if nothing can be cut.

    Parameters
    ----------
    url
        Under which both are, without a slash at its end.
    product
        What can be cut.
    number
        Tells the services of one product in a document from those of others.
    """
    inputs = soda_inputs(product)
    if not inputs:
        return ()
    kinds = (("sync", SODA_SYNC_ID, "at once"), ("async", SODA_ASYNC_ID, "as a job, several at a time"))
    return tuple(
        ServiceDescriptor(
            f"{url}/{kind}",
            standard_id,
            inputs,
            description=f"Parts of {product.dp_id}, {when}.",
            xml_id=f"soda-{kind}-{number}",
            content_type="application/fits" if kind == "sync" else None,
        )
        for kind, standard_id, when in kinds
    )


def _space(product: Product) -> Iterator[Param]:
    row = product.row
    if row["dataproduct_type"] not in _IN_SPACE or row["s_region"] is None:
        return
    ucd = "pos.outline;obs"
    circle, polygon = _CIRCLE.fullmatch(row["s_region"]), _POLYGON.fullmatch(row["s_region"])
    cover = circle[1] if circle else None
    if cover is None and None not in (row["s_ra"], row["s_dec"], row["s_fov"]):
        cover = f"{row['s_ra']!r} {row['s_dec']!r} {row['s_fov'] / 2!r}"
    yield Param(
        Field("POS", "char", "*", ucd=ucd, description="Region to cut out: CIRCLE, RANGE or POLYGON and numbers, ICRS.")
    )
    yield Param(
        Field("CIRCLE", "double", "3", xtype="circle", unit="deg", ucd=ucd, description="Circle to cut out, ICRS."),
        maximum=cover,
    )
    yield Param(
        Field("POLYGON", "double", "*", xtype="polygon", unit="deg", ucd=ucd, description="Polygon to cut out, ICRS."),
        maximum=polygon[1] if polygon else None,
    )


def _band(product: Product) -> Iterator[Param]:
    if product.row["dataproduct_type"] != "image":
        yield from _interval(product, "BAND", "em", "m", "em.wl;stat.interval", "Wavelengths to cut out, in vacuum.")


def _time(product: Product) -> Iterator[Param]:
    if product.row["dataproduct_type"] == "event":
        yield from _interval(product, "TIME", "t", "d", "time.interval;obs.exposure", "Times to cut out, MJD, UTC.")


def _interval(product: Product, name: str, axis: str, unit: str, ucd: str, description: str) -> Iterator[Param]:
    low, high = product.row[f"{axis}_min"], product.row[f"{axis}_max"]
    if low is not None and high is not None:
        field = Field(name, "double", "2", xtype="interval", unit=unit, ucd=ucd, description=description)
        yield Param(field, minimum=repr(low), maximum=repr(high))


def _polarization(product: Product) -> Iterator[Param]:
    states = tuple(filter(None, (product.row["pol_states"] or "").split("/")))
    if states:
        field = Field("POL", "char", "*", ucd="meta.code;phys.polarization", description="States to cut out.")
        yield Param(field, options=states)
