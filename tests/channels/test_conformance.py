"""What every channel must do alike, the terminal as well as text messages. A new channel joins by a probe (`probes.py`)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.channels import Channel, MarkingChannel
from bot.conversation.commands import Commands
from bot.library.yamlfile import read_yaml
from bot.messages import FAULTS, Button, Inbound, Kind, MessageClass, Outbound
from bot.settings import ROOT
from bot.webhooks import bare_number
from tests.channels.probes import PROBES, Probe
from tests.channels.support import ANY_JSON, damaged

pytestmark = pytest.mark.timeout(120)
PUSHED = ("telegram", "whatsapp", "sms")
WITH_MEDIA = PUSHED
DIGITS = ("0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "০১২৩৪৫৬৭৮৯", "०१२३४५६७८९", "੦੧੨੩੪੫੬੭੮੯", "０１２３４５６７８９")
UNSEEN = re.compile("[\u200e\u200f\u061c\u2066-\u2069*\\s]")
STOPS = [
    (language, str(word))
    for language, found in read_yaml(ROOT / "content" / "commands.yml", ROOT)["stop_messages"].items()
    for word in found
]
each = pytest.mark.parametrize("name", PROBES)
each_pushed = pytest.mark.parametrize("name", PUSHED)


@pytest.fixture
def probe(name: str) -> Iterator[Probe]:
    with PROBES[name]() as made:
        yield made


def choices(count: int, title: str = "Choice") -> tuple[Button, ...]:
    return tuple(Button(title=f"{title} {place}", token=f"t{place}") for place in range(1, count + 1))


LINK = Button(title="Read more", url="https://wren.example/read?a=1")
HINT = {"number_hint": "Answer with a number.", "rows_title": "Choose"}
KINDS = {
    "plain": Outbound(text="Hello there.", language="en"),
    "emphasis": Outbound(text="*Try this:* 2*3 is 6, [x](y) <b>_no_</b>", language="en"),
    "curly": Outbound(text="It’s “fine” – really…", language="en"),
    "welsh": Outbound(text="Mae’r tŷ yn oer, ŵy a’r gŵr.", language="cy"),
    "polish": Outbound(text="Zażółć gęślą jaźń.", language="pl"),
    "arabic": Outbound(text="اتصل على \u2066111\u2069 الآن.", language="ar", direction="rtl"),
    "urdu": Outbound(text="ابھی \u2066999\u2069 پر فون کریں۔", language="ur", direction="rtl"),
    "bengali": Outbound(text="এখনই \u2066999\u2069 নম্বরে ফোন করুন।", language="bn"),
    "emoji": Outbound(text="Well done 👶🏽👨‍👩‍👧 {[~]} € ^ | \\", language="en"),
    "practitioner": Outbound(text="I am here.", language="en", voice="practitioner", voice_name="Fern, health visitor"),
    "safety": Outbound(text="Ring \u2066999\u2069 now.", language="en", message_class=MessageClass.SAFETY),
    "buttons": Outbound(text="Which?", language="en", buttons=choices(3), **HINT),
    "long titles": Outbound(text="Which?", language="en", buttons=choices(3, "A rather long title of"), **HINT),
    "rows": Outbound(text="Which?", language="en", rows=choices(10), **HINT),
    "too many rows": Outbound(text="Which?", language="en", rows=choices(14), **HINT),
    "rows in arabic": Outbound(text="أيها؟", language="ar", direction="rtl", rows=choices(12, "خيار"), **HINT),
    "rows and buttons": Outbound(
        text="Which?", language="en", rows=choices(5), buttons=(Button(title="Menu", token="m"),), **HINT
    ),
    "same titles": Outbound(
        text="Which?", language="en", buttons=(Button(title="Same", token="a"), Button(title="Same", token="b")), **HINT
    ),
    "link": Outbound(text="Here.", language="en", buttons=(LINK,)),
    "links and buttons": Outbound(text="Here.", language="en", buttons=(*choices(2), LINK), **HINT),
    "place": Outbound(text="Where are you?", language="en", ask_location=True, buttons=choices(1), **HINT),
    "long": Outbound(text="A long sentence of words. " * 500, language="en", buttons=choices(2), **HINT),
    "long paragraphs": Outbound(text="\n\n".join("A paragraph of words. " * 20 for _ in range(30)), language="en"),
    "long arabic": Outbound(text="جملة طويلة جدا. " * 700, language="ar", direction="rtl"),
    "long without a seam": Outbound(text="x" * 9000, language="en"),
    "long emoji": Outbound(text="👶" * 4500, language="en"),
}


def test_every_folder_of_channels_is_tried_here() -> None:
    folders = {path.parent.name for path in (ROOT / "bot" / "channels").glob("*/__init__.py")}
    assert folders == set(PROBES)


@each
def test_it_is_a_channel(probe: Probe, name: str) -> None:
    channel: Channel = probe.channel
    assert channel.name == name and len(name) <= 20
    assert channel.pulled is (name not in PUSHED)
    assert channel.pulled or isinstance(channel, MarkingChannel)


# What comes in


@each
def test_a_text_is_read_with_a_key_an_address_and_a_time(probe: Probe, name: str) -> None:
    (said,) = probe.channel.parse(probe.says("How do I get her to nap?\nShe is ٢."))
    assert (said.channel, said.kind, said.text) == (name, Kind.TEXT, "How do I get her to nap?\nShe is ٢.")
    _is_whole(said, probe, name)
    assert said.addresses and {address.kind for address in said.addresses} <= probe.kinds
    assert probe.address in {address.value for address in said.addresses}


@each
def test_the_same_event_has_the_same_key_each_time_and_the_same_words_again_another(probe: Probe, name: str) -> None:
    event = probe.says("yes")
    keys = {said.external_id for _ in range(3) for said in probe.channel.parse(event)}
    assert len(keys) == 1
    (again,) = probe.channel.parse(probe.says("yes"))
    assert again.external_id not in keys


@pytest.mark.parametrize("name", [name for name in PROBES if name != "sms"])
def test_a_press_brings_its_token_back(probe: Probe, name: str) -> None:
    assert probe.presses is not None
    (said,) = probe.channel.parse(probe.presses("k3f9Zq2"))
    assert (said.kind, said.token) == (Kind.BUTTON, "k3f9Zq2")


@each
def test_stop_is_heard_in_every_language_and_script(probe: Probe, name: str) -> None:
    commands = Commands.load(ROOT)
    for language, word in STOPS:
        for typed in (word, word.upper(), word.capitalize(), f" {word}. ", f"{word}!\n"):
            (said,) = probe.channel.parse(probe.says(typed))
            assert commands.find(said.text, language) == "stop_messages", (language, typed)


@pytest.mark.parametrize("name", WITH_MEDIA)
def test_what_cannot_be_read_is_said_to_be_so_with_the_words_that_came_along(probe: Probe, name: str) -> None:
    assert probe.media
    for what, event in probe.media:
        (said,) = probe.channel.parse(event)
        assert (said.kind, said.media) == (Kind.UNSUPPORTED, what)
        assert said.text == ("please help" if "please help" in str(event) else "")


@each
def test_what_nobody_said_is_left_alone(probe: Probe, name: str) -> None:
    for event in probe.silent:
        assert probe.channel.parse(event) == [], event


@each
def test_nothing_that_can_come_raises_and_what_is_read_of_it_can_be_stored(probe: Probe, name: str) -> None:
    whole = [dict(probe.says("hello there")), *(dict(event) for _, event in probe.media)]
    if probe.presses is not None:
        whole.append(dict(probe.presses("token")))

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.one_of(ANY_JSON, damaged(whole)))
    def try_it(raw: Any) -> None:
        for said in probe.channel.parse(raw):
            _is_whole(said, probe, name)

    try_it()


def _is_whole(said: Inbound, probe: Probe, name: str) -> None:
    assert said.channel == name
    assert 0 < len(said.external_id) <= 200 and "\0" not in said.external_id
    assert said.addresses and all(address.channel == name and address.value for address in said.addresses)
    assert {address.kind for address in said.addresses} <= probe.kinds
    assert said.sent_at.tzinfo is not None and said.sent_at.astimezone(UTC).year >= 1970
    assert "\0" not in said.text
    (said.text + "".join(address.value for address in said.addresses)).encode("utf-8")


# What goes out


@each_pushed
@pytest.mark.parametrize("what", KINDS)
async def test_every_kind_of_reply_is_taken_whole_and_each_choice_of_it_can_be_made(probe: Probe, name: str, what: str) -> None:
    message = KINDS[what]
    delivery = await probe.channel.send(probe.address, probe.kind, message)
    assert (delivery.status, delivery.reason) == ("sent", "")
    shown = probe.shown()
    assert delivery.parts == len(shown)
    words = _bare("".join(part.text for part in shown))
    everywhere = words + _bare("".join(part.buttons for part in shown))
    assert _bare(message.text) in words, "all of it, in order"
    for button in (*message.rows, *message.buttons):
        assert _bare(button.title) in everywhere and _bare(button.url or "") in everywhere
    tokens = [button.token for button in (*message.rows, *message.buttons) if button.token]
    pressable, numbered = [token for part in shown for token in part.tokens], probe.numbers(message)
    assert sorted([*pressable, *numbered]) == sorted(tokens), "each choice once, as a button or as a number"
    if numbered:
        assert _bare(message.number_hint) in words
        for place, token in enumerate(numbered, start=1):
            title = next(button.title for button in (*message.rows, *message.buttons) if button.token == token)
            assert _bare(f"{place}.{title}") in words
            for digits in DIGITS:
                typed = "".join(digits[int(digit)] for digit in str(place))
                (said,) = probe.channel.parse(probe.says(f" {typed}. "))
                assert bare_number(said.text) == place


def _bare(text: str) -> str:
    """Without spaces, marks of emphasis and direction, and typography that a channel may make plain."""
    plain = text.translate(str.maketrans({"’": "'", "“": '"', "”": '"', "–": "-"})).replace("…", "...")
    return UNSEEN.sub("", plain)


@each_pushed
async def test_a_text_of_any_length_loses_no_character(probe: Probe, name: str) -> None:
    for size in (1, 69, 70, 71, 159, 160, 161, 1023, 1024, 1025, 4095, 4096, 4097, 9000):
        before = len(probe.shown())
        text = "".join(chr(97 + place % 26) if place % 7 else " " for place in range(1, size + 1))
        assert (await probe.channel.send(probe.address, probe.kind, Outbound(text=text, language="en"))).status == "sent"
        assert _bare("".join(part.text for part in probe.shown()[before:])) == _bare(text), size


@each_pushed
@pytest.mark.parametrize("text", ["", " \n", "\t"])
async def test_a_message_without_words_is_refused_before_anybody_gets_it(probe: Probe, name: str, text: str) -> None:
    delivery = await probe.channel.send(probe.address, probe.kind, Outbound(text=text, language="en"))
    assert delivery.status == "failed" and delivery.reason
    assert probe.shown() == []


@each
async def test_an_address_of_another_channel_is_not_written_to(probe: Probe, name: str) -> None:
    if probe.channel.pulled:
        assert (await probe.channel.send(probe.address, probe.kind, KINDS["plain"])).status == "sent"
        return
    for address, kind in (("", probe.kind), (probe.address, "pigeon"), ("; drop", probe.kind)):
        assert (await probe.channel.send(address, kind, KINDS["plain"])).status == "failed"
    assert probe.shown() == []


@each_pushed
async def test_each_way_of_failing_is_told_apart_with_a_reason_that_names_nobody(probe: Probe, name: str) -> None:
    assert {"wait", "retry", "failed", "unreachable"} <= {status for status, _ in probe.failures}
    for status, refuse in sorted(
        probe.failures, key=lambda failure: failure[0] == "wait"
    ):  # a pause last: it would hold the rest up
        refuse()
        delivery = await probe.channel.send(probe.address, probe.kind, KINDS["plain"])
        assert delivery.status == status, delivery
        assert 0 < len(delivery.reason) <= 120 and probe.address not in delivery.reason
        assert (delivery.pause > 0 and delivery.retry_after > 0) == (status == "wait")
        assert delivery.fault in FAULTS if status == "wait" else delivery.fault in ("", *FAULTS)
        assert delivery.provider_id is None


@each_pushed
async def test_what_was_accepted_of_a_long_message_is_not_sent_again(probe: Probe, name: str) -> None:
    channel = probe.channel
    assert isinstance(channel, MarkingChannel)
    whole = await channel.send_marked(probe.address, probe.kind, KINDS["long paragraphs"], mark="1:0")
    first = [part.text for part in probe.shown()]
    assert whole.parts == len(whole.accepted) == len(set(whole.accepted)) == len(first) > 1
    assert all(len(accepted) <= 200 and probe.address not in accepted for accepted in whole.accepted)
    rest = await channel.send_marked(probe.address, probe.kind, KINDS["long paragraphs"], mark="2:0", done=1)
    assert (rest.status, len(rest.accepted), rest.parts) == ("sent", whole.parts - 1, whole.parts)
    again = [re.sub(r"2:0#", "1:0#", part.text) for part in probe.shown()[len(first) :]]
    assert again == first[1:]


@each
async def test_no_log_holds_a_word_an_address_or_a_secret(probe: Probe, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    probe.channel.parse(probe.says("plantedword"))
    for broken in ({"plantedword": 1}, {"update_id": 1, "message": "plantedword"}, {"entry": [{"changes": "plantedword"}]}):
        probe.channel.parse(broken)
    message = replace(KINDS["buttons"], text="plantedword")
    await probe.channel.send(probe.address, probe.kind, message)
    for _, refuse in probe.failures:
        refuse()
        await probe.channel.send(probe.address, probe.kind, message)
    own = [record for record in caplog.records if not record.name.startswith(("asyncio", "uvicorn", "tests"))]
    said = "\n".join(record.getMessage() for record in own)
    for private in ("plantedword", probe.address, *probe.secrets):
        assert private not in said
