"""`bot content check`: every kind of mistake is seen, in plain words, with its file and line."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.library.check import problems, report
from bot.library.check_data import plausible
from bot.library.check_files import STAFF_CATALOGS
from tests.library.small import CRYING, CRYING_HELP, CRYING_HELP_UR, CRYING_UR, message, put, small_tree

EN = "content/messages/baby/crying/start-here/en.md"
UR = "content/messages/baby/crying/start-here/ur.md"
YML = "content/messages/baby/crying/start-here/message.yml"
PO = "locales/ur/LC_MESSAGES/wren.po"
PO_EN = "locales/en/LC_MESSAGES/wren.po"
NLU = "data/nlu/en/topic_relax.yml"
SAFETY = "content/safety/texts/emergency"
HELP = "content/helplines.yml"

# file, what stands there, what is put in its place, words of the problem that must be seen
BROKEN = [
    # message.yml
    (YML, "status: draft\n", "", "status: this field is missing"),
    (YML, "cost: none", "colour: red\ncost: none", "no field of this name"),
    (YML, "topic: baby/crying", "topic: baby/singing", "there is no topic “baby/singing”"),
    (YML, "topic: baby/crying", "topic: relax", "the topic is relax but the folder is baby/crying/start-here"),
    (YML, "id: baby/crying/start-here", "id: baby/crying/else", "the folder says “baby/crying/start-here”"),
    (YML, "[respond]", "[respond, wonder]", "no building block"),
    (YML, "[anyone]", "[aunties]", "unknown audience"),
    (YML, "[anyone]", "[]", "nobody is named"),
    (YML, "blocks: [respond]", "blocks: null", "“None” does not fit here"),
    (YML, "{from: -9, to: 60}", "{from: 60, to: 0}", "upside down"),
    (YML, "tags: []", "tags: [rich]", "“rich” is not known"),
    (YML, "tags: []", "tags: [kinship, kinship]", "something is listed twice"),
    (YML, "nations: []", "nations: [france]", "“france” is not known"),
    (YML, "cost: none", "cost: high", "“high” does not fit here. Write none or low"),
    (YML, "space: any", "space: garden", "any or outdoors"),
    (YML, "year: 2021", "year: 2201", "the year 2201 cannot be right"),
    (YML, 'name: "NICE guideline NG194"', 'name: ""', "a source has no name"),
    (YML, '[{name: "NICE guideline NG194", year: 2021}]', "[]", "no source is named"),
    (YML, "reviewed: {date: null, role: null}", "reviewed: {date: 2190-01-01, role: nurse}", "not a day in the past"),
    (YML, "reviewed: {date: null, role: null}", "reviewed: {date: 2026-01-01, role: null}", "date and role belong together"),
    (YML, "status: draft", "status: approved", "nobody has reviewed it"),
    (YML, "status: draft", "status: fine", "draft, reviewed or approved"),
    (YML, "follow_ups: [relax]", "follow_ups: [sing]", "there is no topic or message “sing”"),
    (YML, "follow_ups: [relax]", "follow_ups: []", "Give 1 to 3"),
    (YML, "follow_ups: [relax]", "follow_ups: [baby/crying/start-here]", "the message follows itself"),
    (YML, "tags: []", "tags: [", "not valid YAML"),
    # English words
    (EN, "translation: original", "translation: machine-draft", "English is the original"),
    (EN, "hum a tune", "reciprocate vocalisations, prioritising interpersonal communication opportunities", "reading grade is"),
    (EN, "hum a tune", "hum " + "a tune and " * 9 + "a song and then one more", "words. Split it: 25 at most"),
    (EN, "You are doing fine", "It is about attachment", "“attachment” must not stand here: it is jargon"),
    (EN, "You are doing fine", "This does damage", "“damage” must not stand here"),
    (EN, "You are doing fine", "A good mother knows", "“good mother” must not stand here: it judges"),
    (EN, "You are doing fine", "You must stay calm", "“You must” must not stand here"),
    (EN, f'get_help_if: "{CRYING_HELP}"\n', "", "there is no `get_help_if` line"),
    (EN, "hum a tune", "hold her and hum", "“hold her”: a baby under 12 months is to be held"),
    (EN, "hum a tune", "ring 0808 800 2222", "the number 0808 800 2222 stands in the words"),
    (EN, "hum a tune", "*hum a tune", "a * without its partner"),
    (EN, "hum a tune", "hum **a tune**", "a * without its partner"),
    (EN, "hum a tune", "see [this](x)", "there is a link"),
    (EN, "You are doing fine.", "You are doing fine.\n- hum", "there is a list"),
    (EN, "You are doing fine.", "You are doing fine.\n# Hum", "there is a heading"),
    (EN, "hum a tune", "hum {song}", "there is no placeholder {song}"),
    (EN, "hum a tune", "hum {a tune", "a brace is open or stray"),
    (EN, "hum a tune", "ring someone at {when}", "there is no placeholder {when}"),
    (EN, "translation: original", "translation: original\ntone: warm", "no field of this name"),
    (EN, "---\ntranslation", "translation", "must begin with front matter"),
    (EN, "hum a tune", "TO-WRITE", "something is still to be written here"),
    (EN, "hum a tune", "sing " + "la la la. " * 60, "characters long. Cut them to 600"),
    # translations
    (UR, "machine-draft", "checked", "“checked” is not known. Write machine-draft or native-reviewed"),
    (UR, 'source_hash: "', 'source_hash: "0', "the translation is stale"),
    (UR, "source_hash", "# source_hash", "does not say which English it translates"),
    (UR, "{urgent_health}", "{emergency}", "{urgent_health} is missing, {emergency} is not in the English"),
    (UR, f'get_help_if: "{CRYING_HELP_UR}"\n', "", "must both have this line, or neither"),
    (UR, "گنگنائیں", "كام", "the letter ك (U+0643)"),
    (UR, "گنگنائیں", "فون ۱۱۶ ۱۲۳", "the number ۱۱۶ ۱۲۳ stands in the words"),
    # catalogs
    (PO, 'msgstr "مزید"', 'msgstr ""', "button.more: there are no words"),
    (PO, 'msgid "button.more"', 'msgid "button.less"', "button.more: this string is missing"),
    (PO, 'msgid "button.more"', 'msgid "button.less"', "button.less: English has no such key"),
    (PO, "{emergency}", "{crisis}", "{emergency} is missing"),
    (PO, "{emergency}", "{emergency", "a brace is open or stray"),
    (PO, "nplurals=2;", "nplurals=3;", "the header gives 3 plural forms, but the language has 2"),
    (PO, "مزید", "بہت ہی لمبا بٹن جو نہیں سماتا", "characters long. Cut it to 20"),
    (PO, "مزید", "مزيد", "the letter ي (U+064A)"),
    (PO_EN, 'msgid "button.more"', 'msgid "topic.relax"', "this key stands 2 times"),
    (PO_EN, 'msgid "topic.relax"', 'msgid "topic.calm"', "there is no string topic.relax"),
    (PO_EN, "what I can do", "what 116123 can do", "the number 116123 stands in the words"),
    ("bot/conversation/words.py", "menu.intro", "menu.outro", "there is no string “menu.outro”"),
    ("bot/conversation/words.py", 'f"topic.', 'f"text:mood.', "no string begins with “mood.”"),
    ("bot/conversation/words.py", "safety:emergency", "safety:panic", "there is no string “safety:panic” in content/safety"),
    # helplines
    (HELP, 'phone: "999"', 'phone: "0808 8"', "“0808 8” cannot be a number in the UK"),
    (HELP, '    phone: "111"\n', "", "the field 'phone' is missing"),
    (HELP, 'ur: "ڈاکٹر"', 'cy: "meddyg"', "your-doctor.name: it is not there in ur"),
    (HELP, "web: 111.nhs.uk", "web: https://111.nhs.uk", "is no web address"),
    (HELP, "confirmed: 2026-01-31", "confirmed: yes", "not a day in the past"),
    (HELP, "nations: [england, scotland, wales]", "nations: [england, wales]", "nhs-111 does not serve scotland"),
    (HELP, "    northern-ireland: [your-doctor]\n", "", "no helpline is given for this place"),
    (HELP, "scotland: [nhs-111]", "scotland: [nhs-112]", "there is no helpline with the id “nhs-112”"),
    (HELP, "- id: night-line", "- id: your-doctor", "this id is used twice"),
    (HELP, '"{name} (فون نمبر {phone})"', '"{name} {sms}"', "the placeholders in ur are not the English ones"),
    (HELP, '  or: {en: " or "', '  and: {en: " or "', "phrases.or: this phrase is missing"),
    # needs, commands, facts, team, understanding, languages, topics
    ("content/needs.yml", "  money:\n", "  boats:\n", "the directory has no such need"),
    ("content/needs.yml", "  money:\n", "  boats:\n", "money: the directory's need is missing here"),
    ("content/needs.yml", "[cash]", "[cash, Playgroup]", "“Playgroup” already means groups"),
    ("content/needs.yml", 'title: "Money"', 'title: "Money and benefits and bills"', "28 characters long. Cut it to 24"),
    ("content/needs.yml", '    ur: {title: "پیسے", words: [paise]}\n', "", "money.title: it is not there in ur"),
    ("content/needs.yml", "first: [groups]", "first: [boats]", "these needs are not listed below: boats"),
    ("content/commands.yml", "en: [skip]", "en: [skip, stop]", "“stop” already means stop_messages"),
    ("content/commands.yml", "en: [stop]", "en: [stop, halt]", "Run: bot content sync"),
    ("content/commands.yml", "skip:", "hop:", "there is no such command"),
    ("content/commands.yml", "  ur: [چھوڑیں]\n", "", "skip: there are no words in ur"),
    ("content/facts.yml", '"newborn": {\n  "en"', '"newborn": {\n  "xx"', "newborn: there are no words in en"),
    ("content/facts.yml", '"anything"', '"nothing"', "something is missing or misplaced"),
    ("content/team.yml", "09:00-17:00", "17:00-09:00", "ends before it begins"),
    ("content/team.yml", "nation: null", "nation: cornwall", "“cornwall” is no nation"),
    ("content/team.yml", "default_team: here", "default_team: there", "line 1, default_team: “there” is none of the areas"),
    ("content/team.yml", "default_team: here\n", "", "not said which team answers for everybody else. Write default_team: here"),
    ("content/team.yml", "urgent: 60", "urgent: soon", "“urgent: soon” does not fit"),
    (
        "content/team.yml",
        "hours: {monday:",
        "hours: {moonday:",
        "content/team.yml, line 6, here.hours.moonday: this is no weekday",
    ),
    (
        "content/sample.yml",
        "messages: 20",
        "messages: many",
        "line 1, messages: “many” does not fit. Write a whole number, 1 to 200",
    ),
    ("content/sample.yml", "days: 30", "days: 0", "line 2, days: “0” does not fit. Write a whole number, 1 to 90"),
    ("content/review.yml", "concerns: 3", "concerns: 0", "line 1, concerns: “0” does not fit. Write a whole number, 1 to 20"),
    ("content/sample.yml", "days: 30\n", "", "days: it is missing. Write a whole number, 1 to 90"),
    ("content/sample.yml", "days: 30", "days: 30\nweeks: 4", "line 3, weeks: this is not known. Use messages, days"),
    ("content/understanding.yml", "lead: 2\n", "lead: lots\n", "lead: this must be a number"),
    ("content/understanding.yml", "answer_at: 0.4", "answer_at: 40", "40 is no probability"),
    ("content/understanding.yml", "  - baby/crying", "  - baby/singing", "sensitive: there is no topic “baby/singing”"),
    ("content/languages.yml", "direction: rtl", "direction: up", "direction must be ltr or rtl"),
    ("content/topics.yml", "  - relax\n", "  - relax\n  - relax\n", "this topic stands twice"),
    ("content/topics.yml", "  - relax\n", "  - relax\n  - Bath Time\n", "this is no topic id"),
    ("content/topics.yml", "  - relax\n", "  - relax\n  - play\n", "play: there is no message in en"),
    ("content/topics.yml", "  - relax\n", "  - relax\n  - play\n", "topic_play is missing"),
    # training examples and safety phrases
    (NLU, "intent: topic_relax", "intent: topic_calm", "the label is topic_calm but the file is topic_relax.yml"),
    (NLU, "- one topic_relax en", "- [one](thing)", "holds brackets"),
    (NLU, "- one topic_relax en", "- /one", "begins with a slash"),
    (NLU, "- one topic_relax en", "- Two  topic_relax en!", "stands twice"),
    (
        NLU,
        "- one topic_relax en",
        "- how do we calm down\n    - How do they calm down?",
        "differs from “how do we calm down” in one",
    ),
    (NLU, "- one topic_relax en", "- one topic_baby_crying EN", "is also an example of topic_baby_crying"),
    (NLU, "    - one topic_relax en\n", "", "there are 1 examples. Write 2 or more"),
    (NLU, "- one topic_relax en", "-one", "does not begin with “- ”"),
    (NLU, 'version: "3.1"', "version: [", "not valid YAML"),
    ("content/safety/ur.yml", "language: ur", "language: en", "it must be ur, like the file's name"),
]


def broken(root: Path, file: str, old: str, new: str) -> None:
    path = root / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    put(root, file, text.replace(old, new, 1))


def test_it_finds_nothing_wrong_in_a_tree_without_mistakes(root: Path) -> None:
    assert [str(problem) for problem in problems(root)] == []


@pytest.mark.parametrize(("file", "old", "new", "seen"), BROKEN, ids=[seen[:60] for *_, seen in BROKEN])
def test_it_sees_each_mistake(root: Path, file: str, old: str, new: str, seen: str) -> None:
    broken(root, file, old, new)
    found = [str(problem) for problem in problems(root)]
    assert any(seen in problem for problem in found), found


LAID = [
    (lambda root: (root / UR).unlink(), "topics.yml, line 3, baby/crying: there is no message in ur"),
    (lambda root: (root / EN).unlink(), "the English words (en.md) are missing"),
    (lambda root: (root / SAFETY / "ur.md").unlink(), "this safety text is not there in ur"),
    (lambda root: (root / PO).unlink(), "there is no catalog in ur"),
    (lambda root: (root / HELP).unlink(), "content/helplines.yml: this file is missing"),
    (lambda root: (root / "content/safety/ur.yml").unlink(), "there are no safety phrases in ur"),
    (lambda root: (root / NLU).unlink(), "there are no examples of relax in en"),
    (lambda root: (root / NLU).rename(root / "data/nlu/en/topic_calm.yml"), "domain.yml has no intent topic_calm"),
    (lambda root: put(root, "data/nlu/more.yml", "nlu: []\n"), "examples belong in a folder of their language"),
    (lambda root: put(root, "content/messages/relax/breathe-out/pl.md", "---\ntranslation: original\n---\nDzień dobry"),
     "the language “pl” is not in content/languages.yml"),
    (lambda root: put(root, "data/triage/en/dire.txt", "help\n"), "its name is not a level"),
    (lambda root: message(root, "baby/crying/again", CRYING, CRYING_UR, CRYING_HELP, CRYING_HELP_UR), "the words are the same"),
    (lambda root: message(root, "baby/crying/start-here", CRYING, CRYING_UR, CRYING_HELP, CRYING_HELP_UR, nations="[wales]"),
     "a parent may not have said where they are"),
    (lambda root: (root / EN).write_bytes(b"---\ntranslation: original\n---\n\xff"), "not saved as UTF-8"),
]  # fmt: skip


@pytest.mark.parametrize(("lay", "seen"), LAID, ids=[seen[:60] for _, seen in LAID])
def test_it_sees_what_is_missing_or_misplaced(root: Path, lay: Callable[[Path], object], seen: str) -> None:
    lay(root)
    found = [str(problem) for problem in problems(root)]
    assert any(seen in problem for problem in found), found


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "field"),
    [
        (YML, "tags: []", "tags: [rich]", 6, "tags"),
        (EN, "hum a tune", "ring 0808 800 2222", 7, ""),
        (UR, 'source_hash: "', 'source_hash: "0', 3, "source_hash"),
        (PO, 'msgstr "مزید"', 'msgstr ""', 8, "button.more"),
        (HELP, "web: 111.nhs.uk", "web: https://111.nhs.uk", 16, "nhs-111.web"),
        (HELP, "scotland: [nhs-111]", "scotland: [nhs-112]", 57, "urgent_health.scotland"),
        ("content/needs.yml", "[cash]", "[cash, Playgroup]", 7, "money.en"),
        ("content/topics.yml", "  - relax", "  - [relax", 4, ""),
        (NLU, "- two topic_relax en", "- /two", 6, "topic_relax"),
    ],
)
def test_it_says_where_the_mistake_is(root: Path, file: str, old: str, new: str, line: int, field: str) -> None:
    broken(root, file, old, new)
    assert (file, line, field) in [(problem.file, problem.line, problem.field) for problem in problems(root)]


def test_it_reports_all_mistakes_at_once(root: Path) -> None:
    broken(root, YML, "status: draft", "status: fine")
    broken(root, UR, "{urgent_health}", "{emergency}")
    broken(root, "content/team.yml", "nation: null", "nation: cornwall")
    broken(root, NLU, "- one", "- /one")
    assert {problem.file for problem in problems(root)} == {YML, UR, "content/team.yml", NLU}


def test_a_stale_translation_is_named_after_the_english_has_changed(root: Path) -> None:
    broken(root, EN, "hum a tune", "hum a song")
    found = problems(root)
    assert [problem.file for problem in found] == [UR]
    assert re.search(r'write source_hash: "[0-9a-f]{16}"', found[0].mend)


def test_the_topic_that_explains_jargon_may_name_it(root: Path) -> None:
    words = "People say “attachment”. It means feeling safe."
    message(root, "family/mental-health-meaning/start-here", words, None)
    assert not any("jargon" in str(problem) for problem in problems(root))


def test_blame_that_is_denied_is_no_blame(root: Path) -> None:
    broken(root, EN, "You are doing fine", "You are not a bad parent, and it isn't your fault")
    assert not any("must not stand here" in str(problem) for problem in problems(root))


@pytest.mark.parametrize("words", ["since 2021", "at 5 to 6 months", "12 hours", "press 2", "the 15th, 16th and 17th"])
def test_years_and_small_numbers_are_no_telephone_numbers(root: Path, words: str) -> None:
    broken(root, EN, "hum a tune", f"hum {words}")
    assert not any("the number" in str(problem) for problem in problems(root))


def test_a_tip_to_hold_a_baby_passes_with_the_sofa_line_or_for_an_older_child(root: Path) -> None:
    hold = CRYING.replace("hum a tune", "hold her and hum")
    both = [
        (hold.replace("and hum", "and hum, but not on a sofa or chair if you might fall asleep"), "{from: 0, to: 12}"),
        (hold, "{from: 12, to: 36}"),
    ]
    for words, ages in both:
        message(root, "baby/crying/start-here", words, CRYING_UR, CRYING_HELP, CRYING_HELP_UR, ages=ages)
        assert [str(problem) for problem in problems(root)] == []


def test_a_safety_text_may_say_when_and_run_to_seven_hundred_characters(root: Path) -> None:
    message(root, "safety/emergency", "{emergency}. We are back {when}. " + "Call now. " * 64, "{emergency} {when}")
    assert [str(problem) for problem in problems(root)] == []


CONSOLE = """msgid ""
msgstr "Language: {language}\\nContent-Type: text/plain; charset=UTF-8\\nPlural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "console.ask"
msgstr "{ask}"

msgid "console.days"
msgid_plural "console.days"
msgstr[0] "{{count}} day"
msgstr[1] "{{count}} days"
"""


@pytest.mark.parametrize(
    ("translated", "seen"),
    [
        (CONSOLE.format(language="ur", ask="پوچھیں"), "console.ask: {name} is missing"),
        (CONSOLE.format(language="ur", ask=""), "console.ask: there are no words. English: “Ask {name}”"),
        (
            CONSOLE.partition('msgid "console.ask"')[0].format(language="ur"),
            "console.ask: this string is missing. English: “Ask {name}”",
        ),
        (CONSOLE.partition('msgid "console.ask"')[0].format(language="ur"), "console.days: this string is missing"),
        ("", "there is no catalog in ur. Translate locales/en/LC_MESSAGES/console.po"),
    ],
)
def test_what_staff_cannot_read_in_their_other_language_is_named_with_its_english(
    root: Path, monkeypatch: pytest.MonkeyPatch, translated: str, seen: str
) -> None:
    monkeypatch.setitem(STAFF_CATALOGS, "console", ("ur",))
    put(root, "locales/en/LC_MESSAGES/console.po", CONSOLE.format(language="en", ask="Ask {name}"))
    if translated:
        put(root, "locales/ur/LC_MESSAGES/console.po", translated)
    assert any(seen in str(problem) for problem in problems(root)), [str(problem) for problem in problems(root)]


def test_a_language_that_staff_do_not_read_needs_no_catalog_for_them(root: Path) -> None:
    put(root, "locales/en/LC_MESSAGES/console.po", CONSOLE.format(language="en", ask="Ask {name}"))
    assert list(problems(root)) == []


@pytest.mark.parametrize("number", ["999", "111", "116 123", "85258", "0808 800 2222", "07860 077333", "0300 123 1110"])
def test_it_takes_numbers_that_can_be_dialled(number: str) -> None:
    assert plausible(number)


@pytest.mark.parametrize("number", ["", "12", "0808 800", "99999999", "+1 212 555 01", "call us"])
def test_it_refuses_numbers_that_cannot_be_dialled(number: str) -> None:
    assert not plausible(number)


def _lines_of(text: str, title: str, count: int) -> list[str]:
    """The line that begins with `title` and those after it, `count` in all."""
    lines = text.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(title))
    return lines[start : start + count]


def test_the_report_shows_coverage_drafts_grades_and_reviews(root: Path) -> None:
    out = io.StringIO()
    assert report(root, out) == 0
    text = out.getvalue()
    assert re.search(r"^baby/crying +1 +1$", text, re.MULTILINE)
    assert "Messages: 2. Safety texts: 1." in text
    columns, crying = (re.split("  +", line) for line in _lines_of(text, "Messages by topic, age and audience", 3)[::2])
    assert columns[1:] == [
        "bump", "0-3 m", "3-12 m", "1-2 y", "2-3 y", "3-5 y", "anyone", "dad-or-partner", "grandparent-or-carer", "expecting",
    ]  # fmt: skip
    assert crying == ["baby/crying", "1", "1", "1", "1", "1", "1", "1", ".", ".", "."]
    assert "ur: 3 machine drafts, 0 checked by a native speaker, 0 stale, 0 missing; interface: 6 machine drafts." in text
    assert re.search(r"English reading grade: -?\d\.\d on average", text)
    assert "Reviews: 3 missing, 0 overdue, 0 up to date." in text
    assert text.endswith("No problems.\n")


def test_the_report_counts_what_is_stale_and_overdue_and_returns_one_if_there_are_problems(root: Path) -> None:
    broken(root, EN, "hum a tune", "hum a song")
    broken(root, YML, "reviewed: {date: null, role: null}", "reviewed: {date: 2020-01-01, role: nurse}")
    out = io.StringIO()
    assert report(root, out) == 1
    assert "1 stale" in out.getvalue() and "1 overdue" in out.getvalue()
    assert out.getvalue().endswith("1 problem.\n")


def test_checking_writes_nothing(root: Path) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    report(root, io.StringIO())
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_the_content_of_this_repository_has_no_problems() -> None:
    root = Path(__file__).resolve().parents[2]
    assert [str(problem) for problem in problems(root)] == []


def test_a_tree_may_hold_nothing_at_all_and_is_told_so(tmp_path: Path) -> None:
    assert any("languages.yml" in problem.file for problem in problems(small_tree(tmp_path) / "empty"))
