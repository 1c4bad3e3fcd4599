"""What the console reads is the same on both databases: the queue's order and pages, and a case's page."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from bot.console.queue import PAGE, read_queue
from bot.storage.tables import Case, Person, now
from tests.console.support import AREA, Office, text_of


def test_the_queue_is_walked_in_order_page_by_page(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent()
    moment = now()
    with office.services.database.write() as session:
        first = session.get_one(Case, parent.case_id)
        rows = [
            Case(
                area_id=AREA,
                person_id=person_id,
                address_id=first.address_id,
                level="urgent",
                rank=number % 3,
                state="open",
                language="en",
                channel="webchat",
                opened_at=moment - timedelta(seconds=number * 37 % 101),
            )
            for number, person_id in enumerate(_people(session, PAGE + 20))
        ]
        session.add_all(rows)
    seen: list[tuple[int, object, int]] = []
    after: int | None = None
    for _ in range(3):
        with office.services.database.read() as session:
            queue = read_queue(session, staff_id=ada, area_id=AREA, show="all", after=after)
        seen += [(entry.rank, entry.opened_at, entry.id) for entry in queue.entries]
        after = queue.after
        if after is None:
            break
    assert len(set(seen)) == len(seen) == PAGE + 21 == queue.counts["all"]
    assert seen == sorted(seen)


def _people(session: Session, number: int) -> list[int]:
    """People without a case."""
    people = [Person(area_id=AREA, pseudonym=f"P-{place:06d}") for place in range(number)]
    session.add_all(people)
    session.flush()
    return [person.id for person in people]


def test_a_case_is_claimed_answered_and_read_through_its_pages(office: Office) -> None:
    ada, parent = office.browser(office.staff("Ada")), office.parent("are you there?")
    assert ada.post(f"/staff/cases/{parent.case_id}/claim").status_code == 303
    assert ada.reply(parent.case_id, "Yes, I am here.").status_code == 303
    office.writes(parent, "thank you")
    said = text_of(ada.get(f"/staff/cases/{parent.case_id}").text)
    assert said.index("are you there?") < said.index("Yes, I am here.") < said.index("thank you")
    assert "New message since the last reply" in text_of(ada.get("/staff", show="mine").text)
    assert ada.post(f"/staff/cases/{parent.case_id}/close", outcome="answered").status_code == 303
