"""What the desk's groups of pages share."""

from __future__ import annotations

from bot.console.guard import Visit
from bot.desk.rules import Person
from bot.storage.engine import Database
from bot.storage.tables import StaffAudit

HOME = "/staff/content"
NAME = 80
"""The most characters of a name that are kept."""


def person_of(visit: Visit) -> Person:
    """Who is at work, as the desk knows them. The history shows the job beside the name: a team has more than one Sam."""
    name = f"{visit.who.first_name}, {visit.who.job_title}"[:NAME]
    return Person(visit.who.staff_id, name, frozenset(visit.who.roles))


def audit(database: Database, visit: Visit, action: str, content_id: str = "", language: str = "") -> None:
    """Record what somebody looks at or does, before it is done."""
    subject = f"{language}:{content_id}" if content_id else ""
    with database.write() as session:
        session.add(StaffAudit(staff_id=visit.who.staff_id, action=action, subject=subject[:80]))
