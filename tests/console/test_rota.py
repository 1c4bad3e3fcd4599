"""The rota's page: a week by area, adding, taking off, and who is on duty in the queue."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.storage.tables import RotaShift, now
from tests.console.conftest import People
from tests.console.support import AREA, ELSEWHERE, Browser, Office, text_of

MANAGES = ("practitioner", "manager")


@pytest.fixture
def people(office: Office) -> People:
    """All three may change their own area's rota."""
    return People(
        office.browser(office.staff("Ada", roles=MANAGES)),
        office.browser(office.staff("Ben", title="Family worker", roles=MANAGES)),
        office.browser(office.staff("Cleo", area=ELSEWHERE, roles=MANAGES)),
    )


def add(browser: Browser, **fields: Any) -> Any:
    today = f"{now().date():%Y-%m-%d}"
    values = {"who": str(browser.staff_id), "day": today, "from": "00:00", "to": "00:00", "weeks": "1"}
    return browser.post("/staff/rota/add", **{**values, **fields})


def test_a_shift_is_added_shown_and_told_in_the_queue(office: Office, people: People) -> None:
    office.services.settings.smtp_host = "127.0.0.1"
    assert "Nobody is on the rota now. Alarms go to every practitioner" in text_of(people.holder.get("/staff").text)
    response = add(people.holder)
    assert response.status_code == 303
    page = text_of(people.holder.get(response.headers["location"]).text)
    assert "The rota is changed." in page and "Ada , Health visitor" in page
    assert "On duty now: Ada" in text_of(people.colleague.get("/staff").text)
    assert ("rota.add", f"staff:{people.holder.staff_id}") in office.audit(people.holder.staff_id)


def test_a_colleague_is_added_for_some_weeks_and_each_week_shows_it(office: Office, people: People) -> None:
    add(people.holder, who=str(people.colleague.staff_id), weeks="3")
    for week in range(4):
        day = now().date() + timedelta(days=7 * week)
        page = text_of(people.holder.get("/staff/rota", week=str(day)).text)
        assert ("Ben , Family worker" in page) is (week < 3)


def test_a_line_is_taken_off_and_repeating_it_changes_nothing(office: Office, people: People) -> None:
    add(people.holder)
    with office.services.database.read() as session:
        shift = session.query(RotaShift).one().id
    for _ in range(2):
        assert people.colleague.post(f"/staff/rota/{shift}/remove", area=AREA).status_code == 303
    assert "Nobody is on the rota now" in text_of(people.holder.get("/staff").text)
    assert office.audit(people.colleague.staff_id).count(("rota.remove", f"shift:{shift}")) == 1


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("who", "999999", "Choose a practitioner of this area"),
        ("who", "Ada", "Choose a practitioner of this area"),
        ("day", "tomorrow", "Write a day within two years"),
        ("day", "0001-01-01", "Write a day within two years"),
        ("day", "9999-12-31", "Write a day within two years"),
        ("from", "nine", "Write a time"),
        ("to", "25:00", "Write a time"),
        ("weeks", "0", "from 1 to 26"),
        ("weeks", "27", "from 1 to 26"),
        ("weeks", "²", "from 1 to 26"),
    ],
)
def test_a_mistake_is_explained_at_its_field_and_what_was_typed_stays(
    office: Office, people: People, field: str, value: str, says: str
) -> None:
    response = add(people.holder, **{"from": "08:15", field: value})
    assert response.status_code == 422
    assert says in text_of(response.text) and f'href="#shift-{field}"' in response.text
    assert field == "from" or 'value="08:15"' in response.text
    with office.services.database.read() as session:
        assert session.query(RotaShift).count() == 0


def test_staff_of_one_area_neither_see_nor_change_another_ones_rota(office: Office, people: People) -> None:
    add(people.holder)
    page = people.stranger.get("/staff/rota", area=AREA)
    assert page.status_code == 200 and "Ada" not in page.text
    assert add(people.stranger, who=str(people.holder.staff_id), area=AREA).status_code == 422
    with office.services.database.read() as session:
        shift = session.query(RotaShift).one().id
    people.stranger.post(f"/staff/rota/{shift}/remove", area=AREA)
    assert "On duty now: Ada" in text_of(people.holder.get("/staff").text)


def test_staff_of_all_areas_choose_whose_rota_they_see(office: Office, people: People) -> None:
    everywhere = office.browser(office.staff("Eve", area=None, roles=MANAGES))
    add(people.holder)
    assert "Ada" in everywhere.get("/staff/rota", area=AREA).text
    assert add(everywhere, area=AREA).status_code == 303
    assert "On duty now: Ada, Eve" in text_of(people.holder.get("/staff").text)


@pytest.mark.parametrize("week", ["", "never", "9999-12-31", "2026-02-30"])
def test_a_week_that_is_none_is_this_week(people: People, week: str) -> None:
    add(people.holder)
    assert "Ada" in people.holder.get("/staff/rota", week=week).text


def test_a_practitioner_sees_the_rota_and_cannot_change_it(office: Office, people: People) -> None:
    add(people.holder)
    ben = office.browser(office.staff("Bea"))
    page = ben.get("/staff/rota")
    assert "Ada , Health visitor" in text_of(page.text) and "A manager or an administrator changes the rota" in page.text
    assert "/staff/rota/add" not in page.text and "/remove" not in page.text
    assert add(ben).status_code == 403


def test_somebody_who_answers_no_parents_cannot_be_put_on_the_rota(office: Office, people: People) -> None:
    editor = office.staff("Edie", roles=("editor",))
    assert add(people.holder, who=str(editor)).status_code == 422
