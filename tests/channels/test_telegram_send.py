"""Sending to Telegram: real requests over loopback to a strict double, and what each outcome is called."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from telegram.error import ChatMigrated, NetworkError, TimedOut

from bot.channels.telegram import TelegramChannel, publish_commands
from bot.channels.telegram.render import render
from bot.channels.telegram.send import delivery_of
from bot.messages import Button, Delivery, Kind, Outbound
from tests.doubles.telegram_server import TOKEN, TelegramServer

pytestmark = pytest.mark.timeout(30)

PARENT = 9_100_200_301
ADDRESS = str(PARENT)


@pytest_asyncio.fixture
async def double() -> AsyncIterator[TelegramServer]:
    server = TelegramServer()
    async with server.serving():
        server.say(PARENT, "hello")
        yield server


@pytest_asyncio.fixture
async def channel(double: TelegramServer) -> AsyncIterator[TelegramChannel]:
    telegram = TelegramChannel(TOKEN, base_url=double.url)
    yield telegram
    await telegram.close()


def outbound(text: str = "Hello there", **fields: Any) -> Outbound:
    return Outbound(text=text, language="en", **fields)


async def send(channel: TelegramChannel, message: Outbound, address: str = ADDRESS) -> Delivery:
    return await channel.send(address, "telegram_id", message)


@pytest.mark.asyncio
async def test_a_button_goes_out_and_its_press_comes_back(double: TelegramServer, channel: TelegramChannel) -> None:
    delivery = await send(channel, outbound(buttons=(Button(title="Yes please", token="k3f9Zq2"),)))
    (message,) = double.sent(PARENT)
    assert (delivery.status, delivery.provider_id) == ("sent", str(message["message_id"]))
    query_id = double.press(PARENT, "Yes please")
    update = double.pending()[-1]
    (inbound,) = channel.parse(update)
    assert (inbound.kind, inbound.token) == (Kind.BUTTON, "k3f9Zq2")
    assert (inbound.addresses[0].kind, inbound.addresses[0].value) == ("telegram_id", ADDRESS)
    await channel.acknowledge(update)
    assert query_id in double.answered
    await channel.acknowledge(update)  # too late the second time, and no fuss about it


@pytest.mark.asyncio
async def test_a_deep_link_is_heard_as_a_start_with_its_payload(double: TelegramServer, channel: TelegramChannel) -> None:
    double.open_link(PARENT, "leaflet-7_b")
    (inbound,) = channel.parse(double.pending()[-1])
    assert (inbound.kind, inbound.start_payload) == (Kind.START, "leaflet-7_b")


@pytest.mark.asyncio
async def test_emphasis_is_bold_without_its_marks_and_other_markup_is_only_words(
    double: TelegramServer, channel: TelegramChannel
) -> None:
    text = "😀 *Try this:* 2*3*4, <b>no</b> [x](https://wren.example) _a_ * b *"
    assert (await send(channel, outbound(text))).status == "sent"
    (message,) = double.sent(PARENT)
    assert message["text"] == "😀 Try this: 2*3*4, <b>no</b> [x](https://wren.example) _a_ * b *"
    assert message["entities"] == [{"type": "bold", "offset": 3, "length": 9}]


@pytest.mark.asyncio
async def test_who_speaks_is_shown_above_the_words(double: TelegramServer, channel: TelegramChannel) -> None:
    await send(channel, outbound("I am here.", voice="practitioner", voice_name="Fern, health visitor"))
    assert double.sent(PARENT)[0]["text"] == "Fern, health visitor\nI am here."


@pytest.mark.asyncio
async def test_rows_and_long_buttons_stand_below_each_other_and_short_ones_side_by_side(
    double: TelegramServer, channel: TelegramChannel
) -> None:
    rows = tuple(Button(title=f"Row {index}", token=f"r{index}") for index in range(10))
    short = (Button(title="Yes", token="y"), Button(title="No", token="n"))
    await send(channel, outbound(rows=rows, buttons=short))
    await send(channel, outbound(buttons=(Button(title="A rather long title", token="a"), short[0])))
    await send(channel, outbound(buttons=(Button(title="Open", url="https://wren.example/a"),)))
    shapes = [[len(row) for row in message["reply_markup"]["inline_keyboard"]] for message in double.sent(PARENT)]
    assert shapes == [[1] * 10 + [2], [1, 1], [1]]
    assert double.sent(PARENT)[2]["reply_markup"]["inline_keyboard"][0][0]["url"] == "https://wren.example/a"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("message", "status"),
    [
        (outbound("x" * 4096), "sent"),
        (outbound("😀" * 2048), "sent"),
        (outbound("*" + "x" * 4096 + "*"), "sent"),
        (outbound(" \n"), "failed"),
        (outbound(buttons=(Button(title="Go", token="é" * 32),)), "sent"),
        (outbound(buttons=(Button(title="Go", token="é" * 32 + "x"),)), "failed"),
        (outbound(buttons=(Button(title="Go", token=""),)), "failed"),
        (outbound(buttons=(Button(title="Go"),)), "failed"),
        (outbound(buttons=(Button(title=" ", token="t"),)), "failed"),
        (outbound(buttons=(Button(title="Go", token="t", url="https://wren.example"),)), "failed"),
        (outbound(buttons=(Button(title="Go", url="http://wren.example"),)), "failed"),
        (outbound(buttons=(Button(title="Go", url="tg://resolve?domain=x"),)), "failed"),
        (outbound(rows=tuple(Button(title="R", token="t") for _ in range(101))), "failed"),
    ],
)
async def test_it_keeps_to_each_limit_and_the_server_agrees(
    double: TelegramServer, channel: TelegramChannel, message: Outbound, status: str
) -> None:
    delivery = await send(channel, message)
    assert delivery.status == status, delivery.reason
    assert bool(delivery.reason) == (status == "failed")
    assert len(double.sent(PARENT)) == (status == "sent")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("address", "kind"), [("5", "phone"), ("", "telegram_id"), ("@name", "telegram_id"), ("-5", "telegram_id")]
)
async def test_an_address_that_is_not_telegrams_fails_without_a_call(
    double: TelegramServer, channel: TelegramChannel, address: str, kind: str
) -> None:
    assert (await channel.send(address, kind, outbound())).status == "failed"
    assert double.calls == []


@pytest.mark.asyncio
async def test_a_blocked_or_unknown_chat_is_unreachable(double: TelegramServer, channel: TelegramChannel) -> None:
    assert (await send(channel, outbound(), address="123")).status == "unreachable"
    double.block(PARENT)
    assert (await send(channel, outbound())).status == "unreachable"
    double.unblock(PARENT)
    assert (await send(channel, outbound())).status == "sent"


@pytest.mark.asyncio
async def test_flood_control_says_when_to_try_again(double: TelegramServer, channel: TelegramChannel) -> None:
    double.fail_next("sendMessage", 429, "Too Many Requests: retry after 17", retry_after=17)
    delivery = await send(channel, outbound())
    assert (delivery.status, delivery.retry_after, delivery.pause) == ("wait", 17.0, 17.0)
    assert double.sent(PARENT) == []


@pytest.mark.asyncio
async def test_flood_control_is_the_whole_bots_and_no_request_goes_out_before_it_is_over(
    double: TelegramServer, channel: TelegramChannel
) -> None:
    await send(channel, outbound(buttons=(Button(title="Yes", token="y"),)))
    double.press(PARENT, "Yes")
    press = double.pending()[-1]
    double.say(PARENT + 1, "hello")
    double.fail_next("sendMessage", 429, "Too Many Requests: retry after 1", retry_after=1)
    await send(channel, outbound())
    calls = len(double.calls)
    another = await send(channel, outbound(), address=str(PARENT + 1))
    await channel.acknowledge(press)
    assert another.status == "wait" and 0 < another.retry_after <= 1
    assert len(double.calls) == calls
    await asyncio.sleep(1.1)
    assert (await send(channel, outbound(), address=str(PARENT + 1))).status == "sent"


@pytest.mark.asyncio
async def test_a_pressed_choice_gets_its_tick_in_place_and_the_tick_moves_with_a_second_press(
    double: TelegramServer, channel: TelegramChannel
) -> None:
    buttons = (Button(title="Yes", token="y"), Button(title="No", token="n"), Button(title="Read", url="https://wren.example/a"))
    await send(channel, outbound(buttons=buttons))

    def titles() -> list[str]:
        (message,) = double.sent(PARENT)
        return [button["text"] for row in message["reply_markup"]["inline_keyboard"] for button in row]

    for title, shown in (("Yes", ["✓ Yes", "No", "Read"]), ("No", ["Yes", "✓ No", "Read"]), ("✓ No", ["Yes", "✓ No", "Read"])):
        double.press(PARENT, title)
        await channel.acknowledge(double.pending()[-1])
        assert titles() == shown
    assert [name for name, _ in double.calls].count("editMessageReplyMarkup") == 2, "what has its tick is not edited"


@pytest.mark.asyncio
@pytest.mark.parametrize("keyboard", [None, "x", [[1]], [["text"]], [[{}]], [[{"text": "Yes", "callback_data": "other"}]]])
async def test_a_keyboard_that_cannot_be_read_is_left_alone(
    double: TelegramServer, channel: TelegramChannel, keyboard: Any
) -> None:
    message = {"message_id": 1, "chat": {"id": PARENT}, "reply_markup": {"inline_keyboard": keyboard}}
    await channel.acknowledge({"callback_query": {"id": "1", "data": "y", "message": message}})
    assert "editMessageReplyMarkup" not in [name for name, _ in double.calls]


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ["x" * 4097, "😀" * 2049, "word " * 2000, "One line.\n\n" * 1000, "*so* " * 1700])
async def test_a_long_text_is_cut_and_the_buttons_stand_under_the_last_piece(
    double: TelegramServer, channel: TelegramChannel, text: str
) -> None:
    delivery = await send(channel, outbound(text, buttons=(Button(title="Yes", token="y"),)))
    sent = double.sent(PARENT)
    assert (delivery.status, delivery.parts, len(delivery.accepted)) == ("sent", len(sent), len(sent))
    assert "".join("".join(message["text"].split()) for message in sent) == "".join(text.replace("*", "").split())
    assert ["reply_markup" in message for message in sent] == [False] * (len(sent) - 1) + [True]


@pytest.mark.asyncio
async def test_after_a_refused_part_only_the_rest_is_sent_again(double: TelegramServer, channel: TelegramChannel) -> None:
    text = "\n\n".join(letter * 4000 for letter in "abc")
    double.hang_next("sendMessage", 0)
    double.fail_next("sendMessage", 500, "Internal Server Error")
    first = await channel.send_marked(ADDRESS, "telegram_id", outbound(text), mark="1:0")
    assert (first.status, len(first.accepted), first.parts) == ("retry", 1, 3)
    rest = await channel.send_marked(ADDRESS, "telegram_id", outbound(text), mark="1:0", done=1)
    assert (rest.status, len(rest.accepted)) == ("sent", 2)
    assert [message["text"][0] for message in double.sent(PARENT)] == ["a", "b", "c"]
    assert not any(ADDRESS in part for part in (*first.accepted, *rest.accepted))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "description", "expected"),
    [
        (400, "Bad Request: message is too strange", "failed"),
        (400, "Bad Request: PEER_ID_INVALID", "unreachable"),
        (403, "Forbidden: user is deactivated", "unreachable"),
        (401, "Unauthorized", "retry"),
        (500, "Internal Server Error", "retry"),
        (502, "Bad Gateway", "retry"),
    ],
)
async def test_each_refusal_has_its_outcome(
    double: TelegramServer, channel: TelegramChannel, status: int, description: str, expected: str
) -> None:
    double.fail_next("sendMessage", status, description)
    delivery = await send(channel, outbound())
    assert delivery.status == expected
    assert 0 < len(delivery.reason) <= 120
    assert (delivery.retry_after > 0) == (expected == "retry")


@pytest.mark.asyncio
async def test_an_answer_that_never_comes_is_not_sent_again_because_the_message_may_be_there(
    double: TelegramServer,
) -> None:
    double.hang_next("sendMessage", 4.0)
    impatient = TelegramChannel(TOKEN, base_url=double.url, timeout=2.0)
    delivery = await send(impatient, outbound())
    await impatient.close()
    assert (delivery.status, delivery.reason) == ("failed", "timed out: outcome unknown")
    assert len(double.sent(PARENT)) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("body", [b"<html>", b'{"ok": true, "result": {}}', b'{"ok": true}', b"[]"])
async def test_an_unreadable_answer_is_an_unknown_outcome(double: TelegramServer, channel: TelegramChannel, body: bytes) -> None:
    double.garble_next("sendMessage", body)
    delivery = await send(channel, outbound())
    assert delivery.status == "failed"
    assert "unknown" in delivery.reason


@pytest.mark.asyncio
async def test_a_server_that_is_not_there_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    channel = TelegramChannel(TOKEN, base_url=f"http://127.0.0.1:{port}", timeout=1.0)
    delivery = await send(channel, outbound())
    await channel.close()
    assert delivery.status == "retry"
    assert delivery.retry_after > 0


@pytest.mark.asyncio
async def test_a_connection_that_breaks_after_the_request_is_an_unknown_outcome() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    channel = TelegramChannel(TOKEN, base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout=1.0)
    delivery = await send(channel, outbound())
    await channel.close()
    server.close()
    assert delivery.status == "failed"
    assert "outcome unknown" in delivery.reason


@pytest.mark.asyncio
async def test_a_proxys_refusal_is_not_taken_for_telegrams() -> None:
    """A 403 page of a proxy says nothing of the parent: marking them unreachable would silence them."""

    async def forbid(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\nConnection: close\r\n\r\n<html")
        writer.close()

    server = await asyncio.start_server(forbid, "127.0.0.1", 0)
    channel = TelegramChannel(TOKEN, base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout=1.0)
    delivery = await send(channel, outbound())
    await channel.close()
    server.close()
    assert delivery.status == "retry"


def test_a_full_pool_means_that_nothing_was_sent() -> None:
    error = TimedOut("Pool timeout")
    error.__cause__ = httpx.PoolTimeout("all busy")
    assert delivery_of(error).status == "retry"


def test_a_chat_that_became_a_group_is_no_place_to_write_to() -> None:
    delivery = delivery_of(ChatMigrated(-100123))
    assert delivery.status == "unreachable" and delivery.reason
    assert "-100123" not in delivery.reason


def test_a_long_reason_is_cut_to_its_column() -> None:
    assert len(delivery_of(NetworkError("x" * 500)).reason) <= 120


@pytest.mark.asyncio
async def test_no_log_holds_the_token_or_a_word_of_a_message(
    double: TelegramServer, channel: TelegramChannel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = TOKEN.partition(":")[2]
    await send(channel, outbound("plantedword"))
    double.garble_next("sendMessage", b'{"ok": plantedword')
    await send(channel, outbound("plantedword"))
    await channel.acknowledge({"callback_query": {"id": "unknown"}})
    assert caplog.text
    assert secret not in caplog.text
    assert "plantedword" not in caplog.text


@pytest.mark.asyncio
async def test_the_command_menu_is_published_for_each_language(double: TelegramServer, channel: TelegramChannel) -> None:
    menus = {"en": [("menu", "words in en"), ("stop", "more")], "cy": [("menu", "words in cy")]}
    await publish_commands(channel.bot, menus)
    default = '{"type": "default"}'
    assert {language: menu[0]["description"] for (_, language), menu in double.commands.items()} == {
        "": "words in en",
        "en": "words in en",
        "cy": "words in cy",
    }
    assert double.commands[default, "en"][1] == {"command": "stop", "description": "more"}


def test_offsets_of_emphasis_are_in_utf16_units() -> None:
    (arguments,) = render(outbound("*a* 👶🏽 *b*"))
    assert arguments["text"] == "a 👶🏽 b"
    assert [(entity.offset, entity.length) for entity in arguments["entities"]] == [(0, 1), (7, 1)]
