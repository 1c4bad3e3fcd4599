"""Postcodes and place names in what parents write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services_directory import Directory, find_place, find_postcode
from services_directory.place_index import PlaceIndex
from services_directory.places import Postcode, miles_between
from services_directory.records import Venue
from services_directory.text import within_edits, words


def venue(name: str, postcode: str, town: str, point: tuple[float, float] | None = None, **fields: object) -> Venue:
    values: dict[str, object] = {
        "id": name,
        "name": name,
        "address": (),
        "town": town,
        "district": "Farland",
        "postcode": postcode,
        "latitude": point[0] if point else None,
        "longitude": point[1] if point else None,
        "nation": "wales",
        "family_hub": False,
        "private": False,
        "access": (),
        "transport": None,
    }
    return Venue(**(values | fields))  # type: ignore[arg-type]


INDEX = PlaceIndex(
    [
        venue("Acorn Family Hub (example)", "ZZ7 1AA", "Nearton", (55.0, 2.0), family_hub=True),
        venue("Nearton Hall (example)", "ZZ7 1AB", "Nearton", (55.0, 2.2)),
        venue("Elm Rooms (example)", "ZZ7 2AB", "Nearton", (55.2, 2.1)),
        venue("Far Hall (example)", "ZZ8 1AA", "Otherby", (55.4, 2.6), district="Backland"),
        venue("Hidden House (example)", "ZZ7", "Nearton", private=True),
        venue("Unmapped Hall (example)", "ZZ9 1AA", "Thirdwick"),
    ],
    aliases=[("Old Town", "Nearton"), ("নিয়ারটন", "Nearton"), ("Nowhere at all", "Atlantis")],
    areas=["Farland", "Skyland", "UK", "ZZ7"],
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("zz1 2ab", "ZZ1 2AB"),
        ("ZZ12AB", "ZZ1 2AB"),
        ("my postcode is zz1  2ab thanks", "ZZ1 2AB"),
        ("zz 1 2ab", "ZZ1 2AB"),
        ("ZZ1 OAB", "ZZ1 0AB"),
        ("(ZZ1 2AB).", "ZZ1 2AB"),
        ("ZZ1 2AB کے قریب", "ZZ1 2AB"),
        ("فيZZ1 2AB", "ZZ1 2AB"),
        ("ＺＺ１　２ＡＢ", "ZZ1 2AB"),
        ("zz١ ٢ab", "ZZ1 2AB"),
        ("EC1A 1BB", "EC1A 1BB"),
        ("cf37 or zz1 2ab", "ZZ1 2AB"),
    ],
)
def test_it_finds_a_whole_postcode(text: str, expected: str) -> None:
    found = find_postcode(text)
    assert found is not None
    assert found.full == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("anything on for babies near ZZ1?", "ZZ1"),
        ("CF37 please", "CF37"),
        ("groups in s10", "S10"),
        ("W1A", "W1A"),
        ("zz1 2 year old", "ZZ1"),
        ("zz1 2yr old twins", "ZZ1"),
        ("ZZ1 3rd time asking", "ZZ1"),
        ("near zz1 our baby is 3 months", "ZZ1"),
        ("CH4 7", "CH4"),
    ],
)
def test_it_finds_the_first_half_of_a_postcode(text: str, expected: str) -> None:
    found = find_postcode(text)
    assert found is not None
    assert (found.outcode, found.full) == (expected, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "my baby is 3 months old",
        "vitamin b12 for toddlers",
        "B12 deficiency",
        "e45 cream",
        "is there one near the M25",
        "my2 year old",
        "KS1 reading",
        "saw it on ch4",
        "she was 6lb 2oz",
        "2yr old and 4yr old",
        "covid19",
        "at 3 2yr old groups",
        "S4C",
        "the A4 sheet",
        "room 101",
    ],
)
def test_it_takes_nothing_else_for_a_postcode(text: str) -> None:
    assert find_postcode(text) is None


@given(st.text())
def test_no_text_breaks_the_parsers(text: str) -> None:
    find_postcode(text)
    find_place(text, INDEX)


@given(
    st.from_regex(r"[QXZ]{2}[1-9][0-9]? ?[0-9][ABD-HJLNP-UW-Z]{2}", fullmatch=True).filter(
        lambda code: code[-3:] not in {"1ST", "2ND", "3RD"} and not code.endswith("TH")
    ),
    st.sampled_from(["{}", "we live in {} now", "{}?", "near {}, with a baby"]),
)
def test_every_well_formed_postcode_is_read_the_same_in_any_sentence(code: str, sentence: str) -> None:
    found = find_postcode(sentence.format(code.lower()))
    assert found is not None
    assert (found.full or "").replace(" ", "") == code.replace(" ", "")


def test_the_ladder_goes_from_the_very_postcode_to_its_area() -> None:
    def rung(text: str) -> tuple[str | None, tuple[float, float] | None]:
        place = find_place(text, INDEX)
        assert place is not None
        return place.precision, place.point

    assert rung("ZZ7 1AA") == ("exact", (55.0, 2.0))
    assert rung("ZZ7 1XX") == ("sector", (55.0, 2.1))
    precision, point = rung("ZZ7 9XX")
    assert precision == "outcode"
    assert point == pytest.approx((55.0667, 2.1), abs=0.001)
    assert rung("ZZ6 1AA")[0] == "area"
    assert rung("XX1 1AA") == (None, None)


def test_a_place_keeps_only_the_first_half_of_a_postcode_for_its_name() -> None:
    place = find_place("zz7 1aa", INDEX)
    assert place is not None
    assert place.name == "ZZ7"


def test_a_postcode_lies_in_the_district_and_nation_of_its_neighbours() -> None:
    place = find_place("ZZ7 1XX", INDEX)
    assert place is not None
    assert {"zz7 1xx", "zz7 1", "zz7", "zz", "farland", "nearton", "wales", "great-britain", "uk"} <= place.within


def test_an_unknown_outcode_of_a_known_area_is_not_put_into_any_district() -> None:
    place = find_place("ZZ6 1AA", INDEX)
    assert place is not None
    assert not {"farland", "backland"} & place.within
    assert "wales" in place.within


@pytest.mark.parametrize(
    ("postcode", "nations"),
    [
        ("CF37", {"wales"}),
        ("BT7 1NN", {"northern-ireland"}),
        ("SY10", {"england", "wales"}),
        ("EH1", {"scotland"}),
        ("IM1", set()),
    ],
)
def test_a_real_area_says_its_nation_even_where_the_directory_has_nothing(postcode: str, nations: set[str]) -> None:
    place = find_place(postcode, INDEX)
    assert place is not None
    assert place.within & {"england", "northern-ireland", "scotland", "wales"} == nations
    assert ("great-britain" in place.within) == bool(nations and nations != {"northern-ireland"})


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("toddler groups nearton??", "town", "Nearton"),
        ("NEARTON", "town", "Nearton"),
        ("we are in Néarton", "town", "Nearton"),
        ("groups in neerton", "town", "Nearton"),
        ("the old town", "town", "Nearton"),
        ("নিয়ারটন এ", "town", "Nearton"),
        ("near the acorn hub", None, None),
        ("near acorn family hub", "hub", "Acorn Family Hub (example)"),
        ("is acorn open", "hub", "Acorn Family Hub (example)"),
        ("Elm Rooms", "venue", "Elm Rooms (example)"),
        ("somewhere in Farland", "district", "Farland"),
        ("skyland", "district", "Skyland"),
        ("dw i'n byw yng Nghymru / Cymru", "nation", "wales"),
        ("mieszkam: Szkocja", "nation", "scotland"),
        ("buggy walks", None, None),
        ("Atlantis", None, None),
        ("hidden house", None, None),
        ("dundee", None, None),
        ("", None, None),
    ],
)
def test_it_finds_a_place_by_name(text: str, kind: str | None, name: str | None) -> None:
    place = find_place(text, INDEX)
    if text == "near the acorn hub":
        # "acorn" alone is the hub's short name.
        kind, name = "hub", "Acorn Family Hub (example)"
    assert (place.kind, place.name) == (kind, name) if place else kind is None


def test_a_postcode_wins_over_a_name() -> None:
    place = find_place("Nearton ZZ8", INDEX)
    assert place is not None
    assert place.name == "ZZ8"


def test_two_towns_of_one_name_have_no_middle() -> None:
    index = PlaceIndex(
        [venue("A", "ZZ1 1AA", "Samename", (55.0, 2.0)), venue("B", "ZZ2 1AA", "Samename", (56.5, 2.0))],
    )
    place = find_place("samename", index)
    assert place is not None
    assert place.point is None


def test_a_private_house_gives_no_place_a_point() -> None:
    index = PlaceIndex([venue("Hidden House", "ZZ5", "Lonelyham", private=True)])
    for text in ("ZZ5 1AA", "ZZ5", "Lonelyham"):
        place = find_place(text, index)
        assert place is not None
        assert place.point is None


def test_miles_are_miles() -> None:
    # One degree of latitude is about 69 miles anywhere.
    assert miles_between((55.0, 2.0), (56.0, 2.0)) == pytest.approx(69.1, abs=0.1)
    assert miles_between((55.0, 2.0), (55.0, 2.0)) == 0


def test_words_are_whole_in_scripts_with_vowel_signs() -> None:
    assert words("শিশুদের দল, ਬੱਚਾ!") == ["শিশুদের", "দল", "ਬੱਚਾ"]
    assert words("Młodych Dads' café") == ["mlodych", "dads", "cafe"]


@given(st.text(alphabet="abc", max_size=6), st.text(alphabet="abc", max_size=6), st.integers(0, 3))
def test_edits_are_the_same_both_ways_round(one: str, other: str, most: int) -> None:
    assert within_edits(one, other, most) == within_edits(other, one, most)
    assert within_edits(one, one, 0)


@pytest.mark.parametrize("swap", ["lrakmoor", "larkmoro"])
def test_two_letters_the_wrong_way_round_are_one_edit(swap: str) -> None:
    assert within_edits(swap, "larkmoor", 1)


def test_it_knows_the_places_of_the_demonstration(shared_demonstration: Directory) -> None:
    for text, name in (
        ("ZZ1 2AB", "ZZ1"),
        ("Larkmoor", "Larkmoor"),
        ("سالٹمیر میں", "Saltmere"),
        ("pier", "Pier Family"),
    ):
        place = shared_demonstration.find_place(text)
        assert place is not None
        assert place.name.startswith(name)


def test_a_postcode_is_a_plain_value() -> None:
    assert find_postcode("zz1 2ab") == Postcode("ZZ", "ZZ1", "2AB")
