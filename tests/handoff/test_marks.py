"""Marks of triage: one a message, counted by language and level, kept when the message goes."""

from __future__ import annotations

from functools import partial

import pytest

from bot.handoff import desk, marks
from bot.handoff.desk import in_area
from bot.people import forget
from bot.storage.tables import Case, Inbox, TriageMark
from tests.console.support import AREA, ELSEWHERE, Office
from tests.handoff.test_desk import at_once, errors


def counted(office: Office, area: str | None = AREA) -> list[tuple[str, str, int, int, int, dict[str, int]]]:
    with office.services.database.read() as session:
        found = marks.counts(session, in_area(TriageMark.area_id, area))
    return [(one.language, one.level, one.right, one.too_high, one.too_low, one.should_be) for one in found]


@pytest.mark.parametrize(
    ("level", "should_be", "said"),
    [("urgent", "urgent", "right"), ("urgent", "none", "too_high"), ("none", "emergency", "too_low"), ("none", "none", "right")],
)
def test_a_verdict_follows_from_the_two_levels(level: str, should_be: str, said: str) -> None:
    assert marks.verdict(level, should_be) == said


def test_marks_are_counted_by_language_and_level_and_a_later_one_replaces_an_earlier(office: Office) -> None:
    ada, ben = office.staff("Ada"), office.staff("Ben")
    english, urdu = office.parent(), office.parent(language="ur", level="emergency")
    quiet = office.writes(english, "it is nothing")
    mark = partial(desk.mark_triage, office.services)
    mark(english.case_id, ada, english.inbox_ids[0], "concern")
    mark(english.case_id, ben, english.inbox_ids[0], "emergency")
    mark(english.case_id, ben, quiet, "urgent")
    mark(urdu.case_id, ada, urdu.inbox_ids[0], "emergency")
    assert counted(office) == [
        ("en", "urgent", 0, 0, 1, {"emergency": 1}),
        ("en", "none", 0, 0, 1, {"urgent": 1}),
        ("ur", "emergency", 1, 0, 0, {"emergency": 1}),
    ]
    with office.services.database.read() as session:
        assert marks.of_messages(session, english.inbox_ids)[english.inbox_ids[0]].staff == "Ben"
    assert office.audit(ada)[0] == ("case.mark", f"case:{english.case_id}")


def test_two_who_mark_a_message_at_the_same_moment_leave_one_mark(office: Office) -> None:
    ada, ben, parent = office.staff("Ada"), office.staff("Ben"), office.parent()
    mark = partial(desk.mark_triage, office.services, parent.case_id)
    assert not errors(at_once(*(partial(mark, one, parent.inbox_ids[0], "none") for one in (ada, ben) * 2)))
    assert counted(office) == [("en", "urgent", 0, 1, 0, {"none": 1})]


def test_only_a_level_of_a_message_of_this_parent_can_be_marked(office: Office) -> None:
    ada, parent, other = office.staff("Ada"), office.parent(), office.parent()
    for message, level in (
        (other.inbox_ids[0], "none"),
        (0, "none"),
        (parent.inbox_ids[0], "terrible"),
        (parent.inbox_ids[0], ""),
    ):
        with pytest.raises(desk.Refused) as refusal:
            desk.mark_triage(office.services, parent.case_id, ada, message, level)
        assert refusal.value.code == "mark"
    assert counted(office) == []


def test_a_team_counts_its_own_areas_marks(office: Office) -> None:
    cleo, parent = office.staff("Cleo", area=ELSEWHERE), office.parent(area=ELSEWHERE)
    desk.mark_triage(office.services, parent.case_id, cleo, parent.inbox_ids[0], "urgent")
    assert counted(office, AREA) == [] and len(counted(office, ELSEWHERE)) == len(counted(office, None)) == 1


def test_a_mark_outlives_a_forgotten_message_without_a_link_to_it(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent()
    desk.mark_triage(office.services, parent.case_id, ada, parent.inbox_ids[0], "none")
    with office.services.database.write() as session:
        session.delete(session.get_one(Case, parent.case_id))
        session.flush()
        session.get_one(Inbox, parent.inbox_ids[0]).case_id = None
        session.flush()
        forget(session, parent.person_id, except_inbox=0)
    with office.services.database.read() as session:
        assert session.query(Inbox).count() == 0
        assert session.query(TriageMark).one().inbox_id is None
    assert counted(office) == [("en", "urgent", 0, 1, 0, {"none": 1})]
