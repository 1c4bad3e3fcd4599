"""Translators' files in the console, and what is published as files for administrators."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest

from bot.desk import store
from tests.console.desk.test_pages import EDIT, ENGLISH, HOME, save, step
from tests.console.support import URL, Browser, Office, text_of
from tests.desk.support import BODY, CRYING, HELP
from tests.desk.test_exchange import as_po, to_crying

PAGE = f"{HOME}/translations"


@pytest.fixture
def translator(office: Office) -> Browser:
    return office.browser(office.staff("Umar", roles=("translator",)))


def bring(browser: Browser, content: bytes, name: str = "ur.po") -> Any:
    return browser.client.post(PAGE, data={"csrf": browser.csrf}, files={"file": (name, content)}, headers={"Origin": URL})


def draft_of(office: Office) -> store.TextVersion | None:
    with office.services.database.read() as session:
        return store.open_version(session, CRYING, "ur")


def test_a_file_is_taken_out_brought_back_looked_at_and_only_then_taken(office: Office, translator: Browser) -> None:
    out = translator.get(f"{PAGE}/export/ur.po")
    assert out.headers["content-disposition"] == 'attachment; filename="wren-ur.po"'
    answer = bring(translator, as_po(out.text, to_crying).encode())
    page = translator.get(answer.headers["location"]).text
    assert "Nothing has been done yet. 1 text would become a draft." in text_of(page) and draft_of(office) is None
    assert translator.post(f"{answer.headers['location']}/take").status_code == 303
    draft = draft_of(office)
    assert draft is not None and (draft.author, draft.translation) == ("Umar, Health visitor", "machine-draft")
    assert translator.get(answer.headers["location"]).status_code == 404
    assert "1 draft was made." in translator.get(HOME, show="open", lang="all", drafts="1").text


def test_a_file_may_be_thrown_away_and_is_its_bringers_alone(office: Office, translator: Browser) -> None:
    where = bring(translator, as_po(translator.get(f"{PAGE}/export/ur.po").text, to_crying).encode()).headers["location"]
    other = office.browser(office.staff("Sana", roles=("translator",)))
    assert other.get(where).status_code == 404 and other.post(f"{where}/take").status_code == 404
    assert translator.post(f"{where}/discard").status_code == 303 and translator.get(where).status_code == 404
    assert draft_of(office) is None


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "Choose a file."), (b"\xff\xfe", "not saved as UTF-8 (byte 0)"), (b"hello", "neither a .po file nor our CSV")],
)
def test_what_is_no_file_of_ours_is_refused_beside_its_box(translator: Browser, content: bytes, said: str) -> None:
    answer = bring(translator, content)
    assert answer.status_code == 422 and said in text_of(answer.text) and 'id="file-error"' in answer.text


def test_administrators_take_what_is_published_as_a_zip(office: Office) -> None:
    root = office.browser(office.staff("Root", roles=("administrator",)))
    assert "The files say what parents read." in root.get(f"{HOME}/files").text
    editor = office.browser(office.staff("Edie", roles=("editor",)))
    save(editor, EDIT, text=BODY, help_if=HELP)
    for browser, name in (
        (editor, "send"),
        (office.browser(office.staff("Lena", roles=("clinical_lead",))), "approve"),
        (editor, "publish"),
    ):
        assert step(browser, ENGLISH, name) == 303
    page = root.get(f"{HOME}/files").text
    named = re.findall(r"<code>([^<]*)</code>", page)
    with ZipFile(BytesIO(root.get(f"{HOME}/files/content.zip").content)) as archive:
        assert archive.namelist() == named
        assert BODY in archive.read(f"content/messages/{CRYING}/en.md").decode()
