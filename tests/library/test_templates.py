"""Templates as data: what Meta is handed, and every mistake seen with its file and place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.conversation.render import Renderer
from bot.languages import supported
from bot.library import Library
from bot.library.check_files import Tree
from bot.library.check_templates import LONGEST_BODY, problems
from bot.library.templates import FOLDER, Templates
from bot.library.yamlfile import DataError
from bot.messages import Reply
from bot.settings import ROOT
from tests.library.small import put

ONE, CODES = f"{FOLDER}/late.yml", f"{FOLDER}/languages.yml"
WHOLE = """id: late
category: utility
action: reply_waiting
status: draft
reviewed: {date: null, role: null}
places: {team: "Our Hub"}
words:
  en: {translation: original, body: "Hello from {team}. You have an answer.", button: "Read it"}
  ur: {translation: machine-draft, source_hash: "%s", body: "یہ {team} ہے۔ جواب آ گیا ہے۔", button: "پڑھیں"}
"""


def whole() -> str:
    from bot.library.library import version_of

    return WHOLE % version_of("Hello from {team}. You have an answer.\nRead it")


def found(root: Path) -> list[str]:
    return [str(problem) for problem in problems(Tree(root))]


@pytest.fixture
def with_templates(root: Path) -> Path:
    put(root, CODES, "en: en_GB\nur: ur\n")
    put(root, ONE, whole())
    return root


def test_a_tree_without_templates_or_with_whole_ones_has_no_mistake(root: Path) -> None:
    assert found(root) == []
    put(root, CODES, "en: en_GB\nur: null\n")
    put(root, ONE, whole())
    assert found(root) == []


BROKEN = [
    (ONE, "id: late", "id: Late", "does not fit the file"),
    (ONE, "utility", "advice", "there is no category “advice”"),
    (ONE, "status: draft", "status: fine", "“fine” does not fit here"),
    (ONE, "status: draft", "status: approved", "nobody has reviewed it"),
    (ONE, "{date: null, role: null}", "null", "it must say who reviewed it"),
    (ONE, "{date: null, role: null}", "{date: 2190-01-01, role: nurse}", "not a day in the past"),
    (ONE, "action: reply_waiting\n", "action: x\ncolour: red\n", "there is no field of this name"),
    (ONE, "Hello from {team}. You", "{team}: you", "a place stands first or last"),
    (ONE, "answer.", "answer from {team}.", "Use each once"),
    (ONE, "Hello from {team}. You", "Hello. You", "the places are none"),
    (ONE, "You have an answer.", "You have an answer {.", "a brace is open or stray"),
    (ONE, "You have an answer.", "Ring 01632 960001.", "the number 01632 960001 stands in the words"),
    (ONE, "You have an answer.", "It is your fault.", "it judges or blames"),
    (ONE, "You have an answer.", "x " * 300, f"Cut them to {LONGEST_BODY}"),
    (ONE, "You have an answer.", "You have a new answer.", "words.ur.source_hash: the English has changed since"),
    (ONE, "Read it", "Read it now, please, all of it", "the button has"),
    (ONE, '"Read it"', '"{team}"', "there is a place in the button"),
    (ONE, "translation: machine-draft", "translation: finished", "“finished” is not known here"),
    (ONE, "  ur:", "  pl:", "the words in ur are missing"),
    (ONE, "  ur:", "  xx:", "not in content/languages.yml"),
    (ONE, "جواب آ", "جواب آ TO-WRITE", "still to be written"),
    (ONE, 'button: "پڑھیں"', "", "something is missing or misplaced"),
    (CODES, "ur: ur\n", "", "this language is missing"),
    (CODES, "ur: ur", "ur: urdu-Pakistan", "is no code of Meta's"),
    (CODES, "ur: ur", "ur: ur\nfr: fr", "not in content/languages.yml"),
]


@pytest.mark.parametrize(("file", "old", "new", "seen"), BROKEN, ids=[row[3][:45] for row in BROKEN])
def test_it_sees_each_mistake_and_says_where(with_templates: Path, file: str, old: str, new: str, seen: str) -> None:
    text = (with_templates / file).read_text(encoding="utf-8")
    assert old in text
    put(with_templates, file, text.replace(old, new, 1))
    told = found(with_templates)
    assert any(seen in line and line.startswith(FOLDER) for line in told), told


def test_a_template_that_cannot_be_read_stops_the_library(with_templates: Path) -> None:
    put(with_templates, ONE, "id: late\n")
    with pytest.raises(DataError, match=r"content/templates/late\.yml"):
        Templates.load(with_templates)


def test_what_is_shipped_has_no_mistake_and_every_language() -> None:
    assert found(ROOT) == []
    templates = Templates.load(ROOT)
    for template in templates.by_id.values():
        assert set(template.words) == {language.code for language in supported()}


def test_meta_is_handed_numbered_places_with_an_example_of_each() -> None:
    template = Templates.load(ROOT).by_id["reply_waiting"]
    for language in template.words:
        handed = template.submission(language, "xx")
        body, buttons = handed["components"]
        assert re.findall(r"\{\{\d\}\}", body["text"]) == ["{{1}}"] and "{team}" not in body["text"]
        assert body["example"] == {"body_text": [["Sunny Lane Family Hub"]]}
        assert buttons["buttons"][0]["type"] == "QUICK_REPLY"
        assert re.fullmatch(r"reply_waiting_[0-9a-f]{8}", handed["name"])


def test_changed_words_are_another_template_at_meta(with_templates: Path) -> None:
    before = Templates.load(with_templates).by_id["late"]
    put(with_templates, ONE, whole().replace("You have an answer.", "You have got an answer."))
    after = Templates.load(with_templates).by_id["late"]
    assert before.name("en") != after.name("en") and before.name("ur") == after.name("ur")


def test_a_template_is_rendered_in_its_very_words_with_a_token_behind_its_button(library: Library) -> None:
    done = Renderer(library).render(Reply(ref="template:reply_waiting", args={"team": "Our Hub"}), "pl", None)
    template = library.templates.by_id["reply_waiting"]
    assert done.outbound.text == template.text("pl", {"team": "Our Hub"})
    assert (done.outbound.template, done.outbound.template_language) == (template.name("pl"), "pl")
    assert done.outbound.template_values == ("Our Hub",)
    ((token, spec, title),) = done.tokens
    assert (spec.action, title) == ("reply_waiting", template.words["pl"].button)
    assert done.outbound.buttons[0].token == token


def test_in_welsh_there_is_no_code_so_that_it_is_never_sent_as_another_language(library: Library) -> None:
    done = Renderer(library).render(Reply(ref="template:reply_waiting", args={"team": "Our Hub"}), "cy", None)
    assert done.outbound.template_language == ""
