"""The monthly blind sample: what is drawn, that a draw stays, and that a danger found in it is not left lying. On both databases."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from itertools import count

import pytest
from sqlalchemy import select

from bot.conversation.safety import waiting_reply
from bot.handoff import desk, marks, sample
from bot.handoff.desk import Refused, in_area
from bot.handoff.late import tell_late
from bot.handoff.sample import Drawn, NotInSample
from bot.handoff.sampling import Sampling
from bot.messages import Kind
from bot.people import forget
from bot.storage.tables import Case, CaseEvent, Inbox, StaffAudit, TriageMark, TriageSample, now
from tests.console.support import AREA, ELSEWHERE, Office, Parent, is_command
from tests.handoff.test_desk import at_once, errors

SMALL = Sampling(messages=20, span=timedelta(days=30))
_numbers = count(1)


def writes(
    office: Office, text: str = "", *, language: str = "en", area: str | None = AREA, **more: object
) -> tuple[Parent, int]:
    """A new parent's one message, without a worry unless said otherwise."""
    parent = office.newcomer(language=language, area=area)
    return parent, office.writes(parent, text or f"when do babies sit {next(_numbers)}", **more)  # type: ignore[arg-type]


def look(office: Office, *, area: str = AREA, language: str = "en", sampling: Sampling = SMALL) -> list[Drawn]:
    draw = sample.draw_of_now(office.services.teams, area, language)
    sample.make(office.services, draw, sampling, is_command)
    with office.services.database.read() as session:
        return sample.read(session, office.services.keyring, draw)


def inbox_ids(office: Office) -> list[int | None]:
    with office.services.database.read() as session:
        return list(session.scalars(select(TriageSample.inbox_id).order_by(TriageSample.month, TriageSample.position)))


def ask_to_be_forgotten(office: Office, parent: Parent) -> None:
    with office.services.database.write() as session:
        forget(session, parent.person_id, except_inbox=0)


def later(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr(sample, "now", lambda: moment)


def next_month() -> datetime:
    return now().replace(day=1, hour=12) + timedelta(days=32)


def case_of(office: Office, parent: Parent) -> Case | None:
    with office.services.database.read() as session:
        return session.scalar(select(Case).where(Case.person_id == parent.person_id))


def test_only_finished_words_without_a_worry_of_the_area_and_language_are_drawn(office: Office) -> None:
    _, fitting = writes(office, "my baby naps a lot")
    for level in ("concern", "urgent", "emergency"):
        writes(office, "my baby naps a lot", level=level)
    writes(office, "hello there")
    writes(office, "Talk to a person!")
    writes(office, "one two three", kind=Kind.BUTTON, token="abc")
    writes(office, "one two three", kind=Kind.START)
    writes(office, "one two three", kind=Kind.UNSUPPORTED, media="voice")
    writes(office, "mae fy mabi yn cysgu", language="cy")
    writes(office, "my baby naps a lot", area=ELSEWHERE)
    _, old = writes(office)
    office.change(Inbox, old, received_at=now() - timedelta(days=31))
    _, waiting = writes(office)
    office.change(Inbox, waiting, open=1, state="received")
    with_case = office.parent()
    office.writes(with_case, "this belongs to the case")
    _, named_in_a_case = writes(office)
    with office.services.database.write() as session:
        session.add(CaseEvent(case_id=with_case.case_id, kind="message", inbox_id=named_in_a_case))
    gone, _ = writes(office)
    ask_to_be_forgotten(office, gone)
    ada, judged = office.staff("Ada"), office.parent()
    seen = office.writes(judged, "what about a cot")
    office.change(Inbox, seen, case_id=None)
    desk.mark_triage(office.services, judged.case_id, ada, seen, "none")
    assert [one.text for one in look(office)] == ["my baby naps a lot"]
    assert inbox_ids(office) == [fitting]
    assert [one.text for one in look(office, language="cy")] == ["mae fy mabi yn cysgu"]


def test_as_many_are_drawn_as_the_file_says_and_by_chance(office: Office) -> None:
    ids = [writes(office)[1] for _ in range(30)]
    assert len(look(office)) == 20
    drawn = inbox_ids(office)
    assert set(drawn) < set(ids) and drawn != sorted(drawn)  # type: ignore[type-var]


def test_a_draw_stays_the_same_whoever_looks_and_whatever_comes_in(office: Office) -> None:
    for _ in range(3):
        writes(office)
    first = look(office)
    for _ in range(5):
        writes(office)
    assert look(office) == look(office) == first and len(first) == 3


def test_several_who_look_first_at_the_same_moment_make_one_draw(office: Office) -> None:
    for _ in range(30):
        writes(office)
    assert not errors(at_once(*(partial(look, office) for _ in range(4))))
    assert len(inbox_ids(office)) == 20 and len(look(office)) == 20


def test_where_there_was_nothing_to_draw_the_next_to_look_draws(office: Office) -> None:
    assert look(office) == []
    writes(office)
    assert len(look(office)) == 1


def test_the_next_month_has_a_draw_of_its_own_and_no_message_twice(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    long = Sampling(messages=2, span=timedelta(days=90))
    for _ in range(3):
        writes(office)
    first = look(office, sampling=long)
    later(monkeypatch, next_month())
    second = look(office, sampling=long)
    assert (len(first), len(second)) == (2, 1) and not {one.id for one in first} & {one.id for one in second}
    assert len(set(inbox_ids(office))) == 3


def test_the_month_is_that_of_the_area_s_own_clock(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch, datetime.fromisoformat("2026-06-30T23:30:00+00:00"))  # half past midnight in London
    assert sample.draw_of_now(office.services.teams, AREA, "en").month == "2026-07"


def test_who_asked_to_be_forgotten_leaves_a_gap_and_no_new_draw(office: Office) -> None:
    parents = [writes(office)[0] for _ in range(2)]
    assert len(look(office)) == 2
    for left, parent in ((1, parents[0]), (0, parents[1])):
        ask_to_be_forgotten(office, parent)
        writes(office)
        assert len(look(office)) == left
    assert inbox_ids(office) == [None, None]


def test_a_forgotten_parent_s_message_that_stays_with_a_case_is_shown_no_more(office: Office) -> None:
    ada = office.staff("Ada")
    parent, message = writes(office)
    (one,) = look(office)
    sample.mark(office.services, one.id, ada, "urgent")
    sample.open_case(office.services, one.id, ada)
    ask_to_be_forgotten(office, parent)
    assert inbox_ids(office) == [message] and look(office) == []
    for act in (partial(sample.mark, level="none"), sample.open_case):
        with pytest.raises(NotInSample):
            act(office.services, one.id, ada)  # type: ignore[operator]


def test_parents_of_no_area_are_drawn_with_those_of_the_team_that_answers_for_them(office: Office) -> None:
    writes(office, "nobody knows where I live", area=None)
    assert look(office, area=ELSEWHERE) == []
    assert [one.text for one in look(office)] == ["nobody knows where I live"]


def test_what_is_said_of_a_message_is_a_mark_counted_apart_and_can_be_changed(office: Office) -> None:
    ada, ben = office.staff("Ada"), office.staff("Ben")
    for _ in range(2):
        writes(office)
    writes(office, "mae fy mabi yn cysgu", language="cy")
    english, welsh = look(office), look(office, language="cy")
    sample.mark(office.services, english[0].id, ada, "none")
    sample.mark(office.services, english[1].id, ada, "none")
    sample.mark(office.services, english[1].id, ben, "concern")
    sample.mark(office.services, welsh[0].id, ada, "none")
    in_case = office.parent()
    desk.mark_triage(office.services, in_case.case_id, ada, in_case.inbox_ids[0], "emergency")
    with office.services.database.read() as session:
        mine = in_area(TriageMark.area_id, AREA)
        found = {(one.language, one.level): (one.right, one.too_low) for one in marks.counts(session, mine)}
        apart = marks.sample_counts(session, mine)
        assert marks.sample_counts(session, in_area(TriageMark.area_id, ELSEWHERE)) == {}
    assert found == {("en", "none"): (1, 1), ("en", "urgent"): (0, 1), ("cy", "none"): (1, 0)}
    assert apart == {"en": marks.SampleCount(read=2, too_low=1), "cy": marks.SampleCount(read=1, too_low=0)}
    assert [(one.level, one.by) for one in look(office)] == [("none", "Ada"), ("concern", "Ben")]
    assert office.audit(ben) == [("sample.mark", f"sample:{english[1].id}")]


def test_a_mark_made_in_a_case_gives_nothing_away_and_correcting_one_leaves_it_of_the_sample(office: Office) -> None:
    ada, ben = office.staff("Ada"), office.staff("Ben")
    parent, message = writes(office)
    (one,) = look(office)
    again = office.returns(parent)  # a case for something else: its page shows the whole conversation
    desk.mark_triage(office.services, again.case_id, ada, message, "urgent")
    assert look(office)[0].level is None
    sample.mark(office.services, one.id, ben, "concern")
    desk.mark_triage(office.services, again.case_id, ada, message, "none")
    assert (look(office)[0].level, look(office)[0].by) == ("none", "Ada")
    with office.services.database.read() as session:
        assert marks.sample_counts(session) == {"en": marks.SampleCount(read=1, too_low=0)}


def test_only_a_level_can_be_said_and_only_of_a_message_that_one_may_see(office: Office) -> None:
    ada, cleo = office.staff("Ada"), office.staff("Cleo", area=ELSEWHERE)
    writes(office)
    (one,) = look(office)
    for level in ("", "terrible"):
        with pytest.raises(Refused):
            sample.mark(office.services, one.id, ada, level)
    for id_, staff in ((one.id, cleo), (one.id + 1, ada)):
        with pytest.raises(NotInSample):
            sample.mark(office.services, id_, staff, "urgent")
        with pytest.raises(NotInSample):
            sample.open_case(office.services, id_, staff)
    with office.services.database.read() as session:
        assert session.query(TriageMark).count() == session.query(Case).count() == 0


@pytest.mark.parametrize("level", ["urgent", "emergency"])
def test_a_danger_found_opens_a_case_with_its_reason_and_nothing_is_sent(office: Office, level: str) -> None:
    ada = office.staff("Ada")
    parent, message = writes(office)
    (one,) = look(office)
    sample.mark(office.services, one.id, ada, level)
    assert look(office)[0].left_lying and case_of(office, parent) is None
    sample.open_case(office.services, one.id, ada)
    sample.open_case(office.services, one.id, ada)
    case = case_of(office, parent)
    assert case is not None and (case.level, case.state, case.area_id, case.language) == (level, "open", AREA, "en")
    parent.case_id = case.id
    assert office.events(parent) == ["opened", "message"]
    with office.services.database.read() as session:
        opened = session.scalars(select(CaseEvent).where(CaseEvent.kind == "opened")).one()
        assert opened.detail is not None and opened.inbox_id == message
        assert office.services.keyring.open_json(opened.detail)["reasons"] == [
            {"level": level, "by": "staff", "words": "", "kind": None}
        ]
        assert session.get_one(Inbox, message).level == "none"
    drawn = look(office)[0]
    assert drawn.case_id == case.id and not drawn.left_lying
    assert office.audit(ada) == [("sample.mark", f"sample:{one.id}"), ("sample.case", f"case:{case.id}")]
    assert not office.outbox(parent)


def test_nobody_writes_to_the_parent_when_the_target_of_such_a_case_passes(office: Office) -> None:
    ada = office.staff("Ada")
    found, told = writes(office)[0], office.parent()
    (one,) = look(office)
    sample.mark(office.services, one.id, ada, "urgent")
    sample.open_case(office.services, one.id, ada)
    services, long_after = office.services, now() + timedelta(days=30)
    with services.database.write() as session:
        words = tell_late(
            session,
            services.keyring,
            services.renderer,
            services.teams,
            long_after,
            lambda team, at: waiting_reply(team, None, late=True),
        )
    case = case_of(office, found)
    assert case is not None and case.reply_due_at is not None and case.reply_due_at < long_after
    assert words == [told.person_id] and not office.outbox(found)


@pytest.mark.parametrize("level", ["none", "concern", None])
def test_no_case_is_opened_for_what_nobody_found_serious(office: Office, level: str | None) -> None:
    ada = office.staff("Ada")
    parent, _ = writes(office)
    (one,) = look(office)
    if level is not None:
        sample.mark(office.services, one.id, ada, level)
    with pytest.raises(Refused):
        sample.open_case(office.services, one.id, ada)
    assert case_of(office, parent) is None


def test_an_open_case_is_raised_and_what_its_parent_was_promised_stays(office: Office) -> None:
    ada = office.staff("Ada")
    parent, _ = writes(office)
    (one,) = look(office)
    parent.case_id = office.returns(parent, level="concern").case_id
    before = office.case(parent)
    sample.mark(office.services, one.id, ada, "emergency")
    sample.open_case(office.services, one.id, ada)
    after = office.case(parent)
    assert (after.level, after.rank) == ("emergency", 0) and office.events(parent) == ["opened", "raised", "message"]
    assert (after.reply_due_at, after.late_told_at) == (before.reply_due_at, before.late_told_at)
    assert look(office)[0].case_id == parent.case_id and not office.outbox(parent)


def test_two_who_open_a_case_at_the_same_moment_open_one(office: Office) -> None:
    ada, ben = office.staff("Ada"), office.staff("Ben")
    writes(office)
    (one,) = look(office)
    sample.mark(office.services, one.id, ada, "emergency")
    assert not errors(at_once(*(partial(sample.open_case, office.services, one.id, who) for who in (ada, ben) * 2)))
    with office.services.database.read() as session:
        assert session.query(Case).count() == 1
        assert session.query(StaffAudit).filter_by(action="sample.case").count() == 1


def test_a_danger_without_a_case_is_still_there_next_month(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = office.staff("Ada")
    for _ in range(2):
        writes(office)
    first, second = look(office)
    sample.mark(office.services, first.id, ada, "emergency")
    sample.mark(office.services, second.id, ada, "none")
    later(monkeypatch, next_month())
    assert [one.id for one in look(office)] == [first.id]
    sample.open_case(office.services, first.id, ada)
    assert look(office) == []
