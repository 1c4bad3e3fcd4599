"""E-mails to providers: when they go, what they say, and that they go once."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from sqlalchemy import select

from services_directory import models, writing
from tests.providers.conftest import ADDRESS, TODAY, Desk, links_of, words_of


def test_a_letter_has_the_services_name_what_we_hold_and_a_link(desk: Desk) -> None:
    assert desk.look() == 1
    (mail,) = desk.mail.mails
    assert (mail.to, mail.sender, mail.message["To"]) == ([ADDRESS], "wren@council.example", ADDRESS)
    words, service = words_of(mail), desk.service()
    assert service.name in words and "Description: " in words and "When: " in words
    assert "Last checked: " in words and "works for 42 days" in words
    assert len(links_of(mail)) == 1 and mail.message["Auto-Submitted"] == "auto-generated"


def test_it_goes_once_a_cycle_with_one_follow_up_and_is_recorded(desk: Desk) -> None:
    assert [desk.look() for _ in range(3)] == [1, 0, 0]
    assert [desk.look(days) for days in (13, 1, 1, 60)] == [0, 1, 0, 0]
    assert [(row.number, row.state, row.address) for row in desk.reminders()] == [(1, "sent", ADDRESS), (2, "sent", ADDRESS)]
    first, second = desk.mail.mails
    assert "A reminder" in second.message["Subject"] and links_of(first) != links_of(second)
    assert desk.look(15) == 1 and desk.reminders()[-1].number == 1


def test_who_has_answered_gets_no_follow_up(desk: Desk) -> None:
    desk.look()
    assert desk.browser().post(links_of(desk.mail.mails[0])[0] + "/right").status_code == 303
    assert desk.look(14) == desk.look(70) == 0


@pytest.mark.parametrize("setting", [{"smtp_host": None}, {"smtp_from": None}, {"demonstration": True}])
def test_without_mail_and_in_a_demonstration_nothing_is_sent_or_recorded(desk: Desk, setting: dict[str, object]) -> None:
    assert desk.look(**setting) == 0
    assert desk.mail.mails == [] and desk.reminders() == []


@pytest.mark.parametrize("state", ["draft", "defunct", "no address"])
def test_nobody_is_asked_about_what_parents_are_not_shown_or_without_an_address(desk: Desk, state: str) -> None:
    with writing(desk.engine) as session:
        service = session.get_one(models.Service, desk.service_id)
        if state == "no address":
            service.organisation.email = "us at provider"
        elif state == "draft":
            service.approval = "draft"
        else:
            service.status = state
    assert desk.look() == 0 and desk.mail.mails == []


def test_a_server_that_is_busy_is_asked_again_with_the_same_links_and_one_that_refuses_is_not(desk: Desk) -> None:
    desk.mail.answers["MAIL"] = "451 later"
    assert desk.look() == 1 and desk.look() == 0
    assert [row.state for row in desk.reminders()] == ["retry"]
    desk.mail.answers.clear()
    assert desk.look(1 / 24) == 1
    assert [(row.state, row.tries) for row in desk.reminders()] == [("sent", 2)] and len(desk.mail.mails) == 1
    assert desk.browser().get(links_of(desk.mail.mails[0])[0]).status_code == 200
    desk.mail.refuse.add(ADDRESS)
    assert desk.look(14) == 1 and desk.look(1) == 0
    assert [row.state for row in desk.reminders()] == ["sent", "failed"]


def test_several_services_of_one_organisation_are_one_letter_with_a_link_each(desk: Desk) -> None:
    with writing(desk.engine) as session:
        one = session.get_one(models.Service, desk.service_id)
        session.add(
            models.Service(
                organisation_id=one.organisation_id,
                name="Another (example)\r\nBcc: thief@elsewhere.example",
                approval="approved",
                assured_date=TODAY - timedelta(days=70),
            )
        )
    assert desk.look() == 1
    (mail,) = desk.mail.mails
    assert len(set(links_of(mail))) == 2 and "Another (example) Bcc: thief" in words_of(mail)
    assert mail.message["Bcc"] is None and mail.to == [ADDRESS]


def test_an_organisations_name_can_write_no_header(desk: Desk) -> None:
    with writing(desk.engine) as session:
        session.get_one(models.Service, desk.service_id).organisation.name = "O\r\nBcc: thief@elsewhere.example"
    assert desk.look() == 1
    assert desk.mail.mails[0].message["Bcc"] is None and "O Bcc: thief" in desk.mail.mails[0].message["Subject"]


def test_a_provider_in_wales_is_written_to_in_both_languages(desk: Desk) -> None:
    with writing(desk.engine) as session:
        for location in session.scalars(select(models.Location)):
            location.nation = "wales"
    desk.look()
    (mail,) = desk.mail.mails
    assert "Is this still right?" in mail.message["Subject"] and "Ydy hyn yn dal yn gywir?" in mail.message["Subject"]
    assert "Helô," in words_of(mail) and "Hello," in words_of(mail)


def test_a_private_address_is_in_no_letter(desk: Desk) -> None:
    with writing(desk.engine) as session:
        link = session.get_one(models.Service, desk.service_id).service_at_locations[0]
        link.location.private = True
        street = link.location.addresses[0].address_1 = "77 Secret Street"
    desk.look()
    assert street not in words_of(desk.mail.mails[0])


def test_no_address_and_no_link_is_in_a_log(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    desk.look()
    desk.mail.refuse.add(ADDRESS)
    desk.look(14)
    assert ADDRESS not in caplog.text and "/directory/check/" not in caplog.text
    assert all(ADDRESS not in (row.reason or "") for row in desk.reminders())
