"""What this service can do in ADQL: a table for the compiler and for the capabilities of the service."""

from __future__ import annotations

from dataclasses import dataclass

from tap.adql.user_functions import USER_FUNCTIONS


@dataclass(frozen=True, slots=True)
class LanguageFeature:
    """An optional feature of ADQL that this service has.

    Attributes
    ----------
    feature_type
        IVOID of the kind of feature (TAPRegExt 1.0, "Language Features").
    form
        Name of the feature, or signature of a user defined function.
    description
        One sentence for people, None where the form says it all.
    """

    feature_type: str
    form: str
    description: str | None = None


_STD = "ivo://ivoa.net/std/TAPRegExt"
ADQLGEO = f"{_STD}#features-adqlgeo"
UDF = f"{_STD}#features-udf"
ADQL_STRING = f"{_STD}#features-adql-string"
ADQL_SETS = f"{_STD}#features-adql-sets"
ADQL_COMMON_TABLE = f"{_STD}#features-adql-common-table"
ADQL_TYPE = f"{_STD}#features-adql-type"
ADQL_UNIT = f"{_STD}#features-adql-unit"
ADQL_OFFSET = f"{_STD}#features-adql-offset"
ADQL_CONDITIONAL = f"{_STD}#features-adql-conditional"

GEOMETRY_FUNCTIONS = (
    "AREA", "BOX", "CENTROID", "CIRCLE", "CONTAINS", "COORD1", "COORD2", "COORDSYS", "DISTANCE", "INTERSECTS", "POINT",
    "POLYGON",
)  # fmt: skip

LANGUAGE_FEATURES: tuple[LanguageFeature, ...] = (
    *(LanguageFeature(ADQLGEO, name) for name in GEOMETRY_FUNCTIONS),
    *(
        LanguageFeature(UDF, signature, function.description)
        for function in USER_FUNCTIONS
        for signature in function.signatures
    ),
    LanguageFeature(ADQL_STRING, "LOWER"),
    LanguageFeature(ADQL_STRING, "UPPER"),
    LanguageFeature(ADQL_STRING, "ILIKE"),
    LanguageFeature(ADQL_CONDITIONAL, "COALESCE"),
    LanguageFeature(ADQL_SETS, "UNION"),
    LanguageFeature(ADQL_SETS, "EXCEPT"),
    LanguageFeature(ADQL_SETS, "INTERSECT"),
    LanguageFeature(ADQL_COMMON_TABLE, "WITH"),
    LanguageFeature(ADQL_TYPE, "CAST"),
    LanguageFeature(ADQL_UNIT, "IN_UNIT"),
    LanguageFeature(ADQL_OFFSET, "OFFSET"),
)
