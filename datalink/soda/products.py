"""What ObsCore says of a file."""

from __future__ import annotations

import dataclasses

import sqlalchemy as sa

from datalink.soda.filters import Product
from schema.obscore import obscore

_COLUMNS = tuple(field.name for field in dataclasses.fields(Product))


def read_product(engine: sa.Engine, dp_id: str) -> Product:
    """What is known of a file that is held, from its row of ``ivoa.obscore``.

    Parameters
    ----------
    engine
        The truth.
    dp_id
        Identifier.
    """
    statement = sa.select(*(obscore.c[name] for name in _COLUMNS)).where(obscore.c.dp_id == dp_id).limit(1)
    with engine.connect() as connection:
        row = connection.execute(statement).mappings().first()
    return Product(dp_id) if row is None else Product(**row)
