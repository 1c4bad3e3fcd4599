"""Interface strings back into the catalogs of `locales/`: one entry changed at a time, every other line left as it is."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.pofile import escape

from bot.desk import checks, interface
from bot.desk.store import written_of
from bot.library import Library
from bot.library.strings import SOURCE_LANGUAGE, STRING
from bot.library.written import MACHINE_DRAFT, Written
from bot.storage.tables import TextVersion

_ENTRY = r'(?P<notes>(?:^#.*\n)*)^msgid "{key}"\n(?P<plural>msgid_plural .*\n)?(?:msgstr.*\n(?:".*"\n)*)+'
_FUZZY = "#, fuzzy\n"


@dataclass(frozen=True, slots=True)
class Changed:
    """One catalog as it has to be: its path below the root, its text, and whether somebody changed a string of it since the desk last saw
    the file."""

    path: str
    text: str
    is_overtaken: bool


def changed(
    rows: Iterable[TextVersion], seen: Collection[tuple[str, str, str]], library: Library, root: Path
) -> Iterator[Changed]:
    """The catalogs that do not say what is published of strings. `rows` are the published versions, `seen` the words (content id, language,
    hash) that the desk knows."""
    live = {(row.content_id, row.language): written_of(row) for row in rows if checks.editable(library, row.content_id)}
    wanted: dict[Path, dict[str, Written]] = defaultdict(dict)
    for (content_id, language), one in [*live.items(), *_overtaken(live, library)]:
        path = Path("locales") / language / "LC_MESSAGES" / f"{interface.part(library, content_id)}.po"
        wanted[path][content_id] = one
    for path, words in wanted.items():
        before = (root / path).read_text(encoding="utf-8") if (root / path).is_file() else ""
        after = before
        for content_id, one in words.items():
            forms = interface.forms(library, content_id, path.parts[1])
            after = with_entry(
                after, content_id.removeprefix(STRING), one, is_draft=_is_draft(library, content_id, one), forms=forms
            )
        if after != before:
            held = {id_: checks.in_file(library, id_, path.parts[1]) for id_ in words if (id_, path.parts[1]) in live}
            lost = any(now is not None and (id_, path.parts[1], now.hash) not in seen for id_, now in held.items())
            yield Changed(path.as_posix(), after, lost)


def with_entry(text: str, key: str, one: Written, *, is_draft: bool, forms: int = 0) -> str:
    """The text of a catalog with the words of one string in it; `forms` is how many a plural one has, 0 for all others."""
    lines = one.body.split("\n")
    words = (
        "".join(f"msgstr[{number}] {escape(form)}\n" for number, form in enumerate(lines))
        if forms
        else f"msgstr {escape(one.body)}\n"
    )

    def entry(found: re.Match[str]) -> str:
        notes = found["notes"].replace(_FUZZY, "") + (_FUZZY if is_draft else "")
        return f'{notes}msgid "{key}"\n{found["plural"] or ""}{words}'

    after, times = re.subn(_ENTRY.format(key=re.escape(key)), entry, text, count=1, flags=re.MULTILINE)
    if times:
        return after
    plural = f'msgid_plural "{key}"\n' if forms else ""
    return f'{text.rstrip()}\n\n{_FUZZY if is_draft else ""}msgid "{key}"\n{plural}{words}'


def _overtaken(live: dict[tuple[str, str], Written], library: Library) -> Iterator[tuple[tuple[str, str], Written]]:
    """Translations that stand in files alone, of English that has been published since: a catalog can say so only by calling them fuzzy."""
    for content_id in [content_id for content_id, language in live if language == SOURCE_LANGUAGE]:
        for language in checks.tongues():
            held = checks.in_file(library, content_id, language)
            if held is not None and (content_id, language) not in live:
                yield (content_id, language), held


def _is_draft(library: Library, content_id: str, one: Written) -> bool:
    return one.translation == MACHINE_DRAFT or checks.is_stale(library, content_id, one)
