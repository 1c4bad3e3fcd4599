"""Accounts, as administrators look after them: their area's alone, never without an administrator, recorded, asked again."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest

from bot.console import accounts, factor
from bot.console.accounts import LastAdministrator, check_password
from bot.console.guard import COOKIE
from bot.library import Library
from bot.storage.tables import Staff, StaffAudit, StaffFactor, StaffLink, StaffLogin, now
from tests.console.support import AREA, ELSEWHERE, PASSWORD, URL, Browser, Office, build_office, hidden, text_of
from tests.console.test_guard import sign_in
from tests.console.test_second_factor import NEXT, enrol, give

ADMINISTRATOR = ("administrator",)
NEW = {
    "username": "Dee",
    "first_name": "Dee",
    "job_title": "Nurse",
    "email": "dee@council.example",
    "role_practitioner": "1",
    "role_editor": "1",
}


@pytest.fixture
def both(database_address: str, tmp_path: Path, library: Library) -> Iterator[Office]:
    result = build_office(database_address, tmp_path, library, migrated=True)
    yield result
    result.services.database.dispose()


@pytest.fixture
def root(office: Office) -> Browser:
    """An administrator of all areas."""
    return office.browser(office.staff("Root", area=None, roles=ADMINISTRATOR))


@pytest.fixture
def local(office: Office) -> Browser:
    """An administrator of one area."""
    return office.browser(office.staff("Lou", roles=ADMINISTRATOR))


def account(office: Office, staff_id: int) -> Staff:
    with office.services.database.read() as session:
        return session.get_one(Staff, staff_id)


def by_name(office: Office, username: str) -> Staff | None:
    with office.services.database.read() as session:
        return session.query(Staff).filter_by(username=username).one_or_none()


def once(page: str) -> str:
    """What a page shows once: a link or a one-time password."""
    return page.partition('class="once">')[2].partition("<")[0]


# Adding


def test_a_new_account_gets_a_link_by_which_its_owner_chooses_a_password_once(office: Office, root: Browser) -> None:
    made = root.post("/staff/accounts/add", **NEW, area=AREA, how="link")
    link = once(made.text)
    assert made.status_code == 200 and link.startswith(f"{URL}/staff/set-password/")
    dee = by_name(office, "dee")
    assert dee is not None and dee.roles == ["editor", "practitioner"] and dee.area_id == AREA and dee.password_hash == ""
    assert ("account.added", f"staff:{dee.id}") in office.audit(root.staff_id)
    assert sign_in(office, "dee", "")[1].status_code == 403
    client, path = office.client(), link.removeprefix(URL)
    with office.services.database.read() as session:
        assert path.rsplit("/", 1)[1] not in session.query(StaffLink).one().id
    assert client.get(path).status_code == client.get(path).status_code == 200  # looking does not use it up
    fields = {"csrf": hidden(client.get(path).text, "csrf"), "new": "wet wellies drying"}
    for bad in ({"repeat": "other words here"}, {"new": "short", "repeat": "short"}):
        assert client.post(path, data={**fields, **bad}, headers={"Origin": URL}).status_code == 422
    unsigned = {**fields, "csrf": "x", "repeat": fields["new"]}
    assert client.post(path, data=unsigned, headers={"Origin": URL}).status_code == 403
    done = client.post(path, data={**fields, "repeat": fields["new"]}, headers={"Origin": URL})
    assert (done.status_code, done.headers["location"]) == (303, "/staff/sign-in?chosen=1")
    assert sign_in(office, "dee", "wet wellies drying")[1].status_code == 303
    assert client.get(path).status_code == 404
    assert client.post(path, data={**fields, "repeat": fields["new"]}, headers={"Origin": URL}).status_code == 404


def test_a_link_is_over_after_three_days_and_when_the_account_is_switched_off(office: Office, root: Browser) -> None:
    ada = office.staff("Ada")
    paths = [once(root.post(f"/staff/accounts/{ada}/password", how="link").text).removeprefix(URL) for _ in range(2)]
    assert [office.client().get(path).status_code for path in paths] == [404, 200]  # a later link ends the earlier
    with office.services.database.write() as session:
        session.query(StaffLink).update({"ends_at": now() - timedelta(seconds=1)})
    assert office.client().get(paths[1]).status_code == 404
    path = once(root.post(f"/staff/accounts/{ada}/password", how="link").text).removeprefix(URL)
    root.post(f"/staff/accounts/{ada}/off")
    assert office.client().get(path).status_code == 404


def test_a_one_time_password_only_lets_its_owner_choose_their_own(office: Office, root: Browser) -> None:
    password = once(root.post("/staff/accounts/add", **NEW, area=AREA, how="password").text)
    dee = by_name(office, "dee")
    assert dee is not None and dee.password_ends_at is not None
    client, response = sign_in(office, "dee", password)
    assert response.headers["location"].startswith(NEXT) and client.get("/staff").status_code == 303
    assert give(client, new=password, repeat=password).status_code == 422
    assert give(client, new="wet wellies drying", repeat="wet wellies dry").status_code == 422
    first = client.cookies[COOKIE]
    assert give(client, new="wet wellies drying", repeat="wet wellies drying").headers["location"] == "/staff"
    assert client.cookies[COOKIE] != first and client.get("/staff").status_code == 200
    assert sign_in(office, "dee", password)[1].status_code == 403
    assert sign_in(office, "dee", "wet wellies drying")[1].headers["location"] == "/staff"


def test_a_one_time_password_is_over_after_a_week(office: Office, root: Browser) -> None:
    password = once(root.post("/staff/accounts/add", **NEW, area=AREA, how="password").text)
    dee = by_name(office, "dee")
    assert dee is not None
    office.change(Staff, dee.id, password_ends_at=now() - timedelta(seconds=1))
    assert sign_in(office, "dee", password)[1].status_code == 403


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"username": " "}, "A user name has 1 to 80 characters"),
        ({"username": "Root"}, "There is already an account called root"),
        ({"first_name": ""}, "give a first name"),
        ({"email": "dee"}, "is no e-mail address"),
        ({"area": "atlantis"}, "There is no area atlantis"),
        ({"area": ""}, "Choose an area"),
    ],
)
def test_what_is_wrong_with_a_new_account_is_said_and_what_was_typed_stays(
    office: Office, root: Browser, change: dict[str, str], says: str
) -> None:
    response = root.post("/staff/accounts/add", **{**NEW, "area": AREA, **change})
    assert response.status_code == 422 and says in text_of(response.text)
    assert by_name(office, "dee") is None and 'value="Nurse"' in response.text


def test_an_account_without_a_role_is_refused(office: Office, root: Browser) -> None:
    fields = {name: value for name, value in NEW.items() if not name.startswith("role")}
    assert "Choose at least one role." in text_of(root.post("/staff/accounts/add", **fields, area=AREA).text)


# Changing


def test_a_change_holds_from_the_next_page_on_and_is_recorded(office: Office, root: Browser) -> None:
    ada = office.browser(office.staff("Ada"))
    fields = {"first_name": "Adele", "job_title": "Editor", "email": "", "area": "*", "role_editor": "1"}
    response = root.post(f"/staff/accounts/{ada.staff_id}/change", **fields)
    assert response.headers["location"] == f"/staff/accounts/{ada.staff_id}?done=account_changed"
    staff = account(office, ada.staff_id)
    assert (staff.first_name, staff.roles, staff.area_id, staff.email) == ("Adele", ["editor"], None, None)
    assert ada.get("/staff").status_code == 403 and ada.get("/staff/questions").status_code == 200
    assert ("account.changed", f"staff:{ada.staff_id}") in office.audit(root.staff_id)


def test_switching_off_ends_sign_ins_at_once_and_on_opens_the_account_again(office: Office, root: Browser) -> None:
    ada = office.browser(office.staff("Ada"))
    root.post(f"/staff/accounts/{ada.staff_id}/off")
    assert ada.get("/staff").status_code == 303 and sign_in(office, "ada", PASSWORD)[1].status_code == 403
    assert "Ada" not in text_of(root.get("/staff/accounts").text)
    assert "Ada (ada)" in text_of(root.get("/staff/accounts", show="off").text)
    root.post(f"/staff/accounts/{ada.staff_id}/on")
    assert ada.get("/staff").status_code == 303  # the old sign-in stays ended
    assert sign_in(office, "ada", PASSWORD)[1].status_code == 303


def test_ending_sessions_and_resetting_a_factor_are_recorded_and_work_at_once(office: Office, root: Browser) -> None:
    ada = office.browser(office.staff("Ada"))
    root.post(f"/staff/accounts/{ada.staff_id}/end-sessions")
    assert ada.get("/staff").status_code == 303
    enrol(office, ada.staff_id)
    again = office.browser(ada.staff_id)
    assert "Has a second factor" in text_of(root.get(f"/staff/accounts/{ada.staff_id}").text)
    root.post(f"/staff/accounts/{ada.staff_id}/reset-second-factor")
    assert again.get("/staff").status_code == 303
    assert sign_in(office, "ada", PASSWORD)[1].headers["location"] == "/staff"
    done = office.audit(root.staff_id)
    assert ("account.sessions", f"staff:{ada.staff_id}") in done and ("factor.reset", f"staff:{ada.staff_id}") in done


def test_the_list_says_who_signed_in_when_and_finds_by_part_of_a_name(office: Office, root: Browser) -> None:
    office.staff("Ada")
    office.staff("Demo", demonstration=True)
    office.browser(office.staff("Ben"))
    page = text_of(root.get("/staff/accounts").text)
    assert "Demo" not in page and "Ben (ben) Health visitor. Practitioner. demonstration. Last signed in today" in page
    assert "Ada (ada) Health visitor. Practitioner. demonstration. Never signed in" in page
    found = text_of(root.get("/staff/accounts", q="AD").text)
    assert "Ada (ada)" in found and "Ben" not in found
    assert "There is nobody" in text_of(root.get("/staff/accounts", q="%").text)


def test_a_long_list_comes_in_pages_and_each_account_once(office: Office, root: Browser) -> None:
    for number in range(60):
        office.staff(f"Zed{number:02}")
    seen, path = "", "/staff/accounts"
    first = root.get(path).text
    after = first.partition("after=")[2].partition('"')[0]
    second = root.get(path, after=after).text
    seen = first + second
    assert all(seen.count(f"(zed{number:02})") == 1 for number in range(60)) and "First page" in second


# Areas


def test_an_administrator_of_an_area_sees_and_makes_accounts_of_that_area_alone(office: Office, local: Browser) -> None:
    cleo, root = office.staff("Cleo", area=ELSEWHERE), office.staff("Root", area=None, roles=ADMINISTRATOR)
    page = text_of(local.get("/staff/accounts").text)
    assert "Cleo" not in page and "Root" not in page and "Lou" in page
    for staff_id in (cleo, root, 10**18, 999):
        assert local.get(f"/staff/accounts/{staff_id}").status_code == 404
        for act in ("change", "off", "on", "end-sessions", "password", "reset-second-factor"):
            fields = {"first_name": "X", "job_title": "X", "role_editor": "1"}
            assert local.post(f"/staff/accounts/{staff_id}/{act}", **fields).status_code == 404
    assert account(office, cleo).first_name == "Cleo" and account(office, root).disabled_at is None
    local.post("/staff/accounts/add", **NEW, area="*")
    dee = by_name(office, "dee")
    assert dee is not None and dee.area_id == AREA
    local.post(f"/staff/accounts/{dee.id}/change", **{**NEW, "area": ELSEWHERE})
    assert account(office, dee.id).area_id == AREA


# The last administrator


@pytest.mark.parametrize("act", ["off", "change"])
def test_the_last_administrator_stays(office: Office, root: Browser, act: str) -> None:
    office.staff("Lou", roles=ADMINISTRATOR)  # of one area: cannot look after the others
    fields = {"first_name": "Root", "job_title": "IT", "area": "*", "role_editor": "1"}
    response = root.post(f"/staff/accounts/{root.staff_id}/{act}", **fields)
    assert response.status_code == 422 and "This is the last administrator" in text_of(response.text)
    other = office.staff("Rae", area=None, roles=ADMINISTRATOR)
    assert root.post(f"/staff/accounts/{root.staff_id}/{act}", **fields).status_code == 303
    staff = account(office, root.staff_id)
    assert staff.disabled_at is not None or staff.roles == ["editor"]
    with pytest.raises(LastAdministrator), office.services.database.write() as session:
        accounts.switch_off(session, session.get_one(Staff, other))


def test_two_administrators_who_switch_each_other_off_at_once_leave_one(both: Office) -> None:
    ids = [both.staff(name, area=None, roles=ADMINISTRATOR) for name in ("Ada", "Ben", "Cleo")]

    def off(staff_id: int) -> bool:
        try:
            with both.services.database.write() as session:
                accounts.switch_off(session, session.get_one(Staff, staff_id))
        except LastAdministrator:
            return False
        return True

    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(off, ids))
    assert done.count(True) == 2
    with both.services.database.read() as session:
        assert session.query(Staff).filter(Staff.id.in_(ids), Staff.disabled_at.is_(None)).count() == 1


def test_the_account_for_emergencies_stays_open_and_an_administrator(office: Office, tmp_path: Path) -> None:
    kept = build_office(f"sqlite:///{tmp_path / 'kept.sqlite3'}", tmp_path, office.library, break_glass="Key")
    root = kept.browser(kept.staff("Root", area=None, roles=ADMINISTRATOR))
    key = kept.staff("Key", area=None, roles=ADMINISTRATOR)
    assert root.post(f"/staff/accounts/{key}/off").status_code == 422
    fields = {"first_name": "Key", "job_title": "IT", "area": "*", "role_editor": "1"}
    assert root.post(f"/staff/accounts/{key}/change", **fields).status_code == 422
    assert account(kept, key).disabled_at is None and account(kept, key).roles == ["administrator"]


# Asking again


def old(office: Office, browser: Browser) -> None:
    """Let it be a while since somebody showed who they are."""
    with office.services.database.write() as session:
        session.query(StaffLogin).filter_by(staff_id=browser.staff_id).update({"proved_at": now() - timedelta(minutes=16)})


def test_after_a_while_a_sensitive_act_asks_again_keeps_the_form_and_goes_on_under_a_new_cookie(
    office: Office, root: Browser
) -> None:
    old(office, root)
    asked = root.post("/staff/accounts/add", **NEW, area=AREA, how="link")
    assert asked.status_code == 403 and "show again that it is you" in asked.text and by_name(office, "dee") is None
    kept = {name: hidden(asked.text, name) for name in (*NEW, "area", "how", "csrf")}
    wrong = root.client.post("/staff/accounts/add", data={**kept, "proof": "wrong"}, headers={"Origin": URL})
    assert wrong.status_code == 403 and "That is not your password" in text_of(wrong.text)
    before = root.client.cookies[COOKIE]
    right = root.client.post("/staff/accounts/add", data={**kept, "proof": PASSWORD}, headers={"Origin": URL})
    assert right.status_code == 200 and by_name(office, "dee") is not None and root.client.cookies[COOKIE] != before
    thief = office.client()
    thief.cookies.set(COOKIE, before, path="/staff")
    assert thief.get("/staff/accounts").status_code == 303
    root.csrf = hidden(right.text, "csrf")
    assert root.post("/staff/accounts/add", **{**NEW, "username": "eve"}, area=AREA).status_code == 200  # not asked twice
    assert [action for action, _ in office.audit(root.staff_id)][:2] == ["step_up.refused", "step_up"]


def test_seeing_a_parents_address_asks_again_for_the_second_factor_of_whoever_has_one(office: Office) -> None:
    ada = office.browser(office.staff("Ada"))
    parent = office.parent(channel="telegram")
    ada.post(f"/staff/cases/{parent.case_id}/claim")
    _, codes = enrol(office, ada.staff_id)
    old(office, ada)
    path, reason = f"/staff/cases/{parent.case_id}/address", "Welfare check"
    asked = ada.post(path, text=reason)
    assert asked.status_code == 403 and "recovery code" in asked.text and "address_seen" not in office.events(parent)
    assert ada.post(path, text=reason, proof=PASSWORD).status_code == 403
    shown = ada.post(path, text=reason, proof=codes[0])
    assert shown.status_code == 200 and office.events(parent)[-1] == "address_seen"


def test_the_fifth_wrong_proof_ends_the_sign_in_and_gives_back_what_was_typed(office: Office, root: Browser) -> None:
    old(office, root)
    answers = [root.post("/staff/accounts/add", **NEW, text="typed words", proof="wrong") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [403] * 4 + [401] and "typed words" in answers[-1].text
    assert root.get("/staff/accounts").status_code == 303


def test_it_never_asks_where_it_is_told_not_to(office: Office, tmp_path: Path) -> None:
    never = build_office(f"sqlite:///{tmp_path / 'never.sqlite3'}", tmp_path, office.library, step_up_minutes=0)
    root = never.browser(never.staff("Root", area=None, roles=ADMINISTRATOR))
    with never.services.database.write() as session:
        session.query(StaffLogin).update({"proved_at": now() - timedelta(hours=11)})
    assert root.post("/staff/accounts/add", **NEW, area=AREA).status_code == 200


# One's own account


def test_changing_ones_password_needs_the_old_one_and_ends_all_other_sign_ins(office: Office) -> None:
    ada = office.browser(office.staff("Ada"))
    other = office.browser(ada.staff_id)
    new = {"new": "wet wellies drying", "repeat": "wet wellies drying"}
    assert ada.post("/staff/account/password", old="wrong", **new).status_code == 422
    assert ada.post("/staff/account/password", old=PASSWORD, new="short", repeat="short").status_code == 422
    assert ada.post("/staff/account/password", old=PASSWORD, new="a" * 14, repeat="b" * 14).status_code == 422
    assert ada.post("/staff/account/password", old=PASSWORD, new=PASSWORD, repeat=PASSWORD).status_code == 422
    assert other.get("/staff").status_code == 200
    before = ada.client.cookies[COOKIE]
    assert ada.post("/staff/account/password", old=PASSWORD, **new).status_code == 303
    assert other.get("/staff").status_code == 303 and ada.get("/staff").status_code == 200
    assert ada.client.cookies[COOKIE] != before
    assert check_password(account(office, ada.staff_id).password_hash, "wet wellies drying")


def test_a_second_factor_is_set_up_replaced_and_removed_with_the_password(office: Office) -> None:
    ada = office.browser(office.staff("Ada"))
    here = "/staff/account/second-factor"
    assert ada.get(here).status_code == 303  # nothing waits
    assert ada.post(f"{here}/begin", password="wrong").status_code == 422 and ada.get(here).status_code == 303
    assert ada.post(f"{here}/begin", password=PASSWORD).headers["location"] == here
    keys = []
    for _ in range(2):
        page = ada.get(here).text
        keys.append(page.partition('class="key">')[2].partition("<")[0].replace(" ", ""))
        assert ada.post(f"{here}/confirm", code="000").status_code == 422
        shown = ada.post(f"{here}/confirm", code=pyotp.TOTP(keys[-1]).at(now()))
        assert shown.text.count("<code>") == 10
        ada.csrf = hidden(ada.get("/staff/account").text, "csrf")
        ada.post(f"{here}/begin", password=PASSWORD)
    assert keys[0] != keys[1]
    codes = ada.post(f"{here}/codes", password=PASSWORD)
    assert codes.text.count("<code>") == 10
    ada.csrf = hidden(ada.get("/staff/account").text, "csrf")
    assert ada.post(f"{here}/remove", password="wrong").status_code == 422
    assert ada.post(f"{here}/remove", password=PASSWORD).headers["location"].endswith("factor_removed")
    with office.services.database.read() as session:
        assert not factor.has_factor(session, ada.staff_id) and session.query(StaffFactor).count() == 0
    actions = [action for action, _ in office.audit(ada.staff_id) if action.startswith("factor")]
    assert actions == ["factor.added", "factor.added", "factor.codes", "factor.removed"]


def test_whose_role_must_have_a_second_factor_can_replace_but_not_remove_it(office: Office, tmp_path: Path) -> None:
    strict = build_office(f"sqlite:///{tmp_path / 's.sqlite3'}", tmp_path, office.library, second_factor_roles="all")
    ada = strict.browser(strict.staff("Ada"))
    enrol(strict, ada.staff_id)
    response = ada.post("/staff/account/second-factor/remove", password=PASSWORD)
    assert response.status_code == 422 and "replaced, not removed" in response.text
    with strict.services.database.read() as session:
        assert factor.has_factor(session, ada.staff_id)
    assert "second-factor/remove" not in ada.get("/staff/account").text


def test_one_sees_and_ends_ones_own_sign_ins_and_nobody_elses(office: Office) -> None:
    ada, ben = office.browser(office.staff("Ada")), office.browser(office.staff("Ben"))
    second, third = office.browser(ada.staff_id), office.browser(ada.staff_id)
    page = ada.get("/staff/account").text
    ids = [part.partition('"')[0] for part in page.split('name="which" value="')[1:]]
    assert len(ids) == 3 and ids[-1] == "others"
    with office.services.database.read() as session:
        bens = session.query(StaffLogin.id).filter_by(staff_id=ben.staff_id).one()[0]
    ada.post("/staff/account/sessions/end", which=bens)
    ada.post("/staff/account/sessions/end", which=ids[0])
    assert ben.get("/staff").status_code == 200
    assert sorted([second.get("/staff").status_code, third.get("/staff").status_code]) == [200, 303]
    ada.post("/staff/account/sessions/end", which="others")
    assert second.get("/staff").status_code == third.get("/staff").status_code == 303
    assert ada.get("/staff").status_code == 200


def test_no_page_of_accounts_holds_a_hash_or_writes_a_secret_to_a_log(
    office: Office, root: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    secret = once(root.post("/staff/accounts/add", **NEW, area=AREA, how="password").text)
    dee = by_name(office, "dee")
    assert dee is not None
    for path in ("/staff/accounts", f"/staff/accounts/{dee.id}", "/staff/account"):
        page = root.get(path)
        assert "argon2" not in page.text and secret not in page.text and page.headers["cache-control"] == "no-store"
    assert secret not in caplog.text
    with office.services.database.read() as session:
        assert secret not in " ".join(f"{row.action} {row.subject}" for row in session.query(StaffAudit))


def test_an_account_whose_role_is_no_more_is_listed_with_it(office: Office, root: Browser) -> None:
    """As after an update that dropped a role: one such account does not keep an administrator from all others."""
    office.staff("Ruth", roles=("retired", "editor"))
    page = root.get("/staff/accounts")
    assert page.status_code == 200 and "retired, " in text_of(page.text)
