"""What a service can do, and where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import AnyUrl
from vo_models.vodataservice.models import ParamHTTP
from vo_models.voresource.models import AccessURL, Capability
from vo_models.vosi.capabilities.models import VOSICapabilities

from vo.vosi.documents import document

_VOSI = {
    "capabilities": "ivo://ivoa.net/std/VOSI#capabilities",
    "availability": "ivo://ivoa.net/std/VOSI#availability",
    "tables": "ivo://ivoa.net/std/VOSI#tables-1.1",
    "examples": "ivo://ivoa.net/std/DALI#examples",
}


def interface(url: str, *, use: Literal["full", "base"] = "full", version: str | None = None) -> ParamHTTP:
    """Standard interface of a capability.

    Parameters
    ----------
    url
        Where it is.
    use
        ``full`` for the URL as it stands, ``base`` for one to which clients add a path.
    version
        Of the standard, where that has more than one in use.
    """
    return ParamHTTP(role="std", version=version, access_url=[AccessURL(value=AnyUrl(url), use=use)])


def vosi_capabilities(base_url: str, resources: Sequence[str] = ("capabilities", "availability")) -> list[Capability]:
    """Capabilities for the support interfaces beside a service.

    Parameters
    ----------
    base_url
        URL of the service, without a slash at its end.
    resources
        Some of ``capabilities``, ``availability``, ``tables`` and ``examples``; each is found at `base_url` under its
        name.

    References
    ----------
    VOSI 1.1, "Capability metadata"; DALI 1.1, "Examples".
    """
    return [
        Capability(standard_id=AnyUrl(_VOSI[resource]), interface=[interface(f"{base_url}/{resource}")])
        for resource in resources
    ]


def write_capabilities(capabilities: Sequence[Capability]) -> bytes:
    """Capabilities document.

    References
    ----------
    VOSI 1.1, "Capability metadata".
    """
    return document(VOSICapabilities(capability=list(capabilities)))
