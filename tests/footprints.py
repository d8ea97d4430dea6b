"""Footprints of invented products as objects of S2, which judges what meets what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import spherely

Truths = npt.NDArray[np.bool_]


def west(lon: float) -> float:
    return (lon + 180.0) % 360.0 - 180.0


def point(lon: float, lat: float) -> Any:
    return spherely.create_point(west(lon), lat)


def polygon(vertices: Sequence[tuple[float, float]]) -> Any:
    return spherely.create_polygon([(west(lon), lat) for lon, lat in vertices])


def outline(ra1: float, ra2: float, dec1: float, dec2: float) -> Any:
    """A range of coordinates with its parallels cut into arcs of 0.02 degrees."""
    along = np.linspace(ra1, ra2, max(2, int((ra2 - ra1) / 0.02)))
    return polygon([(float(lon), dec1) for lon in along] + [(float(lon), dec2) for lon in along[::-1]])


@dataclass
class Footprints:
    """The parts of all regions: circles and polygons, each with the row that it belongs to."""

    count: int
    polygons: Any
    polygon_rows: npt.NDArray[np.int64]
    centres: Any
    radii: npt.NDArray[np.float64]
    circle_rows: npt.NDArray[np.int64]

    def near(self, lon: float, lat: float, radius: float) -> Truths:
        """Which rows have a point within a circle."""
        centre = point(lon, lat)
        return self._rows(
            spherely.distance(self.polygons, centre, radius=1.0) <= np.radians(radius),
            spherely.distance(self.centres, centre, radius=1.0) <= np.radians(self.radii + radius),
        )

    def meeting(self, shape: Any) -> Truths:
        """Which rows have a point in common with a polygon."""
        return self._rows(
            spherely.intersects(self.polygons, shape),
            spherely.distance(self.centres, shape, radius=1.0) <= np.radians(self.radii),
        )

    def _rows(self, polygons: Truths, circles: Truths) -> Truths:
        found = np.zeros(self.count, dtype=bool)
        found[self.polygon_rows[polygons]] = True
        found[self.circle_rows[circles]] = True
        return found


def read_footprints(rows: Sequence[dict[str, Any]]) -> Footprints:
    """Take the STC-S texts of invented rows apart, by splitting them at blanks."""
    polygons, polygon_rows, centres, radii, circle_rows = [], [], [], [], []
    for number, row in enumerate(rows):
        text = (row["s_region"] or "").replace("ICRS", "").replace("UNION", "").replace("(", "").replace(")", "")
        shape = ""
        parts: list[tuple[str, list[float]]] = []
        for word in text.split():
            if word.isalpha():
                shape = word
                parts.append((shape, []))
            else:
                parts[-1][1].append(float(word))
        for shape, numbers in parts:
            if shape == "POLYGON":
                polygons.append(polygon(list(zip(numbers[::2], numbers[1::2], strict=True))))
                polygon_rows.append(number)
            else:
                centres.append(point(numbers[0], numbers[1]))
                radii.append(numbers[2])
                circle_rows.append(number)
    return Footprints(
        len(rows), np.array(polygons), np.array(polygon_rows), np.array(centres), np.array(radii), np.array(circle_rows)
    )
