"""Directory searches for a conversation: what to ask the directory, and its records as plain values for rendering."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from typing import Any, TypeVar, cast

from bot.conversation.state import ANY
from bot.library.dates import say_date, say_day
from bot.messages import ButtonSpec, Reply
from services_directory import Directory, Match, Query, vocabulary
from services_directory.freshness.translations import Wording
from services_directory.query import Mode

RECORDS_LANGUAGE = "en"
PAGE = 3
"""Services shown at once."""

OF_TOPIC = "topic:"
"""What an answer to "what kind of help?" begins with where it is a topic: `topic:baby/sleep`, for which the directory knows the needs."""


LOOK_SECONDS = 3.0
"""How long a look into the directory may take; Rasa, which waits for those of a form, is waited for a second longer."""

_LOOKING = ThreadPoolExecutor(4, thread_name_prefix="directory")
"""Apart from the threads that store and answer messages: a directory that hangs takes none of those."""

Found = TypeVar("Found")


async def look(into: Callable[..., Found], *arguments: Any) -> Found:
    """What a blocking look into the directory gives. Raises TimeoutError after `LOOK_SECONDS`."""
    async with asyncio.timeout(LOOK_SECONDS):
        return await asyncio.get_running_loop().run_in_executor(_LOOKING, copy_context().run, into, *arguments)


def search(directory: Directory, wanted: Mapping[str, Any], language: str, offset: int = 0) -> tuple[list[dict[str, Any]], bool]:
    """Up to `PAGE` services for `wanted` (need, place, age, mode; "any" or missing means no wish) as plain values, and
    whether there are more. A need may be a topic (`OF_TOPIC`). Blocking; reads only."""
    mode, place, age = _wish(wanted, "mode"), _wish(wanted, "place"), _wish(wanted, "age")
    need, topic = _need_or_topic(_wish(wanted, "need"))
    query = Query(
        need=need,
        topic=topic,
        place=place,
        age_months=int(age) if age is not None else None,
        mode=cast(Mode, mode) if mode else None,
        language=language,
        limit=PAGE + 1,
        offset=offset,
    )
    found = directory.search(query)
    if not found and mode is None and place is None:
        # Without a place the directory leaves out what one has to go to; for someone with no wish that beats nothing.
        found = directory.search(replace(query, mode="go"))
    shown = found[:PAGE]
    held = directory.wordings([match.service.id for match in shown], language) if language != RECORDS_LANGUAGE else {}
    return [item(match, language, held.get(match.service.id)) for match in shown], len(found) > PAGE


def _wish(wanted: Mapping[str, Any], name: str) -> str | None:
    value = wanted.get(name)
    return None if value in (None, "", ANY) else str(value)


def _need_or_topic(wish: str | None) -> tuple[str | None, str | None]:
    """A wish as (need, topic), one of them or neither. A topic that the directory no longer knows is no wish."""
    if wish is None or not wish.startswith(OF_TOPIC):
        return wish, None
    topic = wish.removeprefix(OF_TOPIC)
    return None, topic if answers(topic) else None


def looked_for(wanted: Mapping[str, Any]) -> tuple[str, str]:
    """The kind of help and the place of a search, for counting: "any" for no wish, and for a topic the need that answers it best."""
    need, topic = _need_or_topic(_wish(wanted, "need"))
    if topic is not None:
        need = vocabulary().topics[topic][0]
    return need or ANY, _wish(wanted, "place") or ANY


def answers(topic: str) -> bool:
    """Whether the directory knows which needs answer a topic."""
    return topic in vocabulary().weights


def item(match: Match, language: str, wording: Wording | None = None) -> dict[str, Any]:
    """One result as JSON-ready values; every text is the directory's own, dates in the parent's language.

    `wording`: the name and description held in that language, which go before the record's.
    """
    service, session = match.service, match.next_session
    when = next((timetable.text for timetable in service.timetables if timetable.text), None)
    if session is not None:
        hours = f"{session.opens:%H:%M}" if session.opens else ""
        hours += f"–{session.closes:%H:%M}" if session.opens and session.closes else ""
        when = f"{say_day(session.date, language)} {hours}".strip()
    return {
        "id": service.id,
        "name": (wording.name if wording else None) or service.name,
        "description": wording.description if wording else None,
        "why": [_why(code, arguments, language) for code, arguments in match.why],
        "when": when,
        "where": _where(match),
        "cost": "; ".join(cost.said for cost in match.costs if cost.said) or None,
        "free": bool(match.costs) and all(cost.amount == 0 for cost in match.costs),
        "join": match.how_to_join,
        "phone": match.phones[0].number if match.phones else None,
        "email": service.email,
        "checked": say_date(match.checked, language) if match.checked else None,
        "past_limit": match.past_limit,
        "full": say_date(service.full_since, language) if service.full_since else None,
    }


def _why(code: str, arguments: Mapping[str, Any], language: str) -> list[Any]:
    """A reason as (key of `locales/` after "why.", its values)."""
    if code == "near" and arguments["miles"] == 1:
        return ["near_one", {}]
    if code == "not_checked_since" and not arguments:
        return ["never_checked", {}]
    return [code, {key: _value(value, language) for key, value in arguments.items()}]


def _where(match: Match) -> str | None:
    venue = match.venue
    return ", ".join(dict.fromkeys((venue.name, *venue.address))) if venue else None


def _value(value: Any, language: str) -> Any:
    return say_date(value, language) if hasattr(value, "isoformat") else value


def named(items: list[dict[str, Any]]) -> list[list[str]]:
    """[id, name] of each, to say later that one of them is wrong."""
    return [[item["id"], item["name"]] for item in items if "id" in item]


def reply(items: list[dict[str, Any]], more: bool, *, demonstration: bool, again: bool = False) -> Reply:
    """The message that shows `items`, with "more" where there are more, and a way to say that one of them is wrong.

    The menu is not among the buttons, which are three at most: "menu" is a word that everybody is told.
    """
    person = ButtonSpec(label="button.person", action="talk_to_person")
    menu = ButtonSpec(label="button.menu", action="help_menu")
    if not items:
        return Reply(ref="text:services.no_more" if again else "text:services.none", buttons=(person, menu))
    first = (
        ButtonSpec(label="button.more_services", action="find_more")
        if more
        else ButtonSpec(label="button.find_other", action="find_service")
    )
    wrong = ButtonSpec(label="button.wrong", action="wrong_service", args={"services": named(items)})
    return Reply(
        ref="service:results",
        args={"intro": "services.more_intro" if again else "services.intro", "items": items, "demonstration": demonstration},
        buttons=(first, wrong, person),
    )
