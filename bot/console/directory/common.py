"""What the directory's groups of pages share."""

from __future__ import annotations

from bot.console.guard import Visit
from bot.console.language import spoken
from bot.console.words import StaffWords
from bot.library.needs import Needs
from bot.library.strings import SOURCE_LANGUAGE
from services_directory import vocabulary
from services_directory.editing.desk import Person

HOME = "/staff/directory"
BROUGHT_IN = f"{HOME}/pending/brought-in"


def person_of(visit: Visit) -> Person:
    """Who is at work, as the directory knows them."""
    return Person(id=visit.who.staff_id, name=visit.who.first_name, area_id=visit.who.area_id)


def need_name(words: StaffWords, needs: Needs, code: str) -> str:
    """What staff call a need: its own name for them in English, in another language what is on parents' buttons."""
    term = vocabulary().terms.get(code)
    if term is None:
        return code
    title = None if spoken() == SOURCE_LANGUAGE else needs.titles.get(code, {}).get(spoken())
    return title or words.english(term.name)
