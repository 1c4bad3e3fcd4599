"""The page of questions without a good answer: an area's own and nobody's, looked at on the record."""

from __future__ import annotations

from sqlalchemy import select

from bot.console.questions import as_lines, read_questions
from bot.storage.tables import StaffAudit, UnansweredQuestion
from tests.console.conftest import People
from tests.console.support import AREA, ELSEWHERE, Office


def ask(office: Office, words: str, area: str | None, language: str = "en") -> None:
    with office.services.database.write() as session:
        session.add(
            UnansweredQuestion(
                area_id=area,
                language=language,
                outcome="refused",
                topics=["baby/sleep"],
                sealed=office.services.keyring.seal_json(words),
            )
        )


def test_staff_see_their_areas_questions_and_no_others(office: Office, people: People) -> None:
    ask(office, "what is a zzyzx", AREA)
    ask(office, "where is the plugh", ELSEWHERE)
    ask(office, "who is xyzzy", None)
    page = people.holder.get("/staff/questions").text
    assert ("zzyzx" in page, "plugh" in page, "xyzzy" in page) == (True, False, True)
    assert "zzyzx" not in people.stranger.get("/staff/questions").text


def test_a_language_may_be_chosen_and_words_are_escaped(office: Office, people: People) -> None:
    ask(office, "<b>zzyzx</b>", AREA)
    ask(office, "co to jest plugh", AREA, "pl")
    page = people.holder.get("/staff/questions", lang="pl").text
    assert ("zzyzx" in page, "plugh" in page) == (False, True)
    assert "<b>zzyzx" not in people.holder.get("/staff/questions", lang="nonsense").text


def test_looking_is_recorded(office: Office, people: People) -> None:
    people.holder.get("/staff/questions", lang="pl")
    with office.services.database.read() as session:
        seen = session.execute(select(StaffAudit.action, StaffAudit.subject).order_by(StaffAudit.id.desc()).limit(1)).one()
    assert tuple(seen) == ("questions.view", "pl")
    assert "Looked at questions without an answer" in people.holder.get("/staff/audit").text


def test_nobody_reads_them_without_signing_in(office: Office) -> None:
    assert office.client().get("/staff/questions").status_code in (302, 303, 401)


def test_a_parents_words_are_no_formula_in_the_file(office: Office) -> None:
    for words in ('=HYPERLINK("https://evil.example","why")', "+44 is what", "@SUM(A1)", "-2 weeks old", "why = so"):
        ask(office, words, AREA)
    with office.services.database.read() as session:
        found = read_questions(session, office.services.keyring, area_id=AREA, language="")
    cells = {line[-1] for line in as_lines(found.shown)[1:]}
    assert len(cells) == 5 and {cell[0] for cell in cells} == {"'", "w"}
