"""Names of columns in forms that want each to be another."""

from __future__ import annotations

from collections.abc import Iterable


def distinct_names(names: Iterable[str]) -> tuple[str, ...]:
    """Names that differ, also for a reader without regard to case: a repeated one gets a number at its end.

    ``ra, RA, ra_2`` become ``ra, RA_3, ra_2``: a name that stands alone is never changed.
    """
    wanted = tuple(names)
    taken = {name.lower() for name in wanted}
    seen: set[str] = set()
    given = []
    for name in wanted:
        new, number = name, 2
        if name.lower() in seen:
            while new.lower() in taken:
                new, number = f"{name}_{number}", number + 1
        seen.add(name.lower())
        taken.add(new.lower())
        given.append(new)
    return tuple(given)
