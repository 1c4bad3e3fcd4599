"""Keeping the directory true: the list of what is to do, quick changes, translations, and how often things are checked.

Every page works without a script. Handlers run in a thread behind the guard; areas are seen to by `services_directory`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bot.console.directory.common import BROUGHT_IN, HOME, person_of
from bot.console.forms import whole_number
from bot.console.guard import Guard, Visit
from bot.console.language import spoken
from bot.console.logins import SignedIn
from bot.console.look import Look, private
from bot.console.roles import APPROVES_DIRECTORY, EDITS_DIRECTORY, SEES_DIRECTORY, SETS_DIRECTORY
from bot.console.services import ConsoleServices
from bot.languages import supported
from bot.library.dates import say_date
from bot.storage.tables import Area, Staff, StaffAudit
from services_directory import models, writing
from services_directory.directory import london_now
from services_directory.editing import desk, finding
from services_directory.editing.desk import Person, Refusal, may_change, may_see
from services_directory.editing.tables import Change
from services_directory.freshness import acts, reminders, reports, todo, translations
from services_directory.freshness.acts import Wish
from services_directory.freshness.due import Checked, days_over
from services_directory.freshness.policy import MOST_DAYS, load_policy
from services_directory.freshness.tables import ACTS, AgeLimit, ReviewCycle
from services_directory.imports import approving, questions
from services_directory.models import now

TODO, SETTINGS = f"{HOME}/todo", f"{HOME}/freshness"
SHOWN = 100
"""Records of a list on one page."""

DONE = (*ACTS, "undone", "settled", "translated", "set", "checked_many")
QUICK = EDITS_DIRECTORY | APPROVES_DIRECTORY
SEEN_ELSEWHERE = "en"
"""The language of records, which needs no translation."""


def fresh_routes(pages: FreshPages, guard: Guard, look: Look) -> list[Route]:
    """The routes of keeping the directory true. Lets the menu show how much there is to do."""
    look.counts = pages.how_many
    todo.register_count("pending", f"{HOME}/pending", _pending)
    todo.register_count("unapproved", BROUGHT_IN, approving.how_many)
    todo.register_count("questions", f"{HOME}/import/questions", _questions)
    service = f"{HOME}/services/{{service_id}}"
    return [
        Route(TODO, guard.page(pages.todo, SEES_DIRECTORY), methods=["GET"]),
        Route(f"{TODO}/checked", guard.act(pages.check_many, QUICK), methods=["POST"]),
        Route(f"{service}/quick", guard.act(pages.quick, QUICK), methods=["POST"]),
        Route(f"{service}/reports/settle", guard.act(pages.settle_reports, QUICK), methods=["POST"]),
        Route(f"{service}/translations", guard.act(pages.translate, EDITS_DIRECTORY), methods=["POST"]),
        Route(f"{HOME}/quick/{{act_id}}/undo", guard.act(pages.undo, QUICK), methods=["POST"]),
        Route(f"{HOME}/notes/{{note_id}}/settle", guard.act(pages.settle_note, QUICK), methods=["POST"]),
        Route(SETTINGS, guard.page(pages.settings, SEES_DIRECTORY), methods=["GET"]),
        Route(f"{SETTINGS}/cycle", guard.act(pages.set_cycle, SETS_DIRECTORY), methods=["POST"]),
        Route(f"{SETTINGS}/limit", guard.act(pages.set_limit, SETS_DIRECTORY), methods=["POST"]),
    ]


def _pending(session: Session, person: Person) -> int:
    query = select(func.count()).select_from(Change).where(Change.state == "pending", desk.in_sight(Change.area_id, person))
    return session.scalar(query) or 0


def _questions(session: Session, person: Person) -> int:
    return len(questions.open_terms(session, person)) + len(questions.open_merges(session, person))


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRow:
    """One record that is due: when it was checked, for how long it has been due, and what became of the last e-mail."""

    record: Checked
    over: int | None
    checked: str
    asked: str


class FreshPages:
    """The handlers behind the guard; they run in a thread."""

    def __init__(self, services: ConsoleServices, engine: Engine, look: Look) -> None:
        self._services, self._engine, self._look, self._words = services, engine, look, look.words
        self._policy = load_policy()

    def how_many(self, who: SignedIn) -> int:
        """How much there is to do for the reader, for the menu."""
        person = Person(id=who.staff_id, name=who.first_name, area_id=who.area_id)
        with Session(self._engine) as session:
            return todo.how_many(session, person, london_now().date(), self._policy)

    @staticmethod
    def open_questions(session: Session, person: Person) -> int:
        """How many questions imports have left open in the person's area."""
        return _questions(session, person)

    # Pages

    def todo(self, visit: Visit) -> Response:
        """What is due for a check, what parents and providers say is wrong, and what other parts have waiting."""
        self._audit(visit, "directory.todo")
        return self._todo(visit)

    def settings(self, visit: Visit) -> Response:
        """How often records are to be checked, and after how long an area hides what nobody has."""
        return self._settings(visit)

    # Acts

    def quick(self, visit: Visit) -> Response:
        """One of `ACTS` (`kind`); a cancelled session has a `day` and may have a `text`."""
        kind = visit.form.get("kind", "")
        try:
            day = date.fromisoformat(visit.form.get("day", "").strip()) if kind == "cancelled" else None
        except ValueError:
            day = None
        wish = self._wish(visit, kind, day=day, note=visit.form.get("text", ""))
        service_id = visit.request.path_params["service_id"]
        return self._write(
            visit,
            f"directory.{kind}" if kind in ACTS else "directory.quick",
            lambda session, person: acts.act(session, person, service_id, wish),
            f"{HOME}/services/{service_id}?done={kind}#quick",
        )

    def undo(self, visit: Visit) -> Response:
        """Take a quick change back."""
        act_id = visit.request.path_params["act_id"]
        try:
            self._audit(visit, "directory.quick_undo", f"act:{act_id}"[:80])
            with writing(self._engine) as session:
                row = acts.undo(session, person_of(visit), act_id)
        except Refusal as refusal:
            return self._refused(visit, refusal)
        return self._to(f"{HOME}/services/{row.service_id}?done=undone#quick")

    def check_many(self, visit: Visit) -> Response:
        """Say of every ticked record that it was checked today."""
        ids = [name.removeprefix("service.") for name in visit.form if name.startswith("service.")]
        if not ids:
            return self._todo(visit, problem={"field": "services", "words": self._words("fresh.error.none")})
        wish = self._wish(visit, "checked")
        return self._write(
            visit,
            "directory.checked_many",
            lambda session, person: acts.check_many(session, person, ids, wish),
            f"{TODO}?done=checked_many",
            subject=f"services:{len(ids)}",
        )

    def settle_reports(self, visit: Visit) -> Response:
        """What parents reported of a service has been dealt with."""
        service_id = visit.request.path_params["service_id"]
        return self._write(
            visit,
            "directory.reports_settled",
            lambda session, person: reports.settle_reports(session, person, service_id),
            f"{TODO}?done=settled",
        )

    def settle_note(self, visit: Visit) -> Response:
        """What a provider wrote has been dealt with."""
        note_id = visit.request.path_params["note_id"]
        return self._write(
            visit,
            "directory.note_settled",
            lambda session, person: reports.settle_note(session, person, note_id),
            f"{TODO}?done=settled",
            subject=f"note:{note_id}"[:80],
        )

    def translate(self, visit: Visit) -> Response:
        """Hold a name and description in another language."""
        service_id, form = visit.request.path_params["service_id"], visit.form
        language = form.get("language", "")

        def act(session: Session, person: Person) -> None:
            service = session.get(models.Service, service_id)
            if service is None or not may_see(person, service.area_id) or language not in translatable():
                raise Refusal("missing")
            if not may_change(person, service.area_id):
                raise Refusal("not_yours")
            name, description = form.get("name", ""), form.get("text", "")
            translations.set_translation(session, service_id, language, name, description, person.name)

        return self._write(visit, "directory.translated", act, f"{HOME}/services/{service_id}?done=translated#translations")

    def set_cycle(self, visit: Visit) -> Response:
        """How many days an organisation's check holds (`days`); empty for the default."""
        organisation_id, text = visit.form.get("organisation", ""), visit.form.get("days", "").strip()
        days = self._days(text)
        if text and days is None:
            return self._settings(visit, problem={"field": "cycle", "words": self._words("fresh.error.days", most=MOST_DAYS)})

        def act(session: Session, person: Person) -> None:
            organisation = session.get(models.Organisation, organisation_id)
            if organisation is None or not may_see(person, organisation.area_id):
                raise Refusal("missing")
            if not may_change(person, organisation.area_id):
                raise Refusal("not_yours")
            _put(session, ReviewCycle, organisation_id, days, person.name)

        return self._write(visit, "directory.cycle", act, f"{SETTINGS}?done=set", subject=f"organisation:{organisation_id}"[:80])

    def set_limit(self, visit: Visit) -> Response:
        """After how many days an area hides what nobody has checked (`days`); empty for never."""
        area_id, text = visit.form.get("area", ""), visit.form.get("days", "").strip()
        days = self._days(text)
        if text and days is None:
            return self._settings(visit, problem={"field": "limit", "words": self._words("fresh.error.days", most=MOST_DAYS)})
        areas = self._areas(visit)

        def act(session: Session, person: Person) -> None:
            if area_id not in areas:
                raise Refusal("missing")
            _put(session, AgeLimit, area_id, days, person.name)

        return self._write(visit, "directory.limit", act, f"{SETTINGS}?done=set", subject=f"area:{area_id}"[:80])

    # Parts

    def service_parts(self, visit: Visit, session: Session, service: models.Service) -> dict[str, Any]:
        """What a service's page shows of keeping it true."""
        return {
            "acts": acts.acts_of(session, service.id),
            "quick_kinds": _kinds(service),
            "may_quick": bool(QUICK & visit.who.roles) and may_change(person_of(visit), service.area_id),
            "tongues": translations.translations_of(session, service.id),
            "outrun_tongues": translations.outrun(session, service.id),
            "translatable": {one.code: one.name for one in supported() if one.code in translatable()},
            "today": london_now().date().isoformat(),
            "say_day": _said,
            "checked_words": self._checked(service.assured_date),
            "fresh_done": self._done(visit),
        }

    def _todo(self, visit: Visit, *, problem: Mapping[str, str] | None = None) -> Response:
        person, today = person_of(visit), london_now().date()
        page = min(whole_number(visit.request.query_params.get("page", "")) or 1, 10**6)
        with Session(self._engine) as session:
            records = todo.due_records(session, person, today, self._policy)
            last = max(1, -(-len(records) // SHOWN))
            page = min(max(1, page), last)
            here = records[(page - 1) * SHOWN : page * SHOWN]
            asked = reminders.reminders_of(session, [record.organisation_id for record in here])
            changeable = {record.service_id for record in here if may_change(person, record.area_id)}
            return self._look.page(
                "directory/todo.html",
                422 if problem else 200,
                who=visit.who,
                home=HOME,
                rows=[self._due_row(record, asked.get(record.organisation_id), today) for record in here],
                due_in_all=len(records),
                changeable=changeable,
                first=next((record.service_id for record in here if record.service_id in changeable), ""),
                page=page,
                last=last,
                reported=reports.reported(session, person),
                notes=reports.notes(session, person),
                counts=todo.counts(session, person),
                may_quick=bool(QUICK & visit.who.roles),
                may_change=lambda area_id: may_change(person, area_id),
                all_ticked="all" in visit.request.query_params,
                say_day=_said,
                problem=problem,
                done=self._done(visit),
            )

    def _due_row(self, record: Checked, reminder: Any, today: date) -> DueRow:
        asked = ""
        if reminder is not None:
            moment = reminder.sent_at or reminder.written_at
            asked = self._words(f"fresh.asked.{reminder.state}", date=_said(moment.date()))
        return DueRow(record=record, over=days_over(record, today), checked=self._checked(record.assured), asked=asked)

    def _checked(self, day: date | None) -> str:
        return self._words("fresh.checked", date=_said(day)) if day else self._words("fresh.never_checked")

    def _settings(self, visit: Visit, *, problem: Mapping[str, str] | None = None) -> Response:
        person, areas = person_of(visit), self._areas(visit)
        with Session(self._engine) as session:
            own = session.execute(
                select(models.Organisation.id, models.Organisation.name, ReviewCycle.days, ReviewCycle.set_by)
                .join(ReviewCycle, ReviewCycle.organisation_id == models.Organisation.id)
                .where(desk.in_sight(models.Organisation.area_id, person))
                .order_by(models.Organisation.name)
            ).all()
            limits = {row.area_id: row for row in session.scalars(select(AgeLimit)) if row.area_id in areas}
            return self._look.page(
                "directory/freshness.html",
                422 if problem else 200,
                who=visit.who,
                home=HOME,
                policy=self._policy,
                own=own,
                organisations=finding.organisations(session, person),
                areas=areas,
                limits=limits,
                may_set=bool(SETS_DIRECTORY & visit.who.roles),
                mail=bool(self._services.settings.smtp_host and self._services.settings.smtp_from),
                typed=visit.form.get("days", "") if problem else "",
                chosen=visit.form.get("organisation", "") or visit.form.get("area", ""),
                problem=problem,
                done=self._done(visit),
            )

    def _areas(self, visit: Visit) -> dict[str, str]:
        """The areas that the reader looks after, with their names."""
        with self._services.database.read() as session:
            rows = session.scalars(select(Area).order_by(Area.name)).all()
        return {row.id: row.name for row in rows if visit.who.area_id in (None, row.id)}

    def _wish(self, visit: Visit, kind: str, **values: Any) -> Wish:
        with self._services.database.read() as session:
            email = session.scalar(select(Staff.email).where(Staff.id == visit.who.staff_id))
        return Wish(kind=kind, today=london_now().date(), assurer=email, **values)

    @staticmethod
    def _days(text: str) -> int | None:
        number = whole_number(text)
        return number if number is not None and 1 <= number <= MOST_DAYS else None

    def _done(self, visit: Visit) -> str:
        done = visit.request.query_params.get("done", "")
        return done if done in DONE else ""

    def _write(
        self, visit: Visit, action: str, act: Callable[[Session, Person], object], to: str, *, subject: str = ""
    ) -> Response:
        # Recorded first: the two connections would wait for each other on SQLite.
        service_id = visit.request.path_params.get("service_id", "")
        self._audit(visit, action, subject or f"service:{service_id}"[:80])
        try:
            with writing(self._engine) as session:
                act(session, person_of(visit))
        except Refusal as refusal:
            return self._refused(visit, refusal)
        return self._to(to)

    def _refused(self, visit: Visit, refusal: Refusal) -> Response:
        words = self._words.either(f"fresh.refusal.{refusal.code}", "") or self._words(f"dir.refusal.{refusal.code}")
        http = 404 if refusal.code == "missing" else 409
        return self._look.page("directory/refused.html", http, who=visit.who, home=HOME, words=words)

    def _to(self, where: str) -> Response:
        return private(RedirectResponse(where, 303))

    def _audit(self, visit: Visit, action: str, subject: str = "") -> None:
        with self._services.database.write() as session:
            session.add(StaffAudit(staff_id=visit.who.staff_id, action=action, subject=subject))


def translatable() -> frozenset[str]:
    """The languages in which a name and description can be held: all that parents have but that of the records."""
    return frozenset(one.code for one in supported()) - {SEEN_ELSEWHERE}


def _kinds(service: models.Service) -> list[str]:
    """The quick changes that would change something."""
    closed = service.status != "active"
    kinds = ["checked"]
    kinds += [] if closed or service.full_since else ["full"]
    kinds += [] if service.status == "temporarily closed" else ["closed_now"]
    kinds += [] if service.status == "defunct" else ["closed_good"]
    return [*kinds, "open_again"] if closed or service.full_since else kinds


def _said(day: date) -> str:
    return say_date(day, spoken())


def _put(session: Session, table: type[ReviewCycle] | type[AgeLimit], key: str, days: int | None, by: str) -> None:
    """Set or take away a number of days."""
    row: ReviewCycle | AgeLimit | None = session.get(table, key)  # type: ignore[assignment]
    if days is None:
        if row is not None:
            session.delete(row)
        return
    if row is None:
        row = ReviewCycle(organisation_id=key) if table is ReviewCycle else AgeLimit(area_id=key)
        session.add(row)
    row.days, row.set_by, row.set_at = days, by, now()
