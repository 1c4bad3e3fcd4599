"""Every route as each role and as nobody: what a role may not do is refused and changes nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from bot.app import web_app
from bot.console.roles import ROLES, landing
from bot.console.rules import ANYBODY, Unguarded, rules
from bot.storage.tables import Inbox, RotaShift, Staff, TriageMark, TriageSample, now
from bot.wiring import Parts
from services_directory import models
from services_directory.editing.tables import Change, Step
from services_directory.freshness.tables import AgeLimit, ParentReport, ProviderNote, QuickAct, ReviewCycle, Translation
from services_directory.imports.tables import TermQuestion, WaitingImport
from tests.console.furnished import IMPORT, SECRET, Furnished
from tests.console.roles_page import PAGE, table
from tests.console.support import AREA, ELSEWHERE, PASSWORD, URL, Browser, Office, filled, hidden, text_of
from tests.console.test_guard import OPEN, sign_in

CASE = "/staff/cases/{case_id:int}"
ACCOUNT = "/staff/accounts/{staff_id:int}"
ALL = set(ROLES)
DIRECTORY = {"editor", "approver", "manager", "administrator"}
CAMPAIGN = "/staff/campaigns/{code:str}"
CHANGE = "/staff/directory/changes/{change_id}"
INSIGHT = {"manager", "commissioner"}
EDIT = {"editor", "approver"}
QUICK = {"editor", "approver", "manager"}
CONTENT = "/staff/content"
TEXT = "{language:str}/{content_id:path}"
VERSION = f"{CONTENT}/versions/{{version_id:int}}"
SEES_CONTENT = ALL - {"practitioner", "commissioner"}
WRITES_CONTENT = {"editor", "translator", "clinical_lead"}
PUBLISHES_CONTENT = {"editor", "approver", "clinical_lead"}
MAY = {
    ("GET", "/staff"): {"practitioner", "manager"},
    ("GET", "/staff/audit"): ALL,
    ("GET", "/staff/{path:path}"): ALL,
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
    ("GET", "/staff/troubles"): {"manager", "administrator"},
    ("POST", "/staff/troubles/{trouble_id:int}/acknowledge"): {"manager", "administrator"},
    ("GET", "/staff/rota"): {"practitioner", "manager", "administrator"},
    ("POST", "/staff/rota/add"): {"manager", "administrator"},
    ("POST", "/staff/rota/{shift_id:int}/remove"): {"manager", "administrator"},
    ("GET", IMPORT): DIRECTORY,
    ("POST", IMPORT): QUICK,
    ("GET", f"{IMPORT}/template.csv"): DIRECTORY,
    ("GET", f"{IMPORT}/questions"): DIRECTORY,
    ("POST", f"{IMPORT}/questions"): QUICK,
    ("GET", f"{IMPORT}/{{import_id:str}}"): DIRECTORY,
    ("POST", f"{IMPORT}/{{import_id:str}}/apply"): QUICK,
    ("POST", f"{IMPORT}/{{import_id:str}}/discard"): QUICK,
    ("GET", "/staff/directory/export"): DIRECTORY,
    ("GET", "/staff/directory/export/{form:str}"): DIRECTORY,
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
    ("POST", f"{CASE}/series/stop"): {"practitioner", "manager"},
    ("POST", f"{CASE}/series/undo"): {"practitioner"},
    ("GET", "/staff/retention"): {"manager", "administrator"},
    ("GET", f"{CASE}/records"): {"manager"},
    ("POST", f"{CASE}/records/hold"): {"manager"},
    ("POST", f"{CASE}/records/lift"): {"manager"},
    ("POST", f"{CASE}/records/check"): {"manager"},
    ("POST", f"{CASE}/records/keep"): {"manager"},
    ("POST", f"{CASE}/records/erase"): {"manager"},
    ("POST", f"{CASE}/records/copy"): {"manager"},
    ("POST", "/staff/retention/receipt"): {"manager"},
    ("GET", "/staff/account"): ALL,
    ("POST", "/staff/account/password"): ALL,
    ("GET", "/staff/account/second-factor"): ALL,
    ("POST", "/staff/account/second-factor/begin"): ALL,
    ("POST", "/staff/account/second-factor/confirm"): ALL,
    ("POST", "/staff/account/second-factor/codes"): ALL,
    ("POST", "/staff/account/second-factor/remove"): ALL,
    ("POST", "/staff/account/sessions/end"): ALL,
    ("GET", "/staff/accounts"): {"administrator"},
    ("GET", "/staff/accounts/add"): {"administrator"},
    ("POST", "/staff/accounts/add"): {"administrator"},
    ("GET", ACCOUNT): {"administrator"},
    ("POST", f"{ACCOUNT}/change"): {"administrator"},
    ("POST", f"{ACCOUNT}/off"): {"administrator"},
    ("POST", f"{ACCOUNT}/on"): {"administrator"},
    ("POST", f"{ACCOUNT}/end-sessions"): {"administrator"},
    ("POST", f"{ACCOUNT}/password"): {"administrator"},
    ("POST", f"{ACCOUNT}/reset-second-factor"): {"administrator"},
    ("GET", "/staff/directory"): DIRECTORY,
    ("POST", "/staff/directory/add"): EDIT,
    ("GET", "/staff/directory/pending"): DIRECTORY,
    ("GET", "/staff/directory/pending/brought-in"): DIRECTORY,
    ("POST", "/staff/directory/pending/brought-in/look"): {"approver", "manager"},
    ("POST", "/staff/directory/pending/brought-in/decide"): {"approver", "manager"},
    ("GET", "/staff/directory/services/{service_id}"): DIRECTORY,
    ("POST", "/staff/directory/services/{service_id}/edit"): EDIT,
    ("POST", "/staff/directory/history/{step_id}/undo"): EDIT,
    ("GET", CHANGE): DIRECTORY,
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
    ("GET", "/staff/directory/todo"): DIRECTORY,
    ("POST", "/staff/directory/todo/checked"): QUICK,
    ("POST", "/staff/directory/services/{service_id}/quick"): QUICK,
    ("POST", "/staff/directory/services/{service_id}/reports/settle"): QUICK,
    ("POST", "/staff/directory/services/{service_id}/translations"): EDIT,
    ("POST", "/staff/directory/quick/{act_id}/undo"): QUICK,
    ("POST", "/staff/directory/notes/{note_id}/settle"): QUICK,
    ("GET", "/staff/directory/freshness"): DIRECTORY,
    ("GET", "/staff/campaigns"): {"manager", "administrator"},
    ("GET", "/staff/to-write"): {"editor", "approver", "manager"},
    ("GET", "/staff/insight"): INSIGHT,
    ("GET", "/staff/insight/{page:str}"): INSIGHT,
    ("GET", "/staff/insight/{page:str}/{table:str}.csv"): INSIGHT,
    ("GET", "/staff/series"): {"editor", "approver", "practitioner", "manager"},
    ("GET", "/staff/series/{series:str}"): {"editor", "approver", "practitioner", "manager"},
    ("GET", CONTENT): SEES_CONTENT,
    ("GET", f"{CONTENT}/texts/{TEXT}"): SEES_CONTENT,
    ("GET", f"{CONTENT}/edit/{TEXT}"): WRITES_CONTENT,
    ("POST", f"{CONTENT}/edit/{TEXT}"): WRITES_CONTENT,
    ("POST", f"{CONTENT}/withdraw/{TEXT}"): PUBLISHES_CONTENT,
    ("POST", f"{CONTENT}/reviewed/{TEXT}"): {"clinical_lead"},
    ("GET", f"{CONTENT}/translations"): WRITES_CONTENT,
    ("POST", f"{CONTENT}/translations"): WRITES_CONTENT,
    ("GET", f"{CONTENT}/translations/export/{{language:str}}.{{form:str}}"): WRITES_CONTENT,
    ("GET", f"{CONTENT}/translations/brought/{{file_id:int}}"): WRITES_CONTENT,
    ("POST", f"{CONTENT}/translations/brought/{{file_id:int}}/take"): WRITES_CONTENT,
    ("POST", f"{CONTENT}/translations/brought/{{file_id:int}}/discard"): WRITES_CONTENT,
    ("GET", f"{CONTENT}/files"): {"administrator"},
    ("GET", f"{CONTENT}/files/content.zip"): {"administrator"},
    ("POST", f"{VERSION}/send"): WRITES_CONTENT,
    ("POST", f"{VERSION}/take-back"): WRITES_CONTENT,
    ("POST", f"{VERSION}/throw-away"): WRITES_CONTENT,
    ("POST", f"{VERSION}/approve"): {"translator", "clinical_lead"},
    ("POST", f"{VERSION}/give-back"): {"translator", "clinical_lead"},
    ("POST", f"{VERSION}/publish"): PUBLISHES_CONTENT,
    ("POST", f"{VERSION}/go-back"): PUBLISHES_CONTENT,
    ("GET", CAMPAIGN): {"manager", "administrator"},
    ("POST", f"{CAMPAIGN}/links"): {"manager", "administrator"},
    ("POST", f"{CAMPAIGN}/links/{{link_id:int}}/end"): {"manager", "administrator"},
    ("GET", f"{CAMPAIGN}/{{language:str}}/{{file:str}}"): {"manager", "administrator"},
    ("POST", "/staff/directory/freshness/cycle"): {"manager", "administrator"},
    ("POST", "/staff/directory/freshness/limit"): {"manager", "administrator"},
}
"""Who may use each route, written down a second time: a new route fails here until somebody has said who may."""


OF_DIRECTORY = ("service_id", "change_id", "step_id", "act_id", "note_id", "import_id")


def directory_of(office: Office) -> list[list[tuple[object, ...]]]:
    """All of our area's directory that a route could change."""
    assert office.services.directory_engine is not None
    tables = (models.Service, Step, ProviderNote, TermQuestion, ParentReport, QuickAct, ReviewCycle, AgeLimit, Translation)
    with Session(office.services.directory_engine) as session:
        rows = [[tuple(row) for row in session.execute(select(table.__table__))] for table in tables]
        changes = select(Change.id, Change.state, Change.answers).where(Change.area_id == AREA)
        imports = select(WaitingImport.id, WaitingImport.state).where(WaitingImport.area_id == AREA)
        return [*rows, *([tuple(row) for row in session.execute(query)] for query in (changes, imports))]


def routes_of(office: Office) -> set[tuple[str, str]]:
    found = set()
    for route in office.app.routes:
        assert isinstance(route, Route)
        if route.path.startswith("/staff") and route.path not in OPEN:
            found |= {(method, route.path) for method in (route.methods or set()) - {"HEAD"}}
    return found


def test_every_route_of_the_console_is_in_the_table(office: Office) -> None:
    assert routes_of(office) == set(MAY)


def test_the_page_of_roles_says_what_the_routes_say_and_they_say_what_stands_here(office: Office) -> None:
    ours = [route for route in office.app.routes if isinstance(route, Route) and route.path.startswith("/staff")]
    assert PAGE.read_text(encoding="utf-8") == table(ours), "run: python -m tests.console.roles_page"
    said = {where: set(rule.roles) for where, rule in rules(ours).items()}
    assert {where: roles for where, roles in said.items() if roles != ANYBODY} == MAY
    assert {path for (_, path), rule in rules(ours).items() if rule.roles == ANYBODY} == set(OPEN)


def test_the_whole_app_has_no_other_route_of_the_console(parts: Parts) -> None:
    ours = [route for route in web_app(parts).routes if str(getattr(route, "path", "/staff")).startswith("/staff")]
    assert {where for where, rule in rules(ours).items() if rule.roles != ANYBODY} == set(MAY)


def test_a_route_that_says_nothing_of_who_may_use_it_is_a_mistake_at_the_start() -> None:
    async def page(request: Request) -> Response:
        return Response("open to all by mistake")

    with pytest.raises(Unguarded, match="/staff/new"):
        rules([Route("/staff/new", page)])
    with pytest.raises(Unguarded):
        rules([Mount("/staff/more", routes=[Route("/new", page)])])


@pytest.mark.parametrize(("method", "path"), MAY)
def test_staff_of_another_area_learn_and_change_nothing_by_any_route(
    furnished: Furnished, furnished_office: tuple[Office, Browser], method: str, path: str
) -> None:
    """Somebody with every role, of another area: each route is as if there were nothing of ours."""
    office, ours = furnished_office
    parent = furnished.parent
    with office.services.database.write() as session:
        shift = RotaShift(area_id=AREA, staff_id=ours.staff_id, starts_at=now(), ends_at=now() + timedelta(hours=4))
        session.add(shift)
        session.flush()
        inbox = session.get_one(Inbox, parent.inbox_ids[0])
        inbox.level, inbox.case_id, inbox.state = "none", None, "done"
        sample = TriageSample(inbox_id=inbox.id, month=f"{now():%Y-%m}", area_id=AREA, language="en", position=0)
        session.add(sample)
        session.flush()
        numbers: dict[str, object] = {
            "case_id": parent.case_id,
            "shift_id": shift.id,
            "sample_id": sample.id,
            "staff_id": ours.staff_id,
            "person_id": parent.person_id,
        }
    numbers |= furnished.numbers
    before = directory_of(office)
    theirs = office.browser(office.staff("Cleo", area=ELSEWHERE, roles=ROLES))
    fields = {"text": "mine", "form": "form-0123456789", "outcome": "answered", "should_be": "urgent", "area": AREA}
    fields |= {"who": str(ours.staff_id), "first_name": "Taken", "job_title": "Over", "role_editor": "1"}
    real = filled(path, **numbers)
    if path == "/staff/events":
        real = f"/staff/events?case={parent.case_id}"  # without a case it would not end
    fields |= {"kind": "full", "organisation": str(numbers["organisation_id"]), "days": "5", "language": "pl", "name": "Taken"}
    fields |= {f"service.{numbers['service_id']}": "yes", "question": str(numbers["question_id"]), "answer": "yes"}
    data = {"csrf": theirs.csrf, **fields} if method == "POST" else None
    response = theirs.client.request(method, real, data=data, headers={"Origin": URL})
    if any(f"{{{name}" in path for name in OF_DIRECTORY):
        assert response.status_code == 404, (response.status_code, response.text)
    assert SECRET not in response.text and directory_of(office) == before
    if "case_id" in path or "staff_id" in path or path == "/staff/events" or path.startswith("/staff/sample/"):
        assert response.status_code == 404, (response.status_code, response.text)
    assert parent.pseudonym not in response.text and "Nobody else may" not in response.text
    assert "Zacharias" not in response.text and "Our health visitor" not in response.text
    assert office.events(parent) == ["opened"] and not office.outbox(parent)
    with office.services.database.read() as session:
        assert session.query(RotaShift).filter_by(area_id=AREA).count() == 1
        assert session.query(TriageMark).count() == 0
        assert session.get_one(Staff, ours.staff_id).first_name == "Zacharias"
        assert session.get_one(Staff, ours.staff_id).disabled_at is None
    assert ours.get("/staff").status_code == 200  # nobody ended their sign-in


class Door:
    """An office with a case, and who stands before each of its routes: by role, each signed in once."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.parent = office.parent("Nobody else may read this")
        self._browsers: dict[str, Browser] = {}

    def browser(self, role: str) -> Browser:
        if role not in self._browsers:
            self._browsers[role] = self.office.browser(self.office.staff(f"Ada {role}", roles=(role,)))
        return self._browsers[role]


@pytest.fixture(scope="module")
def standing_door(standing_office: Office) -> Door:
    return Door(standing_office)


@pytest.fixture
def door(request: pytest.FixtureRequest, method: str, path: str, role: str | None) -> Door:
    """Whoever may change something has an office of their own; all others leave the file's one as it was."""
    if method == "POST" and role in MAY[method, path]:
        return Door(request.getfixturevalue("office"))
    result: Door = request.getfixturevalue("standing_door")
    return result


@pytest.mark.parametrize("role", [*ROLES, None, "retired"])
@pytest.mark.parametrize(("method", "path"), MAY)
def test_each_route_is_for_its_roles_alone(door: Door, method: str, path: str, role: str | None) -> None:
    office, parent = door.office, door.parent
    real = filled(path, case_id=parent.case_id, person_id=parent.person_id)
    fields = {"text": "mine", "form": "form-0123456789", "outcome": "answered"}
    if role is None:
        response = office.client().request(method, real, data={"csrf": "x", **fields}, headers={"Origin": URL})
        assert response.status_code in (303, 401) and parent.pseudonym not in response.text
        return
    browser = door.browser(role)
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


@pytest.mark.parametrize("area", [AREA, None])
@pytest.mark.parametrize("role", ROLES)
def test_no_link_that_a_role_is_shown_leads_to_a_refusal(
    furnished_office: tuple[Office, Browser], role: str, area: str | None
) -> None:
    """From the page to begin with, along every link of every page. Forms are others' tests."""
    office, _ = furnished_office
    browser = office.browser(office.staff("Ada", area=area, roles=(role,)))
    waiting, seen, kinds = [landing((role,))], set(), set()
    while waiting:
        path = waiting.pop()
        kind = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9]+", "*", path).split("?lang=")[0]
        kind = re.sub(
            rf"({CONTENT}/\w+/)(en/)?.*", r"\1\2", kind
        )  # one text in English and one in another language say it for all
        if path in seen or (kind in kinds and ("?" in path or path.startswith(f"{CONTENT}/"))):
            continue
        seen.add(path)
        kinds.add(kind)
        answer = browser.get(path)
        assert answer.status_code == 200, f"{path} is refused to {role}"
        if "html" in answer.headers["content-type"]:
            links = [unescape(link).split("#")[0] for link in re.findall(r'<a [^>]*href="([^"]*)"', answer.text)]
            ours_alone = [link for link in links if link.startswith(("/staff", "?"))]
            waiting += [link if link.startswith("/") else f"{path.split('?')[0]}{link}" for link in ours_alone]
    pages = {path.split("?")[0] for path in seen}
    assert {"/staff/audit", "/staff/account"} <= pages
    if role in DIRECTORY:
        shown = ("", "/todo", "/pending", "/import", "/import/questions", "/export", "/export/csv", "/freshness")
        assert {f"/staff/directory{page}" for page in shown} <= pages
        assert any(page.startswith("/staff/directory/changes/") for page in pages)


@pytest.mark.parametrize("role", ROLES)
def test_an_old_page_leads_back_to_one_that_may_be_seen(office: Office, role: str) -> None:
    browser = office.browser(office.staff("Ada", roles=(role,)))
    for method, path in MAY:
        if method == "POST" and role in MAY[method, path] and path not in (IMPORT, f"{CONTENT}/translations"):
            answer = browser.client.post(filled(path), data={"csrf": "of yesterday"}, headers={"Origin": URL})
            back = re.search(r'class="button" href="([^"]+)"', answer.text)
            assert answer.status_code == 403 and back, path
            assert browser.get(back[1]).status_code in (200, 404), f"{path} leads to {back[1]}"


def test_an_account_with_two_roles_may_do_what_either_may(office: Office) -> None:
    browser = office.browser(office.staff("Ada", roles=("editor", "manager")))
    assert browser.get("/staff/rota").status_code == 200 and browser.get("/staff").status_code == 200


@pytest.mark.parametrize(
    ("roles", "page", "named"),
    [
        (
            ("practitioner",),
            "/staff",
            ["Cases", "Unanswered questions", "Triage", "Review list", "Blind sample", "Rota", "Series", "Your actions"],
        ),
        (
            ("manager",),
            "/staff",
            [
                "Cases",
                "Unanswered questions",
                "To write",
                "Triage",
                "Review list",
                "Blind sample",
                "Rota",
                "Directory",
                "To do",
                "Content",
                "Campaigns",
                "Series",
                "What is not working",
                "Keeping and deleting",
                "Insight",
                "Your actions",
            ],
        ),
        (
            ("administrator",),
            "/staff/rota",
            [
                "Rota",
                "Directory",
                "To do",
                "Content",
                "Campaigns",
                "What is not working",
                "Keeping and deleting",
                "Accounts",
                "Your actions",
            ],
        ),
        (("commissioner",), "/staff/insight", ["Insight", "Your actions"]),
        (
            ("editor",),
            "/staff/directory/todo",
            ["Unanswered questions", "To write", "Directory", "To do", "Content", "Series", "Your actions"],
        ),
        (
            ("approver",),
            "/staff/directory/todo",
            ["Unanswered questions", "To write", "Directory", "To do", "Content", "Series", "Your actions"],
        ),
        (("translator",), "/staff/content", ["Content", "Your actions"]),
        (("clinical_lead",), "/staff/content", ["Content", "Your actions"]),
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
    assert 'class="button" href="/staff/directory/todo"' in response.text
    assert hidden(response.text, "csrf")  # signing out is still there


def test_a_manager_reads_notes_and_acknowledges_but_is_not_offered_to_claim(office: Office) -> None:
    parent = office.parent()
    page = office.browser(office.staff("Mo", roles=("manager",))).get(f"/staff/cases/{parent.case_id}").text
    assert f"/staff/cases/{parent.case_id}/note" in page and f"/staff/cases/{parent.case_id}/claim" not in page
    assert AREA in {office.case(parent).area_id}
