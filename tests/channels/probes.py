"""What the conformance suite must know of each channel to try it: one probe a channel, in a fresh double.

A new channel joins with one class here: what its provider delivers for the same few things that any parent does, how a message looks that
the double has taken, and which refusals of the provider mean what.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bot.channels import Channel
from bot.channels.sms import Gateway, SmsChannel
from bot.channels.sms import numbered_tokens as sms_numbers
from bot.channels.telegram import TelegramChannel
from bot.channels.terminal import TerminalChannel, press, say
from bot.channels.webchat import WebChatChannel
from bot.channels.whatsapp import WhatsAppChannel
from bot.channels.whatsapp import numbered_tokens as whatsapp_numbers
from bot.messages import Outbound
from tests.doubles import graph_server, sms_gateway, telegram_server
from tests.doubles.graph_server import GraphServer, Parent
from tests.doubles.sms_gateway import SmsGateway
from tests.doubles.telegram_server import TelegramServer

KEY = "k" * 43


@dataclass
class Shown:
    """One message as the parent sees it: its words, what stands on its buttons, and the tokens that pressing them brings back."""

    text: str
    buttons: str = ""
    tokens: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Probe:
    """`address` and `kind` are the parent's; `secrets` what no log may hold beside them."""

    channel: Channel
    address: str
    kind: str
    kinds: frozenset[str]
    says: Callable[[str], Mapping[str, Any]]
    """The event of a typed text."""
    presses: Callable[[str], Mapping[str, Any]] | None
    """The event of a press of the choice behind a token; None where choices are numbers only."""
    media: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    """(what `Inbound.media` must say, its event), each with the caption "please help" where there may be one."""
    silent: list[Mapping[str, Any]] = field(default_factory=list)
    """Events in which no parent said anything."""
    numbers: Callable[[Outbound], tuple[str, ...]] = lambda outbound: ()
    shown: Callable[[], list[Shown]] = list
    """What the parent has got so far; not asked of pulled channels."""
    failures: list[tuple[str, Callable[[], Any]]] = field(default_factory=list)
    """(the status that `Delivery` must have, what makes the provider refuse the next message so)."""
    secrets: tuple[str, ...] = ()


@contextmanager
def terminal() -> Iterator[Probe]:
    """Lines are events of their own; replies are read from the database."""
    yield Probe(
        channel=TerminalChannel(),
        address="someone",
        kind="terminal",
        kinds=frozenset({"terminal"}),
        says=lambda text: say("someone", text),
        presses=lambda token: press("someone", token),
    )


@contextmanager
def webchat() -> Iterator[Probe]:
    """Forms of the page; replies are read from the database."""
    ids = itertools.count(10_000_000)
    yield Probe(
        channel=WebChatChannel(),
        address=KEY,
        kind="webchat_key",
        kinds=frozenset({"webchat_key"}),
        says=lambda text: {"person": KEY, "id": str(next(ids)), "text": text, "lang": "en"},
        presses=lambda token: {"person": KEY, "id": str(next(ids)), "token": token, "lang": "en"},
        silent=[{"person": KEY, "id": "12345678", "text": "  "}, {"person": "somebody", "text": "hello"}],
    )


@contextmanager
def telegram() -> Iterator[Probe]:
    """The Bot API."""
    double, who = TelegramServer(), 9_100_200_301

    def last() -> Mapping[str, Any]:
        return double.pending()[-1]

    def said(**content: Any) -> Mapping[str, Any]:
        double.send(who, **content)
        return last()

    def shown() -> list[Shown]:
        found = []
        for message in double.sent(who):
            keyboard = message.get("reply_markup", {}).get("inline_keyboard", [])
            buttons = [button for row in keyboard for button in row]
            titles = "\n".join(f"{button['text']} {button.get('url', '')}" for button in buttons)
            tokens = [button["callback_data"] for button in buttons if "callback_data" in button]
            found.append(Shown(message["text"], titles, tokens))
        return found

    def pressed(token: str) -> Mapping[str, Any]:
        message = {"message_id": 1, "chat": {"id": who, "type": "private"}, "date": 0}
        sender = {"id": who, "is_bot": False, "first_name": "Parent"}
        return double.inject({"callback_query": {"id": "1", "from": sender, "message": message, "data": token}})

    def refuse(status: int, description: str, **more: Any) -> Callable[[], None]:
        return lambda: double.fail_next("sendMessage", status, description, **more)

    with double.in_thread() as url:
        yield Probe(
            channel=TelegramChannel(telegram_server.TOKEN, base_url=url),
            address=str(who),
            kind="telegram_id",
            kinds=frozenset({"telegram_id"}),
            says=lambda text: said(text=text),
            presses=pressed,
            media=[
                ("voice", said(voice={"file_id": "f", "duration": 3})),
                ("photo", said(photo=[{"file_id": "f"}], caption="please help")),
                ("video", said(video={"file_id": "f"}, caption="please help")),
                ("sticker", said(sticker={"file_id": "f"})),
                ("document", said(document={"file_id": "f"}, caption="please help")),
                ("other", said(something_new={"text": "please help"})),
            ],
            silent=[
                double.inject({"poll": {"id": "1"}}),
                double.inject({"channel_post": {"text": "hello", "chat": {"id": -5, "type": "channel"}}}),
                double.inject({"message": {"text": "hello", "chat": {"id": -5, "type": "group"}, "from": {"id": who}}}),
                said(pinned_message={}),
            ],
            shown=shown,
            failures=[
                ("wait", refuse(429, "Too Many Requests: retry after 1", retry_after=1)),
                ("retry", refuse(500, "Internal Server Error")),
                ("failed", refuse(400, "Bad Request: message is strange")),
                ("unreachable", refuse(403, "Forbidden: bot was blocked by the user")),
            ],
            secrets=(telegram_server.TOKEN.partition(":")[2],),
        )


@contextmanager
def whatsapp() -> Iterator[Probe]:
    """The Cloud API."""
    double, parent = GraphServer(), Parent()
    assert parent.phone is not None

    def shown() -> list[Shown]:
        return [Shown(sent.words, _strings(sent.body), list(sent.choices.values())) for sent in double.to(parent)]

    def pressed(token: str) -> Mapping[str, Any]:
        return double.message(
            parent, type="interactive", interactive={"type": "button_reply", "button_reply": {"id": token, "title": "x"}}
        )

    def refuse(code: int, status: int = 400) -> Callable[[], None]:
        return lambda: double.fail_next(code, status=status)

    def media(kind: str, content: Any) -> Mapping[str, Any]:
        return double.message(parent, type=kind, **{kind: content})

    with double.in_thread() as url:
        double.says(parent, "hello")
        yield Probe(
            channel=WhatsAppChannel(graph_server.TOKEN, graph_server.NUMBER_ID, base_url=url),
            address=parent.phone,
            kind="phone",
            kinds=frozenset({"phone", "whatsapp_bsuid"}),
            says=lambda text: double.says(parent, text),
            presses=pressed,
            media=[
                ("voice", media("audio", {"id": "1", "voice": True})),
                ("photo", media("image", {"id": "1", "caption": "please help"})),
                ("video", media("video", {"id": "1", "caption": "please help"})),
                ("sticker", media("sticker", {"id": "1"})),
                ("document", media("document", {"id": "1", "caption": "please help"})),
                ("other", media("telepathy", {"text": "please help"})),
            ],
            silent=[
                graph_server.envelope(statuses=[{"id": "wamid.1", "status": "sent"}]),
                graph_server.envelope("account_update", event="VERIFIED_ACCOUNT"),
                graph_server.envelope("something_new", what="text"),
            ],
            numbers=whatsapp_numbers,
            shown=shown,
            failures=[
                ("wait", refuse(130429, 429)),
                ("retry", refuse(131016, 500)),
                ("failed", refuse(100)),
                ("unreachable", refuse(131026)),
                ("hold", refuse(131047)),
            ],
            secrets=(graph_server.TOKEN,),
        )


@contextmanager
def sms() -> Iterator[Probe]:
    """A gateway with the plain names."""
    double, number = SmsGateway(), "447700900301"

    def refuse(status: int, code: str = "") -> Callable[[], None]:
        return lambda: double.answers.append((status, {"error": code}, {}))

    with double.in_thread() as url:
        yield Probe(
            channel=SmsChannel(Gateway(url=url, secret=sms_gateway.TOKEN, sender="+447700900000")),
            address=number,
            kind="phone",
            kinds=frozenset({"phone"}),
            says=lambda text: double.says(f"+{number}", text),
            presses=None,
            media=[("photo", double.says(f"+{number}", "please help", media=["1"])), ("other", double.says(f"+{number}", ""))],
            silent=[
                {"id": "g-1", "status": "delivered"},
                double.says("60777", "Your balance is low"),
                {"something": "new"},
            ],
            numbers=sms_numbers,
            shown=lambda: [Shown(text) for text in double.to(f"+{number}")],
            failures=[
                ("wait", refuse(429)),
                ("retry", refuse(500)),
                ("failed", refuse(400, "E_NEW")),
                ("unreachable", refuse(400, "number-unknown")),
            ],
            secrets=(sms_gateway.TOKEN,),
        )


def _strings(value: Any) -> str:
    """Every string of a body, so that titles and links are found wherever they stand."""
    if isinstance(value, Mapping):
        return "\n".join(_strings(item) for item in value.values())
    if isinstance(value, list):
        return "\n".join(_strings(item) for item in value)
    return value if isinstance(value, str) else ""


PROBES = {"terminal": terminal, "webchat": webchat, "telegram": telegram, "whatsapp": whatsapp, "sms": sms}
