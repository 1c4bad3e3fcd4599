"""Telegram's webhook at its edges: whose request it is, and what Telegram would deliver to. Both clients of others are asked too."""

from __future__ import annotations

import asyncio
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from aiogram import Bot as AiogramBot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from telegram import Update

from bot.channels.telegram import TelegramChannel
from bot.channels.telegram.parse import READ_UPDATES
from bot.channels.telegram.webhook import HEADER, delete_webhook, mistake, set_webhook, verify_secret, webhook_info
from tests.doubles.telegram_server import TOKEN, TelegramServer

pytestmark = pytest.mark.timeout(30)
PARENT = 9_100_200_301
URL = "https://wren.example/webhooks/telegram"


@pytest.mark.parametrize(
    ("secrets", "header", "good"),
    [
        (["new", "old"], "new", True),
        (["new", "old"], "old", True),
        (["new"], "ne", False),
        (["new"], "newer", False),
        (["new"], "", False),
        (["new"], None, False),
        ([], "", False),
        ([""], "", False),
        (["new"], "nëw\udc80", False),
    ],
)
def test_only_who_names_one_of_our_secrets_is_telegram(secrets: list[str], header: str | None, good: bool) -> None:
    assert verify_secret(secrets, header) is good


@pytest.mark.parametrize(
    ("url", "secrets", "says"),
    [
        (URL, ["a-good_Secret9"], None),
        ("https://wren.example:8443/x", ["a"], None),
        ("http://wren.example/x", ["a"], "https"),
        ("https:///x", ["a"], "https"),
        ("https://wren.example:8080/x", ["a"], "ports"),
        (URL, [], "no secret"),
        (URL, ["with space"], "A-Z"),
        (URL, ["a" * 257], "A-Z"),
        (URL, ["good", "böse"], "A-Z"),
    ],
)
def test_what_telegram_would_not_deliver_to_is_said_in_words(url: str, secrets: list[str], says: str | None) -> None:
    found = mistake(url, secrets)
    assert found is None if says is None else found is not None and says in found


@contextmanager
def _listening(answers: list[int]) -> Iterator[tuple[str, list[tuple[str | None, bytes]]]]:
    """A server that keeps the header and body of each request, and answers as told, at last always 200."""
    heard: list[tuple[str | None, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append((self.headers.get(HEADER), self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(answers.pop(0) if answers else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()


@pytest.mark.asyncio
async def test_what_is_set_is_seen_by_both_clients_and_each_update_comes_in_order_until_it_is_taken() -> None:
    double = TelegramServer()
    with _listening([503, 500]) as (address, heard):
        async with double.serving() as url:
            double.webhook_at = address
            channel = TelegramChannel(TOKEN, base_url=url)
            double.say(PARENT, "before it was set")
            await set_webhook(channel.bot, URL, "a-secret")
            double.say(PARENT, "after")
            async with asyncio.timeout(10):
                while double.pending():
                    await asyncio.sleep(0.02)
            (_, given), *_ = [call for call in double.calls if call[0] == "setWebhook"]
            assert tuple(given["allowed_updates"]) == READ_UPDATES and "drop_pending_updates" not in given
            info = await webhook_info(channel.bot)
            assert (info.url, info.pending_update_count) == (URL, 0)
            assert info.last_error_message == "Wrong response from the webhook: 500"
            session = AiohttpSession(api=TelegramAPIServer.from_base(url))
            async with AiogramBot(TOKEN, session=session) as other:
                assert (await other.get_webhook_info()).url == URL
                await delete_webhook(channel.bot)
                assert (await other.get_webhook_info()).url == ""
            await channel.close()
    assert {secret for secret, _ in heard} == {"a-secret"}
    texts = [Update.de_json(json.loads(body)).message for _, body in heard]
    assert [message.text for message in texts if message] == ["before it was set"] * 3 + ["after"]
