"""Put the doors of the simple access protocols together: SIA, SSA, cone search."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import BinaryIO

from flask import Blueprint, Flask

import scs.routes
import sia.routes
import sia.v1.routes
import ssap.routes
from app.config import Config
from app.doors import Refuse, guard
from schema.catalogue import Catalogue
from schema.engines.execute import Engine
from scs.service import ConeService
from sia.service import SiaService
from sia.v1.service import ImageService
from ssap.query import Addresses
from ssap.service import SpectrumService
from storage.replicas import Replicas
from storage.store import MissingBytesError
from vo.dali.errors import AuthorizationFault, NotFoundFault, TransientFault
from vo.dali.parameters import RowLimits
from vo.vosi.availability import Availability


def add_simple_access(
    app: Flask,
    config: Config,
    engine: Engine,
    current_catalogue: Callable[[], Catalogue],
    availability: Callable[[], Availability],
    open_file: Callable[[str], BinaryIO],
) -> None:
    """Register the doors.

    Parameters
    ----------
    app
        Gets the blueprints.
    config
        Settings; the numbers of rows and the time of a query are those of TAP.
    engine
        What answers queries.
    current_catalogue
        Gives what is published now.
    availability
        Tells the state of the archive each time it is asked.
    open_file
        Opens a file by its identifier for the one who asks; raises `DaliError`.
    """
    url = config.url
    rows = RowLimits(config.tap.maxrec, config.tap.maxrec_limit)
    seconds = config.tap.query_seconds

    def guarded(routes: Blueprint, refuse: Refuse) -> None:
        guard(routes, refuse, config.server.request_bytes)

    app.register_blueprint(
        scs.routes.blueprint(
            ConeService(current_catalogue, engine, rows, seconds),
            base_url=f"{url}/scs",
            availability=availability,
            guard=guarded,
        ),
        url_prefix="/scs",
    )
    app.register_blueprint(
        sia.routes.blueprint(
            SiaService(current_catalogue, engine, rows, f"{url}/sia2/query", f"{url}/datalink/links", seconds),
            base_url=f"{url}/sia2",
            availability=availability,
            guard=guarded,
        ),
        url_prefix="/sia2",
    )
    app.register_blueprint(
        sia.v1.routes.blueprint(
            ImageService(current_catalogue, engine, rows, f"{url}/files/", f"{url}/datalink/links", seconds),
            base_url=f"{url}/sia",
            availability=availability,
            guard=guarded,
        ),
        url_prefix="/sia",
    )
    app.register_blueprint(
        ssap.routes.blueprint(
            SpectrumService(
                current_catalogue,
                engine,
                rows,
                Addresses(f"{url}/files/", f"{url}/ssap/spectrum?ID=", config.title),
                f"{url}/datalink/links",
                open_file,
                seconds,
            ),
            base_url=f"{url}/ssap",
            availability=availability,
            guard=guarded,
        ),
        url_prefix="/ssap",
    )


def open_public_file(replicas: Replicas, dp_id: str) -> BinaryIO:
    """Open a file that anybody may have.

    Raises
    ------
    DaliError
        Raised for a file that is not held, not yet public, or cannot be read now.
    """
    held = replicas.find(dp_id)
    if held is None:
        raise NotFoundFault(f"No file {dp_id[:200]} is held here.")
    if not held.is_public(datetime.now(UTC).replace(tzinfo=None)):
        raise AuthorizationFault(f"{held.dp_id} is proprietary and not public yet.")
    try:
        return replicas.open(held)
    except MissingBytesError as error:
        raise TransientFault(str(error)) from error
