"""Text messages: real units, cuts, numbers, what a gateway posts and answers, against a strict double that counts septets by itself."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.sms import Gateway, SmsChannel, events, parse, render, verify
from bot.channels.sms.errors import FILE, meaning_of, meanings, read, reason_of
from bot.channels.sms.gateway import at, put
from bot.channels.sms.gsm import BASIC, EXTENSION, length, tidy
from bot.channels.sms.parse import opaque, phone
from bot.messages import Button, Delivery, Kind, Outbound
from tests.channels.support import ANY_JSON, damaged
from tests.doubles.sms_gateway import EXTENDED, SECRET, TABLE, TOKEN, SmsGateway, count_parts

pytestmark = pytest.mark.timeout(60)
ADA = "447700900301"
GATEWAY = Gateway(url="https://gateway.example/v1/messages")
GSM_TEXT = st.text(alphabet=sorted(BASIC | EXTENSION), max_size=700)


def outbound(text: str = "Hello there", **fields: Any) -> Outbound:
    return Outbound(text=text, language="en", **fields)


# How long a text is


def test_the_alphabet_is_the_published_table() -> None:
    assert frozenset(TABLE) - {"\x1b"} == BASIC and len(BASIC) == 127
    assert frozenset(EXTENDED) == EXTENSION


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        ("", "gsm", 0, 1),
        ("a" * 160, "gsm", 160, 1),
        ("a" * 161, "gsm", 161, 2),
        ("a" * 306, "gsm", 306, 2),
        ("a" * 307, "gsm", 307, 3),
        ("€" * 80, "gsm", 160, 1),
        ("€" * 80 + "a", "gsm", 161, 2),
        ("a" * 152 + "€" + "a" * 152, "gsm", 306, 3),
        ("ŵ" * 70, "ucs2", 70, 1),
        ("ŵ" * 71, "ucs2", 71, 2),
        ("ŵ" * 134, "ucs2", 134, 2),
        ("ŵ" * 135, "ucs2", 135, 3),
        ("😀" * 35, "ucs2", 70, 1),
        ("😀" * 36, "ucs2", 72, 2),
        ("ŵ" * 66 + "😀" + "ŵ" * 66, "ucs2", 134, 3),
    ],
)
def test_septets_and_units_are_counted_as_the_network_counts_them(text: str, encoding: str, units: int, parts: int) -> None:
    found = length(text)
    assert (found.encoding, found.units, found.parts) == (encoding, units, parts)


@given(st.one_of(GSM_TEXT, st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300)))
def test_the_count_is_the_gateways_own(text: str) -> None:
    assert length(text).parts == count_parts(text)


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ("It’s “fine” – really…", 'It\'s "fine" - really...'),
        ("Ring \u2066111\u2069 now", "Ring 111 now"),
        ("e\u0301te\u0301", "été"),
        ("a\u00a0b\u200bc\r\nd", "a bc\nd"),
        ("Mae’n ŵy", "Mae’n ŵy"),
        ("Ring \u2066111\u2069 – ŵ", "Ring 111 – ŵ"),
        ("اتصل \u2066111\u2069", "اتصل \u2066111\u2069"),
    ],
)
def test_plain_signs_are_taken_where_they_save_parts_and_no_letter_is_ever_changed(text: str, tidied: str) -> None:
    assert tidy(text) == tidied


# What goes out


@given(st.text(alphabet="ab éŵ😀€\n.*", min_size=1, max_size=1200), st.booleans(), st.integers(1, 10))
def test_no_message_has_more_parts_than_the_gateway_takes_and_no_word_is_lost(text: str, joins: bool, most: int) -> None:
    if not text.strip():
        return
    try:
        texts = render(outbound(text), joins=joins, most_parts=most)
    except ValueError as error:
        if "more than 99" not in str(error) and "without words" not in str(error):
            raise
        return
    assert all(count_parts(piece) <= (most if joins else 1) for piece in texts)
    bare = [piece.partition(" ")[2] if not joins and len(texts) > 1 else piece for piece in texts]
    letters = lambda words: [char for char in words if char in "abéŵ😀€"]  # noqa: E731
    assert letters("".join(bare)) == letters(text)


def test_choices_are_numbered_lines_links_are_written_out_and_the_words_that_ask_for_a_number_come_last() -> None:
    message = outbound(
        "*Which one?*",
        rows=(Button(title="Sleep", token="a"), Button(title="Food", token="b")),
        buttons=(Button(title="Menu", token="c"), Button(title="Read", url="https://wren.example/a")),
        number_hint="Answer with a number.",
    )
    (text,) = render(message, joins=True, most_parts=10)
    assert text == "Which one?\n\nRead: https://wren.example/a\n\n1. Sleep\n2. Food\n3. Menu\n\nAnswer with a number."


def test_messages_that_are_not_joined_say_their_place_and_each_fits_one_part() -> None:
    texts = render(outbound("A sentence of words. " * 20), joins=False, most_parts=10)
    assert [text.split(" ")[0] for text in texts] == [f"{place}/{len(texts)}" for place in range(1, len(texts) + 1)]
    assert all(length(text).parts == 1 for text in texts)
    assert all(text.endswith(".") for text in texts), "cut between sentences"


@pytest.mark.parametrize(
    "message",
    [
        outbound(" "),
        outbound("\u200b"),
        outbound(buttons=(Button(title=" ", token="t"),)),
        outbound(buttons=(Button(title="Go"),)),
        outbound(buttons=(Button(title="Go", url="http://wren.example"),)),
        outbound(buttons=(Button(title="Go", url="https://wren.example", token="t"),)),
    ],
)
def test_what_cannot_be_said_is_refused_before_a_request(message: Outbound) -> None:
    with pytest.raises(ValueError):
        render(message, joins=True, most_parts=10)


# What the gateway answers


@pytest.fixture
def double() -> AsyncIterator[SmsGateway]:
    double = SmsGateway()
    with double.in_thread() as url:
        double.webhook_url = url
        yield double


async def send(double: SmsGateway, message: Outbound | None = None, *, mark: str = "", done: int = 0, **changes: Any) -> Delivery:
    gateway = replace(Gateway(url=double.webhook_url, secret=TOKEN, sender="+447700900000"), **changes)
    channel = SmsChannel(gateway)
    try:
        return await channel.send_marked(ADA, "phone", message or outbound(), mark=mark, done=done)
    finally:
        await channel.close()


@pytest.mark.parametrize(
    "known",
    [
        {"auth": "bearer"},
        {"auth": "basic", "name": "wren"},
        {"auth": "header", "name": "X-Key"},
    ],
)
async def test_each_way_of_being_known_is_accepted_and_the_gateways_id_is_kept_as_a_hash(
    double: SmsGateway, known: dict[str, str]
) -> None:
    delivery = await send(double, mark="12:0", **known)
    (sent,) = double.sent
    assert (sent.to, sent.text, sent.reference) == (f"+{ADA}", "Hello there", "12:0#0/1")
    assert (delivery.status, delivery.provider_id, delivery.parts) == ("sent", opaque(sent.id), 1)


async def test_a_gateway_that_takes_forms_gets_a_form(double: SmsGateway) -> None:
    double.form = True
    assert (await send(double, outbound("Größe & mehr = €"), form=True)).status == "sent"
    assert double.sent[0].text == "Größe & mehr = €"


async def test_a_long_text_goes_out_in_as_few_requests_as_the_gateway_joins_and_goes_on_where_it_stopped(
    double: SmsGateway,
) -> None:
    double.most_parts = 2
    text = " ".join(f"word{number}" for number in range(150))
    double.answers = [(202, {"id": "first"}, {}), (500, {}, {})]
    first = await send(double, outbound(text), most_parts=2, mark="7:0")
    assert (first.status, len(first.accepted)) == ("retry", 1)
    rest = await send(double, outbound(text), most_parts=2, mark="7:0", done=1)
    assert (rest.status, len(rest.accepted)) == ("sent", rest.parts - 1)
    assert [sent.reference for sent in double.sent] == [f"7:0#{part}/{rest.parts}" for part in range(1, rest.parts)]


REFUSALS: list[tuple[int, Any, dict[str, str], str, str]] = [
    (401, {}, {}, "wait", "auth"),
    (403, {"error": "E_AUTH"}, {}, "wait", "auth"),
    (402, {}, {}, "wait", "no-credit"),
    (404, b"<html>", {}, "wait", "address-wrong"),
    (429, {}, {"Retry-After": "9"}, "wait", "rate"),
    (503, {}, {}, "wait", "maintenance"),
    (500, b"<html>", {}, "retry", "gateway-fault"),
    (507, {}, {}, "retry", "gateway-fault"),
    (302, {}, {"Location": "https://elsewhere.example"}, "retry", "redirect"),
    (400, {"error": "21610"}, {}, "unreachable", "stopped (21610)"),
    (200, {"error": "21211"}, {}, "unreachable", "number-invalid (21211)"),
    (400, {"error": 30006}, {}, "unreachable", "landline (30006)"),
    (400, {"error": "landline"}, {}, "unreachable", "landline"),
    (400, {"error": "new"}, {}, "failed", "bad-request (new)"),
    (418, {"error": "new"}, {}, "failed", "not-known-to-us (new)"),
    (400, {"error": f"no such number {ADA}"}, {}, "failed", "bad-request"),
    (400, {"error": ADA}, {}, "failed", "bad-request"),
    (200, b"<html>", {}, "failed", "outcome unknown"),
    (200, {"id": ""}, {}, "failed", "outcome unknown"),
]
ERRORS = {"21610": "stopped", "21211": "number-invalid", "30006": "landline"}


@pytest.mark.parametrize(("status", "body", "headers", "outcome", "reason"), REFUSALS)
async def test_each_refusal_has_its_name_and_its_outcome_and_no_number_in_it(
    double: SmsGateway, status: int, body: Any, headers: dict[str, str], outcome: str, reason: str
) -> None:
    double.answers = [(status, body, headers)]
    delivery = await send(double, errors=ERRORS)
    assert delivery.status == outcome and reason in delivery.reason
    assert ADA not in delivery.reason
    assert (delivery.pause > 0) == (outcome == "wait")
    assert delivery.action == {"stopped (21610)": "marketing_stopped"}.get(reason, delivery.action)
    if headers.get("Retry-After"):
        assert delivery.retry_after == 9.0


async def test_a_lost_answer_waits_for_a_receipt_only_where_receipts_carry_our_mark(double: SmsGateway) -> None:
    double.lose = 3
    assert (await send(double, mark="1:0")).status == "unknown"
    assert (await send(double)).status == "failed"
    names = {"to": "to", "from": "from", "text": "text", "reference": ""}
    assert (await send(double, mark="1:0", fields=names)).status == "failed"


async def test_a_gateway_without_ids_is_believed_and_one_that_is_not_there_is_tried_again(double: SmsGateway) -> None:
    assert (await send(double, answer={"id": "", "error": "error"})).status == "sent"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert (await send(double, url=f"http://127.0.0.1:{port}/")).status == "retry"
    assert (await send(double, url="nonsense")).status in ("retry", "failed")


@pytest.mark.parametrize(("address", "kind"), [("", "phone"), ("+44", "phone"), ("٢٢٢٢٢٢٢٢", "phone"), (ADA, "telegram_id")])
async def test_an_address_that_is_no_number_fails_without_a_request(double: SmsGateway, address: str, kind: str) -> None:
    channel = SmsChannel(Gateway(url=double.webhook_url, secret=TOKEN))
    assert (await channel.send(address, kind, outbound())).status == "failed"
    await channel.close()
    assert double.sent == double.refused == []


async def test_no_log_holds_the_token_the_number_or_a_word(double: SmsGateway, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await send(double, outbound("plantedword"))
    double.answers = [(400, {"error": f"plantedword {ADA}"}, {})]
    await send(double, outbound("plantedword"))
    for private in (TOKEN, ADA, "plantedword"):
        assert private not in caplog.text
    assert TOKEN not in repr(Gateway(url="x", secret=TOKEN))


# What the gateway posts


def inbound(**fields: Any) -> dict[str, Any]:
    return {"id": "in-1", "from": f"+{ADA}", "text": "hello", "time": "2026-11-01T08:00:00+01:00", **fields}


def test_a_message_is_read_with_its_sender_its_time_and_a_key_that_is_the_same_each_time() -> None:
    (said,) = parse(inbound(), GATEWAY)
    assert said == parse(inbound(), GATEWAY)[0]
    assert (said.channel, said.kind, said.text, said.external_id) == ("sms", Kind.TEXT, "hello", opaque("in-1"))
    assert [(address.kind, address.value) for address in said.addresses] == [("phone", ADA)]
    assert said.sent_at == datetime(2026, 11, 1, 7, tzinfo=UTC)
    assert parse(inbound(id=""), GATEWAY)[0].external_id != parse(inbound(id=""), GATEWAY)[0].external_id


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("+447700900301", ADA),
        ("447700900301", ADA),
        (447700900301, ADA),
        ("00447700900301", ADA),
        ("07700 900301", ADA),
        ("+48 501 234 567", "48501234567"),
        ("Vodafone", ""),
        ("60777", ""),
        ("", ""),
        (None, ""),
        (True, ""),
        ([], ""),
        ("٠٧٧٠٠٩٠٠٣٠١", ""),
    ],
)
def test_a_number_is_the_same_however_it_is_written_and_services_are_not_people(given: Any, read: str) -> None:
    assert phone(given, "GB") == read


@pytest.mark.parametrize("word", ["STOPALL", "Stop all", " optout.", "OPT OUT", "opt-out", "Quit!"])
def test_what_networks_take_for_stop_is_stop(word: str) -> None:
    assert parse(inbound(text=word), GATEWAY)[0].text == "stop"


def test_a_picture_and_an_empty_message_are_said_not_to_be_readable() -> None:
    (picture,) = parse(inbound(media=["https://gateway.example/1.jpg"], text="look"), GATEWAY)
    assert (picture.kind, picture.media, picture.text) == (Kind.UNSUPPORTED, "photo", "look")
    (empty,) = parse(inbound(text=" "), GATEWAY)
    assert (empty.kind, empty.media) == (Kind.UNSUPPORTED, "other")
    assert parse(inbound(media="0"), GATEWAY)[0].kind is Kind.TEXT


def test_a_gateway_with_other_names_lists_and_nesting_is_read_by_its_description() -> None:
    names = {"list": "results", "id": "messageId", "from": "from", "text": "message.body", "time": "at", "media": ""}
    gateway = replace(GATEWAY, inbound=names)
    batch = {"results": [{"messageId": 7, "from": ADA, "message": {"body": "one"}, "at": 1_790_000_000_000}, 5, {}]}
    (said,) = parse(batch, gateway)
    assert (said.text, said.sent_at, said.external_id) == ("one", datetime.fromtimestamp(1_790_000_000, UTC), opaque("7"))


@pytest.mark.parametrize(
    ("word", "state"),
    [("DELIVRD", "delivered"), ("delivered", "delivered"), ("sent", "sent"), ("EXPIRED", "failed"), ("OK!", "delivered")],
)
def test_a_receipt_says_its_state_its_part_and_why_it_failed(word: str, state: str) -> None:
    gateway = replace(GATEWAY, statuses={"ok!": "delivered"}, errors={"9": "number-unknown"})
    (event,) = events({"id": "g-1", "status": word, "reference": "12:0#1/3", "error": 9}, gateway)
    assert event.receipt is not None and event.inbound is None
    assert (event.receipt.state, event.receipt.provider_id, event.receipt.mark) == (state, opaque("g-1"), ("12:0", 1, 3))
    assert (event.receipt.reason, event.receipt.action) == (
        ("number-unknown (9)", "unreachable") if state == "failed" else ("", "")
    )


@given(st.one_of(ANY_JSON, damaged([inbound(), {"id": "g", "status": "delivered", "reference": "1:0#0/1"}])))
def test_whatever_comes_nothing_raises_and_each_event_has_a_key_that_fits(raw: Any) -> None:
    found = events(raw, GATEWAY)
    assert found
    for event in found:
        assert 0 < len(event.key) <= 200
        json.dumps(event.raw, default=str)


@pytest.mark.parametrize("damage", [lambda value: value[:-1], lambda value: value + "0", lambda value: "", str.swapcase])
def test_only_who_has_the_secret_is_the_gateway(damage: Any) -> None:
    assert verify(["other", SECRET], b"x", SECRET, signed=False)
    assert not verify([SECRET], b"x", damage(SECRET), signed=False)
    assert not verify([SECRET], b"x", SECRET, signed=True)
    assert not verify(["", "other"], b"x", None, signed=False)
    assert not verify([""], b"x", "", signed=False)


# Names


def test_every_error_has_a_name_an_action_and_a_line_in_the_file_that_can_be_read() -> None:
    assert {"auth", "rate", "stopped", "number-invalid", "no-credit"} <= set(meanings())
    assert meaning_of("nonsense", {}, 0).name == "not-known-to-us"
    assert reason_of(meanings()["auth"], "x" * 99) == "auth"
    assert FILE.read_text(encoding="utf-8").count("name:") == len(meanings())


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (None, "no list"),
        ([{"action": "retry"}], "needs a name"),
        ([{"name": "a", "action": "dance"}], "use one of"),
        ([{"name": "a", "action": "halt"}], "needs wait"),
        ([{"name": "a", "action": "retry", "statuses": ["x"]}], "statuses"),
        ([{"name": "a", "action": "retry"}, {"name": "a", "action": "retry"}], "twice"),
        ([{"name": "a", "action": "retry", "statuses": [500]}, {"name": "b", "action": "retry", "statuses": [500]}], "twice"),
    ],
)
def test_a_mistake_in_the_errors_is_said_in_words(entry: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read({"errors": entry})


def test_a_dotted_path_is_followed_through_objects_and_lists_and_made_on_the_way() -> None:
    assert at({"a": [{"b": 1}]}, "a.0.b") == 1
    assert at({"a.b": 2}, "a.b") == 2
    assert [at(data, "a.1.b") for data in ({"a": []}, {"a": "xy"}, [], None, {"a": {"1": 5}})] == [None] * 5
    body: dict[str, Any] = {}
    put(body, "message.text", "hello")
    put(body, "", "nothing")
    assert body == {"message": {"text": "hello"}}
