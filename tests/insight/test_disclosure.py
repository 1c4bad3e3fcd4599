"""No reader of what is published can be certain of a group of 1 to 9 people."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.insight import disclosure
from bot.insight.disclosure import FEW, HELD, UNADDED, Figure, figure, fold, known, publish, total
from tests.insight.attack import found

NUMBERS = st.one_of(st.integers(0, 14), st.integers(0, 60))


@st.composite
def same_people(draw: st.DrawFn) -> dict[str, dict[str, int]]:
    """Two or three tables that divide the same people, in two to five categories each."""
    first = draw(st.lists(NUMBERS, min_size=2, max_size=5))
    tables = [first]
    for _ in range(draw(st.integers(1, 2))):
        marks = sorted(draw(st.lists(st.integers(0, sum(first)), min_size=1, max_size=4)))
        tables.append([high - low for low, high in zip([0, *marks], [*marks, sum(first)], strict=True)])
    return {f"t{n}": {f"c{m}": number for m, number in enumerate(one)} for n, one in enumerate(tables)}


@pytest.mark.parametrize(
    ("number", "shown"), [(0, FEW), (1, FEW), (9, FEW), (10, 10), (12, 10), (13, 15), (17, 15), (18, 20), (1_003, 1_005)]
)
def test_small_numbers_are_hidden_and_others_rounded(number: int, shown: Figure) -> None:
    assert figure(number) == shown


@given(st.integers(0, 10_000))
def test_what_a_figure_is_taken_to_tell_is_what_it_tells(number: int) -> None:
    range_ = known(figure(number))
    assert range_.low <= number <= range_.high
    assert all(figure(other) == figure(number) for other in range(int(range_.low), int(range_.high) + 1))


def test_a_total_is_the_sum_of_what_is_shown() -> None:
    assert total([10, FEW, 25, HELD]) == 35
    assert total([FEW]) is FEW and total([FEW, FEW]) is UNADDED is total([HELD, FEW]) and total([HELD]) is HELD


def test_the_one_hidden_cell_of_a_table_is_not_had_by_subtracting() -> None:
    """129 people, 9 of them dads: the table by channel shows 130, the one by role would leave 4 to 14 for the dads."""
    tables = {"role": {"mum": 120, "dad": 9}, "channel": {"webchat": 100, "whatsapp": 29}}
    plain = {name: {key: figure(number) for key, number in counts.items()} for name, counts in tables.items()}
    assert [(name, group) for name, group, _, _ in found(plain)] == [("role", ("dad",))]
    assert publish(tables) == {"role": {"mum": HELD, "dad": FEW}, "channel": {"webchat": 100, "whatsapp": 30}}


def test_a_table_that_cannot_be_mended_is_held_back_whole() -> None:
    """18 people, 9 and 9: the other table tells that there are 18, so both cells would be known to the last person."""
    shown = publish({"kind": {"new": 9, "returning": 9}, "channel": {"webchat": 18, "sms": 0}})
    assert shown["kind"] == {"new": HELD, "returning": HELD}
    assert list(found(shown)) == []


def test_small_groups_stay_visible_where_nothing_tells_of_them() -> None:
    shown = publish({"role": {"mum": 120, "dad": 4, "carer": 2, "unsaid": 70}, "channel": {"webchat": 150, "whatsapp": 46}})
    assert shown["role"] == {"mum": 120, "dad": FEW, "carer": FEW, "unsaid": 70}


def test_a_total_beside_its_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="total"):
        publish({"all": {"people": 120}, "role": {"mum": 110, "dad": 10}})


def test_categories_that_nobody_can_list_are_folded() -> None:
    assert fold({"ZZ1": 30, "ZZ2": 9, "ZZ3": 4, "other": 12}, "other") == {"ZZ1": 30, "other": 25}
    assert fold({}, "other") == {"other": 0}
    assert list(fold({"b": 12, "other": 1, "c": 30, "a": 10}, "other")) == [
        "a",
        "b",
        "c",
        "other",
    ]  # who came first tells nothing


@settings(max_examples=40, deadline=None)
@given(same_people())
def test_no_attack_is_certain_of_a_small_group_and_nothing_is_held_back_without_need(
    tables: Mapping[str, Mapping[str, int]],
) -> None:
    shown = publish(tables)
    assert list(found(shown)) == []
    plain = {name: {key: figure(number) for key, number in counts.items()} for name, counts in tables.items()}
    assert shown == plain or next(found(plain), None) is not None
    for name, figures in shown.items():
        assert set(figures) == set(tables[name])
        for category, one in figures.items():
            assert known(one).low <= tables[name][category] <= known(one).high


def test_the_attack_finds_what_is_not_protected(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above could not fail if the attack saw nothing."""
    monkeypatch.setattr(disclosure, "_risky", lambda shown, least: None)
    tables = {"a": {"x": 18, "y": 9}, "b": {"x": 17, "y": 10}}
    assert list(found(publish(tables)))
