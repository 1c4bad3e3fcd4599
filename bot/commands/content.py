"""`bot content`: checking, laying out and approving the words that parents read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.common import say, started
from bot.settings import ROOT, settings

content_app = typer.Typer(no_args_is_help=True, help="The words that parents read.")


@content_app.command("check")
def content_check() -> None:
    """Look for mistakes in content, words, safety phrases, commands and training data, and say how to mend them."""
    from bot.library.check import report

    raise typer.Exit(report(ROOT, sys.stdout))


@content_app.command("phrase-effect")
def content_phrase_effect(
    language: Annotated[str, typer.Argument(help="For example en.")],
    against: Annotated[
        Path | None, typer.Option(help="Compare with this file, not with the last approved version.", exists=True, dir_okay=False)
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Compare with the version in this git revision.")] = None,
    examples: Annotated[int, typer.Option(help="How many of the project's own examples to show.", min=0)] = 10,
    phrases_alone: Annotated[bool, typer.Option(help="Leave the trained models out.")] = False,
    every_language: Annotated[bool, typer.Option(help="Judge the messages of every language, not of this one alone.")] = False,
) -> None:
    """What an edit of content/safety/LANGUAGE.yml would raise and lower, in counts and examples. Exit status 1 where a message
    that must never be missed is newly missed."""
    from bot.library.phrase_effect import Asked, report

    chosen = started()
    asked = Asked(language, against, revision, examples, phrases_alone, every_language)
    raise typer.Exit(report(ROOT, chosen.models_dir, asked, sys.stdout, say))


@content_app.command("approve")
def content_approve(
    name: Annotated[str, typer.Option(prompt=True, help="Who approves.")],
    role: Annotated[str, typer.Option(prompt=True, help="Such as Clinical Safety Officer.")],
    what: Annotated[str, typer.Option(prompt=True, help="What was looked at.")],
    languages: Annotated[
        list[str] | None, typer.Argument(help="Languages whose phrases and never-miss list are approved.")
    ] = None,
    thresholds: Annotated[bool, typer.Option(help="Approve content/safety/thresholds.yml too.")] = False,
) -> None:
    """Record in content/safety/approvals.yml that somebody has approved safety phrases as they are now."""
    from datetime import date

    from bot.library.approvals import NAME, record

    for file in record(ROOT, languages or [], name=name, role=role, what=what, thresholds=thresholds, day=date.today()):
        print(file)
    say(f"Recorded in {NAME}. Commit it with the files it names.")


@content_app.command("sync")
def content_sync() -> None:
    """Write data/nlu/commands.yml from content/commands.yml, so that the NLU learns the same words."""
    from bot.conversation.commands import LEARNT, learnt_yaml

    (ROOT / LEARNT).write_text(learnt_yaml(ROOT), encoding="utf-8")
    say(f"wrote {LEARNT}")


@content_app.command("questions")
def content_questions(lang: Annotated[str, typer.Option(help="Of one language only, for example pl.")] = "") -> None:
    """Write what parents asked without a good answer, as CSV: it says what to write next."""
    import csv

    from bot.console.questions import as_lines, read_questions
    from bot.storage.crypto import Keyring
    from bot.storage.engine import Database

    chosen = settings()
    database = Database(chosen.database)
    with database.read() as session:
        found = read_questions(session, Keyring(chosen.keys()), area_id=None, language=lang)
    database.dispose()
    csv.writer(sys.stdout).writerows(as_lines(found.shown))


@content_app.command("new-topic")
def content_new_topic(topic: Annotated[str, typer.Argument(help="For example child/teething.")]) -> None:
    """Lay out the files of a new topic in every language, with marks where to write."""
    from bot.library import scaffold

    _laid_out(lambda: scaffold.new_topic(ROOT, topic), "Write what is marked, then run: bot content check")


@content_app.command("new-language")
def content_new_language(code: Annotated[str, typer.Argument(help="For example pl.")]) -> None:
    """Lay out the files of a new language, with marks where to write."""
    from bot.library import scaffold

    _laid_out(lambda: scaffold.new_language(ROOT, code), scaffold.by_hand(code))


def _laid_out(lay: Callable[[], list[Path]], next_step: str) -> None:
    from bot.library.scaffold import Refused

    try:
        made = lay()
    except Refused as error:
        say(str(error))
        raise typer.Exit(1) from error
    for path in made:
        print(path.relative_to(ROOT))
    say(next_step)
