"""Whatever is edited, and in whatever order: the snapshot that took the edits up finds what one that is built anew finds."""

from collections.abc import Callable, Iterator
from datetime import date, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from benchmarks.directory import questions
from benchmarks.directory_filling import NOW, Invented, fill
from services_directory import Query, migrate, open_engine, snapshot, writing
from services_directory import models as tables
from services_directory.directory import load_index
from services_directory.search import search
from services_directory.snapshot import Snapshot, load_snapshot

SIZE = 90
"""Services; half as many venues."""

ASKED = [
    query
    for place, need, age in questions(Invented(SIZE))[:12]
    for query in (Query(place=place, need=need, age_months=age, this_week=True), Query(place=place, age_months=age, limit=20))
] + [
    Query(limit=SIZE),
    Query(text="quilting", limit=SIZE),
    Query(text="quiltinx", place="Town 1"),
    Query(place="Town 2", mode="go", limit=SIZE),
    Query(place="Newtown", limit=SIZE),
    Query(place="QQ7 1AA", limit=SIZE),
    Query(place="Hall 3", limit=20),
]
Edit = Callable[[Session, int], None]


@pytest.fixture(scope="module")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Give a directory that every edit of this module is made in, one after the other."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('edits') / 'directory.db'}")
    migrate(engine)
    fill(engine, Invented(SIZE))
    yield engine
    engine.dispose()


def one_of(session: Session, table: type, number: int) -> object:
    """Return a row by a number that may be any, so that the same number finds the same."""
    rows = session.scalars(select(table).order_by(table.id)).all()  # type: ignore[attr-defined]
    return rows[number % len(rows)]


def of_service(field: str, *values: object) -> Edit:
    return lambda session, number: setattr(one_of(session, tables.Service, number), field, values[number % len(values)])


def of_venue(field: str, *values: object) -> Edit:
    return lambda session, number: setattr(one_of(session, tables.Location, number), field, values[number % len(values)])


def moved(session: Session, number: int) -> None:
    venue = one_of(session, tables.Location, number)
    venue.latitude, venue.longitude = (52 + number % 7 / 10, -1.0) if number % 5 else (None, None)  # type: ignore[attr-defined]


def readdressed(session: Session, number: int) -> None:
    address = one_of(session, tables.Address, number)
    address.city = f"Town {number % 6}"  # type: ignore[attr-defined]
    address.postal_code = f"QQ{number % 9} {number % 3}AA"  # type: ignore[attr-defined]


def rescheduled(session: Session, number: int) -> None:
    schedule = one_of(session, tables.Schedule, number)
    schedule.byday, schedule.opens_at, schedule.closes_at = ("MO", "SA")[number % 2], time(9), time(number % 8 + 10)  # type: ignore[attr-defined]


def added(session: Session, number: int) -> None:
    organisation, venue = one_of(session, tables.Organisation, 0), one_of(session, tables.Location, number)
    service = tables.Service(
        organisation_id=organisation.id,  # type: ignore[attr-defined]
        name=f"Quilting {number % 50}",
        approval="approved",
        assured_date=date(2026, 11, 1),
        modes=[tables.ServiceMode(mode=("phone", "home", "go")[number % 3])],
        service_areas=[tables.ServiceArea(name=("Newtown", "District 1", "Wales")[number % 3])],
    )
    if number % 3 == 2:
        service.service_at_locations.append(tables.ServiceAtLocation(location_id=venue.id))  # type: ignore[attr-defined]
    session.add(service)


def removed(session: Session, number: int) -> None:
    if session.query(tables.Service).count() > SIZE // 2:
        session.delete(one_of(session, tables.Service, number))


def linked(session: Session, number: int) -> None:
    service, venue = one_of(session, tables.Service, number), one_of(session, tables.Location, number // 7)
    service.service_at_locations.clear()  # type: ignore[attr-defined]
    session.flush()
    service.service_at_locations.append(tables.ServiceAtLocation(location_id=venue.id))  # type: ignore[attr-defined]


def untagged(session: Session, number: int) -> None:
    session.delete(one_of(session, tables.Attribute, number))


EDITS: dict[str, Edit] = {
    "approval": of_service("approval", "approved", "pending", "approved"),
    "status": of_service("status", "active", "inactive", "active"),
    "name": of_service("name", "Quilting for all", "Zebra club", "Bake"),
    "level": of_service("level_of_need", *tables.LEVELS),
    "age": of_service("maximum_age_months", 60, 200, None),
    "checked": of_service("assured_date", date(2026, 11, 1), None, date(2024, 1, 1)),
    "shown": of_service("visible_to", date(2026, 11, 1), None, date(2027, 1, 1)),
    "hub": of_venue("family_hub", True, False),
    "private": of_venue("private", True, False, False),
    "called": of_venue("name", "Hall 3", "The Lantern", "Hall 9 Family Hub"),
    "kind": of_venue("location_type", "physical", "virtual", "physical"),
    "moved": moved,
    "readdressed": readdressed,
    "rescheduled": rescheduled,
    "added": added,
    "removed": removed,
    "linked": linked,
    "untagged": untagged,
}


def answers(held: Snapshot) -> list[list[tuple[str, float]]]:
    return [held.rank(held.ask(query, NOW.date(), NOW.time())) for query in ASKED]


def places(held: Snapshot, names: list[str]) -> list[object]:
    index = held.places
    return [
        index.hubs,
        *map(index.named, names),
        *map(index.nearly_named, ["Hall 33x", "Lantrn place"]),
        index.at_point(52.4, -1.0),
    ]


def known_names(engine: Engine) -> list[str]:
    with Session(engine) as session:
        venues = [row.name for row in session.scalars(select(tables.Location))]
    return sorted({*venues, *(f"Town {n}" for n in range(20)), *(f"District {n}" for n in range(8))})


@settings(max_examples=20, deadline=None)
@given(edits=st.lists(st.tuples(st.sampled_from(sorted(EDITS)), st.integers(0, 9_999)), min_size=1, max_size=25))
def test_it_finds_what_one_built_anew_finds(invented: Engine, edits: list[tuple[str, int]]) -> None:
    with pytest.MonkeyPatch.context() as changed:
        # So few that parts fill up and join within these edits.
        changed.setattr(snapshot, "MOST_NEWEST", 4)
        held = load_snapshot(invented)
        columns = held.parts[0].columns
        for kind, number in edits:
            with writing(invented) as session:
                EDITS[kind](session, number)
            held = load_snapshot(invented, held)
            answers(held)
        anew = load_snapshot(invented)
    assert answers(held) == answers(anew), edits
    names = known_names(invented)
    assert places(held, names) == places(anew, names), edits
    assert len(held) == len(anew)
    assert held.parts[0].columns is columns


def test_both_find_what_the_plain_search_finds(invented: Engine) -> None:
    held = load_snapshot(invented)
    for number, kind in enumerate(sorted(EDITS) * 3):
        with writing(invented) as session:
            EDITS[kind](session, number * 31)
        held = load_snapshot(invented, held)
    plain = load_index(invented)
    for query, found in zip(ASKED, answers(held), strict=True):
        expected = search(plain, query, today=NOW.date(), time_of_day=NOW.time())
        assert [match.service.id for match in expected] == [service_id for service_id, _ in found], query
        assert [match.score for match in expected] == pytest.approx([score for _, score in found], abs=2e-6), query
