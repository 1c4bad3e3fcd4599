"""Giving a case away: to one colleague, once, with the parent told who is there; and who knows a parent who comes back."""

from __future__ import annotations

from functools import partial

import pytest

from bot.console.casefile import read_case
from bot.console.queue import read_queue
from bot.handoff import desk
from bot.handoff.cases import NotClaimed
from bot.storage.tables import CaseEvent, Staff, now
from tests.console.support import AREA, ELSEWHERE, Office, Parent
from tests.handoff.test_desk import at_once, errors

JOINED, LEFT = "safety:person-joined", "safety:person-left"


def presence(office: Office, parent: Parent) -> list[tuple[str, str]]:
    """What the parent was told of who is there, in order: (reference, the first name in the words)."""
    rows = [row for row in office.outbox(parent) if row.ref in (JOINED, LEFT)]
    names = ("Ada", "Ben", "Cleo", "Dot")
    return [(row.ref, next(name for name in names if name in office.words(row)["text"])) for row in rows]


def test_a_colleague_gets_the_case_with_a_note_and_the_parent_is_told_once_who_is_there(office: Office) -> None:
    ada, ben, parent = office.staff("Ada"), office.staff("Ben"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    for _ in range(2):
        desk.hand_over_case(office.services, parent.case_id, ada, ben, "She likes to be called Jo")
    case = office.case(parent)
    assert (case.state, case.staff_id) == ("claimed", ben)
    assert presence(office, parent) == [(JOINED, "Ada"), (JOINED, "Ben")]
    assert office.events(parent) == ["opened", "claimed", "handed_over"]
    with office.services.database.read() as session:
        event = session.query(CaseEvent).filter_by(case_id=parent.case_id, kind="handed_over").one()
        file = read_case(session, office.services.keyring, case_id=parent.case_id, area_id=AREA)
    assert event.detail is not None and b"called Jo" not in event.detail
    assert file is not None
    last = file.happenings[-1]
    assert (last.staff, last.to, last.detail["text"]) == ("Ada", "Ben", "She likes to be called Jo")
    assert office.audit(ada).count(("case.hand_over", f"case:{parent.case_id}")) == 1


def test_a_case_that_comes_back_to_its_first_holder_is_told_of_as_well(office: Office) -> None:
    ada, ben, parent = office.staff("Ada"), office.staff("Ben"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    desk.hand_over_case(office.services, parent.case_id, ada, ben)
    desk.hand_over_case(office.services, parent.case_id, ben, ada)
    desk.close_case(office.services, parent.case_id, ada, "answered")
    assert presence(office, parent) == [(JOINED, "Ada"), (JOINED, "Ben"), (JOINED, "Ada"), (LEFT, "Ada")]


def test_who_gave_the_case_away_can_no_longer_answer_and_who_got_it_can(office: Office) -> None:
    ada, ben, parent = office.staff("Ada"), office.staff("Ben"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    desk.hand_over_case(office.services, parent.case_id, ada, ben)
    with pytest.raises(NotClaimed) as refusal:
        desk.send_reply(office.services, parent.case_id, ada, "One more thing")
    assert refusal.value.holder == "Ben"
    desk.send_reply(office.services, parent.case_id, ben, "Hello, I am Ben")


def test_only_somebody_who_may_see_the_case_and_whose_account_is_in_use_can_have_it(office: Office) -> None:
    ada, cleo, gone = office.staff("Ada"), office.staff("Cleo", area=ELSEWHERE), office.staff("Gone")
    dot, parent = office.staff("Dot", area=None), office.parent()
    office.change(Staff, gone, disabled_at=now())
    desk.claim_case(office.services, parent.case_id, ada)
    for nobody in (cleo, gone, ada, 0, 999_999):
        with pytest.raises(desk.Refused) as refusal:
            desk.hand_over_case(office.services, parent.case_id, ada, nobody)
        assert refusal.value.code == "colleague"
    assert office.case(parent).staff_id == ada and office.events(parent) == ["opened", "claimed"]
    desk.hand_over_case(office.services, parent.case_id, ada, dot)
    assert office.case(parent).staff_id == dot


def test_only_the_holder_gives_a_case_away(office: Office) -> None:
    ada, ben, parent = office.staff("Ada"), office.staff("Ben"), office.parent()
    with pytest.raises(NotClaimed):
        desk.hand_over_case(office.services, parent.case_id, ada, ben)
    desk.claim_case(office.services, parent.case_id, ben)
    with pytest.raises(NotClaimed):
        desk.hand_over_case(office.services, parent.case_id, ada, ben)
    assert office.events(parent) == ["opened", "claimed"]


def test_of_two_hand_overs_at_the_same_moment_one_counts(office: Office) -> None:
    ada, ben, dot = office.staff("Ada"), office.staff("Ben"), office.staff("Dot")
    for _ in range(6):
        parent = office.parent()
        desk.claim_case(office.services, parent.case_id, ada)
        give = partial(desk.hand_over_case, office.services, parent.case_id, ada)
        results = at_once(partial(give, ben), partial(give, dot))
        (refusal,) = errors(results)
        assert isinstance(refusal, NotClaimed)
        assert office.case(parent).staff_id in (ben, dot)
        assert office.events(parent) == ["opened", "claimed", "handed_over"]
        assert len(presence(office, parent)) == 2


def test_a_reply_at_the_moment_of_a_hand_over_is_sent_before_it_or_refused(office: Office) -> None:
    ada, ben = office.staff("Ada"), office.staff("Ben")
    for _ in range(6):
        parent = office.parent()
        desk.claim_case(office.services, parent.case_id, ada)
        results = at_once(
            partial(desk.hand_over_case, office.services, parent.case_id, ada, ben),
            partial(desk.send_reply, office.services, parent.case_id, ada, "Hello"),
        )
        sent = [row.ref for row in office.outbox(parent)]
        if errors(results):
            assert sent == [JOINED, JOINED]
        else:
            assert sent == [JOINED, "person:reply", JOINED]
        assert office.case(parent).staff_id == ben


def test_back_in_the_queue_a_case_keeps_its_note(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    desk.release_case(office.services, parent.case_id, ada, "I am off sick")
    with office.services.database.read() as session:
        file = read_case(session, office.services.keyring, case_id=parent.case_id, area_id=AREA)
    assert file is not None and file.happenings[-1].detail == {"text": "I am off sick"}
    assert presence(office, parent) == [(JOINED, "Ada"), (LEFT, "Ada")]


def test_a_returning_parents_case_is_offered_first_to_who_held_the_last_one(office: Office) -> None:
    ada, ben, parent = office.staff("Ada"), office.staff("Ben"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    desk.hand_over_case(office.services, parent.case_id, ada, ben)
    desk.close_case(office.services, parent.case_id, ben, "answered")
    other, again = office.parent(), office.returns(parent)
    with office.services.database.read() as session:
        bens, adas = (read_queue(session, staff_id=one, area_id=AREA, show="unclaimed") for one in (ben, ada))
    assert [entry.id for entry in bens.known] == [again.case_id] and adas.known == ()
    knows = {entry.id: entry.knows for entry in adas.entries}
    assert knows == {again.case_id: "Ben", other.case_id: None}
    desk.claim_case(office.services, again.case_id, ada)
    assert office.case(again).staff_id == ada, "anybody may still claim it"


@pytest.mark.parametrize("change", [{"disabled_at": now()}, {"area_id": ELSEWHERE}])
def test_who_can_no_longer_have_a_parents_case_is_not_named_as_knowing_them(office: Office, change: dict[str, object]) -> None:
    ada, ben, parent = office.staff("Ada"), office.staff("Ben"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    desk.close_case(office.services, parent.case_id, ada, "answered")
    office.returns(parent)
    office.change(Staff, ada, **change)
    with office.services.database.read() as session:
        queue = read_queue(session, staff_id=ben, area_id=AREA, show="unclaimed")
    assert [(entry.knows_id, entry.knows) for entry in queue.entries] == [(ada, None)]
