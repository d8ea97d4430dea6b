"""The links of a product."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote

from datalink.products import Named, Product, Related
from datalink.semantics import Term, companion_term, product_type
from storage.replicas import HeldFile
from vo.dali.parameters import quoted


@dataclass(frozen=True, slots=True)
class Link:
    """One row of a table of links: exactly one of `access_url`, `service_def` and `error_message` is given.

    Attributes
    ----------
    id
        Identifier as it was asked for.
    semantics
        What the link is for what the identifier means.
    access_url, service_def, error_message
        Where it leads, ID of the service that makes it, or why it leads nowhere.
    description
        One sentence for people.
    content_type, content_length, content_qualifier
        Media type, number of bytes, and kind of product of what comes.
    local_semantics
        Word of this archive that tells links of the same meaning apart.
    link_auth, link_authorized
        Whether it takes a sign-in, and whether the one who asks may follow it.
    dp_id, obs_publisher_did
        Canonical identifiers of the product that the link is of.
    """

    id: str
    semantics: Term
    access_url: str | None = None
    service_def: str | None = None
    error_message: str | None = None
    description: str | None = None
    content_type: str | None = None
    content_length: int | None = None
    content_qualifier: str | None = None
    local_semantics: str | None = None
    link_auth: str | None = None
    link_authorized: bool | None = None
    dp_id: str | None = None
    obs_publisher_did: str | None = None


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts of an archive are.

    Attributes
    ----------
    files
        Files, with a slash at its end.
    headers, packages
        The services of headers and of packages.
    """

    files: str
    headers: str
    packages: str

    def of_file(self, dp_id: str) -> str:
        """Where a file is."""
        return f"{self.files}{quote(dp_id, safe='')}"

    def of_header(self, dp_id: str) -> str:
        """Where the header of a file is."""
        return f"{self.headers}?DpId={quote(dp_id, safe='')}"

    def of_package(self, dp_id: str) -> str:
        """Where a file and all that belongs to it are together."""
        return f"{self.packages}?ID={quote(dp_id, safe='')}&RELATED=true"


@dataclass(frozen=True, slots=True)
class Extra:
    """A link that another part of the archive knows of: a preview, a calibration.

    Attributes
    ----------
    semantics, access_url, description
        As in `Link`.
    content_type, content_length, local_semantics
        As in `Link`.
    """

    semantics: Term
    access_url: str
    description: str
    content_type: str | None = None
    content_length: int | None = None
    local_semantics: str | None = None


Extras = Callable[[Product], Iterable[Extra]]
MayRead = Callable[[HeldFile, datetime], bool]


@dataclass(frozen=True, slots=True)
class LinkMaker:
    """Makes the links of products from what was read of them.

    Attributes
    ----------
    addresses
        Where things are.
    products
        All products that links lead to, by ``dp_id``.
    related
        What they say of each other.
    meant
        ``dp_id`` of the products that headers name, by name.
    extras
        Further links of a product.
    may_read
        Whether the one who asks may have a file at an instant.
    now
        The instant, UTC without zone.
    """

    addresses: Addresses
    products: Mapping[str, Product]
    related: Related
    meant: Mapping[str, tuple[str, ...]]
    extras: Extras
    may_read: MayRead
    now: datetime

    def links(self, given: str, product: Product) -> Iterator[Link]:
        """Links of one product, but those of services."""
        for link in self._links(given, product):
            yield replace(link, dp_id=product.dp_id, obs_publisher_did=product.publisher_did)

    def _links(self, given: str, product: Product) -> Iterator[Link]:
        yield self._to(given, "#this", product, _title(product))
        for extra in self.extras(product):
            yield Link(
                given, extra.semantics, extra.access_url,
                description=extra.description, content_type=extra.content_type, content_length=extra.content_length,
                local_semantics=extra.local_semantics,
            )  # fmt: skip
        yield from self._provenance(given, product)
        yield from self._documents(given, product)
        if product.file is not None:
            yield Link(
                given, "#detached-header", self.addresses.of_header(product.dp_id),
                description="Header of the file, as text.", content_type="text/html", link_auth="false",
                link_authorized=True,
            )  # fmt: skip
            if self.related.names.get(product.dp_id):
                yield Link(
                    given, "#package", self.addresses.of_package(product.dp_id),
                    description="The file with the files it was made of and its companions, with checksums.",
                    content_type="application/x-tar",
                )  # fmt: skip

    def _provenance(self, given: str, product: Product) -> Iterator[Link]:
        """Files of both directions: each once, under the closest of its meanings."""
        seen = {product.dp_id}
        for named in self.related.names.get(product.dp_id, ()):
            term, words = _meaning(named)
            dp_ids = self.meant.get(named.name, ())
            if not dp_ids:
                sentence = f"NotFoundFault: {quoted(named.name)}, which the header names, is not held here."
                yield Link(given, term, error_message=sentence, description=words, local_semantics=named.category)
            for other in self._new(dp_ids, seen):
                yield replace(self._to(given, term, other, f"{words}: {_title(other)}"), local_semantics=named.category)
        for kind, dp_id in self.related.namers.get(product.dp_id, ()):
            for other in self._new((dp_id,), seen):
                if kind == "companion":
                    yield self._to(given, "#coderived", other, f"Product that this belongs to: {_title(other)}")
                else:
                    yield self._to(given, "#derivation", other, f"Made of this: {_title(other)}")
        for other in self._new(self.related.siblings.get(product.dp_id, ()), seen):
            yield self._to(given, "#coderived", other, f"Made of the same data: {_title(other)}")

    def _new(self, dp_ids: Iterable[str], seen: set[str]) -> Iterator[Product]:
        for dp_id in dp_ids:
            other = self.products.get(dp_id)
            if other is not None and dp_id not in seen:
                seen.add(dp_id)
                yield other

    def _documents(self, given: str, product: Product) -> Iterator[Link]:
        row = product.row
        if row["preview_html"]:
            yield Link(
                given, "#preview", row["preview_html"],
                description="Page that shows the product.", content_type="text/html",
            )  # fmt: skip
        if row["release_description"]:
            yield Link(
                given, "#documentation", row["release_description"],
                description="Description of the data release.", local_semantics="release-description",
            )  # fmt: skip
        publication = _publication(row["bib_reference"])
        if publication is not None:
            yield Link(
                given, "#documentation", publication,
                description=f"Publication that describes the product: {row['bib_reference']}.",
                content_type="text/html", local_semantics="publication",
            )  # fmt: skip

    def _to(self, given: str, term: Term, product: Product, description: str) -> Link:
        """Link to the bytes of a product, wherever they are."""
        held, row = product.file, product.row
        link = Link(given, term, description=description, content_qualifier=product_type(row["dataproduct_type"]))
        if row["access_url"] is not None:
            return replace(link, access_url=row["access_url"], content_type=row["access_format"])
        if held is None:
            return replace(link, error_message=f"NotFoundFault: The bytes of {product.dp_id} are not held here.")
        return replace(
            link,
            access_url=self.addresses.of_file(product.dp_id),
            content_type=held.content_type,
            content_length=held.size,
            link_auth="false" if held.is_public(self.now) else "true",
            link_authorized=self.may_read(held, self.now),
        )


def missing_link(given: str) -> Link:
    """Row for an identifier that means nothing here."""
    return Link(given, "#this", error_message=f"NotFoundFault: {quoted(given)} is not known here.")


def ambiguous_link(given: str, dp_ids: tuple[str, ...]) -> Link:
    """Row for an identifier that several products share."""
    some = ", ".join(dp_ids[:3]) + (" …" if len(dp_ids) > 3 else "")
    sentence = f"UsageFault: {quoted(given)} means {len(dp_ids)} products here ({some}): name one of them."
    return Link(given, "#this", error_message=sentence)


def _meaning(named: Named) -> tuple[Term, str]:
    if named.kind == "companion":
        return companion_term(named.category), "Companion of this"
    return "#progenitor", "Calibration applied to this" if named.kind == "calibration" else "This was made of it"


def _title(product: Product) -> str:
    row = product.row
    words = [row["obs_title"] or row["target_name"], row["dataproduct_subtype"] or row["dataproduct_type"]]
    known = ", ".join(word for word in (*words, row["instrument_name"]) if word)
    return f"{product.dp_id} ({known})" if known else product.dp_id


def _publication(reference: str | None) -> str | None:
    """Where a bibcode or a DOI leads."""
    if reference is None or not reference.strip() or any(not 32 < ord(letter) < 127 for letter in reference):
        return None
    if reference.startswith(("http://", "https://")):
        return reference
    doi = reference.removeprefix("doi:")
    if doi.startswith("10."):
        return f"https://doi.org/{quote(doi, safe='/')}"
    return f"https://ui.adsabs.harvard.edu/abs/{quote(reference, safe='')}" if len(reference) == 19 else None
