"""`bot content phrase-effect`: which version it compares with, in a git repository of the test's own."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from bot.library import approvals
from bot.library.phrase_effect import Asked, report
from bot.library.yamlfile import DataError
from bot.settings import ROOT
from tests.library.small import put

EN = "content/safety/en.yml"
RULE = "language: en\nrules:\n  - {{id: one, level: emergency, why: a test, says: [{words}]}}\n"


def git(root: Path, *arguments: str) -> str:
    who = ["-c", "user.name=A tester", "-c", "user.email=tester@example.org"]
    return subprocess.run(["git", *who, *arguments], cwd=root, capture_output=True, text=True, check=True).stdout.strip()


def commit(root: Path, words: str) -> str:
    put(root, EN, RULE.format(words=words))
    git(root, "add", "-A")
    git(root, "commit", "-qm", words)
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def repository(root: Path) -> Path:
    """The small tree with three committed versions of its English phrases and one message that must never be missed."""
    put(root, "content/safety/never_miss/en.txt", "emergency\tshe is not breathing\n")
    git(root, "init", "-q")
    for words in ("not breathing", "choking", "not breathing, choking"):
        commit(root, words)
    return root


def told(root: Path, **asked: object) -> tuple[int, str]:
    out = io.StringIO()
    status = report(root, root / "models", Asked("en", **asked), out, lambda line: None)  # type: ignore[arg-type]
    return status, out.getvalue()


def test_it_compares_with_the_version_approved_last_however_many_came_after(repository: Path) -> None:
    first = git(repository, "rev-list", "HEAD", "--", EN).split()[-1]
    put(repository, EN, RULE.format(words="not breathing"))
    approvals.record(repository, ["en"], name="A", role="B", what="C", thresholds=False, day=date(2026, 3, 2))
    put(repository, EN, RULE.format(words="choking"))
    status, text = told(repository)
    assert f"its last approved version (A, B, 2 March 2026; commit {first[:8]})" in text
    assert status == 1
    assert "never_miss/en.txt, line 1: emergency → none: she is not breathing" in text


def test_without_an_approval_it_compares_with_the_last_committed_version_that_differs(repository: Path) -> None:
    head, before = git(repository, "rev-list", "HEAD", "--", EN).split()[:2]
    status, text = told(repository)
    assert f"(commit {before[:8]}; nobody has approved it yet)" in text
    assert status == 0
    put(repository, EN, RULE.format(words="blue"))
    assert f"(commit {head[:8]}; nobody has approved it yet)" in told(repository)[1]


def test_an_approved_version_that_was_never_committed_is_told(repository: Path) -> None:
    put(repository, EN, RULE.format(words="never committed"))
    approvals.record(repository, ["en"], name="A", role="B", what="C", thresholds=False, day=date(2026, 3, 2))
    put(repository, EN, RULE.format(words="blue"))
    assert "the version approved last is in no commit" in told(repository)[1]


def test_it_compares_with_a_file_or_a_revision_that_is_named(repository: Path, tmp_path: Path) -> None:
    other = tmp_path / "theirs.yml"
    other.write_text(RULE.format(words="not breathing, choking"))
    status, text = told(repository, against=other)
    assert status == 0
    assert "The two are the same: nothing changes." in text
    status, text = told(repository, revision="HEAD~1")
    assert "against its version in HEAD~1." in text
    assert "none → emergency: 1" in text


def test_it_says_that_models_are_left_out_where_none_is_trained(repository: Path) -> None:
    assert "Judged by the phrases alone, without the trained models" in told(repository)[1]


def test_every_language_is_judged_where_asked_for(repository: Path) -> None:
    put(repository, "content/safety/never_miss/ur.txt", "emergency\tshe is not breathing\n")
    assert "never_miss/ur.txt" not in told(repository, revision="HEAD~1")[1]
    assert "never_miss/ur.txt" in told(repository, revision="HEAD~1", every_language=True)[1]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"language": "xx"}, "there are no safety phrases in “xx”"),
        ({"language": "thresholds"}, "there are no safety phrases in “thresholds”"),
        ({"language": "en", "revision": "nowhere"}, "git knows no version in “nowhere”"),
        ({"language": "en", "revision": "--output=x"}, "git knows no version"),
        ({"language": "ur"}, "git knows no other version of it"),
    ],
)
def test_what_cannot_be_compared_is_told_plainly(repository: Path, asked: dict, words: str) -> None:
    with pytest.raises(DataError, match=words):
        report(repository, repository / "models", Asked(**asked), io.StringIO(), lambda line: None)


def test_a_version_with_a_mistake_is_told_with_its_line(repository: Path, tmp_path: Path) -> None:
    broken = RULE.format(words="blue").replace("emergency", "awful")
    (tmp_path / "en.yml").write_text(broken)
    with pytest.raises(DataError, match=r"the earlier version of en.yml, line 3, .*“?\"awful\" is not a level"):
        told(repository, against=tmp_path / "en.yml")
    put(repository, EN, broken)
    with pytest.raises(DataError, match=r'content/safety/en.yml, line 3, .*"awful" is not a level'):
        told(repository)


def test_the_command_compares_this_installations_phrases(tmp_path: Path) -> None:
    """The real command on the real Ukrainian file against itself: no messages need judging."""
    done = subprocess.run(
        [sys.executable, "-m", "bot.cli", "content", "phrase-effect", "uk", "--against", str(ROOT / "content/safety/uk.yml")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "The two are the same: nothing changes." in done.stdout
