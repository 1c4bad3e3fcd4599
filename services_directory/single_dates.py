"""Cancelled and extra dates in the rows of HSDS, which knows rules and no exceptions; and the way back.

Said so that a reader who knows nothing of us is not misled: a rule ends before a cancelled day and goes on after it, in
rows of their own, and an extra date is a row with that day alone. Each such row also says what it came from (``part_of``
with ``rule_valid_from`` and ``rule_valid_to``, or ``extra_date``), so that ``joined`` gives back what ``split`` was given.
Rows and exceptions are those of ``export``: JSON, dates as ISO text. Pure functions.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

Json = dict[str, Any]
PART = ("part_of", "rule_valid_from", "rule_valid_to", "anchored")


def split(rows: Sequence[Json], exceptions: Sequence[Json], today: date) -> list[Json]:
    """Return the rules around the cancelled days from ``today`` on, and a row for each extra date from then on."""
    coming = [one for one in exceptions if date.fromisoformat(one["date"]) >= today]
    found = [part for row in rows for part in _parts(row, _cancelled_days(row, coming))]
    rules = {row["id"]: row for row in rows}
    return found + [_extra(one, rules.get(one.get("schedule_id", ""), {})) for one in coming if one["kind"] == "extra"]


def joined(rows: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Return rows as they were before ``split``. Rows of others, which carry no such marks, stay as they are."""
    found: list[Json] = []
    seen: set[str] = set()
    for row in rows:
        rule = row.get("part_of")
        if row.get("extra_date") in (True, "true") or (rule and rule in seen):
            continue
        if not rule:
            found.append(dict(row))
            continue
        seen.add(str(rule))
        dropped = (*PART, "valid_from", "valid_to", *(("dtstart",) if row.get("anchored") in (True, "true") else ()))
        whole = {key: value for key, value in row.items() if key not in dropped}
        bounds = {"valid_from": row.get("rule_valid_from"), "valid_to": row.get("rule_valid_to")}
        found.append(whole | {"id": rule} | {key: value for key, value in bounds.items() if value})
    return found


def _cancelled_days(row: Json, exceptions: Iterable[Json]) -> list[date]:
    """Return the days on which a rule is cancelled, in order: all of its sessions have the one opening time."""
    return sorted(
        {
            date.fromisoformat(one["date"])
            for one in exceptions
            if one["kind"] == "cancelled"
            and one.get("schedule_id") in (None, row["id"])
            and one.get("opens_at") in (None, row.get("opens_at"))
            and row.get("valid_from", "") <= one["date"] <= row.get("valid_to", "9999")
        }
    )


def _parts(row: Json, cancelled: Sequence[date]) -> list[Json]:
    if "freq" not in row:
        # A single date: the row is left, valid only before its day.
        cancelled = [day for day in cancelled if day.isoformat() == row.get("dtstart")]
    if not cancelled:
        return [row]
    marks = {"part_of": row["id"]} | {f"rule_{key}": row[key] for key in ("valid_from", "valid_to") if key in row}
    rule = {key: value for key, value in row.items() if key not in ("valid_from", "valid_to")}
    if row.get("interval", 1) > 1 and "dtstart" not in row and "valid_from" in row:
        # Every other week counts from here; a part that begins later would count from its own beginning.
        marks["anchored"] = True
        rule["dtstart"] = row["valid_from"]
    edges = [row.get("valid_from"), *(_beside(day, 1) for day in cancelled)]
    ends = [*(_beside(day, -1) for day in cancelled), row.get("valid_to")]
    if "freq" not in row:
        edges, ends = edges[:1], ends[:1]
    found: list[Json] = []
    for begins, end in zip(edges, ends, strict=True):
        # Two cancelled days in a row, or one at an end of the rule, leave nothing between. One row stays to tell of the rule.
        if (begins or "") <= (end or "9999") or (not found and end == ends[-1]):
            bounds = {key: value for key, value in (("valid_from", begins), ("valid_to", end)) if value}
            found.append(rule | {"id": _minted(row["id"], str(len(found)))} | bounds | marks)
    return found


def _beside(day: date, days: int) -> str:
    return (day + timedelta(days=days)).isoformat()


def _extra(one: Json, rule: Json) -> Json:
    own = one if "opens_at" in one else rule
    times = {key: own[key] for key in ("opens_at", "closes_at") if key in own}
    place = {key: rule[key] for key in ("service_at_location_id",) if key in rule}
    words = {"description": one["note"]} if "note" in one else {}
    day = dict.fromkeys(("valid_from", "valid_to", "dtstart"), one["date"])
    return {"id": _minted(one["id"], "extra")} | place | day | times | words | {"extra_date": True}


def _minted(*parts: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "\n".join(parts)))
