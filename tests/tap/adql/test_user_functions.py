"""User-defined functions; expected values are those of the catalogue of UDFs 1.2, astropy and cdshealpix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import FK4NoETerms, SkyCoord, angular_separation
from astropy.time import Time
from cdshealpix.nested import lonlat_to_healpix
from mocpy import MOC

from schema.catalogue import Catalogue
from tap.adql.compile import compile_query
from tap.adql.errors import AdqlError
from tap.adql.functions import LANGUAGE_FEATURES, UDF

Answer = Callable[[str], list[tuple[Any, ...]]]

# Values of one row, given by the catalogue where nothing else is said.
VALUES = [
    ("ivo_healpix_index(0, 1, 1)", 4),
    ("ivo_healpix_index(17, 1, 1)", 81609757711),
    ("ivo_healpix_index(17, 359, -1)", 73009064944),
    ("ivo_healpix_index(17, -1, -1)", 73009064944),
    ("ivo_healpix_index(0, POINT(1, 1))", 4),
    ("IVO_HEALPIX_INDEX(17, POINT('ICRS', 1, 1))", 81609757711),
    ("ivo_healpix_index(17, CENTROID(CIRCLE(359, -1, 3)))", 73009064944),
    ("ivo_healpix_index(30, 1, 1)", None),
    ("ivo_healpix_index(-1, 1, 1)", None),
    ("ivo_healpix_index(30, ra, dec)", None),
    ("ivo_healpix_index(-1, ra, dec)", None),
    ("ivo_healpix_index(3, ra, dec+90.5)", None),
    ("ivo_healpix_index(3, NULL, 1)", None),
    ("ivo_healpix_center(0, 6)", [180.0, 0.0]),
    ("ivo_healpix_center(17, ivo_healpix_index(17, 23.4, 56.7))", [23.399843462947466, 56.70016214363192]),
    ("ivo_healpix_center(0, 12)", None),
    ("ivo_healpix_center(0, -1)", None),
    ("ivo_epoch_prop_pos(7.606083572, 11.79044105, 125, 300, -428.8, 52.51, 2016.0, 1992.25)",
     [7.604061404627978, 11.7932703828279]),
    ("ivo_epoch_prop_pos(7.606083572, 11.79044105, 125, 300, -428.8, 52.51, 2016.0, 1875.0)",
     [7.594068213694308, 11.807251375203935]),
    ("ivo_epoch_prop_pos(7.606083572, 11.79044105, 125, 300, -428.8, NULL, 2016.0, 1875.0)",
     [7.594079587029898, 11.807235464326332]),
    ("ivo_epoch_prop_pos(7.606083572, 11.79044105, 125, 300, NULL, NULL, 2016.0, 1875.0)",
     [7.594080321498365, 11.790440798509207]),
    ("ivo_epoch_prop_pos(7.606083572, 11.79044105, NULL, 300, -428.8, 52.51, 2016.0, 1875.0)",
     [7.594079587020846, 11.807235464339055]),  # a parallax that is small but not nothing
    ("ivo_geom_transform('ICRS', 'GALACTIC', POINT(120, -23))", [241.121831182, 3.62785788087]),
    ("gavo_transform('ICRS', 'GALACTIC', POINT(120, -23))", [241.121831182, 3.62785788087]),
    ("ivo_geom_transform('FK4', 'GALACTIC', CIRCLE(189.70303055, 22.96240006, 3))", [275.00025405, 84.99996154, 3.0]),
    ("ivo_geom_transform('GALACTIC', 'FK5', POLYGON(5, 3, 4, 4, 4.5, 2))",
     [266.44721, -23.107310, 264.95088, -23.434037, 267.09936, -24.051919]),
    ("ivo_geom_transform('ICRS', 'FK5', POINT(120, -23))", [120.0, -23.0]),
    ("ivo_to_jd(CAST('2000-01-02T12:00:00' AS TIMESTAMP))", 2451546.0),
    ("ivo_to_jd('1910-12-31T06:00:00')", 2419036.75),
    ("ivo_to_jd(NULL)", None),
    ("ivo_to_mjd(CAST('2000-01-02T12:00:00' AS TIMESTAMP))", 51545.5),
    ("ivo_to_mjd('1910-12-31T06:00:00')", 19036.25),
    ("ivo_to_mjd(NULL)", None),
    ("ivo_to_mjd(seen)", float(Time("2013-04-12T04:52:06", scale="utc").mjd)),
    ("ivo_nocasematch('abcabc', 'ab%')", 1),
    ("ivo_nocasematch('ABcabc', 'ab__bc')", 1),
    ("ivo_nocasematch('abcabc', '%BC')", 1),
    ("ivo_nocasematch('abcabc', 'ABCABC')", 1),
    ("ivo_nocasematch('abcabc', 'abcab')", 0),
    ("ivo_nocasematch(NULL, 'abcab')", 0),
    ("ivo_hasword('Miller and Urey have', 'miller')", 1),
    ("ivo_hasword('shown that a primordial', 'soup')", 0),
    ("ivo_hasword('shown that a primordial', 'shown primordial')", 1),
    ("ivo_hasword('shown that a primordial', 'shown soup')", 0),
    ("ivo_hasword('a radio-quiet (QSO)', 'qso, Radio')", 1),
    ("ivo_hasword('Große Übersicht', 'übersicht')", 1),
    ("ivo_hasword('a primordial', 'prim')", 0),
    ("ivo_hasword(name, NULL)", 0),
    ("ivo_hashlist_has('red#green#blue', 'red')", 1),
    ("ivo_hashlist_has('Red#green#blue', 'red')", 1),
    ("ivo_hashlist_has('red#green#blue', 'BLUE')", 1),
    ("ivo_hashlist_has('red#green#blue', 're')", 0),
    ("ivo_hashlist_has('red#green#blue', 'red#green')", 0),
    ("ivo_hashlist_has(NULL, 'red')", 0),
    ("ivo_interval_overlaps(-3, -2, 2, 3)", 0),
    ("ivo_interval_overlaps(-2, 55.3, 2, 3)", 1),
    ("ivo_interval_overlaps(2, 3, -2, 55.3)", 1),
    ("ivo_interval_overlaps(-2, 55.3, 3, 2)", 0),
    ("ivo_interval_overlaps(3, 2, -2, 55.3)", 0),
    ("ivo_interval_overlaps(-2, 2, 2, 3)", 1),
    ("ivo_hms_to_degrees('3:34:45.4')", 53.6891667),
    ("ivo_hms_to_degrees('3h34m45.4s')", 53.6891667),
    ("ivo_hms_to_degrees('3H34M45.4S')", 53.6891667),
    ("ivo_hms_to_degrees('033445.4')", 53.6891667),
    ("ivo_hms_to_degrees('3:34')", None),
    ("ivo_hms_to_degrees('3:64:00')", None),
    ("ivo_hms_to_degrees('3h34:45')", None),
    ("ivo_hms_to_degrees('NGC 1275')", None),
    ("ivo_hms_to_degrees('')", None),
    ("ivo_hms_to_degrees(NULL)", None),
    ("ivo_dms_to_degrees('42:9:6.768')", 42.15188),
    ("ivo_dms_to_degrees('42d9m6.768s')", 42.15188),
    ("ivo_dms_to_degrees('42D9M6.768S')", 42.15188),
    ("ivo_dms_to_degrees('420906.768')", 42.15188),
    ("ivo_dms_to_degrees('-00:15:00')", -0.25),
    ("ivo_dms_to_degrees('+00:15:00')", 0.25),
    ("ivo_dms_to_degrees('-0d15m0s')", -0.25),
    ("ivo_dms_to_degrees('+0d15m0s')", 0.25),
    ("ivo_dms_to_degrees('-001500')", -0.25),
    ("ivo_dms_to_degrees('1:2:3:4')", None),
    ("MOC('3/1-3')", "3/1-3"),
    ("AREA(MOC('0/0-11'))", float((4 * np.pi * u.sr).to_value(u.deg**2))),
    ("AREA(MOC('1/3 2/0'))", float((np.pi / 12 * u.sr).to_value(u.deg**2) * 1.25)),
    # What has a frame and what has none
    ("COORDSYS(POINT('ICRS GEOCENTER', 25.0, -19.5))", "ICRS GEOCENTER"),
    ("COORDSYS(CIRCLE('Galactic', 25.0, -19.5, 1))", "Galactic"),
    ("COORDSYS(POINT(25.0, -19.5))", "ICRS"),
    ("COORD1(POINT('GALACTIC', 25.0, -19.5))", 25.0),
    ("CONTAINS(POINT('GALACTIC', 0, 90), CIRCLE(192.85948, 27.12825, 1e-4))", 1),
    ("DISTANCE(POINT('fk4', 192.25, 27.4), POINT('GALACTIC', 0, 90))", 0.0),
    ("CONTAINS(POINT('GALACTIC', 0, 0), CIRCLE('ICRS', 266.405, -28.936, 0.01))", 1),
    ("CONTAINS(POINT('GALACTIC', 0, 0), CIRCLE(0, 0, 10))", 0),
    ("CONTAINS(POINT(266.405, -28.936), BOX('GALACTIC', 0, 0, 0.1, 0.1))", 1),
    ("CONTAINS(POINT('ECLIPTIC', 90, 23.4392794444), CIRCLE(90, 46.8785588, 0.001))", 1),
    ("CONTAINS(ivo_geom_transform('ICRS', 'GALACTIC', POINT(266.405, -28.936)), CIRCLE(0, 0, 0.01))", 1),
    ("CONTAINS(ivo_geom_transform('ICRS', 'GALACTIC', POINT(266.405, -28.936)), CIRCLE('GALACTIC', 0, 0, 0.01))", 1),
    ("CONTAINS(ivo_geom_transform('ICRS', 'GALACTIC', POINT(10, 0)), CIRCLE('ICRS', ra, dec, 0.01))", 1),
    ("INTERSECTS(CIRCLE('GALACTIC', 0, 0, 1), POLYGON(265, -30, 268, -30, 268, -27, 265, -27))", 1),
]  # fmt: skip


@pytest.mark.parametrize(("call", "expected"), VALUES, ids=[call for call, _ in VALUES])
def test_the_value_is_that_of_the_catalogue(answer: Answer, call: str, expected: Any) -> None:
    [(found,)] = answer(f"SELECT {call} FROM stars WHERE id = 1")
    if isinstance(expected, (float, list)):
        # The catalogue gives some numbers with few digits.
        few = "transform" in call or "degrees" in call
        assert found == pytest.approx(expected, rel=2e-8 if few else 1e-13, abs=1e-6 if "transform" in call else 2e-11)
    else:
        assert found == expected


def test_positions_of_rows_are_counted_in_cells(answer: Answer) -> None:
    places = {1: (10.0, 0.0), 2: (10.5, 0.0), 3: (359.9, 0.0), 4: (0.1, 0.0), 5: (37.954561, 89.264109)}
    for order in (0, 6, 29):
        rows = dict(answer(f"SELECT id, ivo_healpix_index({order}, ra, dec) FROM stars"))
        assert rows.pop(6) is None
        cells = {key: int(lonlat_to_healpix(lon * u.deg, lat * u.deg, order)[0]) for key, (lon, lat) in places.items()}
        assert rows == cells


def test_a_map_of_cells_is_a_grouped_query(answer: Answer) -> None:
    rows = answer(
        "SELECT ivo_healpix_index(0, ra, dec) AS cell, COUNT(*) FROM stars "
        "GROUP BY ivo_healpix_index(0, ra, dec) HAVING ivo_healpix_index(0, ra, dec) < 11 ORDER BY cell"
    )
    assert rows == [(0, 1), (4, 4)]


def test_strings_of_a_group_are_joined_in_order(answer: Answer) -> None:
    rows = answer("SELECT band, ivo_string_agg(name, ' <//> ') FROM stars GROUP BY band ORDER BY band")
    assert rows == [("K", "delta"), ("R", "beta"), ("V", "Alpha <//> Gamma <//> Polaris"), (None, "nowhere")]
    assert answer("SELECT ivo_string_agg(band, '') FROM stars WHERE id = 6") == [(None,)]


def test_histograms_agree_with_numpy(answer: Answer) -> None:
    values = np.array([12.5, 13.25, 9.75, 1.98, 11.0])
    for lower, upper, bins in ((0, 15, 5), (9.75, 13.25, 7), (10, 12, 1), (-3.5, -1, 2)):
        counts, _ = np.histogram(values, bins=bins, range=(lower, upper))
        below, above = int(np.sum(values < lower)), int(np.sum(values > upper))
        # One magnitude is NULL, which counts as too small.
        [(found,)] = answer(f"SELECT ivo_histogram(mag, {lower}, {upper}, {bins}) FROM stars")
        assert list(found) == [below + 1, *counts.tolist(), above]
    rows = answer("SELECT ivo_histogram(id, 1, 3, 2) FROM groups GROUP BY grp ORDER BY grp")
    assert [list(row[0]) for row in rows] == [[0, 1, 2, 0], [0, 0, 0, 2], [0, 0, 0, 1]]


def test_random_numbers_have_the_mean_and_width_asked_for(answer: Answer) -> None:
    joins = "".join(f" JOIN stars AS s{number + 1} ON s{number}.id <> -s{number + 1}.id" for number in range(4))
    rows = answer(f"SELECT ivo_normal_random(10, 5), ivo_normal_random(10, 5) FROM stars AS s0{joins}")
    first, second = np.array(rows).T
    for values in (first, second, (first + second) / np.sqrt(2.0) + 10.0 - 10.0 * np.sqrt(2.0)):
        assert np.mean(values) == pytest.approx(10.0, abs=5 * 5 / np.sqrt(len(rows)))
        assert np.std(values) == pytest.approx(5.0, rel=0.06)


FRAMES = {"GALACTIC": "galactic", "SUPER_GALACTIC": "supergalactic", "ECLIPTIC": "barycentricmeanecliptic",
          "FK4": FK4NoETerms(equinox="B1950"), "FK5": "fk5"}  # fmt: skip


@pytest.mark.parametrize("frame", FRAMES)
def test_rotations_agree_with_astropy(answer: Answer, frame: str) -> None:
    rows = answer(f"SELECT ra, dec, ivo_geom_transform('ICRS', '{frame}', POINT(ra, dec)) FROM stars WHERE id < 6")
    ra, dec = (np.array([row[place] for row in rows]) for place in (0, 1))
    found = np.array([row[2] for row in rows])
    there = SkyCoord(ra, dec, unit="deg", frame="icrs").transform_to(FRAMES[frame]).spherical
    apart = angular_separation(found[:, 0] * u.deg, found[:, 1] * u.deg, there.lon, there.lat)
    # Rotations leave out what the frames differ in beyond them: some hundredths of a second of arc.
    assert np.all(apart.to_value(u.arcsec) < 0.06)
    assert np.all((found[:, 0] >= 0.0) & (found[:, 0] <= 360.0))
    back = answer(
        f"SELECT DISTANCE(ivo_geom_transform('{frame}', 'ICRS', ivo_geom_transform('ICRS', '{frame}', POINT(ra, dec))),"
        " POINT(ra, dec)) FROM stars WHERE id < 6"
    )
    assert max(row[0] for row in back) < 1e-12


@pytest.mark.parametrize(
    "text", ["0/4", "3/1-3,5 4/30", "29/1152921504606846976-1152921504606846980", "0/0-11", "0/0,4 1/22 5/8000", ""]
)
def test_a_moc_holds_the_points_that_mocpy_finds_in_it(answer: Answer, text: str) -> None:
    moc = MOC.from_string(text.replace(",", " ") or "0/", format="ascii")
    rows = answer("SELECT id, ra, dec FROM stars WHERE id < 6")
    ids, ra, dec = (np.array(column) for column in zip(*rows, strict=True))
    inside = moc.contains_lonlat(ra * u.deg, dec * u.deg)
    for wanted, flag in ((inside, 1), (~inside, 0)):
        found = answer(f"SELECT id FROM stars WHERE {flag}=CONTAINS(POINT(ra, dec), MOC('{text or '0/'}')) ORDER BY id")
        assert [row[0] for row in found] == sorted(ids[wanted].tolist())
        found = answer(
            f"SELECT id FROM stars WHERE INTERSECTS(MOC('{text or '0/'}'), POINT(ra+0, dec))={flag} ORDER BY id"
        )
        assert [row[0] for row in found] == sorted(ids[wanted].tolist())


def test_a_moc_of_many_ranges_is_searched_through(answer: Answer) -> None:
    random = np.random.default_rng(5)
    cells = np.unique(
        np.concatenate([random.integers(0, 12 * 4**6, 900), lonlat_to_healpix(10 * u.deg, 0 * u.deg, 6)]).astype(
            np.int64
        )
    )
    text = "6/" + ",".join(map(str, cells))
    moc = MOC.from_string(text.replace(",", " "), format="ascii")
    rows = answer("SELECT id, ra, dec FROM stars WHERE id < 6")
    ids, ra, dec = (np.array(column) for column in zip(*rows, strict=True))
    wanted = ids[moc.contains_lonlat(ra * u.deg, dec * u.deg)]
    found = answer(f"SELECT id FROM stars WHERE 1=CONTAINS(POINT(ra, dec), MOC('{text}')) ORDER BY id")
    assert [row[0] for row in found] == sorted(wanted.tolist())


def test_the_frame_of_a_point_follows_it_out_of_a_subquery(answer: Answer) -> None:
    rows = answer(
        "SELECT COORDSYS(q.p), COORD1(p), COORD2(p), DISTANCE(p, POINT(266.40499, -28.93617)) "
        "FROM (SELECT POINT('GALACTIC', 0*ra, dec) AS p FROM stars WHERE id = 1) AS q"
    )
    assert rows[0][:3] == ("GALACTIC", 0.0, 0.0)
    assert rows[0][3] < 1e-5


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("ivo_healpix_indx(1, 2, 3)", "Did you mean ivo_healpix_index?"),
        ("ivo_simbadpoint('GJ 699')", "There is no function ivo_simbadpoint"),
        ("ivo_healpix_index(1)", "write ivo_healpix_index(hpxOrder, long, lat) or ivo_healpix_index(hpxOrder, point)"),
        ("ivo_healpix_center(17, 23.2)", "is a whole number"),
        ("ivo_healpix_index(5, name)", "takes points"),
        ("ivo_epoch_prop_pos(NULL, 11, 125, 300, NULL, NULL, 2016.0, 1875.0)", "ra of ivo_epoch_prop_pos"),
        ("ivo_epoch_prop_pos(7, 11, 125, 300, -428.8, 52.51, NULL, 1875.0)", "ref_epoch of ivo_epoch_prop_pos"),
        ("ivo_geom_transform('icrs', 'GALACTIC', POINT(1, 2))", "The frame 'icrs' is not known here"),
        ("ivo_geom_transform(name, 'GALACTIC', POINT(1, 2))", "string in single quotes"),
        ("ivo_geom_transform('ICRS', 'GALACTIC', 1)", "takes points, circles and polygons"),
        ("ivo_to_mjd(mag)", "takes timestamps"),
        ("ivo_to_mjd('yesterday')", "is no timestamp"),
        ("ivo_string_agg(name, name)", "string in single quotes"),
        ("ivo_histogram(mag, 1, 0, 3)", "must be above"),
        ("ivo_histogram(mag, 0, 1, 0)", "takes 1 to 10,000 bins"),
        ("ivo_histogram(mag, n, 1, 3)", "must be a number"),
        ("MOC('3/1-')", "This is no MOC"),
        ("MOC('cone')", "This is no MOC"),
        ("CONTAINS(POINT(1, 2), ivo_to_mjd('2000-01-01'))", "gives none"),
        ("CONTAINS(CIRCLE(1, 2, 3), MOC('3/1'))", "anything but a point"),
        ("CONTAINS(MOC('3/1'), CIRCLE(1, 2, 3))", "as its first geometry"),
        ("CENTROID(MOC('3/1'))", "CENTROID of a MOC"),
        ("DISTANCE(MOC('3/1'), POINT(1, 2))", "DISTANCE takes a point"),
        ("ivo_geom_transform('ICRS', 'GALACTIC', MOC('3/1'))", "takes points, circles and polygons"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_a_sentence(catalogue: Catalogue, call: str, words: str) -> None:
    with pytest.raises(AdqlError, match=r"^Line 1, column ") as caught:
        compile_query(f"SELECT {call} FROM stars", catalogue)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "adql",
    [
        "SELECT name FROM stars WHERE ivo_string_agg(name, '') = 'x'",
        "SELECT name, ivo_string_agg(name, '') FROM stars",
        "SELECT ivo_histogram(MAX(mag), 0, 1, 2) FROM stars",
    ],
)
def test_aggregates_stand_only_where_groups_are(catalogue: Catalogue, adql: str) -> None:
    with pytest.raises(AdqlError):
        compile_query(adql, catalogue)


def test_words_that_are_no_frame_are_told_in_a_warning(catalogue: Catalogue) -> None:
    query = compile_query(
        "SELECT id FROM stars WHERE 1=CONTAINS(POINT('Barycentre', ra, dec), CIRCLE(1, 2, 3))", catalogue
    )
    assert len(query.warnings) == 1
    assert "'Barycentre'" in query.warnings[0]
    for word in ("", "ICRS", "fk5", "J2000 GEOCENTER", "GALACTIC"):
        adql = f"SELECT id FROM stars WHERE 1=CONTAINS(POINT('{word}', ra, dec), CIRCLE(1, 2, 3))"
        assert compile_query(adql, catalogue).warnings == ()


def test_functions_are_declared_with_signature_and_description() -> None:
    declared = {feature.form.split("(")[0]: feature for feature in LANGUAGE_FEATURES if feature.feature_type == UDF}
    assert {"ivo_healpix_index", "ivo_epoch_prop_pos", "gavo_transform", "MOC"} <= set(declared)
    for feature in declared.values():
        assert feature.description
        assert " -> " in feature.form
