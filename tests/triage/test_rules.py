"""The phrase language, and rule files that cannot be used."""

from pathlib import Path

import pytest

from bot.triage import Level, rules
from bot.triage.rules import RuleBook, RuleFileError

HEAD = """language: en
spelling:
  short: {cant: cannot, hes: he is, n: and}
  emoji: {"🔪": knife}
  sounds: []
  misspelt: [breathing]
  real_words: [breeding]
lists:
  child: [baby, little one]
reading:
  negation: [not, never]
  negation_reaches_over: [going, to, be]
  long_past: [years ago]
  well_now: [fine now]
  story: [the film]
  figures: ["dead [funny/on my feet]"]
rules:
"""


def book(tmp_path: Path, says: str, more: str = "", head: str = HEAD) -> RuleBook:
    path = tmp_path / "en.yml"
    path.write_text(
        f"{head}  - id: danger\n    level: urgent\n    why: a test\n    says:\n      - {says}\n{more}", encoding="utf-8"
    )
    return rules.load(path)


def fits(tmp_path: Path, says: str, text: str, more: str = "") -> bool:
    return bool(book(tmp_path, says, more).find(text).hits)


@pytest.mark.parametrize(
    ("says", "text", "expected"),
    [
        ("stop/stopped breathing", "he STOPPED breathing", True),
        ("stop/stopped breathing", "he stops breathing", False),
        ("<child> .. breathing", "the little one has odd breathing", True),
        ("gone blue", "gone very very blue", False),
        ("gone .. blue", "gone very very blue", True),
        ("gone .. blue", "gone off and then after a while blue", False),
        ("gone ... blue", "gone off and then after a while blue", True),
        ('"(really/ever so) hot"', "he is hot", True),
        ('"is (really/ever so) hot"', "he is ever so hot", True),
        ('"[ever so/very] hot"', "he is hot", False),
        ("swallow*", "she swallowed it", True),
        ('"#1-3 weeks"', "2 weeks", True),
        ('"#1-3 weeks"', "12 weeks", False),
        ('"| fitting |"', "help. fitting. please", True),
        ('"| fitting |"', "a shoe fitting today", False),
        ("cannot wake", "i can't wake him", True),
        ("breathing", "breethin breathng", True),
        ("breathing", "breeding rabbits", False),
        ("knife", "he has a 🔪", True),
        ("blue/<child>", "my little one", True),
    ],
)
def test_the_signs_of_a_phrase_mean_what_they_say(tmp_path: Path, says: str, text: str, expected: bool) -> None:
    assert fits(tmp_path, says, text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("going to die", True),
        ("not going to die", False),
        ("never. going to die", True),
        ("not sure, maybe i die", True),
    ],
)
def test_a_negation_reaches_over_small_words_only(tmp_path: Path, text: str, expected: bool) -> None:
    assert fits(tmp_path, "die", text) is expected


def test_a_negation_inside_a_phrase_that_has_none_undoes_it(tmp_path: Path) -> None:
    assert not fits(tmp_path, "want .. die", "i want him to never die")


def test_with_and_without_ask_for_and_forbid_company(tmp_path: Path) -> None:
    more = "    with: [<child>]\n    without: [eyes]\n"
    assert fits(tmp_path, "blue", "baby is blue", more)
    assert not fits(tmp_path, "blue", "the wall is blue", more)
    assert not fits(tmp_path, "blue", "baby has blue eyes", more)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i gave her a bath and now she is blue", False),
        ("i bathed her and her brother, we read a book, had milk, then after the bath she is blue", False),
        ("she is blue and cold. we had a lovely day, first swimming, then lunch at nans, tea and a bath", True),
        ("blue toys in the bath, then tea and a story and now she will not move and she is blue", True),
    ],
)
def test_an_exception_counts_only_near_the_words_it_is_about(tmp_path: Path, text: str, expected: bool) -> None:
    assert fits(tmp_path, "blue", text, "    without: [bath]\n") is expected


def test_words_of_a_figure_of_speech_set_nothing_off(tmp_path: Path) -> None:
    assert fits(tmp_path, "dead", "he is dead")
    assert not fits(tmp_path, "dead", "i am dead on my feet")


def test_the_past_and_stories_are_seen(tmp_path: Path) -> None:
    found = book(tmp_path, "die").find
    assert found("he nearly did die years ago, fine now").over
    assert not found("he nearly did die years ago").over
    assert found("they all die in the film").distant


@pytest.mark.parametrize(
    ("says", "more", "line", "said"),
    [
        ("<nobody>", "", 22, 'no list called "nobody"'),
        ('"(maybe)"', "", 22, "no word that must be there"),
        ('".. blue"', "", 22, "a gap"),
        ('"bl(ue"', "", 22, "does not belong"),
        ("blue", "    levle: urgent\n", 23, "not known"),
        ("blue", "    kind: sadness\n", 23, "not a kind of danger"),
        ("blue", "    when_past: awful\n", 23, "not a level"),
        ("blue", "    who: dog\n", 23, 'not a "who"'),
        ("blue", "  - id: danger\n    level: urgent\n    why: again\n    says: [red]\n", 23, "same id"),
        ("blue", "  - id: other\n    level: worst\n    why: no\n    says: [red]\n", 24, "not a level"),
        ("blue", "  - id: other\n    level: urgent\n    why: no\n", 23, 'no "says"'),
        ("true", "", 22, "not plain words"),
    ],
)
def test_a_bad_rule_is_named_with_file_line_and_what_to_do(tmp_path: Path, says: str, more: str, line: int, said: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        book(tmp_path, says, more)
    problem = next(problem for problem in caught.value.problems if said in problem.message)
    assert (problem.file, problem.line) == ("en.yml", line)
    assert problem.mend
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"rules: [\n", "cannot be read"),
        (b"\xff\xfe", "UTF-8"),
        (b"- just a list\n", "must start with names"),
        (b"language: cy\nrules: []\n", "must be en"),
        (b"language: en\nrule: []\n", "not known"),
        (b"language: en\nlists: {child: []}\n", "empty"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_plainly(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "en.yml"
    path.write_bytes(content)
    with pytest.raises(RuleFileError, match=said):
        rules.load(path)


def test_a_missing_file_is_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError, match="cannot be opened"):
        rules.load(tmp_path / "en.yml")


def test_a_word_list_that_no_phrase_could_combine_is_refused(tmp_path: Path) -> None:
    many = "/".join(f"word {chr(97 + number)}" for number in range(21))
    with pytest.raises(RuleFileError, match="two shorter phrases"):
        book(tmp_path, f'"[{many}] [{many}] blue"')


@pytest.mark.parametrize("says", ["[turn* blue/go blu*]", "(has gone blu*) grey"])
def test_a_beginning_after_several_words_would_never_match_and_is_refused(tmp_path: Path, says: str) -> None:
    with pytest.raises(RuleFileError, match="only a single word can be a beginning"):
        book(tmp_path, f'"{says}"')


def test_every_rule_of_the_shipped_books_is_whole(root: Path) -> None:
    for path in sorted((root / "content" / "safety").glob("??.yml")):
        loaded = rules.load(path)
        assert len(loaded.rules) > 20
        assert all(rule.kind for rule in loaded.rules if rule.level is Level.EMERGENCY)
