"""What is wrong with one text, by the same functions as `bot content check`, so that what the desk lets through the check lets through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bot.languages import supported
from bot.library import Library, check_messages
from bot.library.check_files import MARK, Tree
from bot.library.check_messages import Item, Words
from bot.library.library import SAFETY_PREFIX
from bot.library.strings import SOURCE_LANGUAGE
from bot.library.written import Written, written
from bot.library.yamlfile import Problem

STALE = "source_hash"
"""The field of a problem that says that the English has changed since."""


def problems(library: Library, root: Path, content_id: str, language: str, one: Written) -> list[Problem]:
    """Everything wrong with `one` as the words of a message in a language, beside what is live now. Empty if nothing is."""
    tree = Tree(root)
    items = list(_items(library, tree, content_id, language, one))
    (item,) = [item for item in items if item.id == content_id]
    item.data = tree.data(tree.name(item.path)) or {}
    found = list(check_messages.problems_in(tree, item, language))
    where = tree.name(item.words[language].path)
    found += [problem for problem in check_messages.repeated(tree, items) if problem.file == where]
    if MARK in one.whole:
        found.append(Problem(where, None, "", "something is still to be written.", f"Write it in place of {MARK}."))
    if language == SOURCE_LANGUAGE:
        found += check_messages.mean_grade(items)
    return found


def live(library: Library, content_id: str, language: str) -> Written | None:
    """What parents read in one language; None where it is not translated."""
    words = library.words_of(content_id, language)
    return written(words) if words is not None else None


def in_file(library: Library, content_id: str, language: str) -> Written | None:
    """What the file says, published or not."""
    words = library.messages[content_id].words.get(language)
    return written(words) if words is not None else None


def is_stale(library: Library, content_id: str, one: Written) -> bool:
    """Whether a translation was made from other English than what is live."""
    english = live(library, content_id, SOURCE_LANGUAGE)
    return english is not None and one.source_hash not in (None, english.hash)


def editable(library: Library, content_id: str) -> bool:
    """Whether the desk changes this text: messages, never safety texts."""
    return content_id in library.messages and not content_id.startswith(SAFETY_PREFIX)


def _items(library: Library, tree: Tree, content_id: str, language: str, one: Written) -> Iterator[Item]:
    """What is live as the checks see it, this text last, so that words which stand in two are reported of it."""
    ids = [id_ for id_ in library.messages if editable(library, id_)]
    languages = [SOURCE_LANGUAGE, language] if language != SOURCE_LANGUAGE else [SOURCE_LANGUAGE]
    for id_ in sorted(ids, key=lambda id_: id_ == content_id):
        folder = tree.root / "content" / "messages" / id_
        item = Item(folder / "message.yml", id_, False, {}, [])
        for code in languages:
            words = one if (id_, code) == (content_id, language) else live(library, id_, code)
            if words is not None:
                item.words[code] = Words(folder / f"{code}.md", words.body, words.help_if, words.translation, words.source_hash)
        yield item


def tongues() -> tuple[str, ...]:
    """The languages of content/languages.yml, English first."""
    codes = [language.code for language in supported()]
    return (SOURCE_LANGUAGE, *(code for code in codes if code != SOURCE_LANGUAGE))
