"""Put together what leads from an identifier to files: links, headers, packages, the files themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask

import datalink.header.routes
import datalink.package.routes
import datalink.routes
import storage.routes
from app.config import Config
from app.doors import Refuse, guard
from datalink.header.query import read_headers
from datalink.links import Addresses
from datalink.service import LinksService
from schema.identifiers import Identifiers
from storage.replicas import HeldFile, Replicas
from vo.dali.errors import UsageFault
from vo.dali.parameters import RowLimits, quoted
from vo.vosi.availability import Availability

_NAMED = 3


@dataclass(frozen=True, slots=True)
class Finder:
    """The files that identifiers mean, whatever form those have."""

    identifiers: Identifiers
    replicas: Replicas

    def many(self, texts: Sequence[str]) -> dict[str, list[HeldFile]]:
        """Files of each identifier; an observation has several."""
        meant = self.identifiers.resolve(texts)
        held = self.replicas.find_all({dp_id for dp_ids in meant.values() for dp_id in dp_ids})
        return {text: [held[dp_id] for dp_id in dp_ids if dp_id in held] for text, dp_ids in meant.items()}

    def one(self, text: str) -> HeldFile | None:
        """File of an identifier, which may mean one only; None where it means none.

        Raises
        ------
        UsageFault
            Raised where several files share it, with some of their names.
        """
        found = self.replicas.find(text)
        if found is not None:
            return found
        files = self.many([text])[text]
        if len(files) > 1:
            names = ", ".join(held.dp_id for held in files[:_NAMED])
            raise UsageFault(f"{quoted(text)} means {len(files)} files here ({names} …): name one of them.")
        return files[0] if files else None


def add_links(
    app: Flask,
    config: Config,
    replicas: Replicas,
    availability: Callable[[], Availability],
    *,
    soda_url: str | None = None,
) -> None:
    """Register the doors to links, files, their headers and packages of them.

    Parameters
    ----------
    app
        Gets the blueprints.
    config
        Settings.
    replicas
        The files.
    availability
        Tells the state of the archive each time it is asked.
    soda_url
        Under which cutouts are made, without a slash at its end; None where they are not.
    """
    url = config.url
    service = LinksService(
        replicas.engine,
        Identifiers(replicas.engine, config.authority),
        Addresses(f"{url}/files/", f"{url}/hdr", f"{url}/package"),
        f"{url}/datalink/links",
        soda_url,
    )
    _add_files(app, config, replicas, service)
    app.register_blueprint(
        datalink.routes.blueprint(
            service,
            rows=RowLimits(config.tap.maxrec, config.tap.maxrec_limit),
            base_url=f"{url}/datalink",
            availability=availability,
            guard=lambda routes, refuse: guard(routes, refuse, config.server.request_bytes),
        ),
        url_prefix="/datalink",
    )


def _add_files(app: Flask, config: Config, replicas: Replicas, links: LinksService) -> None:
    finder = Finder(links.identifiers, replicas)

    def headers_of(text: str) -> list[list[list[Any]]] | None:
        held = finder.one(text)
        return None if held is None else read_headers(replicas.engine, held.dp_id)

    def guarded(routes: Blueprint, refuse: Refuse) -> None:
        guard(routes, refuse, config.server.request_bytes)

    for name, prefix in (("files", "/files"), ("data_portal", "/dataPortal/file")):
        app.register_blueprint(storage.routes.blueprint(replicas, find=finder.one, name=name), url_prefix=prefix)
    app.register_blueprint(datalink.header.routes.blueprint(headers_of, guard=guarded), url_prefix="/hdr")
    app.register_blueprint(
        datalink.package.routes.blueprint(replicas, finder.many, related=links.related, guard=guarded),
        url_prefix="/package",
    )
