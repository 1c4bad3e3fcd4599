"""Guessing a password: each wrong try makes the next one with that name wait, and nobody is locked out of their own desk by a stranger."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from httpx import Response
from sqlalchemy import select
from starlette.testclient import TestClient

from bot.console import accounts, factor, logins
from bot.console.accounts import make_link
from bot.console.known import KNOWN_COOKIE
from bot.library import Library
from bot.storage import tables, tries, troubles
from bot.storage.tables import SignInTry, Staff
from tests.console.support import PASSWORD, URL, Office, build_office, hidden, text_of
from tests.console.test_guard import sign_in

NOON = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Stops the app's time where the test says."""

    def stop(moment: datetime) -> None:
        for module in (tables, factor, logins, accounts, tries, troubles):
            monkeypatch.setattr(module, "now", lambda: moment)

    stop(NOON)
    return stop


@pytest.fixture
def both(database_address: str, tmp_path: Path, library: Library) -> Iterator[Office]:
    """The office on SQLite and on PostgreSQL, with a door wide enough for a guesser."""
    result = build_office(database_address, tmp_path, library, migrated=True, tries=(1000, 1000))
    yield result
    result.close()


def again(client: TestClient, username: str, password: str) -> Response:
    """Another try in the same browser."""
    page = client.get("/staff/sign-in").text
    fields = {"csrf": hidden(page, "csrf"), "next": "/staff", "username": username, "password": password}
    return client.post("/staff/sign-in", data=fields, headers={"Origin": URL})


def guess(office: Office, username: str, times: int) -> list[int]:
    """A stranger's wrong tries; the statuses of their answers."""
    return [sign_in(office, username, f"guess-{number}")[1].status_code for number in range(times)]


def test_after_a_few_wrong_tries_not_even_the_right_password_is_looked_at_until_the_pause_is_over(
    both: Office, clock: Callable[[datetime], None]
) -> None:
    ada = both.staff("Ada")
    assert guess(both, "ada", tries.FREE + 2) == [403] * tries.FREE + [429, 429]
    _, refused = sign_in(both, "ada", PASSWORD)
    assert refused.status_code == 429 and refused.headers["retry-after"] == "15"
    assert "Wait 1 minute" in text_of(refused.text)
    assert [action for action, _ in both.audit(ada)] == ["sign_in.refused"] * tries.FREE + ["sign_in.slowed"]
    clock(NOON + tries.FIRST_PAUSE)
    assert sign_in(both, "ada", PASSWORD)[1].status_code == 303
    clock(NOON + 2 * tries.FIRST_PAUSE)
    assert guess(both, "ada", tries.FREE) == [403] * tries.FREE  # the right one made them all mistyped


def test_a_name_that_nobody_has_is_answered_alike(both: Office, clock: Callable[[datetime], None]) -> None:
    both.staff("Ada")
    answers = {}
    for name in ("ada", "eve"):
        told = [sign_in(both, name, "wrong")[1] for _ in range(tries.FREE + 1)]
        answers[name] = [(one.status_code, text_of(one.text), one.headers.get("retry-after")) for one in told]
    assert answers["ada"] == answers["eve"]
    assert answers["ada"][-1][0] == 429


def test_each_further_wrong_try_waits_longer_and_none_longer_than_a_quarter_of_an_hour(
    both: Office, clock: Callable[[datetime], None]
) -> None:
    moment, looked_at, waits = NOON, 0, []
    while moment < NOON + timedelta(days=1):
        clock(moment)
        with both.services.database.write() as session:
            wait = tries.take(session, "key")
        looked_at += wait is None
        if wait is not None:
            waits.append(wait)
        moment += wait or timedelta(0)
    assert waits[:4] == [timedelta(seconds=15), timedelta(seconds=30), MINUTE, 2 * MINUTE]
    assert max(waits) == tries.LONGEST_PAUSE and looked_at <= 110


def test_a_hundred_tries_at_one_moment_are_no_way_round(both: Office) -> None:
    def one(_: int) -> bool:
        with both.services.database.write() as session:
            return tries.take(session, "key") is None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(100))) == tries.FREE


def test_who_signed_in_here_before_gets_in_while_a_stranger_is_made_to_wait(
    both: Office, clock: Callable[[datetime], None]
) -> None:
    both.staff("Ada")
    both.staff("Ben")
    desk, entered = sign_in(both, "ada", PASSWORD)
    assert entered.status_code == 303
    cookie = next(one for one in entered.headers.get_list("set-cookie") if one.startswith(KNOWN_COOKIE))
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/staff/sign-in" in cookie
    guess(both, "ada", tries.FREE)
    assert sign_in(both, "ada", PASSWORD)[1].status_code == 429
    assert again(desk, "ada", PASSWORD).status_code == 303
    for _ in range(tries.FREE):
        assert again(desk, "ada", "wrong").status_code == 403
    assert again(desk, "ada", PASSWORD).status_code == 429  # a stolen cookie has a handful of tries, no more

    other, _ = sign_in(both, "ben", PASSWORD)  # one who has a cookie of his own
    guess(both, "ada", 1)
    assert again(other, "ada", PASSWORD).status_code == 429


def test_a_link_for_a_new_password_lets_its_owner_in_at_once(both: Office, clock: Callable[[datetime], None]) -> None:
    ada = both.staff("Ada")
    guess(both, "ada", tries.FREE)
    with both.services.database.write() as session:
        token = make_link(session, session.get_one(Staff, ada))
    client = both.client()
    page = client.get(f"/staff/set-password/{token}").text
    fields = {"csrf": hidden(page, "csrf"), "new": "four-dry-wellies-walking", "repeat": "four-dry-wellies-walking"}
    assert client.post(f"/staff/set-password/{token}", data=fields, headers={"Origin": URL}).status_code == 303
    assert again(client, "ada", "four-dry-wellies-walking").status_code == 303


def test_many_wrong_tries_are_a_trouble_that_administrators_see_until_it_is_quiet(
    both: Office, clock: Callable[[datetime], None]
) -> None:
    dee = both.browser(both.staff("Dee", roles=("administrator",)))
    for number in range(tries.MANY // 3):
        guess(both, f"somebody{number}", 3)
    page = text_of(dee.get("/staff/troubles").text)
    assert "Many wrong tries to sign in" in page and "Ask whether colleagues have trouble signing in" in page
    moment = NOON + tries.MANY_WITHIN + MINUTE
    clock(moment)
    with both.services.database.write() as session:
        tries.forget_old(session, moment)
        assert not troubles.going_on(session)


def test_the_table_holds_no_name_and_is_empty_a_day_later(both: Office, clock: Callable[[datetime], None]) -> None:
    guess(both, "ada", 1)
    assert sign_in(both, "\x00ada\x1f", "wrong\x00")[1].status_code == 403
    with both.services.database.read() as session:
        keys = session.scalars(select(SignInTry.key)).all()
    assert len(keys) == 2 and all(re.fullmatch("[0-9a-f]{64}", key) for key in keys)
    assert hashlib.sha256(b"ada").hexdigest() not in keys, "a plain hash of a name can be tried for every name there is"
    moment = NOON + tries.KEPT + MINUTE
    with both.services.database.write() as session:
        tries.forget_old(session, moment)
        assert not session.scalars(select(SignInTry.key)).all()


def test_guessing_ones_password_in_a_stolen_sign_in_is_slowed_too(both: Office, clock: Callable[[datetime], None]) -> None:
    ada = both.staff("Ada")
    new = {"new": "four-dry-wellies-walking", "repeat": "four-dry-wellies-walking"}
    first = both.browser(ada)
    for number in range(tries.FREE):
        first.post("/staff/account/password", old=f"guess-{number}", **new)
    both.browser(ada).post("/staff/account/password", old=PASSWORD, **new)
    assert sign_in(both, "ada", "four-dry-wellies-walking")[1].status_code == 403
    assert sign_in(both, "ada", PASSWORD)[1].status_code == 303
