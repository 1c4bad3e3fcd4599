"""Every route as each role and as nobody: what a role may not do is refused and changes nothing."""

from __future__ import annotations

import pytest
from starlette.routing import Route

from bot.console.roles import ROLES, landing
from bot.storage.tables import RotaShift
from tests.console.support import AREA, PASSWORD, URL, Office, hidden, text_of
from tests.console.test_guard import OPEN, sign_in

CASE = "/staff/cases/{case_id:int}"
CHANGE = "/staff/directory/changes/{change_id}"
ALL = set(ROLES)
SEE = {"editor", "approver", "manager", "administrator"}
EDIT = {"editor", "approver"}
MAY = {
    ("GET", "/staff"): {"practitioner", "manager"},
    ("GET", "/staff/audit"): ALL,
    ("GET", "/staff/events"): {"practitioner", "manager"},
    ("GET", "/staff/triage"): {"practitioner", "manager"},
    ("GET", "/staff/sample"): {"practitioner", "manager"},
    ("POST", "/staff/sample/{sample_id:int}/mark"): {"practitioner", "manager"},
    ("POST", "/staff/sample/{sample_id:int}/case"): {"practitioner", "manager"},
    ("GET", "/staff/review"): {"practitioner", "manager"},
    ("POST", "/staff/review/{person_id:int}/read"): {"practitioner"},
    ("POST", "/staff/review/{person_id:int}/decide"): {"practitioner"},
    ("POST", "/staff/sign-out"): ALL,
    ("POST", "/staff/sign-out-everywhere"): ALL,
    ("GET", "/staff/questions"): {"editor", "approver", "practitioner", "manager"},
    ("GET", "/staff/rota"): {"practitioner", "manager", "administrator"},
    ("POST", "/staff/rota/add"): {"manager", "administrator"},
    ("POST", "/staff/rota/{shift_id:int}/remove"): {"manager", "administrator"},
    ("GET", CASE): {"practitioner", "manager"},
    ("POST", f"{CASE}/claim"): {"practitioner"},
    ("POST", f"{CASE}/acknowledge"): {"practitioner", "manager"},
    ("POST", f"{CASE}/reply"): {"practitioner"},
    ("POST", f"{CASE}/look"): {"practitioner"},
    ("POST", f"{CASE}/note"): {"practitioner", "manager"},
    ("POST", f"{CASE}/ready"): {"practitioner"},
    ("POST", f"{CASE}/bereaved"): {"practitioner", "manager"},
    ("POST", f"{CASE}/address"): {"practitioner"},
    ("POST", f"{CASE}/mark"): {"practitioner", "manager"},
    ("POST", f"{CASE}/reopen"): {"practitioner"},
    ("POST", f"{CASE}/pause"): {"practitioner"},
    ("POST", f"{CASE}/resume"): {"practitioner"},
    ("POST", f"{CASE}/interpreter"): {"practitioner", "manager"},
    ("POST", f"{CASE}/hand-over"): {"practitioner"},
    ("POST", f"{CASE}/release"): {"practitioner"},
    ("POST", f"{CASE}/close"): {"practitioner"},
    ("GET", "/staff/directory"): SEE,
    ("POST", "/staff/directory/add"): EDIT,
    ("GET", "/staff/directory/pending"): SEE,
    ("GET", "/staff/directory/services/{service_id}"): SEE,
    ("POST", "/staff/directory/services/{service_id}/edit"): EDIT,
    ("POST", "/staff/directory/history/{step_id}/undo"): EDIT,
    ("GET", CHANGE): SEE,
    ("GET", f"{CHANGE}/questions/{{step}}"): EDIT,
    ("POST", f"{CHANGE}/questions/{{step}}"): EDIT,
    ("GET", f"{CHANGE}/all"): EDIT,
    ("POST", f"{CHANGE}/all"): EDIT,
    ("POST", f"{CHANGE}/send"): EDIT,
    ("POST", f"{CHANGE}/take-back"): EDIT,
    ("POST", f"{CHANGE}/throw-away"): EDIT,
    ("POST", f"{CHANGE}/approve"): {"approver", "manager"},
    ("POST", f"{CHANGE}/refuse"): {"approver", "manager"},
    ("POST", f"{CHANGE}/catch-up"): {"editor", "approver", "manager"},
}
"""Who may use each route, written down a second time: a new route fails here until somebody has said who may."""


def routes_of(office: Office) -> set[tuple[str, str]]:
    found = set()
    for route in office.app.routes:
        assert isinstance(route, Route)
        if route.path.startswith("/staff") and route.path not in OPEN:
            found |= {(method, route.path) for method in (route.methods or set()) - {"HEAD"}}
    return found


def test_every_route_of_the_console_is_in_the_table(office: Office) -> None:
    assert routes_of(office) == set(MAY)


@pytest.mark.parametrize("role", [*ROLES, None, "retired"])
@pytest.mark.parametrize(("method", "path"), MAY)
def test_each_route_is_for_its_roles_alone(office: Office, method: str, path: str, role: str | None) -> None:
    parent = office.parent("Nobody else may read this")
    real = path.replace("{case_id:int}", str(parent.case_id)).replace("{shift_id:int}", "1").replace("{sample_id:int}", "1")
    real = real.replace("{person_id:int}", str(parent.person_id))
    fields = {"text": "mine", "form": "form-0123456789", "outcome": "answered"}
    if role is None:
        response = office.client().request(method, real, data={"csrf": "x", **fields}, headers={"Origin": URL})
        assert response.status_code in (303, 401) and parent.pseudonym not in response.text
        return
    browser = office.browser(office.staff("Ada", roles=(role,)))
    if path == "/staff/events" and role in MAY[method, path]:
        real = "/staff/events?case=999999"  # a stream that is allowed would not end: a case that is not there does
    data = {"csrf": browser.csrf, **fields} if method == "POST" else None
    response = browser.client.request(method, real, data=data, headers={"Origin": URL})
    if role in MAY[method, path]:
        assert response.status_code != 403, response.text
        return
    assert response.status_code == 403
    assert parent.pseudonym not in response.text and "Nobody else may" not in response.text
    assert office.events(parent) == ["opened"] and not office.outbox(parent)
    with office.services.database.read() as session:
        assert session.query(RotaShift).count() == 0
    if path == f"{CASE}/reply":
        assert "mine" in response.text  # what was typed is given back


def test_an_account_with_two_roles_may_do_what_either_may(office: Office) -> None:
    browser = office.browser(office.staff("Ada", roles=("editor", "manager")))
    assert browser.get("/staff/rota").status_code == 200 and browser.get("/staff").status_code == 200


@pytest.mark.parametrize(
    ("roles", "page", "named"),
    [
        (
            ("practitioner",),
            "/staff",
            ["Cases", "Unanswered questions", "Triage", "Review list", "Blind sample", "Rota", "Your actions"],
        ),
        (
            ("manager",),
            "/staff",
            ["Cases", "Unanswered questions", "Triage", "Review list", "Blind sample", "Rota", "Your actions"],
        ),
        (("administrator",), "/staff/rota", ["Rota", "Your actions"]),
        (("editor",), "/staff/questions", ["Unanswered questions", "Your actions"]),
        (("approver",), "/staff/questions", ["Unanswered questions", "Your actions"]),
    ],
)
def test_signing_in_leads_to_a_page_of_one_s_own_and_the_menu_names_no_other(
    office: Office, roles: tuple[str, ...], page: str, named: list[str]
) -> None:
    office.staff("Ada", roles=roles)
    client, response = sign_in(office, "ada", PASSWORD)
    assert response.headers["location"] == page == landing(roles)
    shown = client.get(page)
    assert shown.status_code == 200
    menu = shown.text.partition("<nav")[2].partition("</nav>")[0]
    assert text_of("<nav" + menu).split("  ") == [" ".join(named)]


def test_a_refusal_leads_back_to_a_page_that_may_be_seen(office: Office) -> None:
    browser = office.browser(office.staff("Edie", roles=("editor",)))
    response = browser.get("/staff")
    assert response.status_code == 403 and "Your account may not use this page" in response.text
    assert 'class="button" href="/staff/questions"' in response.text
    assert hidden(response.text, "csrf")  # signing out is still there


def test_a_manager_reads_notes_and_acknowledges_but_is_not_offered_to_claim(office: Office) -> None:
    parent = office.parent()
    page = office.browser(office.staff("Mo", roles=("manager",))).get(f"/staff/cases/{parent.case_id}").text
    assert f"/staff/cases/{parent.case_id}/note" in page and f"/staff/cases/{parent.case_id}/claim" not in page
    assert AREA in {office.case(parent).area_id}
