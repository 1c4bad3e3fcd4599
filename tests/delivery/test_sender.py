"""The sender, with a channel that does as it is told: order, retries, refusals, crashes. On both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import event, inspect, select, update
from sqlalchemy.exc import OperationalError

from bot.conversation.render import Renderer
from bot.delivery.hub import Hub
from bot.delivery.outbox import enqueue
from bot.delivery.pace import Rates, wait_for_rate
from bot.delivery.receipts import apply_receipt, parts_accepted
from bot.delivery.sender import TRIES, Parcel, Sender
from bot.library import Library
from bot.messages import Delivery, DeliveryReceipt, Inbound, MessageClass, Outbound, Reply
from bot.storage.claims import ASKED, UNASKED, Fenced, _claimable
from bot.storage.crypto import Keyring, new_key
from bot.storage.engine import Database
from bot.storage.tables import Incident, Outbox, Person, PersonAddress, ProviderMessage, now
from tests.storage.support import add_person

SENT = Delivery(status="sent", provider_id="p-1")


@dataclass
class Provider:
    """A pushing channel: keeps what it was given and answers in turn, the last answer for ever."""

    answers: list[Delivery | Exception] = field(default_factory=lambda: [SENT])
    given: list[tuple[str, str]] = field(default_factory=list)
    at_once: dict[str, int] = field(default_factory=dict)
    name: str = "telegram"
    pulled: bool = False

    def parse(self, raw: Mapping[str, Any]) -> list[Inbound]:
        return []

    async def send(self, address: str, kind: str, outbound: Outbound) -> Delivery:
        self.at_once[address] = self.at_once.get(address, 0) + 1
        assert self.at_once[address] == 1, "two messages of one person at once"
        await asyncio.sleep(0)  # let others in
        self.given.append((address, outbound.text))
        self.at_once[address] -= 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Post:
    """An outbox with people in it, and a sender that has not started."""

    database: Database
    keyring: Keyring
    library: Library
    provider: Provider
    hub: Hub = field(default_factory=Hub)
    people: dict[str, tuple[int, int]] = field(default_factory=dict)
    count: int = 0

    def put(self, text: str, who: str = "ada", message_class: str = "reply", keyring: Keyring | None = None) -> int:
        with self.database.write() as session:
            if who not in self.people:
                person, address = add_person(session, self.keyring, value=who)
                self.people[who] = (person.id, address.id)
            person_id, address_id = self.people[who]
            self.count += 1
            reply = Reply(ref="person:", args={"text": text, "name": "A", "role": "B"}, message_class=MessageClass(message_class))
            row = enqueue(
                session,
                keyring or self.keyring,
                Renderer(self.library),
                reply,
                key=str(self.count),
                person_id=person_id,
                address_id=address_id,
                channel="telegram",
                language="en",
            )
            session.flush()
            return row.id

    def sender(self, lease_seconds: float = 60.0) -> Sender:
        return Sender(
            self.database, self.keyring, {"telegram": self.provider}, self.hub, lease_seconds=lease_seconds, look_every=5.0
        )

    async def run_once(self, sender: Sender | None = None) -> int:
        sender = sender or self.sender()
        parcels = await asyncio.to_thread(sender.claim, 20)
        await asyncio.gather(*(sender.send(parcel) for parcel in parcels))
        return len(parcels)

    async def run_dry(self) -> None:
        while await self.run_once():
            pass

    def make_due(self) -> None:
        """Let the pause before another try be over."""
        with self.database.write() as session:
            session.execute(update(Outbox).values(due_at=now() - timedelta(seconds=1)))

    def row(self, id_: int) -> Outbox:
        with self.database.read() as session:
            return session.get_one(Outbox, id_)

    def rows(self) -> Sequence[Outbox]:
        with self.database.read() as session:
            return session.scalars(select(Outbox).order_by(Outbox.id)).all()


@pytest.fixture
def post(database: Database, keyring: Keyring, library: Library) -> Post:
    return Post(database, keyring, library, Provider())


async def test_a_sent_message_records_the_providers_id_and_is_sent_once(post: Post) -> None:
    id_ = post.put("hello")
    await post.run_dry()
    row = post.row(id_)
    assert (row.state, row.open, row.provider_id, row.attempts) == ("sent", 0, "p-1", 1)
    assert row.sent_at is not None
    assert post.provider.given == [("ada", "hello")]


async def test_each_person_gets_their_messages_in_order_one_at_a_time(post: Post) -> None:
    for number in range(4):
        for who in ("ada", "ben", "cleo"):
            post.put(f"{number}", who)
    await post.run_dry()
    for who in ("ada", "ben", "cleo"):
        assert [text for address, text in post.provider.given if address == who] == ["0", "1", "2", "3"]


async def test_senders_side_by_side_send_each_message_once(post: Post) -> None:
    for number in range(5):
        for who in ("ada", "ben", "cleo", "dil"):
            post.put(f"{number}", who)
    senders = [post.sender() for _ in range(3)]

    async def work(sender: Sender) -> None:
        while any(row.open for row in await asyncio.to_thread(post.rows)):
            await post.run_once(sender)

    async with asyncio.timeout(60):
        await asyncio.gather(*(work(sender) for sender in senders))
    assert sorted(post.provider.given) == sorted((who, f"{n}") for n in range(5) for who in ("ada", "ben", "cleo", "dil"))


async def test_a_message_put_off_is_tried_again_before_its_successor(post: Post) -> None:
    post.provider.answers = [Delivery(status="retry", retry_after=30.0), SENT]
    first, second = post.put("first"), post.put("second")
    await post.run_dry()
    assert [post.row(id_).state for id_ in (first, second)] == ["queued", "queued"]
    assert timedelta(seconds=20) < post.row(first).due_at - now() <= timedelta(seconds=30)
    post.make_due()
    await post.run_dry()
    assert [text for _, text in post.provider.given] == ["first", "first", "second"]


async def test_safety_words_do_not_wait_for_a_reply_that_was_put_off(post: Post) -> None:
    post.provider.answers = [Delivery(status="retry", retry_after=300.0), SENT]
    post.put("a tip")
    await post.run_dry()
    post.put("call 999", message_class="safety")
    await post.run_dry()
    assert [text for _, text in post.provider.given] == ["a tip", "call 999"]


async def test_a_provider_that_never_takes_it_ends_as_failed_and_staff_are_told(post: Post) -> None:
    post.provider.answers = [Delivery(status="retry", reason="busy")]
    id_ = post.put("hello")
    for _ in range(TRIES):
        await post.run_once()
        post.make_due()
    row = post.row(id_)
    assert (row.state, row.open, row.reason, row.attempts) == ("failed", 0, "busy", TRIES)
    with post.database.read() as session:
        assert session.scalars(select(Incident.kind)).all() == ["send-failed:telegram"]


async def test_a_refused_message_names_the_reason_and_never_reaches_the_provider(post: Post) -> None:
    id_ = post.put("a tip for today", message_class="series")
    await post.run_dry()
    assert (post.row(id_).state, post.row(id_).reason) == ("refused", "no consent for this")
    assert post.provider.given == []


async def test_after_stop_replies_still_go_out_and_practitioners_words_need_a_case(post: Post) -> None:
    reply = post.put("you asked")
    with post.database.write() as session:
        session.get_one(Person, post.people["ada"][0]).stopped_at = now()
    practitioner = post.put("hello from Ada", message_class="practitioner")
    await post.run_dry()
    assert [post.row(id_).state for id_ in (reply, practitioner)] == ["sent", "refused"]


async def test_who_blocked_us_is_unreachable_until_they_write_again(post: Post) -> None:
    post.provider.answers = [Delivery(status="unreachable", reason="blocked")]
    first = post.put("one")
    await post.run_dry()
    second = post.put("two")
    await post.run_dry()
    assert [(post.row(id_).state, post.row(id_).reason) for id_ in (first, second)] == [
        ("failed", "blocked"),
        ("refused", "the channel cannot reach them"),
    ]
    assert len(post.provider.given) == 1
    with post.database.read() as session:
        assert session.get_one(PersonAddress, post.people["ada"][1]).unreachable_at is not None


@pytest.mark.parametrize(
    ("message_class", "state", "times"),
    [("reply", "sent", 1), ("safety", "sent", 1), ("practitioner", "sent", 1), ("series", "refused", 0)],
)
async def test_what_a_crash_left_half_sent_goes_out_again_only_where_silence_is_worse(
    post: Post, message_class: str, state: str, times: int
) -> None:
    id_ = post.put("hello", message_class=message_class)
    crashed = post.sender(lease_seconds=-1.0)
    assert len(await asyncio.to_thread(crashed.claim, 5)) == 1
    assert post.row(id_).state == "sending"
    await post.run_dry()
    assert (post.row(id_).state, len(post.provider.given)) == (state, times)
    if message_class == "series":
        assert post.row(id_).reason == "it may already have been sent"


async def test_a_late_sender_does_not_overwrite_what_another_recorded(post: Post) -> None:
    id_ = post.put("hello")
    late = post.sender(lease_seconds=-1.0)
    (parcel,) = await asyncio.to_thread(late.claim, 5)
    await post.run_dry()
    post.provider.answers = [Delivery(status="failed", reason="late")]
    await late.send(parcel)
    assert post.row(id_).state == "sent"


async def test_a_channel_that_breaks_its_promise_and_raises_loses_nothing(post: Post) -> None:
    post.provider.answers = [RuntimeError("a bug"), SENT]
    id_ = post.put("hello")
    sender = post.sender(lease_seconds=-1.0)
    await post.run_once(sender)
    assert post.row(id_).open == 1
    await post.run_dry()
    assert post.row(id_).state == "sent"


async def test_a_row_that_cannot_be_read_fails_alone(post: Post) -> None:
    unreadable = post.put("lost", keyring=Keyring([new_key()]))
    behind, other = post.put("behind it"), post.put("of another", "ben")
    await post.run_dry()
    assert [post.row(id_).state for id_ in (unreadable, behind, other)] == ["failed", "sent", "sent"]
    with post.database.read() as session:
        assert session.scalars(select(Incident.kind)).all() == ["outgoing-unreadable"]


async def test_waiting_for_the_morning_is_no_failed_try(post: Post) -> None:
    id_ = post.put("hello")
    sender = post.sender()
    for _ in range(TRIES * 2):
        (parcel,) = await asyncio.to_thread(sender.claim, 5)
        sender.record_all([(parcel, Delivery(status="wait", reason="quiet hours"))])
        post.make_due()
    assert (post.row(id_).state, post.row(id_).attempts) == ("queued", 0)


async def test_it_wakes_for_a_new_message_and_stops_when_told(post: Post) -> None:
    sender = post.sender()
    running = asyncio.create_task(sender.run())
    async with asyncio.timeout(30):
        id_ = await asyncio.to_thread(post.put, "hello")
        with post.hub.subscription(f"person:{post.people['ada'][0]}") as done:
            post.hub.publish("outbox")
            await done.wait()
        assert post.row(id_).state == "sent"
        sender.stop()
        await running


def test_a_sender_without_channels_asks_the_database_nothing(tmp_path: Path) -> None:
    """Where only web chat runs, nothing is pushed: every wake-up would take the writer's lock for nothing."""
    nowhere = Database(f"sqlite:///{tmp_path / 'gone' / 'nothing.sqlite3'}")
    sender = Sender(nowhere, Keyring([new_key()]), {}, Hub(), lease_seconds=60, look_every=1)
    assert sender.claim(8) == []
    with pytest.raises(OperationalError):
        Sender(nowhere, Keyring([new_key()]), {"telegram": Provider()}, Hub(), lease_seconds=60, look_every=1).claim(8)


# A provider whose receipts carry our mark


class MarkingProvider(Provider):
    """As `Provider`, and keeps the mark and the part from which each call began."""

    def __init__(self, *answers: Delivery) -> None:
        super().__init__(answers=list(answers) or [Delivery(status="sent", provider_id="w1", accepted=("w1",))])
        self.marks: list[tuple[str, int]] = []

    async def send_marked(self, address: str, kind: str, outbound: Outbound, *, mark: str, done: int = 0) -> Delivery:
        self.marks.append((mark, done))
        return await self.send(address, kind, outbound)


UNKNOWN = Delivery(status="unknown", reason="ReadTimeout: outcome unknown")


@pytest.mark.parametrize(("message_class", "tries"), [("reply", 3), ("safety", 3), ("practitioner", 3)])
async def test_a_lost_answer_is_tried_again_after_a_while_and_not_for_ever(post: Post, message_class: str, tries: int) -> None:
    post.provider = MarkingProvider(UNKNOWN)
    id_ = post.put("hello", message_class=message_class)
    assert await post.run_once() == 1
    assert (post.row(id_).state, post.row(id_).open) == ("sending", 1)
    assert await post.run_once() == 0, "its receipt has time to come"
    for _ in range(5):
        post.make_due()
        await post.run_dry()
    row = post.row(id_)
    assert (row.state, row.reason, len(post.provider.given)) == ("failed", "ReadTimeout: outcome unknown", tries)


async def test_a_receipt_in_the_meantime_ends_it_without_another_send(post: Post) -> None:
    post.provider = MarkingProvider(UNKNOWN)
    id_ = post.put("hello")
    await post.run_once()
    with post.database.write() as session:
        told = DeliveryReceipt(provider_id="w9", state="delivered", at=now(), mark=(post.row(id_).key, 0, 1))
        apply_receipt(session, "telegram", told)
    post.make_due()
    await post.run_dry()
    assert (post.row(id_).state, len(post.provider.given)) == ("delivered", 1)


async def test_what_was_sent_in_part_goes_on_after_it(post: Post) -> None:
    first = Delivery(status="retry", reason="x", retry_after=1.0, accepted=("w1",), parts=2)
    post.provider = MarkingProvider(first, Delivery(status="sent", provider_id="w2", accepted=("w2",), parts=2))
    id_ = post.put("hello")
    await post.run_once()
    post.make_due()
    await post.run_dry()
    key = post.row(id_).key
    assert post.provider.marks == [(key, 0), (key, 1)]
    with post.database.read() as session:
        assert parts_accepted(session, id_) == (2, 2)
    assert post.row(id_).state == "sent"


async def test_a_pause_of_the_number_costs_no_try_and_holds_everybody(post: Post) -> None:
    paused = Delivery(status="wait", reason="throughput (130429)", retry_after=60.0, pause=60.0)
    post.provider = MarkingProvider(paused, SENT)
    first = post.put("hello")
    await post.run_once()
    post.put("hello", who="ben")
    post.make_due()
    assert await post.run_once() == 0
    assert (post.row(first).state, post.row(first).attempts) == ("queued", 0)


async def test_too_many_to_one_person_are_put_off_longer_each_time(post: Post) -> None:
    post.provider = MarkingProvider(Delivery(status="retry", reason="pair-rate (131056)", grows=4.0))
    id_, waits = post.put("hello"), []
    for _ in range(3):
        await post.run_once()
        waits.append(round((post.row(id_).due_at - now()).total_seconds()))
        post.make_due()
    assert [abs(wait - wanted) <= 2 for wait, wanted in zip(waits, (4, 16, 64), strict=True)] == [True] * 3


async def test_the_rate_puts_a_message_back_without_costing_a_try(post: Post) -> None:
    post.provider = MarkingProvider()
    slow = {"telegram": Rates(per_second=100, burst=100, pair_seconds=60, pair_burst=1)}
    sender = Sender(
        post.database, post.keyring, {"telegram": post.provider}, post.hub, lease_seconds=60.0, look_every=5.0, rates=slow
    )
    ids = [post.put("one"), post.put("two"), post.put("other", who="ben")]
    for _ in range(4):
        await post.run_once(sender)
    assert sorted(text for _, text in post.provider.given) == ["one", "other"]
    held = post.row(ids[1])
    assert (held.state, held.attempts) == ("queued", 0) and held.due_at > now() + timedelta(seconds=30)


async def test_another_address_is_taken_where_one_kind_is_not_and_failure_if_there_is_none(post: Post) -> None:
    post.provider = MarkingProvider(Delivery(status="other_address", reason="business-scoped-id-not-taken (131062)"))
    id_ = post.put("hello")
    await post.run_once()
    assert post.row(id_).state == "failed"
    post.provider = MarkingProvider(Delivery(status="other_address", reason="x"), SENT)
    id_ = post.put("again")
    with post.database.write() as session:
        person_id, _ = post.people["ada"]
        other = PersonAddress(
            person_id=person_id, channel="telegram", kind="phone", lookup="l", sealed=post.keyring.seal("447700900001")
        )
        session.add(other)
    await post.run_dry()
    assert (post.row(id_).state, post.provider.given[-1][0]) == ("sent", "447700900001")


@pytest.mark.parametrize(
    ("message_class", "state"),
    [("reply", "held"), ("practitioner", "held"), ("safety", "refused"), ("service_notice", "refused")],
)
async def test_a_shut_window_holds_what_somebody_waits_for(post: Post, message_class: str, state: str) -> None:
    post.provider = MarkingProvider(Delivery(status="hold", reason="re-engagement (131047)", action="window_closed"))
    id_ = post.put("hello", message_class=message_class)
    await post.run_once()
    assert (post.row(id_).state, post.row(id_).open) == (state, 0)
    with post.database.read() as session:
        told = session.scalars(select(Incident.kind)).all()
    assert ("safety-not-sent" in told) == (message_class == "safety")


async def test_what_somebody_waits_for_goes_before_all_that_nobody_does_however_old(post: Post) -> None:
    for number in range(12):
        post.put(f"bulk {number}", who=f"b{number}", message_class="bulk")
    post.put("an answer", who="ada")
    assert [parcel.outbound.text for parcel in post.sender().claim(1)] == ["an answer"]


async def test_no_more_of_what_nobody_waits_for_is_taken_up_than_the_rate_has_room_for(post: Post) -> None:
    for number in range(12):
        post.put(f"bulk {number}", who=f"b{number}", message_class="bulk")
    rates = {"telegram": Rates(per_second=0.001, burst=10, pair_seconds=1, pair_burst=5)}
    sender = Sender(
        post.database, post.keyring, {"telegram": post.provider}, post.hub, lease_seconds=60, look_every=5, rates=rates
    )
    with post.database.write() as session:
        now_ = now()
        taken = [wait_for_rate(session, "telegram", 900 + one, MessageClass.BULK, rates["telegram"], now_) for one in range(8)]
    assert taken == [0.0] * 8
    assert sender.claim(20) == []
    with post.database.read() as session:
        assert {row.attempts for row in session.scalars(select(Outbox))} == {0}, "none was taken up and put back"


def test_the_sender_finds_its_next_message_in_a_small_index_however_long_the_queue(post: Post) -> None:
    """SQLite's plans do not depend on how full the tables are; PostgreSQL's do, and there only the indexes can be looked for."""
    if not post.database.is_sqlite:
        indexes = {index["name"]: index for index in inspect(post.database.engine).get_indexes("outbox")}
        for name in ("ix_outbox_asked", "ix_outbox_unasked"):
            assert "open" in indexes[name]["dialect_options"]["postgresql_where"]
        return
    for index, which in (("ix_outbox_asked", ASKED), ("ix_outbox_unasked", UNASKED)):
        query = _claimable(Outbox, False).where(Outbox.due_at <= now(), Outbox.channel == "telegram", which)
        with post.database.read() as session:
            words = query.params(moment=now(), most=8).compile(post.database.engine, compile_kwargs={"render_postcompile": True})
            unknown = tuple(None for _ in words.positiontup)
            plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", unknown).all()
        assert any(f"outbox USING INDEX {index}" in str(step) for step in plan), plan


# What came of several, written down together


async def taken(post: Post, *people: str) -> tuple[Sender, list[Parcel], list[int]]:
    """A message to each, claimed by one sender."""
    rows = [post.put("hello", who) for who in people]
    sender = post.sender()
    return sender, await asyncio.to_thread(sender.claim, 20), rows


async def test_what_came_of_several_messages_is_written_in_one_transaction(post: Post) -> None:
    sender, parcels, rows = await taken(post, "ada", "ben", "cleo")
    answers = [SENT, Delivery(status="retry", reason="busy"), Delivery(status="failed", reason="no such number")]
    commits: list[object] = []
    event.listen(post.database.engine, "commit", commits.append)
    assert sender.record_all(list(zip(parcels, answers, strict=True))) == [None, None, None]
    assert len(commits) == 1
    assert [post.row(id_).state for id_ in rows] == ["sent", "queued", "failed"]


async def test_one_that_was_taken_over_undoes_none_of_the_others(post: Post) -> None:
    sender, parcels, rows = await taken(post, "ada", "ben", "cleo")
    with post.database.write() as session:
        session.execute(update(Outbox).where(Outbox.id == rows[1]).values(lease_token="another's"))
    found = sender.record_all(
        [(parcel, Delivery(status="sent", provider_id=parcel.key, accepted=(parcel.key,))) for parcel in parcels]
    )
    assert [type(error) for error in found] == [type(None), Fenced, type(None)]
    assert [post.row(id_).state for id_ in rows] == ["sent", "sending", "sent"]
    with post.database.read() as session:
        assert set(session.scalars(select(ProviderMessage.outbox_id))) == {rows[0], rows[2]}


async def test_when_the_database_fails_all_of_them_are_tried_again(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    sender, parcels, rows = await taken(post, "ada", "ben", "cleo", "dora")

    tried = []

    def away(*_: Any) -> None:
        tried.append("for all that are known, and for the first of them")
        raise OperationalError("update", {}, Exception("gone"))

    with monkeypatch.context() as broken:
        broken.setattr(sender, "_record", away)
        await asyncio.gather(*(sender.send(parcel) for parcel in parcels))
    assert [post.row(id_).state for id_ in rows] == ["sending"] * 4 and len(tried) < 4
    await asyncio.gather(*(sender.send(parcel) for parcel in parcels))  # the lease is still theirs
    assert [post.row(id_).state for id_ in rows] == ["sent"] * 4


async def test_two_senders_that_stand_in_each_others_way_lose_nothing(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL ends one of two transactions that wait for each other: what it held is written message by message."""
    sender, parcels, rows = await taken(post, "ada", "ben", "cleo")
    real, calls = sender._record, iter([False, True])

    def once(*arguments: Any) -> None:
        if next(calls, False):
            raise OperationalError("update", {}, Exception("deadlock detected"))
        real(*arguments)

    monkeypatch.setattr(sender, "_record", once)
    await asyncio.gather(*(sender.send(parcel) for parcel in parcels))
    assert [post.row(id_).state for id_ in rows] == ["sent"] * 3


async def test_who_stops_waiting_takes_nobody_elses_record_with_them(post: Post) -> None:
    sender, parcels, rows = await taken(post, "ada", "ben", "cleo")
    first, *others = [asyncio.create_task(sender.send(parcel)) for parcel in parcels]
    while not sender._known:
        await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(*others)
    with pytest.raises(asyncio.CancelledError):
        await first
    assert [post.row(id_).state for id_ in rows[1:]] == ["sent", "sent"]


async def test_a_log_line_written_together_names_its_own_message(post: Post) -> None:
    sender, parcels, rows = await taken(post, "ada", "ben")
    lines = []
    real = sender._record

    def record(*arguments: Any) -> None:
        lines.append(structlog.contextvars.get_contextvars().get("outgoing"))
        real(*arguments)

    sender._record = record  # type: ignore[method-assign]
    await asyncio.gather(*(sender.send(parcel) for parcel in parcels))
    assert lines == rows
