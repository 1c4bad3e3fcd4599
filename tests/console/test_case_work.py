"""What a practitioner does with a case, on its page: hand it over, and see who knows the parent."""

from __future__ import annotations

import re
from datetime import timedelta

from bot.messages import Kind
from bot.storage.tables import Consent, Inbox, Person, PersonAddress, now
from tests.console.conftest import People
from tests.console.support import Office, text_of
from tests.console.test_case import FORM, claim, page

# Handing over


def test_a_case_is_handed_over_on_its_page_and_the_history_says_from_whom_to_whom(office: Office, people: People) -> None:
    parent = office.parent()
    claim(people.holder, parent)
    shown = page(people.holder, parent)
    assert re.findall(r'<option value="(\d+)">', shown.split('id="colleague"')[1].split("</select>")[0]) == [
        str(people.colleague.staff_id)
    ]
    response = people.holder.post(
        f"/staff/cases/{parent.case_id}/hand-over", colleague=str(people.colleague.staff_id), text="Speaks <b>softly</b>"
    )
    assert response.headers["location"] == f"/staff/cases/{parent.case_id}?done=handed_over"
    after = page(people.holder, parent, done="handed_over")
    assert "Your colleague has the case now" in text_of(after) and "Ben, Family worker, has this case" in text_of(after)
    history = text_of(page(people.colleague, parent)).split("History")[-1]
    assert "Handed over by Ada to Ben Speaks <b>softly</b>" in history


def test_a_hand_over_to_nobody_says_what_is_wrong_and_keeps_the_note(office: Office, people: People) -> None:
    parent = office.parent()
    claim(people.holder, parent)
    for colleague in ("", "x", str(people.stranger.staff_id), "9" * 40):
        refused = people.holder.post(f"/staff/cases/{parent.case_id}/hand-over", colleague=colleague, text="my note")
        assert refused.status_code == 422 and "Choose a colleague" in text_of(refused.text)
        assert 'href="#colleague"' in refused.text and ">\nmy note</textarea>" in refused.text
    assert office.case(parent).staff_id == people.holder.staff_id


def test_a_case_goes_back_to_the_queue_with_its_note_in_the_history(office: Office, people: People) -> None:
    parent = office.parent()
    claim(people.holder, parent)
    assert people.holder.post(f"/staff/cases/{parent.case_id}/release", text="x" * 3001).status_code == 422
    people.holder.post(f"/staff/cases/{parent.case_id}/release", text="Off sick")
    assert "Put back in the queue by Ada Off sick" in text_of(page(people.colleague, parent))


def test_the_queue_and_the_case_say_who_knows_a_parent_who_comes_back(office: Office, people: People) -> None:
    parent = office.parent()
    claim(people.holder, parent)
    people.holder.post(f"/staff/cases/{parent.case_id}/close", outcome="answered")
    again = office.returns(parent)
    mine, bens = people.holder.get("/staff").text, people.colleague.get("/staff").text
    assert f'<li><a href="/staff/cases/{again.case_id}">' in mine.split('id="known"')[1].split("</section>")[0]
    assert "Parents you know" not in bens and "Knows this parent Ada" in text_of(bens)
    assert "You know this parent" in text_of(page(people.holder, again))
    assert "Ada knows this parent" in text_of(page(people.colleague, again))
    claim(people.colleague, again)
    assert "knows this parent" not in text_of(page(people.holder, again))


# Ready replies


def test_a_ready_reply_is_shown_in_both_languages_before_it_is_sent_as_it_is(office: Office, people: People) -> None:
    parent = office.parent(language="ur")
    claim(people.holder, parent)
    assert "Send it as it is" not in page(people.holder, parent)
    shown = people.holder.post(f"/staff/cases/{parent.case_id}/look", ready="still-here", text="").text
    both = shown.split('id="ready-shown"')[1].split("</form>")[0]
    assert re.search(r'lang="ur" dir="rtl"><p>[^<]*اب بھی', both) and "I am still here." in both
    assert "No native speaker has checked" in both and '<option value="still-here" selected' in shown
    sent = people.holder.post(f"/staff/cases/{parent.case_id}/ready", shown="still-here", form=FORM)
    assert sent.headers["location"] == f"/staff/cases/{parent.case_id}?done=replied"
    assert office.outbox(parent)[-1].ref == "reply:still-here"
    assert "Ada, Health visitor" in page(people.holder, parent) and ">Ready reply</span>" in page(people.holder, parent)


def test_in_english_a_ready_reply_is_shown_once(office: Office, people: People) -> None:
    parent = office.parent()
    claim(people.holder, parent)
    shown = people.holder.post(f"/staff/cases/{parent.case_id}/look", ready="still-here", text="").text
    assert shown.count("I am still here. Take") == 1 and "No native speaker" not in shown


def test_a_ready_reply_can_be_put_into_the_box_behind_what_was_typed_and_changed(office: Office, people: People) -> None:
    parent = office.parent(language="ur")
    claim(people.holder, parent)
    shown = people.holder.post(
        f"/staff/cases/{parent.case_id}/look", ready="hello", shown="still-here", into="1", text="شکریہ"
    ).text
    box = re.search(r'<textarea id="reply"[^>]*>\n(.*?)</textarea>', shown, re.S)
    assert box and box[1].startswith("شکریہ\n\nیہاں آپ کے ساتھ") and not office.outbox(parent)[1:]


def test_sending_a_ready_reply_keeps_what_was_typed_beside_it(office: Office, people: People) -> None:
    parent = office.parent()
    claim(people.holder, parent)
    answer = people.holder.post(f"/staff/cases/{parent.case_id}/ready", shown="still-here", text="not yet", form=FORM)
    assert answer.status_code == 200 and ">\nnot yet</textarea>" in answer.text
    assert [row.ref for row in office.outbox(parent)] == ["safety:person-joined", "reply:still-here"]


def test_a_ready_reply_that_is_none_is_refused_in_words(office: Office, people: People) -> None:
    parent = office.parent()
    claim(people.holder, parent)
    refused = people.holder.post(f"/staff/cases/{parent.case_id}/ready", shown="nonsense", form=FORM, text="kept")
    assert refused.status_code == 422 and "Choose a ready reply first" in refused.text and ">\nkept</textarea>" in refused.text
    held = people.colleague.post(f"/staff/cases/{parent.case_id}/ready", shown="still-here", form=FORM)
    assert held.status_code == 409 and "Ada has this case" in text_of(held.text)


# Languages


def test_a_reply_in_another_language_is_asked_about_with_the_words_kept(office: Office, people: People) -> None:
    parent, words = office.parent(language="ur"), "I am here with you now, tell me more."
    claim(people.holder, parent)
    asked = people.holder.reply(parent.case_id, words)
    assert asked.status_code == 422 and "Your words look like English" in text_of(asked.text)
    assert f">\n{words}</textarea>" in asked.text and 'name="meant" value="en">Send it in English</button>' in asked.text
    assert len(office.outbox(parent)) == 1
    sent = people.holder.post(f"/staff/cases/{parent.case_id}/reply", text=words, form=FORM, meant="en")
    assert sent.status_code == 303 and people.holder.reply(parent.case_id, words).status_code == 303
    assert "Wrote in another language by Ada: English" in text_of(page(people.holder, parent)).split("History")[-1]


def test_an_interpreter_is_asked_for_and_no_longer_by_anybody_in_the_team(office: Office, people: People) -> None:
    parent = office.parent(language="ur")
    for needed, browser in (("1", people.holder), ("0", people.colleague)):
        assert f'name="needed" value="{needed}"' in page(browser, parent)
        response = browser.post(f"/staff/cases/{parent.case_id}/interpreter", needed=needed)
        assert response.headers["location"].endswith("?done=interpreter")
        shown = 'class="tag">Interpreter needed' in people.holder.get("/staff").text
        assert shown == (needed == "1")
    assert people.stranger.post(f"/staff/cases/{parent.case_id}/interpreter", needed="1").status_code == 404


# Opening again, pausing


def test_a_closed_case_is_opened_again_on_its_page_with_a_reason(office: Office, people: People) -> None:
    parent = office.parent()
    claim(people.holder, parent)
    people.holder.post(f"/staff/cases/{parent.case_id}/close", outcome="welfare-check")
    assert "Outcome: Welfare check asked for" in text_of(page(people.colleague, parent))
    refused = people.colleague.post(f"/staff/cases/{parent.case_id}/reopen", text=" ")
    assert refused.status_code == 422 and 'href="#reopen"' in refused.text
    again = people.colleague.post(f"/staff/cases/{parent.case_id}/reopen", text="She rang the hub")
    assert again.headers["location"].endswith("?done=reopened")
    history = text_of(page(people.colleague, parent)).split("History")[-1]
    assert "Closed by Ada: Welfare check asked for" in history and "Opened again by Ben She rang the hub" in history
    assert f"/staff/cases/{parent.case_id}/reopen" not in page(people.colleague, parent)


def test_wren_is_paused_and_let_answer_again_on_the_page_and_colleagues_see_it(office: Office, people: People) -> None:
    parent = office.parent()
    claim(people.holder, parent)
    assert "/pause" not in page(people.colleague, parent)
    assert people.holder.post(f"/staff/cases/{parent.case_id}/pause").headers["location"].endswith("?done=paused")
    assert "Wren is paused" in text_of(page(people.holder, parent))
    assert "Ada has paused Wren" in text_of(page(people.colleague, parent))
    assert "Wren paused" in text_of(people.colleague.get("/staff", show="all").text)
    assert people.colleague.post(f"/staff/cases/{parent.case_id}/resume").status_code == 409
    people.holder.post(f"/staff/cases/{parent.case_id}/resume")
    assert "Wren answers again by Ada" in text_of(page(people.holder, parent)).split("History")[-1]


# Marks of triage


def test_a_message_is_marked_in_its_case_and_counted_on_the_teams_page(office: Office, people: People) -> None:
    parent = office.parent()
    assert "Nobody has marked a message yet" in people.holder.get("/staff/triage").text
    shown = page(people.holder, parent)
    form = shown.split('class="mark"')[1].split("</form>")[0]
    assert 'value="urgent" selected>Right: Urgent' in form and "Too low: it should have been Emergency" in form
    message = str(parent.inbox_ids[0])
    marked = people.colleague.post(f"/staff/cases/{parent.case_id}/mark", message=message, should_be="none")
    assert marked.headers["location"].endswith("?done=marked")
    assert "Too high: it should have been None (Ben)" in text_of(page(people.holder, parent))
    table = text_of(people.holder.get("/staff/triage").text).split("English")[1]
    assert "Urgent 0 1 0 Should have been: None (1)" in table
    assert "Nobody has marked" in people.stranger.get("/staff/triage").text


def test_a_mark_that_fits_nothing_is_refused(office: Office, people: People) -> None:
    parent, other = office.parent(), office.parent()
    for fields in ({"message": "x", "should_be": "none"}, {"message": str(other.inbox_ids[0]), "should_be": "none"}, {}):
        refused = people.holder.post(f"/staff/cases/{parent.case_id}/mark", **fields)
        assert refused.status_code == 422 and "no message or level of this case" in text_of(refused.text)


def test_what_is_no_words_of_a_parent_cannot_be_marked_on_the_page(office: Office, people: People) -> None:
    parent = office.parent()
    office.writes(parent, "", kind=Kind.START)
    claim(people.holder, parent)
    assert page(people.holder, parent).count('class="mark"') == 1


# What the page says of reaching them, and their address


def test_the_page_says_whether_they_can_be_written_to_and_when_they_were_last_there(office: Office, people: People) -> None:
    chat, phone, blocked = office.parent(), office.parent(channel="whatsapp"), office.parent(channel="telegram")
    office.change(PersonAddress, chat.address_id, last_seen_at=now() - timedelta(minutes=7))
    office.change(PersonAddress, phone.address_id, last_seen_at=now() - timedelta(hours=3, minutes=30))
    office.change(PersonAddress, blocked.address_id, unreachable_at=now())
    said = {parent.case_id: text_of(page(people.holder, parent)) for parent in (chat, phone, blocked)}
    assert "Can they be written to now? Yes Last wrote or had the chat open 7 minutes ago" in said[chat.case_id]
    assert "Last wrote 3 hours ago Free words can be sent For another 20 hours" in said[phone.case_id]
    assert "No: the channel cannot reach them. A reply would not be sent." in said[blocked.case_id]
    office.change(PersonAddress, phone.address_id, last_seen_at=now() - timedelta(hours=30))
    assert "A reply is kept until they write again" in text_of(page(people.holder, phone))
    claim(people.holder, blocked)
    assert text_of(page(people.holder, blocked)).count("A reply would not be sent") == 2


def test_level_topic_and_reasons_are_in_english_whatever_the_language(office: Office, people: People) -> None:
    reasons = [{"level": "urgent", "by": "rule:ur-fit", "words": "دورہ", "kind": "medical"}]
    parent = office.parent("دورہ", language="ur", reasons=reasons)
    office.change(Inbox, parent.inbox_ids[0], topic="baby/crying")
    said = text_of(page(people.holder, parent))
    assert "Urgent" in said and "A phrase rule in Urdu (fit) (a medical danger): دورہ" in said
    assert "Topic Crying (baby)" in said


def test_the_page_says_what_they_agreed_to_and_whether_they_stopped(office: Office, people: People) -> None:
    parent = office.parent()
    assert "Messages they did not ask for Not stopped" in text_of(page(people.holder, parent))
    with office.services.database.write() as session:
        for category, given in (("contact", False), ("contact", True), ("unasked", False)):
            session.add(Consent(person_id=parent.person_id, category=category, given=given, method="webchat"))
            session.flush()
    office.change(Person, parent.person_id, stopped_at=now())
    said = text_of(page(people.holder, parent))
    assert "Stopped: they wrote STOP" in said and "Agreed to being contacted by a person Yes" in said
    assert "Agreed to messages they did not ask for No" in said


def test_an_address_is_on_the_page_that_answers_a_reason_and_on_no_other(office: Office, people: People) -> None:
    parent, chat = office.parent(channel="telegram"), office.parent()
    with office.services.database.read() as session:
        address = office.services.keyring.open(session.get_one(PersonAddress, parent.address_id).sealed)
    assert "Show their number" in page(people.holder, parent) and "Show their number" not in page(people.holder, chat)
    refused = people.holder.post(f"/staff/cases/{parent.case_id}/address", text=" ")
    assert refused.status_code == 422 and 'href="#address"' in refused.text and address not in refused.text
    shown = people.holder.post(f"/staff/cases/{parent.case_id}/address", text="Welfare check")
    assert shown.status_code == 200 and f"<bdi>{address}</bdi>" in shown.text
    assert shown.headers["cache-control"] == "no-store"
    after = page(people.colleague, parent)
    assert address not in after and "Looked at the number or address by Ada Welfare check" in text_of(after)
    assert people.stranger.post(f"/staff/cases/{parent.case_id}/address", text="Curious").status_code == 404
    assert "Looked at the number or address in Case" in text_of(people.holder.get("/staff/audit").text)
