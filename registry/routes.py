"""Resource records over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, Response

from registry.records import Publisher, RegisteredService, write_record
from vo.dali.errors import NotFoundFault


def blueprint(services: Mapping[str, RegisteredService], publisher: Publisher, made: datetime) -> Blueprint:
    """Door to the records, to be registered under ``/registry``.

    Parameters
    ----------
    services
        By the names that stand in the paths of their records.
    publisher
        Who answers for them.
    made
        When they were described; with a time zone.
    """
    routes = Blueprint("registry", __name__)

    @routes.get("/record/<name>")
    def record(name: str) -> Response:
        service = services.get(name)
        if service is None:
            raise NotFoundFault(f"There is no record of this name here; there are: {', '.join(services)}.")
        return Response(write_record(service, publisher, made), content_type="text/xml;charset=utf-8")

    return routes
