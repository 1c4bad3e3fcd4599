"""The vocabulary of needs, and the topics that it answers."""

import csv
import os
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from services_directory import UnknownTerm, vocabulary
from services_directory.terms import TERMS_FILE, TOPICS_FILE, read_vocabulary, topic_problems

REPOSITORY = Path(__file__).parents[2]
TOPIC_FILES = REPOSITORY / "data" / "nlu" / "en"


def standards() -> Path:
    folder = Path(os.environ.get("WREN_STANDARDS_DIR") or REPOSITORY.parent / "shared" / "standards")
    if not folder.is_dir():
        pytest.skip(f"the published standards are not in {folder}; set WREN_STANDARDS_DIR to where they are")
    return folder


def test_steps_go_down_to_children_and_up_to_parents() -> None:
    steps = vocabulary().steps
    assert steps("infant-feeding", "infant-feeding") == 0
    assert steps("infant-feeding", "first-foods") == 1
    assert steps("pregnancy-and-birth", "first-foods") == 2
    assert steps("first-foods", "infant-feeding") == -1
    assert steps("infant-feeding", "midwifery") is None
    assert steps("infant-feeding", "housing") is None


def test_an_unknown_term_is_an_error() -> None:
    with pytest.raises(UnknownTerm):
        vocabulary().steps("infant-feeding", "astrology")


def test_every_dfe_category_it_maps_to_exists() -> None:
    path = standards() / "taxonomies" / "dfe_family_hubs_service_categories.csv"
    with path.open(encoding="utf-8", newline="") as file:
        known = {row["name"] for row in csv.DictReader(file)}
    for term in vocabulary().terms.values():
        assert term.dfe, term.code
        assert set(term.dfe) <= known, term.code


def test_every_topic_that_can_be_asked_about_has_needs() -> None:
    # The NLU's own data is the list of topics; `other` topics are not ours to answer.
    asked = {path.stem.removeprefix("topic_") for path in TOPIC_FILES.glob("topic_*.yml")}
    if not asked:
        pytest.skip(f"no topics in {TOPIC_FILES}")
    answered = {topic.replace("/", "_").replace("-", "_") for topic in vocabulary().topics}
    assert {topic for topic in asked if not topic.startswith("other_")} <= answered


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("parent: parenting-support", "parent: nowhere", "does not exist"),
        ("  parenting-support:\n", "  parenting-support:\n    parent: sleep\n", "its own ancestor"),
    ],
)
def test_a_broken_vocabulary_is_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    path = tmp_path / "terms.yml"
    path.write_text(TERMS_FILE.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    (tmp_path / "topics.yml").write_text(TOPICS_FILE.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        read_vocabulary(path)


def test_the_crosswalk_has_every_topic_of_the_content_and_no_other() -> None:
    listed = YAML(typ="safe", pure=True).load(REPOSITORY / "content" / "topics.yml")["topics"]
    ours = [topic for topic in listed if not topic.startswith("other/")]
    assert topic_problems(TOPICS_FILE, vocabulary().terms, ours) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("topics: {play: {nowhere: 1}}", "unknown term nowhere"),
        ("topics: {play: {sleep: 0}}", "above 0"),
        ("topics: {play: {sleep: 0.5}}", "no term has the weight 1"),
        ("topics: {play: [sleep]}", "it has no terms"),
        ("topics: {astrology: {sleep: 1}}", "no such topic"),
        ("topics: {astrology: {sleep: 1}}", "play: the topic is not here"),
        ("sleep: 1", "there are no topics"),
        ("topics: [", "cannot be read"),
    ],
)
def test_the_checker_of_the_crosswalk_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "topics.yml"
    path.write_text(text, encoding="utf-8")
    assert any(said in problem for problem in topic_problems(path, vocabulary().terms, ["play"]))


def test_an_unknown_term_in_the_crosswalk_is_refused(tmp_path: Path) -> None:
    (tmp_path / "terms.yml").write_text(TERMS_FILE.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "topics.yml").write_text("topics: {play: {nowhere: 1}}", encoding="utf-8")
    with pytest.raises(ValueError, match="unknown term nowhere"):
        read_vocabulary(tmp_path / "terms.yml")
