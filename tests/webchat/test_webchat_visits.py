"""Another visit starts clean: old words are shown only to whoever asks, because somebody else may hold the phone."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from bot.channels.webchat.history import Position
from bot.channels.webchat.visits import Visit
from bot.languages import supported
from bot.people.people import forget
from bot.storage.tables import Inbox, Outbox, Person, PersonAddress
from tests.webchat.support import HELLO, Chat, hidden, said, served

OFFER = 'action="/chat/resume"'
KEY = "k" * 43


def talked(chat: Chat, *, lang: str = "en") -> TestClient:
    """Somebody who wrote, and was answered."""
    client = chat.client()
    client.post("/chat/send", data={"text": "my secret words", "id": "abcdefgh0", "lang": lang, "chosen": "1"})
    chat.answer(HELLO, said("an old answer"))
    return client


def another_visit(chat: Chat, client: TestClient) -> None:
    """Time goes by until the browser has dropped the visit."""
    client.cookies.delete("wren_visit")
    with chat.services.database.write() as session:
        for row in session.query(PersonAddress):
            row.last_seen_at -= timedelta(days=1)
        for kept in (*session.query(Inbox), *session.query(Outbox)):
            if isinstance(kept, Inbox):
                kept.received_at -= timedelta(days=1, minutes=5)
            else:
                kept.created_at -= timedelta(days=1, minutes=5)


def no_old_words(page: str) -> bool:
    return "my secret words" not in page and "an old answer" not in page and "<article" not in page


def test_the_same_visit_goes_on_and_there_is_nothing_to_offer(chat: Chat) -> None:
    page = talked(chat).get("/chat").text
    assert "my secret words" in page and "an old answer" in page and OFFER not in page


@pytest.mark.parametrize("lang", [language.code for language in supported()])
def test_another_visit_starts_clean_with_an_offer(chat: Chat, lang: str) -> None:
    client = talked(chat, lang=lang)
    another_visit(chat, client)
    page = client.get("/chat").text
    assert no_old_words(page)
    assert OFFER in page and 'id="starters"' in page
    for key in ("offer_title", "offer", "carry_on", "hello"):
        words = chat.library.strings.get(f"webchat.{key}", lang)
        assert words in page.replace("&#39;", "'"), key
    assert (
        "an old answer"
        in client.get("/chat", headers={"Cookie": f"wren_visit=0.0; wren_chat={client.cookies['wren_chat']}"}).text
    )


def test_whoever_asks_sees_all_of_it_and_goes_on_doing_so(chat: Chat) -> None:
    client = talked(chat)
    another_visit(chat, client)
    client.get("/chat")
    assert client.post("/chat/resume").headers["location"] == "/chat#latest"
    for _ in range(2):
        page = client.get("/chat").text
        assert "my secret words" in page and "an old answer" in page and OFFER not in page


def test_whoever_just_writes_sees_what_is_said_from_then_on_and_may_still_ask(chat: Chat) -> None:
    client = talked(chat)
    another_visit(chat, client)
    client.get("/chat")
    client.post("/chat/send", data={"text": "new words", "id": "abcdefgh1"})
    chat.answer(said("a new answer"))
    page = client.get("/chat").text
    assert re.findall(r'<article class="msg ([a-z ]+)"', page) == ["you", "practitioner"]
    assert "new words" in page and "a new answer" in page and "my secret" not in page and OFFER in page
    assert chat.people() == 1
    client.post("/chat/resume")
    page = client.get("/chat").text
    assert page.index("my secret words") < page.index("an old answer") < page.index("new words") < page.index("a new answer")


def test_an_emergency_on_a_clean_visit_is_answered_on_the_very_next_page(chat: Chat) -> None:
    client = talked(chat)
    another_visit(chat, client)
    response = client.post("/chat/send", data={"text": "my baby is not breathing", "id": "abcdefgh1"})
    page = client.get(response.headers["location"]).text
    assert 'class="msg wren safety"' in page and "my secret words" not in page


@pytest.mark.parametrize("lang", ["en", "ur"])
def test_that_a_person_has_replied_is_said_without_a_word_of_it(chat: Chat, lang: str) -> None:
    client = talked(chat, lang=lang)
    another_visit(chat, client)
    notice = chat.library.strings.get("webchat.reply_waits", lang)
    assert notice not in client.get("/chat").text, "the old answer was seen on the visit before"
    chat.answer(said("come to the clinic", name="Sam"))
    for _ in range(2):
        page = client.get("/chat").text
        assert notice in page and "clinic" not in page and "Sam" not in page and no_old_words(page)
    client.post("/chat/send", data={"text": "new words", "id": "abcdefgh1"})
    page = client.get("/chat").text
    assert notice in page and "clinic" not in page
    client.post("/chat/resume")
    page = client.get("/chat").text
    assert "come to the clinic" in page and notice not in page


def test_no_address_shows_old_words_to_a_clean_visit(chat: Chat) -> None:
    client = talked(chat)
    another_visit(chat, client)
    for query in ("before=99.99", "look=1", "sent=1", "lang=en", "after=0.0"):
        assert no_old_words(client.get(f"/chat?{query}").text), query
    client.post("/chat/send", data={"text": "new words", "id": "abcdefgh1"})
    assert "my secret words" not in client.get("/chat?before=99.99").text


def test_a_clean_visit_has_no_stream_and_one_that_began_here_has_no_old_words_in_it(chat: Chat) -> None:
    client = talked(chat)
    client.cookies.delete("wren_visit")  # a moment ago: the stream looks back over the last seconds
    assert client.get("/chat/events?after=0.0").status_code == 204
    client.post("/chat/send", data={"text": "new words", "id": "abcdefgh1"})
    cookies = f"wren_chat={client.cookies['wren_chat']}; wren_visit={client.cookies['wren_visit']}"
    with served(chat) as address, httpx.stream("GET", f"{address}/chat/events?after=0.0", headers={"Cookie": cookies}) as stream:
        assert re.search(r"wren_visit=1\.2w?; .*Max-Age=900", stream.headers["set-cookie"], re.DOTALL), (
            "an open page is one visit"
        )
        for line in stream.iter_lines():
            assert "secret" not in line and "old answer" not in line
            if "new words" in line:
                break


def test_the_visit_lasts_a_quarter_of_an_hour_from_the_last_look_and_can_be_ended_by_the_page(chat: Chat) -> None:
    client = talked(chat)
    (cookie,) = [one for one in client.get("/chat").headers.get_list("set-cookie") if one.startswith("wren_visit=")]
    assert "Max-Age=900" in cookie and "HttpOnly" not in cookie and "Secure" in cookie and "SameSite=lax" in cookie


def test_reading_alone_begins_no_visit(chat: Chat) -> None:
    client = chat.client()
    client.get("/chat")
    assert "wren_visit" not in client.cookies
    client.post("/chat/resume")
    assert "<article" not in client.get("/chat").text


@pytest.mark.parametrize("mark", ["", "1", "x.y", "-1.0", "0.0.0", "w", "0.0ww", "' or 1=1"])
def test_a_mark_that_is_none_is_a_new_visit(mark: str) -> None:
    visit = Visit.read(KEY, mark)
    assert visit is not None and visit.since is None


def test_a_visit_outlives_being_written_down() -> None:
    for visit in (Visit(key=KEY), Visit(key=KEY, since=Position(3, 40)), Visit(key=KEY, since=Position(3, 40), waits=True)):
        assert Visit.read(visit.key, visit.mark) == visit
    assert Visit.read("short", "0.0") is None


def test_somebody_forgotten_is_offered_nothing(chat: Chat) -> None:
    client = talked(chat)
    with chat.services.database.write() as session:
        forget(session, session.query(Person).one().id, except_inbox=0)
    another_visit(chat, client)
    page = client.get("/chat").text
    assert no_old_words(page) and OFFER not in page


def test_while_the_store_fails_nobody_is_shown_old_words_by_mistake(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    client = talked(chat)
    another_visit(chat, client)

    def fail(*_: object) -> None:
        raise OperationalError("select", {}, Exception("disk I/O error"))

    with monkeypatch.context() as patch:
        patch.setattr(chat.services.database, "read", fail)
        client.post("/chat/send", data={"text": "new words", "id": "abcdefgh1"})
    assert "my secret words" not in client.get("/chat").text


def test_clearing_the_chat_clears_the_visit_too(chat: Chat) -> None:
    client = talked(chat)
    client.post("/chat/leave")
    assert not dict(client.cookies)
    page = client.get("/chat").text
    assert no_old_words(page) and OFFER not in page and hidden(page)


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_another_site_cannot_ask_in_somebody_s_place(chat: Chat, headers: dict[str, str]) -> None:
    client = talked(chat)
    another_visit(chat, client)
    assert client.post("/chat/resume", headers=headers).status_code == 403
    assert no_old_words(client.get("/chat").text)
