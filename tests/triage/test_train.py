"""Training, saving and checking, on a small repository made for the purpose."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer

from bot.library import phrase_effect
from bot.library.phrase_effect import Asked
from bot.triage import Level, Triage, check, inputs, train
from bot.triage.model import Reader, Sample
from bot.triage.reader import LANGUAGE_MODEL, MODEL_NAME

RULES = """language: en
rules:
  - id: not-breathing
    level: emergency
    kind: medical
    why: a test
    says: [not breathing]
"""
EXAMPLES = {
    "en": {"emergency": "baby is choking badly {}", "urgent": "i want to vanish forever {}", "concern": "so low and weepy {}",
           "none": "what time is playgroup {}"},
    "cy": {"emergency": "babi yn tagu yn wael {}", "urgent": "dwi isio diflannu am byth {}", "concern": "dwi mor isel a dagreuol {}",
           "none": "faint o'r gloch mae'r grwp {}"},
}  # fmt: skip


@pytest.fixture
def small(tmp_path: Path, root: Path) -> Path:
    """A repository with 20 examples of each level in two languages."""
    safety = tmp_path / "content" / "safety"
    (safety / "never_miss").mkdir(parents=True)
    shutil.copy(root / "content" / "languages.yml", tmp_path / "content")
    shutil.copy(root / "content" / "safety" / "thresholds.yml", safety)
    (safety / "en.yml").write_text(RULES)
    (safety / "never_miss" / "en.txt").write_text("# a list\nemergency\tshe is not breathing\n")
    for lang, levels in EXAMPLES.items():
        folder = tmp_path / "data" / "triage" / lang
        folder.mkdir(parents=True)
        for level, text in levels.items():
            (folder / f"{level}.txt").write_text("\n".join(text.format(f"w{number}") for number in range(20)) + "\n")
    questions = tmp_path / "data" / "nlu" / "en"
    questions.mkdir(parents=True)
    (questions / "topic_baby_sleep.yml").write_text(
        "nlu:\n- intent: topic_baby_sleep\n  examples: |\n    - when do [naps](x) end\n"
    )
    return tmp_path


def test_what_is_trained_can_be_loaded_and_judges(small: Path) -> None:
    path = train.train(small, small / "models")
    triage = Triage.load(small / "content", path)
    assert triage.assess("i want to vanish forever today", "en").level.at_least(Level.URGENT)
    assert triage.assess("what time is playgroup on friday", "en").level is Level.NONE
    assert triage.assess("mae'r babi yn tagu", "cy").lang == "cy"
    assert sorted(file.name for file in (small / "models").iterdir()) == [LANGUAGE_MODEL, MODEL_NAME]


def test_a_question_on_a_worrying_topic_says_what_is_no_danger_and_nothing_of_concern(small: Path) -> None:
    written = "nlu:\n- intent: {0}\n  examples: |\n    - what of {0}\n"
    for topic in ("topic_child_fears", "topic_wellbeing_abuse", "topic_other_physical_health", "talk_to_person"):
        (small / "data" / "nlu" / "en" / f"{topic}.yml").write_text(written.format(topic))
    found = [one for one in train.examples(small) if one.extra and one.text.startswith(("what of", "when do"))]
    counts = train.example_weights(found)
    assert {one.text: row.tolist() for one, row in zip(found, counts, strict=True)} == {
        "when do naps end": [0.6, 0.6, 0.6],
        "what of topic_child_fears": [0.0, 0.6, 0.6],
    }


def test_training_twice_gives_the_same_judgement(small: Path) -> None:
    readers = [Reader.load(train.train(small, small / name)) for name in ("one", "two")]
    assert np.array_equal(readers[0].weights, readers[1].weights)
    assert readers[0].fingerprint == inputs.fingerprint(small)


@pytest.mark.parametrize(
    "file", ["content/safety/en.yml", "content/safety/thresholds.yml", "content/safety/never_miss/en.txt", "content/languages.yml",
             "data/triage/cy/none.txt", "data/nlu/en/topic_baby_sleep.yml"]
)  # fmt: skip
def test_the_fingerprint_changes_with_every_input(small: Path, file: str) -> None:
    before = inputs.fingerprint(small)
    with (small / file).open("a") as handle:
        handle.write("# one more line\n")
    assert inputs.fingerprint(small) != before


def test_a_miss_on_the_never_miss_list_stops_training_and_keeps_the_old_models(small: Path) -> None:
    train.train(small, small / "models")
    before = {file.name: file.read_bytes() for file in (small / "models").iterdir()}
    (small / "content" / "safety" / "en.yml").write_text(RULES.replace("not breathing", "gone blue"))
    (small / "content" / "safety" / "never_miss" / "en.txt").write_text("emergency\twhat time is playgroup w3\n")
    (small / "data" / "triage" / "en" / "emergency.txt").write_text("baby is choking badly\n" * 2)
    with pytest.raises(train.NeverMissed, match=r"never_miss/en\.txt, line 1.*what time is playgroup w3"):
        train.train(small, small / "models")
    assert {file.name: file.read_bytes() for file in (small / "models").iterdir()} == before


def test_too_little_data_is_told_plainly(small: Path) -> None:
    shutil.rmtree(small / "data" / "triage")
    with pytest.raises(ValueError, match="all four levels"):
        train.train(small, small / "models")


def test_the_command_reports_a_bad_rule_file_without_a_traceback(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(small)
    (small / "content" / "safety" / "en.yml").write_text(RULES.replace("emergency", "awful"))
    assert train.main(["models"]) == 1
    assert "en.yml, line 4" in capsys.readouterr().err
    assert train.main([]) == 2


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / MODEL_NAME).write_bytes(b"not a model")
    with pytest.raises(ValueError, match="can be used"):
        Reader.load(tmp_path / MODEL_NAME)


def test_the_quick_scores_are_those_of_scikit_learn(models: Path) -> None:
    """By scikit-learn's own analysers and matrices, as its documentation says how to describe these features."""
    reader = Reader.load(models / MODEL_NAME)
    vectorisers = [
        TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True),
        TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 3), sublinear_tf=True, lowercase=False),
        TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 3), sublinear_tf=True, lowercase=False),
    ]
    for vectoriser, features in zip(vectorisers, reader.features, strict=True):
        vectoriser.vocabulary_, vectoriser.idf_ = dict(features.columns), features.idf
    for words in (
        "i want to die",
        "",
        "zzzz",
        "what time is the group on thursday thursday thursday",
        "ma'i'n \u0645\u062a\u0639\u0628\u0629",
    ):
        one = Sample(words, "die | OVER", words.upper())
        texts = (one.words, one.words, one.ideas, one.written)
        row = hstack([vectoriser.transform([text]) for vectoriser, text in zip(vectorisers, texts, strict=True)], format="csr")
        assert np.allclose(reader.score(one), (row @ reader.weights.T)[0] + reader.shifts)


def test_the_checker_finds_nothing_in_the_small_repository(small: Path) -> None:
    assert check.problems(small) == []


@pytest.mark.parametrize(
    ("file", "content", "name", "line"),
    [
        ("content/safety/en.yml", RULES.replace("[not breathing]", '["<x>"]'), "en.yml", 7),
        ("content/safety/thresholds.yml", "worth: 3\n", "thresholds.yml", 1),
        ("content/safety/never_miss/en.txt", "emergency\tok one\nurgent no tab\n", "never_miss/en.txt", 2),
        ("content/safety/never_miss/en.txt", "# a\n\nawful\tx\n", "never_miss/en.txt", 3),
        ("data/triage/en/dreadful.txt", "x\n", "en/dreadful.txt", 1),
        ("data/triage/en/none.txt", "fine\nso low and weepy w1\n", "en/none.txt", 2),
        ("content/languages.yml", "languages: 3\n", "languages.yml", 1),
    ],
)
def test_the_checker_names_the_file_and_the_line(small: Path, file: str, content: str, name: str, line: int) -> None:
    (small / file).write_text(content)
    assert (name, line) in {(problem.file, problem.line) for problem in check.problems(small)}


def test_the_checker_names_a_message_that_is_missed(small: Path) -> None:
    train.train(small, small / "models")
    (small / "content" / "safety" / "never_miss" / "en.txt").write_text("emergency\twhen do naps end\n")
    (problem,) = check.problems(small)
    assert "when do naps end" in problem.message


def test_the_effect_of_an_edit_is_judged_with_the_models_trained_last(small: Path, tmp_path: Path) -> None:
    train.train(small, small / "trained" / "triage-of-some-version")
    (tmp_path / "earlier.yml").write_text(RULES.replace("not breathing", "gone blue"))
    said: dict[bool, str] = {}
    for alone in (False, True):
        out = io.StringIO()
        asked = Asked("en", against=tmp_path / "earlier.yml", phrases_alone=alone)
        phrase_effect.report(small, small / "trained", asked, out, lambda line: None)
        said[alone] = out.getvalue()
    assert "by the phrases and by the models trained last" in said[False]
    assert "none → emergency: 1\n" in said[True]
    assert said[False].splitlines()[4:] != said[True].splitlines()[4:]
