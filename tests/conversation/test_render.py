"""Everything that can be said renders in English, Welsh and Urdu within WhatsApp's limits, which are the narrowest."""

from __future__ import annotations

import inspect
import re
from datetime import UTC, date, datetime

import pytest

from bot.channels.whatsapp.render import render as to_whatsapp
from bot.conversation import (
    compose,
    handlers,
    journey,
    mistakes,
    person,
    questions,
    reach,
    router,
    safety,
    services,
    turn,
    wishes,
)
from bot.conversation.compose import AGES, MODES
from bot.conversation.mistakes import WRONG_REASONS
from bot.conversation.questions import NATION_NAMES, ROLES
from bot.conversation.render import Renderer
from bot.handoff import desk
from bot.languages import direction, supported
from bot.library import Library
from bot.library.strings import placeholders
from bot.messages import (
    MAX_BUTTON_TITLE,
    MAX_BUTTONS,
    MAX_ROW_TITLE,
    MAX_ROWS,
    MAX_TOKEN,
    Address,
    ButtonSpec,
    MessageClass,
    Reply,
)
from bot.wiring import Parts, topic_ids
from tests.conversation.support import Parent

LANGUAGES = tuple(language.code for language in supported())
NATIONS = (None, "england", "northern-ireland", "scotland", "wales", "outside-uk")
SOURCE = "\n".join(
    inspect.getsource(module)
    for module in (
        *(compose, handlers, journey, mistakes, person, questions, reach, router, safety, services, turn, wishes, desk),
    )
)
LABELS = sorted(set(re.findall(r'label="([a-z_]+\.[a-z_]+)"', SOURCE)))
BUTTONS = [label for label in LABELS if label.startswith("button.")] + [f"topic.{topic}" for topic in topic_ids()]
ROWS = [label for label in LABELS if label.startswith("menu.")]
ROWS += [f"role.{name}" for name in ROLES] + [f"nation.{name}" for name in NATION_NAMES]
ROWS += [f"age.{name}" for name, _ in AGES] + [f"mode.{name}" for name in MODES]
ROWS += [f"reason.{reason}" for reason in WRONG_REASONS]
TEXTS = sorted(
    set(re.findall(r'"text:([a-z_]+(?:\.[a-z_]+)*)"', SOURCE)) | {f"form.{slot}" for slot in ("need", "place", "age", "mode")}
)
TEXTS += ["form.place_again", "form.age_again"]
PHONE = Address(channel="whatsapp", kind="phone", value="447700900000")
VALUES = {
    "when": datetime(2026, 11, 23, 9, 0, tzinfo=UTC),
    "until": datetime(2026, 11, 23, 17, 0, tzinfo=UTC),
    "date": "2026-11-21",
    "sources": "A source (2025)",
    "language": "Cymraeg",
    "name": "Ada",
    "names": "1. A group\n2. Another group",
    "role": "Health visitor",
    "leave": "Clear this chat",
    "skip": "Skip",
    "receipt": "K7QM-2XRD",
}


def test_there_is_something_to_check() -> None:
    assert len(LABELS) > 15
    assert len(TEXTS) > 30
    assert len(BUTTONS) > 40


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_button_fits_uncut(library: Library, language: str) -> None:
    titles = {label: library.strings.get(label, language) for label in BUTTONS if label != "button.switch"}
    assert {label: title for label, title in titles.items() if not 0 < len(title) <= MAX_BUTTON_TITLE} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_row_fits_uncut(library: Library, language: str) -> None:
    titles = {label: library.strings.get(label, language) for label in ROWS}
    assert {label: title for label, title in titles.items() if not 0 < len(title) <= MAX_ROW_TITLE} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_needs_that_are_offered_fit_uncut(library: Library, language: str) -> None:
    titles = [library.needs.title(term, language) for term in library.needs.first]
    assert [title for title in titles if len(title) > MAX_ROW_TITLE] == []
    assert len(set(titles)) == len(titles) <= MAX_ROWS - 1


def test_the_names_of_languages_fit_a_button() -> None:
    assert all(len(entry.name) <= MAX_BUTTON_TITLE for entry in supported())


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_every_short_string_that_parents_see_is_translated(library: Library, language: str) -> None:
    keys = [*BUTTONS, *ROWS, *TEXTS, "message.get_help_if", "find.words", "button.choose"]
    assert [key for key in keys if not library.strings.has(key, language)] == []


@pytest.mark.parametrize("nation", NATIONS)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", TEXTS)
def test_every_text_renders_for_every_nation(library: Library, language: str, nation: str | None, key: str) -> None:
    rendering = Renderer(library).render(Reply(ref=f"text:{key}", args=VALUES), language, nation)
    assert rendering.outbound.text.strip()
    assert not placeholders(rendering.outbound.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_and_safety_text_renders_for_every_nation(library: Library, language: str) -> None:
    for message in library.messages.values():
        ref = message.id if message.id.startswith("safety/") else f"message:{message.id}"
        for nation in NATIONS:
            out = Renderer(library).render(Reply(ref=ref.replace("safety/", "safety:"), args=VALUES), language, nation).outbound
            assert out.text.strip(), message.id
            assert "{" not in out.text, message.id
            assert to_whatsapp(out, PHONE), message.id
            assert out.direction == direction(out.language)


def test_safety_words_exist_for_every_slug_that_is_used(library: Library) -> None:
    slugs = (
        set(re.findall(r'"safety:([a-z-]+)"', SOURCE)) | set(safety.EMERGENCY_TEXTS.values()) | set(safety.URGENT_TEXTS.values())
    )
    slugs |= {"emergency", "urgent", "waiting", "waiting-late", "person-joined", "person-left"}
    assert {slug for slug in slugs if f"safety/{slug}" not in library.messages} == set()


def test_a_telephone_number_stands_between_isolates_in_a_line_of_urdu(library: Library) -> None:
    out = Renderer(library).render(Reply(ref="text:help_now", message_class=MessageClass.SAFETY), "ur", "wales").outbound
    assert "\u2066999\u2069" in out.text


def test_what_is_not_in_their_language_says_so_and_comes_in_english(library: Library) -> None:
    id_ = next(id_ for id_, message in library.messages.items() if "so" not in message.words and "safety" not in id_)
    out = Renderer(library).render(Reply(ref=f"message:{id_}"), "so", None).outbound
    assert (out.language, out.direction) == ("en", "ltr")
    assert out.text.startswith(library.strings.get("message.not_in_your_language", "so"))


@pytest.mark.parametrize("ref", ["text:nothing.of.the.kind", "message:no/such/thing", "safety:nothing", "song:la"])
def test_an_unknown_reference_is_an_error_and_never_an_empty_message(library: Library, ref: str) -> None:
    with pytest.raises(KeyError):
        Renderer(library).render(Reply(ref=ref), "en", None)


def test_a_placeholder_without_a_value_is_an_error(library: Library) -> None:
    with pytest.raises(KeyError):
        Renderer(library).render(Reply(ref="text:person.later"), "en", None)


SERVICE = {
    "id": "s1",
    "name": "Fictional Toddler Group",
    "why": [["near", {"miles": 2}], ["language", {"code": "ur"}], ["need", {"term": "sleep"}], ["soon", {"date": "Monday"}]],
    "when": "Monday 10:00–11:30",
    "where": "Made-up Hall, ZZ1 1AA",
    "cost": None,
    "free": True,
    "join": "Just come",
    "phone": "01632 960001",
    "email": "hello@example.org",
    "checked": None,
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_services_are_shown_with_why_when_cost_phone_and_when_checked(library: Library, language: str) -> None:
    out = Renderer(library).render(services.reply([SERVICE] * 3, True, demonstration=True), language, None).outbound
    strings = library.strings
    for wanted in (
        "*Fictional Toddler Group*",
        "\u206601632 960001\u2069",
        strings.get("services.free", language),
        strings.get("services.unchecked", language),
        strings.get("services.demonstration", language),
    ):
        assert wanted in out.text
    assert out.voice == "directory"
    assert out.voice_name
    assert len(out.buttons) == 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_that_the_directory_gives_has_words(library: Library, language: str) -> None:
    codes = {
        "need": {"term": "sleep"}, "text": {}, "age": {}, "near": {"miles": 2}, "near_one": {}, "in": {"place": "ZZ1"},
        "serves": {"place": "ZZ1"}, "no_travel": {}, "language": {"code": "ur"}, "interpreter": {"code": "ur"},
        "soon": {"date": "Monday"}, "not_checked_since": {"date": "May"}, "never_checked": {},
    }  # fmt: skip
    for code, values in codes.items():
        assert Renderer(library)._why(code, values, language).strip(), code


@pytest.mark.parametrize("language", LANGUAGES)
async def test_everything_a_parent_can_reach_without_rasa_fits_whatsapp(parts: Parts, language: str) -> None:
    parent = Parent(parts, language=language)
    for word in (
        "menu",
        "help now",
        "language",
        "delete my data",
        "what do you know about me",
        "start",
        "stop",
        "more",
        "source",
        "no",
    ):
        await parent.say(word)
    for topic in ("Crying", "Sleep"):
        await parent.say("menu")
        await parent.press(parts.library.strings.get(f"topic.baby/{topic.lower()}", language))
    heard = parent.everything()
    assert len(heard) >= 14
    for reply in heard:
        out = reply.outbound
        assert len(out.buttons) <= MAX_BUTTONS + 1, "three, and the way to the numbers"
        assert len(out.rows) <= MAX_ROWS
        assert all(0 < len(button.title) <= MAX_BUTTON_TITLE for button in out.buttons)
        assert all(0 < len(row.title) <= MAX_ROW_TITLE for row in out.rows)
        assert all(button.token and len(button.token) <= MAX_TOKEN for button in (*out.buttons, *out.rows) if not button.url)
        assert to_whatsapp(out, PHONE)


def test_a_title_too_long_is_cut_rather_than_refused_by_the_provider(library: Library) -> None:
    spec = ButtonSpec(label="language.own_name", label_args={"name": "x" * 60}, action="a")
    out = Renderer(library).render(Reply(ref="text:thanks", buttons=(spec,), rows=(spec,)), "en", None).outbound
    assert (len(out.buttons[0].title), len(out.rows[0].title)) == (MAX_BUTTON_TITLE, MAX_ROW_TITLE)


def test_dates_are_said_in_the_parents_language(library: Library) -> None:
    text = (
        Renderer(library)
        .render(Reply(ref="text:source.reviewed", args={**VALUES, "date": date(2026, 3, 1)}), "cy", None)
        .outbound
    )
    assert "Mawrth" in text.text


# Help with every reply


def weak(language: str) -> bool:
    return language == "cy"


@pytest.mark.parametrize("place", ["buttons", "rows"])
def test_help_is_added_in_a_language_whose_triage_is_not_known_to_catch_enough(library: Library, place: str) -> None:
    renderer = Renderer(library, weak)
    reply = Reply(ref="text:thanks", **{place: (turn.FIND, turn.PERSON, turn.MENU)})
    for language, count in (("cy", 4), ("en", 3)):
        outbound = renderer.render(renderer.with_help(reply, language), language, None).outbound
        titles = [button.title for button in (*outbound.buttons, *outbound.rows)]
        assert len(titles) == count
        assert (library.strings.get("button.help_now", language) in titles) is (language == "cy")
        assert to_whatsapp(outbound, PHONE), "and WhatsApp can show it"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(ref="text:thanks", buttons=(turn.HELP_NOW, turn.PERSON, turn.MENU)),
        Reply(ref="text:help_now", message_class=MessageClass.SAFETY),
    ],
)
def test_help_is_not_added_where_it_is_or_to_safety_words(library: Library, reply: Reply) -> None:
    assert Renderer(library, weak).with_help(reply, "cy") is reply


@pytest.mark.parametrize(("channel", "offered"), [("terminal", True), ("telegram", True), ("webchat", False)])
async def test_the_last_reply_of_a_turn_offers_help_where_the_channel_does_not_show_it_anyway(
    parts: Parts, channel: str, offered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts.renderer, "_needs_help", weak)
    replies = await Parent(parts, channel=channel, language="cy").say("iaith")
    assert replies[0].ref == "text:language.choose"
    help_now = parts.library.strings.get("button.help_now", "cy")
    assert (help_now in replies[-1].titles) is offered
