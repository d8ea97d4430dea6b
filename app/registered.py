"""The services of the archive that have a record for registries."""

from __future__ import annotations

from app.config import Config
from registry.records import Publisher, RegisteredService
from tap.capabilities import tap_capabilities
from tap.service import TapService
from tap.tableset import describe_tables
from vo.vosi.tables import write_tableset


def registered_services(config: Config, tap: TapService) -> dict[str, RegisteredService]:
    """Records by the names in their paths; a door that is to be found is added here."""
    return {
        "tap": RegisteredService(
            f"ivo://{config.authority}/tap",
            f"{config.title}: TAP",
            f"Observations, raw frames and products of {config.title}, for queries in ADQL.",
            lambda: tap_capabilities(tap, f"{config.url}/tap"),
            lambda: write_tableset(describe_tables(tap.catalogue)),
        ),
    }


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
