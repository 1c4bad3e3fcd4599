"""What is live of one text, a message or an interface string, and what is wrong with it, by the same functions as `bot content check`, so
that what the desk lets through the check lets through."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from bot.desk import interface
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


def problems(library: Library, tree: Tree, content_id: str, language: str, one: Written) -> list[Problem]:
    """Everything wrong with `one` as the words of a text in a language, by itself and beside all that is live now."""
    if interface.is_string(content_id):
        return own_problems(library, tree, content_id, language, one)
    items = [_item(library, tree, id_, language, one if id_ == content_id else None) for id_ in _ids(library, content_id)]
    where = tree.name(items[-1].words[language].path)
    found = [*own_problems(library, tree, content_id, language, one)]
    found += [problem for problem in check_messages.repeated(tree, items) if problem.file == where]
    if language == SOURCE_LANGUAGE:
        found += check_messages.mean_grade(items)
    return found


def own_problems(library: Library, tree: Tree, content_id: str, language: str, one: Written) -> list[Problem]:
    """What is wrong with `one` by itself and beside its English; quick, for many texts at once."""
    if interface.is_string(content_id):
        return [
            *interface.problems(library, tree, content_id, language, one),
            *_marked(content_id, one),
            *_stale(library, content_id, one),
        ]
    item = _item(library, tree, content_id, language, one)
    item.data = tree.data(tree.name(item.path)) or {}
    found = list(check_messages.problems_in(tree, item, language))
    return [*found, *_marked(tree.name(item.words[language].path), one)]


def live(library: Library, content_id: str, language: str) -> Written | None:
    """What parents read in one language; None where it is not translated."""
    if interface.is_string(content_id):
        return interface.live(library, content_id, language)
    words = library.words_of(content_id, language)
    return written(words) if words is not None else None


def in_file(library: Library, content_id: str, language: str) -> Written | None:
    """What the file says, published or not."""
    if interface.is_string(content_id):
        return interface.in_file(library, content_id, language)
    words = library.messages[content_id].words.get(language)
    return written(words) if words is not None else None


def is_stale(library: Library, content_id: str, one: Written) -> bool:
    """Whether a translation was made from other English than what is live."""
    english = live(library, content_id, SOURCE_LANGUAGE)
    return english is not None and one.source_hash not in (None, english.hash)


def editable(library: Library, content_id: str) -> bool:
    """Whether the desk changes this text: messages and interface strings, never what keeps somebody safe."""
    if interface.is_string(content_id):
        return interface.editable(library, content_id)
    return content_id in library.messages and not content_id.startswith(SAFETY_PREFIX)


def all_ids(library: Library) -> Iterator[str]:
    """All texts that the desk changes: messages, then strings."""
    return chain(message_ids(library), interface.ids(library))


def message_ids(library: Library) -> list[str]:
    """All messages that the desk changes."""
    return sorted(id_ for id_ in library.messages if editable(library, id_))


def _marked(where: str, one: Written) -> Iterator[Problem]:
    if MARK in one.whole:
        yield Problem(where, None, "", "something is still to be written.", f"Write it in place of {MARK}.")


def _stale(library: Library, content_id: str, one: Written) -> Iterator[Problem]:
    if is_stale(library, content_id, one):
        yield Problem(content_id, None, STALE, "the translation is stale: the English has changed since.", "Put the words right.")


def _ids(library: Library, last: str) -> list[str]:
    """All messages that the desk changes, `last` at the end, so that words which stand in two texts are reported of that one."""
    return sorted(message_ids(library), key=lambda id_: id_ == last)


def _item(library: Library, tree: Tree, content_id: str, language: str, one: Written | None) -> Item:
    """A message as the checks see it, in English and `language`: `one` in place of what is live."""
    folder = tree.root / "content" / "messages" / content_id
    item = Item(folder / "message.yml", content_id, False, {}, [])
    for code in dict.fromkeys((SOURCE_LANGUAGE, language)):
        words = one if one is not None and code == language else live(library, content_id, code)
        if words is not None:
            path = folder / f"{code}.md"
            item.words[code] = Words(path, words.body, words.help_if, words.translation, words.source_hash)
    return item


def tongues() -> tuple[str, ...]:
    """The languages of content/languages.yml, English first."""
    codes = [language.code for language in supported()]
    return (SOURCE_LANGUAGE, *(code for code in codes if code != SOURCE_LANGUAGE))
