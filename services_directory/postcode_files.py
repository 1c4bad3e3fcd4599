"""Where postcodes are, from a file that the owner of an installation supplies.

Read are ONSPD and NSPL (CSV with columns ``pcds`` or ``pcd``, ``lat`` and ``long``) and Code-Point Open (CSV without a header:
postcode, quality, easting, northing), each alone or in the zip it comes in. A file is streamed: in memory are only the
postcodes themselves, eleven bytes each. They are kept by outcode, packed, one row of a table each, and are read one
outcode at a time. Nothing here is sent anywhere.
"""

import csv
import io
import re
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, delete, insert, select

from services_directory import models
from services_directory.database import writing
from services_directory.grid import to_wgs84

PACKED = np.dtype([("incode", "S3"), ("latitude", "<i4"), ("longitude", "<i4")])
# A hundred thousandth of a degree is about a metre.
PARTS_OF_A_DEGREE = 100_000
AT_ONCE = 20_000
MOST_POSTCODES = 4_000_000
MOST_LINES = 6_000_000
LONGEST_LINE = 10_000
LARGEST_UNPACKED = 4 * 1024**3
_WHOLE = re.compile(r"([A-Z]{1,2}[0-9][0-9A-Z]?)([0-9][A-Z]{2})")
# Latitudes and longitudes of the United Kingdom and the islands, with room.
SOUTH, NORTH, WEST, EAST = 48.5, 61.5, -9.5, 2.5


class UnreadablePostcodes(ValueError):
    """The file is not one of those that are known, in words for whoever brought it. Nothing was kept."""


@dataclass(frozen=True)
class PostcodesRead:
    """What a file brought: postcodes kept; and lines left out because they had no place, were none, or were of NI."""

    kept: int
    without_place: int
    unreadable: int
    northern_ireland: int

    def __str__(self) -> str:
        """Return it in a sentence for the owner."""
        left = [
            f"{count:,} {what}"
            for count, what in (
                (self.without_place, "without a place"),
                (self.unreadable, "that could not be read"),
                (self.northern_ireland, "of Northern Ireland (add --northern-ireland if your licence covers them)"),
            )
            if count
        ]
        return f"{self.kept:,} postcodes kept" + (f"; left out: {', '.join(left)}" if left else "")


def load_postcodes(engine: Engine, path: Path, *, northern_ireland: bool = False) -> PostcodesRead:
    """Read a file and keep its postcodes in place of those of before, all or nothing. Raises ``UnreadablePostcodes``.

    ``northern_ireland``: keep BT postcodes too, whose licence is not that of the others.
    """
    collector = _Collector(northern_ireland)
    for lines in _csv_files(path):
        collector.read(lines)
    if not collector.packed:
        raise UnreadablePostcodes("There is no postcode with a place in the file. Nothing was changed.")
    with writing(engine) as session:
        session.execute(delete(models.OutcodePoints))
        for outcode, packed in sorted(collector.packed.items()):
            points = np.unique(np.frombuffer(bytes(packed), dtype=PACKED))
            row = {"outcode": outcode, "points": zlib.compress(points.tobytes(), 6)}
            session.execute(insert(models.OutcodePoints), [row])
    return PostcodesRead(collector.kept, collector.without_place, collector.unreadable, collector.northern_ireland)


def _csv_files(path: Path) -> Iterator[Iterator[str]]:
    """Yield the lines of each CSV file. Raises ``UnreadablePostcodes``."""
    try:
        if not zipfile.is_zipfile(path):
            with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
                yield _bounded(file)
            return
        with zipfile.ZipFile(path) as archive:
            members = [item for item in archive.infolist() if _holds_postcodes(item.filename)]
            if sum(item.file_size for item in members) > LARGEST_UNPACKED:
                raise UnreadablePostcodes("The zip holds more than four gigabytes. Take the CSV out of it and give me that.")
            for item in members:
                with archive.open(item) as member:
                    yield _bounded(io.TextIOWrapper(member, encoding="utf-8-sig", errors="replace", newline=""))
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise UnreadablePostcodes(f"The file cannot be opened ({error}).") from error


def _holds_postcodes(name: str) -> bool:
    """Tell the data from what lies beside it: explanations, look-up tables, and ONSPD's second copy in pieces."""
    low = name.lower()
    return low.endswith(".csv") and "multi_csv" not in low and "/doc" not in f"/{low}" and "documents/" not in low


def _bounded(lines: io.TextIOBase) -> Iterator[str]:
    while line := lines.readline(LONGEST_LINE):
        yield line


class _Collector:
    def __init__(self, with_northern_ireland: bool) -> None:
        self.packed: defaultdict[str, bytearray] = defaultdict(bytearray)
        self.kept = self.without_place = self.unreadable = self.northern_ireland = 0
        self._with_northern_ireland = with_northern_ireland
        self._lines = 0
        self._waiting: list[tuple[str, str, float, float]] = []

    def read(self, lines: Iterable[str]) -> None:
        """Read one CSV file. One that has no postcodes (a list of codes beside the data) is left aside."""
        rows = csv.reader(lines)
        try:
            first = next(rows, None)
            if first is None:
                return
            columns = [cell.strip().lower() for cell in first]
            if "lat" in columns and "long" in columns and ("pcds" in columns or "pcd" in columns):
                code = columns.index("pcds" if "pcds" in columns else "pcd")
                self._take(rows, code, columns.index("lat"), columns.index("long"), grid=False)
            elif len(first) >= 4 and _read(first[0]) is not None:
                self._take([first], 0, 2, 3, grid=True)
                self._take(rows, 0, 2, 3, grid=True)
        except csv.Error as error:
            raise UnreadablePostcodes(f"Line {rows.line_num} cannot be read as CSV ({error}). Nothing was changed.") from error

    def _take(self, rows: Iterable[list[str]], code: int, first: int, second: int, *, grid: bool) -> None:
        for row in rows:
            self._lines += 1
            if self._lines > MOST_LINES or self.kept > MOST_POSTCODES:
                raise UnreadablePostcodes("The file has more lines than there can be postcodes. Nothing was changed.")
            if len(row) <= max(code, first, second):
                self.unreadable += bool(row)
                continue
            found = _read(row[code])
            try:
                one, other = float(row[first]), float(row[second])
            except ValueError:
                found, one, other = None if row[first].strip() else found, 0.0, 0.0
            if found is None:
                self.unreadable += 1
            elif found[0].startswith("BT") and not self._with_northern_ireland:
                self.northern_ireland += 1
            else:
                self._waiting.append((*found, one, other))
                if len(self._waiting) >= AT_ONCE:
                    self._pack(grid)
        self._pack(grid)

    def _pack(self, grid: bool) -> None:
        one, other = (np.array([row[at] for row in self._waiting], dtype=float) for at in (2, 3))
        somewhere = (one > 0) & (other > 0) & (one < 1e6) & (other < 2e6) if grid else np.isfinite(one) & np.isfinite(other)
        # Names without a place stand at 0, 0 on the grid and at the pole in degrees.
        latitude, longitude = to_wgs84(np.where(somewhere, one, 4e5), np.where(somewhere, other, 4e5)) if grid else (one, other)
        somewhere &= (latitude > SOUTH) & (latitude < NORTH) & (longitude > WEST) & (longitude < EAST)
        points = np.zeros(len(self._waiting), dtype=PACKED)
        points["incode"] = [row[1] for row in self._waiting]
        points["latitude"] = np.where(somewhere, np.round(latitude * PARTS_OF_A_DEGREE), 0)
        points["longitude"] = np.where(somewhere, np.round(longitude * PARTS_OF_A_DEGREE), 0)
        for at in np.flatnonzero(somewhere):
            self.packed[self._waiting[at][0]] += points[at].tobytes()
        self.kept += int(somewhere.sum())
        self.without_place += int((~somewhere).sum())
        self._waiting.clear()


def _read(text: str) -> tuple[str, str] | None:
    """Return outcode and incode of a postcode, with or without its space."""
    match = _WHOLE.fullmatch(text[:16].replace(" ", "").upper())
    return (match[1], match[2]) if match else None


# ---- Asking -----------------------------------------------------------------------------------------------------------


class PostcodePoints:
    """Where postcodes are, by the file that was loaded last. Reads an outcode when it is first asked for."""

    def __init__(self, engine: Engine) -> None:
        """``engine``: a database on which ``migrate`` has run."""
        self._engine = engine
        self._kept = lru_cache(maxsize=200)(self._load)

    def _load(self, outcode: str) -> NDArray[np.void] | None:
        query = select(models.OutcodePoints.points).where(models.OutcodePoints.outcode == outcode)
        with self._engine.connect() as connection:
            packed = connection.execute(query).scalar_one_or_none()
        return None if packed is None else np.frombuffer(zlib.decompress(packed), dtype=PACKED)

    def middle(self, outcode: str, incode: str) -> tuple[float, float] | None:
        """Return the middle of the postcodes of an outcode that begin with ``incode`` (all of it, its digit, or nothing)."""
        points = self._kept(outcode)
        if points is None:
            return None
        if incode:
            points = points[np.char.startswith(points["incode"], incode.encode())]
        if not len(points):
            return None
        latitude, longitude = (float(points[name].mean()) / PARTS_OF_A_DEGREE for name in ("latitude", "longitude"))
        return latitude, longitude
