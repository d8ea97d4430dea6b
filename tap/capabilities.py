"""What a TAP service can do."""

from __future__ import annotations

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
    UploadMethod,
    Version,
)

from tap.adql.functions import LANGUAGE_FEATURES
from tap.service import TapService
from uws.limits import JobLimits
from vo.tables import formats
from vo.vosi.capabilities import interface, vosi_capabilities, write_capabilities

_ADQL_VERSIONS = ("2.0", "2.1")


def tap_capabilities(service: TapService, base_url: str) -> bytes:
    """Capabilities document of a TAP service.

    Parameters
    ----------
    service
        Described by its limits and its catalogue.
    base_url
        Its URL, without a slash at its end.

    References
    ----------
    TAPRegExt 1.0 with erratum 1, "The Capability Record"; TAP 1.1, "VOSI-capabilities".
    """
    access = TableAccess(
        interface=[interface(base_url, use="base", version="1.1")],
        data_model=_data_models(service),
        language=[_adql()],
        output_format=[
            OutputFormat(mime=output.media_type, alias=list(output.aliases), ivo_id=output.ivo_id)
            for output in formats.FORMATS
        ],
        upload_method=_upload_methods(service),
        retention_period=_retention(service.job_limits),
        execution_duration=_durations(service),
        output_limit=DataLimits(
            default=DataLimit(value=service.rows.default, unit="row"),
            hard=DataLimit(value=service.rows.hard, unit="row"),
        ),
        upload_limit=_upload_limits(service),
    )
    return write_capabilities(
        [access, *vosi_capabilities(base_url, ("capabilities", "availability", "tables", "examples"))]
    )


def _data_models(service: TapService) -> list[DataModelType]:
    if not service.catalogue.find("ivoa", "obscore"):
        return []
    return [DataModelType(value="ObsCore-1.1", ivo_id="ivo://ivoa.net/std/ObsCore#core-1.1")]


def _upload_methods(service: TapService) -> list[UploadMethod]:
    if service.uploads is None:
        return []
    methods = ("inline", "http", "https") if service.uploads.fetch else ("inline",)
    return [UploadMethod(ivo_id=f"ivo://ivoa.net/std/TAPRegExt#upload-{method}") for method in methods]


def _upload_limits(service: TapService) -> DataLimits | None:
    if service.uploads is None:
        return None
    limit = DataLimit(value=service.uploads.limits.bytes, unit="byte")
    return DataLimits(default=limit, hard=limit)


def _adql() -> Language:
    kinds = dict.fromkeys(feature.feature_type for feature in LANGUAGE_FEATURES)
    return Language(
        name="ADQL",
        version=[Version(value=version, ivo_id=f"ivo://ivoa.net/std/ADQL#v{version}") for version in _ADQL_VERSIONS],
        description="Astronomical Data Query Language.",
        language_features=[LanguageFeatureList(type=kind, feature=_features(kind)) for kind in kinds],
    )


def _features(kind: str) -> list[LanguageFeature]:
    return [
        LanguageFeature(form=feature.form, description=feature.description)
        for feature in LANGUAGE_FEATURES
        if feature.feature_type == kind
    ]


def _retention(limits: JobLimits | None) -> TimeLimits | None:
    if limits is None:
        return None
    return TimeLimits(default=int(limits.kept.total_seconds()), hard=int(limits.kept_limit.total_seconds()))


def _durations(service: TapService) -> TimeLimits | None:
    """Times of queries that are jobs, since these may take the longest; no limit has no word."""
    limits = service.job_limits
    if limits is None:
        return None if service.seconds is None else TimeLimits(default=int(service.seconds), hard=int(service.seconds))
    return TimeLimits(default=limits.seconds or None, hard=limits.seconds_limit or None)
