"""A provider that fails: when its circuit opens, what goes out meanwhile, that nothing is lost, and that staff are told once.

With a channel that does as it is told, and with Telegram's strict double over loopback; on both databases.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot.channels.telegram import TelegramChannel
from bot.delivery import breaker
from bot.delivery.breaker import BELIEVED, FAILURES, RECEIPTS
from bot.delivery.receipts import apply_receipt
from bot.delivery.sender import TRIES, Sender
from bot.library import Library
from bot.messages import Delivery, DeliveryReceipt
from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.tables import Breaker, Outbox, Trouble, now
from tests.delivery.test_sender import SENT, Post, Provider
from tests.doubles.telegram_server import TOKEN, TelegramServer

DOWN = Delivery(status="retry", reason="the server has a fault", retry_after=5.0, fault="down")
LOST = Delivery(status="failed", reason="timed out: outcome unknown", fault="down")
REFUSED = Delivery(status="retry", reason="the bot token was refused", retry_after=60.0, fault="auth")
STOPPED = Delivery(status="wait", reason="payment (131042)", retry_after=1.0, pause=0.01, action="halt", fault="account")


@pytest.fixture
def post(database: Database, keyring: Keyring, library: Library) -> Post:
    return Post(database, keyring, library, Provider(answers=[DOWN]))


def crowd(post: Post, count: int = FAILURES) -> list[int]:
    """A message to each of so many people."""
    return [post.put(f"message {number}", f"parent-{number}") for number in range(count)]


def troubles(database: Database) -> list[tuple[str, str, bool]]:
    with database.read() as session:
        return [(one.kind, one.subject, one.ended_at is None) for one in session.scalars(select(Trouble).order_by(Trouble.id))]


def circuit(database: Database) -> Breaker | None:
    with database.read() as session:
        return session.get(Breaker, "telegram")


async def probe_time(post: Post) -> None:
    """Let everything be due, and the time of the next probe come."""
    await asyncio.to_thread(post.make_due)
    with post.database.write() as session:
        session.execute(update(Breaker).values(probe_at=now() - timedelta(seconds=1)))


async def test_failures_in_a_row_open_it_and_then_one_message_tries_while_the_others_wait(post: Post) -> None:
    crowd(post, 12)
    await post.run_dry()
    found = circuit(post.database)
    assert found is not None and found.open_since is not None
    tried = len(post.provider.given)
    await asyncio.to_thread(post.make_due)
    assert await post.run_once() == 0  # before its time nobody tries
    await probe_time(post)
    assert (await post.run_once(), await post.run_once()) == (1, 0)
    assert len(post.provider.given) == tried + 1


async def test_however_long_it_lasts_no_message_is_lost_or_given_up(post: Post) -> None:
    ids = crowd(post)
    for _ in range(TRIES + 4):
        await post.run_once()
        await probe_time(post)
    assert {post.row(id_).state for id_ in ids} == {"queued"}
    assert max(post.row(id_).attempts for id_ in ids) < TRIES
    post.provider.answers = [SENT]
    await post.run_once()
    await asyncio.to_thread(post.make_due)
    await post.run_dry()
    assert {post.row(id_).state for id_ in ids} == {"sent"}


async def test_one_message_alone_opens_it_before_its_tries_are_used_up(post: Post) -> None:
    id_ = post.put("hello")
    for _ in range(TRIES * 2):
        await post.run_once()
        await probe_time(post)
    assert post.row(id_).state == "queued" and circuit(post.database) is not None


async def test_a_success_between_two_failures_begins_the_count_anew(post: Post) -> None:
    post.provider.answers = [DOWN, DOWN, DOWN, DOWN, SENT, DOWN]
    for number in range(FAILURES + 3):
        post.put("hello", f"parent-{number}")
        with post.database.write() as session:  # only the newest is due
            session.execute(update(Outbox).where(Outbox.id < number + 1).values(due_at=now() + timedelta(hours=1)))
        await post.run_once()
    found = circuit(post.database)
    assert found is not None and (found.failures, found.open_since) == (3, None)
    assert troubles(post.database) == []


async def test_it_closes_with_the_first_message_that_is_taken_and_everybody_s_goes_out(post: Post) -> None:
    crowd(post, 8)
    await post.run_dry()
    assert troubles(post.database) == [("provider_down", "telegram", True)]
    post.provider.answers = [SENT]
    await probe_time(post)
    assert await post.run_once() == 1
    assert circuit(post.database) is None and troubles(post.database) == [("provider_down", "telegram", False)]
    await post.run_dry()
    assert {row.state for row in post.rows()} == {"sent"}


async def test_safety_words_keep_trying_and_close_it_too(post: Post) -> None:
    crowd(post)
    await post.run_dry()
    id_ = post.put("call 999", "grace", "safety")
    for _ in range(TRIES + 2):
        assert await post.run_once() == 1
        await asyncio.to_thread(post.make_due)
    assert post.row(id_).state == "queued"
    assert [text for _, text in post.provider.given].count("call 999") == TRIES + 2
    post.provider.answers = [SENT]
    await post.run_once()
    assert post.row(id_).state == "sent" and circuit(post.database) is None


@pytest.mark.parametrize(("answer", "kind"), [(REFUSED, "provider_auth"), (STOPPED, "provider_account")])
async def test_one_refusal_of_our_access_or_account_is_enough_and_another_trouble(
    post: Post, answer: Delivery, kind: str
) -> None:
    post.provider.answers = [answer]
    id_ = post.put("hello")
    await post.run_once()
    assert troubles(post.database) == [(kind, "telegram", True)]
    assert (post.row(id_).state, post.row(id_).attempts) == ("queued", 0)


async def test_a_provider_that_is_back_and_refuses_us_is_one_trouble_after_the_other(post: Post) -> None:
    crowd(post)
    await post.run_dry()
    post.provider.answers = [REFUSED]
    await probe_time(post)
    await post.run_once()
    assert troubles(post.database) == [("provider_down", "telegram", False), ("provider_auth", "telegram", True)]


async def test_a_hundred_failures_are_one_trouble(post: Post) -> None:
    crowd(post, 100)
    await post.run_dry()
    for _ in range(5):
        await probe_time(post)
        await post.run_dry()
    assert troubles(post.database) == [("provider_down", "telegram", True)]


async def test_the_message_s_own_faults_and_our_own_haste_open_nothing(post: Post) -> None:
    post.provider.answers = [
        *[Delivery(status="failed", reason="bad request")] * 6,
        *[Delivery(status="wait", reason="429", retry_after=0.01, pause=0.01, fault="rate")] * 6,
        SENT,
    ]
    crowd(post, 12)
    await post.run_dry()
    assert circuit(post.database) is None and troubles(post.database) == []


async def test_an_answer_that_was_lost_while_it_is_open_is_sent_again_if_somebody_waits(post: Post) -> None:
    crowd(post)
    await post.run_dry()
    post.provider.answers = [LOST]
    await probe_time(post)
    await post.run_once()
    (lost,) = [row for row in post.rows() if row.state == "sending"]
    assert lost.open == 1 and lost.lease_until is None
    post.provider.answers = [SENT]
    await probe_time(post)
    await post.run_once()
    assert post.row(lost.id).state == "sent"


async def test_one_channel_s_circuit_holds_up_no_other(database: Database) -> None:
    with database.write() as session:
        for _ in range(FAILURES):
            breaker.failed(session, "whatsapp", "down", "x")
    with database.read() as session:
        assert breaker.failing(session) == breaker.Failing(frozenset({"whatsapp"}), frozenset({"whatsapp"}))


def test_senders_side_by_side_count_together_and_make_one_trouble(database: Database) -> None:
    def fail(_: int) -> bool:
        with database.write() as session:
            return breaker.failed(session, "telegram", "down", "x")

    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(fail, range(16)))
    assert opened.count(False) == FAILURES - 1
    assert troubles(database) == [("provider_down", "telegram", True)]


async def test_of_two_senders_one_alone_takes_the_probe(post: Post) -> None:
    crowd(post, 8)
    await post.run_dry()
    await probe_time(post)
    senders = [post.sender() for _ in range(4)]
    claimed = await asyncio.gather(*(asyncio.to_thread(sender.claim, 5) for sender in senders))
    assert sorted(len(parcels) for parcels in claimed) == [0, 0, 0, 1]


def test_a_provider_for_whom_nothing_waits_is_not_out_of_order_for_ever(database: Database) -> None:
    with database.write() as session:
        for _ in range(FAILURES):
            breaker.failed(session, "telegram", "down", "x")
        breaker.failed(session, "sms", "auth", "x")
        breaker.close_idle(session, "telegram", timedelta(minutes=10))
        assert session.get(Breaker, "telegram") is not None
        session.execute(update(Breaker).values(failed_at=now() - timedelta(minutes=11)))
        session.expire_all()
        for channel in ("telegram", "sms"):
            breaker.close_idle(session, channel, timedelta(minutes=10))
    assert troubles(database) == [("provider_down", "telegram", False), ("provider_auth", "sms", True)]


# Over real HTTP


@pytest.fixture
async def line(post: Post) -> AsyncIterator[tuple[Post, TelegramServer, Sender]]:
    """A sender whose channel is the real one, before Telegram's double."""
    double = TelegramServer()
    async with double.serving():
        channel = TelegramChannel(TOKEN, base_url=double.url, timeout=5.0)
        for number in range(FAILURES + 1):
            double.say(9_100_000 + number, "hello")
        yield post, double, Sender(post.database, post.keyring, {"telegram": channel}, post.hub, lease_seconds=60, look_every=5)
        await channel.close()


async def test_telegram_s_faults_open_it_and_its_answer_closes_it(line: tuple[Post, TelegramServer, Sender]) -> None:
    post, double, sender = line
    ids = [post.put("hello", str(9_100_000 + number)) for number in range(FAILURES + 1)]
    for _ in range(FAILURES + 1):
        double.fail_next("sendMessage", 502, "Bad Gateway")
    await post.run_once(sender)
    assert troubles(post.database) == [("provider_down", "telegram", True)]
    await probe_time(post)
    await post.run_once(sender)
    assert troubles(post.database) == [("provider_down", "telegram", False)]
    await post.run_once(sender)
    assert {post.row(id_).state for id_ in ids} == {"sent"}
    assert all(len(double.sent(9_100_000 + number)) == 1 for number in range(FAILURES + 1))


async def test_a_token_that_was_revoked_is_told_as_that(line: tuple[Post, TelegramServer, Sender]) -> None:
    post, double, sender = line
    id_ = post.put("hello", "9100000")
    double.fail_next("sendMessage", 401, "Unauthorized")
    await post.run_once(sender)
    assert troubles(post.database) == [("provider_auth", "telegram", True)]
    assert post.row(id_).state == "queued"


# What receipts tell of messages that were accepted


def tell(post: Post, id_: int, state: str, fault: str = "") -> None:
    with post.database.write() as session:
        provider_id = session.get_one(Outbox, id_).provider_id
        assert provider_id is not None
        receipt = DeliveryReceipt(provider_id=provider_id, state=state, at=now(), reason=fault and "a fault", fault=fault)
        apply_receipt(session, "telegram", receipt)


async def accepted(post: Post, count: int) -> list[int]:
    """Messages that the provider has taken, each under an id of its own."""
    names = [f"taken-{len(post.rows()) + number}" for number in range(count)]
    post.provider.answers = [Delivery(status="sent", provider_id=name, accepted=(name,)) for name in names]
    ids = [post.put("hello", f"parent-{len(post.rows())}") for _ in range(count)]
    await post.run_dry()
    return ids


def is_open(post: Post) -> bool:
    found = circuit(post.database)
    return found is not None and found.open_since is not None


async def test_receipts_of_failures_in_a_row_open_it_though_every_message_was_accepted(post: Post) -> None:
    for id_ in await accepted(post, FAILURES - 1):
        tell(post, id_, "failed", "down")
        tell(post, id_, "failed", "down")  # told twice, counted once
    assert not is_open(post)
    (last,) = await accepted(post, 1)
    tell(post, last, "failed", "down")
    assert is_open(post) and troubles(post.database) == [("provider_down", "telegram", True)]


async def test_one_receipt_is_proof_of_a_stopped_account_and_accepting_more_is_none_against_it(post: Post) -> None:
    (first,) = await accepted(post, 1)
    tell(post, first, "failed", "account")
    assert is_open(post)
    await probe_time(post)
    (probe,) = await accepted(post, 1)
    assert post.row(probe).state == "sent" and is_open(post)
    tell(post, probe, "delivered")
    assert circuit(post.database) is None and troubles(post.database) == [("provider_account", "telegram", False)]


async def test_a_receipt_of_success_between_begins_the_count_anew(post: Post) -> None:
    ids = await accepted(post, FAILURES + 1)
    for id_ in ids[:-2]:
        tell(post, id_, "failed", "down")
    tell(post, ids[-2], "delivered")
    tell(post, ids[-1], "failed", "down")
    assert not is_open(post)


async def test_a_message_s_own_failure_says_nothing_of_the_provider(post: Post) -> None:
    for id_ in await accepted(post, FAILURES + 1):
        tell(post, id_, "failed")
    assert circuit(post.database) is None


async def test_receipts_that_stay_away_do_not_keep_it_open_for_ever(post: Post) -> None:
    (first,) = await accepted(post, 1)
    tell(post, first, "failed", "account")
    with post.database.write() as session:
        long_ago = now() - BELIEVED - timedelta(seconds=1)
        session.execute(update(Breaker).where(Breaker.channel == "telegram" + RECEIPTS).values(failed_at=long_ago))
    await probe_time(post)
    await accepted(post, 1)
    assert circuit(post.database) is None
