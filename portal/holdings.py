"""What the archive holds, in numbers for the first page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from schema.catalogue import PublishedTable
from schema.engines.constructs import WholeQuotient, WholeTotal
from schema.engines.execute import Engine, Limits, Query
from vo.tables.field import Field

SKY_ORDER = 4
"""HEALPix order of the map of the sky: cells of 3.7 degrees."""

_COUNT = Field("n", "long")
_RECENT = ("dp_id", "target_name", "instrument_name", "dataproduct_type", "s_ra", "s_dec", "t_min")


@dataclass(frozen=True, slots=True)
class InstrumentHoldings:
    """Products of one instrument; times are MJD, None where no product has one."""

    name: str
    products: int
    kilobytes: int
    t_min: float | None
    t_max: float | None


@dataclass(frozen=True, slots=True)
class RecentProduct:
    """One of the latest observations, calibrations left out; position in degrees, ICRS, time MJD."""

    dp_id: str
    target_name: str | None
    instrument_name: str | None
    dataproduct_type: str | None
    s_ra: float | None
    s_dec: float | None
    t_min: float | None


@dataclass(frozen=True, slots=True)
class Holdings:
    """Numbers for the first page.

    Attributes
    ----------
    instruments
        Largest first.
    recent
        Latest observations first.
    sky
        Products in each HEALPix cell that has any, nested, order `SKY_ORDER`.
    """

    instruments: tuple[InstrumentHoldings, ...]
    recent: tuple[RecentProduct, ...]
    sky: dict[int, int]

    @property
    def products(self) -> int:
        """Products of all instruments."""
        return sum(instrument.products for instrument in self.instruments)


def read_holdings(engine: Engine, obscore: PublishedTable, *, recent: int = 10, seconds: float = 10) -> Holdings:
    """Ask the engine for the numbers.

    Raises
    ------
    EngineError
        Raised when the engine does not answer in time.
    """
    column = obscore.table.c
    fields = {field.name: field for field in obscore.fields}
    limits = Limits(seconds=seconds)

    def rows(select: sa.Select[*tuple[Any, ...]], *described: Field) -> list[dict[str, Any]]:
        stream = engine.execute(Query(select, described), limits)
        return [row for batch in stream for row in batch.to_pylist()]

    number = sa.func.count().label("n")
    instruments = rows(
        sa.select(
            column.instrument_name,
            number,
            WholeTotal(column.access_estsize).label("kilobytes"),
            sa.func.min(column.t_min).label("t_min"),
            sa.func.max(column.t_max).label("t_max"),
        )
        .group_by(column.instrument_name)
        .order_by(number.desc(), column.instrument_name),
        fields["instrument_name"],
        _COUNT,
        Field("kilobytes", "long"),
        fields["t_min"],
        fields["t_max"],
    )
    latest = rows(
        sa.select(*(column[name] for name in _RECENT))
        .where(column.t_min.is_not(None), column.dp_id.is_not(None), column.dataproduct_type.is_not(None))
        .order_by(column.t_min.desc())
        .limit(recent),
        *(fields[name] for name in _RECENT),
    )
    cell = WholeQuotient(column.hpx, sa.literal(4 ** (29 - SKY_ORDER), sa.BigInteger)).label("cell")
    sky = rows(
        sa.select(cell, sa.func.count().label("n")).where(column.hpx.is_not(None)).group_by(cell),
        Field("cell", "long"),
        _COUNT,
    )
    return Holdings(
        instruments=tuple(
            InstrumentHoldings(
                row["instrument_name"] or "not stated", row["n"], row["kilobytes"] or 0, row["t_min"], row["t_max"]
            )
            for row in instruments
        ),
        recent=tuple(RecentProduct(**row) for row in latest),
        sky={row["cell"]: row["n"] for row in sky},
    )
