"""Alarms about troubles: who is called, how often and until when, over a real mail server and a real hook, on both databases."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from bot.alarms import Alarmer, TroubleCalls, build_ways
from bot.settings import Settings
from bot.storage import troubles
from bot.storage.tables import Staff, TroubleAlarm, now
from bot.storage.tables import Trouble as Row
from tests.alarms.conftest import Watch


def look(watch: Watch, **settings: object) -> int:
    """What a working process does every few seconds, once."""
    chosen = Settings.model_validate({**watch.settings.model_dump(), "trouble_email": "it@council.example", **settings})

    async def once() -> int:
        services = watch.office.services
        ways = build_ways(chosen, services.strings)
        return await Alarmer(services.database, TroubleCalls(chosen), ways, services.hub, look_every=1).once()

    return asyncio.run(once())


def begin(watch: Watch, kind: str = "provider_auth", subject: str = "whatsapp") -> int:
    with watch.office.services.database.write() as session:
        troubles.begin(session, kind, subject, "token-expired (190)")
        return troubles.going_on(session)[-1].id


def end(watch: Watch, kind: str = "provider_auth", subject: str = "whatsapp") -> None:
    with watch.office.services.database.write() as session:
        troubles.end(session, [kind], subject)


def states(watch: Watch) -> list[tuple[int, str, str]]:
    with watch.office.services.database.read() as session:
        rows = session.query(TroubleAlarm).order_by(TroubleAlarm.step, TroubleAlarm.way)
        return [(row.step, row.way, row.state) for row in rows]


def test_a_trouble_calls_once_however_often_it_is_met(watch: Watch) -> None:
    for _ in range(20):
        begin(watch)
        look(watch)
    assert states(watch) == [(1, "email", "sent"), (1, "hook", "sent")]
    assert len(watch.mail.mails) == 1 and len(watch.hook.posts) == 1


def test_it_says_what_since_when_and_where_and_nothing_else(watch: Watch) -> None:
    number = begin(watch)
    watch.later(3)
    look(watch)
    message = watch.mail.mails[0].message
    assert message["Subject"] == "Wren: WhatsApp refuses us, our access has ended (3 minutes)"
    assert "https://wren.example/staff/troubles" in message.get_content()  # type: ignore[attr-defined]
    assert json.loads(watch.hook.posts[0][1]) == {
        "id": f"trouble{number}-step1-hook", "cause": "provider_auth", "level": "", "team": "", "age_minutes": 3,
        "for": "technical", "step": 1, "link": "https://wren.example/staff/troubles", "subject": "whatsapp",
    }  # fmt: skip


def test_managers_administrators_and_whoever_the_settings_name_are_called(watch: Watch) -> None:
    watch.reach("Ada", "ada@council.example", roles=["manager"])
    watch.reach("Ben", "ben@council.example", roles=["administrator"])
    watch.reach("Cleo", "cleo@council.example", roles=["practitioner"])
    gone = watch.reach("Dil", "dil@council.example", roles=["manager"])
    watch.office.change(Staff, gone, disabled_at=now())
    begin(watch)
    look(watch, trouble_email="it@council.example, night@council.example")
    assert watch.mail.mails[0].to == [
        "ada@council.example", "ben@council.example", "it@council.example", "night@council.example"
    ]  # fmt: skip


def test_it_repeats_until_somebody_has_seen_it(watch: Watch) -> None:
    ada = watch.reach("Ada", None, roles=["manager"])
    number = begin(watch)
    for minutes, mails in ((0, 1), (29, 1), (2, 2), (31, 3)):
        watch.later(minutes)
        look(watch)
        assert len(watch.mail.mails) == mails, minutes
    with watch.office.services.database.write() as session:
        assert troubles.acknowledge(session, number, ada) and troubles.acknowledge(session, number, ada)
    watch.later(90)
    look(watch)
    assert len(watch.mail.mails) == 3
    assert watch.office.audit(ada) == [("trouble.acknowledge", f"trouble:{number}")]


def test_what_works_again_calls_no_more_and_what_fails_anew_calls_anew(watch: Watch) -> None:
    first = begin(watch)
    look(watch)
    end(watch)
    watch.later(60)
    look(watch)
    assert len(watch.mail.mails) == 1
    assert begin(watch) != first
    look(watch)
    assert len(watch.mail.mails) == 2


def test_an_alarm_that_waits_is_dropped_once_it_works_again(watch: Watch) -> None:
    watch.mail.answers = {"BODY": "452 full"}
    begin(watch)
    look(watch)
    end(watch)
    watch.later(1)
    look(watch)
    assert states(watch) == [(1, "email", "dropped"), (1, "hook", "sent")]


@pytest.mark.parametrize(("minutes", "mails"), [(1, 0), (3, 1)])
def test_a_provider_that_misses_a_minute_calls_nobody(watch: Watch, minutes: int, mails: int) -> None:
    begin(watch, "provider_down", "telegram")
    watch.later(minutes)
    look(watch)
    assert len(watch.mail.mails) == mails


def test_one_of_a_kind_and_subject_goes_on_at_a_time_by_the_database_itself(watch: Watch) -> None:
    begin(watch)
    begin(watch, subject="sms")
    with watch.office.services.database.read() as session:
        assert session.query(Row).count() == 2
    with pytest.raises(Exception, match=r"UNIQUE|unique"), watch.office.services.database.write() as session:
        session.add(Row(kind="provider_auth", subject="sms"))


def test_what_no_machine_finds_any_more_ends(watch: Watch) -> None:
    begin(watch, "disk_full", "machine-1")
    with watch.office.services.database.write() as session:
        troubles.end_unconfirmed(session, ["disk_full"], timedelta(minutes=10))
        assert len(troubles.going_on(session)) == 1
    watch.later(11)
    with watch.office.services.database.write() as session:
        troubles.end_unconfirmed(session, ["disk_full"], timedelta(minutes=10))
        assert troubles.going_on(session) == []
