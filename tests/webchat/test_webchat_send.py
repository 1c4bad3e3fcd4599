"""Sending by plain forms and by the page's script: stored once, kept apart, never from another site."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from bot.channels.webchat import WebChatChannel
from bot.conversation.commands import Commands
from bot.languages import supported
from bot.library import Library
from bot.messages import Kind, Outbound
from bot.pages.door import Door, address_block
from bot.settings import ROOT
from bot.storage.tables import Person, PersonAddress
from bot.triage import Triage
from tests.webchat.support import HELLO, Chat, build_chat, hidden

KEY = "k" * 43


def test_reading_makes_nobody(chat: Chat) -> None:
    client = chat.client()
    for _ in range(3):
        assert client.get("/chat").status_code == 200
    assert chat.people() == 0


def test_the_key_is_long_random_and_out_of_reach_of_scripts_and_other_sites(chat: Chat) -> None:
    keys = set()
    for _ in range(5):
        response = chat.client().get("/chat")
        cookie = response.headers["set-cookie"]
        for flag in ("HttpOnly", "SameSite=lax", "Secure", "Path=/chat"):
            assert flag in cookie
        keys.add(response.cookies["wren_chat"])
    assert len(keys) == 5
    assert all(len(key) == 43 for key in keys)  # 43 base64 characters are 256 bits


def test_the_key_is_stored_only_sealed(chat: Chat) -> None:
    client = chat.client()
    page = client.get("/chat").text
    client.post("/chat/send", data={"text": "hello", "id": hidden(page)})
    key = client.cookies["wren_chat"]
    with chat.services.database.read() as session:
        row = session.query(PersonAddress).one()
    assert key not in row.lookup and key.encode() not in row.sealed
    assert (row.channel, row.kind) == ("webchat", "webchat_key")
    assert chat.services.keyring.open(row.sealed) == key


def test_a_plain_form_is_stored_and_leads_back_to_the_conversation(chat: Chat) -> None:
    client = chat.client()
    page = client.get("/chat").text
    response = client.post("/chat/send", data={"text": "my baby cries", "id": hidden(page)})
    assert response.status_code == 303
    assert response.headers["location"].endswith("#latest")
    assert "my baby cries" in client.get("/chat").text
    [row] = chat.inbox()
    assert chat.services.keyring.open_json(row.sealed)["text"] == "my baby cries"


def test_the_page_s_script_gets_204(chat: Chat) -> None:
    client = chat.client()
    page = client.get("/chat").text
    response = client.post("/chat/send", data={"text": "hi", "id": hidden(page)}, headers={"Wren-Fetch": "1"})
    assert (response.status_code, response.text) == (204, "")


def test_a_double_tap_and_a_reload_are_one_message(chat: Chat) -> None:
    client = chat.client()
    form = {"text": "my baby cries", "id": hidden(client.get("/chat").text)}
    with ThreadPoolExecutor(8) as pool:
        codes = [r.status_code for r in pool.map(lambda _: client.post("/chat/send", data=form), range(8))]
    assert set(codes) == {303}
    assert len(chat.inbox()) == 1
    assert chat.people() == 1


def test_other_words_from_a_page_brought_back_are_another_message(chat: Chat) -> None:
    client = chat.client()
    form_id = hidden(client.get("/chat").text)
    client.post("/chat/send", data={"text": "first", "id": form_id})
    client.post("/chat/send", data={"text": "second", "id": form_id})
    assert len(chat.inbox()) == 2


def test_the_same_words_twice_on_purpose_are_two_messages(chat: Chat) -> None:
    client = chat.client()
    for _ in range(2):
        client.post("/chat/send", data={"text": "again", "id": hidden(client.get("/chat").text)})
    assert len(chat.inbox()) == 2


def test_two_people_with_the_same_form_id_do_not_collide(chat: Chat) -> None:
    for client in (chat.client(), chat.client()):
        client.get("/chat")
        client.post("/chat/send", data={"text": "hello", "id": "abcdefgh1234"})
    assert chat.people() == 2
    assert len(chat.inbox()) == 2


def test_nothing_is_stored_for_an_empty_message(chat: Chat) -> None:
    client = chat.client()
    page = client.get("/chat").text
    for text in ("", "   \n "):
        assert client.post("/chat/send", data={"text": text, "id": hidden(page)}).status_code == 303
    assert chat.people() == 0


def test_a_message_of_ten_thousand_characters_is_taken_in_any_script(chat: Chat) -> None:
    client = chat.client()
    for letter in ("a", "ب", "👶"):
        page = client.get("/chat").text
        assert client.post("/chat/send", data={"text": letter * 10_000, "id": hidden(page)}).status_code == 303
    assert len(chat.inbox()) == 3


def test_a_post_beyond_all_measure_is_refused_kindly(chat: Chat) -> None:
    response = chat.client().post("/chat/send", data={"text": "a" * 600_000, "id": "abcdefgh"})
    assert response.status_code == 413
    assert "tel:999" in response.text
    assert chat.people() == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://wren.test.evil.example"},
    ],
)
@pytest.mark.parametrize("path", ["/chat/send", "/chat/leave"])
def test_it_refuses_a_post_from_another_site(chat: Chat, headers: dict[str, str], path: str) -> None:
    client = chat.client()
    page = client.get("/chat").text
    response = client.post(path, data={"text": "hello", "id": hidden(page)}, headers=headers)
    assert response.status_code == 403
    assert chat.people() == 0
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "https://wren.test"}, {}])
def test_it_takes_a_post_from_its_own_page(chat: Chat, headers: dict[str, str]) -> None:
    client = chat.client()
    page = client.get("/chat").text
    assert client.post("/chat/send", data={"text": "hello", "id": hidden(page)}, headers=headers).status_code == 303
    assert chat.people() == 1


def test_a_language_asked_for_counts_as_chosen_and_the_browser_s_does_not(chat: Chat) -> None:
    asked, guessed = chat.client(), chat.client()
    page = asked.get("/chat?lang=ur&c=poster-7").text
    assert '<html lang="ur" dir="rtl">' in page
    form = {name: hidden(page, name) for name in ("id", "lang", "chosen", "code")}
    asked.post("/chat/send", data={"text": "سلام", **form})
    page = guessed.get("/chat", headers={"Accept-Language": "cy,en;q=0.5"}).text
    assert '<html lang="cy" dir="ltr">' in page and 'name="chosen"' not in page
    guessed.post("/chat/send", data={"text": "helo", "id": hidden(page), "lang": hidden(page, "lang")})
    with chat.services.database.read() as session:
        people = session.query(Person).order_by(Person.id).all()
    assert [(p.language, p.language_chosen, p.campaign) for p in people] == [
        ("ur", True, "poster-7"),
        ("cy", False, None),
    ]


def test_an_old_page_cannot_change_the_language_of_someone_known(chat: Chat) -> None:
    client = chat.client()
    client.post("/chat/send", data={"text": "hello", "id": "abcdefgh1", "lang": "en"})
    client.post("/chat/send", data={"text": "again", "id": "abcdefgh2", "lang": "ur", "chosen": "1", "code": "x"})
    stored = [chat.services.keyring.open_json(row.sealed) for row in chat.inbox()]
    assert stored[1]["language"] is None and stored[1]["start_payload"] is None
    assert '<html lang="en"' in client.get("/chat?lang=ur").text


def test_new_people_are_limited_by_address_and_known_ones_never(tmp_path: Path, library: Library, triage: Triage) -> None:
    chat = build_chat(tmp_path, library, triage, webchat_new_per_minute=2)
    known = chat.client()
    assert known.post("/chat/send", data={"text": "one", "id": "abcdefgh1"}).status_code == 303
    assert chat.client().post("/chat/send", data={"text": "two", "id": "abcdefgh2"}).status_code == 303
    refused = chat.client().post("/chat/send", data={"text": "my very own words", "id": "abcdefgh3"})
    assert refused.status_code == 429
    assert "my very own words" in refused.text and "tel:999" in refused.text and 'value="abcdefgh3"' in refused.text
    assert chat.people() == 2
    for number in range(5):
        assert known.post("/chat/send", data={"text": f"more {number}", "id": "abcdefgh9"}).status_code == 303
    chat.services.database.dispose()


def test_the_door_counts_by_household_and_in_all_and_forgets_after_a_minute() -> None:
    clock = [0.0]
    door = Door(per_address=1, in_all=3, clock=lambda: clock[0])
    assert door.admit("192.0.2.1") and not door.admit("192.0.2.1")
    assert door.admit("2001:db8::1") and not door.admit("2001:db8::2")
    assert door.admit("192.0.2.2") and not door.admit("192.0.2.3")
    clock[0] = 61.0
    assert door.admit("192.0.2.1")
    assert address_block("::ffff:192.0.2.1") == "192.0.2.1"
    assert address_block(None) == "unknown"


def fail(*_: object) -> None:
    raise OperationalError("insert", {}, Exception("disk I/O error"))


def test_when_the_store_fails_the_safety_words_are_shown_and_nothing_typed_is_lost(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = chat.client()
    page = client.get("/chat").text
    form = {"text": "he is not breathing", "id": hidden(page)}
    with monkeypatch.context() as patch:
        patch.setattr(chat.services.database, "write", fail)
        patch.setattr(chat.services.database, "read", fail)
        response = client.post("/chat/send", data=form)
        assert client.get("/chat").status_code == 503
    assert response.status_code == 503
    assert 'class="msg wren safety"' in response.text and "tel:999" in response.text
    assert "he is not breathing" in response.text and f'value="{form["id"]}"' in response.text
    assert client.post("/chat/send", data=form).status_code == 303
    assert chat.services.intake.import_spooled() == 1
    assert len(chat.inbox()) == 1


def test_people_known_before_are_not_held_up_while_the_store_fails(
    tmp_path: Path, library: Library, triage: Triage, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = build_chat(tmp_path, library, triage, webchat_new_per_minute=0)
    monkeypatch.setattr(chat.services.database, "read", fail)
    monkeypatch.setattr(chat.services.database, "write", fail)
    assert chat.client().post("/chat/send", data={"text": "not breathing", "id": "abcdefgh"}).status_code == 503
    chat.services.database.dispose()


def test_a_browser_without_cookies_is_told_so(chat: Chat) -> None:
    client = chat.client()
    response = client.post("/chat/send", data={"text": "hello", "id": "abcdefgh"})
    client.cookies.clear()
    page = client.get(response.headers["location"]).text
    assert 'class="alert"' in page and "tel:999" in page


def test_an_emergency_is_answered_on_the_very_next_page(chat: Chat) -> None:
    client = chat.client()
    page = client.get("/chat").text
    response = client.post("/chat/send", data={"text": "my baby is not breathing", "id": hidden(page)})
    assert 'class="msg wren safety"' in client.get(response.headers["location"]).text


def test_a_button_goes_in_as_its_token_and_is_shown_by_its_title(chat: Chat) -> None:
    client = chat.client()
    client.post("/chat/send", data={"text": "hello", "id": "abcdefgh1"})
    chat.answer(HELLO)
    page = client.get("/chat").text
    token = page[page.index('name="token" value="') + 20 :].split('"')[0]
    client.post("/chat/send", data={"token": token, "id": "abcdefgh2"})
    pressed = chat.inbox()[1]
    assert pressed.kind == "button"
    assert chat.services.keyring.open_json(pressed.sealed)["token"] == token
    title = chat.library.strings.get("button.menu", "en")
    own = client.get("/chat").text.split('class="msg you"')[2]
    assert f"<p>{title}</p>" in own


def test_another_person_s_token_shows_no_title(chat: Chat) -> None:
    first, second = chat.client(), chat.client()
    first.post("/chat/send", data={"text": "hello", "id": "abcdefgh1"})
    chat.answer(HELLO)
    page = first.get("/chat").text
    token = page[page.index('name="token" value="') + 20 :].split('"')[0]
    second.post("/chat/send", data={"token": token, "id": "abcdefgh2"})
    own = second.get("/chat").text.split('class="msg you"')[1].split("</article>")[0]
    assert f"<p>{chat.library.strings.get('button.menu', 'en')}</p>" not in own


def test_clearing_takes_the_key_off_the_device_only(chat: Chat) -> None:
    client = chat.client()
    client.post("/chat/send", data={"text": "my secret words", "id": "abcdefgh"})
    response = client.post("/chat/leave")
    assert response.status_code == 303 and 'wren_chat=""' in response.headers["set-cookie"]
    assert "my secret words" not in client.get("/chat").text
    assert chat.people() == 1


@pytest.mark.parametrize("lang", [language.code for language in supported()])
def test_the_page_s_own_buttons_say_words_that_wren_knows(library: Library, lang: str) -> None:
    commands = Commands.load(ROOT)
    for key, command in (("help_now", "help_now"), ("menu", "help_menu"), ("language", "change_language")):
        assert commands.find(library.strings.get(f"webchat.{key}_words", lang), lang) == command


def test_parsing_never_raises_and_needs_a_key() -> None:
    channel = WebChatChannel()
    assert channel.parse({}) == []
    assert channel.parse({"person": KEY}) == []
    assert channel.parse({"person": "short", "text": "hi"}) == []
    assert channel.parse({"person": KEY, "text": 7, "token": ["x"]}) == []
    [message] = channel.parse({"person": KEY, "text": "a\0b", "id": "<bad>", "code": "not a code"})
    assert message.kind is Kind.TEXT and message.text == "ab" and message.start_payload is None
    [pressed] = channel.parse({"person": KEY, "token": "abcDEF123_-", "text": "ignored"})
    assert (pressed.kind, pressed.token, pressed.text) == (Kind.BUTTON, "abcDEF123_-", "")
    assert len(message.external_id) <= 200 and KEY not in message.external_id


async def _send() -> str:
    return (await WebChatChannel().send(KEY, "webchat_key", Outbound(text="x", language="en"))).status


def test_sending_has_nothing_to_do() -> None:

    assert WebChatChannel.pulled and asyncio.run(_send()) == "sent"
