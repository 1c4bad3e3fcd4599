"""Campaigns as data: every mistake is seen with its file, line and field, and said in plain words."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.languages import supported
from bot.library import Library
from bot.library.campaigns import Campaigns
from bot.library.check import problems
from bot.library.check_campaigns import words_hash
from bot.library.library import version_of
from bot.library.yamlfile import DataError
from bot.settings import ROOT
from tests.library.small import put

FILE = "content/campaigns/hats26.yml"
LANGS = tuple(language.code for language in supported())
EN = ("A small thing for today", "Free, on your phone.", "Hello, may I have a tip? ({code})")
UR = ("آج کے لیے", "مفت، فون پر۔", "سلام، مجھے بتائیں۔ ({code})")


def campaign(first: str, second: str, third: str) -> str:
    return f"""code: hats26
name: For everybody
area: null
starts: 2026-11-01
ends: 2026-12-31
languages: [en, ur]
topic: baby/crying
first_message: {first}
taste: [{first}, {second}, {third}]
status: draft
reviewed: {{date: null, role: null}}
words:
  en:
    translation: original
    title: "{EN[0]}"
    lead: "{EN[1]}"
    say: "{EN[2]}"
  ur:
    translation: machine-draft
    source_hash: "{version_of(chr(10).join(EN))}"
    title: "{UR[0]}"
    lead: "{UR[1]}"
    say: "{UR[2]}"
"""


@pytest.fixture
def tree(root: Path) -> Path:
    """The small tree with a campaign; its messages are copied until there are three to taste."""
    folder = root / "content" / "messages" / "baby" / "crying"
    source = next(folder.glob("*/message.yml")).parent
    for name in ("one-more", "and-another"):
        for path in source.iterdir():
            text = path.read_text(encoding="utf-8").replace(f"baby/crying/{source.name}", f"baby/crying/{name}")
            put(root, f"content/messages/baby/crying/{name}/{path.name}", text)
    put(root, FILE, campaign(f"baby/crying/{source.name}", "baby/crying/one-more", "baby/crying/and-another"))
    return root


BROKEN = [
    ("code: hats26", "code: hats", "line 1, code: “hats” is no code. Write 3 to 10 small letters"),
    ("code: hats26", "code: hats10", "“hats10” is no code"),
    ("code: hats26", "code: hats27", "it says “hats27” but the file is hats26.yml"),
    ("name: For everybody", 'name: ""', "line 2, name: it must be words"),
    ("area: null", "area: mars", "line 3, area: there is no area “mars”"),
    ("starts: 2026-11-01", "starts: soon", "line 4, starts: “soon” is not a day"),
    ("ends: 2026-12-31", "ends: 31.12.", "line 5, ends: “31.12.” is not a day. Write it as 2026-03-31, or null"),
    ("ends: 2026-12-31", "ends: 2025-12-31", "it ends on 2025-12-31, before it starts on 2026-11-01"),
    ("[en, ur]", "[]", "line 6, languages: it must be a list"),
    ("[en, ur]", "[en, ur, ur]", "“ur” stands here twice"),
    ("[en, ur]", "[en, ur, fr]", "the words in fr are missing"),
    ("[en, ur]", "[en]", "words.ur: `languages` does not name this language"),
    ("topic: baby/crying", "topic: baby/hats", "line 7, topic: there is no topic “baby/hats”"),
    ("topic: baby/crying", "topic: relax", "is on baby/crying. Make `topic` the same"),
    ("baby/crying/and-another]", "baby/crying/nowhere]", "line 9, taste: there is no message “baby/crying/nowhere”"),
    (", baby/crying/and-another]", "]", "it names 2 messages. Name 3 different ones"),
    ("taste: [", "tastes: [", "line 9, tastes: there is no field of this name|taste: this field is missing"),
    ("status: draft", "status: fine", "line 10, status: “fine” does not fit here"),
    ("status: draft", "status: approved", "nobody has reviewed it"),
    ("{date: null, role: null}", "yes", "it must say who reviewed it"),
    ("{date: null, role: null}", "{date: 2190-01-01, role: nurse}", "not a day in the past"),
    ("  en:", "  de:", "the English words (en) are missing"),
    ("translation: original", "translation: machine-draft", "line 14, words.en.translation: “machine-draft” is not known here"),
    ("machine-draft", "finished", "“finished” is not known here"),
    (EN[0], "x" * 61, "line 15, words.en.title: it is 61 characters long. Cut it to 60"),
    (EN[0], "Reciprocate vocalisations immediately", "the reading grade is"),
    (EN[0], "Ring 01632 960001", "the number 01632 960001 stands in the words"),
    (EN[0], "It is your fault", "it judges or blames"),
    (EN[0], "A {name}", "a brace stands in it"),
    (EN[1], "See www.example.org", "there is a link in the words"),
    (EN[1], "Free, on a phone.", "line 18, words.ur: the translation is stale"),
    (EN[2], "Hello, may I have a tip?", "line 17, words.en.say: the code must stand in it once. Write {code}"),
    (EN[2], "Hello {code} {code}", "the code must stand in it once"),
    (EN[2], "Hello ({code", "a brace is open or stray"),
    (f'say: "{EN[2]}"', "say: 7", "words.en.say: there are no words"),
    (f'    say: "{EN[2]}"', f'    say: "{EN[2]}"\n    colour: red', "words.en.colour: there is no field of this name"),
    (UR[1], "ہيں", "is not the one that ur uses"),
    (UR[1], "TO-WRITE", "still to be written"),
    ("    source_hash", "    made_from", "does not say which English it translates"),
    ("words:", "word:", "words: this field is missing"),
    ("languages: [en, ur]", "languages: [en, ur", "this is not valid YAML"),
]


def test_a_whole_campaign_has_no_mistake(tree: Path) -> None:
    assert [str(problem) for problem in problems(tree) if problem.file == FILE] == []
    assert list(Library.load(tree).campaigns.by_code) == ["hats26"]


@pytest.mark.parametrize(("old", "new", "seen"), BROKEN, ids=[row[2][:50] for row in BROKEN])
def test_it_sees_each_mistake(tree: Path, old: str, new: str, seen: str) -> None:
    text = (tree / FILE).read_text(encoding="utf-8")
    assert old in text
    put(tree, FILE, text.replace(old, new, 1))
    found = [str(problem) for problem in problems(tree)]
    for words in seen.split("|"):
        assert any(words in line and line.startswith(FILE) for line in found), found


def test_a_code_that_parents_write_by_themselves_is_refused(tree: Path) -> None:
    example = next(path for path in (tree / "data" / "nlu").rglob("*.yml") if "- " in path.read_text(encoding="utf-8"))
    put(tree, example.relative_to(tree).as_posix(), example.read_text(encoding="utf-8") + "# seen: HATS26\n")
    assert any("a parent might write “hats26”" in str(problem) for problem in problems(tree))


def test_a_message_that_is_not_in_a_campaign_s_language_is_no_taste(tree: Path) -> None:
    (tree / "content/messages/baby/crying/one-more/ur.md").unlink()
    assert any("the message “baby/crying/one-more” has no words in ur" in str(problem) for problem in problems(tree))


def test_a_broken_campaign_stops_the_start_with_every_mistake(tree: Path) -> None:
    text = (tree / FILE).read_text(encoding="utf-8")
    put(tree, FILE, text.replace("starts: 2026-11-01", "starts: soon").replace("taste: [", "taste: 7 # ["))
    with pytest.raises(DataError) as caught:
        Library.load(tree)
    assert [problem.field for problem in caught.value.problems] == ["starts", "taste"]


def test_without_the_folder_there_are_no_campaigns(root: Path) -> None:
    assert list(Campaigns.load(root)) == []


def test_the_two_that_are_shipped_are_in_all_languages_and_say_so_where_a_machine_wrote_them() -> None:
    campaigns = Campaigns.load(ROOT)
    assert set(campaigns.by_code) == {"hello26", "dads26"}
    for campaign in campaigns:
        assert set(campaign.languages) == set(LANGS)
        english = words_hash(campaign.words["en"])
        assert {words.source_hash for language, words in campaign.words.items() if language != "en"} == {english}
        assert {words.translation for language, words in campaign.words.items() if language != "en"} == {"machine-draft"}
        openings = [words.opening for words in campaign.words.values()]
        assert len(set(openings)) == len(openings)


@pytest.mark.parametrize(
    ("moment", "state"),
    [
        ((2026, 10, 31, 23, 59), "planned"),
        ((2026, 11, 1, 0, 0), "running"),
        ((2026, 12, 31, 23, 59), "running"),
        ((2027, 1, 1, 0, 0), "ended"),
    ],
)
def test_a_campaign_runs_on_its_first_and_last_day_too(tree: Path, moment: tuple[int, ...], state: str) -> None:
    campaign = Campaigns.load(tree).by_code["hats26"]
    assert campaign.state(datetime(*moment, tzinfo=UTC)) == state  # type: ignore[arg-type, misc]


def test_the_days_are_those_of_the_country_also_in_summer(tree: Path) -> None:
    text = (tree / FILE).read_text(encoding="utf-8")
    put(tree, FILE, text.replace("2026-11-01", "2026-07-01"))
    campaign = Campaigns.load(tree).by_code["hats26"]
    assert campaign.state(datetime(2026, 6, 30, 23, 30, tzinfo=UTC)) == "running"
