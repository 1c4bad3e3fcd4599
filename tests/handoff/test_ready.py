"""Ready replies: approved words in the parent's language, signed by whoever sends them, once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from bot.handoff import desk
from bot.handoff.cases import NotClaimed
from bot.handoff.hours import Teams
from bot.messages import MessageClass
from bot.storage.tables import ContentVersion
from tests.console.support import Office
from tests.handoff.test_desk import FORM, at_once, errors

LANGUAGES = ("en", "cy", "pl", "ro", "ur", "ar", "bn", "uk")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_ready_reply_can_be_sent_in_the_parents_language(office: Office, language: str) -> None:
    ada, parent = office.staff("Ada"), office.parent(language=language)
    desk.claim_case(office.services, parent.case_id, ada)
    ids = desk.ready_ids(office.services, "demonstration")
    assert len(ids) >= 30
    for id_ in ids:
        desk.send_ready(office.services, parent.case_id, ada, id_)
    rows = [row for row in office.outbox(parent) if row.ref.startswith("reply:")]
    assert [row.content_id for row in rows] == [f"reply/{id_}" for id_ in ids]
    assert {row.language for row in rows} == {language} and {row.message_class for row in rows} == {MessageClass.PRACTITIONER}
    said = [office.words(row) for row in rows]
    assert {(words["voice"], words["voice_name"]) for words in said} == {("practitioner", "Ada, Health visitor")}
    assert not any("{" in words["text"] for words in said) and "Ada" in said[0]["text"]
    assert {words["direction"] for words in said} == {"rtl" if language in ("ur", "ar") else "ltr"}


def test_a_ready_reply_keeps_the_version_of_its_words_and_counts_as_a_reply(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent(language="pl")
    desk.claim_case(office.services, parent.case_id, ada)
    desk.send_ready(office.services, parent.case_id, ada, "still-here")
    row = office.outbox(parent)[-1]
    with office.services.database.read() as session:
        kept = session.get_one(ContentVersion, ("reply/still-here", "pl", row.content_version))
    assert kept.words == office.words(row)["text"]
    assert office.events(parent)[-1] == "replied" and office.case(parent).first_reply_at is not None
    assert office.audit(ada)[-1] == ("case.reply", f"case:{parent.case_id}")


def test_the_same_form_sends_a_ready_reply_once_even_at_the_same_moment(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    send = partial(desk.send_ready, office.services, parent.case_id, ada, "still-here", form_id=FORM)
    assert not errors(at_once(*[send] * 3))
    assert [row.ref for row in office.outbox(parent)].count("reply:still-here") == 1


def test_only_the_holder_sends_and_only_what_is_there(office: Office) -> None:
    ada, ben, parent = office.staff("Ada"), office.staff("Ben"), office.parent()
    desk.claim_case(office.services, parent.case_id, ada)
    with pytest.raises(NotClaimed):
        desk.send_ready(office.services, parent.case_id, ben, "still-here")
    for id_ in ("", "nonsense"):
        with pytest.raises(desk.Refused) as refusal:
            desk.send_ready(office.services, parent.case_id, ada, id_)
        assert refusal.value.code == "ready"
    assert [row.ref for row in office.outbox(parent)] == ["safety:person-joined"]


def test_hours_are_the_teams_own_and_those_of_the_default_team_elsewhere(office: Office) -> None:
    ada, parent, nowhere = office.staff("Ada"), office.parent(), office.parent(area=None)
    for case in (parent, nowhere):
        desk.claim_case(office.services, case.case_id, ada)
        desk.send_ready(office.services, case.case_id, ada, "open-hours")
        assert "Monday – Friday \u206609:00–17:00\u2069" in office.words(office.outbox(case)[-1])["text"]


def test_hours_are_not_offered_where_there_are_none(office: Office) -> None:
    ada, parent = office.staff("Ada"), office.parent()
    every = desk.ready_ids(office.services, "demonstration")
    closed = replace(office.services.teams.default, spells=((),) * 7)
    services = replace(office.services, teams=Teams({closed.area_id: closed}, closed.area_id))
    desk.claim_case(services, parent.case_id, ada)
    assert set(every) - set(desk.ready_ids(services, closed.area_id)) == {"open-hours"}
    with pytest.raises(desk.Refused):
        desk.send_ready(services, parent.case_id, ada, "open-hours")
