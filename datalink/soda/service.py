"""Cutouts for those who may have them."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import structlog

from datalink.soda.filters import OutputForm, Product
from datalink.soda.parameters import Combination
from datalink.soda.source import Opener
from datalink.soda.task import Cutout, CutRequest, Refusal, make_cutout
from datalink.soda.workers import BrokenWorkerError, BusyError, OverTimeError, StoppedError, Workers
from storage.replicas import HeldFile, Replicas
from storage.store import MissingBytesError
from vo.dali.errors import (
    AuthorizationFault,
    DaliError,
    FatalFault,
    NotFoundFault,
    QueryTimeoutFault,
    TransientFault,
    UsageFault,
)
from vo.dali.parameters import quoted

Begun = Callable[[Callable[[], None]], None]

MEDIA_TYPES: dict[OutputForm, str] = {"fits": "application/fits", "png": "image/png"}
SUFFIXES: dict[OutputForm, str] = {"fits": ".fits", "png": ".png"}

log = structlog.get_logger(__name__)


class NoOverlapFault(DaliError):  # noqa: N818 - as all faults are called
    """Raised when a request is sound and nothing meets it; the text says what the data cover."""

    status = 204


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _no_stop(stop: Callable[[], None]) -> None:
    del stop


@dataclass(frozen=True, slots=True)
class SodaLimits:
    """What one service gives.

    Attributes
    ----------
    seconds
        Longest time for a cutout in a synchronous request.
    result_bytes
        Most bytes of one result, and of what a compressed file is unpacked to.
    spool_bytes
        Most bytes of results that wait to be sent, together.
    combinations
        Most results of one asynchronous request.
    """

    seconds: float = 60.0
    result_bytes: int = 4_000_000_000
    spool_bytes: int = 20_000_000_000
    combinations: int = 500


@dataclass
class SodaService:
    """Finds files, asks who may have them, and has workers cut.

    Attributes
    ----------
    replicas
        The files.
    find
        Finds the file that an identifier of any form means.
    describe
        Tells what is known of a product.
    workers
        Processes that cut.
    folder
        Of this service alone; results lie there until they are sent.
    files_url
        Address below which whole files are found, with a slash at its end.
    limits
        What it gives.
    may_read
        Tells whether the one who asks may have a file at an instant; by default everybody may once it is public.
    now
        Clock; UTC without zone.
    """

    replicas: Replicas
    find: Callable[[str], HeldFile | None]
    describe: Callable[[HeldFile], Product]
    workers: Workers
    folder: Path
    files_url: str
    limits: SodaLimits = field(default_factory=SodaLimits)
    may_read: Callable[[HeldFile, datetime], bool] = HeldFile.is_public
    now: Callable[[], datetime] = _now
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def start(self) -> None:
        """Make the folder, and forget what an earlier process left in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)

    def require(self, identifier: str) -> HeldFile:
        """Find a file that the one who asks may have.

        Raises
        ------
        NotFoundFault, AuthorizationFault
            Raised if there is none, or it is not for everybody.
        """
        held = self.find(identifier)
        if held is None:
            raise NotFoundFault(f"ID={quoted(identifier)} names no file that is held here.")
        if not self.may_read(held, self.now()):
            until = "" if held.release_date is None else f" until {held.release_date.isoformat(timespec='seconds')}Z"
            raise AuthorizationFault(f"{held.dp_id} is proprietary{until}.")
        return held

    def address(self, held: HeldFile) -> str:
        """Where the whole file is."""
        return f"{self.files_url}{quote(held.dp_id, safe='')}"

    def cut(
        self,
        held: HeldFile,
        wanted: Combination,
        form: OutputForm,
        *,
        seconds: float | None = None,
        begun: Begun = _no_stop,
    ) -> Cutout:
        """Make a cutout; whoever gets it deletes its file.

        Parameters
        ----------
        held
            The file.
        wanted
            What is wanted of it.
        form
            Of the result.
        seconds
            Longest time; that of synchronous requests without it.
        begun
            Takes a function that ends the work.

        Raises
        ------
        NoOverlapFault
            Raised if nothing meets the conditions.
        UsageFault, TransientFault, QueryTimeoutFault, FatalFault
            Raised with a sentence if there is no result for another reason.
        """
        request = CutRequest(
            self._opener(held),
            self.describe(held),
            wanted.filters,
            form,
            self.folder,
            self._room(),
            wanted.asked,
        )
        longest = self.limits.seconds if seconds is None else seconds
        try:
            made = self.workers.run(make_cutout, request, longest, begun)
        except BusyError:
            raise TransientFault("All that make cutouts are busy; ask again in a moment.") from None
        except OverTimeError:
            raise QueryTimeoutFault(
                f"The cutout took longer than {longest:.0f} s and was given up; ask for less, or ask at soda/async."
            ) from None
        except StoppedError:
            raise TransientFault("The cutout was given up.") from None
        except BrokenWorkerError as error:
            log.error("cutout failed", dp_id=held.dp_id, asked=wanted.asked, reason=str(error))
            raise FatalFault(f"The service failed to cut {held.dp_id}; its log says why.") from error
        if isinstance(made, Refusal):
            raise _fault(made)
        return made

    def _opener(self, held: HeldFile) -> Opener:
        try:
            return self.replicas.opener(held)
        except MissingBytesError as error:
            raise TransientFault(str(error)) from error

    def _room(self) -> int:
        """Most bytes that one more result may have."""
        with self._lock:
            used = sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())
        left = self.limits.spool_bytes - used
        if left <= 0:
            raise TransientFault("There is no room for further results at the moment; ask again later.")
        return min(left, self.limits.result_bytes)


def _fault(refusal: Refusal) -> DaliError:
    match refusal.kind:
        case "empty":
            return NoOverlapFault(refusal.sentence)
        case "room":
            return TransientFault(refusal.sentence)
        case _:
            return UsageFault(refusal.sentence)
