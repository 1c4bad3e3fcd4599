"""The queue: by level, then waiting time; by tabs; quick with ten thousand cases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import event, insert

from bot.console.queue import PAGE, read_queue, waiting
from bot.storage.tables import Case, Person, PersonAddress, now
from tests.console.conftest import People
from tests.console.support import AREA, Office, Parent, text_of


def order(page: str) -> list[str]:
    """The pseudonyms in the list, from the top."""
    return re.findall(r'<h2><a href="/staff/cases/\d+">(P-\w+)</a>', page)


def wait(office: Office, parent: Parent, minutes: int, due: int | None = None) -> Parent:
    moment = now()
    office.change(
        Case,
        parent.case_id,
        opened_at=moment - timedelta(minutes=minutes),
        reply_due_at=moment + timedelta(minutes=due) if due is not None else None,
    )
    return parent


@contextmanager
def statements(office: Office) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(office.services.database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(office.services.database.engine, "before_cursor_execute", note)


def test_the_queue_is_by_level_then_by_waiting_time(office: Office, people: People) -> None:
    asked = wait(office, office.parent(level="none"), 500)
    new_urgent, old_urgent = wait(office, office.parent(), 5), wait(office, office.parent(), 90)
    emergency = wait(office, office.parent(level="emergency"), 1)
    concern = wait(office, office.parent(level="concern"), 600)
    page = people.holder.get("/staff", show="all").text
    expected = [emergency, old_urgent, new_urgent, concern, asked]
    assert order(page) == [parent.pseudonym for parent in expected]


def test_each_case_says_level_waiting_time_due_time_language_channel_and_holder_in_words(office: Office, people: People) -> None:
    late = wait(office, office.parent(level="emergency", language="ur", channel="telegram"), 130, due=-125)
    soon = wait(office, office.parent(), 3, due=25)
    people.colleague.post(f"/staff/cases/{soon.case_id}/claim")
    page = people.holder.get("/staff", show="all").text
    first, second = page.split("<h2>")[1:3]
    assert late.pseudonym in first and soon.pseudonym in second
    assert "<svg" in first and "level-emergency" in first
    said = text_of(first)
    for words in ("Emergency", "Waiting 2 hours", "Late: due 2 hours ago", "Urdu", "Telegram", "Nobody yet"):
        assert words in said, words
    said = text_of(second)
    for words in ("Urgent", "3 minutes", "Due in 24 minutes", "English", "Web chat", "Ben"):
        assert words in said, words


def test_tabs_show_unclaimed_mine_and_all_with_their_numbers(office: Office, people: People) -> None:
    mine, bens, nobodys = office.parent(), office.parent(), office.parent()
    people.holder.post(f"/staff/cases/{mine.case_id}/claim")
    people.colleague.post(f"/staff/cases/{bens.case_id}/claim")
    pages = {show: people.holder.get("/staff", show=show).text for show in ("unclaimed", "mine", "all")}
    assert order(pages["unclaimed"]) == [nobodys.pseudonym]
    assert order(pages["mine"]) == [mine.pseudonym]
    assert set(order(pages["all"])) == {mine.pseudonym, bens.pseudonym, nobodys.pseudonym}
    assert all("Unclaimed (1) Mine (1) All (3)" in text_of(page) for page in pages.values())
    assert people.holder.get("/staff").text.count('aria-current="page"') == 2
    assert order(people.holder.get("/staff", show="nonsense", after="x").text) == [nobodys.pseudonym]


def test_closed_cases_leave_the_queue(office: Office, people: People) -> None:
    parent = office.parent()
    people.holder.post(f"/staff/cases/{parent.case_id}/claim")
    people.holder.post(f"/staff/cases/{parent.case_id}/close", outcome="answered")
    assert order(people.holder.get("/staff", show="all").text) == []


def test_not_meant_moves_a_case_down_and_is_said(office: Office, people: People) -> None:
    not_meant, urgent = wait(office, office.parent(), 90), wait(office, office.parent(), 1)
    office.change(Case, not_meant.case_id, not_meant=True, rank=2)
    page = people.holder.get("/staff").text
    assert order(page) == [urgent.pseudonym, not_meant.pseudonym]
    assert "Not what I meant" in text_of(page)


def test_a_parent_who_wrote_after_the_reply_is_shown_as_waiting(office: Office, people: People) -> None:
    parent = office.parent()
    people.holder.post(f"/staff/cases/{parent.case_id}/claim")
    people.holder.reply(parent.case_id, "Hello")
    assert "Sent less than a minute ago" in text_of(people.holder.get("/staff", show="mine").text)
    office.writes(parent, "thank you")
    assert "New message since" in text_of(people.holder.get("/staff", show="mine").text)


def test_the_queue_holds_no_word_of_a_parent(office: Office, people: People) -> None:
    office.parent("xylophone in the night")
    assert "xylophone" not in people.holder.get("/staff", show="all").text


def fill(office: Office, number: int) -> None:
    """`number` people with an open case each, two thirds unclaimed, written in bulk."""
    ben, moment = office.staff("Bulk"), now()
    levels = ("emergency", "urgent", "concern")
    people, addresses, cases = [], [], []
    for i in range(1, number + 1):
        people.append({"id": i, "pseudonym": f"P-{i:06d}", "area_id": AREA})
        addresses.append({"id": i, "person_id": i, "channel": "webchat", "kind": "k", "lookup": f"{i:064d}", "sealed": b"x"})
        cases.append(
            {
                "id": i,
                "area_id": AREA,
                "person_id": i,
                "address_id": i,
                "level": levels[i % 3],
                "rank": i % 3,
                "state": "claimed" if i % 3 == 2 else "open",
                "staff_id": ben if i % 3 == 2 else None,
                "language": "en",
                "channel": "webchat",
                "opened_at": moment - timedelta(seconds=i * 7919 % 1_000_003),
            }
        )
    with office.services.database.write() as session:
        for table, rows in ((Person, people), (PersonAddress, addresses), (Case, cases)):
            session.execute(insert(table), rows)


def test_ten_thousand_open_cases_cost_a_page_a_few_limited_queries_by_the_index(office: Office, people: People) -> None:
    fill(office, 10_000)
    for show in ("unclaimed", "mine", "all"):
        with statements(office) as seen:
            response = people.holder.get("/staff", show=show)
        assert response.status_code == 200
        assert len(order(response.text)) == (0 if show == "mine" else PAGE)
        reads = [statement for statement in seen if "FROM handoff_case" in statement]
        assert len(seen) <= 12, seen
        assert all("LIMIT" in statement or "count(" in statement for statement in reads)
    assert "All (10,000)" in text_of(response.text)
    for area in (AREA, None):
        query = waiting("open", area).compile(office.services.database.engine, compile_kwargs={"literal_binds": True})
        with office.services.database.engine.connect() as connection:
            plan = " | ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}"))
        assert "ix_handoff_case_queue" in plan and "TEMP B-TREE" not in plan, plan


def test_walking_the_pages_shows_every_case_once_in_order(office: Office, people: People) -> None:
    fill(office, 230)
    for show in ("unclaimed", "all"):
        seen: list[tuple[int, object, int]] = []
        after: int | None = None
        for _ in range(10):
            with office.services.database.read() as session:
                queue = read_queue(session, staff_id=people.holder.staff_id, area_id=AREA, show=show, after=after)
            seen += [(entry.rank, entry.opened_at, entry.id) for entry in queue.entries]
            after = queue.after
            if after is None:
                break
        assert len(seen) == len(set(seen)) == queue.counts[show]
        assert seen == sorted(seen)


def test_the_next_page_is_a_link(office: Office, people: People) -> None:
    fill(office, 80)
    first = people.holder.get("/staff", show="all").text
    link = re.search(r'href="(/staff\?show=all&amp;after=\d+)"', first)
    assert link
    second = people.holder.client.get(link[1].replace("&amp;", "&")).text
    assert len(order(second)) == 30 and not set(order(first)) & set(order(second))
