"""What is answered without understanding language: words, buttons old and new, places, things that cannot be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from unicodedata import category
from unittest.mock import Mock

import pytest
from sqlalchemy import select, update

from bot.conversation.effects import APPLY
from bot.conversation.journey import ALWAYS
from bot.conversation.router import LASTING, READ_SIGNS
from bot.languages import supported
from bot.messages import Kind
from bot.people.forgotten import read_list
from bot.people.tombstones import of_receipt
from bot.settings import ROOT
from bot.storage.tables import ButtonToken, Case, Consent, Feedback, Outbox, Person, PersonAddress, Tombstone, now
from bot.sweep import Sweep
from bot.wiring import Parts
from tests.conversation.support import Parent, drain, refs, understanding
from tests.doubles.rasa_server import RasaDouble, turn

NOTICE = "text:notice.first"


async def settled(parts: Parts, **values: str) -> Parent:
    """A parent who has had the first notice and chosen a language, so that nothing follows an answer."""
    parent = Parent(parts, language=values.pop("language", "en"), **values)
    await parent.say("menu")
    assert refs(parent.everything())[-1] == NOTICE
    return parent


WORDS = [
    ("menu", "text:menu.intro"),
    ("Help now", "text:help_now"),
    ("language", "text:language.choose"),
    ("delete my data", "text:forget.sure"),
    ("what do you know about me", "text:know.kinds"),
    ("source", "text:source.none"),
    ("STOP", "text:stop.done"),
    ("start", "text:start.done"),
    ("talk to a person", "text:person.later"),
    ("no", "text:no.what_then"),
    ("skip", "text:no.what_then"),
    ("yes", "text:greet.hello"),
    ("more", "text:ideas.intro"),
]


@pytest.mark.parametrize(("word", "ref"), WORDS)
async def test_each_word_works_at_any_moment_without_rasa(
    parts: Parts, at: Callable[[datetime], None], word: str, ref: str
) -> None:
    at(datetime(2026, 11, 21, 12, 0, tzinfo=UTC))  # a Saturday: nobody is there
    parent = await settled(parts)
    assert refs(await parent.say(word)) == [ref]


@pytest.mark.parametrize("signs", ["😭😭😭", "🙂", "😢…"])
async def test_emoji_alone_get_the_numbers_and_a_person_and_no_guess(parts: Parts, rasa: RasaDouble, signs: str) -> None:
    parent = await settled(parts)
    async with understanding(parts, rasa.url):
        (heard,) = await parent.say(signs)
    assert heard.ref == "text:wordless"
    assert heard.titles == ["Help now", "Talk to a person", "Menu"]
    assert rasa.calls == []


@pytest.mark.parametrize("run", ["x" * 10_000, "zzzzzz", "XxXxXx xXxX", "ааааааа!!!", "ں" * 7])
async def test_one_letter_held_down_is_no_thanks_and_no_guess(parts: Parts, rasa: RasaDouble, run: str) -> None:
    parent = await settled(parts)
    async with understanding(parts, rasa.url):
        heard, *cut = await parent.say(run)
    assert [one.ref for one in cut] == (["text:too_long"] if len(run) > 4_000 else [])
    assert (heard.ref, heard.titles, rasa.calls) == ("text:wordless", ["Help now", "Talk to a person", "Menu"], [])


async def test_a_few_kisses_and_words_with_long_letters_are_read(parts: Parts, rasa: RasaDouble) -> None:
    parent = await settled(parts)
    async with understanding(parts, rasa.url):
        for text in ("xxx", "thanks xxxxxxxx", "sooooooo tired"):
            assert "text:wordless" not in refs(await parent.say(text))


async def test_emoji_with_words_or_a_meaning_of_their_own_are_read(parts: Parts, rasa: RasaDouble) -> None:
    parent = await settled(parts)
    async with understanding(parts, rasa.url):
        for text in ("😭 he will not sleep", "🙏🏽", "❤️"):
            assert "text:wordless" not in refs(await parent.say(text))
    assert len(rasa.calls) == 3


def test_emoji_that_are_taught_alone_are_those_that_are_read() -> None:
    files = [file for file in (ROOT / "data" / "nlu").rglob("*.yml") if file.stem != "topic_other_out_of_scope"]
    examples = [line.strip("- \n") for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    alone = [text for text in examples if any(category(char) == "So" for char in text) and not any(map(str.isalnum, text))]
    assert alone
    assert [text for text in alone if READ_SIGNS.isdisjoint(text)] == []


async def test_whoever_starts_again_finds_the_regular_tips_that_the_words_name(parts: Parts) -> None:
    (heard,) = await (await settled(parts)).say("start")
    assert heard.titles[:2] == ["Regular tips", "Menu"]


@pytest.mark.parametrize(
    ("language", "word", "ref"),
    [("cy", "dewislen", "text:menu.intro"), ("ur", "مینو", "text:menu.intro"), ("ur", "band karo", "text:stop.done")],
)
async def test_words_are_answered_in_the_language_that_was_chosen(parts: Parts, language: str, word: str, ref: str) -> None:
    parent = await settled(parts, language=language)
    (reply,) = await parent.say(word)
    assert reply.ref == ref
    assert reply.outbound.language in (language, "en")
    assert parts.renderer.library.strings.get("button.menu", language) or reply.titles


async def test_every_row_of_the_menu_does_something(parts: Parts, rasa: RasaDouble) -> None:
    rasa.answers(turn({"ref": "ask:need"}, form="find_service_form", requested_slot="need"))
    parent = await settled(parts)
    (menu,) = await parent.say("menu")
    assert 5 <= len(menu.outbound.rows) <= 10
    async with understanding(parts, rasa.url):
        for row in menu.outbound.rows:
            heard = await parent.say(kind=Kind.BUTTON, token=row.token)
            assert heard, row.title
            assert "text:old_button" not in refs(heard)
            assert "text:unavailable" not in refs(heard)


async def test_every_topic_has_an_answer_by_button_when_rasa_is_away(parts: Parts) -> None:
    parent = await settled(parts)
    for title in ("Crying", "Sleep", "Feeding"):
        await parent.say("menu")
        heard = await parent.press(title)
        assert heard[0].ref.startswith("message:baby/")
        assert 1 <= len(heard[0].outbound.buttons) <= 4, "three, and the way to the numbers"
        assert heard[0].titles[1:3] == ["Talk to a person", "Menu"]


# Buttons


async def test_an_unknown_token_gives_the_menu_and_says_why(parts: Parts) -> None:
    parent = await settled(parts)
    assert refs(await parent.say(kind=Kind.BUTTON, token="never-was")) == ["text:old_button", "text:menu.intro"]
    assert refs(await parent.say(kind=Kind.BUTTON, token=None)) == ["text:old_button", "text:menu.intro"]


async def test_the_token_of_somebody_else_does_nothing_of_theirs(parts: Parts) -> None:
    theirs, mine = await settled(parts), await settled(parts)
    await theirs.say("delete my data")
    heard = await mine.say(kind=Kind.BUTTON, token=theirs.token("Yes, forget me"))
    assert refs(heard) == ["text:old_button", "text:menu.intro"]
    assert theirs.person().forgotten_at is None
    assert mine.person().forgotten_at is None


async def age_buttons(parts: Parts) -> None:
    with parts.database.write() as session:
        for stored in session.scalars(select(ButtonToken)):
            stored.expires_at = now() - timedelta(days=30)


async def test_a_button_of_last_month_keeps_its_meaning_where_that_is_safe(parts: Parts) -> None:
    parent = await settled(parts)
    await parent.say("menu")
    await age_buttons(parts)
    assert (await parent.press("Crying"))[0].ref.startswith("message:baby/crying/")


async def test_a_yes_of_last_month_forgets_nobody(parts: Parts) -> None:
    parent = await settled(parts)
    await parent.say("delete my data")
    await age_buttons(parts)
    assert refs(await parent.press("Yes, forget me")) == ["text:old_button", "text:menu.intro"]
    assert parent.person().forgotten_at is None


async def test_a_form_button_without_a_form_gives_the_menu(parts: Parts, rasa: RasaDouble) -> None:
    rasa.answers(turn({"ref": "ask:mode"}, form="find_service_form", requested_slot="mode"))
    parent = await settled(parts)
    async with understanding(parts, rasa.url):
        await parent.say("find me something to go to")
        await parent.say("menu")  # closes the form
        assert refs(await parent.press("Online")) == ["text:old_button", "text:menu.intro"]


async def test_a_form_button_hands_its_value_to_the_form(parts: Parts, rasa: RasaDouble) -> None:
    rasa.answers(turn({"ref": "ask:mode"}, form="find_service_form", requested_slot="mode", slots={"need": "sleep"}))
    parent = await settled(parts)
    async with understanding(parts, rasa.url):
        await parent.say("find me something to go to")
        await parent.press("Online")
    assert (rasa.calls[1]["form"], rasa.calls[1]["slots"]) == ("find_service_form", {"need": "sleep"})
    assert rasa.texts()[1] == "online"


def test_only_buttons_that_exist_are_called_lasting(parts: Parts) -> None:
    handlers = parts.journey._handlers
    assert {name for name in LASTING if not handlers.knows(name)} <= {"find_service"}
    assert {"forget", "yes", "no", "form", "skip"}.isdisjoint(LASTING)
    assert all(handlers.knows(name) for name in ALWAYS)


# Yes and no, forgetting


@pytest.mark.parametrize("answer", ["yes", "Yes, forget me", "👍"])
async def test_forgetting_is_asked_once_and_done(parts: Parts, answer: str) -> None:
    parent = await settled(parts)
    await parent.say("delete my data")
    heard = await (parent.press(answer) if answer.endswith("me") else parent.say(answer))
    assert refs(heard) == ["text:forget.done"]
    assert parent.person().forgotten_at is not None
    with parts.database.read() as session:
        assert session.scalars(select(Outbox.ref).where(Outbox.person_id == parent.person_id)).all() == ["text:forget.done"]


async def test_the_sweep_leaves_the_confirmation_of_forgetting_to_be_fetched_and_then_takes_it(parts: Parts) -> None:
    parent = await settled(parts)
    await parent.say("delete my data")
    await parent.press("Yes, forget me")
    with parts.database.write() as session:
        session.execute(update(Outbox).where(Outbox.person_id == parent.person_id).values(open=0, state="sent"))
    sweep = Sweep(parts)
    for minutes, left in ((0, ["text:forget.done"]), (2, [])):
        with parts.database.write() as session:
            earlier = now() - timedelta(minutes=minutes)
            session.execute(update(Person).where(Person.id == parent.person_id).values(forgotten_at=earlier))
        sweep.once()
        with parts.database.read() as session:
            assert session.scalars(select(Outbox.ref).where(Outbox.person_id == parent.person_id)).all() == left


async def test_the_receipt_is_the_one_that_is_kept_as_a_hash(parts: Parts) -> None:
    parent = await settled(parts)
    await parent.say("delete my data")
    (done,) = await parent.say("yes")
    (receipt,) = re.findall("[2-9A-Z]{4}-[2-9A-Z]{4}", done.text)
    with parts.database.read() as session:
        stone = of_receipt(session, parts.keyring, receipt)
        assert stone is not None and stone.ends_at > now() + timedelta(days=700)
        assert session.get_one(Person, parent.person_id).receipt == stone.receipt
    assert [line.receipt for line in read_list(parts.settings.forgotten_path)[0]] == [stone.receipt]


async def test_a_receipt_is_given_only_for_what_the_list_beside_the_database_knows(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a restored copy would bring back somebody who was told that they are gone."""
    parent = await settled(parts)
    await parent.say("delete my data")
    monkeypatch.setattr("bot.people.forgotten.os.fsync", Mock(side_effect=OSError(28, "No space left on device")))
    with pytest.raises(OSError):
        await parent.say("yes")
    assert parent.person().forgotten_at is None and "text:forget.done" not in refs(parent.everything())


async def test_whoever_was_forgotten_hears_nothing_unasked_until_they_say_start(parts: Parts) -> None:
    parent = await settled(parts)
    await parent.say("delete my data")
    await parent.say("yes")
    await parent.say("menu")
    back = parent.person()
    assert back.forgotten_at is None and back.stopped_at is None and back.quiet_until is not None
    await parent.say("start")
    assert parent.person().quiet_until is None
    with parts.database.read() as session:
        assert session.scalars(select(Tombstone)).all() == []


@pytest.mark.parametrize("answer", ["no", "menu", "start"])
async def test_anything_else_than_yes_forgets_nobody(parts: Parts, answer: str) -> None:
    parent = await settled(parts)
    await parent.say("delete my data")
    await parent.say(answer)
    assert parent.person().forgotten_at is None


@pytest.mark.parametrize("between", ["language", "Help now", "start", "what do you know about me"])
async def test_a_yes_to_something_else_said_later_forgets_nobody(parts: Parts, between: str) -> None:
    parent = await settled(parts)
    await parent.say("delete my data")
    await parent.say(between)
    await parent.say("ok")
    assert parent.person().forgotten_at is None


async def test_who_was_forgotten_starts_anew(parts: Parts) -> None:
    parent = await settled(parts)
    await parent.say("delete my data")
    await parent.say("yes")
    first = parent.person_id
    heard = await parent.say("menu")
    assert parent.person_id != first
    assert NOTICE in refs(heard)


# Stop, start, language


async def test_stop_is_recorded_as_a_withdrawn_consent_and_start_ends_it(parts: Parts) -> None:
    parent = await settled(parts)
    await parent.say("stop")
    assert parent.person().stopped_at is not None
    with parts.database.read() as session:
        (consent,) = session.scalars(select(Consent)).all()
    assert (consent.category, consent.given) == ("unasked", False)
    assert refs(await parent.say("menu")) == ["text:menu.intro"], "who wrote STOP and writes again is answered"
    await parent.say("start")
    assert parent.person().stopped_at is None


async def test_a_language_is_offered_by_its_own_name_and_used_from_then_on(parts: Parts) -> None:
    parent = await settled(parts)
    (choice,) = await parent.say("language")
    names = [language.name for language in supported()]
    assert [row.title for row in choice.outbound.rows][: len(names)] == names
    (set_,) = await parent.press("اردو")
    assert (set_.language, set_.outbound.direction) == ("ur", "rtl")
    assert (parent.person().language, parent.person().language_chosen) == ("ur", True)
    assert (await parent.say("menu"))[0].language == "ur"


# Places, starts, things that cannot be read


async def test_a_map_pin_is_answered_with_what_helps_instead(parts: Parts) -> None:
    parent = await settled(parts)
    assert refs(await parent.say(kind=Kind.LOCATION, latitude=51.5, longitude=-3.2)) == ["text:location.thanks"]


@pytest.mark.parametrize("media", ["voice", "photo", "video", "sticker", "document", "contact", "other"])
async def test_what_cannot_be_read_says_so_with_the_numbers_and_a_person(parts: Parts, media: str) -> None:
    parent = await settled(parts)
    (reply,) = await parent.say(kind=Kind.UNSUPPORTED, media=media)
    assert reply.ref == "safety:cannot-hear"
    assert "999" in reply.text
    assert reply.titles == ["Talk to a person", "Menu"]


async def test_a_photo_with_words_is_answered_by_its_words(parts: Parts) -> None:
    parent = await settled(parts)
    assert refs(await parent.say("menu", kind=Kind.UNSUPPORTED, media="photo")) == ["safety:cannot-hear", "text:menu.intro"]


async def test_a_start_greets_and_a_deep_link_opens_its_message(parts: Parts) -> None:
    assert refs(await Parent(parts).start())[0] == "text:greet.hello"
    assert refs(await Parent(parts).start("baby__crying__start-here"))[0] == "message:baby/crying/start-here"
    assert refs(await Parent(parts).start("poster-7"))[0] == "text:greet.hello"


async def test_an_edited_message_is_read_anew(parts: Parts) -> None:
    parent = await settled(parts)
    assert refs(await parent.say("menu", kind=Kind.EDIT)) == ["text:menu.intro"]


# A person, feedback, sources


async def test_asking_for_a_person_opens_a_case_with_consent(parts: Parts) -> None:
    parent = await settled(parts)
    await parent.say("talk to a person")
    with parts.database.read() as session:
        case = session.scalars(select(Case)).one()
        consents = session.scalars(select(Consent)).all()
    assert (case.level, case.rank, case.person_id) == ("concern", 2, parent.person_id)
    assert [(consent.category, consent.given) for consent in consents] == [("contact", True)]
    assert parent.inbox()[-1].case_id == case.id


async def test_where_does_this_come_from_always_answers(parts: Parts) -> None:
    parent = await settled(parts)
    assert refs(await parent.say("where does this come from")) == ["text:source.none"]
    await parent.press("Menu")
    await parent.press("Crying")
    (reply,) = await parent.say("where does this come from?")
    assert reply.ref in ("text:source.draft", "text:source.reviewed", "text:source.own")


async def test_another_idea_is_another_one_while_there_is_one(parts: Parts) -> None:
    parent = await settled(parts)
    await parent.say("menu")
    given = [(await parent.press("Crying"))[0].ref]
    topics = [m for m in parts.library.messages.values() if m.topic == "baby/crying" and not m.nations]
    for _ in range(len(topics) - 1):
        given.append((await parent.say("more"))[0].ref)
    assert len(set(given)) == len(topics)


async def test_feedback_is_kept_against_the_version_that_was_sent(parts: Parts) -> None:
    parent = await settled(parts)
    heard = []
    for _ in range(5):
        await parent.say("menu")
        heard += await parent.press("Crying")
    assert "text:feedback.ask" in refs(heard)
    assert refs(await parent.press("Yes")) == ["text:feedback.good"]
    with parts.database.read() as session:
        (feedback,) = session.scalars(select(Feedback)).all()
        sent = session.scalars(select(Outbox).where(Outbox.key == feedback.outbox_key)).one()
    assert feedback.useful
    assert (feedback.content_id, feedback.content_version) == (sent.content_id, sent.content_version)


def test_every_effect_that_a_handler_proposes_can_be_applied() -> None:
    import inspect
    import re

    from bot.conversation import handlers, journey

    proposed = set(re.findall(r'turn\.do\(\s*"(\w+)"', inspect.getsource(handlers) + inspect.getsource(journey)))
    assert proposed
    assert proposed <= APPLY.keys()


async def test_a_person_has_one_address_row_however_often_they_write(parts: Parts) -> None:
    parent = await settled(parts)
    await parent.say("menu")
    with parts.database.read() as session:
        assert len(session.scalars(select(PersonAddress)).all()) == len(session.scalars(select(Person)).all()) == 1
    await drain(parts)
