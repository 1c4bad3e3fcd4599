"""The printable list for a hub's wall: one page of HTML with a style of its own and no script. Everything in it is escaped."""

import html
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from services_directory.records import Cost

Json = dict[str, Any]

_STYLE = """
body{font:12pt/1.4 sans-serif;margin:2em auto;max-width:50em;padding:0 1em;color:#0b0c0c;background:#fff;overflow-wrap:anywhere}
h2{border-bottom:2px solid;margin-top:1.6em;break-after:avoid}article{break-inside:avoid;margin:0 0 1em}h3{margin:0}
p{margin:.1em 0}.small{font-size:10pt}@media print{body{margin:0;max-width:none}}
""".strip()
_DAY_NAMES = {
    "MO": "Monday",
    "TU": "Tuesday",
    "WE": "Wednesday",
    "TH": "Thursday",
    "FR": "Friday",
    "SA": "Saturday",
    "SU": "Sunday",
}


def wall_list(found: Iterable[Json], *, today: date) -> str:
    """Return active services by town as a page to print: what, when, where, for whom, how to reach it, and when it was checked."""
    towns: dict[str, list[str]] = {}
    for document in found:
        if document["status"] == "active":
            towns.setdefault(_town(document), []).append(_entry(document, today))
    ordered = sorted(towns.items(), key=lambda item: (item[0] == "", item[0].casefold()))
    sections = (f"<section><h2>{_esc(town or 'Anywhere')}</h2>\n{''.join(entries)}</section>\n" for town, entries in ordered)
    printed = _day(today)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Services for families</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Services for families</h1>\n"
        f"<p>As the directory has them on {printed}. Things change: ring before you travel.</p>\n"
        f"{''.join(sections)}</main>\n</body>\n</html>\n"
    )


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _cost(row: Json) -> str:
    words = " ".join(filter(None, (row.get("option"), row.get("amount_description")))) or None
    amount = Decimal(str(row["amount"])) if "amount" in row else None
    cost = Cost(amount, row.get("currency") or "GBP", words, None, None)
    return cost.said or ("Free" if amount == 0 else "")


def _esc(value: object) -> str:
    return html.escape(str(value))


def _town(document: Json) -> str:
    links = document.get("service_at_locations", [])
    return next((one["city"] for link in links for one in link["location"].get("addresses", []) if one.get("city")), "")


def _entry(document: Json, today: date) -> str:
    lines = [document.get("description", "")[:400], _ages(document)]
    lines += [_when(row) for row in document.get("schedules", [])]
    lines += [_single(row) for row in document.get("schedule_exceptions", []) if row["date"] >= today.isoformat()]
    lines += [_where(link["location"]) for link in document.get("service_at_locations", [])]
    lines.append(", ".join(filter(None, map(_cost, document.get("cost_options", [])))))
    lines += [", ".join(row["number"] for row in document.get("phones", [])), document.get("email", ""), document.get("url", "")]
    body = "".join(f"<p>{_esc(line)}</p>\n" for line in lines if line)
    checked = document.get("assured_date")
    told = f"Checked {_day(date.fromisoformat(checked))}" if checked else "Not checked yet"
    owner = _esc(document["organization"]["name"])
    title = f"<h3>{_esc(document['name'])}</h3>\n"
    return f'<article>{title}{body}<p class="small">{owner}. {told}.</p></article>\n'


def _ages(document: Json) -> str:
    low, high = document.get("minimum_age_months"), document.get("maximum_age_months")
    if low is None and high is None:
        return ""
    begin = "From pregnancy" if low is not None and low < 0 else f"From {_age(low or 0)}"
    return begin if high is None else f"{begin} to {_age(high + 1)}"


def _age(months: int) -> str:
    if months <= 0:
        return "birth"
    return f"{months} months" if months < 24 or months % 12 else f"{months // 12} years"


def _when(row: Json) -> str:
    days = row.get("byday", "")
    parts = [_DAY_NAMES.get(part, part) for part in days.split(",")] if days else [row.get("dtstart", "")]
    if row.get("freq") == "MONTHLY" and days:
        return " ".join(filter(None, (_monthly(days), _hours(row), row.get("description", ""))))
    every = f" every {row['interval']} weeks" if row.get("interval", 1) > 1 else ""
    return " ".join(filter(None, (", ".join(parts) + every, _hours(row), row.get("description", ""))))


def _single(row: Json) -> str:
    said = "Also on" if row["kind"] == "extra" else "Not on"
    day = f"{said} {_day(date.fromisoformat(row['date']))}"
    return " ".join(filter(None, (day, _hours(row), row.get("note", ""))))


def _monthly(days: str) -> str:
    names = {"1": "first", "2": "second", "3": "third", "4": "fourth", "5": "fifth", "-1": "last"}
    found = [f"{names.get(part[:-2].lstrip('+'), '')} {_DAY_NAMES.get(part[-2:], part)}".strip() for part in days.split(",")]
    return f"Every {', '.join(found)} of the month"


def _hours(row: Json) -> str:
    return "–".join(str(row[key])[:5] for key in ("opens_at", "closes_at") if row.get(key))


def _where(location: Json) -> str:
    if location["private"]:
        return str(location.get("description", ""))
    address: Json = next(iter(location.get("addresses", [])), {})
    parts = (location["name"], address.get("address_1"), address.get("city"), address.get("postal_code"))
    return ", ".join(dict.fromkeys(part for part in parts if part))
