"""When an alarm goes out, to whom, how often, and what ends it: on SQLite and on PostgreSQL, over real servers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.handoff import desk
from bot.storage.tables import RotaShift, Staff, now
from tests.alarms.conftest import NIGHT, OPEN, Watch
from tests.console.support import AREA, ELSEWHERE


@pytest.mark.parametrize("level", ["emergency", "urgent"])
def test_an_unclaimed_worry_calls_at_once_on_every_way(watch: Watch, level: str) -> None:
    watch.office.parent(level=level)
    watch.look()
    assert watch.states() == [(1, "email", "sent"), (1, "hook", "sent")]
    assert [mail.to for mail in watch.mail.mails] == [["duty@council.example"]]
    assert len(watch.hook.posts) == 1


@pytest.mark.parametrize("level", ["concern", "none"])
def test_a_quieter_case_calls_only_when_its_first_reply_is_late(watch: Watch, level: str) -> None:
    watch.office.parent(level=level)
    watch.look()
    assert watch.states() == []
    watch.at(OPEN + timedelta(days=1, minutes=1))
    watch.look()
    assert watch.states() == [(1, "email", "sent"), (1, "hook", "sent")]
    assert "the reply is late" in watch.mail.mails[0].message["Subject"]


def test_a_claimed_case_calls_when_its_first_reply_is_late_and_a_reply_ends_it(watch: Watch) -> None:
    ada = watch.reach("Ada", "ada@council.example")
    parent = watch.office.parent(level="urgent")
    desk.claim_case(watch.office.services, parent.case_id, ada)
    watch.later(59)
    watch.look()
    assert watch.states() == []
    watch.later(2)
    watch.look()
    assert [row.cause for row in watch.rows()] == ["late", "late"]
    desk.send_reply(watch.office.services, parent.case_id, ada, "I am here.")
    watch.later(60)
    watch.look()
    assert len(watch.rows()) == 2


def test_it_is_repeated_every_interval_until_somebody_acknowledges(watch: Watch) -> None:
    ada = watch.reach("Ada", None)
    parent = watch.office.parent(level="urgent")
    for minutes, steps in ((0, 1), (9, 1), (2, 2), (9, 2), (2, 3)):
        watch.later(minutes)
        watch.look()
        assert len(watch.mail.mails) == steps, minutes
    desk.acknowledge_case(watch.office.services, parent.case_id, ada)
    watch.later(30)
    watch.look()
    assert len(watch.mail.mails) == 3
    assert "acknowledged" in watch.office.events(parent)


def test_claiming_acknowledges_and_putting_back_calls_anew(watch: Watch) -> None:
    ada = watch.reach("Ada", None)
    parent = watch.office.parent(level="urgent")
    watch.look()
    desk.claim_case(watch.office.services, parent.case_id, ada)
    watch.later(15)
    watch.look()
    assert len(watch.mail.mails) == 1
    desk.release_case(watch.office.services, parent.case_id, ada)
    watch.look()
    assert len(watch.mail.mails) == 2
    assert watch.rows()[-1].audience == "team"


def test_an_acknowledged_case_calls_anew_when_it_becomes_an_emergency_and_when_its_reply_is_late(watch: Watch) -> None:
    ada = watch.reach("Ada", None)
    parent = watch.office.parent(level="urgent")
    watch.look()
    desk.acknowledge_case(watch.office.services, parent.case_id, ada)
    watch.later(1)
    _raise(watch, parent)
    watch.look()
    assert [row.level for row in watch.rows() if row.way == "email"] == ["urgent", "emergency"]
    desk.acknowledge_case(watch.office.services, parent.case_id, ada)
    watch.later(12)
    watch.look()
    assert [row.cause for row in watch.rows() if row.way == "email"] == ["unclaimed", "unclaimed", "late"]


def test_a_raise_calls_at_once_even_between_two_repeats(watch: Watch) -> None:
    parent = watch.office.parent(level="urgent")
    watch.look()
    watch.later(1)
    _raise(watch, parent)
    watch.look()
    assert len(watch.mail.mails) == 2


def test_it_climbs_to_the_supervisor_when_nobody_takes_it_up(watch: Watch) -> None:
    watch.office.parent(level="urgent")
    for _ in range(4):
        watch.look()
        watch.later(10.1)
    assert [row.audience for row in watch.rows() if row.way == "email"] == ["team", "team", "team", "supervisor"]
    assert [sorted(mail.to) for mail in watch.mail.mails[2:]] == [
        ["duty@council.example"],
        ["duty@council.example", "head@council.example"],
    ]


def test_after_an_acknowledgement_it_begins_with_the_team_again(watch: Watch) -> None:
    ada = watch.reach("Ada", None)
    parent = watch.office.parent(level="urgent")
    for _ in range(4):
        watch.look()
        watch.later(10.1)
    desk.acknowledge_case(watch.office.services, parent.case_id, ada)
    watch.later(60)
    watch.look()
    assert (watch.rows()[-1].cause, watch.rows()[-1].audience) == ("late", "team")


# To whom


def test_it_goes_to_whoever_is_on_duty_else_to_every_practitioner_of_the_area(watch: Watch) -> None:
    ada = watch.reach("Ada", "ada@council.example")
    watch.reach("Ben", "ben@council.example")
    watch.reach("Cleo", "cleo@council.example", area=ELSEWHERE)
    watch.reach("Eve", "eve@council.example", area=None)
    gone = watch.reach("Gus", "gus@council.example")
    watch.office.change(Staff, gone, disabled_at=now())
    watch.office.parent(level="urgent")
    watch.look()
    assert sorted(watch.mail.mails[-1].to) == [f"{name}@council.example" for name in ("ada", "ben", "duty", "eve")]
    with watch.office.services.database.write() as session:
        session.add(RotaShift(area_id=AREA, staff_id=ada, starts_at=OPEN, ends_at=OPEN + timedelta(hours=3)))
    watch.later(11)
    watch.look()
    assert sorted(watch.mail.mails[-1].to) == ["ada@council.example", "duty@council.example"]


def test_a_case_of_no_area_calls_the_default_team(watch: Watch) -> None:
    watch.office.parent(level="urgent", area=None)
    watch.office.parent(level="urgent", area=ELSEWHERE)
    watch.look()
    assert [mail.to for mail in watch.mail.mails] == [["duty@council.example"]] * 2


def test_without_any_address_the_failure_is_recorded_and_the_other_way_still_goes(watch: Watch) -> None:
    watch.plan()
    watch.office.parent(level="urgent")
    watch.look()
    assert watch.states() == [(1, "email", "failed"), (1, "hook", "sent")]
    assert watch.rows()[0].reason == "nobody has an address"


# Outside hours


def test_outside_hours_only_the_levels_of_the_plan_call_and_the_rest_when_the_team_is_back(watch: Watch) -> None:
    watch.at(NIGHT)
    watch.office.parent(level="urgent")
    emergency = watch.office.parent(level="emergency")
    watch.look()
    assert {row.case_id for row in watch.rows()} == {emergency.case_id}
    watch.at(OPEN + timedelta(days=1))
    watch.look()
    assert len({row.case_id for row in watch.rows()}) == 2


def test_outside_hours_whoever_is_on_duty_is_called(watch: Watch) -> None:
    watch.at(NIGHT)
    ada = watch.reach("Ada", "ada@council.example")
    with watch.office.services.database.write() as session:
        session.add(RotaShift(area_id=AREA, staff_id=ada, starts_at=NIGHT, ends_at=NIGHT + timedelta(hours=3)))
    watch.office.parent(level="urgent")
    watch.look()
    assert watch.mail.mails[0].to == ["ada@council.example", "duty@council.example"]


def test_after_a_night_without_the_machine_one_alarm_goes_out_not_fifty(watch: Watch) -> None:
    watch.office.parent(level="emergency")
    watch.look()
    watch.later(8 * 60)
    watch.look()
    watch.look()
    assert len(watch.mail.mails) == 2


def test_a_closed_case_is_quiet(watch: Watch) -> None:
    ada = watch.reach("Ada", None)
    parent = watch.office.parent(level="urgent")
    desk.claim_case(watch.office.services, parent.case_id, ada)
    desk.close_case(watch.office.services, parent.case_id, ada, "answered")
    watch.later(600)
    watch.look()
    assert watch.rows() == []


def _raise(watch: Watch, parent: object) -> None:
    from bot.handoff import cases

    services = watch.office.services
    with services.database.write() as session:
        cases.open_or_raise(
            session, services.keyring, person_id=parent.person_id, area_id=AREA, address_id=parent.address_id,  # type: ignore[attr-defined]
            channel="webchat", language="en", level="emergency", reasons=[], inbox_id=parent.inbox_ids[0], team=services.teams[AREA],  # type: ignore[attr-defined]
        )  # fmt: skip
