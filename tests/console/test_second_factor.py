"""The second factor: asked for, taken once, limited, sealed; recovery codes work once; a rule can demand it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from starlette.testclient import TestClient

from bot.console import factor, logins
from bot.console.accounts import choose_password, reset_factor
from bot.console.factor import UnknownRole, demanded_roles
from bot.console.guard import COOKIE
from bot.library import Library
from bot.storage import tables, troubles
from bot.storage.tables import Staff, StaffFactor, StaffLogin, StaffRecoveryCode, now
from tests.console.support import PASSWORD, URL, Office, build_office, hidden, text_of
from tests.console.test_guard import sign_in

NEXT = "/staff/sign-in/next"
NOON = datetime(2026, 3, 4, 12, 0, 10, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Stops the app's time where the test says."""

    def stop(moment: datetime) -> None:
        for module in (tables, factor, logins):
            monkeypatch.setattr(module, "now", lambda: moment)

    stop(NOON)
    return stop


@pytest.fixture
def both(database_address: str, tmp_path: Path, library: Library) -> Iterator[Office]:
    """The office on SQLite and on PostgreSQL; its areas are those of the prepared database."""
    result = build_office(database_address, tmp_path, library, migrated=True)
    yield result
    result.services.database.dispose()


def enrol(office: Office, staff_id: int) -> tuple[str, list[str]]:
    """Give somebody a second factor; its key and the recovery codes. The code of this half minute is used up by it."""
    keyring = office.services.keyring
    with office.services.database.write() as session:
        factor.begin(session, keyring, staff_id)
        row = session.get_one(StaffFactor, staff_id)
        assert row.pending is not None
        key = keyring.open(row.pending)
        codes = factor.confirm(session, keyring, staff_id, pyotp.TOTP(key).at(factor.now()))
        assert codes is not None
    return key, codes


def check(office: Office, staff_id: int, code: str) -> str | None:
    with office.services.database.write() as session:
        return factor.check(session, office.services.keyring, staff_id, code)


def give(client: TestClient, **fields: str) -> Any:
    """Answer the page of the stage that a browser is at."""
    page = client.get(NEXT).text
    return client.post(NEXT, data={"csrf": hidden(page, "csrf"), "next": "/staff", **fields}, headers={"Origin": URL})


# The codes


def test_a_code_is_taken_once_and_only_within_half_a_minute_of_its_time(both: Office, clock: Callable[[datetime], None]) -> None:
    ada = both.staff("Ada")
    key, _ = enrol(both, ada)
    totp = pyotp.TOTP(key)
    assert check(both, ada, totp.at(NOON)) is None  # used up by confirming
    later = NOON + timedelta(minutes=10)
    clock(later)
    assert check(both, ada, totp.at(later + timedelta(seconds=60))) is None
    assert check(both, ada, totp.at(later - timedelta(seconds=60))) is None
    assert check(both, ada, totp.at(later - timedelta(seconds=30))) == "code"
    assert check(both, ada, totp.at(later)) == "code"
    assert check(both, ada, totp.at(later)) is None
    assert check(both, ada, totp.at(later - timedelta(seconds=30))) is None  # an older one is no use after a newer one
    assert (
        check(both, ada, f" {totp.at(later + timedelta(seconds=30))[:3]} {totp.at(later + timedelta(seconds=30))[3:]} ") == "code"
    )


@pytest.mark.parametrize("code", ["", "abcdef", "12345", "1234567", "١٢٣٤٥٦", "x" * 5000, "\x00"])
def test_what_is_no_code_is_refused(office: Office, code: str) -> None:
    ada = office.staff("Ada")
    enrol(office, ada)
    assert check(office, ada, code) is None


def test_one_code_given_at_the_same_moment_from_many_places_opens_once(both: Office, clock: Callable[[datetime], None]) -> None:
    ada = both.staff("Ada")
    key, codes = enrol(both, ada)
    clock(NOON + timedelta(minutes=1))
    for code in (pyotp.TOTP(key).at(NOON + timedelta(minutes=1)), codes[0]):
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _, code=code: check(both, ada, code), range(6)))
        assert len([answer for answer in answers if answer]) == 1


def test_wrong_codes_are_limited_and_the_limit_passes(both: Office, clock: Callable[[datetime], None]) -> None:
    ada = both.staff("Ada")
    key, codes = enrol(both, ada)
    clock(NOON + timedelta(minutes=1))
    for _ in range(factor.MAX_FAILED):
        assert check(both, ada, "000000") is None
    assert check(both, ada, pyotp.TOTP(key).at(NOON + timedelta(minutes=1))) is None
    assert check(both, ada, codes[0]) is None
    after = NOON + timedelta(minutes=1) + factor.LOCKED
    clock(after)
    assert check(both, ada, "000000") is None
    clock(after + factor.LOCKED)  # the wait is twice as long after each further one
    assert check(both, ada, codes[0]) is None
    clock(after + 2 * factor.LOCKED)
    assert check(both, ada, pyotp.TOTP(key).at(after + 2 * factor.LOCKED)) == "code"


def test_the_wait_for_wrong_codes_has_a_longest_and_a_new_password_ends_it(
    both: Office, clock: Callable[[datetime], None]
) -> None:
    ada = both.staff("Ada")
    _, codes = enrol(both, ada)
    moment = NOON
    for _ in range(factor.MAX_FAILED + 8):
        clock(moment)
        assert check(both, ada, "000000") is None
        with both.services.database.read() as session:
            wait = factor.locked_for(session, ada)
        moment += wait or timedelta(seconds=1)
    assert wait == factor.LONGEST_LOCKED
    with both.services.database.write() as session:
        assert [one.kind for one in troubles.going_on(session)] == ["many_tries"]
        choose_password(session, session.get_one(Staff, ada), "four-dry-wellies-walking")
    assert check(both, ada, codes[0]) == "recovery"


def test_ten_recovery_codes_work_once_each_and_are_kept_as_keyed_hashes(both: Office) -> None:
    ada, ben = both.staff("Ada"), both.staff("Ben")
    _, codes = enrol(both, ada)
    enrol(both, ben)
    assert len(set(codes)) == 10 and all(len(code) == 17 for code in codes)
    with both.services.database.read() as session:
        stored = " ".join(row.code_hash for row in session.query(StaffRecoveryCode))
    assert not any(code in stored for code in codes)
    assert check(both, ben, codes[0]) is None  # somebody else's
    assert check(both, ada, codes[0].upper().replace("-", " ")) == "recovery"
    assert check(both, ada, codes[0]) is None
    with both.services.database.read() as session:
        assert factor.recovery_left(session, ada) == 9


def test_the_key_is_sealed_with_the_keys_of_the_installation(both: Office) -> None:
    ada = both.staff("Ada")
    key, _ = enrol(both, ada)
    with both.services.database.read() as session:
        sealed = session.get_one(StaffFactor, ada).sealed
    assert sealed is not None and key.encode() not in sealed
    assert both.services.keyring.open(sealed) == key


def test_a_key_that_nobody_confirmed_protects_nothing_and_one_in_use_stays_until_then(
    both: Office, clock: Callable[[datetime], None]
) -> None:
    ada = both.staff("Ada")
    with both.services.database.write() as session:
        factor.begin(session, both.services.keyring, ada)
        assert not factor.has_factor(session, ada)
    key, _ = enrol(both, ada)
    clock(NOON + timedelta(minutes=1))
    with both.services.database.write() as session:
        factor.begin(session, both.services.keyring, ada)
        assert factor.confirm(session, both.services.keyring, ada, "000000") is None
    assert check(both, ada, pyotp.TOTP(key).at(NOON + timedelta(minutes=1))) == "code"


# Signing in


def test_with_a_second_factor_the_password_alone_opens_nothing(office: Office, clock: Callable[[datetime], None]) -> None:
    ada = office.staff("Ada")
    parent = office.parent()
    key, _ = enrol(office, ada)
    client, response = sign_in(office, "ada", PASSWORD)
    assert response.status_code == 303 and response.headers["location"].startswith(NEXT)
    assert client.get("/staff").status_code == 303 and parent.pseudonym not in client.get("/staff").text
    first = client.cookies[COOKIE]
    assert give(client, code="000000").status_code == 403
    clock(NOON + timedelta(minutes=1))
    inside = give(client, code=pyotp.TOTP(key).at(NOON + timedelta(minutes=1)))
    assert (inside.status_code, inside.headers["location"]) == (303, "/staff")
    assert client.cookies[COOKIE] != first and parent.pseudonym in client.get("/staff").text
    stranger = office.client()
    stranger.cookies.set(COOKIE, first, path="/staff")
    assert stranger.get("/staff").status_code == 303  # the value from before the code opens nothing now
    assert [action for action, _ in office.audit(ada)] == ["sign_in.begun", "factor.refused", "factor.taken", "sign_in"]


def test_after_five_wrong_codes_the_password_is_asked_again(office: Office) -> None:
    enrol(office, office.staff("Ada"))
    client, _ = sign_in(office, "ada", PASSWORD)
    answers = [give(client, code="000000").status_code for _ in range(4)]
    page = client.get(NEXT).text
    last = client.post(NEXT, data={"csrf": hidden(page, "csrf"), "code": "000000"}, headers={"Origin": URL})
    assert answers == [403] * 4 and last.headers["location"] == "/staff/sign-in?over=1"
    assert client.get(NEXT).headers["location"] == "/staff/sign-in?over=1"


def test_a_half_done_sign_in_is_over_after_a_quarter_of_an_hour(office: Office) -> None:
    ada = office.staff("Ada")
    enrol(office, ada)
    client, _ = sign_in(office, "ada", PASSWORD)
    assert client.get(NEXT).status_code == 200
    with office.services.database.read() as session:
        login = session.query(StaffLogin).filter_by(staff_id=ada).one().id
    office.change(StaffLogin, login, created_at=now() - timedelta(minutes=16))
    assert client.get(NEXT).status_code == 303


def test_the_page_of_the_code_needs_its_own_token(office: Office) -> None:
    _, codes = enrol(office, office.staff("Ada"))
    client, _ = sign_in(office, "ada", PASSWORD)
    response = client.post(NEXT, data={"csrf": "x", "code": codes[0]}, headers={"Origin": URL})
    assert response.headers["location"] == "/staff/sign-in?over=1"
    assert client.post(NEXT, data={"code": codes[0]}, headers={"Origin": "https://evil.example"}).status_code == 403
    assert give(client, code=codes[0]).headers["location"] == "/staff"


def test_a_recovery_code_lets_in_and_is_recorded(office: Office) -> None:
    ada = office.staff("Ada")
    _, codes = enrol(office, ada)
    client, _ = sign_in(office, "ada", PASSWORD)
    assert give(client, code=codes[3]).headers["location"] == "/staff"
    assert ("factor.recovery", "") in office.audit(ada)
    again, _ = sign_in(office, "ada", PASSWORD)
    assert give(again, code=codes[3]).status_code == 403


# A rule that demands it


def test_a_role_that_must_have_one_sets_it_up_at_the_next_sign_in(office: Office, tmp_path: Path) -> None:
    strict = build_office(
        f"sqlite:///{tmp_path / 'strict.sqlite3'}", tmp_path, office.library, second_factor_roles="manager, administrator"
    )
    mo = strict.staff("Mo", roles=("manager",))
    strict.staff("Ada")
    assert sign_in(strict, "ada", PASSWORD)[1].headers["location"] == "/staff"
    client, response = sign_in(strict, "mo", PASSWORD)
    assert response.headers["location"].startswith(NEXT) and client.get("/staff").status_code == 303
    page = client.get(NEXT).text
    assert "<svg" in page and "data:" not in page and "script" not in page
    key = page.partition('class="key">')[2].partition("<")[0].replace(" ", "")
    assert give(client, code="12").status_code == 403
    shown = give(client, code=pyotp.TOTP(key).at(now()))
    assert shown.status_code == 200 and shown.headers["cache-control"] == "no-store"
    codes = [part.partition("</code>")[0] for part in shown.text.split("<code>")[1:]]
    assert len(codes) == 10 and "never again" in text_of(shown.text)
    assert client.get("/staff").status_code == 200
    assert [action for action, _ in strict.audit(mo)] == ["sign_in.begun", "factor.added", "sign_in"]
    again, response = sign_in(strict, "mo", PASSWORD)
    assert give(again, code=codes[0]).headers["location"] == "/staff"
    with strict.services.database.write() as session:
        assert reset_factor(session, session.get_one(Staff, mo))
    assert client.get("/staff").status_code == 303  # its sign-ins are over
    assert "<svg" in sign_in(strict, "mo", PASSWORD)[0].get(NEXT).text


def test_the_roles_that_must_have_one_are_checked_at_the_start(tmp_path: Path, library: Library) -> None:
    assert demanded_roles("") == frozenset() and demanded_roles(" all ") >= {"editor", "manager"}
    assert demanded_roles("editor,manager") == {"editor", "manager"}
    with pytest.raises(UnknownRole, match="king"):
        build_office(f"sqlite:///{tmp_path / 'x.sqlite3'}", tmp_path, library, second_factor_roles="king")


def test_the_pages_and_codes_are_in_no_log(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    key, codes = enrol(office, office.staff("Ada"))
    client, _ = sign_in(office, "ada", PASSWORD)
    give(client, code=codes[0])
    assert key not in caplog.text and codes[0] not in caplog.text and PASSWORD not in caplog.text
