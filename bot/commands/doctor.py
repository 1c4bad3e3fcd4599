"""`bot doctor`: what is missing before the public may use this, and what became of one message."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bot.commands.common import say, started
from bot.settings import ROOT

doctor_app = typer.Typer(help="What is missing before the public may use this, and what became of one message.")


@doctor_app.callback(invoke_without_command=True)
def doctor(context: typer.Context) -> None:
    """What is missing before the public may use this installation, in plain words."""
    from bot.doctor import report

    if context.invoked_subcommand is None:
        raise typer.Exit(report(started(), ROOT, sys.stdout))


@doctor_app.command("trace")
def doctor_trace(message: Annotated[int, typer.Argument(help="The number that log lines call message.")]) -> None:
    """What became of one message: states and times in UTC, without words. Exit status 1 if there is no such message."""
    from bot.signals.trace import trace
    from bot.storage.engine import Database

    database = Database(started().database)
    with database.read() as session:
        lines = trace(session, message)
    database.dispose()
    if lines is None:
        say(f"No message has the number {message}: its writer may have asked to be forgotten.")
        raise typer.Exit(1)
    for line in lines:
        print(line)
