"""The page of the monthly blind sample: words alone, a level for each, and a case for what may not be left lying."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from sqlalchemy import select

from bot.people import forget
from bot.storage.tables import Case, TriageSample
from tests.console.conftest import People
from tests.console.support import AREA, ELSEWHERE, Browser, Office, Parent, text_of

PAGE = "/staff/sample"
WORDS = "my sister Aniela in LS6 2AB says ring 07700 900123 about naps"


def writes(
    office: Office, text: str = WORDS, *, language: str = "en", area: str | None = AREA, channel: str = "telegram"
) -> Parent:
    parent = office.newcomer(language=language, area=area, channel=channel)
    office.writes(parent, text)
    return parent


def forms(page: str) -> list[str]:
    """Where the page's forms for judging a message go, in its order."""
    return re.findall(rf'action="({PAGE}/\d+/mark)"', page)


def judge(browser: Browser, level: str) -> Any:
    """Say `level` of the first message on the page, as its form does, and follow to the page that comes."""
    (where, *_) = forms(browser.get(PAGE).text)
    answer = browser.post(where, level=level, lang="en", area=AREA)
    assert answer.status_code == 303
    return browser.get(answer.headers["location"])


def first_id(office: Office) -> int:
    with office.services.database.read() as session:
        return session.scalars(select(TriageSample.id).order_by(TriageSample.id)).first() or 0


def test_it_shows_words_alone_without_who_when_where_or_what_triage_thought(office: Office, people: People) -> None:
    parent = writes(office)
    page = people.holder.get(PAGE).text
    section = page[page.index('id="message-') :]
    assert "my sister … in … says ring … about naps" in text_of(section)
    for hidden in ("Aniela", "LS6", "07700", parent.pseudonym, "Telegram", "telegram", "<time", "rule", "model"):
        assert hidden not in section, hidden


def test_it_is_reached_from_the_menu_and_from_the_page_of_triage(people: People) -> None:
    page = people.holder.get("/staff/triage").text
    menu, rest = page[: page.index("</nav>")], page[page.index("</nav>") :]
    assert f'href="{PAGE}"' in menu and f'href="{PAGE}"' in rest


def test_the_sample_of_welsh_is_its_own_and_its_words_say_that_they_are_welsh(office: Office, people: People) -> None:
    writes(office, "mae fy mabi yn cysgu", language="cy")
    writes(office, "my baby sleeps all day")
    page = people.holder.get(PAGE, lang="cy").text
    assert 'lang="cy" dir="auto"><p>mae fy mabi yn cysgu</p>' in page and "sleeps all day" not in page
    assert re.search(r'<a href="[^"]*lang=cy[^"]*" aria-current="page">Welsh</a>', page)
    assert "There is nothing to read in Polish" in text_of(people.holder.get(PAGE, lang="pl").text)
    assert "sleeps all day" in people.holder.get(PAGE, lang="klingon").text


def test_everybody_of_the_area_sees_the_same_draw_and_nobody_of_another(office: Office, people: People) -> None:
    for number in range(30):
        writes(office, f"when do babies sit number {number}")
    seen = forms(people.holder.get(PAGE).text)
    writes(office, "this one came after the draw")
    assert seen == forms(people.holder.get(PAGE).text) == forms(people.colleague.get(PAGE).text) and len(seen) == 20
    assert forms(people.stranger.get(PAGE).text) == forms(people.stranger.get(PAGE, area=AREA).text) == []
    assert people.stranger.post(seen[0], level="urgent").status_code == 404
    assert people.stranger.post(seen[0].replace("mark", "case")).status_code == 404


def test_staff_of_all_areas_choose_one(office: Office) -> None:
    writes(office, "we live here in town", area=AREA)
    writes(office, "we live elsewhere by sea", area=ELSEWHERE)
    browser = office.browser(office.staff("Dee", area=None))
    assert "in town" in browser.get(PAGE).text and "by sea" not in browser.get(PAGE).text
    assert "by sea" in browser.get(PAGE, area=ELSEWHERE).text


def test_a_level_is_saved_without_a_script_says_so_and_can_be_changed(office: Office, people: People) -> None:
    writes(office)
    assert "Read so far: 0 of 1" in text_of(people.holder.get(PAGE).text)
    page = judge(people.holder, "concern").text
    assert "Saved: Concern (Ada). You can change it below." in text_of(page) and "Read so far: 1 of 1" in text_of(page)
    assert 'value="concern" checked' in page and "<script" not in page
    page = judge(people.colleague, "none").text
    assert "Saved: Nothing to worry about (Ben)." in text_of(page) and 'value="concern" checked' not in page


def test_the_answer_leads_back_to_the_message_in_its_language(office: Office, people: People) -> None:
    writes(office, "mae fy mabi yn cysgu", language="cy")
    (where,) = forms(people.holder.get(PAGE, lang="cy").text)
    answer = people.holder.post(where, level="none", lang="cy", area=AREA)
    assert answer.headers["location"] == f"{PAGE}?lang=cy&area={AREA}&done=marked#message-{first_id(office)}"


@pytest.mark.parametrize("level", ["", "terrible"])
def test_without_a_level_the_page_says_what_is_missing(office: Office, people: People, level: str) -> None:
    writes(office)
    (where,) = forms(people.holder.get(PAGE).text)
    answer = people.holder.post(where, level=level, lang="en", area=AREA)
    assert answer.status_code == 422 and "Choose a level for this message." in answer.text
    assert f'href="#level-{first_id(office)}-none"' in answer.text and "<title>Error:" in answer.text


@pytest.mark.parametrize("level", ["urgent", "emergency"])
def test_a_danger_is_not_left_lying_and_one_button_opens_its_case(office: Office, people: People, level: str) -> None:
    parent = writes(office)
    page = judge(people.holder, level).text
    assert "Do not leave this." in page and "0113 496 0000" in page
    (where,) = re.findall(rf'action="({PAGE}/\d+/case)"', page)
    answer = people.holder.post(where, lang="en", area=AREA)
    assert "done=opened" in answer.headers["location"]
    page = people.holder.get(answer.headers["location"]).text
    with office.services.database.read() as session:
        case = session.scalars(select(Case)).one()
    assert f'href="/staff/cases/{case.id}"' in page and "Do not leave this." not in page
    shown = people.colleague.get(f"/staff/cases/{case.id}").text
    assert "Somebody in the team read it in the blind sample" in shown and parent.pseudonym in shown
    assert not office.outbox(parent)


@pytest.mark.parametrize("level", ["none", "concern"])
def test_nothing_is_to_do_for_what_is_no_danger(office: Office, people: People, level: str) -> None:
    writes(office)
    page = judge(people.holder, level).text
    assert "Do not leave this." not in page and "/case" not in page[page.index('id="message-') :]
    assert people.holder.post(f"{PAGE}/{first_id(office)}/case", lang="en", area=AREA).status_code == 422


def test_the_page_of_triage_counts_the_sample_apart_by_language(office: Office, people: People) -> None:
    for _ in range(2):
        writes(office)
    first, second = forms(people.holder.get(PAGE).text)
    people.holder.post(first, level="none")
    people.holder.post(second, level="urgent")
    said = text_of(people.holder.get("/staff/triage").text)
    assert "From the blind sample: 2 read, 1 should have been higher." in said
    assert "None 1 0 1" in said


def test_who_asked_to_be_forgotten_is_not_on_the_page(office: Office, people: People) -> None:
    parent = writes(office, "we are moving house soon")
    assert "moving house" in people.holder.get(PAGE).text
    (where,) = forms(people.holder.get(PAGE).text)
    with office.services.database.write() as session:
        forget(session, parent.person_id, except_inbox=0)
    assert "moving house" not in people.holder.get(PAGE).text
    answer = people.holder.post(where, level="urgent")
    assert answer.status_code == 404 and "may have asked to be forgotten" in answer.text


def test_every_look_and_act_is_recorded_and_no_word_is_in_a_log(
    office: Office, people: People, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    writes(office)
    judge(people.holder, "urgent")
    people.holder.post(f"{PAGE}/{first_id(office)}/case")
    actions = [action for action, _ in office.audit(people.holder.staff_id)]
    assert actions == ["sample.view", "sample.mark", "sample.view", "sample.case"]
    looks = [subject for action, subject in office.audit(people.holder.staff_id) if action == "sample.view"]
    assert all(subject.endswith(f" en {AREA}: 1") for subject in looks)
    assert "Looked at the blind sample" in people.holder.get("/staff/audit").text
    assert "naps" not in caplog.text and "Aniela" not in caplog.text
