"""Invented feeds with the faults of real ones: always the same for the same number and version. Nothing in them is real."""

from __future__ import annotations

import random
import uuid
from typing import Any

Json = dict[str, Any]
WORDS = (
    "Rhyme time",
    "Stay and play",
    "Baby massage",
    "Feeding café",
    "Dads' breakfast",
    "Toddler gym",
    "Sleep clinic",
    "Food bank",
)
TOWNS = ("Larkmoor", "Brambleholt", "Saltmere", "Gullstrand")
PHONES = (
    "01632 960{n:03}",
    "Tel: 01632 960{n:03} (mornings)",
    "01632960{n:03} or 07700 900{n:03}",
    "+44 1632 960{n:03}",
    "ask inside",
    None,
)
DATES = ("2024-11-26T00:00:00", "2024-11-26", "26/11/2024", "26 November 2024", None, "", "0001-01-01T00:00:00", "soon")
COSTS = ("£3.50 per session", "Free", 2, "2.50", None, "£3 to £5", "donation")
EMAILS = (" info@example.org ", "info @example.org", "mailto:info@example.org", "info at example", None, "")
AGES = ((0, 99), (0, 4), (None, None), (0, 120), (3, 0), (0, 0), ("0", "5"), (0.5, 2))
HTML = (
    "<p>Songs &amp; rhymes</p><ul><li>for babies</li></ul>",
    "**Bold** words and a [link](https://www.example.org/a)",
    "&lt;p&gt;Escaped twice&lt;/p&gt;",
    "Plain words.",
    None,
    "<script>alert(1)</script>Come along<br/>any time",
)


def pick(chance: random.Random, values: tuple[Any, ...]) -> Any:
    return values[chance.randrange(len(values))]


def postcode(number: int) -> str:
    return f"ZZ{1 + number % 3}{number % 9}{'ABDEFGHJLN'[number % 10]}{'ABDEFGHJLN'[number // 10 % 10]}".lower()


def own_id(number: int, prefix: str = "") -> str:
    """Half of the ids of real feeds are no UUIDs."""
    kind = number % 3
    if kind == 0:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{prefix}{number}"))
    return f"{prefix}{number}" if kind == 1 else f"{prefix}{number:08x}-no-uuid"


def version_three(number: int) -> Json:
    """One service as feeds of Open Referral UK 3.0 have it."""
    chance = random.Random(number)
    low, high = pick(chance, AGES)
    phone = pick(chance, PHONES)
    name = f"{pick(chance, WORDS)} {number if number % 7 else ''} (example)".replace("  ", " ")
    return {
        "id": own_id(number, "s"),
        "name": name,
        "description": pick(chance, HTML),
        "status": pick(chance, ("active", "Active", None, "open", "temporarily closed")),
        "url": pick(chance, ("https://www.example.org/x", "www.example.org", "javascript:alert(1)", None, "see our page")),
        "email": pick(chance, EMAILS),
        "minimum_age": low,
        "maximum_age": high,
        "assured_date": pick(chance, DATES),
        "fees": pick(chance, ("Free", None, "See website")),
        "organization": {"id": own_id(number % 12, "o"), "name": f"Organisation {number % 12} (example)", "description": None},
        "phones": [] if phone is None else [{"id": f"p{number}", "number": phone.format(n=number % 1000)}],
        "schedules": pick(chance, (None, [], [schedule(chance, number)])),
        "service_at_locations": [at_location(chance, number)],
        "cost_options": [{"id": f"c{number}", "amount": pick(chance, COSTS), "option": None}],
        "languages": pick(chance, (None, [{"id": "l", "name": "Urdu"}], [{"code": "pol"}], [{"name": "Klingonish"}])),
        "service_areas": pick(chance, (None, [{"id": "a", "name": "Larkmoor"}], [{"service_area": "Everywhere"}])),
        "attributes": pick(chance, (None, [{"id": "t", "taxonomy_term": {"id": "tt1", "name": "Oral health", "taxonomy": "X"}}])),
        "contacts": [{"id": f"k{number}", "name": None, "title": pick(chance, ("Reception", None))}],
        "funding": None,
    }


def schedule(chance: random.Random, number: int) -> Json:
    return {
        "id": f"h{number}",
        "service_at_location_id": f"at{number}",
        "freq": pick(chance, ("WEEKLY", "weekly", "MONTHLY", "DAILY", "YEARLY", None)),
        "byday": pick(chance, ("TU", "MO,WE", "2MO", "Tuesday", None)),
        "opens_at": pick(chance, ("10:00", "10:00:00", "9.30am", "late", "10:00:00Z")),
        "closes_at": pick(chance, ("11:00", "12pm", None)),
        "dtstart": pick(chance, DATES),
        "valid_from": None,
    }


def at_location(chance: random.Random, number: int) -> Json:
    return {
        "id": f"at{number}",
        "location": {
            "id": own_id(number % 40, "v"),
            "location_type": "physical",
            "name": f"Hall {number % 40} (example)",
            "latitude": str(55 + (number % 40) / 100),
            "longitude": str(2.4 + (number % 40) / 100),
            "addresses": [
                {
                    "id": "x",
                    "address_1": f"{number % 40} Example Street",
                    "city": TOWNS[number % 4],
                    "state_province": None,
                    "postal_code": postcode(number % 40),
                    "country": "GB",
                    "address_type": "physical",
                }
            ],
            "accessibility": [],
        },
    }


def version_one(number: int) -> Json:
    """The same in the shape of Open Referral UK 1.0."""
    item = version_three(number)
    place = item["service_at_locations"][0]
    place["location"]["physical_addresses"] = place["location"].pop("addresses")
    place["location"]["accessibility_for_disabilities"] = [{"accessibility": "Step-free"}]
    ages = {"id": "e", "minimum_age": item.pop("minimum_age"), "maximum_age": item.pop("maximum_age"), "eligibility": None}
    item["organization"]["url"] = "https://www.example.org/o"
    return item | {
        "eligibilitys": [ages],
        "regular_schedules": item.pop("schedules"),
        "contacts": [{"id": "k", "title": "Reception", "phones": item.pop("phones")}],
        "link_taxonomies": [{"id": "t", "taxonomy": {"id": "esd:1", "name": "Oral health", "vocabulary": "esdServiceTypes"}}],
        "languages": [{"id": "l", "language": "Polish"}],
        "fundings": None,
        "attending_type": "venue",
        "attributes": None,
    }


def feed(count: int, version: int = 3) -> list[Json]:
    write = version_three if version == 3 else version_one
    return [write(number) for number in range(count)]


def page(items: list[Json], version: int = 3, number: int = 1, pages: int = 1) -> Json:
    if version == 1:
        return {"totalElements": len(items) * pages, "totalPages": pages, "number": number, "size": len(items), "content": items}
    return {"total_items": len(items) * pages, "total_pages": pages, "page_number": number, "size": len(items), "contents": items}
