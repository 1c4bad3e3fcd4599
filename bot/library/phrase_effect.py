"""`bot content phrase-effect`: the working file of one language's safety phrases against an earlier version of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from bot.library.approvals import FOLDER, Version, committed_version, earlier_version
from bot.library.yamlfile import DataError, Problem
from bot.triage import Triage, effect, rules
from bot.triage.reader import MODEL_NAME
from bot.triage.rules import RuleBook


@dataclass(frozen=True, slots=True)
class Asked:
    """What to compare: `against` a file, or a git `revision`, or else the last approved version."""

    language: str
    against: Path | None = None
    revision: str | None = None
    examples: int = 10
    phrases_alone: bool = False
    every_language: bool = False


def report(root: Path, models: Path, asked: Asked, out: TextIO, say: Callable[[str], None]) -> int:
    """Write what the working file would raise and lower. `models` is the folder of trained models.

    Returns 1 where a message that must never be missed is newly missed, else 0. Raises `DataError` where one of the versions is not
    there or cannot be read.
    """
    name = f"{asked.language}.yml"
    model = None if asked.phrases_alone else _newest_model(models)
    triage = _loaded(root, model)
    if asked.language not in triage.books or not (root / FOLDER / name).is_file():
        raise _wrong(name, f"there are no safety phrases in “{asked.language}”.", "Use a code of content/languages.yml.")
    earlier = _earlier(root, asked, name)
    out.write(f"{FOLDER}/{name}, as it is now, against {earlier.said}.\n{_how(model, asked)}\n\n")
    if earlier.text == (root / FOLDER / name).read_text(encoding="utf-8"):
        out.write("The two are the same: nothing changes.\n")
        return 0
    before = effect.with_book(triage, _book(earlier.text, name))
    languages = [asked.language, *(sorted(set(triage.books) - {asked.language}) if asked.every_language else ())]
    found = [message for language in languages for message in effect.messages(root, language)]
    say(f"Judging {len(found)} messages by both versions ...")
    return effect.write(effect.judge(found, before, triage, say), asked.examples, out)


def _loaded(root: Path, model: Path | None) -> Triage:
    """Triage with the files as they are now. Raises `DataError` where one cannot be used."""
    try:
        return Triage.load(root / "content", model)
    except rules.RuleFileError as error:
        raise _unusable(FOLDER, error) from error


def _earlier(root: Path, asked: Asked, name: str) -> Version:
    if asked.against is not None:
        try:
            return Version(asked.against.read_text(encoding="utf-8"), str(asked.against))
        except UnicodeDecodeError as error:
            raise _wrong(name, f"{asked.against} is not saved as UTF-8.", "Save it again as UTF-8.") from error
    found = committed_version(root, name, asked.revision) if asked.revision else earlier_version(root, name)
    if found is None:
        what = f"git knows no version in “{asked.revision}”." if asked.revision else "git knows no other version of it."
        raise _wrong(name, what, "Give a file to compare with: --against FILE.")
    return found


def _book(text: str, name: str) -> RuleBook:
    """The rule book of an earlier version: the loader goes by the file's name. Raises `DataError` where it cannot be used."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(text, encoding="utf-8")
        try:
            return rules.load(path)
        except rules.RuleFileError as error:
            raise _unusable("the earlier version of", error) from error


def _newest_model(models: Path) -> Path | None:
    """The file trained last, whatever phrases it was trained on; None where none has been."""
    trained = sorted(models.glob(f"triage-*/{MODEL_NAME}"), key=lambda path: path.stat().st_mtime)
    return trained[-1] if trained else None


def _how(model: Path | None, asked: Asked) -> str:
    said = (
        "Judged by the phrases and by the models trained last. `bot train` trains them anew on an edit, and refuses one that misses "
        "a never-miss message."
        if model is not None
        else "Judged by the phrases alone, without the trained models, which catch more. `bot train` trains them and judges the "
        "never-miss lists with both."
    )
    if asked.language == "en" and not asked.every_language:
        said += "\nEnglish phrases are read in every message with Latin letters: see the other languages with --every-language."
    return said


def _unusable(where: str, error: rules.RuleFileError) -> DataError:
    slash = "/" if where == FOLDER else " "
    return DataError([Problem(f"{where}{slash}{p.file}", p.line, p.field, f"{p.message}.", f"{p.mend}.") for p in error.problems])


def _wrong(name: str, message: str, mend: str) -> DataError:
    return DataError([Problem(f"{FOLDER}/{name}", None, "", message, mend)])
