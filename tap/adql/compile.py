"""ADQL text → `Query`, through all stages."""

from __future__ import annotations

from schema.catalogue import Catalogue
from schema.engines.execute import Query
from tap.adql.errors import AdqlError, Fault, FaultError
from tap.adql.grouping import check_grouping
from tap.adql.lower import lower_query
from tap.adql.open_literals import Bindings
from tap.adql.parse import parse_query
from tap.adql.resolve import resolve_names
from tap.adql.types import Types


def compile_query(text: str, catalogue: Catalogue) -> Query:
    """Compile a query for the engines.

    Parameters
    ----------
    text
        ADQL 2.1.
    catalogue
        The tables that the query may name.

    Raises
    ------
    AdqlError
        Raised with sentences for users: what is wrong, where, and the cure where there is one.
    """
    return compile_open(text, catalogue, Bindings())


def compile_open(text: str, catalogue: Catalogue, bindings: Bindings) -> Query:
    """Compile a query as `compile_query` does, and tell in `bindings` which parameters come of open literals."""
    query = parse_query(text)
    try:
        names = resolve_names(query, catalogue)
        types = Types(names)
        check_grouping(query, names)
        return lower_query(query, names, types, bindings)
    except FaultError as error:
        raise AdqlError(error.faults, text) from None
    except RecursionError:
        raise AdqlError((Fault(query.position, "The query is nested too deeply; simplify it."),), text) from None
