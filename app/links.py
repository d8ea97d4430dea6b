"""Put together what leads from an identifier to files: headers, packages, the files themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask

import datalink.header.routes
import datalink.package.routes
import storage.routes
from app.config import Config
from app.doors import Refuse, guard
from datalink.header.query import read_headers
from schema.identifiers import Identifiers
from storage.replicas import HeldFile, Replicas
from vo.dali.errors import UsageFault
from vo.dali.parameters import quoted

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


def add_files(app: Flask, config: Config, replicas: Replicas) -> None:
    """Register the doors to files, their headers and packages of them.

    Parameters
    ----------
    app
        Gets the blueprints.
    config
        Settings.
    replicas
        The files.
    """
    finder = Finder(Identifiers(replicas.engine, config.authority), replicas)

    def headers_of(text: str) -> list[list[list[Any]]] | None:
        held = finder.one(text)
        return None if held is None else read_headers(replicas.engine, held.dp_id)

    def guarded(routes: Blueprint, refuse: Refuse) -> None:
        guard(routes, refuse, config.server.request_bytes)

    for name, prefix in (("files", "/files"), ("data_portal", "/dataPortal/file")):
        app.register_blueprint(storage.routes.blueprint(replicas, find=finder.one, name=name), url_prefix=prefix)
    app.register_blueprint(datalink.header.routes.blueprint(headers_of, guard=guarded), url_prefix="/hdr")
    app.register_blueprint(
        datalink.package.routes.blueprint(replicas, finder.many, guard=guarded), url_prefix="/package"
    )
