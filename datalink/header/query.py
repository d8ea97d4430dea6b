"""Headers of the files that are held."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from schema.files import file


def read_headers(engine: sa.Engine, dp_id: str) -> list[list[list[Any]]] | None:
    """Cards of each HDU of a file, as they were when it was taken in; None where no such file is held.

    Parameters
    ----------
    engine
        The truth.
    dp_id
        Identifier in this archive.
    """
    statement = sa.select(file.c.header["hdus"]).where(file.c.dp_id == sa.literal(dp_id))
    with engine.connect() as connection:
        hdus = connection.execute(statement).scalar_one_or_none()
    return None if hdus is None else [hdu["cards"] for hdu in hdus]
