"""What the directory's groups of pages share."""

from __future__ import annotations

from bot.console.guard import Visit
from services_directory.editing.desk import Person

HOME = "/staff/directory"
BROUGHT_IN = f"{HOME}/pending/brought-in"


def person_of(visit: Visit) -> Person:
    """Who is at work, as the directory knows them."""
    return Person(id=visit.who.staff_id, name=visit.who.first_name, area_id=visit.who.area_id)
