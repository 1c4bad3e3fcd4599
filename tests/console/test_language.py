"""The console in Welsh: who chooses it, how long it holds, that it reaches every page, and what stands in for a missing string."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from starlette.testclient import TestClient

from bot.alarms.mail import LANGUAGE as ALARMS
from bot.console.guard import COOKIE
from bot.console.language import LANGUAGE_COOKIE, SPOKEN, speaking, spoken
from bot.console.look import Look
from bot.console.roles import ROLES
from bot.console.stages import nearest
from bot.console.standin import BEGINS, ENDS, marked, standing_in, without_marks
from bot.console.words import StaffWords
from bot.handoff.hours import load_teams
from bot.library import Library
from bot.library.check_files import STAFF_CATALOGS
from bot.library.strings import Strings
from bot.settings import ROOT
from bot.storage.tables import Staff, StaffAudit
from services_directory.editing.answers import STEPS
from tests.console.conftest import People
from tests.console.furnished import Furnished
from tests.console.support import AREA, PASSWORD, URL, Browser, Office, hidden, text_of

LOCALES = ROOT / "locales"
FOR_PAPER = re.compile(r"/export/list$|/(poster|card)(\?|$)")
"""Pages for a wall or a pocket: in the language of whoever reads them there, not of whoever prints them."""


@pytest.fixture
def words(library: Library) -> StaffWords:
    return StaffWords(library.strings, load_teams(ROOT))


def choose(client: TestClient, language: str, csrf: str = "", before: str = "/staff") -> str:
    """Press the button in the head of the page at `before`; returns where that leads."""
    headers = {"Origin": URL, "Referer": f"{URL}{before}"}
    answer = client.post("/staff/language", data={"csrf": csrf, "language": language}, headers=headers)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def speech_of(browser: Browser | TestClient, path: str) -> str:
    """The language that a page says it is in, in the same way everywhere."""
    answer = browser.get(path)
    found = re.search(r'<html lang="(\w+)"', answer.text)
    assert answer.status_code == 200 and found and answer.headers["content-language"] == found[1], path
    return found[1]


def staff_language(office: Office, staff_id: int) -> str | None:
    with office.services.database.read() as session:
        return session.get_one(Staff, staff_id).language


# Choosing


def test_a_choice_is_kept_in_the_account_and_comes_along_to_another_browser(office: Office, people: People) -> None:
    ada = people.holder
    assert speech_of(ada, "/staff") == "en"
    choose(ada.client, "cy", ada.csrf)
    assert speech_of(ada, "/staff") == "cy" and staff_language(office, ada.staff_id) == "cy"
    assert LANGUAGE_COOKIE not in ada.client.cookies
    assert speech_of(office.browser(ada.staff_id), "/staff/audit") == "cy"
    choose(ada.client, "en", ada.csrf)
    assert speech_of(ada, "/staff") == "en"


def test_a_colleague_s_page_stays_english(people: People) -> None:
    choose(people.holder.client, "cy", people.holder.csrf)
    assert "Achosion agored" in text_of(people.holder.get("/staff").text)
    assert speech_of(people.colleague, "/staff") == "en"
    assert "Open cases" in text_of(people.colleague.get("/staff").text)


def test_before_signing_in_a_choice_is_this_browser_s_and_nobody_s_account(office: Office) -> None:
    ada = office.staff("Ada")
    client = office.client()
    assert choose(client, "cy", before="/staff/sign-in") == "/staff/sign-in"
    assert speech_of(client, "/staff/sign-in") == "cy"
    page = client.get("/staff/sign-in").text
    assert "Mewngofnodi" in page and ">English</button>" in page
    fields = {"csrf": hidden(page, "csrf"), "next": "", "username": "ada", "password": PASSWORD}
    assert client.post("/staff/sign-in", data=fields | {"password": "wrong"}, headers={"Origin": URL}).status_code == 403
    client.post("/staff/sign-in", data=fields, headers={"Origin": URL})
    assert COOKIE in client.cookies and speech_of(client, "/staff") == "cy"
    assert staff_language(office, ada) is None


def test_what_an_account_says_counts_more_than_what_a_browser_says(office: Office, people: People) -> None:
    choose(people.holder.client, "en", people.holder.csrf)
    people.holder.client.cookies.set(LANGUAGE_COOKIE, "cy", domain="127.0.0.1", path="/staff")
    assert speech_of(people.holder, "/staff") == "en"


def test_the_cookie_goes_with_the_browser_and_no_script_reads_it(office: Office) -> None:
    answer = office.client().post("/staff/language", data={"language": "cy"}, headers={"Origin": URL})
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(f"{LANGUAGE_COOKIE}=cy;") and "httponly" in cookie and "samesite=lax" in cookie
    assert "max-age" not in cookie and "expires" not in cookie


@pytest.mark.parametrize("language", ["pl", "", "cy; path=/", "../en"])
def test_a_language_that_the_console_does_not_speak_changes_nothing(office: Office, people: People, language: str) -> None:
    choose(people.holder.client, language, people.holder.csrf)
    assert staff_language(office, people.holder.staff_id) is None
    stranger = office.client()
    choose(stranger, language)
    assert LANGUAGE_COOKIE not in stranger.cookies
    stranger.cookies.set(LANGUAGE_COOKIE, "pl", domain="127.0.0.1", path="/staff")
    assert speech_of(stranger, "/staff/sign-in") == "en"


def test_an_account_s_language_is_changed_only_by_its_own_token_and_from_our_own_pages(office: Office, people: People) -> None:
    for token in ("", "x", people.colleague.csrf):
        answer = people.holder.client.post("/staff/language", data={"csrf": token, "language": "cy"}, headers={"Origin": URL})
        assert answer.status_code == 403 and "too old" in text_of(answer.text)
    elsewhere = {"Origin": "https://evil.example"}
    fields = {"csrf": people.holder.csrf, "language": "cy"}
    assert people.holder.client.post("/staff/language", data=fields, headers=elsewhere).status_code == 403
    assert office.client().post("/staff/language", data={"language": "cy"}, headers=elsewhere).status_code == 403
    assert people.holder.post("/staff/language", language="cy", text="x" * 400_000).status_code == 413
    assert staff_language(office, people.holder.staff_id) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/staff/cases/1", "/staff/cases/1"),
        ("/staff/cases/1?before=7", "/staff/cases/1?before=7"),
        ("/staff/cases/1/reply", "/staff/cases/1"),  # a form's own address, shown again with an error
        ("/staff/accounts/5/change?x=1", "/staff/accounts/5"),
        ("/staff/sign-in/next?next=%2Fstaff", "/staff/sign-in/next?next=%2Fstaff"),
        ("/staff/set-password/a-token_of-somebody", "/staff/set-password/a-token_of-somebody"),
        ("/staff/nowhere/at/all", "/staff"),
        ("//evil.example/staff", "/staff"),
        ("/chat", "/staff"),
        ("", "/staff"),
    ],
)
def test_a_choice_leads_back_to_the_page_it_was_made_on_and_nowhere_else(people: People, before: str, after: str) -> None:
    assert choose(people.holder.client, "cy", people.holder.csrf, before) == after


def test_a_page_is_looked_for_upwards_and_always_found() -> None:
    assert nearest("/staff/rota/add") == "/staff/rota"
    assert nearest("nothing") == nearest("") == nearest("/") == "/staff"


def test_whoever_has_no_queue_is_led_to_a_first_page_of_their_own(office: Office) -> None:
    editor = office.browser(office.staff("Edie", roles=("editor",)))
    assert choose(editor.client, "cy", editor.csrf, "/elsewhere") == "/staff/directory/todo"


def test_a_refusal_and_what_was_typed_come_back_in_the_reader_s_language(office: Office, people: People) -> None:
    parent, ada = office.parent(), people.holder
    choose(ada.client, "cy", ada.csrf)
    answer = ada.reply(parent.case_id, "Words worth keeping")
    assert answer.status_code == 409 and "Words worth keeping" in answer.text
    assert "Cymerwch e yn gyntaf" in text_of(answer.text)
    late = ada.client.post("/staff/sign-out", data={"csrf": "of yesterday"}, headers={"Origin": URL})
    assert "Roedd y dudalen honno'n rhy hen" in text_of(late.text)


def test_why_a_password_is_refused_is_said_in_the_reader_s_language(people: People) -> None:
    ada = people.holder
    choose(ada.client, "cy", ada.csrf)
    answer = ada.post("/staff/account/password", old=PASSWORD, new="short", repeat="short")
    assert answer.status_code == 422 and "Mae gan gyfrinair rhwng 12 a 200 nod." in text_of(answer.text)


def test_a_file_that_is_brought_is_answered_in_the_reader_s_language_too(office: Office) -> None:
    editor = office.browser(office.staff("Edie", roles=("editor",)))
    choose(editor.client, "cy", editor.csrf)
    answer = editor.post("/staff/directory/import")
    assert answer.status_code == 422 and "Dewiswch ffeil" in text_of(answer.text)
    old = editor.client.post("/staff/directory/import", data={"csrf": "x"}, headers={"Origin": URL})
    assert old.status_code == 403 and '<html lang="cy"' in old.text


def test_choosing_a_language_is_no_act_that_is_audited_and_the_audit_keeps_its_codes(office: Office, people: People) -> None:
    choose(people.holder.client, "cy", people.holder.csrf)
    parent = office.parent()
    people.holder.post(f"/staff/cases/{parent.case_id}/claim")
    with office.services.database.read() as session:
        assert [row.action for row in session.query(StaffAudit)] == ["case.claim"]
    assert "Cymerwyd" in text_of(people.holder.get("/staff/audit").text)


def test_alarms_are_sent_in_english_whatever_anybody_chose() -> None:
    with speaking("cy"):
        assert ALARMS == "en"


# Every page


def test_the_check_of_content_asks_for_every_language_that_the_console_speaks() -> None:
    assert set(SPOKEN) == {"en", *STAFF_CATALOGS["console"]}


def english_only(strings: Strings) -> set[str]:
    """What the English catalog says without placeholders, where Welsh says something else or nothing."""
    with (LOCALES / "en" / "LC_MESSAGES" / "console.po").open("rb") as file:
        said = {str(entry.id): str(entry.string) for entry in read_po(file) if entry.id and not entry.pluralizable}
    alike = {words for key, words in said.items() if strings.template(key, "cy") == (words, "cy")}
    return {words for words in said.values() if "{" not in words} - alike


def pieces(page: str) -> set[str]:
    """Each run of text of a page, and the texts of attributes that are read out."""
    bare = re.sub(r'<(\w+)[^>]* lang="(?!cy)\w+".*?</\1>', "", page.partition("<head>")[2], flags=re.DOTALL)
    texts = re.split(r"<[^>]*>", bare) + re.findall(r'(?:aria-label|data-words|data-out|label)="([^"]*)"', bare)
    return {" ".join(unescape(text).split()) for text in texts}


def test_every_page_that_staff_can_reach_is_in_welsh(
    furnished: Furnished, furnished_office: tuple[Office, Browser], library: Library
) -> None:
    """Along every link from the first page, with every role; not files, and no string of the catalog left in English."""
    office, _ = furnished_office
    reader = office.browser(office.staff("Mabli", area=AREA, roles=ROLES))
    choose(reader.client, "cy", reader.csrf)
    reader.post(f"/staff/cases/{furnished.parent.case_id}/claim")
    draft = reader.post("/staff/directory/add").headers["location"].rpartition("/questions/")[0]
    english, seen = english_only(library.strings), set()
    waiting = ["/staff?show=all", "/staff/nowhere", "/staff/account/second-factor", f"{draft}/all"]
    waiting += [f"{draft}/questions/{step}" for step in STEPS]
    while waiting:
        path = waiting.pop()
        if re.sub(r"\d+|=\w+", "", path) in seen:
            continue
        seen.add(re.sub(r"\d+|=\w+", "", path))
        answer = reader.get(path)
        if FOR_PAPER.search(path) or not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        assert '<html lang="cy" dir="ltr">' in answer.text and answer.headers["content-language"] == "cy", path
        assert pieces(answer.text) & english == set(), path
        assert set(re.findall('<span lang="en">([^<]*)</span>', answer.text)) & english == set(), path
        links = (unescape(link).split("#")[0] for link in re.findall(r'<a [^>]*href="([^"]*)"', answer.text))
        waiting += [
            link if link.startswith("/") else f"{path.split('?')[0]}{link}" for link in links if link.startswith(("/staff", "?"))
        ]
    assert len(seen) > 25


# Words


def test_days_times_and_names_are_welsh(words: StaffWords) -> None:
    with speaking("cy"):
        assert words.day(date(2026, 11, 27)) == "Gwen, 27 Tach" and words.month(date(2026, 8, 1)) == "Awst 2026"
        assert words.clock(datetime(2026, 1, 5, 14, 7, tzinfo=UTC), AREA) == "Llun, 5 Ion, 14:07"
        assert [words.language(code) for code in ("en", "cy", "pl", "xx")] == ["Saesneg", "Cymraeg", "Pwyleg", "xx"]
        assert words.topic("baby/crying") == words.strings.get("topic.baby/crying", "cy") + " (baby)"
    assert words.day(date(2026, 11, 27)) == "Friday 27 Nov" and words.language("pl") == "Polish"


@pytest.mark.parametrize(
    ("number", "days", "minutes", "codes"),
    [
        (0, "0 diwrnod", "0 munud", "Mae 0 cod adfer heb ei ddefnyddio."),
        (1, "1 diwrnod", "1 munud", "Mae 1 cod adfer heb ei ddefnyddio."),
        (2, "2 ddiwrnod", "2 funud", "Mae 2 god adfer heb eu defnyddio."),
        (3, "3 diwrnod", "3 munud", "Mae 3 chod adfer heb eu defnyddio."),
        (6, "6 diwrnod", "6 munud", "Mae 6 chod adfer heb eu defnyddio."),
        (11, "11 diwrnod", "11 munud", "Mae 11 cod adfer heb ei ddefnyddio."),
    ],
)
def test_a_number_changes_the_word_that_follows_it(words: StaffWords, number: int, days: str, minutes: str, codes: str) -> None:
    with speaking("cy"):
        said = [words.count(key, number) for key in ("time.days", "time.minutes", "own.codes_left")]
    assert said == [days, minutes, codes]


# What stands in


@pytest.fixture
def gappy(tmp_path: Path) -> StaffWords:
    """Words of which nothing is translated."""
    shutil.copytree(LOCALES / "en", tmp_path / "en")
    return StaffWords(Strings.load(tmp_path), load_teams(ROOT))


def test_english_stands_in_for_what_is_not_translated_and_never_a_key(gappy: StaffWords) -> None:
    with speaking("cy"):
        assert marked(f"<p>{gappy('queue.title')}</p>") == '<p><span lang="en">Open cases</span></p>'
        assert marked(f"<b>{gappy.count('time.days', 2)}</b>") == '<b><span lang="en">2 days</span></b>'
        inside = gappy("due.late", span=gappy.count("time.days", 2), by="14:05")
        assert marked(inside) == '<span lang="en">Late: due 2 days ago (14:05)</span>'
    assert gappy("queue.title") == "Open cases"


def test_a_page_with_gaps_is_shown_with_its_english_marked(gappy: StaffWords) -> None:
    with speaking("cy"):
        page = Look(gappy, demonstration=False).notice("no_page", 404)
    html = bytes(page.body).decode()
    assert '<html lang="cy"' in html and "<title>This page is not here – Wren staff</title>" in html
    assert '<h1><span lang="en">This page is not here</span></h1>' in html
    assert BEGINS not in html and ENDS not in html


def test_a_stand_in_is_not_marked_where_no_element_may_stand() -> None:
    words = standing_in("Find")
    assert marked(f"<title>{words} – Wren</title>") == "<title>Find – Wren</title>"
    assert marked(f'<option value="1">{words}</option>') == '<option value="1">Find</option>'
    assert marked(f'<a title="{words}">a{words}b</a>') == '<a title="Find">a<span lang="en">Find</span>b</a>'


def test_marks_that_a_parent_typed_open_no_element() -> None:
    begins, ends = standing_in("")
    assert marked(f"<p>{ends}x{begins}</p><p>{begins}<b>y</b>{ends}</p>") == "<p>x</p><p><b>y</b></p>"
    assert without_marks(f"{begins}x{ends}") == "x"


def test_why_a_message_did_not_go_is_welsh_and_a_provider_s_words_are_marked(words: StaffWords) -> None:
    with speaking("cy"):
        assert words.because("they wrote stop") == "ysgrifennon nhw stop"
        assert marked(words.because("470: message failed")) == '<span lang="en">470: message failed</span>'
        reason = marked(words.reason({"by": "rule:no-way-out"}))
        assert reason == 'Rheol ymadrodd (<span lang="en">no way out</span>)'
    assert words.because("470: message failed") == "470: message failed"


def test_nobody_s_language_is_spoken_to_the_next() -> None:
    with pytest.raises(ValueError, match="gone wrong"), speaking("cy"):
        raise ValueError("gone wrong")
    assert spoken() == "en"
