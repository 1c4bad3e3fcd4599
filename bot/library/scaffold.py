"""`bot content new-topic` and `new-language`: lay out the files of a new topic or language, with marks where to write.

Nothing that exists is overwritten. What is left to write is marked, so that `bot content check` fails until it is done.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from babel import Locale
from babel.core import UnknownLocaleError
from babel.messages.catalog import Message
from babel.messages.plurals import get_plural

from bot.conversation.decide import label_of
from bot.languages.detection import main_script
from bot.library.check_data import TOPIC
from bot.library.check_files import MARK, STAFF_CATALOGS, Tree, forms_of, key_of
from bot.library.check_messages import Item, read_items
from bot.library.library import BLOCKS, GENERAL_SLUG, source_hash, version_of
from bot.library.replies import FOLDER
from bot.library.strings import SOURCE_LANGUAGE
from bot.triage.levels import Level

AREAS = ("baby", "child", "wellbeing", "family", "other")
"""The first part of a topic id, apart from the building blocks."""


class Refused(ValueError):
    """The topic or language cannot be laid out; the message says why in plain words."""


def new_topic(root: Path, topic: str) -> list[Path]:
    """Lay out one general message in every language, its title, its label and training examples, and list the topic.

    Returns the files made or added to. Raises `Refused`.
    """
    tree = Tree(root)
    area = topic.partition("/")[0]
    if not TOPIC.fullmatch(topic) or ("/" in topic) != (area not in BLOCKS) or area not in (*AREAS, *BLOCKS):
        raise Refused(f"“{topic}” is no topic id. Write {', '.join(f'{name}/…' for name in AREAS)} in lower case with hyphens.")
    if topic in tree.topics:
        raise Refused(f"the topic {topic} is there already. Write a new message in content/messages/{topic}/.")
    folder = root / "content" / "messages" / topic / GENERAL_SLUG
    _refuse_if_there(tree, folder, *(root / "data" / "nlu" / code / f"{label_of(topic)}.yml" for code in tree.languages))
    made = [_listed(root / "content" / "topics.yml", "  - ", topic, f"{area}/")]
    made.append(_listed(root / "domain.yml", "  - ", label_of(topic), f"topic_{area}_"))
    made += _message_files(tree, folder, topic)
    for language in tree.languages:
        made.append(_titled(root / "locales" / language / "LC_MESSAGES" / "wren.po", topic, draft=language != SOURCE_LANGUAGE))
        made.append(_write(root / "data" / "nlu" / language / f"{label_of(topic)}.yml", _examples(label_of(topic), topic)))
    return made


def new_language(root: Path, code: str) -> list[Path]:
    """Lay out the words of every message, the interface strings, safety phrases and examples in one more language.

    Returns the files made or added to. Raises `Refused`.
    """
    tree = Tree(root)
    try:
        locale = Locale.parse(code) if re.fullmatch(r"[a-z]{2,3}", code) else None
    except UnknownLocaleError:
        locale = None
    if locale is None or locale.english_name is None or locale.display_name is None:
        raise Refused(f"there is no language “{code}”. Use its code of two letters, such as pl for Polish.")
    if code in tree.languages:
        raise Refused(f"{locale.english_name} is there already: content/languages.yml has {code}.")
    begun = (f"content/safety/{code}.yml", f"{FOLDER}/{code}.yml", f"locales/{code}", f"data/nlu/{code}", f"data/triage/{code}")
    _refuse_if_there(tree, *(root / name for name in begun), *(root / "content").rglob(f"{code}.md"))
    path = root / "content" / "languages.yml"
    path.write_text(tree.text(path).rstrip("\n") + "\n" + _language_entry(code, locale), encoding="utf-8")
    made = [path]
    english = [item for item in read_items(tree) if SOURCE_LANGUAGE in item.words]
    made += [_write(item.path.parent / f"{code}.md", _to_translate(item)) for item in english]
    made += _catalogs(tree, code)
    made.append(_write(root / FOLDER / f"{code}.yml", _ready_replies(tree, code, locale.english_name)))
    made.append(_write(root / "content" / "safety" / f"{code}.yml", _safety_phrases(code, locale.english_name)))
    for level in Level:
        text = f"# {MARK}: messages of the level {level} in {locale.english_name}, one a line.\n"
        made.append(_write(root / "data" / "triage" / code / f"{level}.txt", text))
    for topic in tree.topics:
        made.append(_write(root / "data" / "nlu" / code / f"{label_of(topic)}.yml", _examples(label_of(topic), topic)))
    return made


def by_hand(code: str) -> str:
    """What a person adds to files that hold all languages side by side."""
    return (
        f"Now add {code} to content/helplines.yml, content/needs.yml, content/commands.yml, content/facts.yml "
        f"and content/templates, "
        f"and write what is marked {MARK}. `bot content check` lists every place."
    )


def _refuse_if_there(tree: Tree, *paths: Path) -> None:
    """Before anything is written: somebody else's beginning is not written over."""
    for path in paths:
        if path.exists():
            raise Refused(f"{tree.name(path)} is there already: move it away, or finish what it began by hand.")


def _write(path: Path, text: str) -> Path:
    if path.exists():
        raise Refused(f"{path} is there already; nothing was written over it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _listed(path: Path, dash: str, entry: str, beside: str) -> Path:
    """Add a list entry after the last one that begins with `beside`, else after the last entry of the file's last list."""
    lines = path.read_text(encoding="utf-8").split("\n")
    kin = [at for at, line in enumerate(lines) if line.startswith(dash + beside)]
    family = beside.partition("_")[0] + "_" if "_" in beside else ""
    kin = kin or [at for at, line in enumerate(lines) if line.startswith(dash + family)]
    lines.insert(kin[-1] + 1 if kin else len(lines), dash + entry)
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


# A topic


def _message_files(tree: Tree, folder: Path, topic: str) -> Iterator[Path]:
    block = topic if topic in BLOCKS else "respond"
    yield _write(
        folder / "message.yml",
        f"""id: {topic}/{GENERAL_SLUG}
topic: {topic}
blocks: [{block}]
ages: {{from: -9, to: 60}}
audience: [anyone]
tags: []
nations: []
cost: none
space: any
sources:
  - {{name: "{MARK}: the public guidance or study that the words rest on", year: 2020}}
reviewed: {{date: null, role: null}}
parent_tested: {{date: null, how_many: null}}
status: draft
follow_ups: [relax]
""",
    )
    words = f"""{MARK}: a short line that notices.

*Try this:* {MARK}: one thing to try today.

*Why:* {MARK}: one sentence."""
    help_if = f"{MARK}: when to get help, and whose: {{urgent_health}}." if topic.startswith("baby/") else None
    for language in tree.languages:
        extra = "translation: original\n"
        if language != SOURCE_LANGUAGE:
            extra = f'translation: machine-draft\nsource_hash: "{source_hash(words, help_if)}"\n'
        extra += f"get_help_if: {json.dumps(help_if)}\n" if help_if else ""
        yield _write(folder / f"{language}.md", f"---\n{extra}---\n{words}\n")


def _titled(path: Path, topic: str, *, draft: bool) -> Path:
    """Add the topic's title to a catalog."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    flag = "#, fuzzy\n" if draft else ""
    path.write_text(f'{text.rstrip()}\n\n{flag}msgid "topic.{topic}"\nmsgstr "{MARK}"\n', encoding="utf-8")
    return path


def _examples(label: str, topic: str) -> str:
    return f"""version: "3.1"
nlu:
- intent: {label}
  examples: |
    - {MARK} how a parent would ask about {topic}
    - {MARK} another way to ask about {topic}
"""


# A language


def _language_entry(code: str, locale: Locale) -> str:
    own = locale.get_language_name(code) or locale.display_name
    return f"""  - code: {code}
    english: {locale.get_language_name("en")}
    name: {own}
    direction: {"rtl" if locale.text_direction == "rtl" else "ltr"}
    status: machine-draft
    script: {main_script(str(own))}
    common: []  # {MARK}: 40 to 80 everyday words that few other languages here share
"""


def _to_translate(item: Item) -> str:
    """A file with the English under a mark, for a translator to write over."""
    english = item.words[SOURCE_LANGUAGE]
    lines = ["---", "translation: machine-draft", f'source_hash: "{source_hash(english.body, english.help_if)}"']
    if english.help_if:
        lines.append(f"get_help_if: {json.dumps(f'{MARK} {english.help_if}', ensure_ascii=False)}")
    return "\n".join([*lines, "---", f"{MARK}: translate this, and take this line out.", "", english.body, ""])


def _ready_replies(tree: Tree, code: str, english: str) -> str:
    """The ready replies with the English under a mark."""
    data = tree.data(f"{FOLDER}/{SOURCE_LANGUAGE}.yml")
    lines = [f"# Ready replies in {english}.", f"language: {code}", "translation: machine-draft", "replies:"]
    for id_, entry in (data["replies"] if data else {}).items():
        words = str(entry["words"])
        lines += [f"  {id_}:", f'    source_hash: "{version_of(words)}"', f"    words: {json.dumps(f'{MARK} {words}')}"]
    return "\n".join([*lines, ""])


def _catalogs(tree: Tree, code: str) -> Iterator[Path]:
    """Catalogs with every English key that parents see, without words: until they are written, English shows."""
    for (part, language), english in sorted(tree.catalogs.items()):
        if language != SOURCE_LANGUAGE or part in STAFF_CATALOGS:
            continue
        plurals = get_plural(code).num_plurals
        entries = [_empty_entry(entry, plurals) for entry in sorted(english, key=key_of) if entry.id]
        path = tree.root / "locales" / code / "LC_MESSAGES" / f"{part}.po"
        yield _write(path, "\n".join([_catalog_header(code), *entries]))


def _catalog_header(code: str) -> str:
    plural = get_plural(code)
    fields = (
        "Project-Id-Version: wren",
        f"Language: {code}",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=UTF-8",
        "Content-Transfer-Encoding: 8bit",
        f"Plural-Forms: nplurals={plural.num_plurals}; plural={plural.plural_expr};",
    )
    return 'msgid ""\nmsgstr ""\n' + "".join(f'"{field}\\n"\n' for field in fields)


def _empty_entry(entry: Message, forms: int) -> str:
    """A string without words, with the English in a comment for the translator."""
    key = key_of(entry)
    words = f'msgid "{key}"\n'
    if entry.pluralizable:
        words += f'msgid_plural "{key}"\n' + "".join(f'msgstr[{number}] ""\n' for number in range(forms))
    else:
        words += 'msgstr ""\n'
    english = forms_of(entry)[-1].replace("\n", " ")
    return words.replace('msgid "', f'#. {english}\nmsgid "', 1)


def _safety_phrases(code: str, english: str) -> str:
    return f"""# Safety phrases in {english}. What the signs mean, and how to add a phrase: see the docs under "triage".
# {MARK}: lists and rules like those of en.yml, in the words that people use.
language: {code}
"""
