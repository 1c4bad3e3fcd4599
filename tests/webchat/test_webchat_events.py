"""New messages as they come: replay after a drop, waking, and a clean end. On a real server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest

from bot.channels.webchat import events as events_module
from bot.channels.webchat.events import EventStream
from bot.channels.webchat.history import Entry, History, Position
from bot.storage.tables import Inbox, Outbox, Person, PersonAddress
from tests.webchat.support import HELLO, Chat, hidden, said, served


class Events:
    """Reads server-sent events from an open response."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.iter_lines()

    def next(self) -> tuple[str, dict[str, Any]]:
        """The next message: its id and data. Raises StopIteration at the end of the stream."""
        place = ""
        while True:
            line = next(self._lines)
            if line.startswith("id: "):
                place = line[4:]
            elif line.startswith("data: "):
                return place, json.loads(line[6:])


@contextmanager
def listening(client: httpx.Client, after: str, *, header: bool = False) -> Iterator[Events]:
    headers = {"Last-Event-ID": after} if header else {}
    query = {} if header else {"after": after}
    with client.stream("GET", "/chat/events", params=query, headers=headers, timeout=15) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        yield Events(response)


@contextmanager
def visitor(chat: Chat, address: str, text: str = "hello") -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address) as client:
        page = client.get("/chat")
        key = page.cookies["wren_chat"]
        client.cookies.clear()
        client.headers["Cookie"] = f"wren_chat={key}; wren_visit=0.0"  # the server's own cookie asks for https
        client.post("/chat/send", data={"text": text, "id": hidden(page.text)}, headers={"Wren-Fetch": "1"})
        yield client


def test_someone_who_never_wrote_has_no_stream(chat: Chat) -> None:
    assert chat.client().get("/chat/events").status_code == 204


def test_a_new_message_comes_at_once_with_its_html(chat: Chat) -> None:
    with served(chat) as address, visitor(chat, address) as client, listening(client, "1.0") as stream:
        stream.next()  # what they wrote a moment ago comes again: the page drops what it has
        begun = time.monotonic()
        [row] = chat.answer(HELLO)
        place, news = stream.next()
        assert time.monotonic() - begun < 2  # woken, long before the next look
        assert place == f"1.{row}" and news["key"] == f"o{row}" and news["voice"] == "wren"
        assert '<article class="msg wren"' in news["html"] and 'name="token"' in news["html"]


def test_after_a_drop_everything_missed_comes_once_in_order(chat: Chat) -> None:
    with served(chat) as address, visitor(chat, address) as client:
        with listening(client, "0.0") as stream:
            assert stream.next()[1]["key"] == "i1"
            chat.answer(said("one"))
            place, _ = stream.next()
        missed = [*chat.answer(said("two")), *chat.answer(said("three"))]
        client.post("/chat/send", data={"text": "still here?", "id": "abcdefgh9"}, headers={"Wren-Fetch": "1"})
        missed_last = chat.answer(said("four"))
        wanted = [f"o{missed[0]}", f"o{missed[1]}", "i2", f"o{missed_last[0]}"]
        with listening(client, place, header=True) as stream:
            keys: list[str] = []
            while wanted[-1] not in keys:
                keys.append(stream.next()[1]["key"])
    assert [key for key in keys if key in wanted] == wanted
    assert len(keys) == len(set(keys))


def test_nothing_old_is_replayed_to_a_page_that_has_it(chat: Chat) -> None:
    with served(chat) as address, visitor(chat, address) as client:
        chat.answer(said("old"))
        with chat.services.database.write() as session:
            early = session.query(Inbox).one().received_at.replace(year=2020)
            session.query(Inbox).update({"received_at": early})
            session.query(Outbox).update({"created_at": early, "sent_at": early})
        with listening(client, "1.1") as stream:
            chat.answer(said("new"))
            assert "<p>new</p>" in stream.next()[1]["html"]


def test_the_stream_ends_by_itself_when_the_server_stops(chat: Chat) -> None:
    with served(chat) as address, visitor(chat, address) as client, listening(client, "1.0") as stream:
        stream.next()
        chat.services.closing.set()
        chat.services.hub.publish("person:1")
        with pytest.raises(StopIteration):
            stream.next()


def test_a_lost_server_is_found_again_and_nothing_is_missed(chat: Chat) -> None:
    with served(chat) as address, visitor(chat, address) as client:
        with listening(client, "0.0") as stream:
            place, _ = stream.next()
        cookie = client.headers["Cookie"]
    [row] = chat.answer(said("while the server was away"))
    chat.services.closing.clear()
    headers = {"Cookie": cookie}
    with (
        served(chat) as address,
        httpx.Client(base_url=address, headers=headers) as client,
        listening(client, place, header=True) as stream,
    ):
        keys = [stream.next()[1]["key"] for _ in range(2)]
    assert keys == ["i1", f"o{row}"]


async def _collect(stream: EventStream, key: str, person: int, seconds: float) -> list[str]:
    parts: list[str] = []

    async def read() -> None:
        async for part in stream.run(key, person, Position()):
            parts.append(part)

    with suppress(TimeoutError):
        await asyncio.wait_for(read(), seconds)
    return parts


def make_stream(chat: Chat, look: float) -> EventStream:
    async def here() -> bool:
        return False

    def render(entry: Entry) -> str:
        return entry.key

    history = History(chat.services.database, chat.services.keyring)
    return EventStream(
        history=history, hub=chat.services.hub, closing=asyncio.Event(), render=render, gone=here, look_seconds=look
    )


def written(chat: Chat) -> str:
    client = chat.client()
    client.post("/chat/send", data={"text": "hello", "id": "abcdefgh0"})
    return str(client.cookies["wren_chat"])


def test_it_looks_by_itself_when_nobody_wakes_it_and_keeps_the_line_warm(chat: Chat) -> None:
    key = written(chat)

    async def scenario() -> list[str]:
        async def later() -> None:
            await asyncio.sleep(0.4)
            await asyncio.to_thread(quietly)

        def quietly() -> None:
            publish, chat.services.hub.publish = chat.services.hub.publish, lambda *_: None  # type: ignore[method-assign]
            chat.answer(said("from another process"))
            chat.services.hub.publish = publish  # type: ignore[method-assign]

        parts, _ = await asyncio.gather(_collect(make_stream(chat, 0.05), key, 1, 1.5), later())
        return parts

    parts = asyncio.run(scenario())
    assert sum('"key": "o1"' in part for part in parts) == 1
    assert sum('"key": "i1"' in part for part in parts) == 1
    assert any(part.startswith(":") for part in parts)


def test_the_stream_ends_when_the_key_becomes_another_person_s(chat: Chat) -> None:
    key = written(chat)
    with chat.services.database.write() as session:
        other = Person(pseudonym="P-OTHER", area_id=None)
        session.add(other)
        session.flush()
        session.query(PersonAddress).update({"person_id": other.id})
    parts = asyncio.run(_collect(make_stream(chat, 5), key, 1, 3))
    assert parts == [f"retry: {events_module.RETRY_MS}\n\n"]
