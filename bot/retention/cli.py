"""`bot retention`: delete what has had its time, or count it."""

from __future__ import annotations

import csv
import sys
from typing import Annotated

import typer

from bot.settings import ROOT, settings

retention_app = typer.Typer(no_args_is_help=True, help="How long data is kept (content/retention.yml), and its deletion.")


@retention_app.callback()
def _group() -> None:
    """A group, though there is one command: more may come."""


@retention_app.command("run")
def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would go, and delete nothing.")] = False,
) -> None:
    """Delete now what the night would, and write what went as CSV: area (empty for none), kind, older than, removed, held.
    Exit status 1 where something failed or another process is at it."""
    from bot.handoff.hours import load_teams
    from bot.retention.night import Keeping, Nights
    from bot.retention.record import last_runs
    from bot.retention.schedule import load_schedule
    from bot.storage.crypto import Keyring
    from bot.storage.engine import Database
    from bot.storage.standing import bring_up
    from bot.storage.tables import now

    chosen, schedule, teams = settings(), load_schedule(ROOT), load_teams(ROOT)
    database = Database(chosen.database)
    bring_up(database)
    nights = Nights(Keeping(database=database, keyring=Keyring(chosen.keys()), schedule=schedule, teams=teams))
    out, moment = csv.writer(sys.stdout, lineterminator="\n"), now()
    if dry_run:
        out.writerow(["area", "kind", "older_than", "due", "held"])
        out.writerows((one.area, one.kind, f"{one.cut:%Y-%m-%d}", one.due, one.held) for one in nights.count(moment))
        database.dispose()
        return
    busy = nights.run(moment)
    with database.read() as session:
        runs = [one for one in last_runs(session) if one.ended_at == moment]
    database.dispose()
    out.writerow(["area", "kind", "older_than", "removed", "held", "failed"])
    out.writerows((one.area, one.kind, f"{one.cut:%Y-%m-%d}", one.removed, one.held, one.failed or "") for one in runs)
    for area in busy:
        print(f"another process is deleting for {area or 'what belongs to no area'} now", file=sys.stderr)
    raise typer.Exit(1 if busy or any(one.failed for one in runs) else 0)
