"""Two invented feeds in the shapes and with the faults of the sector's products, harder than ``writer``. Nothing in them is real."""

from __future__ import annotations

import random
import uuid
from typing import Any

Json = dict[str, Any]
COUNT = 800
DATES = ("2026-11-02", "02/11/2026", "2 Nov 2026", "2026/11/02", "2-Nov-2026", "20261102", "November 2, 2026", "02.11.2026 09:00")
NO_DATES = ("11/26/2026", "1732579200000", "last week", "", None, "0001-01-01T00:00:00")
BYDAYS = ("MO,TU", ["MO", "TU"], "['MO','TU']", "Monday and Tuesday", "Mon-Tue", "mo tu", "MO;TU", "Mondays, Tuesdays")
PRICES = ("£3.50 per child", "Free", "3,50", "£2/£3", 4, "4.00", None, "Varies", "GBP 4", ["odd"])
AGES = (("0", "5"), ("0 to 5 years", None), ("Under 5", None), ("birth", "5 years"), (0, 99), ("6-12 months", None), ("all", ""))
PHONES = (1632960123, "+44 (0)1632 960123", "01632 960123/01632 960124", "Tel: 01632960123 (am)", "ask", None, "01632 960 123")
PLACES = ((55.01, 2.41), ("2.41", "55.01"), (0, 0), ("", None), ("nan", "x"), (51.5, 100))
TEXTS = ("<p>Songs&nbsp;&amp; rhymes</p>", "&lt;b&gt;Tea&lt;/b&gt;", "<style>p{}</style>Come<br>in", "\ufeffPlain", None, 7)


def one_of(chance: random.Random, values: tuple[Any, ...]) -> Any:
    return values[chance.randrange(len(values))]


def own_id(number: int) -> Any:
    return (str(uuid.uuid5(uuid.NAMESPACE_URL, str(number))), number + 1, f"svc/{number}", f" {number:05} ")[number % 4]


def place(chance: random.Random, number: int, addresses: str, code: str) -> Json:
    latitude, longitude = one_of(chance, PLACES)
    address = {"id": None, "address_1": f"{number % 50} Example Row", "city": one_of(chance, ("Larkmoor", None, "")),
               code: one_of(chance, ("zz11ab", "ZZ1  1AB", "ZZ1 1AB ", "ZZ1", None)), "country": "United Kingdom"}  # fmt: skip
    row = {"id": f"v{number % 50}", "name": f"<b>Hall</b> {number % 50} (example)", "latitude": latitude, "longitude": longitude}
    location = row | {addresses: one_of(chance, ([address], address, None))}
    return {"id": f"at{number}", "location": one_of(chance, (location, [location]))}


def base(chance: random.Random, number: int) -> Json:
    organisation = {"id": number % 30, "name": f"Organisation {number % 30} (example)"}
    return {
        "id": own_id(number),
        "name": one_of(chance, ("<b>Stay</b> &amp; play {} (example)", "Rhymes {} (example)", "STAY {} (example) ")).format(
            number
        ),
        "description": one_of(chance, TEXTS),
        "status": one_of(chance, ("active", "ACTIVE ", "Published", None, 1)),
        "organization": one_of(chance, (organisation, [organisation], organisation["name"])),
        "assured_date": one_of(chance, (*DATES, *NO_DATES)),
        "email": one_of(chance, ("mailto:a@example.org", "a@example.org; b@example.org", "none", None)),
        "url": one_of(chance, ("www.example.org", "http://https://www.example.org", "javascript:x", None, "")),
        "cost_options": [{"amount": one_of(chance, PRICES), "option": None}],
    }


def version_one(number: int) -> Json:
    """As exports of the first standard write it."""
    chance = random.Random(number)
    low, high = one_of(chance, AGES)
    times = {
        "id": "r",
        "byday": one_of(chance, BYDAYS),
        "opens_at": one_of(chance, ("1000", "10:00", "10am")),
        "closes_at": "noon",
    }
    term = {"id": "esd:9", "name": "Oral health", "vocabulary": "esd"}
    taxonomies = ([{"taxonomy": term}], [term], ["Oral health"], [{"taxonomy": "Oral health"}], {"taxonomy": term}, None)
    return base(chance, number) | {
        "eligibilitys": one_of(chance, ([{"minimum_age": low, "maximum_age": high}], {"minimum_age": low, "maximum_age": high})),
        "regular_schedules": one_of(chance, ([times], [{"weekday": "monday", "opens_at": "10:00"}], None, [])),
        "service_taxonomys": one_of(chance, taxonomies),
        "service_at_locations": [place(chance, number, "physical_addresses", "postal_code")],
        "contacts": [{"phones": [{"number": one_of(chance, PHONES)}]}],
        "languages": one_of(chance, (["English, Urdu"], [{"language": "Urdu"}], "Urdu", None)),
        "fundings": [],
        "attending_type": "venue",
    }


def version_three(number: int) -> Json:
    """As products of the third standard write it."""
    chance = random.Random(number)
    low, high = one_of(chance, AGES)
    times = {"id": "r", "freq": one_of(chance, ("WEEKLY", "weekly", None)), "byday": one_of(chance, BYDAYS), "opens_at": "09:00Z"}
    term = {"id": 9, "name": "Oral health", "taxonomy": "X", "parent": {"id": 1, "name": "Health"}}
    return base(chance, number) | {
        "minimum_age": low,
        "maximum_age": high,
        "schedules": one_of(chance, ([times], None, [], times, [None])),
        "attributes": one_of(chance, ([{"taxonomy_term": term}], [{"taxonomy_term": None}], None, [])),
        "service_at_locations": [place(chance, number, "addresses", one_of(chance, ("postal_code", "postcode")))],
        "phones": [{"id": None, "number": one_of(chance, PHONES)}],
        "languages": one_of(chance, ([{"code": "ur"}], [{"name": "Urdu"}], ["Urdu"], None)),
    }


def hard_feed(version: int, count: int = COUNT) -> list[Any]:
    """All services; every fiftieth cannot be taken: no id, no name, nobody who runs it, or no record at all."""
    write = version_one if version == 1 else version_three
    items: list[Any] = [write(number) for number in range(count)]
    for at in range(0, count, 50):
        spoilt = ({"id": ""}, {"name": None}, {"organization": None}, None)[at // 50 % 4]
        items[at] = None if spoilt is None else items[at] | spoilt
    return items
