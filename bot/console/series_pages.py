"""The pages of series: the list with what waits for a template, and each series as a calendar, message by message, as a parent sees it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from sqlalchemy.orm import Session
from starlette.responses import Response

from bot.console.guard import Visit
from bot.console.look import Look
from bot.console.services import ConsoleServices
from bot.conversation.series import EARLY
from bot.languages import direction, supported
from bot.library import Library
from bot.library.helplines import NATIONS
from bot.library.library import AUDIENCES
from bot.library.series import Series
from bot.series import store
from bot.series.calendar import Asked, Line, calendar_of, waiting
from bot.series.plan import PACES
from bot.storage.tables import StaffAudit

MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])")
READERS = AUDIENCES[1:3]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfPerson:
    """A series that somebody gets or got, by its name for staff."""

    id: int
    name: str
    state: str
    reason: str | None
    pace: str
    next_at: datetime | None
    agreed_at: datetime
    agreed_by: str
    can_undo: bool


def read_series(session: Session, library: Library, person_id: int) -> list[OfPerson]:
    """The series of a person, newest first."""
    return [
        OfPerson(
            id=row.id,
            name=library.series.by_id[row.series].name if row.series in library.series.by_id else row.series,
            state=row.state,
            reason=row.reason,
            pace=row.pace,
            next_at=row.next_at,
            agreed_at=row.agreed_at,
            agreed_by=row.agreed_by,
            can_undo=row.state == "ended" and row.reason in store.UNDOES,
        )
        for row in store.of_person(session, person_id)
    ]


class SeriesDesk:
    """The handlers behind the guard; they run in a thread."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._services, self._look = services, look
        self._library = services.renderer.library

    def list(self, visit: Visit) -> Response:
        """All series, and how many messages wait in which language."""
        with self._services.database.read() as session:
            waits = waiting(session, visit.who.area_id)
        self._record(visit, "series.list", "")
        return self._look.page("series_list.html", who=visit.who, series=list(self._library.series), waits=waits)

    def one(self, visit: Visit) -> Response:
        """A series by month. `?month=`, `pace`, `nation`, `audience`, `child`, `lang` choose the family."""
        series = self._library.series.by_id.get(visit.request.path_params["series"])
        if series is None:
            return self._look.notice("no_series", 404, who=visit.who, back="/staff/series")
        self._record(visit, "series.view", series.id)
        self._library.refresh()
        asked = visit.request.query_params
        languages = [one.code for one in supported()]
        chosen = {
            "month": _chosen(asked.get("month", ""), f"{date.today():%Y-%m}"),
            "child": _chosen(asked.get("child", ""), ""),
            "pace": pace if (pace := asked.get("pace", "")) in PACES else "weekly",
            "nation": nation if (nation := asked.get("nation", "")) in NATIONS else "",
            "audience": reader if (reader := asked.get("audience", "")) in READERS else "",
            "lang": lang if (lang := asked.get("lang", "")) in languages else "en",
        }
        family = Asked(
            month=chosen["month"],
            pace=chosen["pace"],
            nation=chosen["nation"] or None,
            audience=chosen["audience"] or None,
            child=chosen["child"] or None,
            early=EARLY[1] if series.counts_from == "corrected" else 0,
        )
        lines = list(calendar_of(self._library, series, family))
        months = [
            (self._look.words.month(month), [self._entry(series, line, chosen["lang"], family.nation) for line in found])
            for month, found in groupby(lines, key=lambda line: line.day.replace(day=1))
        ]
        return self._look.page(
            "series.html",
            who=visit.who,
            series=series,
            months=months,
            number=len(lines),
            chosen=chosen,
            paces=tuple(PACES),
            nations=NATIONS,
            readers=READERS,
            languages=languages,
            text_direction=direction(chosen["lang"]),
        )

    def _entry(self, series: Series, line: Line, language: str, nation: str | None) -> dict[str, object]:
        ref = line.ref or f"text:series.closing.{series.id}"
        words = self._library.render(ref, language, nation)
        return {
            "day": line.day,
            "months": line.months,
            "due": line.planned.due,
            "words": words.text,
            "draft": words.machine_draft,
        }

    def _record(self, visit: Visit, action: str, subject: str) -> None:
        with self._services.database.write() as session:
            session.add(StaffAudit(staff_id=visit.who.staff_id, action=action, subject=subject))


def _chosen(text: str, otherwise: str) -> str:
    return text if MONTH.fullmatch(text) else otherwise
