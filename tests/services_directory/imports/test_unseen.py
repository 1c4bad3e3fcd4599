"""Feeds that nobody has shown us: hundreds of services with every fault at once, read from a server that has faults of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from services_directory import ImportOptions, migrate, models, open_engine, run_import
from services_directory.imports import mend
from services_directory.imports.exporting import export
from services_directory.imports.feeds import read_feed
from services_directory.imports.forms import Incoming
from services_directory.imports.incoming import read_service
from services_directory.imports.notes import CannotRead
from services_directory.imports.planning import make_plan
from services_directory.imports.readers import Document, Reading, read_bytes, reading_of
from services_directory.imports.report import lines
from tests.services_directory.imports.hard import COUNT, hard_feed
from tests.services_directory.imports.test_feeds import HERE, Answer, Site, ok, site
from tests.services_directory.imports.test_import import one
from tests.services_directory.official import errors

__all__ = ["site"]
TODAY = date(2026, 11, 27)
SIZE = 50


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    migrate(engine)
    yield engine
    engine.dispose()


def served(items: list[Any], version: int, size: int = SIZE) -> Callable[[str, dict[str, str]], Answer]:
    """A server that says its JSON is HTML, begins with a byte order mark, and stumbles once over page 3."""
    stumbled: list[str] = []

    def answer(path: str, query: dict[str, str]) -> Answer:
        number = int(query.get("page", 1))
        if number == 3 and not stumbled:
            stumbled.append(path)
            return 500, {}, b"<html>oops"
        here = items[(number - 1) * size : number * size]
        pages = -(-len(items) // size)
        if version == 1:
            page: Any = {"totalElements": str(len(items)), "totalPages": str(pages), "number": number, "content": here}
        else:
            page = {"total_items": len(items), "total_pages": pages, "page_number": number, "contents": here}
        return 200, {"Content-Type": "text/html"}, "\ufeff".encode() + json.dumps(page).encode()

    return answer


@pytest.mark.parametrize("version", [1, 3])
def test_a_hard_feed_is_taken_or_refused_row_by_row_comes_again_unchanged_and_goes_out_valid(
    site: Site, engine: Engine, version: int
) -> None:
    site.answer = served(hard_feed(version), version)
    reading = read_feed(f"{site.url}/services", limits=HERE)
    assert (reading.form, len(reading.documents)) == (f"oruk-{version}", COUNT)
    plan = run_import(engine, reading, ImportOptions(source="hard", approve=True), today=TODAY)
    refused = plan.services("refuse")
    assert (len(refused), len(plan.services("add"))) == (COUNT // 50, COUNT - COUNT // 50)
    assert all(row.notes and str(row.where).startswith("http") for row in refused)
    said = "\n".join(lines(plan, applied=True))
    assert "It has no id." in said and "Nobody is named who runs it." in said and "This is not a record." in said
    with Session(engine) as session:
        again = make_plan(session, reading, ImportOptions(source="hard"), today=TODAY)
        assert again.nothing_to_do and not again.conflicts
        services = session.scalars(select(models.Service)).all()
        assert len(services) == COUNT - COUNT // 50 and not any("<" in service.name for service in services)
        days = {row.byday for row in session.scalars(select(models.Schedule))}
        assert days <= {"MO,TU", "MO"} and "MO,TU" in days
        assert {row.postal_code for row in session.scalars(select(models.Address))} <= {"ZZ1 1AB", ""}
        assert {row.amount for row in session.scalars(select(models.CostOption))} <= {None, 0, 2, 4, mend.amount("3.50")[0]}
        # Every fourth: the schema takes longer than the import.
        wrong = [error for item in json.loads(export(session, "hsds-json"))[::4] for error in errors("service", item)]
        assert wrong == []


def test_pages_that_change_while_they_are_read_lose_nothing_unsaid_and_nobody_is_gone(site: Site, engine: Engine) -> None:
    items = [one(number) for number in range(100)]
    run_import(engine, read_bytes(json.dumps(items).encode(), "a"), ImportOptions(source="test"))
    whole = served(items, 3, 20)

    def answer(path: str, query: dict[str, str]) -> Answer:
        # While page 2 was being read a service came in at the front: page 3 begins with what page 2 ended with.
        return whole(path, query | {"page": "2"}) if query.get("page") == "4" else whole(path, query)

    site.answer = answer
    reading = read_feed(f"{site.url}/services", limits=HERE)
    assert "says that it has 100 services; 80 came" in str(reading.short)
    plan = run_import(engine, reading, ImportOptions(source="test", mark_gone=True))
    assert plan.gone == [] and not plan.services("refuse") and str(reading.short) in "\n".join(lines(plan, applied=True))
    with Session(engine) as session:
        assert set(session.scalars(select(models.Service.status))) == {"active"}


def test_a_service_that_cannot_be_had_by_itself_is_refused_and_holds_up_no_other(site: Site) -> None:
    items = {item["id"]: item for item in (one(number) for number in range(9))}
    broken = {"one-4"}

    def answer(path: str, query: dict[str, str]) -> Answer:
        own = path.rpartition("/")[2]
        if own in broken:
            return 500, {}, b""
        outlines = [{"id": item["id"], "name": item["name"]} for item in items.values()]
        return ok(items[own]) if own in items else ok({"total_items": 9, "total_pages": 1, "contents": outlines})

    site.answer = answer
    read = [read_service(document, today=TODAY) for document in read_feed(f"{site.url}/services", limits=HERE).documents]
    assert [item.source_id for item in read if item.refused] == ["one-4"]
    assert "answered 500" in str(next(item.refused for item in read if item.refused)[0])
    broken |= items.keys()
    with pytest.raises(CannotRead, match="answered 500"):
        read_feed(f"{site.url}/services", limits=HERE)


def read(**fields: Any) -> Incoming:
    """One service as it is understood."""
    item = {"id": "x", "name": "X (example)", "organization": {"id": "o", "name": "O"}, "service_at_locations": []} | fields
    return read_service(reading_of([("here", item)]).documents[0], today=TODAY)


def said(item: Incoming) -> str:
    return "\n".join(str(note) for note in (*item.refused, *item.notes))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["MO", "TU"], "MO,TU"),
        ("['MO','TU']", "MO,TU"),
        ("Monday, Tuesday", "MO,TU"),
        ("Mon-Wed", "MO,TU,WE"),
        ("Friday to Monday", "FR,SA,SU,MO"),
        ("weekdays", "MO,TU,WE,TH,FR"),
        ("BYDAY=MO,TU", "MO,TU"),
        ("mo tu", "MO,TU"),
        ("some days", None),
        (1, None),
    ],
)
def test_days_of_the_week_however_they_are_written(given: Any, expected: str | None) -> None:
    item = read(schedules=[{"byday": given, "freq": "WEEKLY", "opens_at": "10:00"}])
    assert item.form["schedules"][0]["byday"] == expected
    assert expected is not None or "are not days" in said(item)


def test_the_first_monday_of_an_old_feed_is_not_every_monday() -> None:
    (row,) = read(regular_schedules=[{"byday": "1MO", "opens_at": "10:00"}]).form["schedules"]
    assert (row["freq"], row["byday"]) == ("MONTHLY", "1MO")
    item = read(schedules=[{"byday": "1MO", "freq": "WEEKLY"}])
    assert item.form["schedules"][0]["byday"] == "MO" and "was read as every week" in said(item)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        ("0 to 5 years", None, (0, 71)),
        ("6-12 months", None, (6, 12)),
        ("6 months", "2 years", (6, 35)),
        ("Under 5", "", (0, 59)),
        ("birth", "12 months", (0, 12)),
        ("16+", None, (192, None)),
        ("all ages", None, (None, None)),
    ],
)
def test_ages_in_words(low: Any, high: Any, expected: tuple[int | None, int | None]) -> None:
    found = mend.ages(low, high)
    assert found[:2] == expected and found[2]


@pytest.mark.parametrize(
    "given", ["2026/11/02", "2-Nov-2026", "20261102", "Nov 2, 2026", "November 2nd 2026", "02.11.2026 09:00", "2026-11-02T09:00Z"]
)
def test_days_of_the_year_however_they_are_written(given: str) -> None:
    assert mend.day(given)[0] == date(2026, 11, 2)
    assert mend.day("11/26/2026")[0] is None and mend.day("20261399")[0] is None


def test_what_has_two_readings_is_left_out_and_its_words_kept() -> None:
    assert mend.amount("3,50")[0] is None and mend.amount("£1,200")[0] == 1200
    (row,) = read(cost_options=[{"amount": "3,50"}]).form["cost_options"]
    assert (row["amount"], row["amount_description"]) == (None, "3,50")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (1632960123, ["01632960123"]),
        ("+44 (0)1632 960123", ["+44 1632 960123"]),
        ("01632 960123/01632 960124", ["01632 960123", "01632 960124"]),
        ("01632 960123 / 960124", ["01632 960123"]),
    ],
)
def test_numbers_can_be_dialled_as_they_are_kept(given: Any, expected: list[str]) -> None:
    assert [number for number, _, _ in mend.phones(given)[0]] == expected


def test_a_record_in_a_list_of_one_or_a_name_in_its_place_is_read() -> None:
    for organisation in ([{"id": "o", "name": "O"}], "O"):
        found = read(organization=organisation).organisation
        assert found is not None and found.form["name"] == "O"
    place = {"id": "l", "name": "Hall (example)", "addresses": [{"address_1": "1 Row", "postcode": "zz11ab"}]}
    (location,) = read(service_at_locations=[{"id": "a", "location": [place]}]).locations
    assert location.form["addresses"][0]["postal_code"] == "ZZ1 1AB"
    for terms in (["Oral health"], [{"taxonomy": "Oral health"}]):
        (term,) = read(service_taxonomys=terms).form["terms"]
        assert term["name"] == "Oral health"
    assert [row["code"] for row in read(languages=["English, Urdu"]).form["languages"]] == ["en", "ur"]


def test_a_reading_that_is_whole_says_nothing_of_missing_services() -> None:
    assert Reading("csv", (Document("a", {}),)).short is None
