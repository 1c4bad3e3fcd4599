"""Cancelled and extra dates as rows of HSDS: what a reader who knows no exceptions works out is what we hold; and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services_directory.records import NO_RULE
from services_directory.single_dates import joined, split
from services_directory.timetables import Timetable, sessions

TODAY = date(2026, 11, 23)  # a Monday
END = TODAY + timedelta(days=70)
DAY = st.dates(TODAY, END)
OPENS = st.sampled_from(["09:00:00", "10:00:00"])


def present(**fields: Any) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


@st.composite
def rules(draw: st.DrawFn, number: int) -> dict[str, Any]:
    kind = draw(st.sampled_from(["week", "fortnight", "anchored", "month", "once"]))
    bounds = sorted((draw(DAY), draw(DAY)))
    start, end = (day.isoformat() if draw(st.booleans()) else None for day in bounds)
    rule = present(id=f"rule {number}", valid_from=start, valid_to=end, opens_at=draw(OPENS))
    if kind == "once":
        return rule | {"dtstart": draw(DAY).isoformat()}
    if kind == "month":
        return rule | {"freq": "MONTHLY", "interval": 1, "byday": "2TU"}
    more = {"freq": "WEEKLY", "interval": 1 if kind == "week" else 2, "byday": "TU,FR"}
    begins = bounds[0].isoformat()
    return rule | more | {"week": {}, "fortnight": {"dtstart": begins}, "anchored": {"valid_from": begins}}[kind]


@st.composite
def exceptions(draw: st.DrawFn, number: int) -> dict[str, Any]:
    return present(
        id=f"exception {number}",
        kind=draw(st.sampled_from(["cancelled", "extra"])),
        date=draw(DAY).isoformat(),
        schedule_id=draw(st.sampled_from([None, "rule 0", "rule 1"])),
        opens_at=draw(st.one_of(st.none(), OPENS)),
    )


def read_as_hsds(rows: list[dict[str, Any]]) -> set[tuple[date, time | None]]:
    """The sessions that a reader of the standard's own fields works out."""
    return {(one.date, one.opens) for row in rows for one in sessions(timetable(row), TODAY, END)}


def timetable(row: Mapping[str, Any]) -> Timetable:
    days = {key: date.fromisoformat(row[key]) for key in ("valid_from", "valid_to", "dtstart") if key in row}
    plain = {key: row[key] for key in ("freq", "interval", "byday") if key in row}
    opens = time.fromisoformat(row["opens_at"]) if "opens_at" in row else None
    return Timetable(**{**NO_RULE, **days, **plain, "opens": opens})


def held(rows: list[dict[str, Any]], dates: list[dict[str, Any]]) -> set[tuple[date, time | None]]:
    """The sessions by the plain meaning of rules and exceptions."""
    found: set[tuple[date, time | None]] = set()
    for row in rows:
        for one in read_as_hsds([row]):
            hit = (
                item
                for item in dates
                if item["kind"] == "cancelled"
                and date.fromisoformat(item["date"]) == one[0]
                and item.get("schedule_id") in (None, row["id"])
                and item.get("opens_at") in (None, row["opens_at"])
            )
            found |= set() if any(hit) else {one}
    times = {row["id"]: row["opens_at"] for row in rows}
    for item in dates:
        if item["kind"] == "extra":
            opens = item.get("opens_at") or times.get(item.get("schedule_id", ""))
            found.add((date.fromisoformat(item["date"]), time.fromisoformat(opens) if opens else None))
    return found


@given(
    st.tuples(rules(0), rules(1)).map(list),
    st.integers(0, 6).flatmap(lambda count: st.tuples(*[exceptions(number) for number in range(count)])).map(list),
)
def test_a_reader_of_the_standard_alone_finds_every_session_and_no_other(
    rows: list[dict[str, Any]], dates: list[dict[str, Any]]
) -> None:
    out = split(rows, dates, TODAY)
    assert read_as_hsds(out) == held(rows, dates)
    assert joined(out) == rows
    assert len({row["id"] for row in out}) == len(out)


def test_what_is_past_splits_nothing() -> None:
    row = {"id": "a", "freq": "WEEKLY", "interval": 1, "byday": "TU"}
    gone = [{"id": "b", "kind": kind, "date": "2026-11-17"} for kind in ("cancelled", "extra")]
    assert split([row], gone, TODAY) == [row]


def test_rows_of_others_stay_as_they_are() -> None:
    rows = [{"id": "a", "byday": "TU"}, {"byday": "WE", "extra_date": False}, {"id": "a", "byday": "TH"}]
    assert joined(rows) == rows
