"""That a parent's page was open is kept, coarsely, so that staff see whether anybody is there to read."""

from __future__ import annotations

from datetime import timedelta

from starlette.testclient import TestClient

from bot.channels.webchat.history import SEEN, History, Position
from bot.storage.tables import PersonAddress, now
from tests.webchat.support import Chat


def written(chat: Chat) -> TestClient:
    client = chat.client()
    client.post("/chat/send", data={"text": "hello", "id": "abcdefgh0"})
    return client


def seen_at(chat: Chat) -> timedelta:
    """How long ago the parent was last there."""
    with chat.services.database.read() as session:
        return now() - session.query(PersonAddress).one().last_seen_at


def be_away(chat: Chat, length: timedelta) -> None:
    with chat.services.database.write() as session:
        session.query(PersonAddress).one().last_seen_at = now() - length


def test_an_open_page_counts_as_being_there_and_is_written_down_now_and_then(chat: Chat) -> None:
    client = written(chat)
    be_away(chat, SEEN / 2)
    client.get("/chat")
    assert seen_at(chat) >= SEEN / 2, "not at every look"
    be_away(chat, 3 * SEEN)
    client.get("/chat")
    assert seen_at(chat) < SEEN / 2


def test_a_page_that_only_waits_for_news_counts_too(chat: Chat) -> None:
    client = written(chat)
    key = client.cookies["wren_chat"]
    history = History(chat.services.database, chat.services.keyring)
    visitor = history.visitor(key)
    assert visitor is not None
    be_away(chat, 3 * SEEN)
    assert history.fresh(key, visitor.id, Position()) is not None
    assert seen_at(chat) < SEEN / 2


def test_a_store_that_takes_no_writes_still_shows_the_page(chat: Chat) -> None:
    client = written(chat)
    be_away(chat, 3 * SEEN)
    with chat.services.database.engine.connect() as connection:
        connection.exec_driver_sql("CREATE TRIGGER full BEFORE UPDATE ON person_address BEGIN SELECT RAISE(ABORT, 'full'); END")
        connection.commit()
    response = client.get("/chat")
    assert response.status_code == 200 and "hello" in response.text
