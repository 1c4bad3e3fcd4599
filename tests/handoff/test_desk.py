"""What staff do with a case: one holder, one message for each form, and the parent always told the truth."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from functools import partial

import pytest
from sqlalchemy import event

from bot.handoff import desk
from bot.handoff.cases import NotClaimed
from bot.messages import MessageClass
from bot.storage.tables import CaseEvent, Person, StaffAudit, now
from tests.console.support import ELSEWHERE, Office

FORM = "form-0123456789"


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Run `acts` in threads that start together; returns each one's result or exception."""
    barrier, results = threading.Barrier(len(acts)), list[object]([None] * len(acts))

    def run(place: int, act: Callable[[], object]) -> None:
        barrier.wait()
        try:
            results[place] = act()
        except Exception as error:
            results[place] = error

    threads = [threading.Thread(target=run, args=(place, act)) for place, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def errors(results: Iterable[object]) -> list[Exception]:
    return [result for result in results if isinstance(result, Exception)]


def test_a_claim_gives_the_case_to_one_and_tells_the_parent_who_is_there(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    case = office.case(parent)
    assert (case.state, case.staff_id) == ("claimed", ada)
    (row,) = office.outbox(parent)
    assert (row.ref, row.message_class, row.case_id, row.staff_id) == ("safety:person-joined", "safety", case.id, ada)
    assert "Ada" in office.words(row)["text"] and "Health visitor" in office.words(row)["text"]


def test_claiming_again_changes_nothing_and_says_nothing_twice(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    desk.claim_case(office.services, parent.case_id, ada)
    assert [row.ref for row in office.outbox(parent)] == ["safety:person-joined"]
    assert office.events(parent) == ["opened", "claimed"]


def test_whoever_comes_back_is_announced_again_because_the_parent_was_told_they_left(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent()
    for _ in range(2):
        desk.claim_case(office.services, parent.case_id, ada)
        desk.release_case(office.services, parent.case_id, ada)
    assert [row.ref for row in office.outbox(parent)] == ["safety:person-joined", "safety:person-left"] * 2


def test_of_two_who_claim_at_the_same_moment_one_wins_and_the_other_is_told_who(office: Office) -> None:
    ada, ben = office.staff("Ada"), office.staff("Ben")
    names = {ada: "Ada", ben: "Ben"}
    for _ in range(8):
        parent = office.parent()
        results = at_once(
            partial(desk.claim_case, office.services, parent.case_id, ada),
            partial(desk.claim_case, office.services, parent.case_id, ben),
        )
        (refusal,) = errors(results)
        holder = office.case(parent).staff_id
        assert isinstance(refusal, NotClaimed) and holder is not None and refusal.holder == names[holder]
        assert office.events(parent) == ["opened", "claimed"]
        assert len(office.outbox(parent)) == 1


@pytest.mark.parametrize("channel", ["telegram", "webchat", "whatsapp"])
def test_a_reply_goes_once_to_the_channel_the_parent_wrote_from(office: Office, channel: str) -> None:
    ada, parent = office.staff("Ada"), office.parent(channel=channel)
    desk.claim_case(office.services, parent.case_id, ada)
    keys = {
        desk.send_reply(office.services, parent.case_id, ada, " I am here.\r\nTell me more. ", form_id=FORM) for _ in range(2)
    }
    rows = [row for row in office.outbox(parent) if row.ref == "person:reply"]
    (row,) = rows
    assert {row.key} == keys
    assert (row.channel, row.address_id) == (channel, parent.address_id)
    assert row.message_class == MessageClass.PRACTITIONER
    assert row.open == (0 if channel == "webchat" else 1)
    words = office.words(row)
    assert (words["text"], words["voice"], words["voice_name"]) == (
        "I am here.\nTell me more.",
        "practitioner",
        "Ada, Health visitor",
    )
    assert office.events(parent) == ["opened", "claimed", "replied"]
    assert office.case(parent).first_reply_at == office.case(parent).last_reply_at is not None


def test_the_same_form_posted_at_the_same_moment_sends_once(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    send = lambda: desk.send_reply(office.services, parent.case_id, ada, "Hello", form_id=FORM)  # noqa: E731
    assert not errors(at_once(*[send] * 4))
    assert [row.ref for row in office.outbox(parent)].count("person:reply") == 1
    assert office.events(parent).count("replied") == 1


def test_two_forms_with_the_same_words_are_two_replies(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    for form in (FORM, "another-form-1"):
        desk.send_reply(office.services, parent.case_id, ada, "Yes", form_id=form)
    assert office.events(parent).count("replied") == 2


@pytest.mark.parametrize(("text", "code"), [("", "empty"), (" \n\t ", "empty"), ("\x00", "empty"), ("x" * 3001, "too_long")])
def test_it_refuses_words_that_cannot_be_sent_and_writes_nothing(office: Office, text: str, code: str) -> None:
    ada, parent = office.staff("Ada"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    before = office.events(parent), len(office.outbox(parent)), office.audit(ada)
    with pytest.raises(desk.Refused) as refusal:
        desk.send_reply(office.services, parent.case_id, ada, text)
    with pytest.raises(desk.Refused):
        desk.add_note(office.services, parent.case_id, ada, text)
    assert refusal.value.code == code
    assert (office.events(parent), len(office.outbox(parent)), office.audit(ada)) == before


def test_three_thousand_characters_of_any_script_can_be_sent(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent(language="ur")
    desk.claim_case(office.services, parent.case_id, ada)
    text = ("آپ اکیلی نہیں ہیں۔ " * 200)[:3000].strip()
    desk.send_reply(office.services, parent.case_id, ada, text)
    words = office.words(office.outbox(parent)[-1])
    assert (words["text"], words["language"], words["direction"]) == (text, "ur", "rtl")


def test_a_reply_in_latin_letters_is_not_laid_out_from_right_to_left(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent(language="ur")
    desk.claim_case(office.services, parent.case_id, ada)
    desk.send_reply(office.services, parent.case_id, ada, "Ok")
    assert office.words(office.outbox(parent)[-1])["direction"] == "ltr"


@pytest.mark.parametrize("act", ["send_reply", "release_case", "close_case"])
def test_only_the_holder_may_answer_release_and_close(office: Office, act: str) -> None:
    ada, ben, parent = office.staff("Ada"), office.staff("Ben"), office.parent()
    more = {"send_reply": ("Hello",), "release_case": (), "close_case": ("answered",)}[act]
    with pytest.raises(NotClaimed) as nobody:
        getattr(desk, act)(office.services, parent.case_id, ben, *more)
    desk.claim_case(office.services, parent.case_id, ada)
    with pytest.raises(NotClaimed) as somebody:
        getattr(desk, act)(office.services, parent.case_id, ben, *more)
    assert (nobody.value.holder, somebody.value.holder) == (None, "Ada")
    assert office.events(parent) == ["opened", "claimed"]


def test_staff_of_another_area_find_no_such_case(office: Office) -> None:
    cleo, parent = office.staff("Cleo", area=ELSEWHERE), office.parent()
    for act in (
        lambda: desk.claim_case(office.services, parent.case_id, cleo),
        lambda: desk.send_reply(office.services, parent.case_id, cleo, "Hello"),
        lambda: desk.add_note(office.services, parent.case_id, cleo, "Hello"),
        lambda: desk.hand_over_case(office.services, parent.case_id, cleo, cleo),
        lambda: desk.release_case(office.services, parent.case_id, cleo),
        lambda: desk.close_case(office.services, parent.case_id, cleo, "answered"),
        lambda: desk.claim_case(office.services, 999_999, cleo),
    ):
        with pytest.raises(desk.NoSuchCase):
            act()
    assert office.events(parent) == ["opened"]


def test_a_case_without_an_area_and_staff_without_one_are_left_out_of_no_queue(office: Office) -> None:
    cleo, nobodys = office.staff("Cleo", area=ELSEWHERE), office.parent(area=None)
    everywhere, parent = office.staff("Dot", area=None), office.parent()
    desk.claim_case(office.services, nobodys.case_id, cleo)
    desk.claim_case(office.services, parent.case_id, everywhere)
    assert office.case(nobodys).staff_id == cleo and office.case(parent).staff_id == everywhere


def test_closing_tells_a_parent_who_had_a_reply_that_the_practitioner_has_left_once(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    desk.send_reply(office.services, parent.case_id, ada, "Hello")
    for _ in range(2):
        desk.close_case(office.services, parent.case_id, ada, "answered")
    assert [row.ref for row in office.outbox(parent)] == ["safety:person-joined", "person:reply", "safety:person-left"]
    assert office.events(parent)[-1] == "closed" and office.events(parent).count("closed") == 1
    case = office.case(parent)
    assert (case.state, case.outcome) == ("closed", "answered") and case.closed_at is not None


def test_whoever_was_announced_takes_their_leave_even_without_a_reply(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    desk.close_case(office.services, parent.case_id, ada, "not-needed")
    assert [row.ref for row in office.outbox(parent)] == ["safety:person-joined", "safety:person-left"]


def test_it_refuses_an_outcome_that_is_none(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    with pytest.raises(ValueError):
        desk.close_case(office.services, parent.case_id, ada, "gone fishing")
    assert office.case(parent).state == "claimed"


def test_a_released_case_can_be_claimed_by_a_colleague_whom_the_parent_is_told_of(office: Office) -> None:
    ada, ben, parent = office.staff("Ada"), office.staff("Ben"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    desk.release_case(office.services, parent.case_id, ada)
    assert (office.case(parent).state, office.case(parent).staff_id) == ("open", None)
    desk.claim_case(office.services, parent.case_id, ben)
    refs = [row.ref for row in office.outbox(parent)]
    assert refs == ["safety:person-joined", "safety:person-left", "safety:person-joined"]
    assert "Ben" in office.words(office.outbox(parent)[-1])["text"]


def test_a_note_is_sealed_in_the_history_once_and_goes_to_nobody(office: Office) -> None:
    ada, ben, parent = office.staff("Ada"), office.staff("Ben"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    note = lambda: desk.add_note(office.services, parent.case_id, ben, "Spoke to her GP", form_id=FORM)  # noqa: E731
    assert not errors(at_once(note, note, note))
    with office.services.database.read() as session:
        (note_event,) = session.query(CaseEvent).filter_by(case_id=parent.case_id, kind="note").all()
    assert note_event.staff_id == ben and note_event.detail is not None and b"Spoke to" not in note_event.detail
    assert office.services.keyring.open_json(note_event.detail)["text"] == "Spoke to her GP"
    assert len(office.outbox(parent)) == 1


def test_it_refuses_a_form_id_that_could_be_anything_else(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    for form in ("", "short", "a" * 33, "with:colon1", "with space1"):
        with pytest.raises(ValueError):
            desk.send_reply(office.services, parent.case_id, ada, "Hello", form_id=form)


def test_every_act_is_audited_once_with_our_own_ids_only(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    for _ in range(2):
        desk.send_reply(office.services, parent.case_id, ada, "Hello", form_id=FORM)
        desk.add_note(office.services, parent.case_id, ada, "Hello", form_id=FORM)
    desk.release_case(office.services, parent.case_id, ada)
    desk.claim_case(office.services, parent.case_id, ada)
    desk.close_case(office.services, parent.case_id, ada, "answered")
    subject = f"case:{parent.case_id}"
    acts = ["claim", "reply", "note", "release", "claim", "close"]
    assert office.audit(ada) == [(f"case.{act}", subject) for act in acts]


def test_a_parent_who_wrote_stop_still_hears_who_has_come_and_gone(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent(channel="telegram")
    office.change(Person, parent.person_id, stopped_at=now())
    desk.claim_case(office.services, parent.case_id, ada)
    desk.send_reply(office.services, parent.case_id, ada, "Hello")
    desk.close_case(office.services, parent.case_id, ada, "answered")
    assert [row.message_class for row in office.outbox(parent)] == ["safety", "practitioner", "safety"]


@pytest.mark.parametrize("topic", ["queue", "outbox", "person"])
async def test_each_act_wakes_whoever_waits(office: Office, topic: str) -> None:
    ada, parent = office.staff("Ada"), office.parent()
    waited = f"person:{parent.person_id}" if topic == "person" else topic
    with office.services.hub.subscription(waited) as woken:
        await asyncio.to_thread(desk.claim_case, office.services, parent.case_id, ada)
        await asyncio.wait_for(woken.wait(), 5)
        woken.clear()
        await asyncio.to_thread(desk.send_reply, office.services, parent.case_id, ada, "Hello")
        await asyncio.wait_for(woken.wait(), 5)


def test_an_act_that_fails_at_its_last_step_leaves_nothing_behind(office: Office) -> None:
    """The reply, the history, the audit and the case are one transaction."""
    ada, parent = office.staff("Ada"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    before = office.events(parent), office.audit(ada), len(office.outbox(parent))

    def fail(*_: object) -> None:
        raise RuntimeError("the disk is full")

    event.listen(StaffAudit, "before_insert", fail)
    try:
        with pytest.raises(RuntimeError):
            desk.send_reply(office.services, parent.case_id, ada, "Hello", form_id=FORM)
    finally:
        event.remove(StaffAudit, "before_insert", fail)
    assert (office.events(parent), office.audit(ada), len(office.outbox(parent))) == before
    assert office.case(parent).first_reply_at is None
    desk.send_reply(office.services, parent.case_id, ada, "Hello", form_id=FORM)
    assert office.events(parent)[-1] == "replied"
