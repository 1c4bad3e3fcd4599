"""The fast search finds what the plain one finds, in the same order, for the same reasons; and edits reach it at once."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select, update

from benchmarks.directory import questions
from benchmarks.directory_filling import NOW, Invented, fill
from services_directory import Directory, Place, Query, load_demonstration, migrate, open_engine, vocabulary, writing
from services_directory import models as tables
from services_directory.search import Index, search
from services_directory.snapshot import load_snapshot

WORDS = ["swim", "Swiming", "brestfeeding group", "bwydo ar y fron", "dads", "money", "sleep", "بچوں", "zzzzz", "lantern play"]
PLACES = [
    None,
    "ZZ1",
    "ZZ1 1AA",
    "ZZ2 1AA",
    "ZZ1 9ZZ",
    "Larkmoor",
    "Saltmere",
    "Quillbeck",
    "Aberheli",
    "Wales",
    "CF37",
    "Dundee",
]


class Clock:
    moment = datetime(2026, 11, 21, 12)

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Directory]:
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('arrays') / 'directory.db'}")
    migrate(engine)
    load_demonstration(engine, today=date(2026, 11, 21))
    with writing(engine) as session:
        enliven(session)
    yield Directory(engine, clock=clock)
    engine.dispose()


def enliven(session: object) -> None:
    """Give the demonstration what it has little of: exceptions, dated prices, nights, terms, venues without a point."""
    services = sorted(session.scalars(select(tables.Service)), key=lambda row: row.source_id)  # type: ignore[attr-defined]
    for number, service in enumerate(services):
        service.open_on_bank_holidays = number % 5 == 0
        service.term_time_only = number % 4 == 0
        service.visible_to = date(2026, 12, 1) if number % 17 == 0 else None
        for schedule in service.schedules[:1]:
            if number % 3 == 0:
                day = date(2026, 11, 20) + timedelta(days=number % 20)
                kind = "extra" if number % 2 else "cancelled"
                service.exceptions.append(
                    tables.ServiceException(
                        schedule_id=schedule.id if number % 9 else None,
                        date=day,
                        kind=kind,
                        opens_at=time(19) if kind == "extra" else None,
                        closes_at=time(1) if kind == "extra" else None,
                    )
                )
            if number % 7 == 0:
                schedule.opens_at, schedule.closes_at = time(22), time(3)
        for cost in service.cost_options[:1]:
            cost.valid_to = date(2026, 11, 22) if number % 6 == 0 else None
    for number, location in enumerate(session.scalars(select(tables.Location).order_by(tables.Location.source_id))):  # type: ignore[attr-defined]
        if number % 6 == 0:
            location.latitude = location.longitude = None


def seldom(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(st.none(), st.none(), values)


queries = st.builds(
    Query,
    need=seldom(st.sampled_from(sorted(vocabulary().terms))),
    topic=seldom(st.sampled_from(sorted(vocabulary().topics))),
    text=seldom(st.sampled_from(WORDS)),
    place=st.sampled_from(PLACES),
    age_months=seldom(st.integers(-9, 70)),
    mode=seldom(st.sampled_from(["go", "phone", "online", "home"])),
    language=st.sampled_from([None, "en", "ur", "cy", "pl-PL"]),
    limit=st.integers(1, 7),
    offset=st.sampled_from([0, 0, 3, 10]),
    at=st.none(),
    open_now=st.sampled_from([False, False, False, True]),
    this_week=st.sampled_from([False, False, True]),
    days=st.sampled_from([frozenset[str](), frozenset[str](), frozenset({"TU"}), frozenset({"MO", "WE", "SA"})]),
    part=seldom(st.sampled_from(["morning", "afternoon", "evening"])),
    free=st.sampled_from([False, False, False, True]),
    access=st.sampled_from([(), (), (), ("step-free",)]),
)
days_ahead = st.sampled_from([None, None, None, date(2026, 12, 25), date(2027, 4, 1), date(2031, 2, 3)])


@pytest.fixture(scope="module")
def plain(directory: Directory) -> Index:
    return directory._current()


@settings(max_examples=400, deadline=None)
@given(query=queries, at=days_ahead, moment=st.datetimes(datetime(2026, 10, 24), datetime(2027, 4, 1)))
def test_it_agrees_with_the_plain_search(
    directory: Directory, plain: Index, clock: Clock, query: Query, at: date | None, moment: datetime
) -> None:
    if at is not None and not query.open_now:
        query = Query(**(query.__dict__ | {"at": at}))
    clock.moment = moment
    expected = search(plain, query, today=moment.date(), time_of_day=moment.time())
    assert directory.search(query) == expected


def test_an_edit_of_anything_that_is_searched_shows_at_once_and_reads_only_what_changed(
    demonstration: Directory, engine: Engine
) -> None:
    everything = Query(place="ZZ1", limit=100)
    demonstration.search(everything)
    one = select(tables.Service.id).where(tables.Service.source_id == "baby-swim").scalar_subquery()
    venue = select(tables.Location.id).where(tables.Location.source_id == "lantern").scalar_subquery()
    statements = (
        update(tables.Service).where(tables.Service.id == one).values(minimum_age_months=40),
        update(tables.Schedule).where(tables.Schedule.service_id == one).values(byday="FR"),
        update(tables.CostOption).where(tables.CostOption.service_id == one).values(amount=0),
        delete(tables.Attribute).where(tables.Attribute.link_id == one),
        update(tables.Location).where(tables.Location.id == venue).values(latitude=55.2),
        update(tables.Address).where(tables.Address.location_id == venue).values(city="Elsewhere"),
        update(tables.Organisation).values(name="Another (example)"),
        update(tables.Service).where(tables.Service.id == one).values(approval="pending"),
        update(tables.Service).where(tables.Service.id == one).values(approval="approved", name="Zebra (example)"),
        delete(tables.Service).where(tables.Service.id == one),
    )
    for statement in statements:
        before = demonstration._snapshot
        with engine.begin() as connection:
            connection.execute(statement)
        for query in (everything, Query(text="zebra swim", place="ZZ1"), Query(text="another", limit=50)):
            found = demonstration.search(query)
            assert found == search(demonstration._current(), query, today=date(2026, 11, 21), time_of_day=time(12)), statement
        after = demonstration._snapshot
        assert before is not None
        assert after is not None
        assert after.parts[0].columns is before.parts[0].columns, statement
    assert after.revision > before.revision


def test_a_new_service_is_found_at_once(demonstration: Directory, engine: Engine) -> None:
    assert demonstration.search(Query(text="xylophone")) == []
    with writing(engine) as session:
        service = tables.Service(
            organisation=tables.Organisation(name="A (example)"),
            name="Xylophones by phone (example)",
            approval="approved",
            modes=[tables.ServiceMode(mode="phone")],
            service_areas=[tables.ServiceArea(name="Newtown")],
        )
        session.add(service)
    assert [match.service.id for match in demonstration.search(Query(text="xylophone"))] == [service.id]
    assert [match.service.id for match in demonstration.search(Query(text="xilophone", place="Newtown"))] == [service.id]


def test_many_changes_load_everything_anew(demonstration: Directory, engine: Engine) -> None:
    demonstration.search(Query())
    before = demonstration._snapshot
    with writing(engine) as session:
        organisation = tables.Organisation(name="Many (example)")
        session.add_all(
            tables.Service(
                organisation=organisation,
                name=f"Line {n} (example)",
                approval="approved",
                modes=[tables.ServiceMode(mode="phone")],
            )
            for n in range(600)
        )
    assert len(demonstration.search(Query(text="line", limit=1000))) >= 600
    after = demonstration._snapshot
    assert before is not None
    assert after is not None
    assert len(after.parts) == 1
    assert after.parts[0].columns is not before.parts[0].columns


def test_a_write_that_no_search_reads_loads_nothing(demonstration: Directory, engine: Engine) -> None:
    demonstration.search(Query())
    before = demonstration._snapshot
    with engine.begin() as connection:
        connection.execute(update(tables.Phone).values(description="Ask for the duty worker"))
    after = load_snapshot(engine, before)
    assert before is not None
    assert after.parts[0].columns is before.parts[0].columns
    assert after.changed == frozenset()
    assert after.revision > before.revision


def test_a_record_is_read_again_when_anything_of_it_changes(demonstration: Directory, engine: Engine) -> None:
    query = Query(text="swim", place="ZZ1")
    assert demonstration.search(query)[0].phones[0].number == "01632 960106"
    with engine.begin() as connection:
        connection.execute(update(tables.Phone).values(number="01632 960999"))
    assert demonstration.search(query)[0].phones[0].number == "01632 960999"


def test_a_pin_on_the_map_is_a_place(demonstration: Directory) -> None:
    pin = demonstration.place_at(55.0, 2.4)
    assert isinstance(pin, Place)
    assert {"larkmoor", "england", "uk"} <= pin.within
    found = demonstration.search(Query(place=pin, mode="go", need="baby-and-toddler-groups"))
    assert found[0].distance_miles is not None
    assert found[0].distance_miles < 1
    assert demonstration.place_at(10, 10).within == {"uk"}
    with pytest.raises(ValueError, match="a pin"):
        demonstration.place_at(91, 0)


@pytest.fixture(scope="module")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    """Give a few hundred invented services of a whole country, filled as the benchmark fills its own."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('invented') / 'directory.db'}")
    migrate(engine)
    fill(engine, Invented(600))
    yield Directory(engine, clock=lambda: NOW)
    engine.dispose()


def test_it_agrees_over_a_whole_country_of_services(invented: Directory) -> None:
    plain = invented._current()
    asked = questions(Invented(600))
    found = 0
    for place, need, age in asked[:60]:
        for query in (
            Query(place=place, need=need, age_months=age, this_week=True),
            Query(place=place, age_months=age, limit=20),
            Query(place=place, text=f"{plain.entries[age].service.name} {need}", offset=5),
        ):
            expected = search(plain, query, today=NOW.date(), time_of_day=NOW.time())
            assert invented.search(query) == expected
            found += len(expected)
    assert found > 500
