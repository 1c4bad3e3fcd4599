"""What is not working, in the console: the banner, the page, and having seen it."""

from __future__ import annotations

import pytest

from bot.storage import troubles
from bot.storage.tables import TroubleAlarm, now
from tests.console.conftest import People
from tests.console.support import ELSEWHERE, Browser, Office, text_of
from tests.storage.support import add_outgoing, add_person

PAGE = "/staff/troubles"
SEEN = "I have seen this"


@pytest.fixture
def manager(office: Office) -> Browser:
    return office.browser(office.staff("Mo", roles=["manager"]))


def begin(office: Office, kind: str = "provider_down", subject: str = "whatsapp", reason: str = "status 502") -> int:
    with office.services.database.write() as session:
        troubles.begin(session, kind, subject, reason)
        return troubles.going_on(session)[-1].id


def test_where_nothing_is_wrong_it_says_so_and_no_page_has_a_banner(office: Office, manager: Browser) -> None:
    assert "Nothing that Wren watches is out of order" in manager.get(PAGE).text
    assert "not working. " not in text_of(manager.get("/staff").text)


def test_it_is_shown_once_with_what_it_means_since_when_and_how_many_wait(office: Office, manager: Browser) -> None:
    for _ in range(50):
        begin(office)
    with office.services.database.write() as session:
        person, address = add_person(session, office.services.keyring, channel="whatsapp")
        for _ in range(3):
            add_outgoing(session, person, address)
    page = text_of(manager.get(PAGE).text)
    assert page.count("WhatsApp does not take our messages") == 2  # the heading, and what the button says to a screen reader
    for words in ("None is lost", "3 messages wait to be sent there", "for less than a minute", "status 502"):
        assert words in page


@pytest.mark.parametrize("path", ["/staff", "/staff/audit", "/staff/rota", "/staff/account"])
def test_every_page_of_a_manager_has_the_banner_and_no_practitioner_s(office: Office, people: People, path: str) -> None:
    manager = office.browser(office.staff("Mo", roles=["manager"], area=ELSEWHERE))
    begin(office)
    begin(office, "provider_auth", "telegram")
    assert "2 things are not working." in text_of(manager.get(path).text)
    assert "not working" not in text_of(people.holder.get(path).text)


def test_having_seen_it_ends_the_button_is_recorded_and_the_trouble_stays(office: Office, manager: Browser) -> None:
    number = begin(office)
    assert SEEN in manager.get(PAGE).text
    for _ in range(2):
        assert manager.post(f"{PAGE}/{number}/acknowledge").headers["location"] == f"{PAGE}?done=trouble_seen"
    page = text_of(manager.get(f"{PAGE}?done=trouble_seen").text)
    assert "Mo has seen this" in page and SEEN not in page and "No more alarms go out about this" in page
    assert office.audit(manager.staff_id).count(("trouble.acknowledge", f"trouble:{number}")) == 1
    assert "1 thing is not working." in text_of(manager.get("/staff").text)


@pytest.mark.parametrize("number", ["999", str(2**60)])
def test_a_trouble_that_there_is_not_is_not_found(manager: Browser, number: str) -> None:
    assert manager.post(f"{PAGE}/{number}/acknowledge").status_code == 404


def test_what_works_again_moves_to_the_list_below(office: Office, manager: Browser) -> None:
    begin(office, "provider_auth", "telegram")
    with office.services.database.write() as session:
        troubles.end(session, ["provider_auth"], "telegram")
    page = text_of(manager.get(PAGE).text)
    assert "Nothing that Wren watches is out of order" in page and "Telegram refuses us" in page and SEEN not in page


@pytest.mark.parametrize("kind", troubles.KINDS)
def test_every_kind_has_words_for_what_it_is_what_it_means_and_what_to_do(office: Office, manager: Browser, kind: str) -> None:
    begin(office, kind, "whatsapp", "")
    page = manager.get(PAGE)
    assert page.status_code == 200 and "What to do" in page.text
    strings = office.services.strings
    assert strings.get(f"console.alarm.subject.{kind}", "en", subject="x", minutes="3")


def test_an_alarm_that_could_not_be_sent_is_said(office: Office, manager: Browser) -> None:
    number = begin(office)
    with office.services.database.write() as session:
        session.add(TroubleAlarm(trouble_id=number, step=1, way="email", state="failed", open=0, created_at=now()))
    assert "could not be sent" in text_of(manager.get(PAGE).text)
