"""Whole stories, from a parent's first word to the practitioner's reply, on the real parts. Written to be read by a Family Hub manager."""

from __future__ import annotations

import pytest

from tests.journeys.conftest import Stage

pytestmark = [pytest.mark.rasa, pytest.mark.timeout(900)]


def test_a_tired_parent_is_answered_first_and_told_who_wren_is_in_one_line(wren: Stage) -> None:
    parent = wren.parent()
    parent.says("my baby cries every evening how do i soothe her")
    assert parent.content[0].startswith("baby/crying/")
    assert "Talk to a person" in parent.sees
    assert "Menu" in parent.sees
    assert parent.content[-1] == "text:notice.first"
    parent.says("how can i get her to nap in the day")
    assert "text:notice.first" not in parent.content


def test_a_parent_finds_a_group_near_them(wren: Stage) -> None:
    parent = wren.parent()
    parent.says("anything on for babies near ZZ1?")
    while "text:form.age" in parent.content or "text:form.mode" in parent.content or "text:form.need" in parent.content:
        parent.presses("Any of these")
    assert parent.content[0] is None, "a directory record is no content of Wren's"
    assert "(example)" in parent.reads.lower()
    assert "Last checked" in parent.reads or "not checked" in parent.reads.lower()
    assert "made up" in parent.reads
    first = parent.reads
    parent.presses("Show more")
    assert parent.reads != first


def test_a_question_inside_the_form_is_answered_and_the_form_goes_on(wren: Stage) -> None:
    parent = wren.parent()
    parent.says("menu")
    parent.presses("Find help near me")
    assert "text:form.need" in parent.content
    parent.presses("Baby, toddler groups")
    assert "text:form.place" in parent.content
    parent.says("my baby cries every evening how do i soothe her")
    assert any(str(content).startswith("baby/crying/") for content in parent.content)
    assert "text:form.place" in parent.content
    parent.says("ZZ1")
    assert "text:form.age" in parent.content


def test_someone_in_danger_gets_the_number_first_and_a_practitioner_answers_in_the_same_chat(wren: Stage) -> None:
    parent = wren.parent()
    result = parent.says("i have taken all my tablets and i want to die")
    assert result["level"] == "emergency"
    assert parent.reads.lstrip().startswith("999")
    assert result["case"]
    assert "Menu" not in parent.sees
    parent.says("are you there")
    assert parent.content == ["safety/waiting"]
    parent.is_answered_by_a_practitioner("I am Sam, a practitioner. I am here with you now.")
    assert "I am Sam" in parent.reads
    assert parent.says("thank you")["replies"] == [], "the bot is quiet while a practitioner talks"
    parent.says("help now")
    assert "999" in parent.reads, "the numbers work whoever is talking"


def test_that_is_not_what_i_meant_is_believed_but_the_case_stays(wren: Stage) -> None:
    parent = wren.parent()
    result = parent.says("i keep thinking they would all be better off without me")
    assert result["level"] in ("urgent", "emergency")
    case = result["case"]
    result = parent.presses("Not what I meant")
    assert result["case"] == case
    parent.says("my baby cries every evening how do i soothe her")
    assert any(str(content).startswith("baby/crying/") for content in parent.content), "the bot helps again"


def test_a_grandmother_who_reads_only_urdu_is_answered_in_urdu(wren: Stage) -> None:
    parent = wren.parent("ur")
    result = parent.says("بچہ ہر شام بہت روتا ہے چپ نہیں ہوتا")
    assert {reply["lang"] for reply in result["replies"]} == {"ur"}
    parent.says("مینو")
    assert {reply["lang"] for reply in parent.last["replies"]} == {"ur"}


def test_welsh_is_never_answered_with_english_alone(wren: Stage) -> None:
    parent = wren.parent("cy")
    for said in ("mae'r babi'n crio bob nos", "dewislen", "help nawr", "beth wyt ti'n wybod amdana i"):
        result = parent.says(said)
        assert {reply["lang"] for reply in result["replies"]} == {"cy"}, said


def test_forget_me_forgets(wren: Stage) -> None:
    parent = wren.parent()
    parent.says("my baby cries every evening how do i soothe her")
    parent.says("forget me")
    parent.presses("Yes, forget me")
    assert parent.content == ["text:forget.done"]
    parent.says("my baby cries every evening how do i soothe her")
    assert "text:notice.first" in parent.content, "someone who writes again is new"


def test_stop_stops_and_writing_again_is_answered(wren: Stage) -> None:
    parent = wren.parent()
    parent.says("stop")
    assert parent.content == ["text:stop.done"]
    parent.says("how can i get him to nap in the day")
    assert parent.content[0].startswith("baby/sleep/")


def test_where_does_this_come_from_always_answers(wren: Stage) -> None:
    parent = wren.parent()
    parent.says("where does this come from")
    assert parent.content[0] == "text:source.none"
    parent.says("my baby cries every evening how do i soothe her")
    parent.says("where does this come from")
    assert parent.content[0].startswith("text:source.")
    assert "rests on" in parent.reads


def test_a_photo_a_voice_note_and_an_emoji_are_answered(wren: Stage) -> None:
    parent = wren.parent()
    for media in ("photo", "voice", "sticker"):
        parent.sends_a(media)
        assert parent.content[0] == "safety/cannot-hear"
        assert "999" in parent.reads
    assert parent.says("🦄🦄🦄")["replies"]


def test_rasa_and_its_log_keep_no_word_of_a_parent(wren: Stage) -> None:
    parent = wren.parent()
    parent.says("quokkaflamingo my baby cries every evening how do i soothe her")
    parent.says("/restart quokkaflamingo")
    assert parent.last["replies"]
    for log in wren.settings.var_dir.rglob("*.log"):
        assert "quokkaflamingo" not in log.read_text(encoding="utf-8", errors="replace"), log.name
