"""A cutout from beginning to end, as a worker process makes it."""

from __future__ import annotations

import uuid
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from datalink.soda.filters import CutError, Filters, NoOverlapError, OutputForm, Product, TooLargeError
from datalink.soda.plan import plan_pieces
from datalink.soda.source import Opener, Source, open_fits
from datalink.soda.write import write_cutout


@dataclass(frozen=True, slots=True)
class CutRequest:
    """What a worker needs to know.

    Attributes
    ----------
    opener
        Opens the bytes of the file.
    product
        What is known of it.
    filters
        Conditions.
    form
        Of the result.
    folder
        Where the result is written, under a name of its own.
    most_bytes
        Limit of the result, and of what is unpacked for it.
    asked
        What the client asked for, one line.
    """

    opener: Opener
    product: Product
    filters: Filters
    form: OutputForm
    folder: Path
    most_bytes: int
    asked: str


@dataclass(frozen=True, slots=True)
class Cutout:
    """A result.

    Attributes
    ----------
    path
        Where it lies; whoever takes it deletes it.
    size
        Bytes.
    """

    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no result.

    Attributes
    ----------
    sentence
        For the one who asked.
    kind
        ``empty`` where nothing meets the conditions, ``large`` for a result over the limit, ``unfit`` for a file that
        cannot be cut so, ``room`` where the disk is full.
    """

    sentence: str
    kind: str


def make_cutout(request: CutRequest) -> Cutout | Refusal:
    """Cut, and write the result to a file; what is refused leaves none."""
    path = request.folder / uuid.uuid4().hex
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with open_fits(request.opener, request.folder, request.most_bytes) as source:
                return Cutout(path, _write(source, request, path))
    except NoOverlapError as error:
        refusal = Refusal(f"{error} {request.product.covers}", "empty")
    except TooLargeError as error:
        refusal = Refusal(f"{error}", "large")
    except CutError as error:
        refusal = Refusal(f"{error}", "unfit")
    except OSError:
        refusal = Refusal("The archive has no room for the result, or cannot read the file, at the moment.", "room")
    path.unlink(missing_ok=True)
    return refusal


def _write(source: Source, request: CutRequest, path: Path) -> int:
    pieces = plan_pieces(source, request.filters, request.product)
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    history = f"Cut out of {request.product.dp_id} on {now} (SODA): {request.asked}"
    with path.open("xb") as out:
        return write_cutout(source, pieces, history, out, request.most_bytes)
