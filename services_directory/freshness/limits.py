"""Hiding what nobody has checked for longer than its area allows, as long as there is something fresher to show."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

from sqlalchemy import Connection, select

from services_directory.freshness.tables import AgeLimit
from services_directory.query import Match, Query

PORTION = 64
MOST = 2_048
"""Matches looked at for one page. Where so many in a row are too old, the page shows what it has."""


def read_limits(connection: Connection) -> dict[str, int]:
    """Return the limit of each area that has set one, in days."""
    return dict(connection.execute(select(AgeLimit.area_id, AgeLimit.days)).tuples().all())


def past_limit(match: Match, limits: Mapping[str, int], at: date) -> bool:
    """Tell whether a match was not checked within its area's limit. Never checked is past any limit; no limit, never past."""
    limit = limits.get(match.service.area_id or "")
    return limit is not None and (match.checked is None or (at - match.checked).days > limit)


def search_within(search: Callable[[Query], list[Match]], query: Query, limits: Mapping[str, int], at: date) -> list[Match]:
    """Return the page asked for without what is past its limit; if nothing else matches, with it, each marked as such.

    ``search`` finds matches of any page, best first. The place kept for something without travel is kept here too.
    """
    if not limits:
        return search(query)
    fresh: list[Match] = []
    looked, portion = 0, PORTION
    while looked < MOST:
        found = search(replace(query, offset=looked, limit=portion))
        fresh += [match for match in found if not past_limit(match, limits, at)]
        looked += len(found)
        if len(found) < portion or len(fresh) >= query.offset + query.limit + PORTION:
            break
        portion *= 2
    if not fresh:
        return [replace(match, past_limit=True) if past_limit(match, limits, at) else match for match in search(query)]
    ranked = fresh if query.mode else _keep_one_without_travel(fresh, query.limit)
    return ranked[query.offset : query.offset + query.limit]


def _keep_one_without_travel(found: list[Match], limit: int) -> list[Match]:
    def no_travel(match: Match) -> bool:
        return any(reason.code == "no_travel" for reason in match.why)

    if limit < 2 or any(no_travel(match) for match in found[:limit]):
        return found
    at = next((at for at in range(limit, len(found)) if no_travel(found[at])), None)
    if at is None:
        return found
    rest = found[:at] + found[at + 1 :]
    return [*rest[: limit - 1], found[at], *rest[limit - 1 :]]
