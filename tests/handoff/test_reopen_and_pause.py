"""Opening a closed case again, and pausing the bot: once, by one, with the history and the parent told the truth."""

from __future__ import annotations

from functools import partial

import pytest

from bot.console.casefile import read_case
from bot.handoff import desk
from bot.handoff.cases import OUTCOMES, NotClaimed
from bot.storage.tables import Person, now
from tests.console.support import AREA, ELSEWHERE, Office, Parent
from tests.handoff.test_desk import at_once, errors


def closed(office: Office, staff_id: int, outcome: str = "answered") -> Parent:
    parent = office.parent()
    desk.claim_case(office.services, parent.case_id, staff_id)
    desk.close_case(office.services, parent.case_id, staff_id, outcome)
    return parent


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_each_outcome_is_kept_on_the_case_and_in_the_history(office: Office, outcome: str) -> None:
    parent = closed(office, office.staff("Ada"), outcome)
    with office.services.database.read() as session:
        file = read_case(session, office.services.keyring, case_id=parent.case_id, area_id=AREA)
    assert file is not None and file.outcome == outcome and file.happenings[-1].detail == {"outcome": outcome}
    assert {"safeguarding", "welfare-check"} <= set(OUTCOMES)


def test_a_closed_case_is_opened_again_by_whoever_takes_it_up_with_a_reason(office: Office) -> None:
    ada, ben = office.staff("Ada"), office.staff("Ben")
    parent = closed(office, ada)
    for _ in range(2):
        desk.reopen_case(office.services, parent.case_id, ben, "She rang the hub")
    case = office.case(parent)
    assert (case.state, case.staff_id, case.outcome, case.closed_at) == ("claimed", ben, None, None)
    assert office.events(parent) == ["opened", "claimed", "closed", "reopened"]
    with office.services.database.read() as session:
        file = read_case(session, office.services.keyring, case_id=parent.case_id, area_id=AREA)
    assert file is not None and file.happenings[-1].detail == {"text": "She rang the hub"}
    refs = [row.ref for row in office.outbox(parent)]
    assert refs == ["safety:person-joined", "safety:person-left", "safety:person-joined"]
    assert "Ben" in office.words(office.outbox(parent)[-1])["text"]
    assert office.audit(ben) == [("case.reopen", f"case:{parent.case_id}")]
    desk.send_reply(office.services, parent.case_id, ben, "Hello again")


def test_a_reason_is_needed_and_only_a_case_one_may_see_can_be_opened_again(office: Office) -> None:
    ada, cleo = office.staff("Ada"), office.staff("Cleo", area=ELSEWHERE)
    parent = closed(office, ada)
    with pytest.raises(desk.Refused) as refusal:
        desk.reopen_case(office.services, parent.case_id, ada, "  ")
    assert refusal.value.code == "empty"
    with pytest.raises(desk.NoSuchCase):
        desk.reopen_case(office.services, parent.case_id, cleo, "mine now")
    assert office.case(parent).state == "closed"


def test_a_parent_with_another_open_case_keeps_that_one(office: Office) -> None:
    ada = office.staff("Ada")
    parent = closed(office, ada)
    again = office.returns(parent)
    with pytest.raises(desk.Refused) as refusal:
        desk.reopen_case(office.services, parent.case_id, ada, "the old one")
    assert refusal.value.code == "another_open"
    assert office.case(parent).state == "closed" and office.case(again).state == "open"


def test_who_was_forgotten_is_not_written_to_again(office: Office) -> None:
    ada = office.staff("Ada")
    parent = closed(office, ada)
    office.change(Person, parent.person_id, forgotten_at=now())
    with pytest.raises(desk.Refused) as refusal:
        desk.reopen_case(office.services, parent.case_id, ada, "one more thing")
    assert refusal.value.code == "forgotten"


def test_of_two_who_open_a_case_again_at_the_same_moment_one_has_it(office: Office) -> None:
    ada, ben = office.staff("Ada"), office.staff("Ben")
    for _ in range(6):
        parent = closed(office, ada)
        results = at_once(*(partial(desk.reopen_case, office.services, parent.case_id, one, "again") for one in (ada, ben)))
        (refusal,) = errors(results)
        assert isinstance(refusal, NotClaimed)
        assert office.events(parent).count("reopened") == 1


def test_a_new_worry_at_the_moment_of_a_reopening_leaves_one_open_case(office: Office) -> None:
    ada = office.staff("Ada")
    for _ in range(6):
        parent = closed(office, ada)
        results = at_once(
            partial(desk.reopen_case, office.services, parent.case_id, ada, "again"), partial(office.returns, parent)
        )
        refused = [result for result in results if isinstance(result, desk.Refused)]
        assert len(errors(results)) <= 1 and len(refused) == (office.case(parent).state == "closed")


def test_only_the_holder_pauses_and_the_history_says_so_once(office: Office) -> None:
    ada, ben, parent = office.staff("Ada"), office.staff("Ben"), office.parent()
    with pytest.raises(NotClaimed):
        desk.pause_bot(office.services, parent.case_id, ada, True)
    desk.claim_case(office.services, parent.case_id, ada)
    with pytest.raises(NotClaimed):
        desk.pause_bot(office.services, parent.case_id, ben, True)
    pause = partial(desk.pause_bot, office.services, parent.case_id, ada, True)
    assert not errors(at_once(pause, pause))
    assert office.case(parent).paused_at is not None
    for _ in range(2):
        desk.pause_bot(office.services, parent.case_id, ada, False)
    assert office.case(parent).paused_at is None
    assert office.events(parent) == ["opened", "claimed", "paused", "resumed"]
    assert office.audit(ada)[1:] == [(f"case.{act}", f"case:{parent.case_id}") for act in ("pause", "resume")]


@pytest.mark.parametrize("end", ["release_case", "close_case"])
def test_a_pause_ends_when_nobody_holds_the_case_any_more(office: Office, end: str) -> None:
    ada, parent = office.staff("Ada"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    desk.pause_bot(office.services, parent.case_id, ada, True)
    getattr(desk, end)(office.services, parent.case_id, ada, *(("answered",) if end == "close_case" else ()))
    assert office.case(parent).paused_at is None
    assert office.events(parent)[-2:] == ["resumed", "released" if end == "release_case" else "closed"]


def test_a_pause_goes_on_with_the_colleague_who_gets_the_case(office: Office) -> None:
    ada, ben, parent = office.staff("Ada"), office.staff("Ben"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    desk.pause_bot(office.services, parent.case_id, ada, True)
    desk.hand_over_case(office.services, parent.case_id, ada, ben)
    assert office.case(parent).paused_at is not None
    desk.pause_bot(office.services, parent.case_id, ben, False)
