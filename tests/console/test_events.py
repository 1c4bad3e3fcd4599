"""News for open pages: told at once, without a word of anybody's, and only to those who may still look."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.exc import OperationalError

from bot.console.events import follow
from bot.delivery.hub import Hub
from tests.console.conftest import People
from tests.console.support import Office


async def not_gone() -> bool:
    return False


class Place:
    """Something that changes, and how often it was looked at."""

    def __init__(self, value: str | None) -> None:
        self.value, self.looks = value, 0

    def look(self) -> str | None:
        self.looks += 1
        return self.value


def stream(hub: Hub, place: Place, closing: asyncio.Event, seconds: float = 30.0) -> AsyncIterator[str]:
    return follow(hub=hub, topic="queue", look=place.look, known="1", gone=not_gone, closing=closing, look_seconds=seconds)


async def soon(events: AsyncIterator[str]) -> str:
    """The next piece that is news."""
    while True:
        piece = await asyncio.wait_for(anext(events), 5)
        if "event: news" in piece:
            return piece


async def test_a_change_is_told_as_soon_as_it_is_published() -> None:
    hub, place = Hub(), Place("1")
    events = stream(hub, place, asyncio.Event())
    waiting = asyncio.create_task(soon(events))
    while not place.looks:
        await asyncio.sleep(0.01)
    place.value = "2"
    hub.publish("queue")
    assert await waiting == "id: 2\nevent: news\ndata: 2\n\n"


async def test_a_change_by_another_process_is_found_by_looking() -> None:
    place = Place("1")
    waiting = asyncio.create_task(soon(stream(Hub(), place, asyncio.Event(), 0.05)))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    place.value = "2"
    assert "id: 2" in await waiting


async def test_what_changed_before_the_page_listened_is_told_too() -> None:
    assert "id: 7" in await soon(stream(Hub(), Place("7"), asyncio.Event()))


async def test_the_stream_ends_when_the_sign_in_ends_the_server_stops_or_the_store_fails() -> None:
    closing, hub, place = asyncio.Event(), Hub(), Place("1")

    async def drain(events: AsyncIterator[str]) -> None:
        async for _ in events:
            pass

    stopped = asyncio.create_task(drain(stream(hub, place, closing)))
    await asyncio.sleep(0.05)
    closing.set()
    await asyncio.wait_for(stopped, 5)
    await asyncio.wait_for(drain(stream(hub, Place(None), asyncio.Event())), 5)

    class Broken(Place):
        def look(self) -> str | None:
            raise OperationalError("select", {}, Exception("locked"))

    await asyncio.wait_for(drain(stream(hub, Broken("1"), asyncio.Event())), 5)


@pytest.mark.parametrize("case", ["", "nonsense", "999999", "9" * 30])
def test_only_the_queue_and_cases_one_may_see_can_be_watched(office: Office, people: People, case: str) -> None:
    office.services.closing.set()  # so that a stream that is given ends at once
    response = people.holder.get("/staff/events", case=case)
    assert response.status_code == (404 if case else 200)
    if not case:
        assert (
            response.headers["content-type"].startswith("text/event-stream") and response.headers["cache-control"] == "no-store"
        )


def test_the_place_of_a_case_moves_with_messages_on_both_sides_and_with_acts(office: Office, people: People) -> None:
    import re

    parent = office.parent()
    seen = []

    def place() -> str:
        page = people.colleague.get(f"/staff/cases/{parent.case_id}").text
        match = re.search(r"after=([\d.]+)", page)
        assert match
        return match[1]

    seen.append(place())
    office.writes(parent, "hello?")
    seen.append(place())
    people.holder.post(f"/staff/cases/{parent.case_id}/claim")
    seen.append(place())
    people.holder.post(f"/staff/cases/{parent.case_id}/note", text="a note", form="form-0123456789")
    seen.append(place())
    assert len(set(seen)) == 4
    office.writes(office.parent("somebody else"), "more")
    assert place() == seen[-1]
