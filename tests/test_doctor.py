"""`bot doctor`: what is missing of teams and alarms before go-live, in plain words, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from bot.channels.sms.errors import meanings
from bot.console import factor
from bot.doctor import report
from bot.library import Library
from bot.settings import ROOT, Settings
from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.tables import Alarm, Case, Staff, StaffFactor, now
from tests.storage.support import add_person

TEAM = """default_team: here
areas:
  - id: here
    name: Here
    nation: wales
    hours: {monday: ["09:00-17:00"]}
    closures: [{name: Christmas, from: %s, to: %s}]
    safeguarding: {name: Duty, phone: "0113 496 0000", hours: always}
    alarms: {email: [duty@council.example], supervisor: [head@council.example]}
"""
WHOLE = {
    "area": "here", "smtp_host": "mail.council.example", "smtp_from": "wren@council.example",
    "alarm_hook_url": "https://hook.example", "alarm_hook_key": "a key",
}  # fmt: skip


@pytest.fixture
def diagnose(tmp_path: Path, database_address: str, library: Library, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What the doctor says of an installation whose team.yml is `team`, by default one that lacks nothing here."""

    monkeypatch.setattr(Library, "load", lambda _: library)  # read once: this is about who is there

    def ask(team: str | None = None, **settings: Any) -> str:
        root = tmp_path / "root"
        (root / "content").mkdir(parents=True, exist_ok=True)
        whole = TEAM % (now().date(), now().date() + timedelta(days=9))
        (root / "content" / "team.yml").write_text(team if team is not None else whole, encoding="utf-8")
        chosen = Settings.model_validate({"var_dir": tmp_path, "database_url": database_address, **WHOLE, **settings})
        out = StringIO()
        report(chosen, root, out)
        return out.getvalue()

    return ask


OURS = ("larm", "supervisor", "team.yml", "losures", "bank holidays", "safeguarding", "WREN_SMTP", "HOOK")


def ours(said: str) -> list[str]:
    return [line for line in said.splitlines() if any(word in line for word in OURS)]


def changed(old: str, new: str) -> str:
    whole = TEAM % (now().date(), now().date() + timedelta(days=9))
    assert old in whole
    return whole.replace(old, new)


def test_an_installation_that_lacks_nothing_of_this_hears_nothing_of_it(diagnose: Callable[..., str]) -> None:
    assert ours(diagnose()) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("default_team: here\n", "", "default_team: it is not said which team answers for everybody else"),
        (", supervisor: [head@council.example]", "", "Alarms of Here climb to nobody"),
        ("email: [duty@council.example], ", "", "Alarms of Here by e-mail reach nobody"),
        ("    safeguarding:", "    #", "Here has no safeguarding contact"),
        ("    nation: wales\n", "", "Here keeps no bank holidays"),
        ("    closures:", "    #", "gives no closures of Here: if it closes at Christmas"),
        ('{monday: ["09:00-17:00"]}', "{monday: []}", "Nobody answers in Here"),
    ],
)
def test_what_a_team_lacks_is_said(diagnose: Callable[..., str], old: str, new: str, says: str) -> None:
    found = ours(diagnose(changed(old, new)))
    assert len(found) == 1 and says in found[0]


def test_closures_that_are_all_past_are_said_with_the_last_day(diagnose: Callable[..., str]) -> None:
    last = now().date() - timedelta(days=40)
    found = ours(diagnose(TEAM % (last, last)))
    assert found == [f"- content/team.yml gives no closures of Here after {last}: write the coming ones."]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"smtp_host": None, "alarm_hook_url": None}, "No alarm can go out"),
        ({"smtp_from": None}, "set WREN_SMTP_FROM"),
        ({"alarm_hook_key": None}, "set WREN_ALARM_HOOK_KEY"),
        ({"area": "elsewhere"}, "WREN_AREA is elsewhere, which content/team.yml does not know: its parents get the team of Here"),
    ],
)
def test_what_the_settings_lack_is_said(diagnose: Callable[..., str], settings: dict[str, Any], says: str) -> None:
    found = ours(diagnose(**settings))
    assert len(found) == 1 and says in found[0]


def test_a_practitioner_with_an_address_is_reached(diagnose: Callable[..., str], database: Database) -> None:
    without = changed("email: [duty@council.example], ", "")
    assert "reach nobody" in diagnose(without)
    with database.write() as session:
        session.add(Staff(username="ada", first_name="Ada", job_title="Nurse", password_hash="", email="ada@council.example"))
    assert "reach nobody" not in diagnose(without)


def test_alarms_that_failed_in_the_last_week_are_counted(diagnose: Callable[..., str], database: Database, keyring: Any) -> None:
    with database.write() as session:
        person, address = add_person(session, keyring)
        case = Case(
            person_id=person.id, level="urgent", rank=1, language="en", channel="telegram", address_id=address.id, area_id=None
        )
        session.add(case)
        session.flush()
        told = {
            "case_id": case.id,
            "way": "email",
            "cause": "unclaimed",
            "level": "urgent",
            "audience": "team",
            "began_at": now(),
        }
        session.add(Alarm(**told, step=1, state="failed", open=0))
        session.add(Alarm(**told, step=2, state="sent", open=0))
        session.add(Alarm(**told, step=3, state="failed", open=0, created_at=now() - timedelta(days=8)))
    assert "1 alarms of the last week could not be sent" in diagnose()


def test_an_administrator_without_a_second_factor_is_named_where_others_can_reach_the_console(
    diagnose: Callable[..., str], database_address: str, keyring: Keyring
) -> None:
    database = Database(database_address)
    with database.write() as session:
        values = {"first_name": "A", "job_title": "B", "password_hash": "", "roles": ["administrator"]}
        session.add_all([Staff(id=1, username="ada", **values), Staff(id=2, username="ben", **values)])
    assert "second factor" not in diagnose()
    for reachable in ({"host": "0.0.0.0"}, {"public_url": "https://wren.council.example"}):
        assert "Administrators without a second factor: ada, ben." in diagnose(**reachable)
    with database.write() as session:
        for staff_id in (1, 2):
            factor.begin(session, keyring, staff_id)
            session.get_one(StaffFactor, staff_id).confirmed_at = now()
    assert "second factor" not in diagnose(host="0.0.0.0")
    database.dispose()


def test_how_staff_sign_in_is_looked_at(diagnose: Callable[..., str], database_address: str) -> None:
    database = Database(database_address)
    with database.write() as session:
        session.add(Staff(username="ada", first_name="A", job_title="B", password_hash="", roles=["manager"]))
    database.dispose()
    assert "No account is an administrator's" in diagnose()
    assert "WREN_BREAK_GLASS names key, which is no open administrator's account" in diagnose(break_glass="key")
    assert "WREN_SECOND_FACTOR_ROLES names king" in diagnose(second_factor_roles="king")
    assert "WREN_SSO_CLIENT_ID is not" in diagnose(sso_issuer="https://id.example", sso_roles={"x": ["editor"]})


TELEGRAM = {"telegram_token": "1:a", "telegram_username": "wren_bot", "public_url": "https://wren.example"}
GOOD = "a-secret-of-thirty-two-characters"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, None),
        (TELEGRAM, None),
        (TELEGRAM | {"telegram_webhook_secret": GOOD}, None),
        (TELEGRAM | {"telegram_webhook_secret": f"{GOOD},{GOOD}2"}, None),
        (TELEGRAM | {"telegram_username": None}, "set WREN_TELEGRAM_USERNAME"),
        ({"telegram_webhook_secret": GOOD}, "set WREN_TELEGRAM_TOKEN"),
        (
            TELEGRAM | {"telegram_webhook_secret": GOOD, "public_url": "http://wren.example"},
            "Wren polls: Telegram delivers to an https",
        ),
        (TELEGRAM | {"telegram_webhook_secret": GOOD, "public_url": "https://wren.example:8080"}, "443, 80, 88, 8443"),
        (TELEGRAM | {"telegram_webhook_secret": GOOD + " !"}, "Wren polls: a secret has"),
        (TELEGRAM | {"telegram_webhook_secret": "short"}, "can be guessed"),
    ],
)
def test_what_telegram_lacks_is_said(diagnose: Callable[..., str], settings: dict[str, Any], says: str | None) -> None:
    found = [line for line in diagnose(**settings).splitlines() if "Telegram" in line or "TELEGRAM" in line]
    assert found == [] if says is None else len(found) == 1 and says in found[0]


SMS = {"sms_url": "https://gateway.example", "sms_secret": "s", "sms_inbound_secret": "t"}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, None),
        (SMS, None),
        (SMS | {"sms_url": None}, "set WREN_SMS_URL"),
        (SMS | {"sms_url": "http://gateway.example"}, "unencrypted"),
        (SMS | {"sms_inbound_secret": None}, "set WREN_SMS_INBOUND_SECRET"),
        (SMS | {"sms_secret": None}, "set WREN_SMS_SECRET"),
        (SMS | {"sms_secret": None, "sms_auth": "none"}, None),
        (SMS | {"sms_auth": "basic"}, "WREN_SMS_AUTH_NAME is not set"),
        (SMS | {"sms_errors": {"1": "stopped", "2": "nonsense"}}, "has the name nonsense"),
        (SMS | {"sms_statuses": {"OK": "arrived"}}, "has arrived: use sent, delivered or failed"),
        (SMS | {"sms_inbound": {"sender": "From"}}, "WREN_SMS_INBOUND has sender: use list, id, from"),
    ],
)
def test_what_sms_lacks_is_said(diagnose: Callable[..., str], settings: dict[str, Any], says: str | None) -> None:
    found = [line for line in diagnose(**settings).splitlines() if "SMS" in line]
    assert found == [] if says is None else len(found) == 1 and says in found[0]


def test_every_name_of_an_sms_error_is_on_its_page() -> None:
    page = (ROOT / "docs" / "sms.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in meanings())
