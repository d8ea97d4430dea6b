"""Links of many products at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from datalink.descriptors import soda_descriptors, this_descriptor
from datalink.links import (
    Addresses,
    Extras,
    Link,
    LinkMaker,
    MayRead,
    ambiguous_link,
    missing_link,
)
from datalink.parameters import LinksQuery
from datalink.products import Product, Related, read_products, read_related
from datalink.table import links_table
from schema.identifiers import Identifiers
from storage.replicas import HeldFile
from vo.tables.annotations import Annotations, ServiceDescriptor
from vo.tables.stream import TableStream


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _no_extras(product: Product) -> tuple[()]:
    del product
    return ()


@dataclass(frozen=True, slots=True)
class LinksService:
    """Finds what belongs to products.

    Attributes
    ----------
    engine
        The truth.
    identifiers
        What identifiers mean.
    addresses
        Where files, headers and packages are.
    url
        Where the links are.
    soda_url
        Under which the services that cut are, without a slash at its end; None where there are none.
    extras
        Further links of a product: previews, calibrations.
    may_read
        Tells whether the one who asks may have a file at an instant.
    now
        Clock; UTC without zone.
    most_identifiers
        Most identifiers that one request is answered for; what is left out is an overflow.
    """

    engine: sa.Engine
    identifiers: Identifiers
    addresses: Addresses
    url: str
    soda_url: str | None = None
    extras: Extras = _no_extras
    may_read: MayRead = HeldFile.is_public
    now: Callable[[], datetime] = _now
    most_identifiers: int = 1000

    def run(self, wanted: LinksQuery) -> TableStream:
        """Links of all identifiers of a request; those of one are never cut.

        References
        ----------
        DataLink 1.1, "ID" and "List of Links".
        """
        given = wanted.identifiers[: self.most_identifiers]
        links: list[Link] = []
        services: list[ServiceDescriptor] = [this_descriptor(self.url)]
        overflow = len(given) < len(wanted.identifiers)
        for own, cuts in self._all(given) if wanted.maxrec else ():
            if len(links) + len(own) > wanted.maxrec:
                overflow = True
                break
            links += own
            services += cuts
        stream = links_table(links)
        stream.overflow = overflow or bool(given and not wanted.maxrec)
        stream.annotations = Annotations(services=tuple(services))
        return stream

    def related(self, dp_ids: Sequence[str]) -> list[str]:
        """Files that files were made of, and their companions, where they are held."""
        names = read_related(self.engine, dp_ids).names
        named = dict.fromkeys(each.name for dp_id in dp_ids for each in names.get(dp_id, ()))
        meant = self.identifiers.resolve([*named])
        return [*dict.fromkeys(dp_id for name in named for dp_id in meant[name])]

    def _all(self, given: Sequence[str]) -> Iterator[tuple[list[Link], tuple[ServiceDescriptor, ...]]]:
        meant = self.identifiers.resolve(given)
        single = {text: dp_ids[0] for text, dp_ids in meant.items() if len(dp_ids) == 1}
        related = read_related(self.engine, single.values())
        names = self.identifiers.resolve(
            [*dict.fromkeys(named.name for each in related.names.values() for named in each)]
        )
        products = read_products(self.engine, {*single.values(), *_others(related, names)})
        maker = LinkMaker(self.addresses, products, related, names, self.extras, self.may_read, self.now())
        for number, text in enumerate(given, start=1):
            product = products.get(single.get(text, ""))
            if product is not None:
                yield self._of(maker, text, product, number)
            elif len(meant[text]) > 1:
                yield [ambiguous_link(text, meant[text])], ()
            else:
                yield [missing_link(text)], ()

    def _of(
        self, maker: LinkMaker, text: str, product: Product, number: int
    ) -> tuple[list[Link], tuple[ServiceDescriptor, ...]]:
        links = [*maker.links(text, product)]
        services = () if self.soda_url is None else soda_descriptors(self.soda_url, product, number)
        links += [
            Link(
                text,
                "#cutout",
                service_def=service.xml_id,
                description=service.description,
                content_type=service.content_type,
                local_semantics=(service.xml_id or "").rpartition("-")[0],
                dp_id=product.dp_id,
                obs_publisher_did=product.publisher_did,
                link_auth=links[0].link_auth,
                link_authorized=links[0].link_authorized,
            )
            for service in services
        ]
        return links, services


def _others(related: Related, names: dict[str, tuple[str, ...]]) -> Iterator[str]:
    for dp_ids in names.values():
        yield from dp_ids
    for namers in related.namers.values():
        yield from (dp_id for _, dp_id in namers)
    for siblings in related.siblings.values():
        yield from siblings
