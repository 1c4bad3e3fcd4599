"""`bot series`: the calendar of a series, and what waits for a template."""

from __future__ import annotations

import csv
import re
import sys
from datetime import date
from typing import Annotated

import typer

from bot.settings import ROOT, settings

series_app = typer.Typer(no_args_is_help=True, help="Series: messages by a child's age or around an occasion.")
MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])")


@series_app.command("calendar")
def calendar(
    series: Annotated[str, typer.Argument(help="A series, for example by-age.")],
    month: Annotated[
        str | None, typer.Option(help="Month of birth, or in which it starts, as 2026-03; empty means this month.")
    ] = None,
    pace: Annotated[str, typer.Option(help="weekly, fortnightly or monthly.")] = "weekly",
    nation: Annotated[str | None, typer.Option(help="england, scotland, wales or northern-ireland.")] = None,
    audience: Annotated[str | None, typer.Option(help="dad-or-partner or grandparent-or-carer.")] = None,
    early: Annotated[int, typer.Option(help="Months that the baby came too soon.", min=0, max=4)] = 0,
    child: Annotated[str | None, typer.Option(help="Month of birth, for a series around a date.")] = None,
) -> None:
    """Write what would come when, as CSV: day, months, step, essential, message."""
    from bot.library import Library
    from bot.series.calendar import Asked, calendar_of
    from bot.series.plan import PACES

    library = Library.load(ROOT)
    found = library.series.by_id.get(series)
    month = month or f"{date.today():%Y-%m}"
    if found is None or pace not in PACES or not all(MONTH.fullmatch(one) for one in (month, child or month)):
        print(f"Series: {', '.join(library.series.by_id)}. Paces: {', '.join(PACES)}. Months look like 2026-03.", file=sys.stderr)
        raise typer.Exit(2)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["day", "months", "step", "essential", "message"])
    asked = Asked(month=month, pace=pace, nation=nation, audience=audience, early=early, child=child)
    for line in calendar_of(library, found, asked):
        due = line.planned.due
        out.writerow([line.day, line.months, due.id, "yes" if due.step and due.step.essential else "", due.message])


@series_app.command("waiting")
def waiting() -> None:
    """Write what waits for a template or for somebody to write, as CSV: series, language, number, announced by a template."""
    from bot.series.calendar import waiting as waits
    from bot.storage.engine import Database

    database = Database(settings().database)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["series", "language", "number", "told"])
    with database.read() as session:
        out.writerows((one.series, one.language, one.number, one.told) for one in waits(session, None))
    database.dispose()
