"""Postcodes from the owner's file, and from the grid to the globe."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from typer.testing import CliRunner

from services_directory import Directory, Query, migrate, open_engine
from services_directory.cli import directory_app
from services_directory.grid import from_grid, to_wgs84
from services_directory.places import miles_between
from services_directory.postcode_files import UnreadablePostcodes, load_postcodes

METRES = 1609.344
ONSPD = """pcd,pcds,doterm,oseast1m,lat,long
ZZ1 9AA,ZZ1 9AA,,1,55.012340,2.412340
ZZ1 9AB,ZZ1 9AB,,1,55.022340,2.422340
ZZ9 1AA,ZZ9 1AA,,1,55.500000,2.300000
ZZ9 1AB,ZZ9 1AB,,1,99.999999,0.000000
BT1 1AA,BT1 1AA,,1,54.600000,-5.930000
nonsense,nonsense,,1,55.0,2.0
"""
CODE_POINT = '"AB101AB",10,394235,806529,"S92000003"\n"AB101AF",90,0,0,"S92000003"\n'


def written(folder: Path, text: str, name: str = "postcodes.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8-sig")
    return path


def test_the_grid_gives_the_latitude_and_longitude_of_the_published_example() -> None:
    # Ordnance Survey's worked example: 52° 39' 27.2531" N, 1° 43' 4.5177" E on the Airy ellipsoid.
    latitude, longitude = from_grid(np.array([651409.903]), np.array([313177.270]))
    assert np.degrees(latitude[0]) == pytest.approx(52 + 39 / 60 + 27.2531 / 3600, abs=1e-8)
    assert np.degrees(longitude[0]) == pytest.approx(1 + 43 / 60 + 4.5177 / 3600, abs=1e-8)


@pytest.mark.parametrize(
    ("east", "north", "latitude", "longitude", "within_metres"),
    [
        (651409.804, 313177.450, 52.658007833, 1.716073972, 5),  # a water tower in Norfolk
        (216669, 771280, 56.79685, -5.00352, 30),  # the top of Ben Nevis
    ],
)
def test_points_on_the_grid_come_out_where_they_are(
    east: float, north: float, latitude: float, longitude: float, within_metres: float
) -> None:
    found = to_wgs84(np.array([east]), np.array([north]))
    miles = miles_between((float(found[0][0]), float(found[1][0])), (latitude, longitude))
    assert miles * METRES < within_metres


@settings(max_examples=60, deadline=None)
@given(st.floats(100_000, 640_000), st.floats(20_000, 1_200_000))
def test_a_kilometre_on_the_grid_is_a_kilometre_on_the_globe(east: float, north: float) -> None:
    latitude, longitude = to_wgs84(np.array([east, east + 1000, east]), np.array([north, north, north + 1000]))
    points = list(zip(latitude.tolist(), longitude.tolist(), strict=True))
    for other in points[1:]:
        assert miles_between(points[0], other) * METRES == pytest.approx(1000, rel=0.006)


def test_a_file_makes_every_home_a_place(demonstration: Directory, engine: Engine, tmp_path: Path) -> None:
    before = demonstration.find_place("ZZ1 9AA")
    assert before is not None
    assert before.precision == "outcode"
    read = load_postcodes(engine, written(tmp_path, ONSPD))
    assert (read.kept, read.without_place, read.unreadable, read.northern_ireland) == (3, 1, 1, 1)
    exact, sector, outcode, new, gone = (
        demonstration.find_place(text) for text in ("ZZ1 9AA", "ZZ1 9ZZ", "ZZ9", "ZZ9 1AA", "BT1 1AA")
    )
    assert exact is not None and sector is not None and outcode is not None and new is not None and gone is not None
    assert (exact.precision, exact.point) == ("exact", (55.01234, 2.41234))
    # Of the two postcodes of its sector the middle.
    assert (sector.precision, sector.point) == ("sector", pytest.approx((55.01734, 2.41734)))
    assert (outcode.precision, outcode.point, new.precision) == ("outcode", (55.5, 2.3), "exact")
    assert gone.point is None
    assert "larkmoor" in exact.within
    assert demonstration.search(Query(place="ZZ1 9AA", mode="go"))[0].distance_miles is not None


def test_northern_ireland_is_kept_only_if_the_owner_says_so(engine: Engine, tmp_path: Path) -> None:
    assert load_postcodes(engine, written(tmp_path, ONSPD), northern_ireland=True).kept == 4


def test_a_new_file_takes_the_place_of_the_old_one(demonstration: Directory, engine: Engine, tmp_path: Path) -> None:
    load_postcodes(engine, written(tmp_path, ONSPD))
    load_postcodes(engine, written(tmp_path, CODE_POINT))
    place = demonstration.find_place("AB10 1AB")
    assert place is not None
    assert place.point == pytest.approx((57.149, -2.097), abs=0.003)
    old = demonstration.find_place("ZZ9 1AA")
    assert old is None or old.precision != "exact"


def test_a_zip_is_read_without_what_lies_beside_the_data(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "codepo_gb.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Doc/Code-Point_Open_Column_Headers.csv", "PC,PQ,EA,NO\nPostcode,Quality,Eastings,Northings\n")
        archive.writestr("Data/CSV/ab.csv", CODE_POINT)
        archive.writestr("Data/CSV/codes.csv", "code,name\nS92000003,Scotland\n")
        archive.writestr("Data/multi_csv/again.csv", CODE_POINT.replace("AB10", "AB11"))
    assert str(load_postcodes(engine, path)) == "1 postcodes kept; left out: 1 without a place"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff" * 5000,
        b"name,place\nBob,Here\n",
        b"PK\x03\x04 broken",
        b'"' * 50_000,
        b"pcds,lat,long\nZZ1 1AA,nan,inf\n",
    ],
)
def test_a_file_of_another_kind_changes_nothing(engine: Engine, tmp_path: Path, content: bytes) -> None:
    load_postcodes(engine, written(tmp_path, ONSPD))
    path = tmp_path / "hostile.csv"
    path.write_bytes(content)
    directory = Directory(engine)
    before = directory.revision()
    with pytest.raises(UnreadablePostcodes):
        load_postcodes(engine, path)
    assert directory.revision() == before


def test_the_command_says_what_it_kept(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'directory.db'}"
    migrate(open_engine(database))
    found = CliRunner().invoke(directory_app, ["postcodes", str(written(tmp_path, ONSPD)), "--database", database])
    assert found.exit_code == 0
    assert "3 postcodes kept; left out: 1 without a place, 1 that could not be read, 1 of Northern Ireland" in found.output
    found = CliRunner().invoke(directory_app, ["postcodes", str(tmp_path / "none.csv"), "--database", database])
    assert found.exit_code == 1
    assert "cannot be opened" in found.output
