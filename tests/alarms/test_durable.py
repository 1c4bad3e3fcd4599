"""Alarms are rows: tried again, made once by any number of processes, and doubled at most once by a kill."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from bot.alarms.alarmer import TRIES
from bot.handoff import desk
from bot.settings import ROOT
from bot.storage.tables import Alarm, Incident, now
from tests.alarms.conftest import Watch

PROCESS = """
import asyncio, sys
from datetime import timedelta
from dataclasses import replace
from bot.alarms import Alarmer, CaseCalls, build_ways
from bot.delivery.hub import Hub
from bot.handoff.hours import AlarmPlan, Teams, load_teams
from bot.library.strings import Strings
from bot.settings import ROOT, Settings
from bot.storage.engine import Database
from bot.storage.tables import wait_in_script

url, port, lease, looks, ahead = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
wait_in_script(timedelta(seconds=ahead))
settings = Settings(smtp_host="127.0.0.1", smtp_port=port, smtp_security="none", smtp_from="wren@council.example")
team = replace(load_teams(ROOT)["demonstration"], alarms=AlarmPlan(email=("duty@council.example",)))
teams = Teams({"demonstration": team}, "demonstration")


async def run():
    alarmer = Alarmer(Database(url), CaseCalls(teams, "https://wren.example"), build_ways(settings, Strings.load(ROOT / "locales")),
                      Hub(), look_every=0.05, lease_seconds=lease)
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(looks):
        await alarmer.once()
        await asyncio.sleep(0.05)


asyncio.run(run())
"""


def process(watch: Watch, lease: float = 60, looks: int = 1) -> subprocess.Popen[str]:
    """Another working process on the same database, at this test's time; it begins when told to by `go`."""
    from bot.storage import tables

    url = watch.office.services.database.url
    ahead = str(tables._ahead.total_seconds())
    command = [sys.executable, "-c", textwrap.dedent(PROCESS), url, str(watch.mail.port), str(lease), str(looks), ahead]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def go(*started: subprocess.Popen[str]) -> None:
    """Wait until all have loaded what they need, then let them begin together."""
    for one in started:
        assert one.stdout is not None and one.stdout.readline() == "ready\n"
    for one in started:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()


def test_several_processes_make_and_send_each_alarm_once(watch: Watch) -> None:
    cases = [watch.office.parent(level="urgent").case_id for _ in range(5)]
    started = [process(watch, looks=20) for _ in range(3)]
    go(*started)
    assert [one.wait(60) for one in started] == [0, 0, 0]
    sent = Counter(mail.message["Message-ID"] for mail in watch.mail.mails)
    assert sent == {f"<case{case}-step1-email@wren.invalid>": 1 for case in cases}
    assert watch.states() == [(1, "email", "sent")] * 5


def test_many_threads_that_look_at_once_write_each_step_once(watch: Watch) -> None:
    watch.office.parent(level="urgent")
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: watch.look(), range(12)))
    assert watch.states() == [(1, "email", "sent"), (1, "hook", "sent")]
    assert len(watch.mail.mails) == 1 and len(watch.hook.posts) == 1


def test_a_kill_between_the_server_s_yes_and_our_mark_doubles_one_alarm_at_most(watch: Watch) -> None:
    watch.office.parent(level="emergency")
    killed = threading.Event()
    victim = process(watch, lease=2)

    def kill(_: object) -> None:
        if not killed.is_set():
            victim.send_signal(signal.SIGKILL)
            victim.wait(10)
            killed.set()

    watch.mail.accepting = kill
    go(victim)
    assert killed.wait(30)
    assert watch.states() == [(1, "email", "sending")]
    another = process(watch, lease=2, looks=5)
    go(another)
    assert another.wait(30) == 0
    if len(watch.mail.mails) == 1:  # the lease of the dead one had not ended yet
        time.sleep(2)
        last = process(watch, lease=2, looks=5)
        go(last)
        assert last.wait(30) == 0
    ids = [mail.message["Message-ID"] for mail in watch.mail.mails]
    assert len(ids) == 2 and len(set(ids)) == 1  # the same id, by which a mail program can tell
    assert watch.states() == [(1, "email", "sent")]


def test_a_failure_is_tried_again_with_longer_pauses_then_recorded(watch: Watch) -> None:
    watch.mail.answers = {"BODY": "452 full"}
    watch.hook.answers = [500] * 99
    watch.office.parent(level="urgent")
    pauses = []
    for _ in range(TRIES):
        assert watch.look() > 0
        row = watch.rows()[0]
        pauses.append((row.due_at - now()).total_seconds())
        watch.at(row.due_at + timedelta(seconds=1))
    assert [round(pause) for pause in pauses[:-1]] == [5, 10, 20, 40, 80]
    assert [(state, reason) for state, reason in ((row.state, row.reason) for row in watch.rows())] == [
        ("failed", "the mail server said 452"),
        ("failed", "the hook said 500"),
    ]
    with watch.office.services.database.read() as session:
        assert {row.kind for row in session.query(Incident)} == {"alarm-failed:email", "alarm-failed:hook"}
    watch.mail.answers = {}
    watch.later(11)
    watch.look()
    assert (2, "email", "sent") in watch.states()


def test_an_alarm_that_waits_to_be_tried_again_is_dropped_once_somebody_has_taken_the_case_up(watch: Watch) -> None:
    ada = watch.reach("Ada", None)
    watch.mail.answers = {"BODY": "452 full"}
    parent = watch.office.parent(level="urgent")
    watch.look()
    desk.claim_case(watch.office.services, parent.case_id, ada)
    watch.mail.answers = {}
    watch.later(1)
    watch.look()
    assert watch.states() == [(1, "email", "dropped"), (1, "hook", "sent")]
    assert watch.mail.mails == []


def test_an_old_alarm_is_dropped_for_a_newer_one(watch: Watch) -> None:
    watch.mail.answers = {"BODY": "452 full"}
    watch.office.parent(level="urgent")
    watch.look()
    watch.mail.answers = {}
    watch.later(30)
    watch.look()
    assert watch.states() == [(1, "email", "dropped"), (1, "hook", "sent"), (2, "email", "sent"), (2, "hook", "sent")]


@pytest.mark.parametrize("table", [Alarm])
def test_alarms_go_with_their_case(watch: Watch, table: type[Alarm]) -> None:
    from sqlalchemy import delete

    from bot.storage.tables import Case, CaseEvent, Inbox, Outbox

    parent = watch.office.parent(level="urgent")
    watch.look()
    with watch.office.services.database.write() as session:
        for owned in (CaseEvent, Inbox, Outbox):
            session.execute(delete(owned).where(owned.case_id == parent.case_id))
        session.execute(delete(Case).where(Case.id == parent.case_id))
        session.flush()
        assert session.query(table).count() == 0
