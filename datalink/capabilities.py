"""What the service of links can do."""

from __future__ import annotations

from pydantic import AnyUrl
from vo_models.vodataservice.models import ParamHTTP
from vo_models.voresource.models import AccessURL, Capability

from vo.datalink import LINKS_ID
from vo.vosi.capabilities import vosi_capabilities, write_capabilities


def links_capability(base_url: str) -> Capability:
    """Capability of the links, for VOSI and for registries.

    References
    ----------
    DataLink 1.1, "Registering {links} endpoints".
    """
    interface = ParamHTTP(
        role="std", version="1.1", access_url=[AccessURL(value=AnyUrl(f"{base_url}/links"), use="base")]
    )
    return Capability(standard_id=AnyUrl(LINKS_ID), interface=[interface])


def write_links_capabilities(base_url: str) -> bytes:
    """Capabilities document of the service of links."""
    return write_capabilities([links_capability(base_url), *vosi_capabilities(base_url)])
