"""The staff console in Chromium: accessible, narrow, by keyboard, live with JavaScript and complete without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest

from bot.console.guard import COOKIE
from bot.library import Library
from bot.messages import ButtonSpec, Reply
from bot.storage import troubles
from bot.storage.tables import Alarm, Case, Child, Person, Staff, StaffLogin, now
from tests.browser.conftest import CHROMIUM, press
from tests.browser.test_browser_pages import new_page, sideways, violations
from tests.console.support import AREA, PASSWORD, Browser, Office, Parent, build_office
from tests.console.test_questions import ask
from tests.console.test_second_factor import enrol
from tests.console.test_series import subscribe
from tests.webchat.support import served

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not there: install Debian's chromium package")

WIDTHS = (320, 1100)
VIEWS = (
    "sign-in",
    "wrong",
    "queue",
    "known",
    "empty",
    "unclaimed",
    "mine",
    "ready",
    "meant",
    "address",
    "triage",
    "sample",
    "sample-wrong",
    "review",
    "review-wrong",
    "review-read",
    "theirs",
    "refused",
    "closed",
    "audit",
    "questions",
    "rota",
    "rota-wrong",
    "missing",
    "signed-out",
    "code",
    "enrol",
    "recovery",
    "choose-password",
    "accounts",
    "account-add",
    "account",
    "secret",
    "own",
    "again",
    "series",
    "calendar",
    "subscribed",
    "troubles",
    "banner",
    "retention",
    "records",
    "records-wrong",
)


@pytest.fixture
def office(tmp_path: Path, library: Library) -> Iterator[Office]:
    result = build_office(f"sqlite:///{tmp_path / 'wren.sqlite3'}", tmp_path, library, demonstration=True, smtp_host="127.0.0.1")
    yield result
    result.services.database.dispose()


@pytest.fixture
def site(office: Office) -> Iterator[str]:
    with served(office) as address:  # type: ignore[arg-type]
        yield address


@pytest.fixture
def ada(office: Office) -> Browser:
    return office.browser(office.staff("Ada", roles=("practitioner", "manager")))


def furnish(office: Office) -> dict[str, Parent]:
    """Cases of every level, in several languages and states, one with everything on its page."""
    ben = office.browser(office.staff("Ben", title="Family worker"))
    urgent = office.parent("میں بہت تھک گئی ہوں، اب نہیں ہوتا", language="ur", channel="telegram")
    everything = office.parent(
        "he wont stop crying and i feel like i cant do this any more",
        level="emergency",
        reasons=[
            {"level": "emergency", "by": "rule:cannot-go-on", "words": "cant do this any more", "kind": "suicide"},
            {"level": "urgent", "by": "together:model:en", "words": "he wont stop crying", "kind": None},
        ],
    )
    office.wren_says(everything, Reply(ref="safety:nobody-watching", buttons=(ButtonSpec(label="button.menu", action="menu"),)))
    office.writes(everything, "Averylongwordwithoutanyspaceinit" * 6)
    with office.services.database.write() as session:
        session.add(Child(person_id=everything.person_id, born_or_due="2026-03"))
    office.change(Person, everything.person_id, nation="wales", district="ZZ1", role="mum", stopped_at=now())
    office.change(Case, everything.case_id, reply_due_at=office.case(everything).opened_at)
    told = {
        "case_id": everything.case_id,
        "cause": "unclaimed",
        "level": "emergency",
        "audience": "supervisor",
        "began_at": now(),
    }
    with office.services.database.write() as session:
        session.add(Alarm(**told, step=1, way="email", state="failed", reason="the mail server said 550", open=0))
        session.add(Alarm(**told, step=2, way="hook", state="sent", open=0))
    asked = office.parent("Talk to a person", level="none", reasons=[{"level": "none", "by": "parent", "words": "asked"}])
    concern = office.parent("I feel so alone", level="concern", language="cy")
    office.change(Case, concern.case_id, not_meant=True, rank=3)
    ben.post(f"/staff/cases/{asked.case_id}/claim")
    return {"urgent": urgent, "everything": everything, "asked": asked, "concern": concern}


def open_as(chromium: Any, who: Browser | None, site: str, **options: Any) -> Any:
    page = new_page(chromium, **options)
    if who is not None:
        page.context.add_cookies([{"name": COOKIE, "value": who.client.cookies[COOKIE], "domain": "127.0.0.1", "path": "/staff"}])
    return page


def press_menu(page: Any) -> None:
    """Open the menu of a narrow page, if it has one: before signing in there is none."""
    if page.locator(".menu").count():
        page.click(".menu summary")


def visit_accounts(view: str, office: Office, page: Any, site: str) -> None:
    """Bring `page` to one of the pages of accounts, second factors and the stages of signing in."""
    root = office.browser(office.staff("Root", area=None, roles=("administrator",)))
    cookie = {"name": COOKIE, "value": root.client.cookies[COOKIE], "domain": "127.0.0.1", "path": "/staff"}
    page.context.clear_cookies()
    if view == "code":
        enrol(office, root.staff_id)
        sign_in_by_keyboard(page, site, "root")
        page.wait_for_selector("#code")
    elif view == "choose-password":
        office.change(Staff, root.staff_id, password_ends_at=now() + timedelta(days=1))
        sign_in_by_keyboard(page, site, "root")
        page.fill("#new", "short")
        page.fill("#repeat", "short")
        page.click("button.button")
        page.wait_for_selector("#errors:focus")
    elif view == "own":
        office.browser(root.staff_id)  # another browser
        enrol(office, root.staff_id)
        page.context.add_cookies([cookie])
        page.goto(f"{site}/staff/account")
    elif view in ("enrol", "recovery"):
        page.context.add_cookies([cookie])
        page.goto(f"{site}/staff/account")
        page.fill("#factor-password", PASSWORD)
        press(page, "text=Set one up")
        key = page.inner_text(".key").replace(" ", "")
        page.fill("#code", pyotp.TOTP(key).now() if view == "recovery" else "000")
        page.click("text=Confirm")
        page.wait_for_selector(".codes" if view == "recovery" else "#errors:focus")
    else:
        page.context.add_cookies([cookie])
        page.goto(f"{site}/staff/accounts")
        if view in ("account-add", "secret", "again"):
            press(page, "text=Add an account")
            page.fill("#username", "dee")
            page.fill("#first-name", "Dee")
            page.fill("#job-title", "Nurse")
            if view != "account-add":
                page.check("#role-practitioner")
                page.select_option("#area", AREA)
            if view == "again":
                with office.services.database.write() as session:
                    session.query(StaffLogin).update({"proved_at": now() - timedelta(hours=1)})
            page.click("text=Add the account")
            page.wait_for_selector({"account-add": "#errors:focus", "secret": ".once", "again": "#proof"}[view])
        elif view == "account":
            page.click(".accounts a >> nth=0")
            page.wait_for_selector("#first-name")


def sign_in_by_keyboard(page: Any, site: str, username: str) -> None:
    """Name and password without a mouse."""
    page.goto(f"{site}/staff/sign-in")
    page.focus("#username")
    page.keyboard.type(username)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: "/staff/sign-in?" not in address and not address.endswith("/staff/sign-in"))


def visit(view: str, office: Office, page: Any, site: str, who: Browser) -> None:
    """Bring `page` to one of `VIEWS`."""
    cases = furnish(office) if view not in ("empty", "sign-in", "wrong") else {}
    if view in ("sign-in", "wrong", "signed-out"):
        page.context.clear_cookies()
        page.goto(f"{site}/staff")
    if view == "wrong":
        page.fill("#username", "ada")
        page.fill("#password", "wrong")
        press(page, "button.button")
    elif view in ("queue", "empty", "audit"):
        page.goto(f"{site}/staff/audit" if view == "audit" else f"{site}/staff?show=all")
    elif view == "questions":
        for language, words in (("en", "what is a zzyzx"), ("ur", "زززکس کیا ہے")):
            ask(office, words, AREA, language)
        page.goto(f"{site}/staff/questions")
    elif view == "known":
        who.post(f"/staff/cases/{cases['concern'].case_id}/claim")
        who.post(f"/staff/cases/{cases['concern'].case_id}/close", outcome="answered")
        office.returns(cases["concern"])
        page.goto(f"{site}/staff")
    elif view in ("rota", "rota-wrong"):
        today = f"{now():%Y-%m-%d}"
        for starts, ends in (("00:00", "00:00"), ("09:00", "12:30")):
            who.post("/staff/rota/add", who=str(who.staff_id), day=today, to=ends, weeks="2", **{"from": starts})
        page.goto(f"{site}/staff/rota")
        if view == "rota-wrong":
            page.fill("#shift-weeks", "many")
            page.fill("#shift-day", today)
            page.fill("#shift-from", "09:00")
            page.fill("#shift-to", "12:00")
            page.click("text=Add to the rota")
            page.wait_for_selector("#errors:focus")
            page.click("#errors a")
            page.wait_for_selector("#shift-weeks:focus")
    elif view in ("code", "enrol", "recovery", "choose-password", "accounts", "account-add", "account", "secret", "own", "again"):
        visit_accounts(view, office, page, site)
    elif view in ("series", "calendar", "subscribed"):
        subscribe(office, cases["urgent"].person_id)
        where = {"series": "series", "calendar": "series/by-age", "subscribed": f"cases/{cases['urgent'].case_id}"}[view]
        page.goto(f"{site}/staff/{where}")
    elif view in ("troubles", "banner"):
        with office.services.database.write() as session:
            troubles.begin(session, "provider_down", "whatsapp", "the server has a fault (502)")
            troubles.begin(session, "disk_full", "machine-with-a-long-name-" * 2)
            troubles.begin(session, "rasa_away", "machine-1")
            troubles.end(session, ["rasa_away"], "machine-1")
        page.goto(f"{site}/staff/troubles" if view == "troubles" else f"{site}/staff")
    elif view in ("retention", "records", "records-wrong"):
        case = f"/staff/cases/{cases['everything'].case_id}"
        who.post(f"{case}/records/hold", text="A court asks. " + "verylongindeed" * 12)
        who.post(f"{case}/records/check", known="1", safe="1")
        page.goto(f"{site}/staff/retention" if view == "retention" else f"{site}{case}/records")
        if view == "records-wrong":
            page.click("text=Save what was checked")
            page.wait_for_selector("#errors:focus")
            page.click("#errors a")
            page.wait_for_selector("#check-safe:focus")
    elif view == "missing":
        page.goto(f"{site}/staff/cases/999999")
    elif view in ("unclaimed", "theirs"):
        page.goto(f"{site}/staff/cases/{cases['asked' if view == 'theirs' else 'everything'].case_id}")
    elif view == "triage":
        for one, level in (("everything", "emergency"), ("urgent", "none")):
            fields = {"message": str(cases[one].inbox_ids[0]), "should_be": level}
            who.post(f"/staff/cases/{cases[one].case_id}/mark", **fields)
        page.goto(f"{site}/staff/triage")
    elif view in ("sample", "sample-wrong"):
        # One of each: not read yet, read, a danger without a case, a danger with one; and no space to break a line at.
        for words in (
            "do babies dream at night",
            "is it " + "verylongindeed" * 12 + " now",
            "when do they sit",
            "I see no way out",
        ):
            office.writes(office.newcomer(), words)
        page.goto(f"{site}/staff/sample")
        where = page.locator("form[action$=mark]").evaluate_all("forms => forms.map(form => form.getAttribute('action'))")
        for action, level in zip(where, ("concern", "urgent", "emergency"), strict=False):
            page.check(f"form[action='{action}'] [value={level}]")
            page.click(f"form[action='{action}'] button")
            page.wait_for_selector(f"form[action='{action}'] [value={level}][checked]")
        page.locator("text=Open a case for this message").first.click()
        page.wait_for_selector("text=It belongs to a case")
        if view == "sample-wrong":
            page.click(f"form[action='{where[-1]}'] button")
            page.wait_for_selector("#errors:focus")
            page.click("#errors a")
            page.wait_for_selector("[type=radio]:focus")
    elif view.startswith("review"):
        for words in (
            ("i feel flat all day", "cant stop crying", "verylongindeed" * 12),
            ("so low", "so low again", "no joy at all"),
        ):
            parent = office.newcomer()
            for text in words:
                office.writes(parent, text, level="concern")
        page.goto(f"{site}/staff/review")
        page.locator("main details summary").first.click()
        if view != "review":
            page.locator("textarea").first.fill(" " if view == "review-wrong" else "Her sister rang us")
            page.locator("text=Show the words once").first.click()
            page.wait_for_selector("#errors:focus" if view == "review-wrong" else "text=It is recorded that you read")
    elif view in ("meant", "address"):
        case = cases["urgent"].case_id
        who.post(f"/staff/cases/{case}/claim")
        who.post(f"/staff/cases/{case}/pause")
        who.post(f"/staff/cases/{case}/interpreter", needed="1")
        page.goto(f"{site}/staff/cases/{case}")
        if view == "meant":
            page.fill("#reply", "I am here with you now. Can you tell me more?")
            page.click("text=Send reply")
            page.wait_for_selector("text=Send it in English")
            for details in page.locator("main details summary").all():
                details.click()
        else:
            page.click("text=Show their number or address")
            page.fill("#address", "Welfare check by the police")
            page.click("button:text-is('Show it')")
            page.wait_for_selector("text=It is on this page only")
    elif view == "ready":
        case = cases["urgent"].case_id
        who.post(f"/staff/cases/{case}/claim")
        page.goto(f"{site}/staff/cases/{case}")
        page.select_option("#ready", "hello")
        press(page, "text=Show this reply")
    elif view in ("mine", "refused", "closed"):
        case = cases["everything"].case_id
        who.post(f"/staff/cases/{case}/claim")
        who.reply(case, "Hello, I am Ada. I am here now.\n\nAre you both safe?")
        who.post(f"/staff/cases/{case}/note", text="Rang the duty line.", form="form-0123456789")
        if view == "closed":
            who.post(f"/staff/cases/{case}/close", outcome="safeguarding")
        page.goto(f"{site}/staff/cases/{case}")
        if view == "refused":
            page.fill("#reply", " ")
            press(page, "text=Send reply")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    office: Office, chromium: Any, site: str, ada: Browser, view: str, width: int
) -> None:
    page = open_as(chromium, ada, site, width=width, height=900)
    visit(view, office, page, site, ada)
    assert violations(page) == []
    assert sideways(page) <= 0
    unforced = [trouble for trouble in page.troubles if "status of 4" not in trouble]  # a refusal is what some views show
    assert unforced == []
    assert page.locator("h1").count() == 1 and page.title()


@pytest.mark.parametrize(
    "view",
    ["queue", "mine", "rota", "sample", "own", "accounts", "account", "enrol", "review", "series", "calendar", "subscribed"],
)
def test_every_target_can_be_hit_with_a_thumb(office: Office, chromium: Any, site: str, ada: Browser, view: str) -> None:
    """WCAG 2.2, 2.5.8: at least 24 by 24 pixels, for everything but links within a sentence."""
    page = open_as(chromium, ada, site, width=320)
    visit(view, office, page, site, ada)
    press_menu(page)
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, input:not([type=hidden], [hidden]), select, textarea, nav a, .button, .case h2 a")]
        .filter(e => !e.closest(".skip")).map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
        .filter(([, box]) => box.width < 24 || box.height < 24).map(([html]) => html)"""
    )
    assert small == []


@pytest.mark.parametrize("view", ["queue", "mine"])
def test_without_colours_of_its_own_every_level_still_has_its_edge_shape_and_word(
    office: Office, chromium: Any, site: str, ada: Browser, view: str
) -> None:
    page = open_as(chromium, ada, site, forced_colors="active")
    visit(view, office, page, site, ada)
    levels = page.locator(".level")
    assert levels.count() > 0
    for level in levels.all():
        assert level.evaluate("e => getComputedStyle(e).borderTopStyle") == "solid"
        assert level.locator("svg path, svg circle").count() == 1 and level.inner_text().strip()
    assert violations(page) == []


def test_the_shapes_of_the_levels_differ(office: Office, chromium: Any, site: str, ada: Browser) -> None:
    page = open_as(chromium, ada, site)
    visit("queue", office, page, site, ada)
    shapes = {level.inner_text().strip(): level.locator("svg").inner_html() for level in page.locator(".case .level").all()}
    assert set(shapes) == {"Emergency", "Urgent", "Concern", "Asked for a person"}
    assert len(set(shapes.values())) == 4


@pytest.mark.parametrize("scripts", [True, False])
def test_a_practitioner_signs_in_claims_replies_and_closes(office: Office, chromium: Any, site: str, scripts: bool) -> None:
    office.staff("Ada")
    parent = office.parent("are you there?")
    page = new_page(chromium, java_script_enabled=scripts)
    page.goto(f"{site}/staff")
    page.fill("#username", "ada")
    page.fill("#password", PASSWORD)
    press(page, "button.button")
    press(page, f"text={parent.pseudonym}")
    press(page, "text=Claim this case")
    assert "This case is yours now" in page.inner_text("[role=status].banner")
    page.fill("#reply", "Yes, I am here.")
    press(page, "text=Send reply")
    assert "on its way" in page.inner_text(".banner")
    page.go_back()
    page.go_forward()
    page.check("text=Answered here")
    press(page, "text=Close the case")
    assert "The case is closed." in page.inner_text(".banner")
    press(page, "text=Sign out")
    assert "You have signed out." in page.inner_text(".banner")
    refs = [row.ref for row in office.outbox(parent)]
    assert refs == ["safety:person-joined", "person:reply", "safety:person-left"]
    assert page.troubles == []


@pytest.mark.parametrize("scripts", [True, False])
def test_a_practitioner_hands_a_case_over_to_a_colleague(
    office: Office, chromium: Any, site: str, ada: Browser, scripts: bool
) -> None:
    office.staff("Ben", title="Family worker")
    parent = office.parent()
    ada.post(f"/staff/cases/{parent.case_id}/claim")
    page = open_as(chromium, ada, site, java_script_enabled=scripts)
    page.goto(f"{site}/staff/cases/{parent.case_id}")
    page.select_option("#colleague", label="Ben, Family worker")
    page.fill("#handover", "Call her Jo")
    press(page, "text=Hand over to this colleague")
    assert "Your colleague has the case now" in page.inner_text(".banner")
    assert "Handed over by Ada to Ben" in page.inner_text("#history-list") and "Call her Jo" in page.inner_text("#history-list")
    assert page.troubles == []


@pytest.mark.parametrize("scripts", [True, False])
def test_a_ready_reply_is_chosen_seen_in_both_languages_and_sent(
    office: Office, chromium: Any, site: str, ada: Browser, scripts: bool
) -> None:
    parent = office.parent("نہیں ہوتا", language="ur")
    ada.post(f"/staff/cases/{parent.case_id}/claim")
    page = open_as(chromium, ada, site, java_script_enabled=scripts)
    page.goto(f"{site}/staff/cases/{parent.case_id}")
    page.fill("#reply", "half a thought")
    page.select_option("#ready", label="I am still here")
    press(page, "text=Show this reply")
    words = page.locator(".ready .words")
    assert words.first.get_attribute("dir") == "rtl" and "I am still here" in words.last.inner_text()
    press(page, "text=Send it as it is")
    assert "on its way" in page.inner_text(".banner") and page.input_value("#reply") == "half a thought"
    assert office.outbox(parent)[-1].ref == "reply:still-here"
    assert page.troubles == []


@pytest.mark.parametrize("scripts", [True, False])
def test_a_message_of_the_sample_is_judged_and_its_case_opened(
    office: Office, chromium: Any, site: str, ada: Browser, scripts: bool
) -> None:
    parent = office.newcomer()
    office.writes(parent, "I see no way out")
    page = open_as(chromium, ada, site, java_script_enabled=scripts)
    page.goto(f"{site}/staff/triage")
    press(page, "text=Read the monthly blind sample")
    page.get_by_label("Emergency").check()
    press(page, "button:has-text('Save')")
    assert "Saved: Emergency (Ada)." in page.inner_text("main")
    press(page, "text=Open a case for this message")
    press(page, "text=Case 1")
    assert parent.pseudonym in page.inner_text("h1") and not office.outbox(parent)
    assert page.troubles == []


@pytest.mark.parametrize("scripts", [True, False])
def test_a_second_factor_is_set_up_and_asked_for_by_keyboard_alone(
    office: Office, chromium: Any, site: str, scripts: bool
) -> None:
    office.staff("Mo", roles=("manager",))
    page = new_page(chromium, java_script_enabled=scripts)
    sign_in_by_keyboard(page, site, "mo")
    page.goto(f"{site}/staff/account")
    page.focus("#factor-password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(".key")
    key = page.inner_text(".key").replace(" ", "")
    assert page.locator(".scan svg path").count() >= 1
    page.focus("#code")
    page.keyboard.type(pyotp.TOTP(key).now())
    page.keyboard.press("Enter")
    page.wait_for_selector(".codes")
    codes = page.locator(".codes code").all_inner_texts()
    assert len(codes) == 10
    press(page, "text=I have kept them")
    press(page, "text=Sign out")
    sign_in_by_keyboard(page, site, "mo")
    page.focus("#code")
    page.keyboard.type(codes[0])
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Sign out")
    assert page.url == f"{site}/staff" and page.troubles == []


def test_a_message_that_comes_while_typing_is_told_shown_and_loses_nothing(
    office: Office, chromium: Any, site: str, ada: Browser
) -> None:
    parent = office.parent("first words")
    ada.post(f"/staff/cases/{parent.case_id}/claim")
    page = open_as(chromium, ada, site)
    with page.expect_response(lambda response: "/staff/events" in response.url):
        page.goto(f"{site}/staff/cases/{parent.case_id}")
    page.fill("#reply", "I was just writ")
    for words in ("second words", "third words"):
        office.writes(parent, words)
        office.services.hub.publish("queue")
        page.wait_for_selector(".news a")
        assert page.inner_text(".news") == "Something new: show it"
        assert not page.is_visible(f"text={words}")
        page.click(".news a")
        page.wait_for_selector(f"text={words}")
        assert page.input_value("#reply") == "I was just writ"
        assert page.inner_text(".news") == ""
    page.type("#reply", "ing")
    press(page, "text=Send reply")
    assert [office.words(row)["text"] for row in office.outbox(parent)][-1] == "I was just writing"
    assert page.troubles == []


def test_the_queue_tells_of_a_new_case(office: Office, chromium: Any, site: str, ada: Browser) -> None:
    page = open_as(chromium, ada, site)
    with page.expect_response(lambda response: "/staff/events" in response.url):
        page.goto(f"{site}/staff")
    parent = office.parent()
    office.services.hub.publish("queue")
    page.click(".news a")
    page.wait_for_selector(f"text={parent.pseudonym}")
    assert "Unclaimed (1)" in page.inner_text("#tabs")


def test_when_the_sign_in_ends_the_page_says_so_and_keeps_what_was_typed(
    office: Office, chromium: Any, site: str, ada: Browser
) -> None:
    parent = office.parent("first words")
    ada.post(f"/staff/cases/{parent.case_id}/claim")
    page = open_as(chromium, ada, site)
    with page.expect_response(lambda response: "/staff/events" in response.url):
        page.goto(f"{site}/staff/cases/{parent.case_id}")
    page.fill("#reply", "long and careful")
    office.writes(parent, "second words")
    office.services.hub.publish("queue")
    page.wait_for_selector(".news a")
    page.context.clear_cookies()
    page.click(".news a")
    page.wait_for_selector("text=You may have been signed out")
    assert page.input_value("#reply") == "long and careful"
    press(page, "text=Send reply")
    assert page.input_value("#kept") == "long and careful"


def test_without_a_script_looking_for_new_messages_keeps_what_was_typed(
    office: Office, chromium: Any, site: str, ada: Browser
) -> None:
    parent = office.parent("first words")
    ada.post(f"/staff/cases/{parent.case_id}/claim")
    page = open_as(chromium, ada, site, java_script_enabled=False)
    page.goto(f"{site}/staff/cases/{parent.case_id}")
    page.fill("#reply", "I was just writ")
    office.writes(parent, "second words")
    press(page, "text=keeps what you typed")
    assert page.is_visible("text=second words") and page.input_value("#reply") == "I was just writ"


def test_all_of_it_works_by_keyboard(office: Office, chromium: Any, site: str, ada: Browser) -> None:
    parent = office.parent("are you there?")
    page = open_as(chromium, ada, site)
    page.goto(f"{site}/staff")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    page.keyboard.press("Enter")

    def tab_to(words: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            reached = page.evaluate("(document.activeElement.textContent || document.activeElement.id || '').trim()")
            if words in (reached, page.evaluate("document.activeElement.id")):
                outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline == "solid", f"{words} shows no focus"
                return
        raise AssertionError(f"{words} cannot be reached by keyboard")

    tab_to(parent.pseudonym)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Claim this case")
    tab_to("Claim this case")
    page.keyboard.press("Enter")
    page.wait_for_selector("#reply")
    tab_to("reply")
    page.keyboard.type("By keyboard")
    tab_to("Send reply")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=on its way")
    assert [office.words(row)["text"] for row in office.outbox(parent)][-1] == "By keyboard"


def test_after_a_refusal_the_summary_has_the_focus_and_leads_to_the_box(
    office: Office, chromium: Any, site: str, ada: Browser
) -> None:
    page = open_as(chromium, ada, site)
    visit("refused", office, page, site, ada)
    page.wait_for_selector("#errors:focus")
    page.click("#errors a")
    page.wait_for_selector("#reply:focus")
    assert page.title().startswith("Error:")


def test_a_parents_own_script_and_direction_are_kept(office: Office, chromium: Any, site: str, ada: Browser) -> None:
    cases = furnish(office)
    page = open_as(chromium, ada, site)
    page.goto(f"{site}/staff/cases/{cases['urgent'].case_id}")
    words = page.locator(".said-parent .words").first
    assert words.get_attribute("lang") == "ur"
    assert words.evaluate("e => getComputedStyle(e).direction") == "rtl"


def test_a_page_needs_nothing_from_anywhere_else_and_is_small(office: Office, chromium: Any, site: str, ada: Browser) -> None:
    page = open_as(chromium, ada, site)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    sizes: list[int] = []
    page.on("response", lambda response: sizes.extend([len(response.body())] if "events" not in response.url else []))
    visit("mine", office, page, site, ada)
    page.wait_for_timeout(200)
    assert asked and all(re.match(re.escape(site), url) for url in asked)
    assert 0 < sum(sizes) < 100_000
