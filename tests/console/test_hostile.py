"""What somebody who wants to break the console sends it: every route, whatever is typed, on both databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.routing import Route

from bot.console.guard import MAX_FIELDS
from bot.console.roles import ROLES
from bot.library import Library
from bot.storage.tables import StaffAudit, StaffLogin
from tests.console.support import PASSWORD, URL, Browser, Office, build_office, hidden

NASTY = (
    "\x00",
    "a\x00b",
    "%00",
    "\r\nSet-Cookie: x=1",
    "9" * 400,
    "-1",
    "NaN",
    "\ud7ff\uffff",
    "' OR 1=1 --",
    "../../../etc/passwd",
    "{{7*7}}",
)
QUERY = (
    "q",
    "lang",
    "show",
    "before",
    "case",
    "done",
    "page",
    "next",
    "state",
    "series",
    "month",
    "area",
    "to",
    "from",
    "name",
    "kind",
)


@pytest.fixture
def both(database_address: str, tmp_path: Path, library: Library) -> Iterator[Office]:
    result = build_office(database_address, tmp_path, library, migrated=True, tries=(1000, 1000))
    yield result
    result.close()


@pytest.fixture
def everything(both: Office) -> Browser:
    return both.browser(both.staff("Ada", area=None, roles=ROLES))


def pages(office: Office) -> list[str]:
    ours = [route for route in office.app.routes if isinstance(route, Route) and "GET" in (route.methods or ())]
    return [route.path for route in ours if route.path.startswith("/staff") and "events" not in route.path]


def test_no_page_breaks_at_what_is_in_its_address(both: Office, everything: Browser) -> None:
    tried = 0
    for path in pages(both):
        for nasty in NASTY:
            address = re.sub(r"\{\w+:int\}", "7", path)
            address = re.sub(r"\{\w+(:\w+)?\}", "nasty%00", address)
            answer = everything.client.get(address, params=dict.fromkeys(QUERY, nasty))
            assert answer.status_code < 500, (path, nasty)
            assert "set-cookie" not in answer.headers or "x=1" not in answer.headers["set-cookie"], path
            tried += 1
    assert tried > 200


def test_no_form_breaks_at_what_is_typed_into_it(both: Office, everything: Browser) -> None:
    parent = both.parent()
    ours = [route for route in both.app.routes if isinstance(route, Route) and "POST" in (route.methods or ())]
    names = (
        "text",
        "q",
        "name",
        "title",
        "reason",
        "date",
        "time",
        "month",
        "day",
        "until",
        "outcome",
        "form",
        "level",
        "area",
        "lang",
    )
    ending = ("sign-out", "sign-in", "/account", "set-password", "language")  # these would end the sign-in
    forms = [route.path for route in ours if route.path.startswith("/staff") and not any(one in route.path for one in ending)]
    assert len(forms) > 40
    for path in forms:
        address = re.sub(r"\{case_id:int\}", str(parent.case_id), path)
        address = re.sub(r"\{\w+:int\}", "7", address)
        address = re.sub(r"\{\w+(:\w+)?\}", "nasty", address)
        for nasty in ("\x00", "9" * 400, "a\x00\r\n\x1b[2J"):
            answer = everything.post(address, **dict.fromkeys(names, nasty))
            assert answer.status_code < 500, (path, nasty)


KINDS = (
    *("application/json", "multipart/form-data", "multipart/form-data; boundary=", "text/plain", "x" * 300, ""),
    "application/x-www-form-urlencoded; charset=utf-7",
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_of_another_kind_changes_nothing_and_breaks_nothing(both: Office, everything: Browser, kind: str) -> None:
    parent = both.parent()
    for body in (b"[" * 100_000, b'{"csrf": "x"}', b"\xff\xfe\x00", b"a=1&" * 1000, b"--\r\n\r\n--", b"=" * 1000):
        for path in (f"/staff/cases/{parent.case_id}/claim", "/staff/sign-in", "/staff/directory/import", "/staff/language"):
            answer = everything.client.post(path, content=body, headers={"Origin": URL, "Content-Type": kind})
            assert answer.status_code in (303, 403, 404, 413), (path, body[:10])
    assert both.events(parent) == ["opened"]


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"])
def test_a_look_cannot_be_made_an_act(both: Office, everything: Browser, header: str) -> None:
    parent = both.parent()
    for method in ("POST", "DELETE"):
        path = f"/staff/cases/{parent.case_id}"
        everything.client.get(path, params={"_method": method, "csrf": everything.csrf}, headers={header: method})
        answer = everything.client.get(
            f"{path}/claim", params={"_method": method, "csrf": everything.csrf}, headers={header: method}
        )
        assert answer.status_code in (404, 405)
    assert both.events(parent) == ["opened"]


def test_a_form_with_more_fields_than_any_of_ours_is_refused_by_either_door(everything: Browser) -> None:
    body = "&".join(f"f{number}=1" for number in range(MAX_FIELDS + 1))
    headers = {"Origin": URL, "Content-Type": "application/x-www-form-urlencoded"}
    for path in ("/staff/sign-in", "/staff/directory/import"):
        assert everything.client.post(path, content=body, headers=headers).status_code == 413


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/staff", "//evil.example", "/\\evil.example", "http://127.0.0.1:8080@evil.example/", "javascript:alert(1)",
     "/staff\r\nLocation: https://evil.example", "/staff/%0d%0aX: y", "https:evil.example", "/staff/../../evil", "/staff//evil.example"],
)  # fmt: skip
def test_no_redirect_leads_away_or_splits_its_head(both: Office, elsewhere: str) -> None:
    both.staff("Ada")
    client = both.client()
    page = client.get("/staff/sign-in").text
    fields = {"csrf": hidden(page, "csrf"), "next": elsewhere, "username": "ada", "password": PASSWORD}
    entered = client.post("/staff/sign-in", data=fields, headers={"Origin": URL})
    headers = {"Origin": URL, "Referer": re.sub(r"[\r\n]", "", elsewhere)}
    chosen = both.client().post("/staff/language", data={"language": "cy"}, headers=headers)
    for answer in (entered, chosen):
        assert re.fullmatch(r"/staff[a-z/-]*", answer.headers["location"]), answer.headers["location"]
        assert answer.headers.get_list("location") == [answer.headers["location"]] and "x" not in answer.headers


@pytest.mark.parametrize("half", ["http://[", "//[::1", "http://[v1]/", "null", "http://\x7f"])
def test_half_an_address_in_a_head_breaks_nothing(both: Office, half: str) -> None:
    client = both.client()
    assert client.post("/staff/language", data={"language": "cy"}, headers={"Origin": half}).status_code == 403
    chosen = client.post("/staff/language", data={"language": "cy"}, headers={"Origin": URL, "Referer": half})
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/staff")


def test_whatever_was_tried_no_audit_line_and_no_cookie_holds_more_than_ours(both: Office, everything: Browser) -> None:
    everything.client.cookies.set("wren_staff_known", "\x7f.;x" * 20)
    both.client().post("/staff/sign-in", data={"username": "ada\r\nforged", "password": "x"}, headers={"Origin": URL})
    with both.services.database.read() as session:
        assert all("\n" not in row.subject and "\r" not in row.subject for row in session.query(StaffAudit))
        assert all(len(row.id) == 64 for row in session.query(StaffLogin))
