"""Sending to WhatsApp: real requests over loopback to a strict double of the Graph API, and what each outcome is called."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from pywa import errors as pywa_errors

from bot.channels import Channel, MarkingChannel
from bot.channels.whatsapp import GraphError, WhatsAppChannel
from bot.channels.whatsapp.errors import ACTIONS, meaning_of, meanings, read
from bot.messages import Button, Delivery, Outbound
from tests.doubles.graph_server import BUSINESS_ID, DAY, NUMBER_ID, TOKEN, GraphServer, Parent

pytestmark = pytest.mark.timeout(60)
ADA = Parent()


@pytest_asyncio.fixture
async def double() -> AsyncIterator[GraphServer]:
    server = GraphServer()
    async with server.serving():
        server.says(ADA, "hello")
        yield server


@pytest_asyncio.fixture
async def channel(double: GraphServer) -> AsyncIterator[WhatsAppChannel]:
    whatsapp = WhatsAppChannel(TOKEN, NUMBER_ID, business_id=BUSINESS_ID, base_url=double.url)
    yield whatsapp
    await whatsapp.close()


def outbound(text: str = "Hello there", **fields: Any) -> Outbound:
    return Outbound(text=text, language="en", **fields)


async def send(channel: WhatsAppChannel, message: Outbound, kind: str = "phone", **more: Any) -> Delivery:
    address = ADA.phone if kind == "phone" else ADA.user_id
    return await channel.send_marked(address or "", kind, message, mark="key:0", **more)


async def test_it_is_a_channel_whose_receipts_carry_our_mark(double: GraphServer, channel: WhatsAppChannel) -> None:
    whatsapp: Channel = channel
    assert isinstance(whatsapp, MarkingChannel)
    sent = await send(channel, outbound())
    assert (sent.status, sent.parts, sent.accepted) == ("sent", 1, (sent.provider_id,))
    assert double.sent[0].body["biz_opaque_callback_data"] == "key:0#0/1"


@pytest.mark.parametrize("kind", ["phone", "whatsapp_bsuid"])
async def test_a_message_goes_to_a_number_or_to_a_business_scoped_id(
    double: GraphServer, channel: WhatsAppChannel, kind: str
) -> None:
    assert (await send(channel, outbound(), kind)).status == "sent"
    assert [sent.words for sent in double.to(ADA)] == ["Hello there"]


async def test_an_address_of_another_channel_is_not_tried(double: GraphServer, channel: WhatsAppChannel) -> None:
    assert (await channel.send("5", "telegram_id", outbound())).status == "failed"
    assert double.sent == []


async def test_a_message_in_parts_goes_on_where_it_stopped(double: GraphServer, channel: WhatsAppChannel) -> None:
    long = outbound("First sentence. " * 400 + "\n\nShall I go on?", buttons=(Button(title="Yes", token="t"),))
    double.answer_next(b"{}", 200)  # the first part is taken, but its answer is not to be read
    first = await send(channel, long)
    assert (first.status, first.accepted) == ("unknown", ())
    double.sent.clear()
    double._faults.clear()
    whole = await send(channel, long)
    assert whole.status == "sent" and whole.parts == len(whole.accepted) == len(double.sent) == 3
    double.sent.clear()
    rest = await send(channel, long, done=2)
    assert rest.status == "sent" and len(rest.accepted) == 1
    assert double.sent[0].body["biz_opaque_callback_data"] == "key:0#2/3"


async def test_the_parts_before_a_refused_one_are_named(double: GraphServer, channel: WhatsAppChannel) -> None:
    from tests.doubles.graph_server import Fault

    long = outbound("First sentence. " * 400)
    double._faults.append(Fault())
    double.fail_next(131016, status=503)
    stopped = await send(channel, long)
    assert (stopped.status, stopped.reason, len(stopped.accepted), stopped.parts) == (
        "retry",
        "service-unavailable (131016)",
        1,
        2,
    )


EXPECTED = {
    "retry": ("retry", ""),
    "pair": ("retry", ""),
    "pause": ("wait", ""),
    "halt": ("wait", "halt"),
    "window_closed": ("hold", "window_closed"),
    "unreachable": ("unreachable", ""),
    "other_address": ("other_address", ""),
    "marketing_stopped": ("refuse", "marketing_stopped"),
    "another_day": ("refuse", "another_day"),
    "template_fault": ("failed", "template_fault"),
    "refused": ("failed", "refused"),
}


@pytest.mark.parametrize("code", sorted(meanings()))
async def test_every_error_of_the_file_has_its_outcome_by_name(double: GraphServer, channel: WhatsAppChannel, code: int) -> None:
    double.fail_next(code)
    got = await send(channel, outbound())
    meaning = meaning_of(code)
    assert (got.status, got.action) == EXPECTED[meaning.action]
    assert got.reason == f"{meaning.name} ({code})"
    assert got.grows == (4.0 if meaning.action == "pair" else 2.0)
    assert (got.pause > 0) == (meaning.action in ("pause", "halt"))
    assert double.sent == []


def test_the_table_of_outcomes_knows_every_action() -> None:
    assert set(EXPECTED) == ACTIONS


def test_every_error_that_another_client_knows_of_sending_is_in_the_file() -> None:
    """pywa's classes for authorisation, throttling, integrity and sending, which this project did not write."""
    not_for_us = {132068, 132069, 133016}  # flows and registering numbers, which Wren does not do
    families = (
        pywa_errors.AuthorizationError,
        pywa_errors.ThrottlingError,
        pywa_errors.IntegrityError,
        pywa_errors.SendMessageError,
    )
    codes = {code for family in families for one in family.__subclasses__() for code in one.__error_codes__ or ()}
    assert codes - not_for_us <= set(meanings())


async def test_an_error_that_nobody_knows_is_a_failure_that_says_its_number(
    double: GraphServer, channel: WhatsAppChannel
) -> None:
    double.fail_next(999_999)
    assert await send(channel, outbound()) == Delivery(status="failed", reason="not-known-to-us (999999)", action="refused")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "no list called errors"),
        ({"errors": [{"name": "x", "action": "retry"}]}, "has no codes"),
        ({"errors": [{"codes": [1], "name": "x", "action": "shrug"}]}, "the action 'shrug'"),
        ({"errors": [{"codes": [1], "name": "", "action": "retry"}]}, "needs a name"),
        ({"errors": [{"codes": [1], "name": "x", "action": "pause"}]}, "needs wait"),
        ({"errors": [{"codes": [1], "name": "x", "action": "retry", "fault": "tired"}]}, "the fault 'tired'"),
        ({"errors": [{"codes": [1, 1], "name": "x", "action": "retry"}]}, "names 1 twice"),
    ],
)
def test_a_mistake_in_the_file_of_errors_is_said_in_plain_words(data: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read(data)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "999999"}, 3600.0),
        ({"Retry-After": "soon"}, 2.0),
        ({"X-Business-Use-Case-Usage": '{"1": [{"type": "messages", "estimated_time_to_regain_access": 3}]}'}, 180.0),
        ({"X-Business-Use-Case-Usage": "[[["}, 2.0),
        ({}, 2.0),
    ],
)
async def test_the_number_pauses_as_long_as_the_server_asks(
    double: GraphServer, channel: WhatsAppChannel, headers: dict[str, str], wait: float
) -> None:
    double.fail_next(130429, status=429, headers=headers)
    got = await send(channel, outbound())
    assert (got.status, got.retry_after, got.pause) == ("wait", wait, wait)


@pytest.mark.parametrize(
    ("status", "outcome"), [(429, "wait"), (401, "wait"), (403, "wait"), (500, "retry"), (502, "retry"), (404, "retry")]
)
async def test_an_error_status_without_metas_json_is_not_taken_for_a_refusal(
    double: GraphServer, channel: WhatsAppChannel, status: int, outcome: str
) -> None:
    double.answer_next(b"<html>proxy</html>", status)
    assert (await send(channel, outbound())).status == outcome


async def test_an_answer_that_does_not_come_is_unknown_and_one_that_never_left_is_tried_again(
    double: GraphServer,
) -> None:
    double.hang_next(4.0)
    impatient = WhatsAppChannel(TOKEN, NUMBER_ID, business_id=BUSINESS_ID, base_url=double.url, timeout=2.0)
    late = await send(impatient, outbound())
    await impatient.close()
    assert (late.status, len(double.sent)) == ("unknown", 1)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    nobody = WhatsAppChannel(TOKEN, NUMBER_ID, base_url=f"http://127.0.0.1:{port}", timeout=1.0)
    assert (await nobody.send("447700900301", "phone", outbound())).status == "retry"
    await nobody.close()


async def test_the_double_itself_shuts_the_window_and_knows_templates(double: GraphServer, channel: WhatsAppChannel) -> None:
    double.clock_ahead = DAY + 1
    assert (await send(channel, outbound())).action == "window_closed"
    template = outbound(template="late", template_language="pl", template_values=("x",))
    assert (await send(channel, template)).reason == "template-missing (132001)"
    await channel.submit_template(
        {
            "name": "late",
            "language": "pl",
            "category": "UTILITY",
            "components": [{"type": "BODY", "text": "To {{1}} tu.", "example": {"body_text": [["my"]]}}],
        }
    )
    assert (await send(channel, template)).reason == "template-missing (132001)"
    double.templates["late", "pl"]["status"] = "APPROVED"
    assert (await send(channel, template)).status == "sent"
    assert (await send(channel, replace(template, template_values=("x", "y")))).reason == "template-count (132000)"
    double.templates["late", "pl"]["status"] = "PAUSED"
    assert (await send(channel, template)).reason == "template-paused (132015)"


async def test_a_message_is_marked_as_read_with_a_sign_of_typing_and_a_failure_of_that_is_nothing(
    double: GraphServer, channel: WhatsAppChannel
) -> None:
    wamid = double.says(ADA, "hi")["entry"][0]["changes"][0]["value"]["messages"][0]["id"]
    await channel.acknowledge(wamid, typing=True)
    await channel.acknowledge("wamid.UNKNOWN", typing=False)
    assert double.read == [
        {"messaging_product": "whatsapp", "status": "read", "message_id": wamid, "typing_indicator": {"type": "text"}}
    ]


async def test_every_page_of_templates_is_read_and_refusals_are_in_plain_words(
    double: GraphServer, channel: WhatsAppChannel
) -> None:
    for number in range(7):
        double.templates[f"t{number}", "pl"] = {"name": f"t{number}", "language": "pl", "components": []}
    assert [one["name"] for one in await channel.templates()] == [f"t{number}" for number in range(7)]
    with pytest.raises(GraphError, match="bad-parameter"):
        await channel.submit_template({"name": "x", "language": "cy", "category": "UTILITY", "components": []})
    stranger = WhatsAppChannel("wrong", NUMBER_ID, base_url=double.url)
    with pytest.raises(GraphError, match="token-expired"):
        await stranger.number()
    with pytest.raises(GraphError, match="BUSINESS_ID"):
        await stranger.templates()
    await stranger.close()


async def test_neither_token_nor_number_nor_words_reach_a_log(
    double: GraphServer, channel: WhatsAppChannel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    double.fail_next(131000)
    for message in (outbound("a secret worry"), outbound("a secret worry")):
        await send(channel, message)
    await channel.acknowledge("wamid.UNKNOWN", typing=True)
    ours = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith(("uvicorn", "asyncio")))
    for secret in (TOKEN, ADA.phone, "a secret worry"):
        assert secret not in ours
