"""Intake: judged, stored and acknowledged once; an emergency is answered there and then; a failing store loses nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.conversation.intake import Receipt
from bot.conversation.spool import Spool
from bot.messages import MAX_TEXT, Kind
from bot.storage.crypto import Keyring, new_key
from bot.storage.engine import Database
from bot.storage.tables import Area, Case, CaseEvent, Inbox, Outbox, Person, RawEvent, now
from bot.sweep import Sweep
from bot.triage import Level
from bot.wiring import Parts
from tests.conversation.support import Parent, drain, refs

EMERGENCY = "my baby is not breathing"
URGENT = "i keep thinking they would be better off without me"
WORKING_HOURS = datetime(2026, 11, 25, 11, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 25, 23, 0, tzinfo=UTC)


def count(parts: Parts, table: type) -> int:
    with parts.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def break_store(parts: Parts, tmp_path: Path) -> Callable[[], None]:
    """Point intake at a database that cannot be opened; the answer mends it."""
    whole = parts.intake._database
    parts.intake._database = Database(f"sqlite:///{tmp_path / 'gone' / 'nothing.sqlite3'}")

    def mend() -> None:
        parts.intake._database = whole

    return mend


# A team for everybody


@pytest.mark.parametrize("words", [URGENT, "talk to a person"])
@pytest.mark.parametrize("area", [None, "far-away"])
async def test_a_parent_of_no_known_area_gets_the_default_team_with_its_hours_and_targets(
    parts_on_both: Parts, at: Callable[[datetime], None], words: str, area: str | None
) -> None:
    at(WORKING_HOURS)
    parent = Parent(parts_on_both)
    parent.send("hello")
    with parts_on_both.database.write() as session:
        session.add(Area(id="far-away", name="Far away"))
        session.flush()
        session.query(Person).one().area_id = area
    parent.send(words)
    await drain(parts_on_both)
    with parts_on_both.database.read() as session:
        case = session.query(Case).one()
    assert case.area_id == "demonstration"
    assert case.reply_due_at is not None and case.reply_due_at > WORKING_HOURS


# Once


def test_the_same_event_ten_times_in_parallel_is_one_row_and_one_answer(parts_on_both: Parts) -> None:
    parent = Parent(parts_on_both, channel="webchat")
    barrier = threading.Barrier(10)

    def deliver(_: int) -> tuple[bool, bool, int | None]:
        barrier.wait(30)
        receipt = parts_on_both.intake.receive(parent.inbound(EMERGENCY, external_id="the-same"), {"update": 1})
        return receipt.stored, receipt.duplicate, receipt.inbox_id

    with ThreadPoolExecutor(10) as pool:
        receipts = list(pool.map(deliver, range(10)))
    assert all(stored for stored, _, _ in receipts)
    assert sum(not duplicate for _, duplicate, _ in receipts) == 1
    assert len({inbox_id for _, _, inbox_id in receipts}) == 1
    assert [count(parts_on_both, table) for table in (RawEvent, Inbox, Person, Case)] == [1, 1, 1, 1]
    assert count(parts_on_both, Outbox) == 2


def test_first_messages_of_one_person_in_parallel_all_arrive_and_make_one_person(parts_on_both: Parts) -> None:
    parent = Parent(parts_on_both)
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda number: parent.send(f"message {number}"), range(8)))
    assert all(receipt.stored and not receipt.duplicate for receipt in receipts)
    assert [count(parts_on_both, table) for table in (Person, Inbox)] == [1, 8]


def test_the_same_event_id_on_another_channel_is_another_event(parts: Parts) -> None:
    Parent(parts, channel="telegram").send("hello", external_id="7")
    Parent(parts, channel="webchat").send("hello", external_id="7")
    assert count(parts, Inbox) == 2


# What is kept


def test_what_came_is_sealed_and_has_an_expiry(parts: Parts) -> None:
    parent = Parent(parts)
    parent.send("my secret words")
    with parts.database.read() as session:
        event, row = session.scalars(select(RawEvent)).one(), session.scalars(select(Inbox)).one()
    assert event.sealed is not None
    assert b"secret" not in event.sealed + row.sealed
    assert event.expires_at is not None
    assert 6 < (event.expires_at - now()).days + 1 <= 7
    assert "addresses" not in parts.keyring.open_json(row.sealed)


def test_expired_raw_events_are_wiped_and_still_known_as_repeats(parts: Parts) -> None:
    parent = Parent(parts)
    parent.send("hello", external_id="once")
    with parts.database.write() as session:
        session.scalars(select(RawEvent)).one().expires_at = now()
    Sweep(parts).once()
    with parts.database.read() as session:
        assert session.scalars(select(RawEvent)).one().sealed is None
    assert parent.send("hello", external_id="once").duplicate


def test_a_message_beyond_the_limit_is_cut_and_still_judged_whole(parts: Parts) -> None:
    parent = Parent(parts)
    receipt = parent.send("la " * 3_400 + EMERGENCY)
    assert receipt.level is Level.EMERGENCY
    stored = parts.keyring.open_json(parent.inbox()[0].sealed)
    assert (len(stored["text"]), stored["cut"]) == (MAX_TEXT, True)


def test_the_turn_is_stamped_with_language_and_campaign(parts: Parts) -> None:
    parent = Parent(parts, locale="cy-GB")
    parent.send("shwmae", start_payload="poster-7")
    row = parent.inbox()[0]
    assert (row.language, row.campaign) == ("cy", "poster-7")
    assert not parent.person().language_chosen


@pytest.mark.parametrize(
    ("locale", "text", "language"),
    [
        ("cy-GB", "hi", "cy"),
        ("ur_PK", "hi", "ur"),
        ("de-DE", "hi", "en"),
        (None, "hi", "en"),
        ("en-GB", "میرا بچہ رات بھر نہیں سوتا، کیا کروں؟", "ur"),
        ("not a locale", "", "en"),
    ],
)
def test_a_new_persons_language_is_guessed_from_their_words_then_their_app(
    parts: Parts, locale: str | None, text: str, language: str
) -> None:
    parent = Parent(parts, locale=locale)
    parent.send(text)
    assert parent.person().language == language


# Emergencies


def test_an_emergency_is_answered_before_any_worker_runs(parts_on_both: Parts) -> None:
    parent = Parent(parts_on_both)
    receipt = parent.send(EMERGENCY)
    heard = parent.everything()
    assert receipt.level is Level.EMERGENCY
    assert refs(heard)[0].startswith("safety:emergency")
    assert "999" in heard[0].text
    assert {reply.message_class for reply in heard} == {"safety"}
    with parts_on_both.database.read() as session:
        case = session.scalars(select(Case)).one()
    assert (case.level, case.rank, case.state) == ("emergency", 0, "open")
    assert parent.inbox()[0].case_id == case.id


def test_an_emergency_goes_ahead_of_what_the_person_has_queued(parts: Parts) -> None:
    parent = Parent(parts)
    for number in range(3):
        parent.send(f"how do i wean number {number}")
    parent.send(EMERGENCY)
    assert refs(parent.everything())[0].startswith("safety:emergency")
    assert all(row.open for row in parent.inbox())


async def test_the_worker_adds_nothing_to_an_answered_emergency(parts: Parts) -> None:
    parent = Parent(parts)
    parent.send(EMERGENCY)
    before = len(parent.everything())
    await drain(parts)
    assert len(parent.everything()) == before
    assert (parent.inbox()[0].state, parent.inbox()[0].outcome) == ("done", "emergency")


@pytest.mark.parametrize(("moment", "ref"), [(WORKING_HOURS, "safety:team-watching"), (NIGHT, "safety:nobody-watching")])
def test_it_says_truly_whether_anybody_is_there(parts: Parts, at: Callable[[datetime], None], moment: datetime, ref: str) -> None:
    at(moment)
    parent = Parent(parts)
    parent.send(EMERGENCY)
    assert ref in refs(parent.everything())


def test_an_emergency_from_someone_over_their_limit_is_still_answered(
    build_parts: Callable[..., Parts], sqlite_address: str
) -> None:
    parts = build_parts(sqlite_address, person_per_minute=3)
    parent = Parent(parts)
    for number in range(4):
        parent.send(f"message {number}")
    assert [row.state for row in parent.inbox()] == ["received"] * 3 + ["refused"]
    parent.send(EMERGENCY)
    assert refs(parent.everything())[0].startswith("safety:emergency")


async def test_an_urgent_message_from_someone_over_their_limit_is_still_answered(
    build_parts: Callable[..., Parts], sqlite_address: str
) -> None:
    parts = build_parts(sqlite_address, person_per_minute=1)
    parent = Parent(parts)
    await parent.say("menu")
    heard = await parent.say(URGENT)
    assert any(ref.startswith("safety:urgent") for ref in refs(heard))


def test_an_urgent_message_opens_a_case_with_its_reasons(parts: Parts) -> None:
    parent = Parent(parts)
    assert parent.send(URGENT).level is Level.URGENT
    with parts.database.read() as session:
        case = session.scalars(select(Case)).one()
        opened = session.scalars(select(CaseEvent).where(CaseEvent.kind == "opened")).one()
    assert (case.level, case.rank) == ("urgent", 1)
    assert opened.detail is not None
    assert parts.keyring.open_json(opened.detail)["reasons"]


def test_the_last_few_messages_are_read_together(parts: Parts) -> None:
    parent = Parent(parts)
    levels = [parent.send(text).level for text in ("i want to", "kill", "myself tonight")]
    assert levels[0] is Level.NONE
    assert levels[-1].at_least(Level.URGENT)


PIECES = ("i want to", "kill", "myself tonight")


def test_pieces_that_come_in_one_batch_are_read_together(parts_on_both: Parts) -> None:
    parent, other = Parent(parts_on_both), Parent(parts_on_both)
    said = [parent.inbound(PIECES[0]), other.inbound("thank you"), parent.inbound(PIECES[1]), parent.inbound(PIECES[2])]
    receipts = parts_on_both.intake.receive_all([(one, {}) for one in said])
    assert receipts[-1].level.at_least(Level.URGENT)
    assert receipts[1].level is Level.NONE


def test_a_piece_that_is_stored_while_the_next_one_is_being_read_counts(
    parts_on_both: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes may have one person's messages at once: what was read outside the transaction is not believed if it has changed."""
    parent = Parent(parts_on_both)
    parent.send(PIECES[0])
    intake, real = parts_on_both.intake, parts_on_both.intake._store

    def meanwhile(*arguments: object) -> Receipt:
        monkeypatch.setattr(intake, "_store", real)
        assert parent.send(PIECES[1]).stored
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(intake, "_store", meanwhile)
    assert parent.send(PIECES[2]).level.at_least(Level.URGENT)


def test_nothing_is_judged_while_others_wait_to_write(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading messages together takes longer than all the rest of storing one, and on SQLite everybody waits for who writes."""
    held = []

    def watched(real: Callable[..., Any]) -> Callable[..., Any]:
        def judge(*arguments: Any, **named: Any) -> Any:
            held.append(parts.database._writer.locked())
            return real(*arguments, **named)

        return judge

    for name in ("assess", "assess_recent"):
        monkeypatch.setattr(parts.triage, name, watched(getattr(parts.triage, name)))
    parent = Parent(parts)
    for text in PIECES:
        parent.send(text)
    assert len(held) >= 5 and not any(held)


def test_messages_of_different_people_are_not_read_together(parts: Parts) -> None:
    levels = [Parent(parts).send(text).level for text in ("i want to", "kill", "myself tonight")]
    assert levels == [parts.triage.assess(text).level for text in ("i want to", "kill", "myself tonight")]


def test_messages_of_an_hour_ago_are_not_read_together(parts: Parts, at: Callable[[datetime], None]) -> None:
    parent = Parent(parts)
    parent.send("i want to")
    parent.send("kill")
    at(datetime.fromtimestamp(now().timestamp() + 3600, UTC))
    assert parent.send("myself tonight").level is parts.triage.assess("myself tonight").level


# When the store fails


def test_when_the_store_fails_the_safety_words_come_back_and_the_event_is_kept(parts: Parts, tmp_path: Path) -> None:
    mend = break_store(parts, tmp_path)
    parent = Parent(parts)
    receipt = parent.send(EMERGENCY)
    assert not receipt.stored
    assert "999" in receipt.safety[0].text
    assert all(not shown.buttons for shown in receipt.safety), "no button without a row behind it"
    (spooled,) = parts.settings.spool_dir.glob("*.event")
    assert b"breathing" not in spooled.read_bytes()
    assert spooled.stat().st_mode & 0o077 == 0
    mend()
    assert count(parts, Inbox) == 0


@pytest.mark.parametrize("text", ["how do i wean", URGENT])
def test_when_the_store_fails_only_an_emergency_is_answered_on_the_spot(parts: Parts, tmp_path: Path, text: str) -> None:
    break_store(parts, tmp_path)
    receipt = Parent(parts).send(text)
    assert (receipt.stored, receipt.safety) == (False, ())


async def test_what_was_spooled_is_taken_up_once_and_in_order(parts: Parts, tmp_path: Path) -> None:
    mend = break_store(parts, tmp_path)
    parent = Parent(parts)
    for word in ("menu", "language", "privacy"):
        parent.send(word)
    mend()
    assert parts.intake.import_spooled() == 3
    assert parts.intake.import_spooled() == 0
    with parts.database.read() as session:
        parent.person_id = session.scalars(select(Person.id)).one()
    await drain(parts)
    assert [ref for ref in refs(parent.everything()) if ref != "text:notice.first"] == [
        "text:menu.intro",
        "text:language.choose",
        "text:know.kinds",
    ]


def test_an_event_that_the_provider_sent_again_is_not_doubled_by_the_spool(parts: Parts, tmp_path: Path) -> None:
    mend = break_store(parts, tmp_path)
    parent = Parent(parts)
    parent.send("menu", external_id="once")
    mend()
    assert not parent.send("menu", external_id="once").duplicate
    assert parts.intake.import_spooled() == 1
    assert count(parts, Inbox) == 1


def test_an_emergency_that_was_answered_on_the_spot_still_opens_its_case_and_is_not_said_twice(
    parts: Parts, tmp_path: Path
) -> None:
    mend = break_store(parts, tmp_path)
    Parent(parts).send(EMERGENCY)
    mend()
    parts.intake.import_spooled()
    assert [count(parts, Case), count(parts, Outbox)] == [1, 0]


def test_an_emergency_seen_only_together_with_earlier_messages_is_answered_when_taken_up(parts: Parts, tmp_path: Path) -> None:
    texts = ("he has a", "knife", "to my throat")
    parent = Parent(parts)
    together = parts.triage.assess_recent(texts).level
    assert together is Level.EMERGENCY, "the example must be one"
    assert parts.triage.assess(texts[-1]).level is not Level.EMERGENCY, "and only together"
    parent.send(texts[0])
    parent.send(texts[1])
    mend = break_store(parts, tmp_path)
    assert parent.send(texts[2]).safety == ()
    mend()
    parts.intake.import_spooled()
    assert any(ref.startswith("safety:emergency") for ref in refs(parent.everything()))


def test_when_the_disk_is_full_too_the_safety_words_still_come_back(parts: Parts, tmp_path: Path) -> None:
    break_store(parts, tmp_path)
    parts.settings.spool_dir.parent.mkdir(parents=True, exist_ok=True)
    parts.settings.spool_dir.write_text("in the way")
    receipt = Parent(parts).send(EMERGENCY)
    assert not receipt.stored
    assert "999" in receipt.safety[0].text


def test_a_damaged_spool_file_is_put_aside_and_holds_up_no_other(parts: Parts, tmp_path: Path) -> None:
    mend = break_store(parts, tmp_path)
    parent = Parent(parts)
    parent.send("menu")
    mend()
    folder = parts.settings.spool_dir
    (folder / "00000000000000000001-damaged.event").write_bytes(b"not sealed by us")
    Spool(folder, Keyring([new_key()])).write(parent.inbound("another key"), {})
    assert parts.intake.import_spooled() == 1
    assert len(list(folder.glob("*.unreadable"))) == 2
    assert list(folder.glob("*.event")) == []


def test_a_spooled_event_comes_back_as_it_was(tmp_path: Path, keyring: Keyring, parts: Parts) -> None:
    spool = Spool(tmp_path / "spool", keyring)
    inbound = Parent(parts).inbound("سلام", kind=Kind.LOCATION, latitude=51.5, longitude=-3.2, media="voice", token="t")
    spool.write(inbound, {"raw": ["🙂"]})
    ((_, found, raw),) = spool.read()
    assert (found, raw) == (inbound, {"raw": ["🙂"]})
