"""What the writer said for their case stands above the conversation, for those who may see the case."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from bot.handoff import cases
from bot.storage.tables import Case, CaseEvent, Person, StaffAudit
from tests.console.conftest import People
from tests.console.support import Browser, Office, Parent, text_of


def page(browser: Browser, parent: Parent) -> str:
    response = browser.get(f"/staff/cases/{parent.case_id}")
    assert response.status_code == 200
    return str(response.text)


def tells(office: Office, parent: Parent, kind: str, **detail: Any) -> None:
    with office.services.database.write() as session:
        case = session.get_one(Case, parent.case_id)
        cases.tell(session, case, kind, office.services.keyring.seal_json(detail), None)


def test_nothing_stands_there_while_nothing_was_said(office: Office, people: People) -> None:
    assert 'id="told"' not in page(people.holder, office.parent())


def test_a_writer_who_may_be_a_child_is_named_above_the_conversation(office: Office, people: People) -> None:
    parent = office.parent()
    tells(office, parent, "writer_child")
    tells(office, parent, "writer_age", age=16)
    shown = page(people.holder, parent)
    assert shown.index("The writer may be a child") < shown.index('id="conversation"')
    assert "They say they are 16 years old." in text_of(shown)


def test_when_it_is_safe_and_the_check_word_stand_above_the_reply_box(office: Office, people: People) -> None:
    parent = office.parent()
    people.holder.post(f"/staff/cases/{parent.case_id}/claim")
    tells(office, parent, "contact_asked")
    assert "They have not said when it is safe" in text_of(page(people.holder, parent))
    tells(office, parent, "contact", safe="times")
    tells(office, parent, "contact", words="mornings <b>only</b>")
    tells(office, parent, "contact", word="bluebell")
    shown = page(people.holder, parent)
    assert "only at these times" in shown and "mornings &lt;b&gt;only" in shown
    assert shown.index("bluebell") < shown.index('id="reply-title"')
    tells(office, parent, "contact", safe="any")
    assert "mornings" not in page(people.holder, parent), "what they said last counts"


def test_staff_mark_a_bereavement_and_undo_it_without_a_word_to_the_parent(office: Office, people: People) -> None:
    parent = office.parent()
    before = len(office.outbox(parent))
    form = f"/staff/cases/{parent.case_id}/bereaved"
    assert people.colleague.post(form, mark="yes").status_code == 303
    assert people.colleague.post(form, mark="yes").status_code == 303
    assert "Take the mark away" in page(people.holder, parent)
    assert people.holder.post(form, mark="no").status_code == 303
    assert "Mark a bereavement" in page(people.holder, parent)
    with office.services.database.read() as session:
        kinds = session.scalars(select(CaseEvent.kind).where(CaseEvent.case_id == parent.case_id)).all()
        audit = session.scalars(select(StaffAudit.action).where(StaffAudit.action.like("case.%bereaved"))).all()
        assert session.get_one(Person, parent.person_id).bereaved_at is None
    assert (kinds.count("bereaved"), kinds.count("not_bereaved")) == (1, 1)
    assert audit == ["case.bereaved", "case.not_bereaved"]
    assert len(office.outbox(parent)) == before


def test_staff_of_another_area_cannot_mark_it(office: Office, people: People) -> None:
    parent = office.parent()
    assert people.stranger.post(f"/staff/cases/{parent.case_id}/bereaved", mark="yes").status_code == 404


def test_how_they_would_like_to_be_contacted_and_what_they_share_is_shown(office: Office, people: People) -> None:
    parent = office.parent()
    tells(office, parent, "contact", how="call")
    tells(office, parent, "contact", how_words="07700 900123 after lunch")
    tells(office, parent, "shared", words="I feel so low")
    shown = text_of(page(people.holder, parent))
    assert "would like a phone call" in shown and "07700 900123 after lunch" in shown
    assert "They agreed that you see what they wrote" in shown and "I feel so low" in shown
