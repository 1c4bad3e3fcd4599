"""`bot staff`: listing, roles, switching off and resetting a second factor, as the command line runs them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pyotp
import pytest
from typer.testing import CliRunner

from bot import cli
from bot.commands import staff
from bot.console import factor
from bot.settings import Settings
from bot.storage.crypto import Keyring, new_key
from bot.storage.engine import Database
from bot.storage.tables import Staff, StaffAudit, StaffFactor, now

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def bot(tmp_path: Path, database_address: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on a database of this test's own: its exit status, and what it printed on both streams."""
    chosen = Settings.model_validate({"database_url": database_address, "var_dir": tmp_path, "demonstration": False})
    monkeypatch.setattr(staff, "started", lambda: chosen)

    def run(*words: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(cli.app, ["staff", *words])
        return done.exit_code, done.stdout, done.stderr

    return run


def test_accounts_are_listed_given_roles_switched_off_and_their_second_factors_reset(bot: Run, database_address: str) -> None:
    for name, role in (("ada", "administrator"), ("=ben", "practitioner")):
        assert bot("add", name, "--first-name", "A", "--job-title", "B", "--role", role)[0] == 0
    code, out, _ = bot("list")
    lines = list(csv.DictReader(io.StringIO(out)))
    assert code == 0 and [(line["username"], line["roles"], line["second_factor"]) for line in lines] == [
        ("'=ben", "practitioner", "no"),
        ("ada", "administrator", "no"),
    ]
    assert "argon2" not in out
    assert bot("roles", "=ben", "manager", "editor")[1] == "editor\nmanager\n"
    assert bot("roles", "=ben", "king")[0] == 1 and bot("roles", "nobody")[0] == 1
    code, _, said = bot("off", "ada")
    assert code == 1 and "last administrator" in said
    assert bot("off", "=ben")[0] == 0
    assert "=ben" not in bot("list")[1] and "=ben" in bot("list", "--off")[1]
    keyring, database = Keyring([new_key()]), Database(database_address)
    with database.write() as session:
        ada = session.query(Staff).filter_by(username="ada").one().id
        factor.begin(session, keyring, ada)
        pending = session.get_one(StaffFactor, ada).pending
        assert pending is not None
        assert factor.confirm(session, keyring, ada, pyotp.TOTP(keyring.open(pending)).at(now()))
    assert "yes" in bot("list")[1]
    code, _, said = bot("second-factor", "reset", "ada")
    assert code == 0 and "is gone" in said
    with database.read() as session:
        assert not factor.has_factor(session, ada)
        assert session.query(StaffAudit).filter_by(staff_id=ada, action="factor.reset").count() == 1
    database.dispose()
