"""Who may come in, and how long they stay."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from httpx import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from bot.console import accounts
from bot.console.guard import COOKIE, is_loopback
from bot.console.stages import inside
from bot.pages.door import Door
from bot.storage.tables import CaseEvent, Outbox, Staff, StaffAudit, StaffLogin, now
from tests.console.conftest import People
from tests.console.support import ELSEWHERE, PASSWORD, URL, Browser, Office, build_office, filled, hidden, text_of

OPEN = (
    "/staff/sign-in",
    "/staff/sign-in/next",
    "/staff/set-password/{token}",
    "/staff/sso/start",
    "/staff/sso/callback",
    "/staff/language",
)
"""The pages before signing in, and the choice of a language, which is everybody's."""


def sign_in(office: Office, username: str, password: str, **where: str) -> tuple[TestClient, Response]:
    """A new browser's attempt: the client and the answer to its form."""
    client = office.client(**where)
    page = client.get("/staff/sign-in").text
    fields = {"csrf": hidden(page, "csrf"), "next": hidden(page, "next"), "username": username, "password": password}
    return client, client.post("/staff/sign-in", data=fields, headers={"Origin": str(client.base_url)})


def paths(office: Office, case_id: int) -> list[tuple[str, str]]:
    """Every (method, path) of the console behind the guard, read from the routes themselves."""
    found = []
    for route in office.app.routes:
        assert isinstance(route, Route)
        if route.path in OPEN:
            continue
        path = filled(route.path, case_id=case_id)
        if path.startswith("/staff"):
            found += [(method, path) for method in sorted(route.methods or {"GET"})]
    return found


def test_every_page_but_sign_in_refuses_strangers(office: Office) -> None:
    parent = office.parent("Nobody else may read this")
    client = office.client()
    tried = 0
    for method, path in paths(office, parent.case_id):
        tried += 1
        response = client.request(method, path, data={"csrf": "x", "text": "mine"}, headers={"Origin": URL})
        to_sign_in = response.status_code == 303 and response.headers["location"].startswith("/staff/sign-in")
        assert to_sign_in or response.status_code == 401, (method, path)
        assert parent.pseudonym not in response.text and "Nobody else" not in response.text
    assert tried >= 15
    assert office.events(parent) == ["opened"] and not office.outbox(parent)


def test_everything_outside_staff_is_a_fixed_file(office: Office) -> None:
    outside = [route.path for route in office.app.routes if isinstance(route, Route) and not route.path.startswith("/staff")]
    assert outside == ["/assets/console/{name}"]


def test_staff_of_another_area_find_no_such_case_on_any_page(office: Office, people: People) -> None:
    parent = office.parent("Nobody else may read this")
    people.stranger = office.browser(office.staff("Dora", area=ELSEWHERE, roles=("practitioner", "manager")))
    for method, path in paths(office, parent.case_id):
        if f"/cases/{parent.case_id}" not in path or method == "HEAD":
            continue
        data = {"csrf": people.stranger.csrf, "text": "mine", "outcome": "answered", "form": "form-0123456789"}
        response = people.stranger.client.request(method, path, data=data, headers={"Origin": URL})
        assert response.status_code == 404, (method, path)
        assert parent.pseudonym not in response.text
    assert people.stranger.get("/staff/events", case=str(parent.case_id)).status_code == 404
    assert parent.pseudonym not in people.stranger.get("/staff", show="all").text
    assert office.events(parent) == ["opened"]


def test_a_right_password_leads_to_the_page_that_was_asked_for(office: Office) -> None:
    office.staff("Ada")
    parent = office.parent()
    client = office.client()
    asked = client.get(f"/staff/cases/{parent.case_id}")
    page = client.get(asked.headers["location"]).text
    fields = {"csrf": hidden(page, "csrf"), "next": hidden(page, "next"), "username": " ADA ", "password": PASSWORD}
    response = client.post("/staff/sign-in", data=fields, headers={"Origin": URL})
    assert (response.status_code, response.headers["location"]) == (303, f"/staff/cases/{parent.case_id}")
    assert parent.pseudonym in client.get(response.headers["location"]).text


def test_every_page_that_a_stranger_may_ask_for_is_reached_by_signing_in(office: Office) -> None:
    """Each page of the console, but those that need a draft or an import of one's own, files, and what only a script reads."""
    kept = {
        "case_id": "1",
        "staff_id": "1",
        "code": "dads26",
        "series": "by-age",
        "page": "reach",
        "language": "ur",
        "content_id": "baby/crying/start-here",
        **dict.fromkeys(("service_id", "change_id", "import_id"), str(uuid.uuid4())),
    }
    left_out = ("/staff/events", "{path:path}", "template.csv", "{form", "{file", "{table", "{step}", "/all", "/accounts/add")
    ours = [route for route in office.app.routes if isinstance(route, Route) and "GET" in (route.methods or ())]
    paths = [route.path for route in ours if route.path.startswith("/staff") and route.path not in OPEN]
    for path in paths:
        if not any(part in path for part in left_out):
            page = re.sub(r"\{(\w+)(:\w+)?\}", lambda found: kept[found[1]], path)
            assert inside(page) == page


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "/chat", "/staff/cases/1/claim", "/staff/directory/add", "/staff\n//x"],
)
def test_signing_in_leads_nowhere_else(office: Office, elsewhere: str) -> None:
    office.staff("Ada")
    client = office.client()
    page = client.get("/staff/sign-in", params={"next": elsewhere}).text
    assert hidden(page, "next") == "/staff"
    fields = {"csrf": hidden(page, "csrf"), "next": elsewhere, "username": "ada", "password": PASSWORD}
    response = client.post("/staff/sign-in", data=fields, headers={"Origin": URL})
    assert (response.status_code, response.headers["location"]) == (303, "/staff")


@pytest.mark.parametrize(
    ("username", "password"), [("ada", "wrong"), ("nobody", PASSWORD), ("ada", ""), ("", ""), ("ada", "x" * 5000)]
)
def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(office: Office, username: str, password: str) -> None:
    office.staff("Ada")
    client, response = sign_in(office, username, password)
    assert response.status_code == 403
    assert "do not fit" in text_of(response.text) and COOKIE not in client.cookies
    assert PASSWORD not in response.text


def test_an_unknown_name_costs_the_same_hashing_as_a_known_one(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.staff("Ada")
    verified: list[str] = []

    class Counting(type(accounts._hasher)):  # type: ignore[misc]
        def verify(self, hash: str, password: str) -> bool:
            verified.append(hash.rsplit("$", 2)[0])
            return bool(super().verify(hash, password))

    monkeypatch.setattr(accounts, "_hasher", Counting())
    sign_in(office, "ada", "wrong")
    sign_in(office, "nobody", "wrong")
    assert len(verified) == 2 and verified[0] == verified[1]


def test_a_disabled_account_cannot_sign_in_and_is_out_at_once(office: Office) -> None:
    ada = office.staff("Ada")
    inside = office.browser(ada)
    office.change(Staff, ada, disabled_at=now())
    assert inside.get("/staff").status_code == 303
    assert sign_in(office, "ada", PASSWORD)[1].status_code == 403


def test_the_cookie_is_kept_from_scripts_and_other_sites(office: Office) -> None:
    office.staff("Ada")
    cookie = next(
        line for line in sign_in(office, "ada", PASSWORD)[1].headers.get_list("set-cookie") if line.startswith(COOKIE + "=")
    )
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/staff" in cookie
    assert "Secure" not in cookie and "expires" not in cookie.lower() and "max-age" not in cookie.lower()


def test_the_cookie_travels_over_https_only_where_the_site_does(office: Office, tmp_path: Path) -> None:
    url = "https://wren.test"
    secure = build_office(f"sqlite:///{tmp_path / 'secure.sqlite3'}", tmp_path, office.library, public_url=url)
    secure.staff("Ada")
    response = sign_in(secure, "ada", PASSWORD, base_url=url)[1]
    assert response.status_code == 303
    assert all("Secure" in line for line in response.headers.get_list("set-cookie"))


def test_the_table_of_sign_ins_alone_opens_nothing(office: Office) -> None:
    browser = office.browser(office.staff("Ada"))
    with office.services.database.read() as session:
        stored = session.query(StaffLogin).one()
    assert browser.client.cookies[COOKIE] not in (stored.id, stored.csrf)
    thief = office.client()
    thief.cookies.set(COOKIE, stored.id, path="/staff")
    assert thief.get("/staff").status_code == 303


def login_of(office: Office, browser: Browser) -> str:
    with office.services.database.read() as session:
        return session.query(StaffLogin.id).filter_by(staff_id=browser.staff_id).order_by(StaffLogin.created_at.desc()).first()[0]  # type: ignore[index]


@pytest.mark.parametrize(
    ("column", "age", "inside"),
    [
        ("seen_at", timedelta(minutes=29), True),
        ("seen_at", timedelta(minutes=31), False),
        ("created_at", timedelta(hours=11, minutes=59), True),
        ("created_at", timedelta(hours=12, minutes=1), False),
    ],
)
def test_a_sign_in_ends_after_half_an_hour_of_quiet_and_after_twelve_hours(
    office: Office, people: People, column: str, age: timedelta, inside: bool
) -> None:
    office.change(StaffLogin, login_of(office, people.holder), **{column: now() - age})
    assert people.holder.get("/staff").status_code == (200 if inside else 303)


def test_using_a_page_keeps_a_sign_in_alive_but_watching_one_does_not(office: Office, people: People) -> None:
    key = login_of(office, people.holder)
    office.change(StaffLogin, key, seen_at=now() - timedelta(minutes=20))
    assert people.holder.get("/staff/events", case="999999").status_code == 404
    with office.services.database.read() as session:
        assert session.get_one(StaffLogin, key).seen_at < now() - timedelta(minutes=19)
    people.holder.get("/staff")
    with office.services.database.read() as session:
        assert session.get_one(StaffLogin, key).seen_at > now() - timedelta(minutes=1)


def test_words_typed_before_the_sign_in_ended_are_given_back(office: Office, people: People) -> None:
    parent = office.parent()
    people.holder.post(f"/staff/cases/{parent.case_id}/claim")
    office.change(StaffLogin, login_of(office, people.holder), seen_at=now() - timedelta(hours=1))
    response = people.holder.reply(parent.case_id, "A long and careful answer")
    assert response.status_code == 401 and "A long and careful answer" in response.text
    assert "replied" not in office.events(parent)


def test_signing_out_ends_this_browser_and_everywhere_ends_them_all(office: Office) -> None:
    ada = office.staff("Ada")
    desk_screen, phone, tablet = (office.browser(ada) for _ in range(3))
    cookie = desk_screen.client.cookies[COOKIE]
    assert desk_screen.post("/staff/sign-out").headers["location"] == "/staff/sign-in?left=1"
    desk_screen.client.cookies.set(COOKIE, cookie, path="/staff")
    assert desk_screen.get("/staff").status_code == 303
    assert phone.get("/staff").status_code == 200
    phone.post("/staff/sign-out-everywhere")
    assert tablet.get("/staff").status_code == 303


def test_signing_in_again_replaces_the_old_sign_in(office: Office) -> None:
    office.staff("Ada")
    client, _ = sign_in(office, "ada", PASSWORD)
    first = client.cookies[COOKIE]
    page = client.get("/staff/sign-in").text
    fields = {"csrf": hidden(page, "csrf"), "next": "", "username": "ada", "password": PASSWORD}
    client.post("/staff/sign-in", data=fields, headers={"Origin": URL})
    assert client.cookies[COOKIE] != first
    old = office.client()
    old.cookies.set(COOKIE, first, path="/staff")
    assert old.get("/staff").status_code == 303


def test_every_form_needs_the_token_of_its_own_sign_in(office: Office, people: People) -> None:
    parent = office.parent()
    posts = [path for method, path in paths(office, parent.case_id) if method == "POST"]
    assert len(posts) >= 19
    for path in posts:
        for token in ("", "x", people.colleague.csrf, people.holder.csrf + "x"):
            data = {"csrf": token, "text": "typed words", "form": "form-0123456789", "outcome": "answered"}
            response = people.holder.client.post(path, data=data, headers={"Origin": URL})
            assert response.status_code == 403 and "typed words" in response.text, path
    assert office.events(parent) == ["opened"] and people.holder.get("/staff").status_code == 200


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_form_from_another_site_is_refused_even_with_the_token(office: Office, people: People, headers: dict[str, str]) -> None:
    parent = office.parent()
    response = people.holder.client.post(
        f"/staff/cases/{parent.case_id}/claim", data={"csrf": people.holder.csrf}, headers=headers
    )
    assert response.status_code == 403 and office.events(parent) == ["opened"]
    client = office.client()
    page = client.get("/staff/sign-in").text
    fields = {"csrf": hidden(page, "csrf"), "username": "ada", "password": PASSWORD}
    assert client.post("/staff/sign-in", data=fields, headers=headers).status_code == 403


def test_the_sign_in_form_needs_its_own_token_too(office: Office) -> None:
    office.staff("Ada")
    response = office.client().post(
        "/staff/sign-in", data={"csrf": "", "username": "ada", "password": PASSWORD}, headers={"Origin": URL}
    )
    assert response.status_code == 403 and COOKIE not in response.cookies


def test_a_get_changes_nothing(office: Office, people: People) -> None:
    parent = office.parent()
    for act in ("claim", "reply", "release", "close", "note", "look"):
        again = people.holder.get(f"/staff/cases/{parent.case_id}/{act}")
        assert again.status_code == 404 and "Nothing was changed" in text_of(again.text)
    assert office.events(parent) == ["opened"]


def test_a_form_of_megabytes_is_not_read(people: People) -> None:
    assert people.holder.post("/staff/sign-out", text="x" * 400_000).status_code == 413


def test_too_many_tries_get_a_kind_page_and_a_hint_when_to_come_back(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All within one minute, however slow the machine is.
    monkeypatch.setattr("bot.console.signin.Door", partial(Door, clock=lambda: 0.0))
    small = build_office(f"sqlite:///{tmp_path / 'small.sqlite3'}", tmp_path, office.library, tries=(3, 5))
    small.staff("Ada")
    answers = [sign_in(small, "ada", "wrong", host="192.0.2.1")[1] for _ in range(4)]
    assert [answer.status_code for answer in answers] == [403, 403, 403, 429]
    assert "wait a minute" in text_of(answers[-1].text) and answers[-1].headers["retry-after"] == "30"
    assert sign_in(small, "ada", PASSWORD, host="192.0.2.2")[1].status_code == 303
    sign_in(small, "ada", "wrong", host="192.0.2.3")
    assert sign_in(small, "ada", PASSWORD, host="192.0.2.4")[1].status_code == 429


@pytest.mark.parametrize(
    ("client", "base_url", "headers", "inside"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080", {}, True),
        ("127.0.0.1", "http://localhost:8080", {}, True),
        ("::1", "http://[::1]:8080", {}, True),
        ("192.0.2.7", "http://127.0.0.1:8080", {}, False),
        ("127.0.0.1", "http://wren.test", {}, False),
        ("127.0.0.1", "http://127.0.0.1:8080", {"X-Forwarded-For": "192.0.2.7"}, False),
        ("127.0.0.1", "http://127.0.0.1:8080", {"Forwarded": "for=192.0.2.7"}, False),
    ],
)
def test_the_demonstration_login_works_on_this_machine_only(
    office: Office, client: str, base_url: str, headers: dict[str, str], inside: bool
) -> None:
    with office.services.database.write() as session:
        username, password = accounts.ensure_demonstration(session)
    browser = office.client(host=client, base_url=base_url)
    browser.headers.update(headers)
    page = browser.get("/staff/sign-in").text
    fields = {"csrf": hidden(page, "csrf"), "username": username, "password": password}
    response = browser.post("/staff/sign-in", data=fields, headers={"Origin": base_url})
    assert response.status_code == (303 if inside else 403)


@pytest.mark.parametrize("settings", [{"host": "0.0.0.0"}, {"host": "192.0.2.1"}, {"public_url": "https://wren.test"}])
def test_the_demonstration_login_is_refused_where_the_server_listens_to_others(
    office: Office,
    tmp_path: Path,
    settings: dict[str, Any],
) -> None:
    wide = build_office(f"sqlite:///{tmp_path / 'wide.sqlite3'}", tmp_path, office.library, **settings)
    with wide.services.database.write() as session:
        username, password = accounts.ensure_demonstration(session)
    assert sign_in(wide, username, password)[1].status_code == 403


def test_a_demonstration_sign_in_carried_to_another_machine_opens_nothing(office: Office) -> None:
    demo = office.staff("Demo", demonstration=True)
    assert office.browser(demo).get("/staff").status_code == 200
    assert office.browser(demo, host="192.0.2.7").get("/staff").status_code == 303


@pytest.mark.parametrize("name", ["127.0.0.9", "::1", "localhost"])
def test_loopback_names_are_this_machine(name: str) -> None:
    assert is_loopback(name)


@pytest.mark.parametrize("name", ["10.0.0.1", "", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0"])
def test_no_other_name_is_this_machine(name: str) -> None:
    assert not is_loopback(name)


def test_sign_ins_and_refusals_are_audited(office: Office) -> None:
    ada = office.staff("Ada")
    sign_in(office, "ada", "wrong")
    sign_in(office, "ada", PASSWORD)
    sign_in(office, "nobody", "wrong")
    assert office.audit(ada) == [("sign_in.refused", ""), ("sign_in", "")]
    with office.services.database.read() as session:
        assert session.query(StaffAudit).count() == 2


def test_pages_are_neither_stored_nor_framed_and_run_no_foreign_script(office: Office, people: People) -> None:
    parent = office.parent()
    for path in (
        "/staff",
        "/staff/audit",
        "/staff/sample",
        "/staff/review",
        f"/staff/cases/{parent.case_id}",
        "/staff/sign-in",
        "/staff/cases/999999",
    ):
        headers = people.holder.get(path).headers
        policy = headers["content-security-policy"]
        assert headers["cache-control"] == "no-store" and headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
        assert headers["referrer-policy"] == "same-origin" and headers["x-content-type-options"] == "nosniff"


def test_a_store_that_fails_gives_a_kind_page_with_what_was_typed(office: Office, people: People) -> None:
    parent = office.parent()
    people.holder.post(f"/staff/cases/{parent.case_id}/claim")
    with office.services.database.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE staff_login RENAME TO staff_login_gone")
        connection.commit()
    response = people.holder.reply(parent.case_id, "A long and careful answer")
    assert response.status_code == 503 and "A long and careful answer" in response.text
    assert people.holder.get("/staff").status_code == 503


def test_a_new_case_and_its_words_are_in_no_log(office: Office, people: People, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    parent = office.parent("xylophone-secret words")
    people.holder.post(f"/staff/cases/{parent.case_id}/claim")
    people.holder.get(f"/staff/cases/{parent.case_id}")
    people.holder.reply(parent.case_id, "xylophone-secret answer")
    assert "xylophone" not in caplog.text and parent.pseudonym not in caplog.text


def test_no_row_of_the_desk_was_left_unaudited(office: Office, people: People) -> None:
    """Whatever staff wrote into a case or the outbox has an audit row by the same person."""
    parent = office.parent()
    people.holder.post(f"/staff/cases/{parent.case_id}/claim")
    people.holder.reply(parent.case_id, "Hello")
    people.colleague.post(f"/staff/cases/{parent.case_id}/note", text="Hello", form="form-0123456789")
    with office.services.database.read() as session:
        acted = {row.staff_id for row in session.query(CaseEvent).filter(CaseEvent.staff_id.is_not(None))}
        acted |= {row.staff_id for row in session.query(Outbox).filter(Outbox.staff_id.is_not(None))}
        audited = {row.staff_id for row in session.query(StaffAudit).filter(StaffAudit.subject == f"case:{parent.case_id}")}
    assert acted == {people.holder.staff_id, people.colleague.staff_id} == audited
