"""A plan in plain words: what is added, changed, left, in conflict, refused, gone and doubtful, row by row."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from services_directory.imports.plan import Change, Plan, Row

Json = dict[str, Any]
# A report of a large feed is for a person: beyond this many rows of one sort it only counts.
MOST_SHOWN = 500
FIELDS: Mapping[str, str] = {
    "name": "name",
    "alternate_name": "other name",
    "description": "description",
    "url": "web address",
    "email": "e-mail",
    "status": "status",
    "level_of_need": "level of need",
    "minimum_age_months": "youngest age in months",
    "maximum_age_months": "oldest age in months",
    "eligibility_description": "who can come",
    "referral_route": "referral",
    "application_process": "how to join",
    "fees_description": "note on cost",
    "wait_time": "waiting time",
    "wait_time_date": "date of the waiting time",
    "interpreter": "interpreter",
    "accreditations": "accreditations",
    "alert": "alert",
    "visible_from": "shown from",
    "visible_to": "shown until",
    "assured_date": "last checked",
    "assurer_email": "checked by",
    "organisation": "organisation",
    "organization": "organisation",
    "modes": "how to take part",
    "locations": "places",
    "location": "place",
    "schedules": "times",
    "exceptions": "single dates",
    "full_since": "full since",
    "phones": "phones",
    "contacts": "contacts",
    "languages": "languages",
    "cost_options": "costs",
    "service_areas": "areas served",
    "funding": "funding",
    "needs": "needs",
    "terms": "terms of the feed",
    "attributes": "terms of the feed",
    "addresses": "addresses",
    "postal_code": "postcode",
    "accessibility": "access",
    "website": "web address",
    "nation": "nation",
    "transportation": "how to get there",
    "private": "private address",
    "family_hub": "Family Hub",
    "minimum_age": "age",
    "identifiers": "registrations",
    "location_type": "kind of place",
}


def field_name(name: str) -> str:
    """Return a field as staff call it."""
    return FIELDS.get(name, name.replace("_", " "))


def in_words(value: Any, longest: int = 200) -> str:
    """Return a value of a form as a person would say it."""
    if value is None or value in ([], ""):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        text = "; ".join(_row_in_words(row) for row in value)
    elif isinstance(value, dict):
        text = _row_in_words(value)
    else:
        text = str(value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _row_in_words(row: Any) -> str:
    if not isinstance(row, dict):
        return str(row)
    shown = {name: value for name, value in row.items() if value not in (None, "", [])}
    shown = {name: value for name, value in shown.items() if not (name == "location" or (name, value) == ("interval", 1))}
    return " ".join(str(value) for value in shown.values()) or "a place"


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
    """Return the report for a page: texts, lists and numbers only, no record twice."""
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
            {"name": one.name, "other": one.other_name, "source": one.other_source, "why": one.why}
            for one in plan.alike[:MOST_SHOWN]
        ],
        "suggestions": [{"name": one.name, "code": one.code, "why": one.why} for one in plan.suggestions[:MOST_SHOWN]],
        "short": plan.short,
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
        "where": row.where,
        "name": row.name or row.source_id[:60],
        "source_id": row.source_id[:60],
        "changes": [change_in_words(change) for change in row.changes],
        "conflicts": [change_in_words(change) for change in row.conflicts],
        "notes": [{"field": field_name(note.field), "what": note.what, "mend": note.mend} for note in row.notes[:50]],
    }


def change_in_words(change: Change) -> Json:
    """Return a change of a field as a person would say it: ``field``, ``old``, ``new``."""
    # Which organisation or place it is stands in ids, which say nothing to a person.
    hidden = change.field in ("organisation", "locations")
    old, new = ("another one", "another one") if hidden else (in_words(change.old), in_words(change.new))
    return {"field": field_name(change.field), "old": old, "new": new}


def lines(plan: Plan, *, applied: bool) -> Iterator[str]:
    """Give the report line by line for a terminal."""
    verbs = {"add": "added", "change": "changed", "refuse": "refused", "leave": "left as it is"}
    report = as_json(plan)
    for row in (*report["rows"], *report["places"]):
        where = f"{row['where']}: " if row["where"] else ""
        yield f"{where}{row['kind']} “{row['name']}” {verbs[row['action']]}"
        for change in row["changes"]:
            yield f"    {change['field']}: {change['old']} → {change['new']}"
        for change in row["conflicts"]:
            kept = "taken" if plan.options.take_theirs else "ours is kept"
            yield f"    conflict, {change['field']}: ours {change['old']}; theirs {change['new']} ({kept})"
        for note in row["notes"]:
            yield f"    {note['field'] + ': ' if note['field'] else ''}{note['what']} {note['mend']}".rstrip()
    if report["not_shown"]:
        yield f"and {report['not_shown']} more services"
    for one in report["gone"]:
        yield f"gone from the feed: “{one['name']}” ({one['source_id']})"
    for pair in report["alike"]:
        yield f"may be the same: “{pair['name']}” and “{pair['other']}” of {pair['source']}: {pair['why']}"
    for one in report["suggestions"]:
        yield f"suggested need for “{one['name']}”: {one['code']}, because of {one['why']}"
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
        yield plan.short
    if plan.too_many_gone and plan.options.mark_gone:
        yield "More than half of the services are gone from the feed: it is more likely broken, and none was marked inactive."
    if plan.nothing_to_do:
        yield "nothing to change"
    elif plan.blocked:
        yield "Nothing was imported: some services are refused, and all or nothing was asked for."
    elif not applied:
        yield "Nothing has been written. Run it again with --apply to import."
