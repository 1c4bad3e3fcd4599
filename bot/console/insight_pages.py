"""The pages of insight: what was published of a month, and of the last whole quarter up to it, for managers and commissioners.

Staff of an area see its figures; staff of all areas choose one, or the sum of what is shown of each. Nothing here reads people or
their messages: all comes by way of `bot.insight.tables`. What is looked at and taken out is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from bot.console.guard import Visit
from bot.console.insight_sheets import PAGES, Sheet, Sheets
from bot.console.look import Look, private
from bot.console.services import ConsoleServices
from bot.insight.births import read_births
from bot.insight.collect import whole_months
from bot.insight.days import months_of, quarter_of
from bot.insight.disclosure import THRESHOLD, Figure, Hidden, total
from bot.insight.tables import Quarter, Table, areas, month_tables, quarter_tables, tables_of_months, together
from bot.storage.tables import StaffAudit
from services_directory import Directory, Mode, Query, vocabulary

ALL_AREAS = "*"
_ANY_WAY: tuple[Mode | None, ...] = (None, "go")
"""Without a place the directory leaves out what one has to go to, unless it is asked for."""

YEAR = 12
"""Months that are shown side by side."""

MOST_HELD = 100
"""Services counted at most for a kind of help; more are told as so many or more."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks at. `area` is "" for people of no area and `ALL_AREAS` for the sum; `quarter` None before one is whole."""

    month: str
    quarter: str | None
    area: str
    months: Sequence[str]
    areas: Sequence[str]


class InsightDesk:
    """The handlers behind the guard; they run in a thread."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._services, self._look, self._words = services, look, look.words
        self._sheets = Sheets(look.words, services.renderer.library)
        births = services.settings.births_file
        self._births = read_births(births, services.teams) if births is not None else {}
        engine = services.directory_engine
        self._directory = Directory(engine) if engine is not None else None

    def overview(self, visit: Visit) -> Response:
        """The month in a few figures."""
        asked = self._asked(visit)
        if asked is None:
            return self._look.page("insight.html", who=visit.who, page="overview", asked=None, pages=tuple(PAGES))
        tables, _ = self._tables(asked)
        self._record(visit, "insight.view", f"overview {asked.month} {asked.area}")
        values: dict[str, Any] = {
            "facts": self._facts(tables),
            "sheets": [],
            "pages": tuple(PAGES),
            "least": THRESHOLD,
            "not_held": (),
            "called": self._called,
        }
        return self._look.page("insight.html", who=visit.who, page="overview", asked=asked, **values)

    def one(self, visit: Visit) -> Response:
        """One page. `?month=` one that is over, `?area=` for staff of all areas."""
        page, asked = visit.request.path_params["page"], self._asked(visit)
        if page not in PAGES:
            return self._missing(visit)
        if asked is None:
            return self._look.page("insight.html", who=visit.who, page=page, asked=None, pages=tuple(PAGES))
        self._record(visit, "insight.view", f"{page} {asked.month} {asked.area}")
        values: dict[str, Any] = {"facts": (), "sheets": self._of(page, asked), "pages": tuple(PAGES), "least": THRESHOLD}
        values["called"] = self._called
        values["not_held"] = self._sheets.headings.not_held if page == "return" else ()
        return self._look.page("insight.html", who=visit.who, page=page, asked=asked, **values)

    def file(self, visit: Visit) -> Response:
        """One table as CSV."""
        page, key, asked = visit.request.path_params["page"], visit.request.path_params["table"], self._asked(visit)
        sheets = self._of(page, asked) if page in PAGES and asked is not None else []
        sheet = next((one for one in sheets if one.key == key), None)
        if sheet is None or asked is None:
            return self._missing(visit)
        self._record(visit, "insight.file", f"{key} {sheet.period} {asked.area}")
        response = Response(sheet.as_csv(self._named(asked.area)), media_type="text/csv; charset=utf-8")
        place = {ALL_AREAS: "all-areas", "": "no-area"}.get(asked.area, quote(asked.area, safe=""))
        response.headers["Content-Disposition"] = f'attachment; filename="wren-{sheet.key}-{place}-{sheet.period}.csv"'
        return private(response)

    def _asked(self, visit: Visit) -> Asked | None:
        """What is asked for, or the newest of what may be seen; None while no month is whole."""
        query, own = visit.request.query_params, visit.who.area_id
        with self._services.database.read() as session:
            months = whole_months(session)
            known = areas(session, (months[-1], months[0])) if months else []
        if not months:
            return None
        month = wanted if (wanted := query.get("month", "")) in months else months[0]
        choices = [own] if own is not None else [ALL_AREAS, *known]
        area = wanted if (wanted := query.get("area", "")) in choices else choices[0]
        quarters = [quarter_of(one) for one in months if one == months_of(quarter_of(one))[-1] and one <= _end_of_quarter(month)]
        return Asked(month, quarters[0] if quarters else None, area, months, choices)

    def _tables(self, asked: Asked) -> tuple[dict[str, Table], Quarter | None]:
        with self._services.database.read() as session:
            if asked.area == ALL_AREAS:
                every = [month_tables(session, area, asked.month) for area in asked.areas if area != ALL_AREAS]
                return together(every), None
            quarter = quarter_tables(session, asked.area, asked.quarter) if asked.quarter is not None else None
            return month_tables(session, asked.area, asked.month), quarter

    def _over_time(self, asked: Asked) -> dict[str, dict[str, Table]]:
        """The tables of a year's months up to the one that is asked for, newest first."""
        months = [month for month in asked.months if month <= asked.month][:YEAR]
        wanted = [area for area in asked.areas if area != ALL_AREAS] if asked.area == ALL_AREAS else [asked.area]
        with self._services.database.read() as session:
            found = tables_of_months(session, months, wanted)
        return {month: together(of) if asked.area == ALL_AREAS else of[0] for month, of in found.items()}

    def _of(self, page: str, asked: Asked) -> list[Sheet]:
        if page == "time":
            return self._sheets.over_time(self._over_time(asked), self._facts)
        tables, quarter = self._tables(asked)
        sheets = self._sheets.of_month(page, tables, asked.month)
        if page == "reach" and asked.area in self._births:
            parents = tables["people:age"]["under-1"]
            sheets.append(self._sheets.births(asked.area, self._births[asked.area], parents, asked.month))
        if quarter is not None and asked.quarter is not None:
            sheets += self._sheets.of_quarter(page, quarter, asked.quarter, self._held)
        return sheets

    def _facts(self, tables: Mapping[str, Table]) -> list[tuple[str, str]]:
        """(what, figure) for the top of the overview."""
        arrival, hours = tables.get("people:arrival", {}), tables.get("conversation:hours", {})
        facts: dict[str, Figure] = {
            "people": total(tables.get("people:channel", {}).values()),
            "new": total([one for category, one in arrival.items() if category != "returning"]),
            "conversations": total(tables.get("conversation:ending", {}).values()),
            "cases": total(tables.get("case:level", {}).values()),
        }
        said = [(self._words(f"insight.fact.{name}"), self._sheets.figure(one)) for name, one in facts.items()]
        return [*said, (self._words("insight.fact.closed"), self._share(hours))]

    def _share(self, hours: Table) -> str:
        closed, opened = hours.get("closed"), hours.get("open")
        if closed is None or opened is None or isinstance(closed, Hidden) or isinstance(opened, Hidden):
            return self._words("insight.no_share")
        return f"{round(100 * closed / (closed + opened))} %"

    def _held(self, need: str, place: str | None) -> str:
        """How many services the directory holds now for a kind of help, anywhere or near a place."""
        if self._directory is None or need not in vocabulary().terms:
            return ""
        found = {
            match.service.id
            for mode in _ANY_WAY
            for match in self._directory.search(Query(need=need, place=place, mode=mode, limit=MOST_HELD))
        }
        return self._words("insight.at_least", number=MOST_HELD) if len(found) >= MOST_HELD else str(len(found))

    def _named(self, area: str) -> str:
        return {ALL_AREAS: self._words("insight.all_areas"), "": self._words("insight.no_area")}.get(area, area)

    def _called(self, area: str) -> str:
        """An area as people call it, for the page; files have its id, which other tables have too."""
        team = self._services.teams.get(area)
        return self._named(area) if team is None else team.name

    def _record(self, visit: Visit, action: str, subject: str) -> None:
        with self._services.database.write() as session:
            session.add(StaffAudit(staff_id=visit.who.staff_id, action=action, subject=subject.strip()[:80]))

    def _missing(self, visit: Visit) -> Response:
        return self._look.notice("no_page", 404, who=visit.who, back="/staff/insight")


def _end_of_quarter(month: str) -> str:
    return months_of(quarter_of(month))[-1]
