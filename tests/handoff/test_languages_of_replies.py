"""Nothing is translated: a reply in another language is asked about once, and an interpreter can be asked for."""

from __future__ import annotations

from functools import partial

import pytest

from bot.console.queue import read_queue
from bot.handoff import desk
from bot.handoff.cases import NotClaimed
from tests.console.support import AREA, Office
from tests.handoff.test_desk import at_once, errors

ENGLISH = "I am here with you now. Can you tell me more?"


@pytest.mark.parametrize(
    ("words", "parents", "other"),
    [
        (ENGLISH, "en", None),
        (ENGLISH, "ur", "en"),
        (ENGLISH, "pl", "en"),
        ("Hello", "ur", "en"),
        ("Tell me more", "ro", "en"),
        ("Ok", "ur", None),
        ("07", "ur", None),
        ("آپ اکیلی نہیں ہیں۔", "ur", None),
        ("شكرا لك", "ur", "ar"),
        ("Дякую", "uk", None),
        ("Diolch", "en", "cy"),
        ("Jak się masz dzisiaj?", "pl", None),
    ],
)
def test_another_language_is_seen_where_it_is_likely(words: str, parents: str, other: str | None) -> None:
    assert desk.other_language(words, parents) == other


def test_every_ready_reply_is_taken_for_its_own_language_when_it_is_sent_from_the_box(office: Office) -> None:
    for ready in office.library.replies.by_id.values():
        for language, words in ready.words.items():
            assert desk.other_language(words, language) is None, (ready.id, language)


def test_a_reply_in_another_language_is_asked_about_once_and_the_answer_is_kept(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent(language="ur")
    desk.claim_case(office.services, parent.case_id, ada)
    with pytest.raises(desk.OtherLanguage) as question:
        desk.send_reply(office.services, parent.case_id, ada, ENGLISH)
    assert question.value.language == "en"
    assert office.events(parent) == ["opened", "claimed"] and len(office.outbox(parent)) == 1
    desk.send_reply(office.services, parent.case_id, ada, ENGLISH, any_language=True)
    desk.send_reply(office.services, parent.case_id, ada, ENGLISH)
    assert office.events(parent) == ["opened", "claimed", "other_language", "replied", "replied"]
    assert office.words(office.outbox(parent)[-1])["language"] == "en"


def test_each_member_of_staff_is_asked(office: Office) -> None:
    ada, ben, parent = office.staff("Ada"), office.staff("Ben"), office.parent(language="ur")
    desk.claim_case(office.services, parent.case_id, ada)
    desk.send_reply(office.services, parent.case_id, ada, ENGLISH, any_language=True)
    desk.hand_over_case(office.services, parent.case_id, ada, ben)
    with pytest.raises(desk.OtherLanguage):
        desk.send_reply(office.services, parent.case_id, ben, ENGLISH)


def test_in_the_parents_language_nothing_is_asked_and_nothing_noted(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent(language="ur")
    desk.claim_case(office.services, parent.case_id, ada)
    desk.send_reply(office.services, parent.case_id, ada, "آپ اکیلی نہیں ہیں۔", any_language=True)
    assert office.events(parent) == ["opened", "claimed", "replied"]


def test_who_does_not_hold_the_case_is_told_so_first(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent(language="ur")
    with pytest.raises(NotClaimed):
        desk.send_reply(office.services, parent.case_id, ada, ENGLISH)


def test_an_interpreter_is_needed_until_somebody_says_otherwise_and_the_queue_shows_it(office: Office) -> None:
    ada, ben, parent = office.staff("Ada"), office.staff("Ben"), office.parent(language="ur")
    desk.claim_case(office.services, parent.case_id, ada)

    def shown() -> bool:
        with office.services.database.read() as session:
            return read_queue(session, staff_id=ben, area_id=AREA, show="all").entries[0].interpreter

    assert not shown()
    say = partial(desk.set_interpreter, office.services, parent.case_id)
    assert not errors(at_once(partial(say, ada, True), partial(say, ben, True)))
    assert shown() and office.events(parent).count("interpreter_needed") == 1
    say(ben, False)
    assert not shown() and office.events(parent)[-1] == "interpreter_done"
    desk.close_case(office.services, parent.case_id, ada, "answered")
    with pytest.raises(NotClaimed):
        say(ben, True)
