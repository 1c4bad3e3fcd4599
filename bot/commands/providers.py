"""`bot whatsapp` and `bot telegram`: what the providers hold of ours."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any

import typer

from bot.commands.common import say, started
from bot.settings import ROOT

whatsapp_app = typer.Typer(no_args_is_help=True, help="The WhatsApp number and its templates.")
telegram_app = typer.Typer(no_args_is_help=True, help="The Telegram bot.")


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

    chosen = started()
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

    channel = whatsapp_channel(started())
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

    chosen = started()
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
