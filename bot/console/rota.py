"""The rota's page: who is on duty in a week, by area; adding and taking off. Complete without a script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from bot.alarms import ways_of
from bot.console.forms import whole_number
from bot.console.guard import Visit
from bot.console.logins import SignedIn
from bot.console.look import Look, private
from bot.console.roles import CHANGES_ROTA
from bot.console.services import ConsoleServices
from bot.handoff import rota
from bot.handoff.rota import MOST_WEEKS, NewShift, NoShift
from bot.storage.tables import StaffAudit, now

DONE = ("shift_added", "shift_removed")
FARTHEST = timedelta(days=730)
"""A day further away than this is taken for a slip of the pen."""

IDS = {"who": "shift-who", "day": "shift-day", "from": "shift-from", "to": "shift-to", "weeks": "shift-weeks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RotaProblem:
    """Why a shift was not added: the field to mend (one of `IDS`) and words for it."""

    field: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """Who is on duty for an area now. `names` is empty if nobody is on its rota."""

    area_id: str
    area: str
    names: tuple[str, ...]


class Rota:
    """The handlers behind the guard; they run in a thread."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._services, self._look, self._words = services, look, look.words

    def page(self, visit: Visit) -> Response:
        """A week of one area's rota: `?area=` for staff of all areas, `?week=` any day of it."""
        done = visit.request.query_params.get("done", "")
        return self._page(visit, visit.request.query_params, done=done if done in DONE else "")

    def add(self, visit: Visit) -> Response:
        """Add a line, perhaps for some weeks: back to the week, else the page again with what is wrong and what was typed."""
        area_id = self._area(visit.who, visit.form)
        given = self._read(visit.form)
        if isinstance(given, RotaProblem):
            return self._page(visit, visit.form, problem=given)
        try:
            with self._services.database.write() as session:
                rota.add(session, area_id, self._zone(area_id), given)
                self._audit(session, visit.who, "rota.add", f"staff:{given.staff_id}")
        except NoShift as refusal:
            field = {"nobody": "who", "weeks": "weeks"}.get(refusal.code, "day")
            return self._page(visit, visit.form, problem=self._problem(field, refusal.code))
        except IntegrityError:  # the same line, added in two places at the same moment
            return self._page(visit, visit.form, problem=self._problem("day", "there"))
        return self._back(area_id, given.day, "shift_added")

    def remove(self, visit: Visit) -> Response:
        """Take a line off. Repeating it changes nothing."""
        area_id, shift_id = self._area(visit.who, visit.form), visit.request.path_params["shift_id"]
        with self._services.database.write() as session:
            if shift_id < 2**53 and rota.remove(session, area_id, shift_id):
                self._audit(session, visit.who, "rota.remove", f"shift:{shift_id}")
        return self._back(area_id, _day(visit.form.get("week", "")) or self._today(area_id), "shift_removed")

    def on_duty(self, session: Session, who: SignedIn) -> tuple[Duty, ...]:
        """Who is on duty now, for each area that the reader sees."""
        return tuple(
            Duty(
                area_id=area_id,
                area=self._name(area_id),
                names=tuple(staff.first_name for staff in rota.on_duty(session, area_id, now())),
            )
            for area_id in self._areas(who)
        )

    def _page(self, visit: Visit, asked: Mapping[str, str], *, problem: RotaProblem | None = None, done: str = "") -> Response:
        area_id = self._area(visit.who, asked)
        day = _day(asked.get("week", "")) or self._today(area_id)
        monday = day - timedelta(days=day.weekday())
        begins, ends = self._midnight(area_id, monday), self._midnight(area_id, monday + rota.WEEK)
        with self._services.database.read() as session:
            lines = rota.shifts(session, area_id, begins, ends)
            people = rota.practitioners(session, area_id)
            duty = self.on_duty(session, visit.who)
        return self._look.page(
            "rota.html",
            422 if problem else 200,
            who=visit.who,
            area_id=area_id,
            area=self._name(area_id),
            areas=[(id_, self._name(id_)) for id_ in self._areas(visit.who)],
            monday=monday,
            sunday=monday + timedelta(days=6),
            earlier=monday - rota.WEEK,
            later=monday + rota.WEEK,
            lines=lines,
            people=people,
            may_change=bool(CHANGES_ROTA & visit.who.roles),
            alarm_ways=ways_of(self._services.settings),
            duty=[one for one in duty if one.area_id == area_id],
            typed=asked,
            problem=problem,
            done=done,
            ids=IDS,
            most_weeks=MOST_WEEKS,
        )

    def _read(self, form: Mapping[str, str]) -> NewShift | RotaProblem:
        """The form's fields; what is wrong with the first that does not fit."""
        who, weeks = whole_number(form.get("who", "")), whole_number(form.get("weeks", "").strip() or "1")
        day, starts, ends = _day(form.get("day", "")), _clock(form.get("from", "")), _clock(form.get("to", ""))
        if who is None:
            return self._problem("who", "nobody")
        if day is None:
            return self._problem("day", "day")
        if starts is None:
            return self._problem("from", "clock")
        if ends is None:
            return self._problem("to", "clock")
        if weeks is None or not 1 <= weeks <= MOST_WEEKS:
            return self._problem("weeks", "weeks")
        return NewShift(staff_id=who, day=day, starts=starts, ends=ends, weeks=weeks)

    def _problem(self, field: str, code: str) -> RotaProblem:
        return RotaProblem(field=field, words=self._words(f"rota.error.{code}", most=str(MOST_WEEKS)))

    def _areas(self, who: SignedIn) -> list[str]:
        return [who.area_id] if who.area_id is not None else list(self._services.teams)

    def _area(self, who: SignedIn, asked: Mapping[str, str]) -> str:
        """The area asked for, if the reader may see it; else their first."""
        areas = self._areas(who)
        return asked["area"] if asked.get("area") in areas else areas[0]

    def _name(self, area_id: str) -> str:
        team = self._services.teams.get(area_id)
        return team.name if team else area_id

    def _zone(self, area_id: str) -> ZoneInfo:
        return self._services.teams.of(area_id).zone

    def _today(self, area_id: str) -> date:
        return now().astimezone(self._zone(area_id)).date()

    def _midnight(self, area_id: str, day: date) -> datetime:
        return datetime.combine(day, time.min, self._zone(area_id))

    def _back(self, area_id: str, day: date, done: str) -> Response:
        query = urlencode({"area": area_id, "week": day.isoformat(), "done": done})
        return private(RedirectResponse(f"/staff/rota?{query}", 303))

    def _audit(self, session: Session, who: SignedIn, action: str, subject: str) -> None:
        session.add(StaffAudit(staff_id=who.staff_id, action=action, subject=subject))


def _day(text: str) -> date | None:
    """A day as a browser's date field gives it, near enough to be meant; None for anything else."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return day if abs(day - now().date()) <= FARTHEST else None


def _clock(text: str) -> time | None:
    """A time of day such as 09:00 or 9:00; None for anything else."""
    try:
        return time.fromisoformat(text.strip().zfill(5)).replace(tzinfo=None)
    except ValueError:
        return None
