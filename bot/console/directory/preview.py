"""A service exactly as a parent gets it in chat: the search's own reasons, the bot's own rendering."""

from __future__ import annotations

from typing import cast

from sqlalchemy.orm import object_session

from bot.console.services import ConsoleServices
from bot.conversation.services import item, reply
from bot.messages import Outbound
from services_directory import Query, models, vocabulary
from services_directory.directory import london_now
from services_directory.freshness.translations import wordings
from services_directory.place_index import PlaceIndex
from services_directory.query import Mode
from services_directory.records import service_record
from services_directory.search import build_index, search


def preview(services: ConsoleServices, service: models.Service, language: str) -> Outbound | None:
    """The message for a parent who asked for the first of its needs; None for a service that no search shows (it is over,
    or its time has not come)."""
    words = vocabulary()
    seen = service_record(service, taxonomy=words.name)
    index = build_index(0, [seen], PlaceIndex(seen.venues, (), seen.areas), words, frozenset())
    moment = london_now()
    query = Query(
        need=seen.needs[0] if seen.needs else None,
        mode=cast(Mode, seen.modes[0]) if seen.modes else None,
        language=language,
        limit=1,
    )
    found = search(index, query, today=moment.date(), time_of_day=moment.time().replace(tzinfo=None))
    if not found:
        return None
    session = object_session(service)
    held = wordings(session, [service.id], language) if session is not None else {}
    items = [item(match, language, held.get(service.id)) for match in found]
    return services.renderer.render(
        reply(items, more=False, demonstration=services.settings.demonstration), language, None
    ).outbound
