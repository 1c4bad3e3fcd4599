"""What a practitioner does with a case, on its page: hand it over, and see who knows the parent."""

from __future__ import annotations

import re

from tests.console.conftest import People
from tests.console.support import Office, text_of
from tests.console.test_case import claim, page

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
