"""A service as answers: a flat mapping of field to text, as a form has it. And what is wrong with answers.

Answers keep what was typed, right or wrong, so that a draft loses nothing. An empty answer is the same as none. Several
values in one answer are parted by spaces (needs, modes) or lines (areas, access). Times are rows ``t1_day`` … ``t6_closes``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal

from sqlalchemy.orm import Session

from services_directory import models
from services_directory.editing import readers
from services_directory.editing.readers import Unreadable
from services_directory.sheet import PLAIN
from services_directory.terms import vocabulary
from services_directory.timetables import DAYS

Answers = Mapping[str, str]
ROWS = 6
ROW_PARTS = ("day", "every", "opens", "closes", "starts", "ends", "note", "at")
EVERY = ("week", "fortnight", "month-1", "month-2", "month-3", "month-4", "month-last", "once")
TIME_FIELDS = tuple(f"t{row}_{part}" for row in range(1, ROWS + 1) for part in ROW_PARTS)
PLACE_FIELDS = ("place_name", "place_address", "place_town", "place_district", "place_postcode", "place_private")
STEPS: Mapping[str, tuple[str, ...]] = {
    "name": ("name",),
    "organisation": ("organisation", "organisation_name"),
    "description": ("description",),
    "needs": ("needs",),
    "ages": ("age_from", "age_to"),
    "who": ("eligibility", "level"),
    "modes": ("modes",),
    "where": ("venue", *PLACE_FIELDS, "access", "areas"),
    "times": TIME_FIELDS,
    "cost": ("cost", "cost_note"),
    "contact": ("phone", "phone_note", "email", "url"),
    "languages": ("languages", "interpreter"),
    "join": ("route", "join"),
    "wait": ("wait", "wait_date"),
    "checked": ("checked",),
}
"""The questions in the order in which they are asked, and the fields of each."""

FIELDS = tuple(field for fields in STEPS.values() for field in fields)
LONGEST: Mapping[str, int] = {
    "name": 150,
    "organisation_name": 150,
    "description": 2000,
    "needs": 2000,
    "access": 1000,
    "areas": 1000,
}
LONGEST_ELSE = 400
_PLAIN = ("name", "organisation_name", "description", "eligibility", "cost_note", "phone_note", "join", "wait", "access", "areas")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "level": models.LEVELS,
    "route": models.ROUTES,
    "interpreter": ("yes", "no"),
    "place_private": ("yes",),
}


@dataclass(frozen=True)
class Wrong:
    """A field to mend, and the code of the sentence that says how."""

    field: str
    code: str


def tidy(given: Mapping[str, str]) -> dict[str, str]:
    """Return the answers among ``given``: known fields, trimmed, none longer than can be stored and shown again."""
    kept = {}
    for field in FIELDS:
        # No database stores a NUL; a line break of any kind is one line break.
        text = given.get(field, "").replace("\0", "").replace("\r\n", "\n").replace("\r", "\n").strip()
        if text:
            kept[field] = text[:10_000]
    for row in range(1, ROWS + 1):
        if not any(f"t{row}_{part}" in kept for part in ROW_PARTS if part not in ("every", "at")):
            # A choice alone is no row: the list of a row that nobody touched says "every week" by itself.
            kept.pop(f"t{row}_every", None)
            kept.pop(f"t{row}_at", None)
    return kept


def lines(text: str) -> list[str]:
    """Return the lines that say something, once each."""
    return list(dict.fromkeys(filter(None, (" ".join(line.split()) for line in text.split("\n")))))


# ---- From the record --------------------------------------------------------------------------------------------------


def answers_of(service: models.Service) -> dict[str, str]:
    """Return a record as answers. The same record always gives the same answers."""
    found: dict[str, str | None] = {
        "name": service.name,
        "organisation": service.organisation_id,
        "description": service.description,
        "needs": " ".join(needs_of(service)),
        "age_from": _said_age(service.minimum_age_months),
        "age_to": _said_age(service.maximum_age_months, oldest=True),
        "eligibility": service.eligibility_description,
        "level": service.level_of_need,
        "modes": " ".join(mode for mode in models.MODES if mode in {row.mode for row in service.modes}),
        "areas": "\n".join(sorted(row.name for row in service.service_areas)),
        "email": service.email,
        "url": service.url,
        "languages": ", ".join(sorted(readers.say_language(row.code) for row in service.languages)),
        "interpreter": {True: "yes", False: "no", None: ""}[service.interpreter],
        "route": service.referral_route,
        "join": service.application_process,
        "wait": service.wait_time,
        "wait_date": service.wait_time_date.isoformat() if service.wait_time_date else "",
        "checked": service.assured_date.isoformat() if service.assured_date else "",
    }
    found |= _first_parts(service)
    for number, row in enumerate(_rows(service)[:ROWS], start=1):
        found |= {f"t{number}_{part}": value for part, value in row.items()}
    return tidy({field: text or "" for field, text in found.items()})


def needs_of(service: models.Service) -> list[str]:
    """Return the codes of our own vocabulary, sorted."""
    own = vocabulary().name
    return sorted({row.taxonomy_term.code for row in service.attributes if row.taxonomy_term.taxonomy.name == own})


def first_link(service: models.Service) -> models.ServiceAtLocation | None:
    """Return the link to the venue that the form shows: the first by name."""
    ordered = sorted(service.service_at_locations, key=lambda link: (link.location.name, link.location_id))
    return ordered[0] if ordered else None


def first_phone(service: models.Service) -> models.Phone | None:
    """Return the number that a parent sees first."""
    return min(service.phones, key=lambda row: row.id, default=None)


def first_cost(service: models.Service) -> models.CostOption | None:
    """Return the price that the form shows."""
    return min(service.cost_options, key=lambda row: row.id, default=None)


def _first_parts(service: models.Service) -> dict[str, str | None]:
    link, phone, cost = first_link(service), first_phone(service), first_cost(service)
    amount = cost.amount if cost else None
    return {
        "venue": link.location_id if link else "",
        "access": "\n".join(sorted(row.description or "" for row in link.location.accessibility)) if link else "",
        "phone": phone.number if phone else "",
        "phone_note": phone.description if phone else "",
        "cost": "" if amount is None else "free" if amount == 0 else f"{amount:.2f}",
        "cost_note": _cost_note(cost) if cost else "",
    }


def said_price(amount: Decimal | None) -> str:
    """Return the price that goes before its note, so that a parent sees it: "£2.50", and nothing for what is free."""
    return f"£{amount:.2f}" if amount else ""


def _cost_note(cost: models.CostOption) -> str:
    return (cost.amount_description or "").removeprefix(said_price(cost.amount)).strip()


def _said_age(months: int | None, *, oldest: bool = False) -> str:
    return "" if months is None else readers.say_age(months, oldest=oldest)


def row_fits(schedule: models.Schedule) -> bool:
    """Tell whether the form can show this rule. One that it cannot is kept as it is."""
    if schedule.freq is None:
        return schedule.dtstart is not None
    days = (schedule.byday or "").replace(" ", "").split(",")
    if schedule.bymonthday or (schedule.valid_from and schedule.dtstart) or (schedule.valid_to and schedule.until):
        return False
    if schedule.freq == "WEEKLY":
        anchored = schedule.interval == 1 or schedule.dtstart or schedule.valid_from
        return schedule.interval in (1, 2) and bool(anchored) and all(day in DAYS for day in days)
    return schedule.interval == 1 and all(len(day) > 2 and _month_every(day) in EVERY and day[-2:] in DAYS for day in days)


def _month_every(day: str) -> str:
    return "month-last" if day[:-2] == "-1" else f"month-{day[:-2]}"


def shown_schedules(service: models.Service) -> list[models.Schedule]:
    """Return the rules that the form shows: those that fit, unless there are more than it has rows for."""
    fitting = [schedule for schedule in service.schedules if row_fits(schedule)]
    return fitting if sum(len((one.byday or "").split(",")) for one in fitting) <= ROWS else []


def _rows(service: models.Service) -> list[dict[str, str]]:
    place_of = {link.id: link.location_id for link in service.service_at_locations}
    rows = []
    for schedule in shown_schedules(service):
        starts, ends = schedule.dtstart or schedule.valid_from, schedule.until or schedule.valid_to
        for day in (schedule.byday or "").replace(" ", "").split(","):
            row = {
                "day": day[-2:],
                "every": _every(schedule, day),
                "opens": f"{schedule.opens_at:%H:%M}" if schedule.opens_at else "",
                "closes": f"{schedule.closes_at:%H:%M}" if schedule.closes_at else "",
                "starts": starts.isoformat() if starts else "",
                "ends": ends.isoformat() if ends else "",
                "note": schedule.description or "",
                "at": place_of.get(schedule.service_at_location_id or "", ""),
            }
            rows.append(row)
    return sorted(rows, key=lambda row: (DAYS.index(row["day"]) if row["day"] else 7, *row.values()))


def _every(schedule: models.Schedule, day: str) -> str:
    if schedule.freq is None:
        return "once"
    if schedule.freq == "MONTHLY":
        return _month_every(day)
    return "fortnight" if schedule.interval == 2 else "week"


# ---- Checking ---------------------------------------------------------------------------------------------------------


def wrongs(session: Session, answers: Answers, *, today: date | None = None) -> list[Wrong]:
    """Return all that is wrong, in the order of the fields, at most one thing for each."""
    found: dict[str, Wrong] = {}
    for wrong in _wrongs(session, answers, today or date.today()):
        found.setdefault(wrong.field, wrong)
    return sorted(found.values(), key=lambda wrong: FIELDS.index(wrong.field))


def new_wrongs(session: Session, answers: Answers, base: Answers) -> list[Wrong]:
    """Return what is wrong with a change. What was wrong in the record before, and was left alone, does not stop it.

    A new service has no ``base``: all that is wrong with it counts.
    """
    before = set(wrongs(session, base)) if base else set()
    return [
        wrong
        for wrong in wrongs(session, answers)
        if wrong not in before or answers.get(wrong.field, "") != base.get(wrong.field, "")
    ]


def _wrongs(session: Session, answers: Answers, today: date) -> Iterator[Wrong]:
    for field in FIELDS:
        text = answers.get(field, "")
        if len(text) > LONGEST.get(field, LONGEST_ELSE):
            yield Wrong(field, "long")
        if text and field in (*_PLAIN, *PLACE_FIELDS) and not PLAIN.fits(text):
            yield Wrong(field, "plain")
        if text and field in _CHOICES and text not in _CHOICES[field]:
            yield Wrong(field, "choice")
    for field in ("name", "description", "needs", "modes"):
        if not answers.get(field):
            yield Wrong(field, f"{field}_missing")
    if any(code not in vocabulary().terms for code in answers.get("needs", "").split()):
        yield Wrong("needs", "choice")
    yield from _wrong_organisation(session, answers)
    yield from _wrong_reading(answers)
    yield from _wrong_modes(answers)
    yield from _wrong_place(session, answers)
    for row in range(1, ROWS + 1):
        yield from _wrong_row(answers, row)
    yield from _wrong_dates(answers, today)


def _wrong_organisation(session: Session, answers: Answers) -> Iterator[Wrong]:
    chosen = answers.get("organisation", "")
    if chosen == "new":
        if not answers.get("organisation_name"):
            yield Wrong("organisation_name", "organisation_name_missing")
    elif not chosen or len(chosen) > 36 or session.get(models.Organisation, chosen) is None:
        yield Wrong("organisation", "organisation_missing")


_READ = {
    "cost": readers.pounds,
    "phone": readers.phone,
    "email": readers.email,
    "url": readers.web,
    "languages": readers.languages,
}


def _wrong_reading(answers: Answers) -> Iterator[Wrong]:
    for field, read in _READ.items():
        try:
            if answers.get(field):
                read(answers[field])
        except Unreadable as error:
            yield Wrong(field, error.code)
    ages: list[int] = []
    for field in ("age_from", "age_to"):
        try:
            if answers.get(field):
                ages.append(readers.age(answers[field], oldest=field == "age_to"))
        except Unreadable as error:
            yield Wrong(field, error.code)
    if len(ages) == 2 and ages[0] > ages[1]:
        yield Wrong("age_to", "ages_backwards")


def _wrong_modes(answers: Answers) -> Iterator[Wrong]:
    modes = set(answers.get("modes", "").split())
    if modes - set(models.MODES):
        yield Wrong("modes", "choice")
    if "go" in modes and not answers.get("venue"):
        yield Wrong("venue", "venue_missing")
    if "phone" in modes and not answers.get("phone"):
        yield Wrong("phone", "phone_missing")
    if "online" in modes and not answers.get("url"):
        yield Wrong("url", "url_missing")
    if modes & {"phone", "online", "home"} and not lines(answers.get("areas", "")):
        yield Wrong("areas", "areas_missing")


def _wrong_place(session: Session, answers: Answers) -> Iterator[Wrong]:
    venue = answers.get("venue", "")
    if venue and venue != "new" and (len(venue) > 36 or session.get(models.Location, venue) is None):
        yield Wrong("venue", "choice")
    if venue != "new":
        return
    for field in ("place_name", "place_address", "place_town", "place_district", "place_postcode"):
        if not answers.get(field):
            yield Wrong(field, "place_missing")
    try:
        if answers.get("place_postcode"):
            readers.postcode(answers["place_postcode"])
    except Unreadable as error:
        yield Wrong("place_postcode", error.code)


def _wrong_row(answers: Answers, row: int) -> Iterator[Wrong]:
    def said(part: str) -> str:
        return answers.get(f"t{row}_{part}", "")

    if not any(said(part) for part in ROW_PARTS if part not in ("every", "at")):
        return
    every = said("every") or "week"
    if every not in EVERY:
        yield Wrong(f"t{row}_every", "choice")
    if every == "once" and not said("starts"):
        yield Wrong(f"t{row}_starts", "once_starts")
    if every == "fortnight" and not said("starts"):
        yield Wrong(f"t{row}_starts", "fortnight_starts")
    if every != "once" and said("day") not in DAYS:
        yield Wrong(f"t{row}_day", "row_day")
    if said("note") and not PLAIN.fits(said("note")):
        yield Wrong(f"t{row}_note", "plain")
    clocks: list[time] = []
    for part in ("opens", "closes"):
        try:
            if said(part):
                clocks.append(readers.clock(said(part)))
        except Unreadable as error:
            yield Wrong(f"t{row}_{part}", error.code)
    if said("closes") and not said("opens"):
        yield Wrong(f"t{row}_opens", "opens_missing")
    if len(clocks) == 2 and clocks[1] <= clocks[0]:
        yield Wrong(f"t{row}_closes", "closes_early")
    days: list[date] = []
    for part in ("starts", "ends"):
        try:
            if said(part):
                days.append(readers.day(said(part)))
        except Unreadable as error:
            yield Wrong(f"t{row}_{part}", error.code)
    if len(days) == 2 and days[1] < days[0]:
        yield Wrong(f"t{row}_ends", "ends_early")


def _wrong_dates(answers: Answers, today: date) -> Iterator[Wrong]:
    for field in ("wait_date", "checked"):
        try:
            if answers.get(field) and readers.day(answers[field]) > today:
                yield Wrong(field, "future")
        except Unreadable as error:
            yield Wrong(field, error.code)
    if answers.get("wait") and not answers.get("wait_date"):
        yield Wrong("wait_date", "wait_date_missing")
