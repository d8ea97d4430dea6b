"""When a file becomes public."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from ingest.times import as_datetime
from ingest.translators.base import TimeRange, Translator


@dataclass(frozen=True, slots=True)
class ReleaseRule:
    """What the archive decides about release dates.

    Attributes
    ----------
    date
        Date for all files of a run, UTC without zone; None for the rule.
    proprietary_days
        Time from the end of the observation until raw science frames are public, in d.
    """

    date: datetime.datetime | None = None
    proprietary_days: float = 0.0


def release_date(
    rule: ReleaseRule, translator: Translator, times: TimeRange, now: datetime.datetime
) -> datetime.datetime:
    """When a file becomes public: the date of the run, else that of its header, else the rule.

    Without a period everything is public at once. With one, raw science frames wait from the end of the observation;
    calibrations and products do not.

    Parameters
    ----------
    rule
        The archive's.
    translator
        Of the file.
    times
        Of the observation.
    now
        UTC without zone.
    """
    if rule.date is not None:
        return rule.date
    stated = translator.release()
    if stated is not None:
        return as_datetime(stated)
    if not translator.release_days() or not rule.proprietary_days:
        return now
    end = as_datetime(times.end) if times.end is not None else now
    return min(end, now) + datetime.timedelta(days=rule.proprietary_days)
