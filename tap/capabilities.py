"""What a TAP service can do."""

from __future__ import annotations

from dataclasses import dataclass

from vo_models.tapregext.models import (
    DataLimit,
    DataLimits,
    DataModelType,
    Language,
    LanguageFeature,
    LanguageFeatureList,
    OutputFormat,
    TableAccess,
    TimeLimits,
    Version,
)

from tap.service import TapService
from vo.tables import formats
from vo.vosi.capabilities import interface, vosi_capabilities, write_capabilities

_FEATURES = "ivo://ivoa.net/std/TAPRegExt#features-"
_ADQL_VERSIONS = ("2.0", "2.1")


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that ADQL leaves to the service and this one has.

    Attributes
    ----------
    kind
        End of the type's identifier: ``udf``, ``adqlgeo``, ``adql-string``, ``adql-sets``, …
    form
        Its name, for functions of the service their signature.
    description
        One sentence for people.
    """

    kind: str
    form: str
    description: str | None = None


def tap_capabilities(service: TapService, base_url: str, features: tuple[Feature, ...] = ()) -> bytes:
    """Capabilities document of a TAP service.

    Parameters
    ----------
    service
        Described by its limits and its catalogue.
    base_url
        Its URL, without a slash at its end.
    features
        Optional features of ADQL that it has.

    References
    ----------
    TAPRegExt 1.0 with erratum 1, "The Capability Record"; TAP 1.1, "VOSI-capabilities".
    """
    access = TableAccess(
        interface=[interface(base_url, use="base", version="1.1")],
        data_model=_data_models(service),
        language=[_adql(features)],
        output_format=[
            OutputFormat(mime=output.media_type, alias=list(output.aliases), ivo_id=output.ivo_id)
            for output in formats.FORMATS
        ],
        execution_duration=_seconds(service.seconds),
        output_limit=DataLimits(
            default=DataLimit(value=service.rows.default, unit="row"),
            hard=DataLimit(value=service.rows.hard, unit="row"),
        ),
    )
    return write_capabilities([access, *vosi_capabilities(base_url, ("capabilities", "availability", "tables"))])


def _data_models(service: TapService) -> list[DataModelType]:
    if not service.catalogue.find("ivoa", "obscore"):
        return []
    return [DataModelType(value="ObsCore-1.1", ivo_id="ivo://ivoa.net/std/ObsCore#core-1.1")]


def _adql(features: tuple[Feature, ...]) -> Language:
    kinds = dict.fromkeys(feature.kind for feature in features)
    return Language(
        name="ADQL",
        version=[Version(value=version, ivo_id=f"ivo://ivoa.net/std/ADQL#v{version}") for version in _ADQL_VERSIONS],
        description="Astronomical Data Query Language.",
        language_features=[
            LanguageFeatureList(
                type=_FEATURES + kind,
                feature=[
                    LanguageFeature(form=feature.form, description=feature.description)
                    for feature in features
                    if feature.kind == kind
                ],
            )
            for kind in kinds
        ],
    )


def _seconds(seconds: float | None) -> TimeLimits | None:
    return None if seconds is None else TimeLimits(default=int(seconds), hard=int(seconds))
