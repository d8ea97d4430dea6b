"""The services of the archive that have a record for registries."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from app.config import Config
from registry.records import Publisher, RegisteredService
from tap.capabilities import tap_capabilities
from tap.service import TapService
from tap.tableset import describe_tables
from vo.vosi.tables import write_tableset


def registered_services(config: Config, services: Mapping[str, TapService]) -> dict[str, RegisteredService]:
    """Records by the names in their paths; a door that is to be found is added here."""
    return {
        name: RegisteredService(
            f"ivo://{config.authority}/{name}",
            f"{config.title}: {_TAP[name][0]}",
            _TAP[name][1].format(config.title),
            partial(tap_capabilities, service, f"{config.url}/{name}"),
            partial(_tableset, service),
        )
        for name, service in services.items()
    }


_TAP = {
    "tap": ("TAP", "Observations, raw frames and products of {}, for queries in ADQL."),
    "tap_cat": ("TAP of catalogues", "Catalogues of {}, for queries in ADQL."),
}


def _tableset(service: TapService) -> bytes:
    return write_tableset(describe_tables(service.catalogue))


def publisher_of(config: Config) -> Publisher:
    """Who answers for the services, by the settings."""
    settings = config.registry
    return Publisher(
        settings.publisher,
        settings.creator,
        settings.contact_name,
        settings.contact_email,
        tuple(word.strip() for word in settings.subjects.split(",") if word.strip()),
        f"{config.url}/",
    )
