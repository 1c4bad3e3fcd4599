"""The review list: who comes on it, who leaves it, and that nobody's words are read without a reason. On both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.handoff import review
from bot.handoff.desk import Refused
from bot.handoff.review import NotOnList, Struggling
from bot.handoff.sampling import Reviewing
from bot.people import forget
from bot.storage.tables import Case, CaseEvent, ConcernReview, Inbox, Outbox, StaffAudit, now
from tests.console.support import AREA, ELSEWHERE, Office, Parent
from tests.handoff.test_desk import at_once, errors

THREE = Reviewing(concerns=3, span=timedelta(days=14))
WORDS = ("i feel flat all day", "cant stop crying again", "no joy in anything")


def struggles(office: Office, *words: str, area: str | None = AREA, level: str = "concern") -> Parent:
    """A new parent who has written `words`, each judged a concern unless said otherwise."""
    parent = office.newcomer(language="en", area=area)
    for text in words or WORDS:
        office.writes(parent, text, level=level)
    return parent


def on_list(office: Office, area: str | None = AREA) -> list[Struggling]:
    with office.services.database.read() as session:
        found = review.waiting(session, office.services.keyring, area, THREE)
        assert review.count(session, area, THREE) == len(found)
        return found


def ids(office: Office, area: str | None = AREA) -> list[int]:
    return [one.person_id for one in on_list(office, area)]


def decide(office: Office, parent: Parent, staff_id: int, act: str) -> int | None:
    (one,) = (one for one in on_list(office, None) if one.person_id == parent.person_id)
    return review.decide(office.services, parent.person_id, staff_id, THREE, act, one.up_to)


def test_three_worries_in_fourteen_days_put_a_parent_on_the_list_and_two_do_not(office: Office) -> None:
    parent = struggles(office)
    struggles(office, *WORDS[:2])
    (one,) = on_list(office)
    assert one.person_id == parent.person_id and one.pseudonym == parent.pseudonym and len(one.worries) == 3
    assert all(worry.text is None for worry in one.worries)


def test_an_old_worry_another_level_and_a_worry_of_a_case_do_not_count(office: Office) -> None:
    old = struggles(office, *WORDS[:2])
    office.change(Inbox, office.writes(old, WORDS[2], level="concern"), received_at=now() - timedelta(days=15))
    struggles(office, level="none")
    cased = struggles(office, *WORDS[:2])
    elsewhere = office.parent()
    office.change(Inbox, office.writes(cased, WORDS[2], level="concern"), case_id=elsewhere.case_id)
    assert ids(office) == []


def test_whoever_has_an_open_case_is_not_on_it_and_comes_back_once_it_is_closed(office: Office) -> None:
    parent = office.parent()
    for text in WORDS:
        office.change(Inbox, office.writes(parent, text, level="concern"), case_id=None)
    assert ids(office) == []
    office.change(Case, parent.case_id, state="closed")
    assert ids(office) == [parent.person_id]


def test_staff_see_their_own_area_and_whoever_waits_longest_comes_first(office: Office) -> None:
    first, second, far = struggles(office), struggles(office), struggles(office, area=ELSEWHERE)
    office.writes(first, "still so low today", level="concern")
    assert ids(office) == [second.person_id, first.person_id]
    assert ids(office, ELSEWHERE) == [far.person_id]
    assert ids(office, None) == [second.person_id, far.person_id, first.person_id]
    cleo = office.staff("Cleo", area=ELSEWHERE)
    with pytest.raises(NotOnList):
        review.read_words(office.services, first.person_id, cleo, THREE, "to see")
    with pytest.raises(NotOnList):
        review.decide(office.services, first.person_id, cleo, THREE, "case", 10**6)


def test_the_words_are_read_for_a_reason_only_and_the_reason_is_kept(office: Office) -> None:
    parent, ada = struggles(office), office.staff("Ada")
    with pytest.raises(Refused, match="empty"):
        review.read_words(office.services, parent.person_id, ada, THREE, "  ")
    found = review.read_words(office.services, parent.person_id, ada, THREE, "her sister rang us")
    assert [worry.text for worry in found.worries] == list(WORDS)
    with office.services.database.read() as session:
        row = session.scalars(select(ConcernReview)).one()
        assert row.act == "read" and row.sealed is not None and row.staff_id == ada
        assert office.services.keyring.open_json(row.sealed) == {"text": "her sister rang us"}
        assert session.scalars(select(StaffAudit.action).where(StaffAudit.action.like("review%"))).all() == ["review.read"]
    assert ids(office) == [parent.person_id], "reading decides nothing"


def test_nothing_to_do_takes_them_off_until_as_many_new_worries_have_come(office: Office) -> None:
    parent, ada = struggles(office), office.staff("Ada")
    assert decide(office, parent, ada, "nothing") is None
    assert ids(office) == []
    for text in WORDS[:2]:
        office.writes(parent, text, level="concern")
    assert ids(office) == []
    office.writes(parent, WORDS[2], level="concern")
    assert ids(office) == [parent.person_id]


def test_a_case_is_opened_for_the_newest_worry_and_nothing_is_sent(office: Office) -> None:
    parent, ada = struggles(office), office.staff("Ada")
    case_id = decide(office, parent, ada, "case")
    assert ids(office) == []
    with office.services.database.read() as session:
        case = session.scalars(select(Case).where(Case.person_id == parent.person_id)).one()
        assert (case.id, case.level, case.state, case.area_id) == (case_id, "concern", "open", AREA)
        assert case.late_told_at is not None, "nobody promised the parent a time"
        newest = session.scalars(select(Inbox).where(Inbox.person_id == parent.person_id).order_by(Inbox.id.desc())).first()
        assert newest is not None and newest.case_id == case_id
        joined = session.scalars(select(CaseEvent.inbox_id).where(CaseEvent.case_id == case_id, CaseEvent.kind == "message"))
        assert joined.all() == [newest.id]
        assert session.scalars(select(Outbox).where(Outbox.person_id == parent.person_id)).all() == []


def test_what_is_decided_of_an_older_picture_changes_nothing(office: Office) -> None:
    parent, ada = struggles(office), office.staff("Ada")
    (seen,) = on_list(office)
    office.writes(parent, "and now it is worse", level="concern")
    for act in review.DECISIONS:
        with pytest.raises(NotOnList):
            review.decide(office.services, parent.person_id, ada, THREE, act, seen.up_to)
    with pytest.raises(Refused, match="mark"):
        review.decide(office.services, parent.person_id, ada, THREE, "shrug", seen.up_to)
    assert ids(office) == [parent.person_id]


def test_two_who_decide_at_the_same_moment_open_one_case(office: Office) -> None:
    parent = struggles(office)
    (seen,) = on_list(office)
    staff = [office.staff(name) for name in ("Ada", "Ben")]
    results = at_once(
        *(
            lambda who=who: review.decide(office.services, parent.person_id, who, THREE, "case", seen.up_to)  # type: ignore[misc]
            for who in staff
        )
    )
    assert [type(error) for error in errors(results)] == [NotOnList]
    with office.services.database.read() as session:
        assert len(session.scalars(select(Case).where(Case.person_id == parent.person_id)).all()) == 1


def test_who_asks_to_be_forgotten_leaves_the_list_and_what_was_decided_of_them_goes(office: Office) -> None:
    parent, ada = struggles(office), office.staff("Ada")
    review.read_words(office.services, parent.person_id, ada, THREE, "worried")
    with office.services.database.write() as session:
        forget(session, parent.person_id, except_inbox=0)
    assert ids(office, None) == []
    with office.services.database.read() as session:
        assert session.scalars(select(ConcernReview)).all() == []
    with pytest.raises(NotOnList):
        review.read_words(office.services, parent.person_id, ada, THREE, "again")
