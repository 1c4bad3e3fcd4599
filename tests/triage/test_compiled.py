"""Phrases read back are the phrases compiled: the same judgement, and never that of another file."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bot.kept import Kept
from bot.triage import Triage, check, compiled, rules
from bot.triage.rules import RuleFileError

RULES = """language: en
lists: {baby: [baby, little one]}
rules:
  - id: breath
    level: emergency
    why: it
    says: ["<baby> .. not breath*/breathing"]
"""
LANGUAGES = ("en", "cy", "ur", "uk", "ro", "pl", "ar", "bn")


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "kept")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "en.yml"
    path.write_text(RULES, encoding="utf-8")
    return path


def found(book: rules.RuleBook, text: str) -> list[str]:
    return [hit.rule.id for hit in book.find(text).hits]


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were compiled anew."""
    done: list[str] = []
    real = rules.load

    def counted(path: Path) -> rules.RuleBook:
        done.append(path.name)
        return real(path)

    monkeypatch.setattr(rules, "load", counted)
    return done


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_phrases_of_every_language_are_found_and_read_alike(
    root: Path, kept: Kept, lang: str, compilations: list[str]
) -> None:
    path = root / "content" / "safety" / f"{lang}.yml"
    fresh = compiled.load(path, kept)
    again = compiled.load(path, kept)
    assert compilations == [path.name]
    assert compiled.write(again) == compiled.write(fresh)
    lists = [root / "content" / "safety" / "never_miss" / f"{lang}.txt"]
    messages = [text for path in lists if path.is_file() for _, _, text in check.entries_of(path)]
    messages += [text for level in ("emergency", "urgent", "none") for text in some_examples(root, lang, level)]
    assert len(messages) > 100
    for message in messages:
        one, other = fresh.find(message), again.find(message)
        assert [(hit.rule.id, hit.span, hit.own) for hit in one.hits] == [(hit.rule.id, hit.span, hit.own) for hit in other.hits]
        assert (one.reading, one.over, one.distant, one.figures) == (other.reading, other.over, other.distant, other.figures)


def some_examples(root: Path, lang: str, level: str) -> list[str]:
    return [text for _, text in check.lines_of(root / "data" / "triage" / lang / f"{level}.txt")][:60]


def test_a_changed_phrase_is_seen_at_once(path: Path, kept: Kept) -> None:
    assert found(compiled.load(path, kept), "my baby is not breathing") == ["breath"]
    assert found(compiled.load(path, kept), "my baby went blue") == []
    path.write_text(RULES.replace("not breath*/breathing", "blue"), encoding="utf-8")
    changed = compiled.load(path, kept)
    assert found(changed, "my baby went blue") == ["breath"]
    assert found(changed, "my baby is not breathing") == []


def test_a_damaged_file_is_compiled_anew_and_mended(path: Path, kept: Kept, compilations: list[str]) -> None:
    compiled.load(path, kept)
    (file,) = kept.folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"emergency", b"concern"))
    assert compiled.load(path, kept).rules[0].level == "emergency"
    assert compilations == ["en.yml"] * 2
    assert file.read_bytes() == whole


@pytest.mark.parametrize("value", [3, [], {}, {"lang": "en"}, {"rules": 1, "sets": None}])
def test_a_value_that_is_no_book_is_compiled_anew(path: Path, kept: Kept, value: object, compilations: list[str]) -> None:
    kept.put("phrases-en", compiled._key(path) or "", value)
    assert found(compiled.load(path, kept), "my baby is not breathing") == ["breath"]
    assert compilations == ["en.yml"]
    compiled.load(path, kept)
    assert compilations == ["en.yml"]


def test_another_version_of_the_code_does_not_read_what_this_one_kept(
    path: Path, kept: Kept, monkeypatch: pytest.MonkeyPatch, compilations: list[str]
) -> None:
    compiled.load(path, kept)
    monkeypatch.setattr(compiled, "_CODE", ("text.py",))
    compiled.load(path, kept)
    assert compilations == ["en.yml"] * 2


def test_a_file_that_cannot_be_used_is_told_each_time_and_never_kept(path: Path, kept: Kept) -> None:
    path.write_text(RULES.replace("emergency", "dreadful"), encoding="utf-8")
    for _ in range(2):
        with pytest.raises(RuleFileError, match='"dreadful" is not a level'):
            compiled.load(path, kept)
    path.unlink()
    with pytest.raises(RuleFileError, match="cannot be opened"):
        compiled.load(path, kept)
    assert not kept.folder.exists()


def test_triage_judges_alike_from_phrases_kept_and_compiled(root: Path, kept: Kept, rules_only: Triage) -> None:
    Triage.load(root / "content", kept=kept)
    again = Triage.load(root / "content", kept=kept)
    for lang in LANGUAGES:
        for text in some_examples(root, lang, "emergency")[:20]:
            one, other = rules_only.assess(text, lang), again.assess(text, lang)
            assert (one.level, one.reasons, one.lang) == (other.level, other.reasons, other.lang)


def test_two_processes_that_start_at_once_judge_alike(root: Path, kept: Kept) -> None:
    code = """
import json, sys
from pathlib import Path
from bot.kept import Kept
from bot.triage import Triage
triage = Triage.load(Path("content"), kept=Kept(Path(sys.argv[1])))
print(json.dumps([triage.assess(text, lang).level for text, lang in json.loads(sys.argv[2])]))
"""
    messages = [[text, lang] for lang in LANGUAGES for text in some_examples(root, lang, "emergency")[:5]]
    command = [sys.executable, "-c", code, str(kept.folder), json.dumps(messages)]
    running = [subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    answers = [process.communicate(timeout=240) for process in running]
    assert [process.returncode for process in running] == [0, 0], answers
    assert answers[0] == answers[1]
    assert len(list(kept.folder.iterdir())) == len(LANGUAGES)


def test_loading_phrases_that_are_kept_imports_no_library_of_models(root: Path) -> None:
    code = (
        "import sys, bot.app, bot.wiring, bot.cli; print([name for name in ('sklearn', 'scipy', 'spacy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
