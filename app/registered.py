"""The services of the archive that have a record for registries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from app.config import Config
from datalink.capabilities import write_links_capabilities
from datalink.soda.routes import write_soda_capabilities
from registry.records import Publisher, RegisteredService
from sia.routes import write_sia_capabilities
from ssap.capabilities import spectral_access_capability
from tap.capabilities import tap_capabilities
from tap.service import TapService
from tap.tableset import describe_tables
from vo.dali.parameters import RowLimits
from vo.vosi.simple_access import write_simple_capabilities
from vo.vosi.tables import write_tableset


def registered_services(config: Config, services: Mapping[str, TapService]) -> dict[str, RegisteredService]:
    """Records by the names in their paths; a door that is to be found is added here."""
    rows = RowLimits(config.tap.maxrec, config.tap.maxrec_limit)
    others: dict[str, Callable[[str], bytes]] = {
        "sia2": write_sia_capabilities,
        "ssap": lambda url: write_simple_capabilities(spectral_access_capability(url, rows), url),
        "datalink": write_links_capabilities,
        "soda": write_soda_capabilities,
    }
    tables = {
        name: RegisteredService(
            f"ivo://{config.authority}/{name}",
            f"{config.title}: {_TAP[name][0]}",
            _TAP[name][1].format(config.title),
            partial(tap_capabilities, service, f"{config.url}/{name}"),
            partial(_tableset, service),
        )
        for name, service in services.items()
    }
    return tables | {
        name: RegisteredService(
            f"ivo://{config.authority}/{name}",
            f"{config.title}: {_OTHERS[name][0]}",
            _OTHERS[name][1].format(config.title),
            partial(write, f"{config.url}/{name}"),
        )
        for name, write in others.items()
    }


_OTHERS = {
    "sia2": ("SIA", "Images and cubes of {}, found by position, band, time and more."),
    "ssap": ("SSA", "Spectra of {}, found by position, band, time and more."),
    "datalink": ("DataLink", "What belongs to each product of {}: its file, previews, calibrations, cutouts."),
    "soda": ("SODA", "Cutouts of images, cubes and spectra of {}."),
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
