"""`bot insight`: count the days that are over, and check a file of births."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from bot.settings import ROOT, settings

insight_app = typer.Typer(no_args_is_help=True, help="Numbers for those who run and pay for Wren.")


def say(text: str) -> None:
    """A line for whoever looks on, on standard error."""
    print(text, file=sys.stderr, flush=True)


@insight_app.command("collect")
def collect_days(
    again: Annotated[
        str | None,
        typer.Option(help="Count this day of the running month anew, as 2026-11-03; whoever was forgotten since is left out."),
    ] = None,
) -> None:
    """Count the days that are over and not counted yet, and write them, one a line. A working Wren does so by itself each night."""
    from bot.handoff.hours import load_teams
    from bot.insight.collect import collect, recount
    from bot.storage.engine import Database
    from bot.storage.tables import now
    from bot.wiring import ready_database

    chosen, teams = settings(), load_teams(ROOT)
    database = Database(chosen.database)
    try:
        ready_database(chosen, database)
        if again is not None:
            with database.write() as session:
                recount(session, date.fromisoformat(again), teams.is_open)
            print(again)
        while days := collect(database, teams.is_open, now()):
            for day in days:
                print(day)
    except ValueError as error:
        say(f"{error}.")
        raise typer.Exit(1) from error
    finally:
        database.dispose()


@insight_app.command("births")
def check_births(file: Annotated[Path, typer.Argument(help="A CSV of area, year, births.", exists=True, dir_okay=False)]) -> None:
    """Check a file of births before WREN_BIRTHS_FILE names it, and write the latest year of each area."""
    from bot.handoff.hours import load_teams
    from bot.insight.births import read_births

    for area, births in read_births(file, load_teams(ROOT)).items():
        print(f"{area}: {births.number} in {births.year}")
