"""What we hold of a service, for its provider to read: everything a parent is shown, as (what, value), and nothing more."""

from services_directory import models
from services_directory.records import Service, service_record
from services_directory.terms import vocabulary

PARTS = ("name", "description", "when", "where", "ages", "cost", "join", "phone", "email", "url", "languages", "areas")


def held(service: models.Service) -> list[tuple[str, str]]:
    """Return (one of ``PARTS``, its value), without those that the record leaves empty. Ages are in whole months.

    ``service`` is in a session, or loaded whole.
    """
    record = service_record(service, taxonomy=vocabulary().name)
    values = {
        "name": record.name,
        "description": record.description,
        "when": "; ".join(_times(record)),
        "where": "; ".join(", ".join(dict.fromkeys((venue.name, *venue.address))) for venue in record.venues),
        "ages": _ages(record),
        "cost": "; ".join(cost.said or "£0" for cost in record.costs),
        "join": record.how_to_join or "",
        "phone": "; ".join(phone.number for phone in record.phones),
        "email": record.email or "",
        "url": record.url or "",
        "languages": ", ".join(record.languages),
        "areas": ", ".join(record.areas),
    }
    return [(part, values[part]) for part in PARTS if values[part]]


def _times(record: Service) -> list[str]:
    said = []
    for timetable in record.timetables:
        clock = "–".join(f"{moment:%H:%M}" for moment in (timetable.opens, timetable.closes) if moment)
        said.append(timetable.text or " ".join(filter(None, (timetable.byday, clock))))
    return list(dict.fromkeys(filter(None, said)))


def _ages(record: Service) -> str:
    ends = (record.minimum_age_months, record.maximum_age_months)
    return "" if ends == (None, None) else "–".join("" if end is None else str(end) for end in ends)
