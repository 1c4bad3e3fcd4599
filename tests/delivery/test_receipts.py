"""Receipts in any order, any number of times, of known and unknown messages, from many processes: a message only climbs."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot.delivery.held import IS_HELD, refuse_old, release
from bot.delivery.receipts import (
    STRANGERS_KEPT,
    apply_receipt,
    forget_strangers,
    furthest,
    marketing_consented,
    note_accepted,
    parts_accepted,
    stop_marketing,
)
from bot.messages import DeliveryReceipt
from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.tables import Consent, Incident, Outbox, Pace, PersonAddress, ProviderMessage, now
from tests.storage.support import add_outgoing, add_person

CHANNEL = "whatsapp"


def receipt(state: str, provider_id: str = "w1", **more: object) -> DeliveryReceipt:
    return DeliveryReceipt(provider_id=provider_id, state=state, at=now(), **more)  # type: ignore[arg-type]


def sent_row(database: Database, keyring: Keyring, *ids: str, message_class: str = "reply", state: str = "sent") -> int:
    """A finished message whose parts have these ids; without any the provider has not named it to us."""
    with database.write() as session:
        person, address = add_person(session, keyring, channel=CHANNEL)
        row = add_outgoing(session, person, address, message_class)
        row.state, row.open, row.provider_id = state, 0, ids[-1] if ids else None
        if ids:
            note_accepted(session, CHANNEL, row.id, ids, done=0, parts=len(ids))
        return row.id


def apply(database: Database, *receipts: DeliveryReceipt) -> None:
    for one in receipts:
        with database.write() as session:
            apply_receipt(session, CHANNEL, one)


def row(database: Database, id_: int) -> Outbox:
    with database.read() as session:
        return session.get_one(Outbox, id_)


@pytest.mark.parametrize("order", list(itertools.permutations(["sent", "delivered", "read"])))
def test_in_whichever_order_receipts_come_the_message_ends_as_read(
    database: Database, keyring: Keyring, order: tuple[str, ...]
) -> None:
    id_ = sent_row(database, keyring, "w1")
    apply(database, *(receipt(state) for state in (*order, *order)))
    assert row(database, id_).state == "read"


@pytest.mark.parametrize("order", list(itertools.permutations(["sent", "failed", "delivered"])))
def test_what_was_delivered_was_delivered_whatever_else_is_said_and_when(
    database: Database, keyring: Keyring, order: tuple[str, ...]
) -> None:
    id_ = sent_row(database, keyring, "w1")
    apply(database, *(receipt(state, reason="x") for state in order))
    assert row(database, id_).state == "delivered"


def test_failed_is_the_end_of_what_was_never_delivered_and_staff_hear_of_it_once(database: Database, keyring: Keyring) -> None:
    id_ = sent_row(database, keyring, "w1", message_class="safety")
    apply(database, receipt("failed", reason="undeliverable (131026)", action="unreachable"), receipt("sent"), receipt("failed"))
    found = row(database, id_)
    assert (found.state, found.reason) == ("failed", "undeliverable (131026)")
    with database.read() as session:
        assert session.get_one(PersonAddress, found.address_id).unreachable_at is not None
        counts = dict(session.execute(select(Incident.kind, Incident.count)).tuples().all())
    assert counts == {"send-failed:whatsapp": 1, "safety-not-delivered": 1}


def test_a_message_in_parts_stands_where_its_slowest_part_stands(database: Database, keyring: Keyring) -> None:
    id_ = sent_row(database, keyring, "w1", "w2")
    apply(database, receipt("read", "w2"))
    assert row(database, id_).state == "sent"
    apply(database, receipt("delivered", "w1"))
    assert row(database, id_).state == "delivered"
    apply(database, receipt("read", "w1"))
    assert row(database, id_).state == "read"


def test_a_part_that_failed_makes_the_message_failed(database: Database, keyring: Keyring) -> None:
    id_ = sent_row(database, keyring, "w1", "w2")
    apply(database, receipt("sent", "w1"), receipt("failed", "w2", reason="x"))
    assert row(database, id_).state == "failed"


def test_a_receipt_before_our_own_mark_is_found_by_it(database: Database, keyring: Keyring) -> None:
    apply(database, receipt("delivered"))
    id_ = sent_row(database, keyring, "w1")
    with database.read() as session:
        assert furthest(session, id_) == "delivered"


def test_a_receipt_with_our_mark_tells_what_became_of_a_lost_answer(database: Database, keyring: Keyring) -> None:
    id_ = sent_row(database, keyring, state="failed")
    with database.write() as session:
        session.execute(update(Outbox).values(reason="ReadTimeout: outcome unknown"))
    key = row(database, id_).key
    apply(database, receipt("sent", "w1", mark=(key, 0, 2)))
    assert row(database, id_).state == "failed", "only one of two parts is known"
    apply(database, receipt("sent", "w2", mark=(key, 1, 2)))
    found = row(database, id_)
    assert (found.state, found.reason) == ("sent", None)


def test_a_message_that_failed_for_good_is_not_lifted_by_a_late_sent(database: Database, keyring: Keyring) -> None:
    id_ = sent_row(database, keyring, "w1", state="failed")
    apply(database, receipt("sent"))
    assert row(database, id_).state == "failed"


def test_parts_are_counted_only_up_to_the_first_gap(database: Database, keyring: Keyring) -> None:
    id_ = sent_row(database, keyring, state="sending")
    key = row(database, id_).key
    for part, known in ((2, (0, 3)), (0, (1, 3)), (1, (3, 3))):
        apply(database, receipt("sent", f"w{part}", mark=(key, part, 3)))
        with database.read() as session:
            assert parts_accepted(session, id_) == known


def test_a_message_in_the_senders_hands_is_the_senders(database: Database, keyring: Keyring) -> None:
    id_ = sent_row(database, keyring, state="sending")
    with database.write() as session:
        session.execute(update(Outbox).values(open=1))
    apply(database, receipt("read", mark=(row(database, id_).key, 0, 1)))
    found = row(database, id_)
    assert (found.state, found.open) == ("sending", 1)


def test_many_processes_with_the_same_receipts_and_the_sender_beside_them_lose_nothing(
    database: Database, keyring: Keyring
) -> None:
    id_ = sent_row(database, keyring)
    receipts = [receipt(state) for state in ("sent", "delivered", "read")] * 4

    def accept() -> None:
        with database.write() as session:
            note_accepted(session, CHANNEL, id_, ("w1",), done=0, parts=1)

    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(accept), *(pool.submit(apply, database, one) for one in receipts), pool.submit(accept)]
        for future in done:
            future.result(60)
    with database.read() as session:
        (known,) = session.scalars(select(ProviderMessage)).all()
        assert (known.outbox_id, known.rank) == (id_, 4)
        assert furthest(session, id_) == "read"


def test_a_receipt_that_pauses_the_number_pauses_it_for_all(database: Database, keyring: Keyring) -> None:
    sent_row(database, keyring, "w1")
    apply(database, receipt("failed", reason="spam-limit (131048)", pause=300.0))
    with database.read() as session:
        assert session.get_one(Pace, "pause:whatsapp").at > now() + timedelta(seconds=200)


def test_old_receipts_of_strangers_go_and_ours_stay(database: Database, keyring: Keyring) -> None:
    sent_row(database, keyring, "w1")
    apply(database, receipt("read", "stranger"))
    with database.write() as session:
        session.execute(update(ProviderMessage).values(at=now() - STRANGERS_KEPT - timedelta(hours=1)))
        forget_strangers(session)
        assert session.scalars(select(ProviderMessage.provider_id)).all() == ["w1"]


@pytest.mark.parametrize(
    ("message_class", "state"), [("reply", "held"), ("practitioner", "held"), ("series", "failed"), ("service_notice", "failed")]
)
def test_a_shut_window_holds_what_somebody_waits_for_and_nothing_else(
    database: Database, keyring: Keyring, message_class: str, state: str
) -> None:
    id_ = sent_row(database, keyring, "w1", message_class=message_class)
    apply(database, receipt("failed", reason="re-engagement (131047)", action="window_closed"))
    assert row(database, id_).state == state


@pytest.mark.parametrize(("message_class", "days"), [("reply", 3), ("practitioner", 30)])
def test_what_is_held_goes_out_when_they_write_but_not_for_ever(
    database: Database, keyring: Keyring, message_class: str, days: int
) -> None:
    young, old = (sent_row(database, keyring, f"w{n}", message_class=message_class) for n in (1, 2))
    apply(database, *(receipt("failed", f"w{n}", action="window_closed") for n in (1, 2)))
    with database.write() as session:
        session.execute(update(Outbox).where(Outbox.id == old).values(created_at=now() - timedelta(days=days, hours=1)))
        session.execute(update(Outbox).where(Outbox.id == young).values(created_at=now() - timedelta(days=days, hours=-1)))
    with database.write() as session:
        for id_ in (young, old):
            release(session, session.get_one(Outbox, id_).person_id, CHANNEL)
    assert [(row(database, id_).state, row(database, id_).open) for id_ in (young, old)] == [("queued", 1), ("refused", 0)]


def test_the_sweep_ends_what_has_been_held_too_long(database: Database, keyring: Keyring) -> None:
    id_ = sent_row(database, keyring, "w1")
    apply(database, receipt("failed", action="window_closed"))
    with database.write() as session:
        session.execute(update(Outbox).values(created_at=now() - timedelta(days=4)))
        refuse_old(session)
    assert (row(database, id_).state, row(database, id_).reason) == ("refused", "held too long")


def test_the_last_word_on_marketing_counts_and_stopping_everything_is_a_word(database: Database, keyring: Keyring) -> None:
    with database.write() as session:
        person, _ = add_person(session, keyring, channel=CHANNEL)
        assert marketing_consented(session, person.id) is None
        session.add(Consent(person_id=person.id, category="marketing", given=True, method="test"))
        session.flush()
        assert marketing_consented(session, person.id) is True
        session.add(Consent(person_id=person.id, category="unasked", given=False, method="test"))
        session.flush()
        assert marketing_consented(session, person.id) is False
        stop_marketing(session, person.id, CHANNEL)
        session.flush()
        assert len(session.scalars(select(Consent)).all()) == 2, "what is known already is not written again"


def test_what_the_sweep_asks_every_few_seconds_is_answered_from_small_indexes(sqlite_address: str) -> None:
    """However long the outbox and the receipts grow."""
    database = Database(sqlite_address)
    asked = {
        "ix_outbox_held": select(Outbox.id).where(IS_HELD, Outbox.message_class == "reply"),
        "ix_provider_message_outbox_id": select(ProviderMessage.id).where(
            ProviderMessage.outbox_id.is_(None), ProviderMessage.at < now()
        ),
    }
    with database.read() as session:
        for index, query in asked.items():
            words = str(query.compile(database.engine, compile_kwargs={"literal_binds": False, "render_postcompile": True}))
            plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", ("2026-01-01",)).all()
            assert any(index in str(step) for step in plan), plan
    database.dispose()
