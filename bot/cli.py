"""The command line: `bot --help` lists everything. Progress goes to standard error; results to standard output."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.common import say, started
from bot.commands.content import content_app
from bot.commands.doctor import doctor_app
from bot.commands.providers import telegram_app, whatsapp_app
from bot.commands.staff import staff_app
from bot.settings import ROOT, Settings, settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its tracebacks print variables, which may hold a parent's words
    help="Wren: a chat bot for parents and carers of babies and under-fives.",
)
app.add_typer(whatsapp_app, name="whatsapp")
app.add_typer(telegram_app, name="telegram")
app.add_typer(content_app, name="content")
app.add_typer(doctor_app, name="doctor")
app.add_typer(staff_app, name="staff")


@app.command()
def run() -> None:
    """Everything on this machine: database, content, models, Rasa, web, workers (and Telegram if a token is set)."""
    from bot.models import train_nlu, train_triage
    from bot.run import run_all

    chosen = started()
    train_triage(chosen, say)
    model = train_nlu(chosen, say)
    raise typer.Exit(run_all(chosen, model, say))


@app.command()
def serve(
    work: Annotated[bool, typer.Option(help="Also run workers, sender and pollers in this process.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Ask the one that runs on this machine whether it is ready.")] = False,
) -> None:
    """The web server: landing pages, web chat, staff console, webhooks. Any number of them, on a database prepared by `bot migrate`."""
    if check:
        from bot.health import check as ask

        chosen = settings()
        raise typer.Exit(ask(chosen.local_url, say))
    _app(web=True, work=work)


@app.command()
def work(
    check: Annotated[
        bool, typer.Option("--check", help="Ask the one that runs on this machine whether it is ready (WREN_ACTION_PORT).")
    ] = False,
) -> None:
    """Workers, sender, sweep and pollers, without the web server, and a Rasa of their own unless WREN_RASA_URL names one that runs.
    Any number of them, on a database prepared by `bot migrate`."""
    chosen = settings()
    if check:
        from bot.health import check as ask

        if not chosen.action_port:
            raise typer.BadParameter("set WREN_ACTION_PORT, so that it is known where to ask")
        raise typer.Exit(ask(f"http://127.0.0.1:{chosen.action_port}", say))
    if chosen.rasa_url:
        _app(web=False, work=True)
        return
    from bot.models import train_nlu, train_triage
    from bot.run import run_worker

    chosen = started()
    train_triage(chosen, say)
    raise typer.Exit(run_worker(chosen, train_nlu(chosen, say), say))


def _app(*, web: bool, work: bool) -> None:
    from bot.app import run_app
    from bot.storage.engine import Database
    from bot.wiring import build, use_database

    chosen = started()
    database = Database(chosen.database)
    use_database(chosen, database)
    database.dispose()
    gc.disable()  # what is read at the start is there for as long as the process
    parts = build(chosen, migrated=True)
    gc.freeze()
    gc.enable()
    with asyncio.Runner(loop_factory=_faster_loop()) as runner:
        raise typer.Exit(runner.run(run_app(parts, web=web, work=work)))


@app.command()
def migrate() -> None:
    """Bring the database to this version of Wren. Run it once, before new code starts; old code may go on beside it."""
    from bot.storage.engine import Database
    from bot.wiring import prepare_database, versions_of

    chosen = started()
    database = Database(chosen.database)
    prepare_database(chosen, database)
    for what, version in versions_of(database).items():
        print(f"{what}: {version}")
    database.dispose()


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="Where to; a file that is not there yet.", dir_okay=False)]) -> None:
    """Copy the whole database into one file while Wren goes on. The keys are not in it: keep them apart."""
    from bot.backup import back_up

    _copying(back_up, file)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `bot backup` made.", exists=True, dir_okay=False)],
    forgotten: Annotated[
        list[Path] | None,
        typer.Option(
            help="Another machine's list of who was forgotten; may be given several times.", exists=True, dir_okay=False
        ),
    ] = None,
) -> None:
    """Take a copy into the empty database that WREN_DATABASE_URL names, bring it to this version, check it, and forget again who asked
    to be forgotten since, by the list in WREN_FORGOTTEN_FILE. Wren must not be running."""
    from bot.backup import restore as take_in

    _copying(partial(take_in, lists=forgotten or []), file)


def _copying(act: Callable[[Settings, Path, Callable[[str], None]], None], file: Path) -> None:
    from bot.backup import Refused

    try:
        act(started(), file, say)
    except Refused as error:
        say(str(error))
        raise typer.Exit(1) from error


@app.command("new-key")
def new_key() -> None:
    """Write a fresh encryption key, for WREN_SECRET_KEYS."""
    from bot.storage.crypto import new_key as make

    print(make())


@app.command()
def reseal() -> None:
    """Bring everything that is sealed with an older key under the newest, while Wren goes on, and say which keys may then be taken away.
    It may be stopped and begun again at any time. Exit status 1 while something is left."""
    from bot.keys import report
    from bot.storage.engine import Database
    from bot.wiring import use_database

    chosen = started()
    database = Database(chosen.database)
    try:
        use_database(chosen, database)
        raise typer.Exit(report(chosen, database, sys.stdout, say))
    finally:
        database.dispose()


def _faster_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's event loop; Python's own where there is none (Windows)."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    return new_event_loop


@app.command()
def rasa() -> None:
    """This machine's Rasa, on loopback (WREN_RASA_PORT, WREN_ACTION_PORT and WREN_RASA_TOKEN must match the workers')."""
    from bot.models import rasa_environment, train_nlu
    from bot.supervisor import rasa_command

    chosen = started()
    if not chosen.rasa_port or not chosen.action_port:
        raise typer.BadParameter("set WREN_RASA_PORT and WREN_ACTION_PORT")
    command = rasa_command(train_nlu(chosen, say), chosen.rasa_port)
    os.chdir(ROOT)
    os.execve(command[0], command, rasa_environment(chosen, chosen.action_port))  # noqa: S606 - our own program


@app.command("rasa-tool", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def rasa_tool(context: typer.Context) -> None:
    """Rasa's own tools on our files: data validate, test, shell, and whatever else `rasa --help` lists."""
    from bot.rasatool import run as run_tool

    raise typer.Exit(run_tool(started(), context.args, say))


@app.command()
def train() -> None:
    """Train the triage and language models if what they learn from has changed."""
    from bot.models import train_nlu, train_triage

    chosen = started()
    say(f"triage: {train_triage(chosen, say).name}")
    say(f"understanding: {train_nlu(chosen, say).name}")


@app.command()
def chat(
    lang: Annotated[str | None, typer.Option(help="Skip the language question.")] = None,
    script: Annotated[
        Path | None, typer.Option(help="Play a scripted conversation (JSON lines).", exists=True, dir_okay=False)
    ] = None,
) -> None:
    """Talk to Wren in the terminal, as a fresh person on a temporary database."""
    from bot.script import play, stage, talk

    chosen = started()

    async def go() -> int:
        async with stage(chosen, say) as parts:
            if script is not None:
                with script.open(encoding="utf-8") as lines:
                    return await play(parts, lines, lang, sys.stdout)
            say("Write as a parent would. A number presses that button. Ctrl-D ends.")
            await talk(parts, lang, lambda: sys.stdin.readline() or None, sys.stdout)
            return 0

    raise typer.Exit(asyncio.run(go()))


@app.command()
def triage() -> None:
    """Levels of messages: JSON lines {"id","text","lang"?} in, one JSON line each out. Needs no server."""
    from bot.kept import Kept
    from bot.models import train_triage, triage_model_path
    from bot.triage import Triage
    from bot.triage.lines import run as run_lines
    from bot.triage.reader import MODEL_NAME

    chosen = started()
    train_triage(chosen, say)
    loaded = Triage.load(ROOT / "content", triage_model_path(chosen) / MODEL_NAME, kept=Kept(chosen.kept_dir))
    raise typer.Exit(run_lines(sys.stdin, sys.stdout, loaded))


@app.command()
def understand() -> None:
    """What Wren makes of messages: JSON lines {"id","text","lang"?} in, one JSON line each out."""
    from bot.conversation.commands import Commands
    from bot.script import stage
    from bot.understand import Understanding
    from bot.understand import run as run_lines

    chosen = started()
    lines = sys.stdin.readlines()

    async def go() -> int:
        async with stage(chosen, say) as parts:
            assert parts.rasa is not None
            return await run_lines(Understanding(parts, Commands.load(ROOT), parts.rasa), lines, sys.stdout)

    raise typer.Exit(asyncio.run(go()))


@lru_cache(maxsize=1)
def whole_app() -> typer.Typer:
    """The command line with the parts that other rooms add."""
    from bot.campaigns.cli import campaign_app
    from bot.desk.cli import add_commands
    from bot.insight.cli import insight_app
    from bot.retention.cli import retention_app
    from bot.series.cli import series_app
    from services_directory.cli import directory_app

    app.add_typer(directory_app, name="directory")
    add_commands(content_app)
    app.add_typer(campaign_app, name="campaign")
    app.add_typer(series_app, name="series")
    app.add_typer(retention_app, name="retention")
    app.add_typer(insight_app, name="insight")
    return app


def main() -> None:
    """The entry point `bot`."""
    from bot.library.yamlfile import DataError
    from bot.models import TrainingFailed
    from bot.pages.council import CouncilError
    from bot.pages.framing import EmbedError
    from bot.storage.unfit import Unfit

    try:
        whole_app()(prog_name="bot")
    except KeyboardInterrupt:
        say("stopped")
        sys.exit(130)
    except (TrainingFailed, DataError, CouncilError, EmbedError, Unfit) as error:
        say(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
