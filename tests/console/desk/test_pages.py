"""The content desk's pages: from a translator's first word to a parent's screen, and what each is told on the way."""

from __future__ import annotations

import re
from html import unescape

import pytest

from tests.console.support import Browser, Office, hidden, text_of
from tests.desk.support import BODY, BODY_UR, CRYING, HELP, HELP_UR

HOME = "/staff/content"
ENGLISH, URDU = f"{HOME}/texts/en/{CRYING}", f"{HOME}/texts/ur/{CRYING}"
EDIT, EDIT_UR = f"{HOME}/edit/en/{CRYING}", f"{HOME}/edit/ur/{CRYING}"


@pytest.fixture
def editor(office: Office) -> Browser:
    return office.browser(office.staff("Edie", roles=("editor",)))


@pytest.fixture
def lead(office: Office) -> Browser:
    return office.browser(office.staff("Lena", roles=("clinical_lead",)))


@pytest.fixture
def translator(office: Office) -> Browser:
    return office.browser(office.staff("Umar", roles=("translator",)))


def save(browser: Browser, page: str, **typed: str) -> tuple[int, str]:
    """Fill in the boxes as they were found and save; returns the status and the page."""
    found = browser.get(page).text
    fields = {"seen": hidden(found, "seen")}
    if 'name="english"' in found:
        fields["english"] = hidden(found, "english")
    answer = browser.post(page, **(fields | typed))
    return answer.status_code, answer.headers.get("location", "") or answer.text


def step(browser: Browser, page: str, name: str, **fields: str) -> int:
    """Press the button of a step that the page offers."""
    found = re.search(rf'action="({HOME}/versions/\d+/{name})"', browser.get(page).text)
    assert found, f"{name} is not offered"
    return int(browser.post(found[1], **fields).status_code)


def said(office: Office, language: str = "en") -> str:
    return office.services.renderer.library.render(f"message:{CRYING}", language).text


def test_a_text_goes_from_an_editor_by_a_clinical_lead_to_parents(office: Office, editor: Browser, lead: Browser) -> None:
    status, where = save(editor, EDIT, text=BODY, help_if=HELP)
    assert (status, where) == (303, f"{ENGLISH}?done=saved")
    page = editor.get(ENGLISH).text
    assert "All checks pass" in page and "<ins>" in page and "<del>" in page
    assert step(editor, ENGLISH, "send") == 303
    assert "/approve" not in editor.get(ENGLISH).text
    assert f'href="{ENGLISH}"' in lead.get(HOME, show="waiting", lang="all").text
    assert step(lead, ENGLISH, "approve") == 303
    assert "hum a slow tune" not in said(office)
    assert step(editor, ENGLISH, "publish") == 303
    assert "hum a slow tune" in said(office)
    page = text_of(editor.get(ENGLISH, done="published").text)
    assert "Parents read it from now on" in page and "Approved by Lena" in page and "Published by Edie" in page


def test_it_is_shown_as_each_channel_shows_it(office: Office, editor: Browser) -> None:
    save(editor, EDIT, text=BODY, help_if=HELP)
    page = editor.get(ENGLISH, nation="wales").text
    parts = dict(re.findall(r'<h3 id="on-(\w+)">(.*?)</section>', page, flags=re.S))
    assert set(parts) == {"whatsapp", "telegram", "sms", "webchat"}
    assert "<strong>Try this:</strong>" in parts["telegram"] and "<strong>Try this:</strong>" in parts["whatsapp"]
    assert "*" not in parts["telegram"] and "<strong>" not in parts["sms"] and "2. " in text_of(parts["sms"])
    assert re.search(r"\d+ characters as the network counts them, in \d parts", text_of(parts["sms"]))
    assert 'href="tel:111"' in parts["webchat"]
    for part in parts.values():
        assert "hum a slow tune" in part and "Talk to a person" in part
    urdu = editor.get(URDU).text
    assert urdu.count('class="words" lang="ur" dir="rtl"') >= 4


def test_what_is_wrong_is_said_beside_its_box_and_is_kept(office: Office, editor: Browser) -> None:
    status, page = save(editor, EDIT, text="Ring 0117 496 0123 now.", help_if="{nobody} helps.")
    assert status == 422 and 'id="b-text-error"' in page and 'href="#b-text"' in page
    assert "The number 0117 496 0123 stands in the words. Use a placeholder" in unescape(page)
    assert "There is no placeholder {nobody}" in unescape(page)
    assert "Ring 0117 496 0123 now." in editor.get(EDIT).text and "/send" not in editor.get(ENGLISH).text


def test_the_second_of_two_editors_is_told_and_loses_nothing(office: Office, editor: Browser, lead: Browser) -> None:
    seen = hidden(lead.get(EDIT).text, "seen")
    save(editor, EDIT, text=BODY, help_if=HELP)
    answer = lead.post(EDIT, text=f"{BODY} Rest too.", help_if=HELP, seen=seen)
    assert answer.status_code == 409 and "Somebody else has saved this text since you began" in answer.text
    assert (
        f"{BODY} Rest too." in unescape(answer.text) and "Rest too." in re.findall(r"<ins>.*?</ins>", answer.text, flags=re.S)[-1]
    )
    again = lead.post(EDIT, text=f"{BODY} Rest too.", help_if=HELP, seen=hidden(answer.text, "seen"))
    assert again.status_code == 303 and "Rest too." in lead.get(EDIT).text


def test_a_translation_is_written_beside_its_english_with_what_changed_in_it(
    office: Office, editor: Browser, lead: Browser, translator: Browser
) -> None:
    save(editor, EDIT, text=BODY, help_if=HELP)
    for browser, name in ((editor, "send"), (lead, "approve"), (editor, "publish")):
        assert step(browser, ENGLISH, name) == 303
    assert f'href="{URDU}"' in translator.get(HOME, show="stale", lang="ur").text
    page = translator.get(EDIT_UR).text
    assert "The English has changed since this was translated" in page
    added = re.findall(r"<ins><span[^>]*>[^<]*</span>([^<]*)</ins>", page)
    assert any("slow" in words for words in added)
    assert '<textarea id="b-text" name="text" rows="12" lang="ur" dir="rtl"' in page
    assert save(translator, EDIT_UR, text=BODY_UR, help_if=HELP_UR)[0] == 303
    step(translator, URDU, "send")
    assert "You had a hand in these words" in translator.get(URDU).text
    other = office.browser(office.staff("Sana", roles=("translator",)))
    assert step(other, URDU, "approve", native="yes") == 303
    assert step(lead, URDU, "publish") == 303
    assert "لوری سنائیں" in said(office, "ur") and f'href="{URDU}"' not in translator.get(HOME, show="stale", lang="ur").text
    assert f'href="{URDU}"' not in translator.get(HOME, show="machine-draft", lang="ur", q="crying start").text


def test_a_translator_is_not_let_at_the_english(office: Office, translator: Browser) -> None:
    assert translator.get(EDIT).status_code == 403 and f'"{EDIT}"' not in translator.get(ENGLISH).text
    answer = translator.post(EDIT, text=BODY, help_if=HELP, seen="x")
    assert answer.status_code == 403 and "hum a slow tune" in answer.text  # what was typed is given back


def test_a_failing_check_blocks_publishing_and_says_why(office: Office, editor: Browser, lead: Browser) -> None:
    save(editor, EDIT_UR, text=BODY_UR, help_if=HELP_UR)
    step(editor, URDU, "send")
    step(lead, URDU, "approve")
    save(editor, EDIT, text=BODY, help_if=HELP)
    for browser, name in ((editor, "send"), (lead, "approve"), (editor, "publish")):
        step(browser, ENGLISH, name)
    assert step(editor, URDU, "publish") == 422
    found = re.search(rf'action="({HOME}/versions/\d+/publish)"', editor.get(URDU).text)
    assert found
    page = editor.post(found[1]).text
    assert "The translation is stale: the English has changed since." in page and "لوری سنائیں" not in said(office, "ur")


def test_words_are_given_back_with_a_reason_and_wait_for_their_writer(office: Office, editor: Browser, lead: Browser) -> None:
    save(editor, EDIT, text=BODY, help_if=HELP)
    step(editor, ENGLISH, "send")
    assert step(lead, ENGLISH, "give-back", text=" ") == 422
    assert step(lead, ENGLISH, "give-back", text="Shorter, please.") == 303
    assert "Shorter, please." in editor.get(ENGLISH).text
    assert f'href="{ENGLISH}"' in editor.get(HOME, show="waiting", lang="all").text
    assert f'href="{ENGLISH}"' not in lead.get(HOME, show="waiting", lang="all").text


def test_one_goes_back_and_withdraws_from_the_history(office: Office, editor: Browser, lead: Browser) -> None:
    of_file = said(office)
    for body in (BODY, "Hum a tune. She knows your voice."):
        save(editor, EDIT, text=body, help_if=HELP)
        for browser, name in ((editor, "send"), (lead, "approve"), (editor, "publish")):
            assert step(browser, ENGLISH, name) == 303
    assert "slow tune" not in said(office)
    assert step(editor, ENGLISH, "go-back") == 303
    assert "slow tune" in said(office) and "Went back to earlier words" in editor.get(ENGLISH).text
    assert "What the file said on" in editor.get(ENGLISH).text
    assert editor.post(f"{HOME}/withdraw/en/{CRYING}").status_code == 303
    assert said(office) == of_file


def test_texts_are_found_by_words_in_any_language_by_topic_and_by_what_is_to_do(office: Office, editor: Browser) -> None:
    page = editor.get(HOME, q="گنگنائیں", lang="ur").text
    assert f'href="{URDU}"' in page
    assert "/texts/en/baby/crying/" in editor.get(HOME, topic="baby/crying").text
    assert "0 texts" in editor.get(HOME, q="zzzz").text
    everything = editor.get(HOME).text
    assert "page=2" in everything and "/texts/en/safety" not in everything
    assert editor.get(f"{HOME}/texts/en/safety/emergency").status_code == 404
    assert editor.get(f"{HOME}/texts/xx/{CRYING}").status_code == 404


def test_a_clinical_lead_records_that_a_text_is_still_right(office: Office, editor: Browser, lead: Browser) -> None:
    assert "Nobody has reviewed this text yet" in lead.get(ENGLISH).text and "/reviewed/" not in editor.get(ENGLISH).text
    assert lead.post(f"{HOME}/reviewed/en/{CRYING}").status_code == 303
    assert "Last reviewed on 20" in lead.get(ENGLISH).text


def test_looking_and_acting_are_recorded(office: Office, editor: Browser) -> None:
    editor.get(ENGLISH)
    save(editor, EDIT, text=BODY, help_if=HELP)
    seen = office.audit(editor.staff_id)
    assert ("content.view", f"en:{CRYING}") in seen and ("content.save", f"en:{CRYING}") in seen


# Words of buttons and pages

FIND = "text:button.find"
TITLE, EDIT_TITLE, EDIT_TITLE_UR = f"{HOME}/texts/en/{FIND}", f"{HOME}/edit/en/{FIND}", f"{HOME}/edit/ur/{FIND}"


def test_a_button_s_title_goes_its_way_and_is_told_when_it_is_too_long(office: Office, editor: Browser, lead: Browser) -> None:
    page = editor.get(HOME, kind="strings", q="near me").text
    assert f"{HOME}/texts/en/text%3Abutton.find" in page and "In the chat" in page and CRYING not in page
    page = editor.get(EDIT_TITLE).text
    assert 'name="help_if"' not in page and "17 characters of 20" in text_of(page) and "Reading grade" not in page
    status, page = save(editor, EDIT_TITLE, text="Find some help near me")
    assert status == 422 and "The title is 22 characters long. Cut it to 20" in text_of(page)
    assert save(editor, EDIT_TITLE, text="Help close by")[0] == 303
    assert "A title: 13 characters of at most 20." in text_of(editor.get(TITLE).text)
    assert step(editor, TITLE, "send") == 303
    assert "text%3Abutton.find" in lead.get(HOME, kind="strings", show="waiting", lang="all").text
    assert step(lead, TITLE, "approve") == 303 and step(editor, TITLE, "publish") == 303
    assert office.services.renderer.library.strings.get("button.find", "en") == "Help close by"
    assert "/reviewed/" not in lead.get(TITLE).text


def test_a_string_is_translated_beside_its_english_with_what_changed(office: Office, editor: Browser, lead: Browser) -> None:
    save(editor, EDIT_TITLE, text="Help close by")
    step(editor, TITLE, "send"), step(lead, TITLE, "approve"), step(editor, TITLE, "publish")
    page = editor.get(EDIT_TITLE_UR).text
    assert "<del>" in page and "<ins>" in page and 'dir="rtl"' in page and "close" in text_of(page)
    assert "Keep what stands in braces; Wren fills it in: {value}." in text_of(
        editor.get(f"{HOME}/edit/ur/text:services.phone").text
    )


def test_the_page_says_what_is_left_to_files_and_why_and_shows_no_way_to_it(editor: Browser) -> None:
    page = text_of(editor.get(HOME, kind="strings", q="help_now").text)
    assert "What is not changed here, and why" in page and "The clinical safety lead answers for them" in page
    assert " help_now" in page and "series.agree" in page and "console." not in page.partition("What is not changed")[2]
    for path in (f"{HOME}/texts/en/text:help_now", f"{HOME}/edit/en/text:help_now", f"{HOME}/edit/en/text:console.desk.title"):
        assert editor.get(path).status_code == 404
    assert editor.post(f"{HOME}/reviewed/en/{FIND}").status_code in (403, 404)
