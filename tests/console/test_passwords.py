"""Passwords that are easy to guess are refused where their owner chooses them, in words that say what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.console.accounts import check_password, make_link, new_password
from bot.console.passwords import is_guessable
from bot.storage.tables import Staff
from tests.console.support import PASSWORD, URL, Office, hidden, text_of

ADA = ("ada.lovelace", "Ada", "Health visitor", "ada.lovelace@northtown.example", "Northtown Borough Council")
COMMON = (
    *("password1234", "Password12345!", "P4ssw0rd-P4ssw0rd", "qwertyuiop[]", "qwertyqwerty123", "123456789012", "aaaaaaaaaaaa"),
    *(
        "letmein123456",
        "Summer2026!!",
        "iloveyou2026",
        "abcdefghijkl",
        "drowssapdrowssap",
        "zzz" * 60,
        "cyfrinair1234",
        "croesocymru1",
    ),
)
ABOUT_THEM = (
    *(
        "ada.lovelace1",
        "AdaLovelace2026",
        "ecalevol.ada1",
        "northtown2026!",
        "NorthtownCouncil",
        "wren-wren-wren",
        "wrencouncil2026",
    ),
    *("health-visitor-1", "ada.lovelace@northtown.example"),
)
GOOD = (
    PASSWORD,
    "four-dry-wellies-walking",
    "pili pala yn yr ardd",
    "x7Kd93jLqp2Zw4",
    "три мокрі чоботи сохнуть",
    "بارش میں تین جوتے",
)


@pytest.mark.parametrize("password", COMMON)
def test_what_many_have_is_guessable_whoever_has_it(password: str) -> None:
    assert is_guessable(password, ())


@pytest.mark.parametrize("password", ABOUT_THEM)
def test_what_is_made_of_their_own_names_is_guessable(password: str) -> None:
    assert is_guessable(password, ADA)


@pytest.mark.parametrize("password", GOOD)
def test_a_few_words_that_do_not_belong_together_are_not(password: str) -> None:
    assert not is_guessable(password, ADA)


def test_what_wren_makes_itself_is_not_and_the_longest_is_judged_too() -> None:
    assert not any(is_guessable(new_password(), ADA) for _ in range(20))
    assert (
        is_guessable("a" * 200, ())
        and is_guessable("", ())
        and is_guessable("!" * 12, ())
        and is_guessable("\ud800" * 12, (None, ""))
    )


@pytest.fixture
def restless_threads() -> Iterator[None]:
    """Threads take turns in the middle of everything, as they seldom do by themselves."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("restless_threads")
def test_one_persons_names_are_not_counted_for_another_at_the_same_moment() -> None:
    """The library keeps them where every thread sees them."""
    names = [("quillfeather",), ("oxbowmarsh",)] * 40
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda own: is_guessable("quillfeatherzorb1", own), names))
    assert found == [True, False] * 40


def test_it_is_refused_on_every_page_where_a_password_is_chosen_and_nothing_changes(office: Office) -> None:
    ada = office.staff("Ada")
    browser = office.browser(ada)
    fields = {"new": "Summer2026!!", "repeat": "Summer2026!!"}
    refused = browser.post("/staff/account/password", old=PASSWORD, **fields)
    assert refused.status_code == 422 and "easy to guess. Use three or four words" in text_of(refused.text)
    with office.services.database.write() as session:
        token = make_link(session, session.get_one(Staff, ada))
    client = office.client()
    page = client.get(f"/staff/set-password/{token}").text
    by_link = client.post(f"/staff/set-password/{token}", data={"csrf": hidden(page, "csrf"), **fields}, headers={"Origin": URL})
    assert by_link.status_code == 422 and "easy to guess" in text_of(by_link.text)
    with office.services.database.read() as session:
        assert check_password(session.get_one(Staff, ada).password_hash, PASSWORD)
    fields = {"csrf": hidden(page, "csrf"), "new": "four-dry-wellies-walking", "repeat": "four-dry-wellies-walking"}
    assert client.post(f"/staff/set-password/{token}", data=fields, headers={"Origin": URL}).status_code == 303


def test_the_councils_name_counts(office: Office) -> None:
    ben = office.staff("Ben")
    browser = office.browser(ben)
    fields = {"old": PASSWORD, "new": "quillfeathermarsh", "repeat": "quillfeathermarsh"}
    office.services.settings.council_name = "Quillfeather Marsh Council"
    assert browser.post("/staff/account/password", **fields).status_code == 422
    office.services.settings.council_name = None
    assert browser.post("/staff/account/password", **fields).status_code == 303
