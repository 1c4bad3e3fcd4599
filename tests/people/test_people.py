"""People and their addresses: found again, merged without stealing, forgotten. On both databases."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from bot.handoff import cases
from bot.messages import Address
from bot.people import find_or_create, forget, view
from bot.people.people import change_address, months_since, remove_forgotten
from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.tables import (
    ButtonToken,
    Case,
    CaseEvent,
    Child,
    Consent,
    Dialogue,
    Feedback,
    Inbox,
    Outbox,
    Person,
    PersonAddress,
    RawEvent,
    now,
)
from tests.storage.support import add_message, add_outgoing

PHONE = Address(channel="whatsapp", kind="phone", value="447700900001")
SCOPED = Address(channel="whatsapp", kind="whatsapp_bsuid", value="GB.1234567890")
TELEGRAM = Address(channel="telegram", kind="telegram_id", value="1234567890")


def write_as(database: Database, keyring: Keyring, *addresses: Address, language: str = "en") -> tuple[int, int]:
    """Find or make the person; returns the ids of the person and of the first address."""
    with database.write() as session:
        person, address = find_or_create(
            session, keyring, addresses, area_id="demonstration", language=language, language_chosen=False, campaign="poster"
        )
        return person.id, address.id


def count(database: Database, table: type) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_the_same_address_is_the_same_person_and_keeps_their_language(database: Database, keyring: Keyring) -> None:
    first = write_as(database, keyring, TELEGRAM, language="ur")
    assert write_as(database, keyring, TELEGRAM, language="en") == first
    with database.read() as session:
        assert session.get_one(Person, first[0]).language == "ur"


def test_the_same_number_on_another_channel_is_another_person(database: Database, keyring: Keyring) -> None:
    telegram = write_as(database, keyring, Address(channel="telegram", kind="telegram_id", value="7"))
    webchat = write_as(database, keyring, Address(channel="webchat", kind="telegram_id", value="7"))
    assert telegram[0] != webchat[0]


def test_a_further_address_joins_its_person_and_finds_them_alone_later(database: Database, keyring: Keyring) -> None:
    known = write_as(database, keyring, PHONE)
    assert write_as(database, keyring, SCOPED, PHONE)[0] == known[0]
    assert write_as(database, keyring, SCOPED)[0] == known[0]


def test_an_address_of_somebody_else_is_not_taken_from_them(database: Database, keyring: Keyring) -> None:
    mine, theirs = write_as(database, keyring, PHONE), write_as(database, keyring, SCOPED)
    assert write_as(database, keyring, PHONE, SCOPED)[0] == mine[0]
    assert write_as(database, keyring, SCOPED)[0] == theirs[0]


def test_the_reply_goes_to_the_address_that_was_written_from(database: Database, keyring: Keyring) -> None:
    write_as(database, keyring, PHONE)
    _, address_id = write_as(database, keyring, SCOPED, PHONE)
    with database.read() as session:
        assert session.get_one(PersonAddress, address_id).kind == "whatsapp_bsuid"


def test_no_address_can_be_read_in_the_database(database: Database, keyring: Keyring) -> None:
    _, address_id = write_as(database, keyring, PHONE)
    with database.read() as session:
        row = session.get_one(PersonAddress, address_id)
    assert PHONE.value.encode() not in row.sealed
    assert PHONE.value not in row.lookup
    assert keyring.open(row.sealed) == PHONE.value


def test_writing_again_makes_an_unreachable_address_reachable(database: Database, keyring: Keyring) -> None:
    _, address_id = write_as(database, keyring, TELEGRAM)
    with database.write() as session:
        session.get_one(PersonAddress, address_id).unreachable_at = now()
    write_as(database, keyring, TELEGRAM)
    with database.read() as session:
        assert session.get_one(PersonAddress, address_id).unreachable_at is None


def test_first_messages_at_the_same_moment_make_one_person(database: Database, keyring: Keyring) -> None:
    def write(_: int) -> int:
        for attempt in range(3):
            try:
                return write_as(database, keyring, TELEGRAM)[0]
            except IntegrityError:  # what intake does: look again
                assert attempt < 2
        raise AssertionError

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(write, range(16)))) == 1
    assert count(database, Person) == 1


def test_a_pseudonym_tells_staff_nothing_and_differs(database: Database, keyring: Keyring) -> None:
    ids = [write_as(database, keyring, Address(channel="telegram", kind="telegram_id", value=str(n)))[0] for n in range(30)]
    with database.read() as session:
        names = {session.get_one(Person, id_).pseudonym for id_ in ids}
    assert len(names) == 30
    assert all(len(name) == 8 and not set(name[2:]) & set("01IO") for name in names)


# What a turn knows


@pytest.mark.parametrize(
    ("born", "today", "months"),
    [("2026-03", "2026-11-21", 8), ("2026-11", "2026-11-01", 0), ("2027-02", "2026-11-21", -3), ("2021-12", "2026-01-01", 49)],
)
def test_age_is_counted_in_whole_months_from_the_month_of_birth(born: str, today: str, months: int) -> None:
    assert months_since(born, datetime.fromisoformat(today)) == months


@pytest.mark.parametrize(("children", "age"), [((), None), (("2026-03",), 8), (("2024-01", "2026-03"), None)])
def test_an_age_is_known_of_an_only_child(database: Database, keyring: Keyring, children: Sequence[str], age: int | None) -> None:
    person_id, _ = write_as(database, keyring, TELEGRAM)
    with database.write() as session:
        session.add_all(Child(person_id=person_id, born_or_due=month) for month in children)
    with database.read() as session:
        known = view(session, session.get_one(Person, person_id))
    assert known.age_months(datetime(2026, 11, 21, tzinfo=UTC)) == age
    assert known.children == tuple(sorted(children))


def test_a_bereaved_parent_is_never_told_an_age(database: Database, keyring: Keyring) -> None:
    person_id, _ = write_as(database, keyring, TELEGRAM)
    with database.write() as session:
        session.add(Child(person_id=person_id, born_or_due="2026-03"))
        session.get_one(Person, person_id).bereaved_at = now()
    with database.read() as session:
        assert view(session, session.get_one(Person, person_id)).age_months() is None


# Forgetting


def fill(database: Database, keyring: Keyring, person_id: int) -> tuple[int, int]:
    """Give a person something in every table; returns the ids of an old message and of the one that asks to be forgotten."""
    with database.write() as session:
        person = session.get_one(Person, person_id)
        person.nation, person.district, person.role = "wales", "ZZ1", "mum"
        address = session.scalars(select(PersonAddress).where(PersonAddress.person_id == person_id)).first()
        assert address is not None
        old, asking = (add_message(session, keyring, person, address, words) for words in ("my secret", "forget me"))
        for row in (old, asking):
            row.open, row.state = 0, "done"
        sent = add_outgoing(session, person, address)
        sent.open, sent.state = 0, "sent"
        session.add_all(
            [
                Child(person_id=person_id, born_or_due="2026-03"),
                Consent(person_id=person_id, category="contact", given=True, method="telegram"),
                Dialogue(person_id=person_id, state={"last_topic": "baby/crying"}),
                Feedback(person_id=person_id, outbox_key=sent.key, content_id="baby/crying/start-here", useful=True),
                ButtonToken(
                    token="t" * 16, person_id=person_id, outbox_key=sent.key, action="yes", args={}, title="Yes", expires_at=now()
                ),
            ]
        )
        return old.id, asking.id


def open_case(database: Database, keyring: Keyring, person_id: int, address_id: int, inbox_id: int) -> int:
    with database.write() as session:
        case = cases.open_or_raise(
            session,
            keyring,
            person_id=person_id,
            area_id="demonstration",
            address_id=address_id,
            channel="telegram",
            language="en",
            level="urgent",
            reasons=(),
            inbox_id=inbox_id,
            team=None,
        )
        session.get_one(Inbox, inbox_id).case_id = case.id
        return case.id


def ask_to_forget(database: Database, person_id: int, inbox_id: int) -> None:
    with database.write() as session:
        forget(session, person_id, except_inbox=inbox_id)


def forgotten(database: Database, keyring: Keyring) -> tuple[int, int]:
    """Somebody of whom everything was kept, and who has asked to be forgotten: their number and their address's."""
    person_id, address_id = write_as(database, keyring, TELEGRAM)
    _, asking = fill(database, keyring, person_id)
    ask_to_forget(database, person_id, asking)
    return person_id, address_id


def sweep(database: Database) -> int:
    with database.write() as session:
        return remove_forgotten(session)


def test_forgetting_wipes_everything_but_the_request_at_once(database: Database, keyring: Keyring) -> None:
    person_id, _ = write_as(database, keyring, TELEGRAM)
    _, asking = fill(database, keyring, person_id)
    ask_to_forget(database, person_id, asking)
    for table in (Child, Consent, Dialogue, Feedback, ButtonToken, Outbox):
        assert count(database, table) == 0, table
    with database.read() as session:
        person = session.get_one(Person, person_id)
        assert (person.nation, person.district, person.role, person.campaign) == (None, None, None, None)
        assert [row.id for row in session.scalars(select(Inbox))] == [asking]
        assert [event.sealed for event in session.scalars(select(RawEvent))] == [None, None]


def test_a_page_has_time_to_fetch_the_confirmation(database: Database, keyring: Keyring) -> None:
    person_id, address_id = forgotten(database, keyring)
    with database.write() as session:
        row = add_outgoing(session, session.get_one(Person, person_id), session.get_one(PersonAddress, address_id))
        row.open, row.state, row.channel = 0, "sent", "webchat"
    with database.write() as session:
        assert remove_forgotten(session, pulled={"webchat"}, unfetched=timedelta(minutes=1)) == 0
        assert remove_forgotten(session, pulled={"terminal"}, unfetched=timedelta(minutes=1)) == 1


def test_the_sweep_removes_the_person_once_nothing_is_left_to_send(database: Database, keyring: Keyring) -> None:
    person_id, address_id = forgotten(database, keyring)
    with database.write() as session:
        confirmation = add_outgoing(session, session.get_one(Person, person_id), session.get_one(PersonAddress, address_id))
    assert sweep(database) == 0
    with database.write() as session:
        row = session.get_one(Outbox, confirmation.id)
        row.open, row.state = 0, "sent"
    assert sweep(database) == 1
    for table in (Person, PersonAddress, Inbox, Outbox):
        assert count(database, table) == 0, table


def test_the_key_that_tells_a_repeated_event_outlives_its_person(database: Database, keyring: Keyring) -> None:
    person_id, _ = write_as(database, keyring, TELEGRAM)
    _, asking = fill(database, keyring, person_id)
    ask_to_forget(database, person_id, asking)
    sweep(database)
    assert count(database, RawEvent) == 2


def test_nobody_else_is_touched(database: Database, keyring: Keyring) -> None:
    person_id, _ = write_as(database, keyring, TELEGRAM)
    other_id, _ = write_as(database, keyring, PHONE)
    with database.write() as session:
        session.add(Child(person_id=other_id, born_or_due="2025-01"))
    _, asking = fill(database, keyring, person_id)
    ask_to_forget(database, person_id, asking)
    sweep(database)
    assert write_as(database, keyring, PHONE)[0] == other_id
    assert count(database, Child) == 1


def test_what_belongs_to_a_case_stays_with_it(database: Database, keyring: Keyring) -> None:
    person_id, address_id = write_as(database, keyring, TELEGRAM)
    in_case, asking = fill(database, keyring, person_id)
    case_id = open_case(database, keyring, person_id, address_id, in_case)
    ask_to_forget(database, person_id, asking)
    assert sweep(database) == 0
    with database.read() as session:
        assert session.get_one(Inbox, in_case).case_id == case_id
        assert keyring.open_json(session.get_one(Inbox, in_case).sealed)["text"] == "my secret"
        assert session.scalars(select(CaseEvent).where(CaseEvent.case_id == case_id)).first() is not None
    assert count(database, Child) == 0


def test_who_was_forgotten_and_writes_again_is_a_new_person(database: Database, keyring: Keyring) -> None:
    person_id, address_id = write_as(database, keyring, TELEGRAM)
    in_case, asking = fill(database, keyring, person_id)
    open_case(database, keyring, person_id, address_id, in_case)
    ask_to_forget(database, person_id, asking)
    again, _ = write_as(database, keyring, TELEGRAM)
    assert again != person_id
    assert write_as(database, keyring, TELEGRAM)[0] == again
    with database.read() as session:
        assert view(session, session.get_one(Person, again)).children == ()


def test_a_held_case_outlives_the_forgetting_of_the_person_who_came_back(database: Database, keyring: Keyring) -> None:
    person_id, address_id = write_as(database, keyring, TELEGRAM)
    in_case, asking = fill(database, keyring, person_id)
    case_id = open_case(database, keyring, person_id, address_id, in_case)
    ask_to_forget(database, person_id, asking)
    again, _ = write_as(database, keyring, TELEGRAM)
    ask_to_forget(database, again, 0)
    assert sweep(database) == 1
    with database.read() as session:
        case = session.get_one(Case, case_id)
        address = session.get_one(PersonAddress, case.address_id)
    assert (case.person_id, case.state) == (person_id, "open")
    assert keyring.open(address.sealed) == TELEGRAM.value, "a practitioner must still be able to answer"


def test_one_forgotten_address_does_not_hide_a_person_known_by_another(database: Database, keyring: Keyring) -> None:
    forgotten, _ = write_as(database, keyring, SCOPED)
    living, _ = write_as(database, keyring, PHONE)
    ask_to_forget(database, forgotten, 0)
    assert write_as(database, keyring, SCOPED, PHONE)[0] == living
    assert write_as(database, keyring, SCOPED)[0] == living


# Addresses that change hands


NEW_PHONE = Address(channel="whatsapp", kind="phone", value="447700900002")
NEW_SCOPED = Address(channel="whatsapp", kind="whatsapp_bsuid", value="GB.999")


def change(database: Database, keyring: Keyring, old: Sequence[Address], new: Sequence[Address]) -> bool:
    with database.write() as session:
        return change_address(session, keyring, old, new)


def test_a_new_number_takes_the_place_of_the_old_in_the_same_row(database: Database, keyring: Keyring) -> None:
    person_id, address_id = write_as(database, keyring, PHONE)
    for _ in range(2):
        change(database, keyring, [PHONE], [NEW_PHONE])
    assert write_as(database, keyring, NEW_PHONE) == (person_id, address_id)
    assert write_as(database, keyring, PHONE)[0] != person_id


def test_number_and_business_scoped_id_may_change_together_and_the_old_ones_find_nobody(
    database: Database, keyring: Keyring
) -> None:
    person_id, _ = write_as(database, keyring, SCOPED, PHONE)
    assert change(database, keyring, [SCOPED, PHONE], [NEW_SCOPED, NEW_PHONE])
    assert write_as(database, keyring, NEW_SCOPED)[0] == write_as(database, keyring, NEW_PHONE)[0] == person_id
    assert person_id not in {write_as(database, keyring, SCOPED)[0], write_as(database, keyring, PHONE)[0]}


def test_of_an_unknown_person_nothing_is_changed(database: Database, keyring: Keyring) -> None:
    assert not change(database, keyring, [PHONE], [NEW_PHONE])
    assert count(database, Person) == 0


def test_a_new_number_that_was_somebody_elses_has_left_them(database: Database, keyring: Keyring) -> None:
    mine, theirs = write_as(database, keyring, PHONE), write_as(database, keyring, NEW_PHONE)
    change(database, keyring, [PHONE], [NEW_PHONE])
    assert write_as(database, keyring, NEW_PHONE)[0] == mine[0]
    with database.read() as session:
        left = session.get_one(PersonAddress, theirs[1])
        assert left.person_id == theirs[0] and left.retired_at is not None and left.unreachable_at is not None


def test_a_case_and_what_waits_follow_to_the_new_address(database: Database, keyring: Keyring) -> None:
    person_id, scoped_id = write_as(database, keyring, SCOPED, PHONE)
    with database.write() as session:
        person, address = session.get_one(Person, person_id), session.get_one(PersonAddress, scoped_id)
        message = add_message(session, keyring, person, address)
        case = cases.open_or_raise(
            session, keyring, person_id=person_id, area_id="demonstration", address_id=scoped_id, channel="whatsapp",
            language="en", level="urgent", reasons=(), inbox_id=message.id, team=None,
        )  # fmt: skip
        waiting = add_outgoing(session, person, address).id
        case_id = case.id
    change(database, keyring, [PHONE], [NEW_PHONE])  # the number alone is named: the id of the old account is gone with it
    with database.read() as session:
        addresses = {session.get_one(Case, case_id).address_id, session.get_one(Outbox, waiting).address_id}
        (followed,) = [session.get_one(PersonAddress, id_) for id_ in addresses]
        assert keyring.open(followed.sealed) in (NEW_PHONE.value, SCOPED.value) and followed.retired_at is None


def test_a_number_that_passed_on_brings_nothing_of_the_one_before(database: Database, keyring: Keyring) -> None:
    before, _ = write_as(database, keyring, SCOPED, PHONE)
    after, _ = write_as(database, keyring, NEW_SCOPED, PHONE)
    assert after != before
    assert write_as(database, keyring, SCOPED)[0] == before
    assert write_as(database, keyring, PHONE)[0] == after


def test_a_number_known_before_there_were_business_scoped_ids_is_joined_by_its_first(
    database: Database, keyring: Keyring
) -> None:
    person_id, _ = write_as(database, keyring, PHONE)
    assert write_as(database, keyring, SCOPED, PHONE)[0] == person_id
    assert write_as(database, keyring, SCOPED)[0] == person_id
