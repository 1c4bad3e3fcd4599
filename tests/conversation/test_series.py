"""Asking for regular tips, choosing when, changing, pausing and stopping them, by buttons and words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from bot.languages import supported
from bot.storage.tables import Child, Consent, Person, SeriesStep, SeriesSubscription, Tombstone, now
from bot.wiring import Parts
from tests.conversation.support import Parent, refs

LANGUAGES = [language.code for language in supported()]
WORDS = {
    "en": "Regular tips", "cy": "awgrymiadau cyson", "ur": "باقاعدہ مشورے", "uk": "регулярні поради", "ro": "sfaturi regulate",
    "pl": "regularne porady", "ar": "نصائح منتظمة", "bn": "নিয়মিত পরামর্শ",
}  # fmt: skip


def row_of(parts: Parts, parent: Parent) -> SeriesSubscription:
    with parts.database.read() as session:
        return session.scalars(select(SeriesSubscription).where(SeriesSubscription.person_id == parent.person_id)).one()


def with_child(parts: Parts, parent: Parent, month: str, told: datetime | None = None) -> int:
    with parts.database.write() as session:
        child = Child(person_id=parent.person_id, born_or_due=month, created_at=told or now())
        session.add(child)
        session.flush()
        return child.id


def months_ago(number: int) -> str:
    index = now().year * 12 + now().month - 1 - number
    return f"{index // 12}-{index % 12 + 1:02d}"


async def joined(parts: Parts, *, language: str = "en", month: str = "", **who: str) -> Parent:
    """Somebody who gets tips by age on Mondays at nine, every week."""
    parent = Parent(parts, language=language, **who)
    await parent.say("menu")
    with_child(parts, parent, month or months_ago(5))
    strings = parts.library.strings
    await parent.say(WORDS[language])
    await parent.press(strings.get("menu.series.by-age", language)[:24])
    await parent.press(strings.get("button.pace_weekly", language))
    day = parent.everything()[-1].titles[0]
    await parent.press(day)
    await parent.press("09:00")
    assert refs(parent.everything())[-1] == "text:series.agree"
    await parent.press(strings.get("button.yes", language))
    return parent


@pytest.mark.parametrize("language", LANGUAGES)
async def test_somebody_asks_chooses_agrees_and_gets_it(parts: Parts, language: str) -> None:
    parent = await joined(parts, language=language)
    assert refs(parent.everything())[-1] == "text:series.joined"
    assert {said.language for said in parent.everything()[-6:]} == {language}
    row = row_of(parts, parent)
    assert (row.series, row.days, row.hour, row.pace, row.state) == ("by-age", "0", 9, "weekly", "active")
    assert row.next_at is not None and row.next_at > now()
    assert row.agreed_by == "terminal" and row.agreed_inbox_id is not None and len(row.agreed_version or "") == 16


async def test_nothing_is_kept_before_they_agree(parts: Parts) -> None:
    parent = Parent(parts, language="en")
    await parent.say("menu")
    with_child(parts, parent, months_ago(5))
    for title in ("By your child's age", "Every week", "Any day", "09:00", "No"):
        await parent.say("regular tips") if title.startswith("By") else None
        await parent.press(title)
    with parts.database.read() as session:
        assert session.scalars(select(SeriesSubscription)).all() == []
        assert session.scalars(select(Consent).where(Consent.category.startswith("series"))).all() == []


async def test_without_a_known_child_the_month_is_asked_and_then_it_goes_on(parts: Parts) -> None:
    parent = Parent(parts, language="en")
    await parent.say("weekly tips")
    assert refs(await parent.press("By your child's age")) == ["text:question.child"]
    year, month = months_ago(8).split("-")
    assert refs(await parent.say(f"{month}/{year}")) == ["text:series.pace"]
    for title in ("Once a month", "Any day", "18:00", "Yes"):
        last = await parent.press(title)
    assert refs(last) == ["text:series.joined"]
    row = row_of(parts, parent)
    assert (row.days, row.pace, row.hour) == ("0123456", "monthly", 18)
    with parts.database.read() as session:
        assert session.scalars(select(Child.born_or_due)).all() == [months_ago(8)]


async def test_of_two_children_it_is_asked_which(parts: Parts) -> None:
    parent = Parent(parts, language="en")
    await parent.say("menu")
    with_child(parts, parent, months_ago(5))
    second = with_child(parts, parent, months_ago(30))
    await parent.say("regular tips")
    (asked,) = await parent.press("By your child's age")
    assert asked.ref == "text:series.child"
    await parent.press(asked.titles[0])
    for title in ("Every week", "Any day", "09:00", "Yes"):
        await parent.press(title)
    assert row_of(parts, parent).child_id == second  # the older one stands first


async def test_a_baby_born_early_is_asked_how_early(parts: Parts) -> None:
    parent = Parent(parts, language="en")
    await parent.say("menu")
    with_child(parts, parent, months_ago(3))
    await parent.say("regular tips")
    assert refs(await parent.press("For a baby born early")) == ["text:series.early"]
    for title in ("About two months", "Every week", "Any day", "09:00", "Yes"):
        await parent.press(title)
    assert (row_of(parts, parent).series, row_of(parts, parent).early) == ("premature", 2)


async def test_starting_school_goes_by_the_month_that_they_name(parts: Parts) -> None:
    parent = Parent(parts, language="en")
    await parent.say("regular tips")
    (asked,) = await parent.press("Starting school")
    assert asked.ref == "text:series.date"
    await parent.press(asked.titles[3])
    for title in ("Every week", "Any day", "09:00", "Yes"):
        await parent.press(title)
    row = row_of(parts, parent)
    assert (row.month, row.child_id) == (months_ago(-3), None)


async def test_less_often_another_time_pause_and_going_on(parts: Parts) -> None:
    parent = await joined(parts)
    await parent.press("Change or stop")
    await parent.press("By your child's age")
    assert refs(await parent.press("Less often")) == ["text:series.changed"]
    assert row_of(parts, parent).pace == "fortnightly"
    for title in ("Another day or time", "Sunday", "18:00"):
        await parent.press(title)
    assert (row_of(parts, parent).days, row_of(parts, parent).hour) == ("6", 18)
    await parent.press("Pause")
    assert (row_of(parts, parent).state, row_of(parts, parent).next_at) == ("paused", None)
    assert refs(await parent.press("Go on again")) == ["text:series.resumed"]
    assert row_of(parts, parent).state == "active" and row_of(parts, parent).next_at is not None


@pytest.mark.parametrize(("title", "reason"), [("Stop these", "asked"), ("Not living with me now", "apart")])
async def test_stopping_one_and_a_child_who_is_not_there_now(parts: Parts, title: str, reason: str) -> None:
    parent = await joined(parts)
    await parent.press("Change or stop")
    await parent.press("By your child's age")
    await parent.press(title)
    assert (row_of(parts, parent).state, row_of(parts, parent).reason) == ("ended", reason)
    with parts.database.read() as session:
        child = session.scalars(select(Child)).one()
        assert (child.apart_at is not None) == (reason == "apart")
        given = session.scalars(select(Consent.given).where(Consent.category == "series:by-age").order_by(Consent.id)).all()
    assert given == [True, False]


LESS = {
    "en": "less often please", "cy": "yn llai aml", "ur": "کم پیغام", "uk": "рідше", "ro": "mai rar", "pl": "rzadziej", "ar": "رسائل أقل",
    "bn": "কম মেসেজ",
}  # fmt: skip
APART = {
    "en": "Not living with me now.", "cy": "ddim yn byw efo fi rwan", "ur": "میرے ساتھ نہیں رہتا", "uk": "зараз не живе зі мною",
    "ro": "nu sta cu mine acum", "pl": "nie mieszka teraz ze mna", "ar": "لا تعيش معي الآن", "bn": "আমার সাথে থাকে না",
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
async def test_less_often_and_not_living_with_me_are_done_at_once_when_typed(parts: Parts, language: str) -> None:
    parent = await joined(parts, language=language)
    assert refs(await parent.say(LESS[language])) == ["text:series.changed"]
    assert row_of(parts, parent).pace == "fortnightly"
    assert refs(await parent.say(APART[language])) == ["text:series.apart"]
    assert (row_of(parts, parent).state, row_of(parts, parent).reason) == ("ended", "apart")


async def test_of_two_series_it_is_asked_which_one_is_to_come_less_often(parts: Parts) -> None:
    parent = await joined(parts)
    await parent.say("regular tips")
    await parent.press("Starting school")
    await parent.press(parent.everything()[-1].titles[0])
    for title in ("Every week", "Any day", "09:00", "Yes"):
        await parent.press(title)
    (asked,) = await parent.say("less often")
    assert asked.ref == "text:series.which"
    assert refs(await parent.press("Starting school")) == ["text:series.changed"]
    with parts.database.read() as session:
        paces = dict(session.execute(select(SeriesSubscription.series, SeriesSubscription.pace)).tuples().all())
    assert paces == {"by-age": "weekly", "starting-school": "fortnightly"}


async def test_not_living_with_me_of_somebody_who_gets_no_tips_is_a_story_like_others(parts: Parts) -> None:
    parent = Parent(parts, language="en")
    await parent.say("menu")
    assert not any(ref.startswith("text:series.") for ref in refs(await parent.say("not living with me now")))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_less_often_of_somebody_who_gets_nothing_is_answered_and_nothing_is_offered(parts: Parts, language: str) -> None:
    parent = Parent(parts, language=language)
    await parent.say(LESS[language])
    (heard,) = await parent.say(LESS[language])
    assert heard.ref == "text:series.none"
    assert parts.library.strings.get("button.series", language) not in heard.titles


async def test_less_often_where_it_could_not_be_less_says_so(parts: Parts) -> None:
    parent = await joined(parts)
    for _ in range(2):
        assert refs(await parent.say("less often")) == ["text:series.changed"]
    (heard,) = await parent.say("less often")
    assert heard.ref == "text:series.slowest"
    assert row_of(parts, parent).pace == "monthly"
    assert "text:series.change" in refs(await parent.press("Regular tips")) + refs(await parent.press("By your child's age"))


async def test_asking_for_tips_ends_the_silence_after_being_forgotten(parts: Parts) -> None:
    before = Parent(parts, language="en")
    await before.say("forget me")
    await before.press("Yes, forget me")
    again = await joined(parts, value=before.value)
    with parts.database.read() as session:
        person = session.get_one(Person, again.person_id)
        assert again.person_id != before.person_id and person.quiet_until is None
        assert session.scalars(select(Tombstone)).all() == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_stop_ends_all_at_once_in_every_language(parts: Parts, language: str) -> None:
    parent = await joined(parts, language=language)
    word = {"cy": "stopio", "ur": "بند کریں", "uk": "стоп", "ar": "توقف", "bn": "বন্ধ করুন"}.get(language, "STOP")
    await parent.say(word)
    assert (row_of(parts, parent).state, row_of(parts, parent).reason) == ("ended", "stop")


async def test_asking_again_after_a_stop_is_asking(parts: Parts) -> None:
    parent = await joined(parts)
    await parent.say("stop")
    await parent.say("regular tips")
    for title in ("By your child's age", "Every week", "Any day", "09:00", "Yes"):
        await parent.press(title)
    with parts.database.read() as session:
        assert session.get_one(Person, parent.person_id).stopped_at is None
        states = session.scalars(select(SeriesSubscription.state).order_by(SeriesSubscription.id)).all()
    assert states == ["ended", "active"]


async def test_a_bereavement_ends_it_and_nothing_is_offered_by_age(parts: Parts) -> None:
    parent = await joined(parts)
    with parts.database.write() as session:
        session.get_one(Person, parent.person_id).bereaved_at = datetime.now(UTC)
    (menu,) = await parent.say("regular tips")
    assert "Starting school" not in menu.titles


async def ask_if_born(parts: Parts) -> Parent:
    """Somebody who was asked whether the baby is here."""
    parent = await joined(parts, month=months_ago(0))
    with parts.database.write() as session:
        row = session.scalars(select(SeriesSubscription)).one()
        row.state, row.reason, row.next_at = "held", "born", None
    return parent


async def test_yes_the_baby_is_here_asks_the_month_and_goes_on(parts: Parts) -> None:
    parent = await ask_if_born(parts)
    mine = row_of(parts, parent)
    from bot.series.plan import Due
    from bot.series.words import reply_of

    reply = reply_of(mine, parts.library.series.by_id["by-age"], Due("born"))
    assert [spec.label for spec in reply.buttons] == ["button.born_yes", "button.born_not_yet", "button.born_lost"]
    put(parts, parent, reply)
    (asked,) = await parent.press("Yes, baby is here")
    assert asked.ref == "text:series.born_month"
    assert refs(await parent.press(asked.titles[1])) == ["text:series.born_done"]
    with parts.database.read() as session:
        child = session.scalars(select(Child)).one()
    assert child.born_or_due == months_ago(1) and child.arrived_at is not None
    assert row_of(parts, parent).state == "active"


async def test_when_something_went_wrong_it_stops_and_asks_gently(parts: Parts) -> None:
    parent = await ask_if_born(parts)
    from bot.series.plan import Due
    from bot.series.words import reply_of

    put(parts, parent, reply_of(row_of(parts, parent), parts.library.series.by_id["by-age"], Due("born")))
    assert refs(await parent.press("Something went wrong")) == ["text:series.lost", "text:loss.ask"]
    assert row_of(parts, parent).state == "ended"
    await parent.press("Yes")
    with parts.database.read() as session:
        assert session.get_one(Person, parent.person_id).bereaved_at is not None


def put(parts: Parts, parent: Parent, reply: object) -> None:
    from bot.delivery.outbox import enqueue
    from bot.storage.tables import PersonAddress

    with parts.database.write() as session:
        address = session.scalars(select(PersonAddress).where(PersonAddress.person_id == parent.person_id)).one()
        enqueue(
            session, parts.keyring, parts.renderer, reply, key="series:1:x", person_id=parent.person_id,  # type: ignore[arg-type]
            address_id=address.id, channel="terminal", language="en",
        )  # fmt: skip


async def test_what_waited_is_read_by_its_button_once(parts: Parts) -> None:
    parent = await joined(parts)
    row = row_of(parts, parent)
    with parts.database.write() as session:
        session.add(SeriesStep(
            subscription_id=row.id, person_id=parent.person_id, child_id=row.child_id or 0, series="by-age", step="have-a-guess",
            version="", message="respond/have-a-guess", state="waiting", day="2026-01-05", until="2099-01-01",
        ))  # fmt: skip
    from bot.messages import MessageClass, Reply

    put(parts, parent, Reply(ref="template:series_waiting", args={"team": "T"}, message_class=MessageClass.SERIES))
    assert refs(await parent.press("Read it")) == ["message:respond/have-a-guess"]
    assert refs(await parent.press("Read it")) == ["text:series.nothing_waits"]


async def test_what_is_known_of_them_names_the_tips(parts: Parts) -> None:
    parent = await joined(parts)
    (said,) = await parent.say("what do you know about me")
    assert "regular tips" in said.text
