"""The command line: `bot --help` lists everything. Progress goes to standard error; results to standard output."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.settings import ROOT, Settings, settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its tracebacks print variables, which may hold a parent's words
    help="Wren: a chat bot for parents and carers of babies and under-fives.",
)
content_app = typer.Typer(no_args_is_help=True, help="The words that parents read.")
ROLE_HELP = "editor, translator, clinical_lead, approver, practitioner, manager, administrator or commissioner; may be given several times."
staff_app = typer.Typer(no_args_is_help=True, help="Accounts of the staff console.")
factor_app = typer.Typer(no_args_is_help=True, help="Second factors of staff.")
whatsapp_app = typer.Typer(no_args_is_help=True, help="The WhatsApp number and its templates.")
doctor_app = typer.Typer(help="What is missing before the public may use this, and what became of one message.")
telegram_app = typer.Typer(no_args_is_help=True, help="The Telegram bot.")
app.add_typer(whatsapp_app, name="whatsapp")
app.add_typer(telegram_app, name="telegram")
app.add_typer(content_app, name="content")
app.add_typer(doctor_app, name="doctor")
app.add_typer(staff_app, name="staff")
staff_app.add_typer(factor_app, name="second-factor")


def say(text: str) -> None:
    """A line of progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def _started() -> Settings:
    from bot.logs import configure

    chosen = settings()
    configure(chosen.log_level, chosen.log_format)
    return chosen


@app.command()
def run() -> None:
    """Everything on this machine: database, content, models, Rasa, web, workers (and Telegram if a token is set)."""
    from bot.models import train_nlu, train_triage
    from bot.run import run_all

    chosen = _started()
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

    chosen = _started()
    train_triage(chosen, say)
    raise typer.Exit(run_worker(chosen, train_nlu(chosen, say), say))


def _app(*, web: bool, work: bool) -> None:
    from bot.app import run_app
    from bot.storage.engine import Database
    from bot.wiring import build, use_database

    chosen = _started()
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

    chosen = _started()
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
        act(_started(), file, say)
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

    chosen = _started()
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

    chosen = _started()
    if not chosen.rasa_port or not chosen.action_port:
        raise typer.BadParameter("set WREN_RASA_PORT and WREN_ACTION_PORT")
    command = rasa_command(train_nlu(chosen, say), chosen.rasa_port)
    os.chdir(ROOT)
    os.execve(command[0], command, rasa_environment(chosen, chosen.action_port))  # noqa: S606 - our own program


@app.command("rasa-tool", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def rasa_tool(context: typer.Context) -> None:
    """Rasa's own tools on our files: data validate, test, shell, and whatever else `rasa --help` lists."""
    from bot.rasatool import run as run_tool

    raise typer.Exit(run_tool(_started(), context.args, say))


@app.command()
def train() -> None:
    """Train the triage and language models if what they learn from has changed."""
    from bot.models import train_nlu, train_triage

    chosen = _started()
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

    chosen = _started()

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

    chosen = _started()
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

    chosen = _started()
    lines = sys.stdin.readlines()

    async def go() -> int:
        async with stage(chosen, say) as parts:
            assert parts.rasa is not None
            return await run_lines(Understanding(parts, Commands.load(ROOT), parts.rasa), lines, sys.stdout)

    raise typer.Exit(asyncio.run(go()))


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

    chosen = _started()
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


@whatsapp_app.command("templates")
def whatsapp_templates(
    submit: Annotated[bool, typer.Option("--submit", help="Hand in to Meta what it does not have yet.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody; show what is known.")] = False,
) -> None:
    """Ask Meta how each template of content/templates stands in each language, and write it as CSV. Exit status 1 while any of
    today's words cannot be sent as they were meant, but for languages that Meta takes no templates in."""
    from bot.channels.whatsapp import GraphError
    from bot.library.templates import Templates
    from bot.storage.engine import Database
    from bot.whatsapp import whatsapp_channel
    from bot.whatsapp_templates import NO_TEMPLATES, as_lines, missing, sync, write_lines
    from bot.whatsapp_templates import submit as hand_in
    from bot.wiring import ready_database

    chosen = _started()
    templates, database = Templates.load(ROOT), Database(chosen.database)
    ready_database(chosen, database)
    channel = None if offline else whatsapp_channel(chosen)
    if channel is None and not offline:
        say("Set WREN_WHATSAPP_TOKEN, WREN_WHATSAPP_PHONE_NUMBER_ID and WREN_WHATSAPP_BUSINESS_ID, or ask with --offline.")
        raise typer.Exit(2)

    async def go(asked: Any) -> list[str]:
        try:
            if submit:
                return await hand_in(asked, database, templates)
            await sync(asked, database, templates)
            return []
        finally:
            await asked.close()

    try:
        for problem in asyncio.run(go(channel)) if channel is not None else []:
            say(problem)
    except GraphError as error:
        say(f"Meta could not be asked: {error}.")
        raise typer.Exit(1) from error
    with database.read() as session:
        write_lines(as_lines(session, templates), sys.stdout)
        lacking = missing(session, templates).keys() - {NO_TEMPLATES}
    database.dispose()
    raise typer.Exit(1 if lacking else 0)


@whatsapp_app.command("number")
def whatsapp_number() -> None:
    """Ask Meta for our number with our token: shows the number, its approved name and its quality. Exit status 1 if it refuses."""
    from bot.channels.whatsapp import GraphError
    from bot.whatsapp import whatsapp_channel

    channel = whatsapp_channel(_started())
    if channel is None:
        say("Set WREN_WHATSAPP_TOKEN and WREN_WHATSAPP_PHONE_NUMBER_ID.")
        raise typer.Exit(2)

    async def go() -> Any:
        try:
            return await channel.number()
        finally:
            await channel.close()

    try:
        for name, value in asyncio.run(go()).items():
            print(f"{name}: {value}")
    except GraphError as error:
        say(f"Meta refuses: {error}.")
        raise typer.Exit(1) from error


@telegram_app.command("webhook")
def telegram_webhook(
    set_: Annotated[
        bool, typer.Option("--set", help="Have Telegram deliver to WREN_PUBLIC_URL; every start does this too.")
    ] = False,
    delete: Annotated[bool, typer.Option("--delete", help="No more deliveries: what comes waits for a day.")] = False,
) -> None:
    """Where Telegram delivers, how much waits there and what went wrong last. Exit status 1 if Telegram refuses, 2 for our own settings."""
    from telegram.error import TelegramError

    from bot.channels.telegram import webhook
    from bot.telegram_webhook import telegram_channel, webhook_url

    chosen = _started()
    channel = telegram_channel(chosen)
    wrong = webhook.mistake(webhook_url(chosen), chosen.telegram_secrets()) if set_ else None
    if channel is None or wrong is not None or (set_ and delete):
        say(f"{wrong}." if wrong else "Choose one of --set and --delete." if channel else "Set WREN_TELEGRAM_TOKEN.")
        raise typer.Exit(2)

    async def go() -> Any:
        try:
            if set_:
                await webhook.set_webhook(channel.bot, webhook_url(chosen), chosen.telegram_secrets()[0])
            if delete:
                await webhook.delete_webhook(channel.bot)
            return await webhook.webhook_info(channel.bot)
        finally:
            await channel.close()

    try:
        info = asyncio.run(go())
    except TelegramError as error:
        say(f"Telegram refuses ({type(error).__name__}).")
        raise typer.Exit(1) from error
    print(f"address: {info.url or 'none: Wren polls, or nobody listens'}")
    print(f"waiting: {info.pending_update_count}")
    print(f"last error: {info.last_error_message or 'none'}")


@staff_app.command("add")
def staff_add(
    username: str,
    first_name: Annotated[str, typer.Option(prompt=True, help="Shown to parents.")],
    job_title: Annotated[str, typer.Option(prompt=True, help="Shown to parents.")],
    area: Annotated[str | None, typer.Option(help="The area whose cases they see; without it all.")] = None,
    email: Annotated[str | None, typer.Option(help="Where alarms reach them.")] = None,
    role: Annotated[list[str], typer.Option(help=ROLE_HELP)] = ["practitioner"],  # noqa: B006 - typer copies it
) -> None:
    """Make an account for the staff console; prints a password to pass on by a safe way."""
    _staff(
        lambda accounts, session, password: accounts.add_staff(
            session,
            username=username,
            first_name=first_name,
            job_title=job_title,
            password=password,
            area_id=area,
            email=email,
            roles=role,
        )
    )


@staff_app.command("change")
def staff_change(
    username: str,
    role: Annotated[list[str] | None, typer.Option(help=f"Instead of the roles they have. {ROLE_HELP}")] = None,
    area: Annotated[str | None, typer.Option(help="The area whose cases they see.")] = None,
    email: Annotated[str | None, typer.Option(help="Where alarms reach them.")] = None,
    disable: Annotated[bool, typer.Option("--disable", help="Close the account.")] = False,
) -> None:
    """Change an account's roles, area or address, or close it; what is not given stays."""
    _staff(
        lambda accounts, session, _: accounts.change_staff(
            session, username=username, roles=role or (), email=email, area_id=area, disabled=disable
        ),
        show_password=False,
    )


@staff_app.command("reset")
def staff_reset(username: str) -> None:
    """Give an account a new password and end its sessions."""
    _staff(lambda accounts, session, password: accounts.reset_password(session, username=username, password=password))


@staff_app.command("list")
def staff_list(
    off: Annotated[bool, typer.Option("--off", help="Those that are switched off, not those that are open.")] = False,
) -> None:
    """Write the accounts as CSV: user name, names, roles, area (empty for all), last sign-in in UTC, second factor."""
    import csv

    from bot.console.accounts import as_lines

    found: list[list[str]] = []
    _staff(lambda accounts, session, _: found.extend(as_lines(session, off=off)), show_password=False)
    csv.writer(sys.stdout).writerows(found)


@staff_app.command("roles")
def staff_roles(
    username: str,
    role: Annotated[list[str] | None, typer.Argument(help=f"Instead of the roles they have. {ROLE_HELP}")] = None,
) -> None:
    """Write an account's roles, one a line; given roles, set them first."""
    found: list[str] = []

    def act(accounts: Any, session: Any, _: str) -> None:
        if role:
            accounts.change_staff(session, username=username, roles=role)
        found.extend(accounts.find_staff(session, username).roles)

    _staff(act, show_password=False)
    for one in found:
        print(one)


@staff_app.command("off")
def staff_off(username: str) -> None:
    """Switch an account off and end its sign-ins; the last administrator stays."""
    _staff(
        lambda accounts, session, _: accounts.switch_off(session, accounts.find_staff(session, username)),
        show_password=False,
    )


@factor_app.command("reset")
def staff_second_factor_reset(username: str) -> None:
    """Take somebody's second factor away, for a lost phone, and end their sign-ins. It is recorded."""
    had: list[bool] = []
    _staff(
        lambda accounts, session, _: had.append(accounts.reset_factor(session, accounts.find_staff(session, username))),
        show_password=False,
    )
    say("The second factor is gone." if had[0] else "There was no second factor; sign-ins have ended.")


def _staff(act: Callable[..., object], *, show_password: bool = True) -> None:
    import secrets

    from bot.console import accounts
    from bot.storage.engine import Database
    from bot.wiring import ready_database

    chosen = _started()
    database = Database(chosen.database)
    ready_database(chosen, database)
    password = secrets.token_urlsafe(12)
    try:
        with database.write() as session:
            act(accounts, session, password)
    except (KeyError, ValueError) as error:
        say(str(error.args[0] if error.args else error))
        raise typer.Exit(1) from error
    if show_password:
        print(password)


@doctor_app.callback(invoke_without_command=True)
def doctor(context: typer.Context) -> None:
    """What is missing before the public may use this installation, in plain words."""
    from bot.doctor import report

    if context.invoked_subcommand is None:
        raise typer.Exit(report(_started(), ROOT, sys.stdout))


@doctor_app.command("trace")
def doctor_trace(message: Annotated[int, typer.Argument(help="The number that log lines call message.")]) -> None:
    """What became of one message: states and times in UTC, without words. Exit status 1 if there is no such message."""
    from bot.signals.trace import trace
    from bot.storage.engine import Database

    database = Database(_started().database)
    with database.read() as session:
        lines = trace(session, message)
    database.dispose()
    if lines is None:
        say(f"No message has the number {message}: its writer may have asked to be forgotten.")
        raise typer.Exit(1)
    for line in lines:
        print(line)


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
