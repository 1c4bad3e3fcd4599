"""Alarms in the console: acknowledging, what became of each, and that failures are seen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.storage.tables import Alarm, now
from tests.console.conftest import People
from tests.console.support import ELSEWHERE, Office, Parent, text_of

SEEN = "I have seen this alarm"


@pytest.fixture
def calling(office: Office) -> Office:
    """An installation that alarms by e-mail."""
    office.services.settings.smtp_host = "127.0.0.1"
    return office


def alarm(office: Office, parent: Parent, **values: Any) -> None:
    with office.services.database.write() as session:
        session.add(
            Alarm(
                **{
                    "case_id": parent.case_id, "step": 1, "way": "email", "cause": "unclaimed", "level": "urgent",
                    "audience": "team", "began_at": now(), **values,
                }
            )
        )  # fmt: skip


def test_an_alarm_is_acknowledged_from_the_case_once(calling: Office, people: People) -> None:
    parent = calling.parent(level="urgent")
    page = f"/staff/cases/{parent.case_id}"
    assert SEEN in people.holder.get(page).text
    for _ in range(2):
        response = people.holder.post(f"{page}/acknowledge")
        assert response.status_code == 303
    assert "No more alarms go out for this case for now" in text_of(people.holder.get(response.headers["location"]).text)
    assert calling.events(parent) == ["opened", "acknowledged"]
    assert calling.audit(people.holder.staff_id).count(("case.acknowledge", f"case:{parent.case_id}")) == 1
    later = people.colleague.get(page).text
    assert SEEN not in later and "Alarm seen" in later


def test_a_case_that_does_not_call_has_no_button(calling: Office, people: People) -> None:
    assert SEEN not in people.holder.get(f"/staff/cases/{calling.parent(level='concern').case_id}").text


def test_after_the_target_has_passed_it_can_be_acknowledged_again(calling: Office, people: People) -> None:
    from bot.storage.tables import Case

    parent = calling.parent(level="urgent")
    people.holder.post(f"/staff/cases/{parent.case_id}/acknowledge")
    calling.change(Case, parent.case_id, reply_due_at=now())
    assert SEEN in people.holder.get(f"/staff/cases/{parent.case_id}").text
    people.holder.post(f"/staff/cases/{parent.case_id}/acknowledge")
    assert calling.events(parent) == ["opened", "acknowledged", "acknowledged"]


def test_the_case_shows_what_became_of_each_alarm(calling: Office, people: People) -> None:
    parent = calling.parent(level="urgent")
    alarm(calling, parent, state="failed", reason="the mail server said 550", open=0)
    alarm(calling, parent, step=2, state="sent", audience="supervisor", way="hook", open=0)
    page = text_of(people.holder.get(f"/staff/cases/{parent.case_id}").text)
    assert "By e-mail, to the team: not sent (the mail server said 550)" in page
    assert "By text message or pager, to the team and its supervisor: sent" in page


def test_failures_of_the_last_day_are_seen_in_the_queue_by_the_area_s_staff(calling: Office, people: People) -> None:
    parent = calling.parent(level="urgent")
    alarm(calling, parent, state="failed", open=0)
    alarm(calling, parent, step=2, state="failed", open=0, created_at=now() - timedelta(days=2))
    assert "1 alarm of the last day could not be sent." in text_of(people.colleague.get("/staff").text)
    assert people.stranger.get("/staff").status_code == 200
    assert "could not be sent" not in people.stranger.get("/staff").text
    alarm(calling, calling.parent(area=ELSEWHERE), state="failed", open=0)
    assert "1 alarm of the last day" in text_of(people.stranger.get("/staff").text)


def test_the_queue_says_when_nobody_can_be_called(office: Office, people: People) -> None:
    assert "No way of alarming is set up" in people.holder.get("/staff").text
    office.services.settings.alarm_hook_url = "https://hook.example"
    assert "No way of alarming is set up" not in people.holder.get("/staff").text
