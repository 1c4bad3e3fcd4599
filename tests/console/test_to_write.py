"""What to write or mend next: from questions, answers to "was it useful?", reviews and translations."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from bot.console.to_write import not_useful, overdue, translations
from bot.library import Library
from bot.library.check_files import Tree
from bot.library.check_messages import read_items
from bot.settings import ROOT
from bot.storage.tables import InsightCount, InsightDay
from tests.console.support import AREA, ELSEWHERE, Office, text_of
from tests.console.test_questions import ask


def count(office: Office, area: str, category: str, number: int) -> None:
    with office.services.database.write() as session:
        session.add(InsightCount(day="2026-06-10", area_id=area, measure="useful", category=category, number=number))


def test_the_page_brings_together_what_is_to_be_done(office: Office) -> None:
    ask(office, "what is a zzyzx", AREA)
    with office.services.database.write() as session:
        session.add(InsightDay(day="2026-06-30"))
    count(office, AREA, "baby/sleep/start-here@aaaa:no", 12)
    count(office, AREA, "baby/crying/start-here@bbbb:no", 9)
    count(office, ELSEWHERE, "baby/feeding/start-here@cccc:no", 40)
    editor = office.browser(office.staff("Edie", roles=("editor",)))
    page = text_of(editor.get("/staff/to-write").text)
    assert "baby/sleep/start-here aaaa 10" in page and "2026-Q2" in page
    assert "baby/crying/start-here" not in page and "cccc" not in page
    assert "Polish" in page and "zzyzx" not in page
    assert ("to_write.view", "") in office.audit(editor.staff_id)


def test_before_a_quarter_is_over_no_message_is_called_useless(office: Office) -> None:
    count(office, AREA, "baby/sleep/start-here@aaaa:no", 12)
    with office.services.database.read() as session:
        assert not_useful(session, AREA) == (None, [])


def test_reviews_that_are_too_old_come_first_and_new_ones_not_at_all(library: Library) -> None:
    one, two, three = list(library.messages.values())[:3]
    reviewed = [replace(one, reviewed="2025-01-01"), replace(two, reviewed="2024-01-01"), replace(three, reviewed="2026-06-01")]
    assert [message.id for message in overdue(reviewed, date(2026, 6, 30))] == [two.id, one.id]


def test_a_translation_is_stale_as_soon_as_the_english_changes(library: Library) -> None:
    message = next(one for one in library.messages.values() if "pl" in one.words and one.words["pl"].source_hash)
    assert message.stale == ()
    changed = replace(message, words={**message.words, "en": replace(message.words["en"], text="Other words")})
    assert "pl" in changed.stale
    found = translations(Library({changed.id: changed}, library.strings, library.helplines, library.needs, library.replies), "pl")
    assert found.stale == (changed.id,) and found.missing == ()


def test_what_is_stale_here_is_what_the_checker_of_content_says(library: Library) -> None:
    said = {item.id: set(item.stale) for item in read_items(Tree(ROOT))}
    assert {message.id: set(message.stale) for message in library.messages.values()} == said
