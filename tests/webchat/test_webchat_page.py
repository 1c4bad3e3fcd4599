"""The conversation as the page shows it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from bot.channels.webchat.channel import KEY
from bot.channels.webchat.history import PAGE, Position
from bot.languages import supported
from bot.messages import ButtonSpec, Reply
from bot.people.people import forget
from bot.storage.tables import Inbox, Outbox, Person, now
from tests.webchat.support import HELLO, Chat, said


def articles(page: str) -> list[str]:
    return re.findall(r'<article class="msg ([a-z ]+)"', page)


def test_everyone_who_speaks_is_named_and_every_message_has_its_language(chat: Chat) -> None:
    client = chat.client()
    client.post("/chat/send", data={"text": "my words", "id": "abcdefgh0", "lang": "ur", "chosen": "1"})
    chat.answer(HELLO, language="ur")
    chat.answer(said("Hello, this is Sam."), language="en")
    page = client.get("/chat").text
    assert articles(page) == ["you", "wren", "practitioner"]
    assert '<html lang="ur" dir="rtl">' in page
    assert '<div class="words" lang="ur" dir="rtl">' in page
    assert '<div class="words" lang="en" dir="ltr"><p>Hello, this is Sam.</p>' in page
    assert '<div class="words" lang="ur" dir="auto"><p>my words</p>' in page
    assert "<bdi>Sam, family worker</bdi>" in page


@pytest.mark.parametrize(
    "attack", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</textarea><script>x</script>"]
)
def test_nobody_s_words_become_markup(chat: Chat, attack: str) -> None:
    client = chat.client()
    client.post("/chat/send", data={"text": attack, "id": "abcdefgh0"})
    chat.answer(said(attack, name=attack, role=attack))
    page = client.get("/chat").text
    assert attack not in page
    assert page.count("<script") == 1 and "<img" not in page
    assert "&lt;" in page


def test_hostile_query_and_form_values_never_come_back_as_markup(chat: Chat) -> None:
    client = chat.client()
    attack = '"><script>alert(1)</script>'
    for query in ({"lang": attack}, {"c": attack}, {"before": attack}, {"look": attack}):
        assert attack not in client.get("/chat", params=query).text
    refused = client.post("/chat/send", data={"text": attack, "id": attack, "lang": attack}, headers={"Origin": "null"})
    assert attack not in refused.text


def test_a_link_that_is_no_web_address_is_not_shown_as_one(chat: Chat) -> None:
    client = chat.client()
    client.post("/chat/send", data={"text": "hello", "id": "abcdefgh0"})
    bad = ButtonSpec(label="button.more", action="", url="javascript:alert(1)")
    good = ButtonSpec(label="button.find", action="", url="https://example.org/groups")
    chat.answer(Reply(ref="text:greet.hello", buttons=(bad, good)))
    page = client.get("/chat").text
    assert "javascript:" not in page
    assert 'href="https://example.org/groups" rel="noopener noreferrer"' in page


def test_only_the_latest_few_messages_keep_their_buttons_but_an_old_one_still_works(chat: Chat) -> None:
    client = chat.client()
    client.post("/chat/send", data={"text": "hello", "id": "abcdefgh0"})
    chat.answer(HELLO)
    old = re.findall(r'name="token" value="([^"]+)"', client.get("/chat").text)
    chat.answer(HELLO, HELLO, HELLO)
    page = client.get("/chat").text
    tokens = re.findall(r'name="token" value="([^"]+)"', page)
    assert len(tokens) == 6 and not set(old) & set(tokens)
    assert client.post("/chat/send", data={"token": old[0], "id": "abcdefgh1"}).status_code == 303
    assert chat.inbox()[-1].kind == "button"


def test_rows_are_a_list_of_buttons(chat: Chat) -> None:
    client = chat.client()
    client.post("/chat/send", data={"text": "hello", "id": "abcdefgh0"})
    rows = tuple(ButtonSpec(label="button.more", action="more", args={"n": n}) for n in range(7))
    chat.answer(Reply(ref="text:greet.hello", rows=rows))
    page = client.get("/chat").text
    assert page[page.index('class="rows"') :].count('name="token"') == 7


def test_a_refused_message_is_never_shown_and_another_channel_s_neither(chat: Chat) -> None:
    client = chat.client()
    client.post("/chat/send", data={"text": "hello", "id": "abcdefgh0"})
    ids = chat.answer(said("one"), said("two"), said("three"), said("four"))
    with chat.services.database.write() as session:
        session.get_one(Outbox, ids[0]).state = "refused"
        session.get_one(Outbox, ids[1]).channel = "telegram"
        session.get_one(Outbox, ids[2]).due_at = now() + timedelta(hours=1)
    page = client.get("/chat").text
    assert articles(page) == ["you", "practitioner"] and "<p>four</p>" in page


def test_too_many_at_once_is_said_beside_the_message_that_was_not_read(chat: Chat) -> None:
    client = chat.client()
    client.post("/chat/send", data={"text": "hello", "id": "abcdefgh0"})
    with chat.services.database.write() as session:
        session.query(Inbox).update({"state": "refused", "open": 0})
    assert chat.library.strings.get("webchat.not_read", "en") in client.get("/chat").text


def test_the_page_holds_fifty_messages_and_every_older_one_can_be_reached_once(chat: Chat) -> None:
    client = chat.client()
    for number in range(40):
        client.post("/chat/send", data={"text": f"question {number}", "id": f"abcdefgh{number}"})
        chat.answer(said(f"answer {number}a"), *([said(f"answer {number}b")] if number % 2 else []))
    seen: list[str] = []
    page = client.get("/chat").text
    assert len(articles(page)) == PAGE
    while True:
        seen = re.findall(r'id="m-([io]\d+)"', page) + seen
        older = re.search(r'href="(/chat\?before=[^"]+)"', page)
        if not older:
            break
        page = client.get(older[1]).text
        assert "<script" not in page and 'id="say"' not in page
    assert len(seen) == len(set(seen)) == 100
    for number in range(39):
        assert seen.index(f"i{number + 1}") < seen.index(f"i{number + 2}")


def test_a_question_comes_before_its_answer_even_in_the_same_moment(chat: Chat) -> None:
    client = chat.client()
    client.post("/chat/send", data={"text": "question", "id": "abcdefgh0"})
    chat.answer(said("answer"))
    moment = now()
    with chat.services.database.write() as session:
        session.query(Inbox).update({"received_at": moment})
        session.query(Outbox).update({"created_at": moment})
    assert articles(client.get("/chat").text) == ["you", "practitioner"]


def test_without_script_the_page_looks_again_only_while_an_answer_is_awaited_and_not_for_ever(chat: Chat) -> None:
    client = chat.client()
    client.get("/chat")
    place = client.post("/chat/send", data={"text": "hello", "id": "abcdefgh0"}).headers["location"]
    looks = 0
    while match := re.search(r'<noscript><meta http-equiv="refresh" content="3;url=([^"]+)"', client.get(place).text):
        place = match[1].replace("&amp;", "&")
        looks += 1
        assert looks < 10
    assert looks == 3
    assert "http-equiv" not in client.get("/chat").text
    chat.answer(HELLO)
    assert "http-equiv" not in client.get("/chat?look=1").text


def test_one_person_never_sees_another_s_words(chat: Chat) -> None:
    first, second = chat.client(), chat.client()
    first.post("/chat/send", data={"text": "first person's words", "id": "abcdefgh0"})
    second.post("/chat/send", data={"text": "second person's words", "id": "abcdefgh0"})
    assert "first person" not in second.get("/chat").text
    second.cookies.clear()
    for wrong in ("x" * 43, "", "' or 1=1 --"):
        page = second.get("/chat", headers={"Cookie": f"wren_chat={wrong}"}).text
        assert "first person" not in page and "second person" not in page


def test_someone_forgotten_sees_only_that_it_is_done(chat: Chat) -> None:
    client = chat.client()
    client.post("/chat/send", data={"text": "a secret kept with a case", "id": "abcdefgh0"})
    chat.answer(said("an answer kept with a case"))
    with chat.services.database.write() as session:
        session.query(Inbox).update({"received_at": now() - timedelta(minutes=5)})
        session.query(Outbox).update({"created_at": now() - timedelta(minutes=5), "open": 1})
    client.post("/chat/send", data={"text": "forget me", "id": "abcdefgh1"})
    with chat.services.database.write() as session:
        forget(session, session.query(Person).one().id, except_inbox=2)
    chat.answer(Reply(ref="text:forget.done", args={"receipt": "K7QM-2XRD"}))
    page = client.get("/chat").text
    assert "kept with a case" not in page
    assert articles(page) == ["you", "wren"]


def test_the_key_is_kept_across_visits(chat: Chat) -> None:
    client = chat.client()
    client.get("/chat")
    key = client.cookies["wren_chat"]
    client.get("/chat")
    assert client.cookies["wren_chat"] == key and KEY.fullmatch(key)


@pytest.mark.parametrize("text", ["", "1", "1.2.3", "-1.2", "1.x", "9" * 30 + ".1"])
def test_a_place_that_is_none_is_none(text: str) -> None:
    assert Position.parse(text) is None


def test_the_chat_is_never_cached_framed_or_scripted_from_elsewhere(chat: Chat) -> None:
    client = chat.client()
    client.post("/chat/send", data={"text": "hello", "id": "abcdefgh0"})
    for response in (client.get("/chat"), client.post("/chat/send", data={"text": "again", "id": "abcdefgh1"})):
        assert response.headers["cache-control"] == "no-store"
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "same-origin"
        assert "geolocation=()" in response.headers["permissions-policy"]


def test_nothing_in_the_page_breaks_its_own_policy(chat: Chat) -> None:
    client = chat.client()
    client.post("/chat/send", data={"text": "hello", "id": "abcdefgh0"})
    chat.answer(HELLO)
    page = client.get("/chat").text
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style", page)
    assert re.findall(r"<script[^>]*>", page) == re.findall(r'<script src="/assets/webchat/chat\.js\?v=\w+" defer>', page)
    loaded = re.findall(r'<(?:link rel="(?:stylesheet|icon)"|script|img)[^>]*(?:href|src)="([^"]+)"', page)
    assert loaded and all(address.startswith("/assets/") for address in loaded)


@pytest.mark.parametrize("lang", [language.code for language in supported()])
def test_the_first_page_weighs_less_than_thirty_kilobytes_with_all_it_loads(chat: Chat, lang: str) -> None:
    client = chat.client()
    response = client.get(f"/chat?lang={lang}")
    files = re.findall(r'(?:href|src)="(/assets/[^"]+)"', response.text)
    assert len(files) == 4
    weight = len(response.content)
    for address in files:
        loaded = client.get(address)
        assert loaded.status_code == 200 and "immutable" in loaded.headers["cache-control"]
        weight += len(loaded.content)
    assert weight < 32_000, weight


def test_a_file_that_is_not_there_is_not_found(chat: Chat) -> None:
    for name in ("nothing.css", "..%2fviews.py", "%2e%2e/views.py"):
        assert chat.client().get(f"/assets/webchat/{name}").status_code == 404
