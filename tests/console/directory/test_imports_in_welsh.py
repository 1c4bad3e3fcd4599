"""What an import says, in the language of whoever reads it: the report, a file that cannot be read, questions and the history."""

from __future__ import annotations

import json
import re

import pytest
from babel.messages.pofile import read_po
from sqlalchemy import select

from bot.settings import ROOT
from services_directory.imports.notes import sentences
from services_directory.imports.tables import MergeQuestion, TermQuestion, WaitingImport
from tests.console.directory.test_imports import PAGE, bring, finished
from tests.console.support import Browser, Office, text_of
from tests.console.test_language import choose
from tests.services_directory.imports.test_import import one

MISTAKES = """Id,Name,Organisation,Phone,Postcode,Last checked,Youngest age in months
a,Songs,Larkmoor Council,ask inside,nowhere,31/02/2026,young
b,,Larkmoor Council,,,,
"""


@pytest.fixture
def edie(office: Office) -> Browser:
    """Give an editor whose console is in Welsh."""
    browser = office.browser(office.staff("Edie", roles=("editor",)))
    choose(browser.client, "cy", browser.csrf)
    return browser


def words_of(language: str) -> dict[str, str]:
    """What the console says for the keys of imports, as its catalog has it."""
    with (ROOT / "locales" / language / "LC_MESSAGES" / "console.po").open("rb") as file:
        found = {str(message.id): str(message.string) for message in read_po(file)}
    begins = "console.import_said."
    return {key.removeprefix(begins): words for key, words in found.items() if key.startswith(begins)}


def test_the_console_says_in_english_what_the_command_line_says() -> None:
    english = {key: " ".join(filter(None, (parts["what"], parts.get("mend", "")))) for key, parts in sentences().items()}
    assert words_of("en") == english


def test_every_sentence_has_a_welsh_draft_with_the_same_values() -> None:
    english, welsh = words_of("en"), words_of("cy")
    assert welsh.keys() == english.keys() and all(welsh.values())
    for key, words in english.items():
        assert sorted(re.findall(r"{\w+}", words)) == sorted(re.findall(r"{\w+}", welsh[key])), key


def test_a_report_of_mistakes_is_in_welsh_and_names_the_row_the_field_and_how_to_mend_it(edie: Browser) -> None:
    page = edie.get(bring(edie, MISTAKES.encode()).headers["location"]).text
    main = page.partition("<main")[2]
    said = text_of(page)
    for words in (
        "services.csv, llinell 2",
        "ffonau: Wedi'i adael allan: nid oes rhif ffôn yn “ask inside”. Ysgrifennwch ef gyda'i 0, fel 01632 960123.",
        "cod post: Wedi'i adael allan: nid yw “nowhere” yn god post cyfan yn y DU.",
        "gwiriwyd ddiwethaf: Wedi'i adael allan: nid yw “31/02/2026” yn ddyddiad.",
        "oed ieuengaf mewn misoedd: Wedi'i adael allan: nid oed mewn misoedd yw “young”.",
        "enw: Nid oes ganddo enw. Rhowch iddo'r enw y mae teuluoedd yn ei adnabod wrtho.",
    ):
        assert words in said
    assert 'lang="en"' not in main and "Left out" not in said


def test_a_file_that_cannot_be_read_is_refused_in_welsh(edie: Browser) -> None:
    answer = bring(edie, b"Nom,Prix\na,b\n")
    assert answer.status_code == 422
    assert "services.csv: Nid oes colofn Name; Organisation yn y rhes gyntaf." in text_of(answer.text)


def test_questions_and_the_history_are_in_welsh(office: Office, edie: Browser) -> None:
    for source, name in (("first", "Breastfeeding café (example)"), ("second", "Breastfeeding café (example)")):
        path = bring(edie, json.dumps([one(name=name)]).encode(), name="feed.json", source=source).headers["location"]
        edie.post(f"{path}/apply")
        finished(edie, path, working="Yn cael ei fewnforio nawr")
    asked = text_of(edie.get(f"{PAGE}/questions").text)
    assert "yr un enw a'r un cod post" in asked and "yn ei enw" in asked
    with office.services.database.read() as session:
        kept = [*session.scalars(select(TermQuestion.why)), *session.scalars(select(MergeQuestion.why))]
    assert kept and all(set(json.loads(why)) == {"said", "values", "english"} for why in kept)


def test_a_report_from_before_there_were_keys_still_shows_in_english_and_is_marked_so(office: Office, edie: Browser) -> None:
    path = bring(edie, MISTAKES.encode()).headers["location"]
    with office.services.database.write() as session:
        row = session.scalars(select(WaitingImport)).one()
        report = json.loads(row.report)
        report["rows"][0] |= {
            "where": "services.csv, line 2",
            "notes": [
                {"field": "phones", "what": "Left out: “ask inside” holds no phone number.", "mend": "Write it with its 0."}
            ],
            "changes": [{"field": "web address", "old": "nothing", "new": "https://x.example"}],
        }
        report["alike"] = [{"name": "A", "other": "B", "source": "our own", "why": "the same name and postcode ZZ1 1AB"}]
        row.report = json.dumps(report)
    page = edie.get(path).text
    assert '<span lang="en">Left out: “ask inside” holds no phone number. Write it with its 0.</span>' in page
    assert '<span lang="en">the same name and postcode ZZ1 1AB</span>' in page
    assert "web address: nothing → https://x.example" in text_of(page)
