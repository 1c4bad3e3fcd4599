"""What a search gives back: frozen records in plain text, made from rows, safe to show after approval."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from services_directory import models
from services_directory.calendars import SUBDIVISIONS, area_key
from services_directory.nations import nations_among


@dataclass(frozen=True)
class Phone:
    """A number as published, and what it is for."""

    number: str
    description: str | None
    type: str | None


@dataclass(frozen=True)
class Cost:
    """One price. ``amount`` 0 is free; ``None`` means that only ``text`` tells."""

    amount: Decimal | None
    currency: str
    text: str | None
    valid_from: date | None
    valid_to: date | None

    @property
    def said(self) -> str | None:
        """The price with its words ("£1.50 a family"), once where the words have it already; ``None`` for no words and free."""
        if not self.amount or "£" in (self.text or ""):
            return self.text
        price = f"£{self.amount:.2f}" if self.currency == "GBP" else f"{self.amount:.2f} {self.currency}"
        return " ".join(filter(None, (price, self.text)))


@dataclass(frozen=True)
class Venue:
    """A location as it may be shown: a private one has no street, no coordinates and only half a postcode."""

    id: str
    name: str
    address: tuple[str, ...]
    town: str | None
    district: str | None
    postcode: str | None
    latitude: float | None
    longitude: float | None
    nation: str | None
    family_hub: bool
    private: bool
    access: tuple[str, ...]
    transport: str | None


@dataclass(frozen=True)
class Extra:
    """A date beside the rule. Without ``opens`` it has the times of its timetable."""

    date: date
    opens: time | None
    closes: time | None


@dataclass(frozen=True)
class Timetable:
    """One recurrence rule (RFC 5545 names); times are local. ``venue_id`` is ``None`` if it holds at every venue.

    ``closed_for``: closed on what is a bank holiday in all of these nations. ``term_areas``: in term time only, by the
    first of these areas (keys of names) whose term dates are known; ``None`` means all the year. ``cancelled``: dates,
    each with the opening time of the one session meant, or ``None`` for the whole day.
    """

    venue_id: str | None
    valid_from: date | None
    valid_to: date | None
    dtstart: date | None
    until: date | None
    freq: str | None
    interval: int
    byday: str | None
    bymonthday: str | None
    opens: time | None
    closes: time | None
    text: str | None
    closed_for: tuple[str, ...] | None = None
    term_areas: tuple[str, ...] | None = None
    cancelled: tuple[tuple[date, time | None], ...] | None = None
    extra: tuple[Extra, ...] | None = None


@dataclass(frozen=True)
class Session:
    """One time when a service is open. Times are local; ``None`` where the record does not say."""

    date: date
    opens: time | None
    closes: time | None
    venue_id: str | None = None


@dataclass(frozen=True)
class Service:
    """A service in plain text. Ages are whole months, both ends included, negative before birth."""

    id: str
    name: str
    organisation: str
    description: str
    area_id: str | None
    url: str | None
    email: str | None
    phones: tuple[Phone, ...]
    venues: tuple[Venue, ...]
    timetables: tuple[Timetable, ...]
    modes: tuple[str, ...]
    needs: tuple[str, ...]
    level_of_need: str
    minimum_age_months: int | None
    maximum_age_months: int | None
    eligibility: str | None
    languages: tuple[str, ...]
    interpreter: bool | None
    costs: tuple[Cost, ...]
    fees: str | None
    areas: tuple[str, ...]
    route: str
    how_to_join: str | None
    wait: str | None
    alert: str | None
    visible_from: date | None
    visible_to: date | None
    checked: date | None
    full_since: date | None
    source: str | None
    source_id: str | None


_BLOCKS = {"p", "br", "li", "div", "tr", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6"}
_HIDDEN = {"script", "style"}


class _Stripper(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in _HIDDEN
        if tag in _BLOCKS:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _HIDDEN and self._hidden > 0
        if tag in _BLOCKS:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def plain_text(text: str) -> str:
    """Return ``text`` without HTML, control characters and characters that change its direction, in one line."""
    if "<" in text or "&" in text:
        stripper = _Stripper()
        stripper.feed(text)
        stripper.close()
        text = "".join(stripper.parts)
    # Zero-width joiners (Cf) stay: Bengali, Urdu and others are misspelt without them.
    kept = (c if c in "\u200c\u200d" or unicodedata.category(c) not in ("Cf", "Cc") else " " for c in text)
    return re.sub(r"\s+", " ", "".join(kept)).strip()


def _plain(text: str | None) -> str | None:
    return (plain_text(text) or None) if text else None


def safe_url(url: str | None) -> str | None:
    """Return a web address, or ``None`` if it is anything else (``javascript:`` and the like)."""
    if not url:
        return None
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    return url.strip() if parts.scheme in ("http", "https") and parts.hostname else None


def _first_physical(location: models.Location) -> models.Address | None:
    ordered = sorted(location.addresses, key=lambda address: (address.address_type != "physical", address.id))
    return ordered[0] if ordered else None


def venue_record(location: models.Location) -> Venue:
    """Return the location as it may be shown."""
    address = _first_physical(location)
    private = location.private
    postcode = address.postal_code.upper().strip() if address else None
    if postcode and private:
        postcode = postcode.split()[0] if " " in postcode else postcode[:-3]
    town = _plain(address.city) if address else None
    street = (_plain(address.address_1),) if address and not private else ()
    return Venue(
        id=location.id,
        name=plain_text(location.name),
        address=tuple(line for line in (*street, town, postcode) if line),
        town=town,
        district=_plain(address.state_province) if address else None,
        postcode=postcode or None,
        latitude=None if private else location.latitude,
        longitude=None if private else location.longitude,
        nation=location.nation,
        family_hub=location.family_hub,
        private=private,
        access=tuple(filter(None, (_plain(item.description) for item in location.accessibility))),
        transport=None if private else _plain(location.transportation),
    )


def _timetables(service: models.Service) -> tuple[Timetable, ...]:
    location_of = {link.id: link.location for link in sorted(service.service_at_locations, key=lambda link: link.id)}
    everywhere = [location for location in location_of.values() if location.location_type == "physical"]
    exceptions = sorted(service.exceptions, key=lambda row: (row.date, row.id))
    for_all = [row for row in exceptions if row.schedule_id is None]
    areas = [row.name for row in service.service_areas]
    timetables = []
    for row in sorted(service.schedules, key=lambda row: row.id):
        own = [location_of[row.service_at_location_id]] if row.service_at_location_id in location_of else []
        mine = [item for item in exceptions if item.schedule_id == row.id]
        in_nation = [location for location in own if location.nation] or everywhere
        timetables.append(
            Timetable(
                venue_id=own[0].id if own else None,
                valid_from=row.valid_from,
                valid_to=row.valid_to,
                dtstart=row.dtstart,
                until=row.until,
                freq=row.freq,
                interval=row.interval,
                byday=row.byday,
                bymonthday=row.bymonthday,
                opens=row.opens_at,
                closes=row.closes_at,
                text=_plain(row.description),
                closed_for=None
                if service.open_on_bank_holidays
                else closing_nations((place.nation for place in in_nation), areas),
                term_areas=term_areas(service.area_id, own or everywhere, areas) if service.term_time_only else None,
                cancelled=tuple((item.date, item.opens_at) for item in (*mine, *for_all) if item.kind == "cancelled"),
                extra=_extra_dates(mine),
            )
        )
    extra = _extra_dates(for_all)
    return (*timetables, Timetable(**NO_RULE, extra=extra)) if extra else tuple(timetables)


NO_RULE: dict[str, Any] = {
    **dict.fromkeys(("venue_id", "valid_from", "valid_to", "dtstart", "until", "freq", "byday", "bymonthday")),
    **{"interval": 1, "opens": None, "closes": None, "text": None},
}
"""The fields of a timetable that has only extra dates."""


def _extra_dates(rows: Sequence[models.ServiceException]) -> tuple[Extra, ...]:
    return tuple(Extra(row.date, row.opens_at, row.closes_at) for row in rows if row.kind == "extra")


def closing_nations(nations: Iterable[str | None], areas: Iterable[str]) -> tuple[str, ...]:
    """Return the nations whose bank holidays close a service: its venues', else its areas', else those common to all."""
    return tuple(sorted({nation for nation in nations if nation})) or nations_among(areas) or tuple(SUBDIVISIONS)


def term_areas(area_id: str | None, venues: Iterable[models.Location], areas: Iterable[str]) -> tuple[str, ...]:
    """Return the keys of the areas whose term dates a service may keep, likeliest first."""
    addresses = [address for location in venues if (address := _first_physical(location)) is not None]
    names = [area_id, *(row.state_province for row in addresses), *(row.city for row in addresses), *areas]
    return tuple(dict.fromkeys(area_key(name) for name in names if name))


def _costs(rows: Sequence[models.CostOption]) -> tuple[Cost, ...]:
    def text(row: models.CostOption) -> str | None:
        return " ".join(filter(None, (_plain(row.option), _plain(row.amount_description)))) or None

    costs = (Cost(row.amount, row.currency, text(row), row.valid_from, row.valid_to) for row in rows)
    return tuple(sorted(costs, key=lambda cost: (cost.amount is None, cost.amount or Decimal(0), cost.text or "")))


def service_record(service: models.Service, *, taxonomy: str) -> Service:
    """Return the row and all that hangs on it as one record. ``taxonomy`` names the vocabulary that needs come from."""
    needs = {
        attribute.taxonomy_term.code for attribute in service.attributes if attribute.taxonomy_term.taxonomy.name == taxonomy
    }
    modes = {row.mode for row in service.modes}
    phones = sorted(service.phones, key=lambda row: row.id)
    links = sorted(service.service_at_locations, key=lambda row: row.id)
    return Service(
        id=service.id,
        name=plain_text(service.name),
        organisation=plain_text(service.organisation.name),
        description=plain_text(service.description),
        area_id=service.area_id,
        url=safe_url(service.url),
        email=_plain(service.email),
        phones=tuple(Phone(plain_text(row.number), _plain(row.description), row.type) for row in phones),
        venues=tuple(venue_record(link.location) for link in links if link.location.location_type == "physical"),
        timetables=_timetables(service),
        modes=tuple(mode for mode in models.MODES if mode in modes),
        needs=tuple(sorted(needs)),
        level_of_need=service.level_of_need,
        minimum_age_months=service.minimum_age_months,
        maximum_age_months=service.maximum_age_months,
        eligibility=_plain(service.eligibility_description),
        languages=tuple(sorted({row.code.lower() for row in service.languages})),
        interpreter=service.interpreter,
        costs=_costs(service.cost_options),
        fees=_plain(service.fees_description),
        areas=tuple(sorted(plain_text(row.name) for row in service.service_areas)),
        route=service.referral_route,
        how_to_join=_plain(service.application_process),
        wait=_plain(service.wait_time),
        alert=_plain(service.alert),
        visible_from=service.visible_from,
        visible_to=service.visible_to,
        checked=service.assured_date,
        full_since=service.full_since,
        source=service.source,
        source_id=service.source_id,
    )
