"""A case's page: this parent's words and no one else's, who holds it, and forms that lose nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape
from typing import Any

import pytest

from bot.console.casefile import PAGE
from bot.messages import ButtonSpec, Kind, Reply
from bot.people.people import months_since
from bot.storage.crypto import Keyring, new_key
from bot.storage.tables import ButtonToken, Case, CaseEvent, Child, Inbox, Outbox, Person, PersonAddress, StaffAudit, now
from tests.console.conftest import People
from tests.console.support import ELSEWHERE, Browser, Office, Parent, text_of

NASTY = "<script>alert(1)</script><img src=x onerror=alert(2)> \" ' & </textarea></div>{{ 7*7 }}"
FORM = "form-0123456789"


def page(browser: Browser, parent: Parent, **query: str) -> str:
    response = browser.get(f"/staff/cases/{parent.case_id}", **query)
    assert response.status_code == 200
    return str(response.text)


def claim(browser: Browser, parent: Parent) -> None:
    assert browser.post(f"/staff/cases/{parent.case_id}/claim").status_code == 303


def replies(office: Office, parent: Parent) -> list[str]:
    return [office.words(row)["text"] for row in office.outbox(parent) if row.ref == "person:reply"]


# What is shown


def test_it_shows_the_conversation_in_order_with_who_when_and_in_which_language(office: Office, people: People) -> None:
    parent = office.parent("بہت تھک گئی ہوں", language="ur")
    office.wren_says(parent, Reply(ref="text:greet.hello"), "ur")
    claim(people.holder, parent)
    people.holder.post(
        f"/staff/cases/{parent.case_id}/reply", text="I am here with you now, tell me more.", form=FORM, meant="en"
    )
    office.writes(parent, "شکریہ")
    talk = page(people.holder, parent).split('id="talk"')[1].split("</ol>")[0]
    voices = re.findall(r'class="said said-(\w+)"', talk)
    assert voices == ["parent", "wren", "wren", "practitioner", "parent"]
    assert re.search(r'lang="ur" dir="auto"><p>بہت تھک گئی ہوں', talk)
    assert re.search(r'lang="en" dir="ltr"><p>I am here with you now', talk)
    assert talk.count("<time datetime=") == 5 and "Ada, Health visitor" in talk


def test_it_shows_nobody_elses_words(office: Office, people: People) -> None:
    parent, other = office.parent("mine alone"), office.parent("another family's worry")
    office.wren_says(other, Reply(ref="text:greet.hello"))
    people.colleague.post(f"/staff/cases/{other.case_id}/note", text="a note on another", form=FORM)
    shown = page(people.holder, parent)
    assert "mine alone" in shown
    assert "another family" not in shown and "a note on another" not in shown and other.pseudonym not in shown


def test_it_shows_the_pseudonym_and_never_an_address(office: Office, people: People) -> None:
    parent = office.parent(channel="telegram")
    with office.services.database.read() as session:
        row = session.get_one(PersonAddress, parent.address_id)
        address = office.services.keyring.open(row.sealed)
    claim(people.holder, parent)
    office.writes(parent, "", kind=Kind.LOCATION, latitude=51.4816, longitude=-3.1791)
    for shown in (page(people.holder, parent), people.holder.get("/staff", show="all").text):
        assert parent.pseudonym in shown
        assert address not in shown and row.lookup not in shown and "51.48" not in shown and "hidden" not in text_of(shown)


def test_it_says_in_plain_words_why_the_case_is_here(office: Office, people: People) -> None:
    reasons: list[dict[str, Any]] = [
        {"level": "urgent", "by": "rule:no-way-out", "words": "no way out", "kind": "suicide"},
        {"level": "urgent", "by": "model:en", "words": "I can't", "kind": None},
        {"level": "urgent", "by": "together:rule:no-way-out", "words": "i cant | do this", "kind": None},
    ]
    parent = office.parent("no way out", reasons=reasons)
    said = text_of(page(people.holder, parent))
    for words in (
        "A phrase rule (no way out) (suicide): no way out",
        "The trained model (English): I can't",
        "A phrase rule (no way out), reading the last few messages together",
    ):
        assert words in said, words


def test_a_request_for_a_person_is_said_as_one(office: Office, people: People) -> None:
    parent = office.parent("Talk to a person", level="concern", reasons=[{"level": "none", "by": "parent", "words": "asked"}])
    assert "The parent asked for a person" in text_of(page(people.holder, parent))


def test_it_shows_ages_nation_district_and_who_they_are(office: Office, people: People) -> None:
    parent = office.parent()
    year, month = now().year, now().month
    born, due = f"{year - 1}-{month:02d}", f"{year + 1}-{month:02d}"
    with office.services.database.write() as session:
        session.add_all([Child(person_id=parent.person_id, born_or_due=born), Child(person_id=parent.person_id, born_or_due=due)])
    office.change(Person, parent.person_id, nation="wales", district="ZZ1", role="dad")
    said = text_of(page(people.holder, parent))
    assert months_since(born, now()) == 12
    for words in ("12 months old, due in 12 months", "Wales", "ZZ1", "Dad", "English", "Web chat"):
        assert words in said, words


def test_after_a_bereavement_no_age_is_shown(office: Office, people: People) -> None:
    parent = office.parent()
    with office.services.database.write() as session:
        session.add(Child(person_id=parent.person_id, born_or_due="2026-01"))
    office.change(Person, parent.person_id, bereaved_at=now())
    said = text_of(page(people.holder, parent))
    assert "Bereaved" in said and "months old" not in said


@pytest.mark.parametrize(
    ("table", "change", "words"),
    [
        ("person", {"stopped_at": now()}, "They wrote STOP"),
        ("person", {"contact_unsafe": True}, "Not safe to contact"),
        ("person", {"forgotten_at": now()}, "asked Wren to forget them"),
        ("address", {"unreachable_at": now()}, "Messages do not reach them"),
        ("case", {"not_meant": True}, "not what I meant"),
    ],
)
def test_what_a_practitioner_must_know_first_is_said(
    office: Office, people: People, table: str, change: dict[str, Any], words: str
) -> None:
    parent = office.parent()
    kinds = {"person": (Person, parent.person_id), "address": (PersonAddress, parent.address_id), "case": (Case, parent.case_id)}
    assert words.casefold() not in text_of(page(people.holder, parent)).casefold()
    office.change(*kinds[table], **change)
    assert words.casefold() in text_of(page(people.holder, parent)).casefold()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"kind": Kind.UNSUPPORTED, "media": "voice"}, "voice note"),
        ({"kind": Kind.UNSUPPORTED, "media": "hologram"}, "cannot read"),
        ({"kind": Kind.LOCATION}, "Sent a location"),
        ({"kind": Kind.EDIT}, "Changed an earlier message"),
        ({"kind": Kind.START}, "Opened the chat"),
    ],
)
def test_what_is_not_words_is_said_in_words(office: Office, people: People, more: dict[str, Any], words: str) -> None:
    parent = office.parent()
    office.writes(parent, "", **more)
    assert words in text_of(page(people.holder, parent))


def test_a_pressed_button_is_shown_by_its_title(office: Office, people: People) -> None:
    parent = office.parent()
    office.wren_says(parent, Reply(ref="text:greet.hello", buttons=(ButtonSpec(label="button.menu", action="menu"),)))
    with office.services.database.read() as session:
        token, title = session.query(ButtonToken.token, ButtonToken.title).filter_by(person_id=parent.person_id).one()
    office.writes(parent, "", kind=Kind.BUTTON, token=token)
    shown = page(people.holder, parent)
    assert f"Pressed a button {title}" in text_of(shown) and token not in shown


def test_an_unsent_message_is_said_to_be_unsent_and_why(office: Office, people: People) -> None:
    parent = office.parent(channel="telegram")
    claim(people.holder, parent)
    people.holder.reply(parent.case_id, "Hello")
    assert "Waiting to be sent" in text_of(page(people.holder, parent))
    office.change(Outbox, office.outbox(parent)[-1].id, state="failed", open=0, reason="the chat was blocked")
    assert "Not delivered. Why: the chat was blocked" in text_of(page(people.holder, parent))


def test_a_message_sealed_with_a_lost_key_hides_nothing_else(office: Office, people: People) -> None:
    parent = office.parent("first words")
    office.change(Inbox, office.writes(parent, "lost words"), sealed=Keyring([new_key()]).seal_json({"text": "lost words"}))
    office.writes(parent, "last words")
    said = text_of(page(people.holder, parent))
    assert "first words" in said and "last words" in said and "cannot be read" in said and "lost words" not in said


def test_a_long_conversation_is_shown_a_page_at_a_time_and_nothing_is_left_out(office: Office, people: People) -> None:
    parent = office.parent("word-000")
    for number in range(1, 2 * PAGE + 20):
        office.writes(parent, f"word-{number:03d}")
        if number % 10 == 0:
            office.wren_says(parent, Reply(ref="text:greet.hello"))
    seen: list[str] = []
    query: dict[str, str] = {}
    for _ in range(6):
        shown = page(people.holder, parent, **query)
        seen = re.findall(r"<p>word-(\d{3})", shown) + seen
        older = re.search(r"\?before=([\d.]+)", shown)
        if older is None:
            break
        query = {"before": older[1]}
    assert seen == [f"{number:03d}" for number in range(2 * PAGE + 20)]
    assert "word-000" not in page(people.holder, parent, before="nonsense")


@pytest.mark.parametrize("where", ["parent", "reply", "note", "reason", "profile"])
def test_nothing_that_anybody_typed_can_become_markup(office: Office, people: People, where: str) -> None:
    parent = office.parent(NASTY, reasons=[{"level": "urgent", "by": f"rule:{NASTY}", "words": NASTY, "kind": NASTY}])
    claim(people.holder, parent)
    if where == "reply":
        people.holder.reply(parent.case_id, NASTY)
    elif where == "note":
        people.holder.post(f"/staff/cases/{parent.case_id}/note", text=NASTY, form=FORM)
    elif where == "profile":
        office.change(Person, parent.person_id, district="<b>x</b>", role="<i>dad</i>", nation="<u>w</u>")
    shown = page(people.holder, parent)
    again = people.colleague.reply(parent.case_id, NASTY).text
    for html in (shown, again):
        assert html.count("<script") == 1 and "<img" not in html and "<b>x" not in html and "<i>dad" not in html
        assert "onerror=alert" not in re.sub(r">[^<]*<", "><", html)
        assert escape("<script>alert(1)</script>", quote=False) in html and "{{ 7*7 }}" in html


def test_links_in_a_parents_words_are_https_only(office: Office, people: People) -> None:
    parent = office.parent("see https://example.org/a?b=1 or javascript:alert(1)")
    shown = page(people.holder, parent)
    assert '<a href="https://example.org/a?b=1" rel="noopener noreferrer">' in shown
    assert "javascript:" not in re.findall(r'href="([^"]*)"', shown)


# Looking is recorded


def test_every_look_at_a_case_is_recorded_before_it_is_shown(office: Office, people: People) -> None:
    parent = office.parent()
    subject = f"case:{parent.case_id}"
    for _ in range(2):
        page(people.colleague, parent)
    people.colleague.post(f"/staff/cases/{parent.case_id}/look", text="typed")
    people.colleague.reply(parent.case_id, "not mine to answer")
    assert office.audit(people.colleague.staff_id) == [("case.view", subject)] * 4
    people.stranger.get(f"/staff/cases/{parent.case_id}")
    assert office.audit(people.stranger.staff_id) == []


def test_a_case_that_cannot_be_audited_is_not_shown(office: Office, people: People) -> None:
    parent = office.parent("not without a trace")
    with office.services.database.engine.connect() as connection:
        connection.exec_driver_sql("CREATE TRIGGER no_audit BEFORE INSERT ON staff_audit BEGIN SELECT RAISE(ABORT, 'full'); END")
        connection.commit()
    response = people.holder.get(f"/staff/cases/{parent.case_id}")
    assert response.status_code == 503 and "not without a trace" not in response.text


def test_staff_see_their_own_actions_and_nobody_elses(office: Office, people: People) -> None:
    parent = office.parent("secret words")
    claim(people.holder, parent)
    page(people.holder, parent)
    mine, bens = people.holder.get("/staff/audit").text, people.colleague.get("/staff/audit").text
    assert f"Looked at Case {parent.case_id}" in text_of(mine) and f"Claimed Case {parent.case_id}" in text_of(mine)
    assert f"/staff/cases/{parent.case_id}" not in bens
    assert "secret words" not in mine and parent.pseudonym not in mine


# Claim


def test_claiming_is_exclusive_and_the_second_is_told_who_holds_it(office: Office, people: People) -> None:
    parent = office.parent()
    stale = people.colleague
    assert "Claim this case" in page(stale, parent)
    response = people.holder.post(f"/staff/cases/{parent.case_id}/claim")
    assert (response.status_code, response.headers["location"]) == (303, f"/staff/cases/{parent.case_id}?done=claimed")
    refused = stale.post(f"/staff/cases/{parent.case_id}/claim")
    assert refused.status_code == 409 and "Ada has this case" in text_of(refused.text)
    assert office.case(parent).staff_id == people.holder.staff_id


def test_a_second_person_sees_who_holds_it_and_has_nothing_to_reply_with(office: Office, people: People) -> None:
    parent = office.parent()
    claim(people.holder, parent)
    mine, theirs = page(people.holder, parent), page(people.colleague, parent)
    assert "You have this case" in mine and f'action="/staff/cases/{parent.case_id}/reply"' in mine
    assert "Ada, Health visitor, has this case. Only they can reply." in text_of(theirs)
    for form in ("reply", "close", "release", "claim"):
        assert f"/staff/cases/{parent.case_id}/{form}" not in theirs


# Reply


def test_a_reply_is_sent_once_even_if_posted_twice(office: Office, people: People) -> None:
    parent = office.parent(channel="telegram")
    claim(people.holder, parent)
    form = re.search(r'name="form" value="([\w-]+)"', page(people.holder, parent))
    assert form
    for _ in range(2):
        response = people.holder.reply(parent.case_id, "  Hello, I am here.  ", form[1])
        assert (response.status_code, response.headers["location"]) == (303, f"/staff/cases/{parent.case_id}?done=replied")
    assert replies(office, parent) == ["Hello, I am here."]
    assert office.outbox(parent)[-1].channel == "telegram"


@pytest.mark.parametrize(("text", "words"), [("   ", "Write something first"), ("long " * 700, "3,000 characters or fewer")])
def test_a_refused_reply_says_why_and_keeps_what_was_typed(office: Office, people: People, text: str, words: str) -> None:
    parent = office.parent()
    claim(people.holder, parent)
    response = people.holder.reply(parent.case_id, text)
    assert response.status_code == 422 and not replies(office, parent)
    assert words in text_of(response.text) and "<title>Error:" in response.text
    box = re.search(r'<textarea id="reply"([^>]*)>\n(.*?)</textarea>', response.text, re.S)
    assert box and box[2] == text and 'aria-invalid="true"' in box[1] and "reply-error" in box[1]
    assert '<a href="#reply">' in response.text


def test_nobody_replies_by_accident_to_a_case_they_do_not_hold(office: Office, people: People) -> None:
    parent = office.parent()
    unclaimed = people.colleague.reply(parent.case_id, "too soon, my words")
    claim(people.holder, parent)
    held = people.colleague.reply(parent.case_id, "not mine, my words")
    people.holder.post(f"/staff/cases/{parent.case_id}/close", outcome="answered")
    closed = people.colleague.reply(parent.case_id, "too late, my words")
    for response, why in ((unclaimed, "Claim it first"), (held, "Ada has this case"), (closed, "This case is closed")):
        assert response.status_code == 409 and why in text_of(response.text) and "my words" in response.text
    assert not replies(office, parent)


def test_looking_for_new_messages_keeps_what_was_typed(office: Office, people: People) -> None:
    parent = office.parent()
    claim(people.holder, parent)
    office.writes(parent, "are you there?")
    response = people.holder.post(f"/staff/cases/{parent.case_id}/look", text="I was just")
    assert response.status_code == 200 and "are you there?" in response.text
    assert re.search(r'<textarea id="reply"[^>]*>\nI was just</textarea>', response.text)
    assert not replies(office, parent)


def test_a_parent_writing_while_the_practitioner_types_loses_nothing(office: Office, people: People) -> None:
    parent = office.parent("one")
    claim(people.holder, parent)
    page(people.holder, parent)
    office.writes(parent, "two")
    people.holder.reply(parent.case_id, "three")
    office.writes(parent, "four")
    talk = page(people.holder, parent).split('id="talk"')[1].split("</ol>")[0]
    assert re.findall(r"<p>(one|two|three|four)</p>", talk) == ["one", "two", "three", "four"]


def test_staff_are_told_that_nothing_is_translated(office: Office, people: People) -> None:
    parent, english = office.parent(language="ur"), office.parent()
    claim(people.holder, parent)
    claim(people.holder, english)
    assert "This parent uses Wren in Urdu" in text_of(page(people.holder, parent))
    assert "Nothing is translated" not in text_of(page(people.holder, english))


# Note, release, close


def test_a_note_is_in_the_history_once_and_the_parent_gets_nothing(office: Office, people: People) -> None:
    parent = office.parent()
    for _ in range(2):
        response = people.colleague.post(f"/staff/cases/{parent.case_id}/note", text="Rang the GP", form=FORM)
        assert response.headers["location"].endswith("?done=noted")
    assert page(people.holder, parent).count("Rang the GP") == 1 and not office.outbox(parent)
    refused = people.colleague.post(f"/staff/cases/{parent.case_id}/note", text="x" * 3001, form=FORM)
    assert refused.status_code == 422 and "x" * 3001 in refused.text and 'href="#note"' in refused.text


def test_a_released_case_is_back_in_the_queue(office: Office, people: People) -> None:
    parent = office.parent()
    claim(people.holder, parent)
    response = people.holder.post(f"/staff/cases/{parent.case_id}/release")
    assert response.headers["location"] == "/staff?done=released"
    assert parent.pseudonym in people.colleague.get(response.headers["location"]).text
    assert people.holder.post(f"/staff/cases/{parent.case_id}/release").status_code == 409


def test_closing_needs_an_outcome_and_then_tells_the_parent(office: Office, people: People) -> None:
    parent = office.parent()
    claim(people.holder, parent)
    people.holder.reply(parent.case_id, "Hello")
    for outcome in ("", "won"):
        refused = people.holder.post(f"/staff/cases/{parent.case_id}/close", outcome=outcome)
        assert refused.status_code == 422 and 'href="#outcome-answered"' in refused.text
    for _ in range(2):
        response = people.holder.post(f"/staff/cases/{parent.case_id}/close", outcome="referred")
        assert response.headers["location"] == "/staff?done=closed"
    assert [row.ref for row in office.outbox(parent)][-1] == "safety:person-left"
    assert [row.ref for row in office.outbox(parent)].count("safety:person-left") == 1
    assert "Closed by Ada" in text_of(page(people.colleague, parent)) and "Referred on" in page(people.colleague, parent)


def test_the_history_names_what_happened_and_who_did_it(office: Office, people: People) -> None:
    parent = office.parent()
    claim(people.holder, parent)
    people.holder.reply(parent.case_id, "Hello")
    people.holder.post(f"/staff/cases/{parent.case_id}/release")
    said = text_of(page(people.colleague, parent)).split("History")[-1]
    found = [said.index(words) for words in ("Opened", "Claimed by Ada", "Replied by Ada", "Put back in the queue by Ada")]
    assert found == sorted(found)


# The edges


@pytest.mark.parametrize("number", ["0", "999999", str(2**63), "9" * 40])
def test_a_case_that_is_none_gets_a_plain_answer(people: People, number: str) -> None:
    assert people.holder.get(f"/staff/cases/{number}").status_code == 404
    assert people.holder.post(f"/staff/cases/{number}/claim").status_code == 404
    assert people.holder.get("/staff", after=number).status_code == 200


def test_addresses_of_pages_hold_our_own_numbers_only(office: Office, people: People) -> None:
    parent = office.parent()
    claim(people.holder, parent)
    links = re.findall(r'(?:href|action|data-news)="([^"]*)"', page(people.holder, parent) + people.holder.get("/staff").text)
    assert all(re.fullmatch(r"[/#][\w./?=&;#-]*|tel:01134960000", link) for link in links)
    assert not any(parent.pseudonym in link for link in links)


def test_the_history_of_messages_is_not_repeated_in_the_events(office: Office, people: People) -> None:
    parent = office.parent()
    with office.services.database.write() as session:
        session.add(CaseEvent(case_id=parent.case_id, kind="message", inbox_id=parent.inbox_ids[0]))
    assert page(people.holder, parent).split('id="history-list"')[1].count("<li>") == 1


def test_the_audit_holds_no_personal_data(office: Office, people: People) -> None:
    parent = office.parent("xylophone")
    claim(people.holder, parent)
    people.holder.reply(parent.case_id, "xylophone")
    page(people.holder, parent)
    with office.services.database.read() as session:
        for row in session.query(StaffAudit):
            assert re.fullmatch(r"(case:\d+)?", row.subject) and re.fullmatch(r"[a-z_.]+", row.action)


def test_the_safeguarding_contact_of_the_case_s_team_is_on_its_page(office: Office, people: People) -> None:
    page = people.holder.get(f"/staff/cases/{office.parent().case_id}").text
    assert "Made-up duty team : 0113 496 0000 (Made up: Monday to Friday, 9 to 5)" in text_of(page)
    assert 'href="tel:01134960000"' in page


def test_a_case_of_an_area_without_a_team_shows_the_default_team_s_contact(office: Office) -> None:
    eve = office.browser(office.staff("Eve", area=None))
    assert "Made-up duty team" in eve.get(f"/staff/cases/{office.parent(area=ELSEWHERE).case_id}").text


def test_a_missing_safeguarding_contact_is_said(office: Office, people: People) -> None:
    teams = office.services.teams
    teams._teams["demonstration"] = replace(teams["demonstration"], safeguarding=None)
    page = people.holder.get(f"/staff/cases/{office.parent().case_id}").text
    assert "No safeguarding contact is set for this area" in page
