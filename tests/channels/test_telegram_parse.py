"""What Telegram sends, as the app hears it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telegram import Update

from bot.channels.telegram import TelegramChannel, external_id, parse, reachability
from bot.messages import Kind
from tests.channels.support import ANY_JSON, as_expected, damaged, fixtures, load

BOT_ID = "4200000001"
ALL = fixtures("telegram")
RAWS = [load(path)["raw"] for path in ALL]


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_it_hears_each_recorded_update_as_written_down(path: Path) -> None:
    fixture = load(path)
    found = parse(fixture["raw"], bot_id=BOT_ID)
    wanted = fixture["expected"]
    assert len(found) == len(wanted)
    assert [as_expected(inbound, want) for inbound, want in zip(found, wanted, strict=True)] == wanted


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_the_fixtures_have_the_published_shape(path: Path) -> None:
    """python-telegram-bot, which knows the contract, reads each, but those that break it on purpose."""
    if path.stem in ("no_update_id", "text_of_a_wrong_type", "unknown_update", "rich_message"):
        pytest.skip("on purpose: broken, or newer than the library")
    raw = load(path)["raw"]
    update = Update.de_json(raw, None)
    assert update.update_id == raw["update_id"]
    (kind,) = raw.keys() - {"update_id"}
    assert getattr(update, kind) is not None


def test_the_channel_object_knows_its_bot_from_the_token() -> None:
    channel = TelegramChannel(f"{BOT_ID}:AAsecret")
    raw = load(next(path for path in ALL if path.stem == "text"))["raw"]
    assert channel.parse(raw) == parse(raw, bot_id=BOT_ID)
    assert (channel.name, channel.pulled) == ("telegram", False)


def test_the_same_update_has_the_same_id_and_another_bots_update_another() -> None:
    raw = {"update_id": 7}
    assert external_id(raw, "1") == external_id(dict(raw), "1") == "1:7"
    assert external_id(raw, "2") != external_id(raw, "1")
    assert external_id({"update_id": True}, "1") is None


@pytest.mark.parametrize(("name", "reachable"), [("blocked", False), ("unblocked", True), ("text", None)])
def test_it_tells_who_blocked_the_bot_and_who_let_it_back(name: str, reachable: bool | None) -> None:
    raw = load(next(path for path in ALL if path.stem == name))["raw"]
    answer = reachability(raw)
    if reachable is None:
        assert answer is None
    else:
        assert answer is not None
        assert (answer[0].kind, answer[0].value, answer[1]) == ("telegram_id", "9100200301", reachable)


@pytest.mark.parametrize(
    ("text", "kind", "payload"),
    [
        ("/start " + "a" * 64, Kind.START, "a" * 64),
        ("/start " + "a" * 65, Kind.TEXT, None),
        ("/start", Kind.START, None),
        ("/START  Code_1-b ", Kind.START, "Code_1-b"),
        ("/start ünsafe", Kind.TEXT, None),
        ("/starting", Kind.TEXT, None),
        (" /start x", Kind.START, "x"),
    ],
)
def test_a_start_payload_is_up_to_64_safe_characters(text: str, kind: Kind, payload: str | None) -> None:
    (inbound,) = parse(private_message(text=text), bot_id=BOT_ID)
    assert (inbound.kind, inbound.start_payload) == (kind, payload)


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("/menu", "menu"),
        ("/help", "help"),
        ("/stop", "stop"),
        ("/language", "language"),
        ("/forget", "forget me"),
        ("/forget_me", "forget me"),
        ("/forgetme", "forget me"),
        ("/forget me", "forget me"),
    ],
)
def test_a_command_is_heard_as_the_words_the_router_knows(text: str, heard: str) -> None:
    (inbound,) = parse(private_message(text=text), bot_id=BOT_ID)
    assert (inbound.kind, inbound.text) == (Kind.TEXT, heard)


@given(words=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])).filter(str.strip))
def test_no_words_are_lost_after_a_command(words: str) -> None:
    (inbound,) = parse(private_message(text=f"/help {words}"), bot_id=BOT_ID)
    assert (inbound.kind, inbound.text) == (Kind.TEXT, f"help {words.strip()}")


def test_it_hears_text_without_what_no_database_stores() -> None:
    (inbound,) = parse(private_message(text="a\0b\ud800c 😀"), bot_id=BOT_ID)
    assert inbound.text == "ab?c 😀"
    inbound.text.encode("utf-8")


@settings(max_examples=300)
@given(raw=ANY_JSON)
def test_it_never_raises_on_any_json(raw: Any) -> None:
    assert isinstance(parse(raw, bot_id=BOT_ID), list)
    reachability(raw)


@settings(max_examples=300)
@given(raw=damaged(RAWS))
def test_it_never_raises_on_a_damaged_update(raw: Any) -> None:
    for inbound in parse(raw, bot_id=BOT_ID):
        assert inbound.addresses
        assert inbound.addresses[0].value.isdigit()
        assert inbound.external_id.startswith(f"{BOT_ID}:")
        inbound.text.encode("utf-8")
        if inbound.kind is Kind.UNSUPPORTED:
            assert inbound.media
    reachability(raw)


def private_message(**content: Any) -> dict[str, Any]:
    sender = {"id": 5, "is_bot": False, "first_name": "P"}
    message = {"message_id": 1, "from": sender, "chat": {"id": 5, "type": "private"}, "date": 1_793_000_000, **content}
    return {"update_id": 1, "message": message}
