"""A plan in plain words: what is added, changed, left, in conflict, refused, gone and doubtful, row by row.

What is said is kept by its key (``notes.Said``), so that each who reads the report has it in their own language.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from services_directory.imports.notes import Said, Value, said, sentences, stored
from services_directory.imports.plan import Change, Plan, Row

Json = dict[str, Any]
# A report of a large feed is for a person: beyond this many rows of one sort it only counts.
MOST_SHOWN = 500


def field_name(name: str) -> Said | str:
    """Return a field as staff call it."""
    key = f"field.{name}"
    return said(key) if key in sentences() else name.replace("_", " ")


def in_words(value: Any, longest: int = 200) -> Value:
    """Return a value of a form as a person would say it."""
    if value is None or value in ([], ""):
        return said("value.nothing")
    if isinstance(value, bool):
        return said("value.yes" if value else "value.no")
    if isinstance(value, list):
        return _cut([_row_in_words(row) for row in value], longest)
    return _cut([_row_in_words(value)], longest)


def _cut(rows: Sequence[Said | str], longest: int) -> Value:
    """Return as much of some rows as is read at a glance."""
    shown: list[Said | str] = []
    left = longest
    for row in rows:
        text = str(row)
        if len(text) > left:
            return [*shown, f"{text[: max(0, left - 1)]}…"]
        shown.append(row)
        left -= len(text) + 2
    return shown[0] if len(shown) == 1 else shown


def _row_in_words(row: Any) -> Said | str:
    if not isinstance(row, dict):
        return str(row)
    shown = {name: value for name, value in row.items() if value not in (None, "", [])}
    shown = {name: value for name, value in shown.items() if not (name == "location" or (name, value) == ("interval", 1))}
    return " ".join(str(value) for value in shown.values()) or said("value.place")


def counts(plan: Plan) -> Json:
    """Return how many services of each sort there are."""
    return {
        "add": len(plan.services("add")),
        "change": len(plan.services("change")),
        "leave": len(plan.services("leave")),
        "refuse": len(plan.services("refuse")),
        "conflict": len(plan.conflicts),
        "gone": len(plan.gone),
        "alike": len(plan.alike),
        "suggestions": len(plan.suggestions),
    }


def as_json(plan: Plan) -> Json:
    """Return the report for a page, as it is stored: texts, lists, numbers and what is said by key, no record twice."""
    rows = [row for row in plan.rows if row.action != "leave" or row.conflicts or row.notes]
    # What needs a person comes first, so that a long report does not hide it.
    rows.sort(key=lambda row: (row.action != "refuse", not row.conflicts, row.action != "change", row.action != "add"))
    services = [row for row in rows if row.kind == "service"]
    return {
        "form": plan.form,
        "source": plan.options.source,
        "counts": counts(plan),
        "others": _others(plan),
        "rows": [_row(row) for row in services[:MOST_SHOWN]],
        "places": [_row(row) for row in rows if row.kind != "service" and (row.changes or row.conflicts)][:MOST_SHOWN],
        "not_shown": max(0, len(services) - MOST_SHOWN),
        "gone": [{"name": one.name, "source_id": one.source_id} for one in plan.gone[:MOST_SHOWN]],
        "too_many_gone": plan.too_many_gone,
        "alike": [
            {"name": one.name, "other": one.other_name, "source": stored(one.other_source), "why": stored(one.why)}
            for one in plan.alike[:MOST_SHOWN]
        ],
        "suggestions": [{"name": one.name, "code": one.code, "why": stored(one.why)} for one in plan.suggestions[:MOST_SHOWN]],
        "short": stored(plan.short) if plan.short else None,
        "nothing": plan.nothing_to_do,
        "blocked": plan.blocked,
    }


def _others(plan: Plan) -> Json:
    found = Counter((row.kind, row.action) for row in plan.rows if row.kind != "service")
    return {f"{kind}_{action}": number for (kind, action), number in sorted(found.items())}


def _row(row: Row) -> Json:
    return {
        "kind": row.kind,
        "action": row.action,
        "where": stored(row.where),
        "name": row.name or row.source_id[:60],
        "source_id": row.source_id[:60],
        "changes": [change_in_words(change) for change in row.changes],
        "conflicts": [change_in_words(change) for change in row.conflicts],
        "notes": [{"field": stored(field_name(note.field)), "said": stored(note.said)} for note in row.notes[:50]],
    }


def change_in_words(change: Change) -> Json:
    """Return a change of a field as a person would say it: ``field``, ``old``, ``new``."""
    # Which organisation or place it is stands in ids, which say nothing to a person.
    hidden = change.field in ("organisation", "locations")
    old, new = (said("value.another"),) * 2 if hidden else (in_words(change.old), in_words(change.new))
    return {"field": stored(field_name(change.field)), "old": stored(old), "new": stored(new)}


def english(words: Any) -> str:
    """Return in English what a report keeps by its key."""
    if isinstance(words, list):
        return "; ".join(map(english, words))
    return str(words["english"]) if isinstance(words, dict) else str(words)


def lines(plan: Plan, *, applied: bool) -> Iterator[str]:
    """Give the report line by line for a terminal."""
    verbs = {"add": "added", "change": "changed", "refuse": "refused", "leave": "left as it is"}
    report = as_json(plan)
    for row in (*report["rows"], *report["places"]):
        where = f"{english(row['where'])}: " if row["where"] else ""
        yield f"{where}{row['kind']} “{row['name']}” {verbs[row['action']]}"
        for change in row["changes"]:
            field, old, new = (english(change[part]) for part in ("field", "old", "new"))
            yield f"    {field}: {old} → {new}"
        for change in row["conflicts"]:
            kept = "taken" if plan.options.take_theirs else "ours is kept"
            field, old, new = (english(change[part]) for part in ("field", "old", "new"))
            yield f"    conflict, {field}: ours {old}; theirs {new} ({kept})"
        for note in row["notes"]:
            field = english(note["field"])
            yield f"    {field}: {english(note['said'])}" if field else f"    {english(note['said'])}"
    if report["not_shown"]:
        yield f"and {report['not_shown']} more services"
    for one in report["gone"]:
        yield f"gone from the feed: “{one['name']}” ({one['source_id']})"
    for pair in report["alike"]:
        yield f"may be the same: “{pair['name']}” and “{pair['other']}” of {english(pair['source'])}: {english(pair['why'])}"
    for one in report["suggestions"]:
        yield f"suggested need for “{one['name']}”: {one['code']}, because of {english(one['why'])}"
    yield from _summary(plan, report, applied=applied)


def _summary(plan: Plan, report: Json, *, applied: bool) -> Iterator[str]:
    number = report["counts"]
    did = "" if applied else "would be "
    yield (
        f"{number['add']} services {did}added, {number['change']} changed, {number['leave']} left, {number['refuse']} refused, "
        f"{number['conflict']} conflicts, {number['gone']} gone from the feed, {number['alike']} perhaps double, "
        f"{number['suggestions']} needs suggested"
    )
    if plan.short:
        yield str(plan.short)
    if plan.too_many_gone and plan.options.mark_gone:
        yield "More than half of the services are gone from the feed: it is more likely broken, and none was marked inactive."
    if plan.nothing_to_do:
        yield "nothing to change"
    elif plan.blocked:
        yield "Nothing was imported: some services are refused, and all or nothing was asked for."
    elif not applied:
        yield "Nothing has been written. Run it again with --apply to import."
