"""Which languages there are, and which one a message is in."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.languages import Catalogue, CatalogueError, Detector, direction, supported
from bot.languages import train as training

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    return Detector.load(ROOT / "content", training.train(ROOT, tmp_path_factory.mktemp("models") / "languages.npz"))


@pytest.fixture(scope="session")
def untrained() -> Detector:
    return Detector.load(ROOT / "content")


SENTENCES = [
    ("what time should a two year old go to bed", "en", "Latin", False),
    ("hiya is there a toddler group near me on fridays", "en", "Latin", False),
    ("faint o gwsg mae babi chwe mis oed ei angen", "cy", "Latin", False),
    ("dwi'n poeni am y babi, mae hi'n crio trwy'r nos", "cy", "Latin", False),
    ("dwi'n stressed iawn, mae'r baby yn sgrechian bob nos a dwi'n knackered", "cy", "Latin", False),
    ("mera bacha raat ko bilkul nahi sota, main kya karun", "ur", "Latin", True),
    ("bachi doodh nahi pee rahi subah se", "ur", "Latin", True),
    ("میرا بچہ رات کو نہیں سوتا", "ur", "Arabic", False),
]
BORROWED = ["delete my data", "thank you so much", "talk to someone please", "what can you do"]


@pytest.mark.parametrize(("text", "lang", "script", "romanised"), SENTENCES)
def test_the_language_is_found_without_being_told(detector: Detector, text: str, lang: str, script: str, romanised: bool) -> None:
    found = detector.detect(text)
    assert (found.lang, found.script, found.romanised) == (lang, script, romanised)


@pytest.mark.parametrize(("text", "lang", "script", "romanised"), SENTENCES)
def test_common_words_decide_where_there_is_no_model(
    untrained: Detector, text: str, lang: str, script: str, romanised: bool
) -> None:
    assert untrained.detect(text).lang == lang


@pytest.mark.parametrize(("text", "lang", "script", "romanised"), SENTENCES)
def test_another_language_than_the_chosen_one_is_noticed(
    detector: Detector, text: str, lang: str, script: str, romanised: bool
) -> None:
    hint = "en" if lang != "en" else "cy"
    assert detector.detect(text, hint).lang == lang


@pytest.mark.parametrize("text", ["ok", "", "12", "👍", "?!", "https://example.org/mae-babi", "Al"])
@pytest.mark.parametrize("hint", ["en", "cy", "ur"])
def test_a_text_that_says_little_stays_in_the_chosen_language(detector: Detector, text: str, hint: str) -> None:
    assert detector.detect(text, hint).lang == hint


@pytest.mark.parametrize("text", BORROWED)
def test_english_that_every_language_borrows_stays_english(detector: Detector, text: str) -> None:
    """Such sentences stand in the training files of other languages, too."""
    assert detector.detect(text, "en").lang == "en"


def test_a_sentence_of_english_words_in_another_languages_file_teaches_no_language(tmp_path: Path) -> None:
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "languages.yml").write_text((ROOT / "content" / "languages.yml").read_text(encoding="utf-8"))
    for lang, lines in (("en", ["delete my data now"] * 6), ("pl", ["delete my data", "usuń moje dane"])):
        folder = tmp_path / "data" / "nlu" / lang
        folder.mkdir(parents=True)
        (folder / "delete_my_data.yml").write_text("".join(f"    - {line}\n" for line in lines), encoding="utf-8")
    assert [text for text, label in training.sentences(tmp_path) if label == "pl"] == ["usuń moje dane"]


def test_an_unknown_hint_or_script_falls_back_on_the_first_language(detector: Detector) -> None:
    assert detector.detect("", "xx").lang == "en"
    assert detector.detect("これは何ですか").lang == "en"
    assert detector.detect("これは何ですか", "cy").lang == "cy"


@settings(max_examples=100, deadline=None)
@given(text=st.text(st.characters(), max_size=300), hint=st.sampled_from([None, "en", "cy", "ur", "xx"]))
def test_any_text_has_a_language_that_we_speak(text: str, hint: str | None) -> None:
    detector = Detector(Catalogue.load(ROOT / "content" / "languages.yml"))
    found = detector.detect(text, hint)
    assert found.lang in detector.catalogue
    assert 0 <= found.confidence <= 1


def test_the_catalogue_says_which_way_a_language_is_written() -> None:
    assert direction("ur") == "rtl"
    assert direction("cy") == direction("xx") == "ltr"
    assert {"en", "cy", "ur"} <= {language.code for language in supported()}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("code: en", "code: 5"), "line 2: this language has no code"),
        (("direction: ltr", "direction: left"), "direction must be"),
        (("status: approved", "status: done"), "status must be"),
        (("languages:", "langs:"), "list called languages"),
        (("- code", "  code"), "list called languages"),
    ],
)
def test_a_bad_catalogue_is_told_with_its_line(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    good = ("languages:\n  - code: en\n    english: English\n    name: English\n    direction: ltr\n    status: approved\n"
            "    script: Latin\n")  # fmt: skip
    Catalogue.load(_written(tmp_path, good))
    with pytest.raises(CatalogueError, match=said):
        Catalogue.load(_written(tmp_path, good.replace(*change)))


def _written(folder: Path, text: str) -> Path:
    path = folder / "languages.yml"
    path.write_text(text, encoding="utf-8")
    return path
