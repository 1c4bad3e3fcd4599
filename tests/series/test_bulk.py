"""Many due at once: each gets what they would have got alone, each once, in few statements; and the sender adds each one's buttons."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.delivery.hub import Hub
from bot.delivery.sender import Parcel, Sender
from bot.series import bulk, work
from bot.series.bulk import Batch, Bulk
from bot.series.plan import Choices
from bot.series.words import Sending, complete
from bot.storage.tables import ButtonToken, Outbox, Person, PersonAddress, SeriesStep, SeriesSubscription, now
from tests.series.test_waiting import approve
from tests.series.test_work import BEGIN, Family, a_case, a_family, sending, wrote

__all__ = ["sending"]
NINE = BEGIN + timedelta(hours=1)
LONG_AGO = BEGIN - timedelta(days=3)
MONTHS = ("2021-01", "2023-12", "2024-11", "2025-06", "2025-11", "2025-12", "2026-01", "2026-03", "2026-06")


def a_crowd(sending: Sending, dice: random.Random, count: int) -> list[Family]:
    """Families of every kind, all due at nine; some with a past, a case, a danger, a stop."""
    found = []
    for _ in range(count):
        channel = dice.choice(["telegram", "telegram", "whatsapp", "whatsapp", "webchat"])
        family = a_family(
            sending,
            month=dice.choice(MONTHS),
            told=dice.choice([BEGIN, LONG_AGO]),
            channel=channel,
            language=dice.choice(["en", "pl", "cy"]),
            nation=dice.choice([None, "wales", "england"]),
            role=dice.choice([None, "dad", "grandparent"]),
            choices=Choices(days=frozenset({0, dice.randrange(7)}), hour=9, pace=dice.choice(["weekly", "monthly"])),
        )
        happens = dice.randrange(12)
        if happens == 0:
            a_case(family, state="claimed")
        elif happens == 1:
            wrote(family, BEGIN + timedelta(seconds=dice.randrange(3000)), "urgent")
        elif happens == 2:
            family.edit(lambda session, row: setattr(session.get_one(Person, row.person_id), "stopped_at", BEGIN))
        elif happens == 3:
            family.edit(lambda session, row: setattr(session.get_one(Person, row.person_id), "contact_unsafe", True))
        found.append(family)
    return found


def wake(families: list[Family], at: Any) -> None:
    """Only these are due, at `at`."""
    with families[0].sending.database.write() as session:
        session.execute(update(SeriesSubscription).values(next_at=None))
        mine = SeriesSubscription.id.in_([family.row_id for family in families])
        session.execute(update(SeriesSubscription).where(mine, SeriesSubscription.state == "active").values(next_at=at))


def came(family: Family) -> Any:
    """All that is to be seen of what became of one family, without their own numbers."""
    row = family.row()
    mine = f"series:{row.id}:"
    steps = [
        (step.step, step.version, step.message, step.state, step.told, step.day, step.until, step.at,
         (step.outbox_key or "").replace(mine, ""))
        for step in family.steps()
    ]  # fmt: skip
    sent = [
        (one.key.replace(mine, ""), one.ref, one.language, one.nation, one.state, one.open, one.channel, one.content_id,
         one.content_version, one.message_class)
        for one in family.got()
    ]  # fmt: skip
    return row.state, row.reason, row.next_at, steps, sent


def fails(self: Bulk, session: Session) -> Batch:
    """A batch that cannot be written: then everybody is looked at alone."""
    raise IntegrityError("unique", None, Exception())


@pytest.mark.parametrize("seed", [1, 2])
def test_many_at_once_get_what_each_would_have_got_alone(sending: Sending, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    approve(sending, "en")
    approve(sending, "pl", "marketing")
    together = a_crowd(sending, random.Random(seed), 30)
    alone = a_crowd(sending, random.Random(seed), 30)
    queued = []
    real = Bulk.batch

    def counting(self: Bulk, session: Session) -> Batch:
        queued.append(real(self, session))
        return queued[-1]

    for at in (NINE, NINE + timedelta(days=7)):
        wake(together, at)
        monkeypatch.setattr(Bulk, "batch", counting)
        work.send_due(sending, at)
        got = [came(family) for family in together]
        wake(alone, at)
        monkeypatch.setattr(Bulk, "batch", fails)
        work.send_due(sending, at)
        assert got == [came(family) for family in alone]
    assert sum(batch.queued for batch in queued) >= 8, "too few went the way that is under test"


def test_a_batch_takes_as_many_statements_for_fifty_as_for_five(sending: Sending) -> None:
    def statements(families: list[Family]) -> int:
        wake(families, NINE)
        count = 0

        def counts(*_: Any) -> None:
            nonlocal count
            count += 1

        event.listen(sending.database.engine, "before_cursor_execute", counts)
        with sending.database.write() as session:
            batch = Bulk(sending=sending, moment=NINE).batch(session)
        event.remove(sending.database.engine, "before_cursor_execute", counts)
        assert batch.queued == len(families)
        return count

    few, many = [[a_family(sending) for _ in range(number)] for number in (5, 50)]
    statements(few[:1])  # the words of the message are kept the first time
    assert statements(many) <= statements(few[1:])


def test_a_batch_that_another_process_was_in_is_not_written_at_all(sending: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = a_family(sending), a_family(sending)
    wake([first, second], NINE)
    rows: list[Any] = []

    def other_was_faster(session: Session, *_: Any) -> None:
        raise IntegrityError("unique", None, Exception())

    monkeypatch.setattr(bulk.Queue, "write", lambda self: rows.append(other_was_faster(self.session)))
    with pytest.raises(IntegrityError), sending.database.write() as session:
        Bulk(sending=sending, moment=NINE).batch(session)
    assert first.steps() == second.steps() == []
    done = work.send_due(sending, NINE)  # batches still fail: each is looked at alone
    assert done.queued == 2
    assert [len(first.got()), len(second.got())] == [1, 1]
    assert work.send_due(sending, NINE).queued == 0


def test_what_cannot_be_written_does_not_stand_in_front_of_the_others(sending: Sending) -> None:
    """Somebody's message of the same key is there already, without its step."""
    family = a_family(sending)
    family.tick(NINE)
    other = a_family(sending)
    family.edit(lambda session, row: [session.delete(session.get_one(SeriesStep, step.id)) for step in family.steps()])
    wake([family, other], NINE)
    work.send_due(sending, NINE)
    assert len(family.got()) == len(other.got()) == 1
    next_at = family.row().next_at
    assert next_at is not None
    assert next_at > NINE


def claimed(sending: Sending, family: Family, of: Sending | None = None) -> Parcel:
    with sending.database.write() as session:  # within its hours, whatever the time is now
        session.execute(update(Outbox).where(Outbox.person_id == family.person_id).values(due_at=now() - timedelta(seconds=1)))
    settings = replace(sending.all_series.settings, quiet_from=sending.all_series.settings.quiet_to)
    sender = Sender(
        sending.database, sending.keyring, {"telegram": object()}, Hub(), lease_seconds=5, look_every=1,  # type: ignore[dict-item]
        series=settings, complete=partial(complete, of or sending),
    )  # fmt: skip
    (parcel,) = sender.claim(1)
    return parcel


def test_the_sender_adds_the_buttons_that_are_each_person_s_own(sending: Sending) -> None:
    family = a_family(sending)
    family.tick(NINE)
    with sending.database.read() as session:
        assert session.scalars(select(ButtonToken)).all() == []
        queued = family.got()[0]
        assert sending.keyring.open_json(queued.sealed)["text"], "whoever reads the queue sees the words"
    parcel = claimed(sending, family)
    assert parcel.verdict.decision == "send"
    (kept,) = family.got()
    shown = [button.token for button in parcel.outbound.buttons]
    assert [button["token"] for button in sending.keyring.open_json(kept.sealed)["buttons"]] == shown
    with sending.database.read() as session:
        tokens = {one.token: one for one in session.scalars(select(ButtonToken))}
    assert set(tokens) == set(shown)
    assert {(one.person_id, one.outbox_key) for one in tokens.values()} == {(family.person_id, kept.key)}
    assert {one.args.get("id") for one in tokens.values() if one.action == "series_change"} == {family.row_id}


def test_a_message_that_is_taken_out_after_queueing_is_not_sent(sending: Sending) -> None:
    family = a_family(sending)
    family.tick(NINE)

    class Without:
        library = sending.renderer.library

        def render(self, *_: Any) -> None:
            raise KeyError("no such message")

    parcel = claimed(sending, family, replace(sending, renderer=Without()))  # type: ignore[arg-type]
    assert (parcel.verdict.decision, parcel.verdict.reason) == ("refuse", "its message has been taken out")


def test_what_waits_comes_to_who_writes_however_many_do_not(sending: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "MOST", 3)
    families = [a_family(sending, channel="whatsapp", told=LONG_AGO) for _ in range(8)]
    wake(families, NINE)
    work.send_due(sending, NINE)
    assert {step.state for family in families for step in family.steps()} == {"waiting"}
    wrote(families[-1], NINE + timedelta(hours=1))
    work.send_due(sending, NINE + timedelta(hours=2))
    assert [len(family.got()) for family in families] == [0] * 7 + [1]
    with sending.database.read() as session:
        last = session.scalar(select(PersonAddress.last_seen_at).where(PersonAddress.person_id == families[-1].person_id))
    assert last == NINE + timedelta(hours=1)
