"""Whether a parent can be written to now, and their address: shown for a reason only, and never without a trace."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event

from bot.delivery.reach import Reach, reach
from bot.handoff import desk
from bot.messages import Address
from bot.people import find_or_create
from bot.storage.crypto import Keyring, new_key
from bot.storage.tables import CaseEvent, Person, PersonAddress, StaffAudit, now
from tests.console.support import ELSEWHERE, Office, Parent

DAY = timedelta(hours=24)


def reached(office: Office, parent: Parent) -> Reach:
    with office.services.database.read() as session:
        return reach(session, parent.person_id, session.get_one(PersonAddress, parent.address_id))


@pytest.mark.parametrize("channel", ["webchat", "telegram"])
def test_where_no_provider_sets_a_limit_a_parent_can_be_written_to_later_too(office: Office, channel: str) -> None:
    parent = office.parent(channel=channel)
    seen = now() - 9 * DAY
    office.change(PersonAddress, parent.address_id, last_seen_at=seen)
    found = reached(office, parent)
    assert (found.verdict.decision, found.seen_at, found.window_until) == ("send", seen, None)


@pytest.mark.parametrize(("hours", "decision"), [(0, "send"), (23, "send"), (25, "refuse")])
def test_on_whatsapp_words_are_free_for_a_day_after_the_last_message(office: Office, hours: int, decision: str) -> None:
    parent = office.parent(channel="whatsapp")
    wrote = now() - timedelta(hours=hours)
    office.change(PersonAddress, parent.address_id, last_seen_at=wrote)
    found = reached(office, parent)
    assert found.verdict.decision == decision and found.window_until == wrote + DAY


def test_who_blocked_us_or_stopped_without_a_case_cannot_be_written_to(office: Office) -> None:
    ada, blocked, stopped = office.staff("Ada"), office.parent(channel="telegram"), office.parent()
    office.change(PersonAddress, blocked.address_id, unreachable_at=now())
    office.change(Person, stopped.person_id, stopped_at=now())
    assert reached(office, blocked).verdict.decision == "refuse" and reached(office, stopped).verdict.decision == "send"
    desk.claim_case(office.services, stopped.case_id, ada)
    desk.close_case(office.services, stopped.case_id, ada, "answered")
    assert reached(office, stopped).verdict.decision == "refuse"


def test_an_address_is_shown_for_a_reason_that_stays_in_the_history(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent(channel="telegram")
    with office.services.database.read() as session:
        value = office.services.keyring.open(session.get_one(PersonAddress, parent.address_id).sealed)
    (seen,) = desk.see_addresses(office.services, parent.case_id, ada, "Welfare check by the police")
    assert (seen.channel, seen.value) == ("telegram", value)
    assert office.audit(ada) == [("case.address", f"case:{parent.case_id}")]
    with office.services.database.read() as session:
        kept = session.query(CaseEvent).filter_by(case_id=parent.case_id, kind="address_seen").one()
    assert kept.staff_id == ada and kept.detail is not None
    assert office.services.keyring.open_json(kept.detail) == {"text": "Welfare check by the police"}
    desk.see_addresses(office.services, parent.case_id, ada, "Again")
    assert office.events(parent).count("address_seen") == 2


def test_all_numbers_of_a_parent_are_shown_but_never_the_key_of_a_web_chat(office: Office) -> None:
    ada, parent, chat = office.staff("Ada"), office.parent(channel="whatsapp"), office.parent()
    with office.services.database.write() as session:
        first = session.get_one(PersonAddress, parent.address_id)
        own = Address(channel="whatsapp", kind=first.kind, value=office.services.keyring.open(first.sealed))
        more = [
            Address(channel="whatsapp", kind="phone", value="+440000000000"),
            Address(channel="webchat", kind="k", value="secret"),
        ]
        find_or_create(
            session, office.services.keyring, [own, *more], area_id=None, language="en", language_chosen=True, campaign=None
        )
    seen = desk.see_addresses(office.services, parent.case_id, ada, "To ring her")
    assert [one.value for one in seen] == [own.value, "+440000000000"]
    with pytest.raises(desk.Refused) as refusal:
        desk.see_addresses(office.services, chat.case_id, ada, "To ring her")
    assert refusal.value.code == "no_address" and office.events(chat) == ["opened"]


def test_without_a_reason_or_a_right_to_the_case_nothing_is_shown(office: Office) -> None:
    ada, cleo = office.staff("Ada"), office.staff("Cleo", area=ELSEWHERE)
    parent = office.parent(channel="telegram")
    for reason in ("", "  \n"):
        with pytest.raises(desk.Refused):
            desk.see_addresses(office.services, parent.case_id, ada, reason)
    with pytest.raises(desk.NoSuchCase):
        desk.see_addresses(office.services, parent.case_id, cleo, "Curious")
    assert office.events(parent) == ["opened"]


def test_a_look_that_cannot_be_recorded_shows_nothing(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent(channel="telegram")

    def fail(*_: object) -> None:
        raise RuntimeError("the disk is full")

    event.listen(StaffAudit, "before_insert", fail)
    try:
        with pytest.raises(RuntimeError):
            desk.see_addresses(office.services, parent.case_id, ada, "To ring her")
    finally:
        event.remove(StaffAudit, "before_insert", fail)
    assert office.events(parent) == ["opened"]


def test_an_address_whose_key_is_lost_is_said_to_be_missing(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent(channel="telegram")
    office.change(PersonAddress, parent.address_id, sealed=Keyring([new_key()]).seal("x"))
    with pytest.raises(desk.Refused) as refusal:
        desk.see_addresses(office.services, parent.case_id, ada, "To ring her")
    assert refusal.value.code == "no_address"
