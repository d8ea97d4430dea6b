from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from astropy.io import fits
from astropy.table import MaskedColumn, Table
from shop import Shop

from schema.publications import leftover
from schema.publishing.publish import Mode, sweep
from schema.publishing.shelf import PublishingError, find_publication, withdraw

ROWS = 1000


def stars(seed: int = 1, rows: int = ROWS) -> Table:
    """A catalogue with a column of each kind, in no order on the sky."""
    rng = np.random.default_rng(seed)
    magnitude = rng.normal(20, 1, rows).astype("f4")
    magnitude[3] = np.nan
    table = Table(
        {
            "source_id": np.arange(rows, dtype="i8") + 10_000 * seed,
            "RAJ2000": rng.uniform(0, 360, rows) * u.deg,
            "DEJ2000": np.degrees(np.arcsin(rng.uniform(-1, 1, rows))) * u.deg,
            "rmag": magnitude * u.mag,
            "nobs": MaskedColumn(rng.integers(0, 99, rows), mask=np.arange(rows) % 7 == 0, dtype="i2"),
            "good": rng.integers(0, 2, rows).astype(bool),
            "fluxes": rng.normal(1, 1, (rows, 3)) * u.Jy,
            "name": [f"S {number}" for number in range(rows)],
        }
    )
    for name, ucd in (("RAJ2000", "pos.eq.ra;meta.main"), ("DEJ2000", "pos.eq.dec;meta.main"), ("rmag", "phot.mag")):
        table[name].info.meta = {"ucd": ucd}
        table[name].info.description = f"About {name}."
    return table


def write_fits(table: Table, path: Path) -> None:
    hdu = fits.table_to_hdu(table)
    for place, name in enumerate(table.colnames, start=1):
        words = table[name].info
        if "ucd" in (words.meta or {}):
            hdu.header[f"TUCD{place}"] = words.meta["ucd"]
            hdu.header[f"TCOMM{place}"] = words.description
    hdu.writeto(path)


def write_votable(table: Table, path: Path) -> None:
    from astropy.io.votable import from_table

    document = from_table(table)
    for given in document.get_first_table().fields:
        words = table[given.name].info
        if "ucd" in (words.meta or {}):
            given.ucd, given.description = words.meta["ucd"], words.description
    document.to_xml(str(path))


WRITERS: dict[str, Callable[[Table, Path], None]] = {
    "fits": write_fits,
    "vot": write_votable,
    "ecsv": lambda table, path: table.write(path, format="ascii.ecsv"),
}


def value(column: Any, row: int) -> Any:
    """What a cell means: no value where it is masked or not a number."""
    cell = column[row]
    if cell is np.ma.masked or (np.ndim(cell) == 0 and isinstance(cell, float | np.floating) and np.isnan(cell)):
        return None
    return np.asarray(cell).tolist()


@pytest.mark.parametrize("form", WRITERS)
def test_values_units_and_ucds_are_those_that_astropy_wrote(shop: Shop, form: str) -> None:
    table = stars()
    path = shop.folder / f"stars.{form}"
    WRITERS[form](table, path)
    loaded = shop.load("safcat.stars", path)
    assert (loaded.added, loaded.publication.rows, loaded.publication.position) == (ROWS, ROWS, ("RAJ2000", "DEJ2000"))
    held = shop.rows("safcat.stars").to_pydict()
    order = {identifier: row for row, identifier in enumerate(held["source_id"])}
    for row in range(ROWS):
        assert {name: held[name][order[table["source_id"][row]]] for name in table.colnames} == {
            name: value(table[name], row) for name in table.colnames
        }
    fields = {field.name: field for field in loaded.publication.fields}
    assert list(fields) == table.colnames
    for name, field in fields.items():
        assert (u.Unit(field.unit) if field.unit else None) == table[name].unit
        assert field.ucd == (table[name].info.meta or {}).get("ucd")
    assert [fields[name].datatype for name in ("source_id", "rmag", "nobs", "good", "fluxes", "name")] == [
        "long", "float", "short", "boolean", "double", "unicodeChar" if form == "vot" else "char",
    ]  # fmt: skip
    assert fields["fluxes"].arraysize in ("3", "*")
    assert fields["RAJ2000"].description == "About RAJ2000."


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_files_without_descriptions_get_them_from_the_publisher(shop: Shop, form: str) -> None:
    table = stars()["source_id", "RAJ2000", "DEJ2000", "rmag", "name"]
    path = shop.folder / f"stars.{form}"
    table.write(path)
    words = """
        description: Stars of a toy.
        position: [ra, dec]
        columns:
          source_id: {ucd: meta.id;meta.main, description: Number.}
          ra: {source: RAJ2000, unit: deg, ucd: pos.eq.ra;meta.main, description: Right ascension.}
          dec: {source: DEJ2000, unit: deg, ucd: pos.eq.dec;meta.main, description: Declination.}
          rmag: {datatype: float, unit: mag, ucd: phot.mag;em.opt.R, description: Brightness.}
          name: {description: Name., case_insensitive: true}
    """
    loaded = shop.load("safcat.stars", path, words=words)
    assert loaded.notes == ()
    assert [(field.name, field.unit) for field in loaded.publication.fields] == [
        ("source_id", None), ("ra", "deg"), ("dec", "deg"), ("rmag", "mag"), ("name", None),
    ]  # fmt: skip
    held = shop.rows("safcat.stars")
    assert held.schema.field("rmag").type == pa.float32()
    found = dict(zip(held["source_id"].to_pylist(), held["ra"].to_pylist(), strict=True))
    assert [found[identifier] for identifier in table["source_id"]] == table["RAJ2000"].tolist()


def test_rows_lie_in_the_order_of_the_sky_with_the_cells_of_their_positions(shop: Shop) -> None:
    from astropy.coordinates import SkyCoord
    from cdshealpix.nested import skycoord_to_healpix

    write_fits(stars(), shop.folder / "stars.fits")
    shop.load("safcat.stars", shop.folder / "stars.fits")
    held = shop.rows("safcat.stars")
    positions = SkyCoord(held["RAJ2000"].to_numpy(), held["DEJ2000"].to_numpy(), unit="deg")
    cells = skycoord_to_healpix(positions, 29)
    assert held["hpx"].to_pylist() == cells.tolist() == sorted(cells.tolist())


def test_rows_are_appended_and_replaced(shop: Shop) -> None:
    for seed in (1, 2):
        write_fits(stars(seed), shop.folder / f"{seed}.fits")
    first = shop.load("safcat.stars", shop.folder / "1.fits")
    more = shop.load("SAFCAT.Stars", shop.folder / "2.fits", mode=Mode.APPEND)
    assert (more.added, more.publication.rows) == (ROWS, 2 * ROWS)
    assert more.publication.qualified_name == "safcat.stars"
    held = shop.rows("safcat.stars")
    assert set(held["source_id"].to_pylist()) == {*stars(1)["source_id"].tolist(), *stars(2)["source_id"].tolist()}
    assert held["hpx"].to_pylist() == sorted(held["hpx"].to_pylist())
    other = shop.load("safcat.stars", shop.folder / "2.fits", mode=Mode.REPLACE)
    assert other.publication.rows == ROWS
    assert sweep(shop.shelf) == 2
    assert shop.generations() == {other.publication.generation} != {first.publication.generation}


def test_several_files_are_one_table(shop: Shop) -> None:
    for seed in (1, 2):
        write_fits(stars(seed), shop.folder / f"{seed}.fits")
    assert shop.load("safcat.stars", shop.folder / "1.fits", shop.folder / "2.fits").added == 2 * ROWS
    assert shop.progress[-1] == (2 * ROWS, 2 * ROWS)


@pytest.mark.parametrize("mode", [Mode.NEW, Mode.APPEND])
def test_a_table_that_is_there_or_not_there_is_told(shop: Shop, mode: Mode) -> None:
    write_fits(stars(), shop.folder / "stars.fits")
    if mode is Mode.NEW:
        shop.load("safcat.stars", shop.folder / "stars.fits")
    before = shop.generations()
    with pytest.raises(PublishingError, match="--append" if mode is Mode.NEW else "no loaded table safcat.stars"):
        shop.load("safcat.stars", shop.folder / "stars.fits", mode=mode)
    assert shop.generations() == before


def test_all_that_is_wrong_with_a_description_is_told_at_once(shop: Shop) -> None:
    table = Table({"ra": [1.0], "size": [2], "größe": [3], "b c": [1], "flux": [1.0], "kind": ["x"], "RA ": [1.0]})
    table.rename_column("RA ", "Flux")
    path = shop.folder / "odd.ecsv"
    table.write(path)
    words = """
        colour: red
        version: two
        position: [ra, dec]
        id: number
        keys: [{column: ra, references: safcat.nothing.ra}]
        columns:
          - {name: ra, unit: florins}
          - {name: b c, ucd: phot.fluxx}
          - {name: ghost, unit: m}
          - {name: kind, sort: odd, datatype: complex}
    """
    with pytest.raises(PublishingError) as caught:
        shop.load("ivoa.select", path, words=words)
    sentences = str(caught.value).splitlines()
    for part in (
        "The schema ivoa belongs to the archive",
        "The table select is a reserved word",
        "unknown word colour",
        "must be a whole number, not 'two'",
        "no column dec, which should be of the position",
        "no column number, which should identify",
        "safcat.nothing.ra, which is not published",
        "unit 'florins' is none that VOUnits knows",
        "UCD 'phot.fluxx' is not of UCD1+",
        "no column ghost",
        "described with the unknown word sort",
        "described as complex",
        "size is a reserved word",
        "'größe' has letters outside ASCII",
        "'b c' is not a plain name",
        "Flux is there twice",
    ):
        assert [part in sentence for sentence in sentences].count(True) == 1, part
    assert shop.generations() == set()


def test_a_publisher_may_insist_on_odd_names_and_units(shop: Shop) -> None:
    table = Table({"size": [2, 3], "flux": [1.0, 2.0]})
    table["flux"].info.meta = {"ucd": "phot.fluxx"}
    path = shop.folder / "odd.ecsv"
    table.write(path)
    with pytest.raises(PublishingError, match="--lax"):
        shop.load("safcat.odd", path)
    loaded = shop.load("safcat.odd", path, lax=True)
    assert [(field.name, field.ucd) for field in loaded.publication.fields] == [("size", None), ("flux", None)]
    assert sum(note.startswith("In spite of this") for note in loaded.notes) == 2


def test_units_in_other_words_become_those_of_vounits(shop: Shop) -> None:
    (shop.folder / "f.csv").write_text("wavelength\n0.5\n")
    (field,) = shop.load(
        "safcat.f", shop.folder / "f.csv", words="columns: {wavelength: {unit: micron}}"
    ).publication.fields
    assert field.unit == "um"


@pytest.mark.parametrize("name", ["hpx", "UX", "row_id"])
def test_names_of_hidden_columns_are_refused_always(shop: Shop, name: str) -> None:
    Table({name: [1]}).write(shop.folder / "t.ecsv")
    with pytest.raises(PublishingError, match="keeps this name"):
        shop.load("safcat.t", shop.folder / "t.ecsv", lax=True)


def test_identifiers_must_be_there_and_differ(shop: Shop) -> None:
    path = shop.folder / "t.csv"
    path.write_text("n,x\n1,2\n1,3\n4,5\n")
    with pytest.raises(PublishingError, match="same n: 1"):
        shop.load("safcat.t", path, words="id: n")
    path.write_text("n,x\n1,2\n,3\n4,5\n")
    with pytest.raises(PublishingError, match="1 rows have no n"):
        shop.load("safcat.t", path, words="id: n")
    assert shop.generations() == set()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("t.fits", b"SIMPLE  =                    T" + b" " * 50, "not a readable FITS file|holds no table"),
        ("t.vot", b"<VOTABLE><RESOURCE><TABLE>", "not a readable VOTable"),
        ("t.parquet", b"PAR1 and no more", "not a readable Parquet file"),
        ("t.ecsv", b"# %ECSV 1.0\n# ---\n# datatype: 7\nx\n", "not a readable ECSV file"),
        ("t.bin", b"\x00\x01", "is no FITS table, VOTable, Parquet"),
    ],
)
def test_files_that_cannot_be_read_are_told_in_one_sentence(
    shop: Shop, name: str, content: bytes, sentence: str
) -> None:
    path = shop.folder / name
    path.write_bytes(content)
    with pytest.raises(PublishingError, match=sentence) as caught:
        shop.load("safcat.t", path)
    assert "\n" not in str(caught.value)
    assert shop.generations() == set()


def test_a_late_value_that_does_not_fit_changes_nothing(shop: Shop) -> None:
    path = shop.folder / "t.parquet"
    pa.parquet.write_table(pa.table({"n": [*range(60_000), 2**40]}), path)
    with pytest.raises(PublishingError, match="rows 50001 to 60001: column n holds what does not fit"):
        shop.load("safcat.t", path, words="columns: {n: {datatype: int}}")
    assert shop.generations() == set()
    with shop.shelf.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(leftover)) == 0


def test_types_that_no_votable_has_are_refused_by_name(shop: Shop) -> None:
    path = shop.folder / "t.parquet"
    pa.parquet.write_table(pa.table({"n": [1], "pair": [{"a": 1}], "raw": [b"x"]}), path)
    with pytest.raises(PublishingError, match=r"pair \(struct.*raw \(binary"):
        shop.load("safcat.t", path)


def test_of_two_loads_of_one_table_the_later_is_told(shop: Shop) -> None:
    path = shop.folder / "t.csv"
    path.write_text("n\n1\n")
    shop.load("safcat.t", path)

    def drop_meanwhile(*_: int) -> None:
        with shop.shelf.engine.begin() as connection:
            withdraw(connection, "safcat", "t")

    shop.progress = type("Hook", (list,), {"append": lambda _, done: drop_meanwhile(*done)})()
    with pytest.raises(PublishingError, match=r"Another command changed safcat\.t"):
        shop.load("safcat.t", path, mode=Mode.REPLACE)
    with shop.shelf.engine.connect() as connection:
        assert find_publication(connection, "safcat", "t") is None
    assert sweep(shop.shelf) == 1
    assert shop.generations() == set()


_HANGING_LOAD = """
import pathlib, sys, time
import sqlalchemy as sa
from schema.publishing.description import Description
from schema.publishing.publish import Shelf, load_table
url, folder, path = sys.argv[1:]
shelf = Shelf(sa.create_engine(url), pathlib.Path(folder), "256MB")
def hang(*_):
    print("reading", flush=True)
    time.sleep(600)
load_table(shelf, "safcat", "t", [pathlib.Path(path)], Description(), hang)
"""


def test_a_killed_load_leaves_nothing_that_is_seen_and_what_the_next_sweep_removes(shop: Shop) -> None:
    path = shop.folder / "t.csv"
    path.write_text("n\n1\n")
    url = shop.shelf.engine.url.render_as_string(hide_password=False)
    with subprocess.Popen(
        [sys.executable, "-c", _HANGING_LOAD, url, str(shop.shelf.folder), str(path)], stdout=subprocess.PIPE, text=True
    ) as loading:
        assert loading.stdout is not None
        assert loading.stdout.readline() == "reading\n"
        assert sweep(shop.shelf) == 0
        assert len(shop.generations()) == 1
        loading.kill()
        loading.wait()
    with shop.shelf.engine.connect() as connection:
        assert find_publication(connection, "safcat", "t") is None
    assert sweep(shop.shelf) == 1
    assert shop.generations() == set()
    assert shop.load("safcat.t", path).added == 1
