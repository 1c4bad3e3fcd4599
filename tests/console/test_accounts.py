"""Accounts: hashes only, random demonstration passwords, old sign-ins ended."""

from __future__ import annotations

import subprocess
import sys

import pytest
from argon2 import PasswordHasher, Type, extract_parameters

from bot.console import accounts
from bot.console.accounts import AccountError, add_staff, change_staff, check_password, ensure_demonstration, reset_password
from bot.settings import ROOT
from bot.storage.tables import Staff, StaffLogin
from tests.console.support import Office


def test_a_password_is_kept_as_an_argon2id_hash_only(office: Office) -> None:
    with office.services.database.write() as session:
        staff = add_staff(session, username=" Ada ", first_name="Ada", job_title="Health visitor", password="wet wellies drying")
    assert staff.id and staff.username == "ada" and not staff.demonstration
    assert staff.password_hash.startswith("$argon2id$") and "wellies" not in staff.password_hash
    assert check_password(staff.password_hash, "wet wellies drying")
    assert not check_password(staff.password_hash, "wet wellies")
    assert not check_password(None, "wet wellies drying")


def test_the_program_hashes_as_slowly_as_is_advised_for_argon2id(production_hasher: PasswordHasher) -> None:
    """Tests hash quickly; production has at least what RFC 9106 recommends for small machines."""
    assert production_hasher.type is Type.ID
    assert production_hasher.memory_cost >= 64 * 1024 and production_hasher.time_cost >= 3
    assert production_hasher.hash_len >= 32 and production_hasher.salt_len >= 16


def test_a_program_of_its_own_knows_nothing_of_the_tests_quick_hashing() -> None:
    command = "from bot.console.accounts import hash_password; print(hash_password('wet wellies drying'))"
    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    made = extract_parameters(done.stdout.strip())
    assert made.type is Type.ID and made.memory_cost >= 64 * 1024 and made.time_cost >= 3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"username": " "}, "user name"),
        ({"username": "x" * 81}, "user name"),
        ({"first_name": " "}, "first name"),
        ({"job_title": ""}, "job title"),
        ({"password": "short"}, "12 to 200"),
        ({"password": "x" * 201}, "12 to 200"),
        ({"roles": ["practitioner", "king"]}, "a role is one of"),
        ({"roles": []}, "a role is one of"),
        ({"email": "ada"}, "no e-mail address"),
        ({"area_id": "atlantis"}, "there is no area atlantis"),
    ],
)
def test_it_says_in_plain_words_why_an_account_cannot_be_made(office: Office, change: dict[str, str], says: str) -> None:
    values = {"username": "ada", "first_name": "Ada", "job_title": "Nurse", "password": "wet wellies drying", **change}
    with pytest.raises(AccountError, match=says), office.services.database.write() as session:
        add_staff(session, **values)
    with office.services.database.read() as session:
        assert session.query(Staff).count() == 0


def test_two_accounts_cannot_share_a_user_name(office: Office) -> None:
    office.staff("Ada")
    with pytest.raises(AccountError, match="already"), office.services.database.write() as session:
        add_staff(session, username="ADA", first_name="Ada", job_title="Nurse", password="wet wellies drying")


def test_a_new_password_ends_every_sign_in(office: Office) -> None:
    browser = office.browser(office.staff("Ada"))
    with office.services.database.write() as session:
        staff = reset_password(session, username="Ada", password="dry wellies again")
    assert check_password(staff.password_hash, "dry wellies again")
    assert browser.get("/staff").status_code == 303
    with pytest.raises(AccountError, match="no account"), office.services.database.write() as session:
        reset_password(session, username="nobody", password="dry wellies again")


def test_the_demonstration_password_is_new_at_each_start_and_the_old_sign_ins_are_over(office: Office) -> None:
    with office.services.database.write() as session:
        name, first = ensure_demonstration(session)
        demo = session.query(Staff).filter_by(username=name).one()
        assert demo.demonstration
        browser_of = demo.id
    browser = office.browser(browser_of)
    with office.services.database.write() as session:
        again, second = ensure_demonstration(session)
    assert name == again and first != second and len(second) >= 20
    assert browser.get("/staff").status_code == 303
    with office.services.database.read() as session:
        demo = session.query(Staff).filter_by(username=name).one()
        assert session.query(StaffLogin).filter(StaffLogin.ended_at.is_(None)).count() == 0
    assert check_password(demo.password_hash, second) and not check_password(demo.password_hash, first)


def test_the_demonstration_never_takes_over_a_real_account(office: Office) -> None:
    office.staff(accounts.DEMONSTRATION)
    with pytest.raises(AccountError), office.services.database.write() as session:
        ensure_demonstration(session)


def test_a_hash_made_with_weaker_parameters_is_renewed_at_the_next_sign_in(office: Office) -> None:
    from argon2 import PasswordHasher

    from tests.console.support import PASSWORD
    from tests.console.test_guard import sign_in

    ada = office.staff("Ada")
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    office.change(Staff, ada, password_hash=weak)
    assert sign_in(office, "ada", PASSWORD)[1].status_code == 303
    with office.services.database.read() as session:
        renewed = session.get_one(Staff, ada).password_hash
    assert renewed != weak and check_password(renewed, PASSWORD)


def test_an_account_is_changed_in_what_is_given_and_it_holds_from_the_next_page(office: Office) -> None:
    browser = office.browser(office.staff("Ada"))
    with office.services.database.write() as session:
        staff = change_staff(session, username="ADA", roles=["manager", "editor"], email="ada@council.example")
    assert (staff.roles, staff.email, staff.area_id) == (["editor", "manager"], "ada@council.example", "demonstration")
    assert browser.post("/staff/cases/1/claim").status_code == 403
    assert browser.get("/staff").status_code == 200
    with office.services.database.write() as session:
        staff = change_staff(session, username="ada", disabled=True)
    assert staff.roles == ["editor", "manager"] and browser.get("/staff").status_code == 303
    with pytest.raises(AccountError, match="no account"), office.services.database.write() as session:
        change_staff(session, username="nobody", roles=["editor"])


def test_the_demonstration_login_may_use_all_of_the_console_s_work(office: Office) -> None:
    with office.services.database.write() as session:
        name, _ = ensure_demonstration(session)
        demo = session.query(Staff).filter_by(username=name).one()
    assert {"practitioner", "manager", "editor", "approver"} <= set(demo.roles)
