"""The page of the review list: no words until a reason is given, a case by one button, and nothing of it for others."""

from __future__ import annotations

import logging
import re

import pytest
from sqlalchemy import select

from bot.storage.tables import StaffAudit
from tests.console.conftest import People
from tests.console.support import AREA, Office, Parent, text_of

PAGE = "/staff/review"
WORDS = ("i feel flat since Aniela came", "ring me on 07700 900123", "no joy in LS6 2AB at all")


def struggles(office: Office) -> Parent:
    parent = office.newcomer(language="en", area=AREA)
    for text in WORDS:
        office.writes(parent, text, level="concern")
    return parent


def up_to(page: str) -> str:
    (value,) = re.findall(r'name="up_to" value="(\d+)"', page)
    return str(value)


def test_it_shows_who_and_when_but_no_word_until_a_reason_is_given(office: Office, people: People) -> None:
    parent = struggles(office)
    page = people.holder.get(PAGE).text
    assert parent.pseudonym in page and "3 messages of concern" in text_of(page) and "flat" not in page
    refused = people.holder.post(f"{PAGE}/{parent.person_id}/read", text=" ")
    assert refused.status_code == 422 and 'id="errors"' in refused.text and "flat" not in refused.text
    assert f'href="#reason-{parent.person_id}"' in refused.text
    shown = people.holder.post(f"{PAGE}/{parent.person_id}/read", text="her sister rang")
    assert "i feel flat since … came" in text_of(shown.text) and "recorded" in text_of(shown.text)
    for hidden in ("Aniela", "07700", "LS6"):
        assert hidden not in shown.text
    assert "flat" not in people.holder.get(PAGE).text


def test_one_button_opens_a_case_and_the_other_takes_the_parent_off(office: Office, people: People) -> None:
    first, second = struggles(office), struggles(office)
    page = people.holder.get(PAGE).text
    section = page[page.index(f'id="person-{first.person_id}"') : page.index(f'id="person-{second.person_id}"')]
    opened = people.holder.post(f"{PAGE}/{first.person_id}/decide", act="case", up_to=up_to(section))
    assert opened.status_code == 303 and re.fullmatch(r"/staff/cases/\d+", opened.headers["location"])
    assert people.holder.get(opened.headers["location"]).status_code == 200
    rest = people.holder.get(PAGE).text
    off = people.holder.post(f"{PAGE}/{second.person_id}/decide", act="nothing", up_to=up_to(rest))
    after = text_of(people.holder.get(off.headers["location"]).text)
    assert "They are off the list" in after and "Nobody is on the list" in after


@pytest.mark.parametrize("form", [{"act": "shrug"}, {"act": "case", "up_to": "x"}, {"act": "case", "up_to": "9" * 40}, {}])
def test_a_broken_form_changes_nothing_and_says_so(office: Office, people: People, form: dict[str, str]) -> None:
    parent = struggles(office)
    answer = people.holder.post(f"{PAGE}/{parent.person_id}/decide", **form)
    assert "not on the list any more" in text_of(people.holder.get(answer.headers["location"]).text)
    assert parent.pseudonym in people.holder.get(PAGE).text


def test_another_area_sees_nobody_and_may_do_nothing(office: Office, people: People) -> None:
    parent = struggles(office)
    assert parent.pseudonym not in people.stranger.get(PAGE).text
    assert people.stranger.post(f"{PAGE}/{parent.person_id}/read", text="why not").headers["location"].endswith("done=gone")
    people.stranger.post(f"{PAGE}/{parent.person_id}/decide", act="nothing", up_to=up_to(people.holder.get(PAGE).text))
    assert parent.pseudonym in people.holder.get(PAGE).text
    assert people.holder.post(f"{PAGE}/{2**60}/read", text="why").status_code == 303


def test_a_manager_sees_the_list_and_cannot_read_or_decide(office: Office) -> None:
    parent = struggles(office)
    manager = office.browser(office.staff("Mo", roles=("manager",)))
    page = manager.get(PAGE).text
    assert parent.pseudonym in page and '<form method="post" action="/staff/review' not in page
    assert manager.post(f"{PAGE}/{parent.person_id}/read", text="why").status_code == 403


def test_every_look_is_recorded_and_no_word_is_in_a_log(office: Office, people: People, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    parent = struggles(office)
    people.holder.get(PAGE)
    people.holder.post(f"{PAGE}/{parent.person_id}/read", text="her sister rang")
    with office.services.database.read() as session:
        done = session.scalars(select(StaffAudit.action).where(StaffAudit.action.like("review.%")).order_by(StaffAudit.id)).all()
    assert done == ["review.view", "review.read", "review.view"]
    assert "flat" not in caplog.text and "sister" not in caplog.text
