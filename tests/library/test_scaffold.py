"""New topics and languages: files are laid out whole and marked, nothing is overwritten, nonsense is refused."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from bot.conversation.decide import label_of
from bot.languages.catalogue import Catalogue
from bot.library import Library
from bot.library.check import problems, report
from bot.library.check_files import MARK
from bot.library.scaffold import Refused, by_hand, new_language, new_topic
from tests.library.small import put


def files(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("topic", ["child/teething", "baby/bath-time", "play"])
def test_a_new_topic_is_laid_out_in_every_language(root: Path, topic: str) -> None:
    made = {path.relative_to(root).as_posix() for path in new_topic(root, topic)}
    label = label_of(topic)
    wanted = {f"content/messages/{topic}/start-here/{name}" for name in ("message.yml", "en.md", "ur.md")}
    wanted |= {f"data/nlu/{language}/{label}.yml" for language in ("en", "ur")}
    wanted |= {f"locales/{language}/LC_MESSAGES/wren.po" for language in ("en", "ur")}
    assert made == wanted | {"content/topics.yml", "domain.yml"}
    assert f"  - {topic}\n" in (root / "content/topics.yml").read_text(encoding="utf-8")
    assert topic in Library.load(root).topics()


def test_the_only_problems_of_a_new_topic_are_what_is_still_to_be_written(root: Path) -> None:
    put_block_domain(root)
    new_topic(root, "child/teething")
    found = problems(root)
    assert found and all("still to be written" in problem.message for problem in found), [str(problem) for problem in found]
    assert {problem.file.rsplit("/", 1)[-1] for problem in found} == {
        "message.yml", "en.md", "ur.md", "wren.po", "topic_child_teething.yml",
    }  # fmt: skip


def put_block_domain(root: Path) -> None:
    """The domain as the repository writes it: one intent a line."""
    names = ("ask_topic", "stop_messages", "topic_relax", "topic_baby_crying")
    (root / "domain.yml").write_text("intents:\n" + "".join(f"  - {name}\n" for name in names), encoding="utf-8")


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("baby/crying", "is there already"),
        ("relax", "is there already"),
        ("Baby/Bath", "is no topic id"),
        ("baby/bath time", "is no topic id"),
        ("baby", "is no topic id"),
        ("dogs/walks", "is no topic id"),
        ("relax/more", "is no topic id"),
        ("baby/../../x", "is no topic id"),
        ("", "is no topic id"),
    ],
)
def test_a_topic_that_is_there_or_is_none_is_refused_and_nothing_is_written(root: Path, topic: str, said: str) -> None:
    before = files(root)
    with pytest.raises(Refused, match=said):
        new_topic(root, topic)
    assert files(root) == before


@pytest.mark.parametrize(
    "file",
    [
        "content/messages/child/teething/start-here/en.md",
        "data/nlu/ur/topic_child_teething.yml",
        "content/messages/relax/breathe-out/pl.md",
        "content/safety/pl.yml",
        "locales/pl/LC_MESSAGES/wren.po",
        "data/triage/pl/none.txt",
    ],
)
def test_what_somebody_began_is_not_overwritten_and_nothing_is_written_beside_it(root: Path, file: str) -> None:
    put(root, file, "mine")
    before = files(root)
    with pytest.raises(Refused, match="is there already"):
        new_language(root, "pl") if "pl" in file.replace(".", "/").split("/") else new_topic(root, "child/teething")
    assert files(root) == before


@pytest.mark.parametrize(
    ("code", "english", "own", "direction", "script", "forms"),
    [("pl", "Polish", "polski", "ltr", "Latin", 3), ("ar", "Arabic", "العربية", "rtl", "Arabic", 6),
     ("bn", "Bangla", "বাংলা", "ltr", "Bengali", 2)],
)  # fmt: skip
def test_a_new_language_is_laid_out_with_every_file(
    root: Path, code: str, english: str, own: str, direction: str, script: str, forms: int
) -> None:
    before = files(root)
    made = new_language(root, code)
    language = Catalogue.load(root / "content/languages.yml").languages[code]
    assert (language.english, language.name, language.direction, language.script) == (english, own, direction, script)
    assert language.status == "machine-draft"
    for folder in ("messages/baby/crying/start-here", "messages/relax/breathe-out", "safety/texts/emergency"):
        assert MARK in (root / "content" / folder / f"{code}.md").read_text(encoding="utf-8")
    catalog = (root / "locales" / code / "LC_MESSAGES/wren.po").read_text(encoding="utf-8")
    assert f"nplurals={forms};" in catalog and catalog.count("msgstr[") == forms
    assert (root / "content/safety" / f"{code}.yml") in made
    assert len(list((root / "data/triage" / code).glob("*.txt"))) == 4
    after = files(root)
    assert [path for path in before if after[path] != before[path]] == [root / "content/languages.yml"]


def test_a_language_that_is_begun_still_loads_and_shows_english_where_there_are_no_strings(root: Path) -> None:
    new_language(root, "pl")
    library = Library.load(root)
    assert library.strings.get("button.more", "pl") == "More"
    assert library.messages["baby/crying/start-here"].words["pl"].translation == "machine-draft"


def test_a_language_that_is_begun_fails_the_check_at_every_place_to_write(root: Path) -> None:
    new_language(root, "pl")
    found = {problem.file: problem.message for problem in problems(root)}
    for file in ("content/messages/relax/breathe-out/pl.md", "content/safety/pl.yml", "data/nlu/pl/topic_relax.yml"):
        assert "still to be written" in found[file]
    for file in ("content/helplines.yml", "content/needs.yml", "content/commands.yml", "content/facts.yml"):
        assert "in pl" in found[file]
        assert file in by_hand("pl")
    assert "there are no words" in found["locales/pl/LC_MESSAGES/wren.po"]
    report(root, out := io.StringIO())
    assert "pl: 0 machine drafts, 0 checked by a native speaker, 0 stale, 3 missing" in out.getvalue()


@pytest.mark.parametrize("code", ["en", "ur", "xx", "polish", "PL", "", "../x"])
def test_a_language_that_is_there_or_is_none_is_refused_and_nothing_is_written(root: Path, code: str) -> None:
    before = files(root)
    with pytest.raises(Refused):
        new_language(root, code)
    assert files(root) == before
