"""Where the channel takes no free words now, a template says that something is here, or it waits; an end can be taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.delivery.can_send import can_send
from bot.delivery.hub import Hub
from bot.delivery.sender import Sender, standing
from bot.messages import MessageClass
from bot.people import forget
from bot.series import store
from bot.series.store import CannotUndo
from bot.series.words import TEMPLATE, Sending
from bot.storage.tables import Consent, Incident, MessageTemplate, Outbox, Person, PersonAddress, SeriesStep, SeriesSubscription
from tests.series.test_work import BEGIN, a_case, a_family, sending, wrote

__all__ = ["sending"]
NINE = BEGIN + timedelta(hours=1)
LONG_AGO = BEGIN - timedelta(days=3)


def approve(sending: Sending, language: str = "en", category: str = "utility") -> None:
    name = sending.renderer.library.templates.by_id[TEMPLATE].name(language)
    with sending.database.write() as session:
        session.add(
            MessageTemplate(
                channel="whatsapp", name=name, language=language, status="approved", category=category, authored="utility"
            )
        )


def test_outside_the_window_an_approved_template_says_once_that_it_is_here(sending: Sending) -> None:
    approve(sending)
    family = a_family(sending, channel="whatsapp", told=LONG_AGO)
    family.days(BEGIN, 15)
    assert [row.ref for row in family.got()] == [f"template:{TEMPLATE}"]  # and not again before they write
    states = [step.state for step in family.steps()]
    assert len(states) == 3 and states[-1] == "waiting" and set(states[:-1]) == {"missed"}


def test_once_they_write_what_waited_comes_and_only_once(sending: Sending) -> None:
    approve(sending)
    family = a_family(sending, channel="whatsapp", told=LONG_AGO)
    family.tick(NINE)
    wrote(family, NINE + timedelta(hours=2))
    family.days(NINE + timedelta(hours=2), 1)
    (step,) = family.steps()
    assert step.state == "sent"
    assert [row.ref for row in family.got()] == [f"template:{TEMPLATE}", f"message:{step.message}"]


def test_what_waited_does_not_come_in_the_quiet_hours(sending: Sending) -> None:
    family = a_family(sending, channel="whatsapp", told=LONG_AGO)
    family.tick(NINE)
    wrote(family, NINE + timedelta(hours=12))
    family.tick(NINE + timedelta(hours=13))
    assert family.got() == []
    family.tick(NINE + timedelta(hours=23))
    assert len(family.got()) == 1


def test_what_waited_too_long_does_not_come(sending: Sending) -> None:
    family = a_family(sending, channel="whatsapp", told=LONG_AGO)
    family.tick(NINE)
    family.edit(lambda session, row: store.pause(row))
    wrote(family, NINE + timedelta(days=30))
    family.tick(NINE + timedelta(days=30))
    assert family.got() == [] and [step.state for step in family.steps()] == ["missed"]


@pytest.mark.parametrize(("language", "category"), [("cy", "utility"), ("en", "marketing")])
def test_without_a_template_that_may_be_sent_it_waits_and_staff_are_told(sending: Sending, language: str, category: str) -> None:
    approve(sending, "en", category)
    family = a_family(sending, channel="whatsapp", told=LONG_AGO, language=language)
    family.tick(NINE)
    assert family.got() == [] and [step.state for step in family.steps()] == ["waiting"]
    with sending.database.read() as session:
        assert session.scalar(select(Incident.kind)) == "series-template"


def test_the_sender_asks_again_before_it_sends(sending: Sending) -> None:
    """Consent, quiet hours, a practitioner's talk: looked at for a series, and for nothing else."""
    family = a_family(sending)
    with sending.database.read() as session:
        address = session.scalar(select(PersonAddress).where(PersonAddress.person_id == family.person_id))
        key, quiet = f"series:{family.row_id}:x", sending.all_series.settings

        def verdict(moment: Any, key: str = key) -> str:
            found = standing(session, family.person_id, address, unasked=key, quiet=quiet, moment=moment)
            return can_send(found, MessageClass.SERIES).decision

        assert verdict(NINE) == "send"
        assert verdict(NINE + timedelta(hours=13)) == "wait"
        assert verdict(NINE, "series:999:x") == verdict(NINE, "bulk") == "refuse"
    a_case(family, state="claimed")
    with sending.database.read() as session:
        assert (
            can_send(
                standing(session, family.person_id, address, unasked=key, quiet=quiet, moment=NINE), MessageClass.SERIES
            ).decision
            == "wait"
        )
        assert can_send(standing(session, family.person_id, address), MessageClass.REPLY).decision == "send"


def test_what_was_queued_long_ago_is_not_sent(sending: Sending) -> None:
    family = a_family(sending)
    family.tick(NINE)  # in January 2026, which is long past
    with sending.database.write() as session:
        row = session.scalar(select(Outbox).where(Outbox.person_id == family.person_id))
        row.created_at = NINE
    sender = Sender(sending.database, sending.keyring, {"telegram": object()}, Hub(), lease_seconds=5, look_every=1)  # type: ignore[dict-item]
    (parcel,) = sender.claim(1)
    assert (parcel.verdict.decision, parcel.verdict.reason) == ("refuse", "its hour is over")


def test_staff_can_take_back_a_wrong_stop_and_nothing_comes_twice(sending: Sending) -> None:
    family = a_family(sending)
    family.days(BEGIN, 8)
    before = [step.step for step in family.steps()]

    def stop(session: Any, row: SeriesSubscription) -> None:
        session.get_one(Person, row.person_id).stopped_at = BEGIN
        store.end_all(session, row.person_id, "stop")

    family.edit(stop)
    family.edit(lambda session, row: store.undo_end(session, sending.all_series, row, BEGIN + timedelta(days=9)))
    assert family.row().state == "active"
    family.days(BEGIN + timedelta(days=9), 14)
    after = [step.step for step in family.steps()]
    assert len(after) > len(before) and len(set(after)) == len(after)
    with sending.database.read() as session:
        assert [consent.given for consent in session.scalars(select(Consent).order_by(Consent.id))] == [True, False, True]


def test_an_end_by_bereavement_is_not_taken_back_while_the_mark_is_there(sending: Sending) -> None:
    family = a_family(sending)

    def lose(session: Any, row: SeriesSubscription) -> None:
        session.get_one(Person, row.person_id).bereaved_at = BEGIN
        store.end_all(session, row.person_id, "bereaved")

    family.edit(lose)
    with pytest.raises(CannotUndo, match="bereaved"):
        family.edit(lambda session, row: store.undo_end(session, sending.all_series, row, BEGIN))
    family.edit(lambda session, row: setattr(session.get_one(Person, row.person_id), "bereaved_at", None))
    family.edit(lambda session, row: store.undo_end(session, sending.all_series, row, BEGIN))
    assert family.row().state == "active"


def test_an_end_that_was_no_mistake_cannot_be_taken_back(sending: Sending) -> None:
    family = a_family(sending)
    family.edit(lambda session, row: store.end(session, row, "finished"))
    with pytest.raises(CannotUndo, match="ended"):
        family.edit(lambda session, row: store.undo_end(session, sending.all_series, row, BEGIN))


def test_forgetting_somebody_forgets_their_series(sending: Sending) -> None:
    family = a_family(sending)
    family.days(BEGIN, 8)
    with sending.database.write() as session:
        forget(session, family.person_id, except_inbox=0)
    with sending.database.read() as session:
        assert session.scalars(select(SeriesSubscription)).all() == [] and session.scalars(select(SeriesStep)).all() == []
    assert family.tick(BEGIN + timedelta(days=14, hours=1)).queued == 0


def test_to_whom_it_is_not_safe_to_write_nothing_comes(sending: Sending) -> None:
    family = a_family(sending, contact_unsafe=True)
    family.days(BEGIN, 8)
    assert family.got() == [] and family.row().reason == "unsafe"
