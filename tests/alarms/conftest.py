"""An office whose alarms go to a real mail server and a real hook on this machine, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.alarms import Alarmer, CaseCalls, build_ways
from bot.handoff.hours import AlarmPlan, Teams
from bot.settings import Settings
from bot.storage.tables import Alarm, Staff
from bot.storage.tables import now as present
from tests.console.support import AREA, Office
from tests.doubles.hook_server import HookServer
from tests.doubles.smtp_server import SmtpServer
from tests.handoff.conftest import office

__all__ = ["office"]

OPEN = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 25, 23, 0, tzinfo=UTC)


@dataclass
class Watch:
    """The alarms of an office, one look at a time."""

    office: Office
    mail: SmtpServer
    hook: HookServer
    settings: Settings
    at: Callable[[datetime], None]

    def plan(self, **values: object) -> None:
        teams = self.office.services.teams
        teams._teams[AREA] = teams.default = replace(teams[AREA], alarms=AlarmPlan(**values))  # type: ignore[arg-type]

    def look(self, **options: float) -> int:
        """What a working process does every few seconds, once; returns how many alarms were tried."""

        async def once() -> int:
            services = self.office.services
            alarmer = Alarmer(
                services.database, CaseCalls(services.teams, self.settings.url),
                build_ways(self.settings, services.strings), services.hub, look_every=1, **options,
            )  # fmt: skip
            return await alarmer.once()

        return asyncio.run(once())

    def later(self, minutes: float) -> None:
        self.at(present() + timedelta(minutes=minutes))

    def rows(self) -> list[Alarm]:
        with self.office.services.database.read() as session:
            return list(session.query(Alarm).order_by(Alarm.step, Alarm.way))

    def states(self) -> list[tuple[int, str, str]]:
        return [(row.step, row.way, row.state) for row in self.rows()]

    def reach(self, name: str, address: str | None, **values: object) -> int:
        """A member of staff with an address."""
        staff_id = self.office.staff(name, **values)  # type: ignore[arg-type]
        self.office.change(Staff, staff_id, email=address)
        return staff_id


@pytest.fixture
def watch(office: Office, tmp_path: Path, at: Callable[[datetime], None]) -> Iterator[Watch]:
    at(OPEN)
    teams = office.services.teams
    object.__setattr__(office.services, "teams", Teams(dict(teams), AREA))  # this test's own, to plan with
    with SmtpServer(tmp_path) as mail, HookServer() as hook:
        settings = Settings.model_validate(
            {
                "var_dir": tmp_path,
                "smtp_host": "127.0.0.1",
                "smtp_port": mail.port,
                "smtp_security": "none",
                "smtp_from": "wren@council.example",
                "alarm_hook_url": hook.url,
                "alarm_hook_key": "a signing key",
                "public_url": "https://wren.example",
            }
        )
        result = Watch(office, mail, hook, settings, at)
        result.plan(email=("duty@council.example",), supervisor=("head@council.example",))
        yield result
