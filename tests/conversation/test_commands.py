"""Exact words that do something at once, in every language that has them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.conversation.commands import Commands, learnt_yaml
from bot.conversation.facts import FactWords
from bot.conversation.handlers import Handlers
from bot.languages import supported
from bot.library import Library
from bot.library.yamlfile import DataError, read_yaml
from bot.settings import ROOT
from bot.storage.tables import Case, Inbox
from bot.triage import Level
from bot.wiring import Parts
from tests.conversation.support import Parent

COMMANDS = Commands.load(ROOT)
LANGUAGES = tuple(language.code for language in supported())
WORDS = [
    (command, language, str(word))
    for command, languages in read_yaml(ROOT / "content" / "commands.yml", ROOT).items()
    for language, words in languages.items()
    for word in words
]
NEEDED = (
    "help_menu", "help_now", "talk_to_person", "stop_messages", "start_messages", "change_language", "delete_my_data",
    "what_data", "source", "yes", "no", "skip", "more",
)  # fmt: skip


@pytest.mark.parametrize(("command", "language", "word"), WORDS)
def test_each_word_is_its_command_however_it_is_typed(command: str, language: str, word: str) -> None:
    for typed in (
        word,
        word.upper(),
        word.title(),
        f"  {word}!! ",
        f"{word}.",
        f"“{word}”",
        f"/{word}",
        f"{word}\n",
    ):
        assert COMMANDS.find(typed, language) == command, typed


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("command", NEEDED)
def test_every_language_has_words_for_every_command(command: str, language: str) -> None:
    assert any((command, language) == found[:2] for found in WORDS)


@pytest.mark.parametrize(("command", "language", "word"), WORDS)
def test_a_word_of_one_language_works_whatever_language_is_chosen(command: str, language: str, word: str) -> None:
    for chosen in LANGUAGES:
        assert COMMANDS.find(word, chosen) is not None


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("👍", "yes"),
        ("👍🏽", "yes"),
        ("👍️", "yes"),
        ("👎🏿", "no"),
        ("🙂", None),
        ("👍👎", None),
        ("ok 👍", "yes"),
        ("", None),
        ("?!", None),
    ],
)
def test_emoji_alone_can_be_an_answer(text: str, command: str | None) -> None:
    assert COMMANDS.find(text, "en") == command


@pytest.mark.parametrize(
    "text",
    [
        "please stop him biting",
        "how do i start weaning",
        "no he is not",
        "stop stop",
        "menu " * 40,
        "the menu",
        "is he ok",
        "yes but why",
    ],
)
def test_a_sentence_is_never_a_command(text: str) -> None:
    assert COMMANDS.find(text, "en") is None


@pytest.mark.parametrize("command", sorted({command for command, _, _ in WORDS}))
def test_every_command_has_a_handler(command: str, library: Library, facts: FactWords) -> None:
    assert Handlers(library, facts).knows(command)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_command_is_taken_for_a_worry(parts: Parts, language: str) -> None:
    """Or asking to be forgotten ("forget me", "kisi se baat") would open a case and not be heard."""
    parent = Parent(parts, language=language)
    words = [word for command, spoken, word in WORDS if spoken == language]
    for word in words:
        assert parent.send(word).level is Level.NONE, word
    with parts.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Case)) == 0
        assert set(session.scalars(select(Inbox.level))) == {Level.NONE.value}


def test_a_word_with_two_meanings_in_one_language_is_refused(tmp_path: Path) -> None:
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "commands.yml").write_text("yes: {en: [ok, fine]}\nno: {en: [OK]}\n")
    with pytest.raises(DataError, match=r"commands.yml, no.en: .*already means yes"):
        Commands.load(tmp_path)


def test_the_nlu_learns_the_same_words() -> None:
    assert (ROOT / "data" / "nlu" / "commands.yml").read_text(encoding="utf-8") == learnt_yaml(ROOT), "run: bot content sync"
