"""The page behind a provider's link: opened by anybody's scanner, answered once by a person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.library.dates import say_date
from services_directory import models, writing
from services_directory.freshness.tables import ProviderNote, QuickAct
from tests.console.support import text_of
from tests.providers.conftest import ADDRESS, TODAY, Desk, links_of


@pytest.fixture
def link(desk: Desk) -> str:
    desk.look()
    return links_of(desk.mail.mails[0])[0]


def notes(desk: Desk) -> list[str]:
    with Session(desk.engine) as session:
        return list(session.scalars(select(ProviderNote.words)))


def test_the_page_shows_what_we_hold_and_two_answers_without_an_account_or_a_script(desk: Desk, link: str) -> None:
    page = desk.browser().get(link)
    assert page.status_code == 200 and page.text.count("<button") == 2 and "<script" not in page.text
    assert desk.service().name in text_of(page.text) and "Yes, all of it is still right" in page.text
    assert page.headers["cache-control"] == "no-store" and "noindex" in page.headers["x-robots-tag"]
    assert page.headers["referrer-policy"] == "same-origin"


def test_programs_that_open_links_answer_nothing(desk: Desk, link: str) -> None:
    for method in ("GET", "HEAD", "GET", "OPTIONS"):
        desk.browser().request(method, link)
        desk.browser().request(method, f"{link}/right")
    assert desk.service().assured_date == TODAY - timedelta(days=100)
    assert "Yes, all of it is still right" in desk.browser().get(link).text


def test_still_right_counts_once_and_a_second_use_is_told_so_kindly(desk: Desk, link: str) -> None:
    browser = desk.browser()
    answer = browser.post(f"{link}/right")
    assert answer.status_code == 303
    assert "Parents now see that" in text_of(browser.get(answer.headers["location"]).text)
    assert (desk.service().assured_date, desk.service().assurer_email) == (TODAY, ADDRESS)
    desk.at += timedelta(days=3)
    again = browser.post(f"{link}/right")
    page = browser.get(again.headers["location"])
    assert page.status_code == 200 and "This has been answered already" in page.text and say_date(TODAY, "en") in page.text
    browser.post(f"{link}/wrong", data={"text": "no, it moved"})
    assert desk.service().assured_date == TODAY and notes(desk) == []
    with Session(desk.engine) as session:
        (act,) = session.scalars(select(QuickAct))
        assert (act.kind, act.author, act.author_id) == ("checked", ADDRESS, None)


def test_what_is_wrong_goes_on_staffs_list(desk: Desk, link: str) -> None:
    browser = desk.browser()
    answer = browser.post(f"{link}/wrong", data={"text": "We meet on <i>Fridays</i> now"})
    assert answer.status_code == 303 and "is on our list" in text_of(browser.get(answer.headers["location"]).text)
    assert notes(desk) == ["We meet on <i>Fridays</i> now"]
    assert desk.service().assured_date == TODAY - timedelta(days=100)


def test_without_words_the_field_says_what_is_missing_and_the_link_is_still_good(desk: Desk, link: str) -> None:
    page = desk.browser().post(f"{link}/wrong", data={"text": "  "})
    assert page.status_code == 422 and 'aria-invalid="true"' in page.text and 'href="#text"' in page.text
    assert "<title>Error:" in page.text and notes(desk) == []
    assert desk.browser().post(f"{link}/right").status_code == 303


def test_a_link_that_has_run_out_says_so_kindly(desk: Desk, link: str) -> None:
    desk.at += timedelta(days=43)
    for answer in (desk.browser().get(link), desk.browser().post(f"{link}/right")):
        assert answer.status_code == 410 and "Nothing has gone wrong" in answer.text
    assert desk.service().assured_date == TODAY - timedelta(days=100)


def test_a_changed_link_and_that_of_a_service_that_is_gone_lead_nowhere(desk: Desk, link: str) -> None:
    name = desk.service().name
    for wrong in (link[:-2] + "xy", "/directory/check/x", "/directory/check/" + "a" * 5_000, "/directory/check/%00.%ff"):
        answer = desk.browser().get(wrong)
        assert answer.status_code == 404 and name not in answer.text, wrong
    with writing(desk.engine) as session:
        session.get_one(models.Service, desk.service_id).status = "defunct"
    assert desk.browser().get(link).status_code == 404 and desk.browser().post(f"{link}/right").status_code == 404


def test_a_form_of_another_site_and_one_that_is_too_long_are_refused(desk: Desk, link: str) -> None:
    assert desk.browser(**{"Sec-Fetch-Site": "cross-site"}).post(f"{link}/right").status_code == 403
    assert desk.browser(Origin="https://elsewhere.example").post(f"{link}/right").status_code == 403
    assert desk.browser().post(f"{link}/wrong", content=b"text=" + b"x" * 40_000).status_code == 413
    assert desk.service().assured_date == TODAY - timedelta(days=100) and notes(desk) == []


def test_the_page_is_in_welsh_for_whoever_wants_it(desk: Desk, link: str) -> None:
    for page in (desk.browser().get(link, params={"lang": "cy"}), desk.browser(**{"Accept-Language": "cy"}).get(link)):
        assert '<html lang="cy"' in page.text and "ydy hyn yn dal yn gywir?" in page.text
    assert '<html lang="en"' in desk.browser(**{"Accept-Language": "pl"}).get(link).text


def test_words_of_the_record_are_shown_as_words(desk: Desk, link: str) -> None:
    with writing(desk.engine) as session:
        session.get_one(models.Service, desk.service_id).name = "A & B <script>alert(1)</script> (example)"
    page = desk.browser().get(link).text
    assert "<script>alert" not in page and "A &amp; B" in page
