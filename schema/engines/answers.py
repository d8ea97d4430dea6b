"""What becomes of a query on its way to a client: rows, or a fault that says why there are none."""

from __future__ import annotations

from schema.engines.execute import Engine, EngineError, EngineUnavailableError, Limits, Query, QueryTimeoutError
from vo.dali.errors import DaliError, FatalFault, QueryTimeoutFault, TransientFault
from vo.tables.stream import TableStream
from vo.tables.votable import explain_nothing


def answer(engine: Engine, query: Query, limits: Limits) -> TableStream:
    """Run a query until its first rows are there.

    Returns
    -------
    stream
        Started; whoever takes it reads it to the end or closes it.

    Raises
    ------
    DaliError
        Raised with a sentence for users.
    """
    try:
        stream = engine.execute(query, limits)
        stream.start()
    except EngineError as error:
        raise fault_of(error) from error
    return stream


def first_position(engine: Engine, query: Query, seconds: float | None) -> tuple[float, float]:
    """Position in the first row of a query for two columns, in deg; the origin where there is no row, or no answer now.

    Parameters
    ----------
    engine
        What answers.
    query
        Of two columns, longitude and latitude.
    seconds
        Longest time of the query, None for no limit.
    """
    try:
        for batch in answer(engine, query, Limits(1, seconds)):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                return row[0], row[1]
    except DaliError:
        pass
    return 0.0, 0.0


def fault_of(error: EngineError) -> DaliError:
    """Fault that tells a client of a failed query."""
    match error:
        case QueryTimeoutError():
            return QueryTimeoutFault(str(error))
        case EngineUnavailableError():
            return TransientFault(str(error))
        case _:
            return FatalFault(str(error))


def explain(error: Exception) -> str:
    """Sentence for users about a failure among the rows."""
    return str(error) if isinstance(error, EngineError) else explain_nothing(error)
