"""The directory for staff: find a service, add or edit it, see it as a parent does, send it, approve it, undo.

Every page works without a script. Handlers run in a thread behind the guard; areas are seen to by `services_directory.editing`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Engine
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bot.console.directory.brought import BroughtIn, brought_routes
from bot.console.directory.common import BROUGHT_IN, HOME, need_name, person_of
from bot.console.directory.fresh import FreshPages, fresh_routes
from bot.console.directory.preview import preview
from bot.console.directory.saying import Saying
from bot.console.forms import whole_number
from bot.console.guard import Guard, Visit
from bot.console.look import Look, private
from bot.console.roles import APPROVES_DIRECTORY, EDITS_DIRECTORY, SEES_DIRECTORY
from bot.console.services import ConsoleServices
from bot.languages import supported
from bot.messages import Outbound
from bot.storage.tables import StaffAudit
from services_directory import writing
from services_directory.editing import desk, finding, history
from services_directory.editing.answers import EVERY, ROWS, STEPS, Wrong, answers_of
from services_directory.editing.desk import Person, Refusal
from services_directory.editing.tables import Change
from services_directory.imports import approving, questions
from services_directory.models import LEVELS, MODES, ROUTES, STATUSES
from services_directory.terms import vocabulary
from services_directory.timetables import DAYS

DONE = ("sent", "live", "refused", "thrown_away", "caught_up", "saved")
ORDER = tuple(STEPS)


def directory_routes(services: ConsoleServices, guard: Guard, look: Look) -> list[Route]:
    """The routes under `/staff/directory`; none without a directory."""
    if services.directory_engine is None:
        return []
    fresh = FreshPages(services, services.directory_engine, look)
    pages = DirectoryPages(services, services.directory_engine, look, fresh)
    service, change = f"{HOME}/services/{{service_id}}", f"{HOME}/changes/{{change_id}}"
    return [
        *fresh_routes(fresh, guard, look),
        *brought_routes(BroughtIn(services, services.directory_engine, look), guard),
        Route(HOME, guard.page(pages.find, SEES_DIRECTORY), methods=["GET"]),
        Route(f"{HOME}/add", guard.act(pages.add, EDITS_DIRECTORY), methods=["POST"]),
        Route(f"{HOME}/pending", guard.page(pages.pending, SEES_DIRECTORY), methods=["GET"]),
        Route(service, guard.page(pages.service, SEES_DIRECTORY), methods=["GET"]),
        Route(f"{service}/edit", guard.act(pages.edit, EDITS_DIRECTORY), methods=["POST"]),
        Route(f"{HOME}/history/{{step_id}}/undo", guard.act(pages.undo, EDITS_DIRECTORY), methods=["POST"]),
        Route(change, guard.page(pages.change, SEES_DIRECTORY), methods=["GET"]),
        Route(f"{change}/questions/{{step}}", guard.page(pages.question, EDITS_DIRECTORY), methods=["GET"]),
        Route(f"{change}/questions/{{step}}", guard.act(pages.answer, EDITS_DIRECTORY), methods=["POST"]),
        Route(f"{change}/all", guard.page(pages.whole, EDITS_DIRECTORY), methods=["GET"]),
        Route(f"{change}/all", guard.act(pages.save_whole, EDITS_DIRECTORY), methods=["POST"]),
        Route(f"{change}/send", guard.act(pages.send, EDITS_DIRECTORY), methods=["POST"]),
        Route(f"{change}/take-back", guard.act(pages.take_back, EDITS_DIRECTORY), methods=["POST"]),
        Route(f"{change}/throw-away", guard.act(pages.throw_away, EDITS_DIRECTORY), methods=["POST"]),
        Route(f"{change}/approve", guard.act(pages.approve, APPROVES_DIRECTORY), methods=["POST"]),
        Route(f"{change}/refuse", guard.act(pages.refuse, APPROVES_DIRECTORY), methods=["POST"]),
        Route(f"{change}/catch-up", guard.act(pages.catch_up, EDITS_DIRECTORY | APPROVES_DIRECTORY), methods=["POST"]),
    ]


class DirectoryPages:
    """The handlers behind the guard; they run in a thread."""

    def __init__(self, services: ConsoleServices, engine: Engine, look: Look, fresh: FreshPages) -> None:
        self._services, self._engine, self._look, self._words, self._fresh = services, engine, look, look.words, fresh
        self._saying = Saying(look.words, services.renderer.library.needs)

    # Pages

    def find(self, visit: Visit) -> Response:
        """The services that `?q=` finds, of one `?status=`, a page at a time; and the reader's own drafts."""
        asked, person = visit.request.query_params, person_of(visit)
        words, status = asked.get("q", "")[:200], asked.get("status", "")
        self._audit(visit, "directory.find")
        with Session(self._engine) as session:
            found = finding.find(session, person, words, status=status, page=min(whole_number(asked.get("page", "")) or 1, 10**6))
            drafts, waiting = desk.drafts(session, person), len(desk.pending(session, person))
            return self._page(
                visit,
                "find.html",
                found=found,
                words=words,
                chosen=status,
                statuses=(*STATUSES, "pending", "withdrawn"),
                drafts=drafts,
                waiting=waiting,
                asked=self._fresh.open_questions(session, person),
                link=lambda page: f"{HOME}?{urlencode({'q': words, 'status': status, 'page': page})}",
                done=self._done(visit),
            )

    def service(self, visit: Visit) -> Response:
        """One service as staff see it, as a parent sees it (`?lang=`), and its history."""
        person, language = person_of(visit), self._language(visit)

        def show(session: Session) -> Response:
            service = desk.get_service(session, person, visit.request.path_params["service_id"])
            steps = history.steps_of(session, service.id)
            return self._page(
                visit,
                "service.html",
                service=service,
                answers=answers_of(service),
                parts=self._saying.parts(session, answers_of(service)),
                undoable=history.UNDOABLE,
                steps=[(step, self._saying.changed(session, step.before, step.after)) for step in steps],
                waiting=desk.open_changes(session, person, service.id),
                may_change=desk.may_change(person, service.area_id),
                parent_sees=preview(self._services, service, language),
                language=language,
                done=self._done(visit),
                **self._fresh.service_parts(visit, session, service),
            )

        self._audit(visit, "directory.view", subject_of(visit))
        return self._reading(visit, show)

    def pending(self, visit: Visit) -> Response:
        """What waits for approval."""
        self._audit(visit, "directory.pending")
        with Session(self._engine) as session:
            person = person_of(visit)
            return self._page(
                visit,
                "pending.html",
                changes=desk.pending(session, person),
                brought=BROUGHT_IN,
                brought_in=approving.how_many(session, person),
                done=self._done(visit),
            )

    def change(self, visit: Visit) -> Response:
        """A change: its difference, what is wrong with it, how a parent would see it; to send, approve or refuse."""
        self._audit(visit, "directory.change", subject_of(visit))
        return self._reading(visit, lambda session: self._change(visit, session))

    def question(self, visit: Visit) -> Response:
        """One question of a draft."""
        return self._reading(visit, lambda session: self._question(visit, session, self._draft(visit, session), []))

    def whole(self, visit: Visit) -> Response:
        """All questions of a draft on one page."""
        return self._reading(visit, lambda session: self._whole(visit, session, self._draft(visit, session), []))

    # Acts

    def add(self, visit: Visit) -> Response:
        """Begin a new service."""
        return self._beginning(visit, "directory.add", lambda session: desk.begin(session, person_of(visit)))

    def edit(self, visit: Visit) -> Response:
        """Begin, or go on with, a change to a service."""
        service_id = visit.request.path_params["service_id"]
        return self._beginning(visit, "directory.edit", lambda session: desk.begin(session, person_of(visit), service_id))

    def undo(self, visit: Visit) -> Response:
        """Begin a change that takes back one step."""
        step_id = visit.request.path_params["step_id"]
        return self._beginning(visit, "directory.undo", lambda session: history.undo(session, person_of(visit), step_id))

    def answer(self, visit: Visit) -> Response:
        """Keep the answer of one question, then go to the next if it is right."""

        def act(session: Session) -> Response:
            step = self._step(visit)
            given = answers_from(visit.form, STEPS[step])
            change = desk.save(session, person_of(visit), visit.request.path_params["change_id"], given, step=step)
            wrong = [one for one in desk.wrongs_of(session, change) if one.field in STEPS[step]]
            if wrong:
                return self._question(visit, session, change, wrong)
            following = ORDER[ORDER.index(step) + 1 :]
            if visit.form.get("then") == "review" or not following:
                return self._to(f"{HOME}/changes/{change.id}")
            return self._to(f"{HOME}/changes/{change.id}/questions/{following[0]}")

        return self._writing(visit, "directory.save", act)

    def save_whole(self, visit: Visit) -> Response:
        """Keep all answers, then show the change if they are right."""

        def act(session: Session) -> Response:
            given = answers_from(visit.form, tuple(field for fields in STEPS.values() for field in fields))
            change = desk.save(session, person_of(visit), visit.request.path_params["change_id"], given)
            wrong = desk.wrongs_of(session, change)
            return self._whole(visit, session, change, wrong) if wrong else self._to(f"{HOME}/changes/{change.id}")

        return self._writing(visit, "directory.save", act)

    def send(self, visit: Visit) -> Response:
        """Put a draft before those who approve."""

        def act(session: Session) -> Response:
            change_id = visit.request.path_params["change_id"]
            if desk.send(session, person_of(visit), change_id):
                return self._change(visit, session, http=422)
            return self._to(f"{HOME}/changes/{change_id}?done=sent")

        return self._writing(visit, "directory.send", act)

    def take_back(self, visit: Visit) -> Response:
        """Make one's sent change a draft again."""
        return self._deciding(visit, "directory.take_back", desk.take_back, "")

    def catch_up(self, visit: Visit) -> Response:
        """Put a change on top of what the record has become."""
        return self._deciding(visit, "directory.catch_up", desk.catch_up, "caught_up")

    def throw_away(self, visit: Visit) -> Response:
        """Throw a draft away."""

        def decide(session: Session, person: Person, change_id: str) -> None:
            desk.throw_away(session, person, change_id)
            questions.ask_again(session, change_id)

        return self._deciding(visit, "directory.throw_away", decide, "thrown_away", HOME)

    def approve(self, visit: Visit) -> Response:
        """Make a change live."""
        own = self._services.settings.directory_approve_own

        def decide(session: Session, person: Person, change_id: str) -> None:
            desk.approve(session, person, change_id, visit.form.get("shown", ""), own_too=own)

        return self._deciding(visit, "directory.approve", decide, "live")

    def refuse(self, visit: Visit) -> Response:
        """Give a change back with a reason."""

        def decide(session: Session, person: Person, change_id: str) -> None:
            desk.refuse(session, person, change_id, visit.form.get("text", ""))

        return self._deciding(visit, "directory.refuse", decide, "refused", f"{HOME}/pending")

    # Parts

    def _change(self, visit: Visit, session: Session, *, http: int = 200, refusal: str = "") -> Response:
        person, language = person_of(visit), self._language(visit)
        change = desk.get_change(session, person, visit.request.path_params["change_id"])
        current = desk.current_answers(session, change)
        outrun = change.state in desk.OPEN and desk.is_outrun(change, current)
        wrong = desk.wrongs_of(session, change) if change.state in desk.OPEN else []
        own = change.author_id == person.id
        differences = self._saying.differences(session, desk.differences(change, current))
        double = desk.double_of(session, change)
        values: dict[str, Any] = {
            "change": change,
            "differences": differences,
            "outrun": outrun,
            "wrongs": self._saying.wrongs(wrong),
            "question_of": question_of,
            "goes_on_with": question_to_go_on_with(change, wrong),
            "shown": desk.fingerprint(change, current, double),
            "double": double if change.state in desk.OPEN else None,
            "double_parts": self._saying.parts(session, answers_of(double)) if double else [],
            "goes_live": not change.new and change.state in desk.OPEN and desk.makes_live(session, change),
            "own": own,
            "may_send": own and bool(EDITS_DIRECTORY & visit.who.roles),
            "may_catch_up": bool((EDITS_DIRECTORY | APPROVES_DIRECTORY) & visit.who.roles)
            and desk.may_change(person, change.area_id),
            "may_decide": bool(APPROVES_DIRECTORY & visit.who.roles)
            and desk.may_change(person, change.area_id)
            and (not own or self._services.settings.directory_approve_own),
            "language": language,
            "refusal": self._words(f"dir.refusal.{refusal}") if refusal else "",
            "typed": visit.form.get("text", ""),
            "done": self._done(visit),
        }
        parent_sees = None
        if change.state in desk.OPEN and not wrong and not outrun:
            parent_sees = self._parent_would_see(person, change.id, language)
        return self._page(visit, "change.html", http=http, parent_sees=parent_sees, **values)

    def _parent_would_see(self, person: Person, change_id: str, language: str) -> Outbound | None:
        """The change written, looked at, and rolled back: what is shown is what would be stored."""
        try:
            with writing(self._engine) as session:
                change = desk.get_change(session, person, change_id)
                raise Looked(preview(self._services, desk.record(session, change), language))
        except Looked as looked:
            return looked.seen

    def _question(self, visit: Visit, session: Session, change: Change, wrong: list[Wrong]) -> Response:
        step = self._step(visit)
        number = ORDER.index(step)
        return self._form(
            visit,
            session,
            change,
            wrong,
            "question.html",
            step=step,
            steps=(step,),
            number=number + 1,
            of=len(ORDER),
            back=f"{HOME}/changes/{change.id}/questions/{ORDER[number - 1]}" if number else f"{HOME}/changes/{change.id}",
        )

    def _whole(self, visit: Visit, session: Session, change: Change, wrong: list[Wrong]) -> Response:
        return self._form(visit, session, change, wrong, "whole.html", steps=ORDER, back=f"{HOME}/changes/{change.id}")

    def _form(self, visit: Visit, session: Session, change: Change, wrong: list[Wrong], template: str, **values: Any) -> Response:
        person, needs = person_of(visit), self._services.renderer.library.needs
        return self._page(
            visit,
            template,
            http=422 if wrong else 200,
            change=change,
            answers=defaultdict(str, change.answers),
            problems=defaultdict(str, {one.field: one.words for one in self._saying.wrongs(wrong)}),
            organisations=finding.organisations(session, person),
            venues=finding.venues(session, person),
            need_options=[(code, need_name(self._words, needs, code)) for code in vocabulary().terms],
            mode_options=[(mode, self._words(f"dir.mode.{mode}")) for mode in MODES],
            level_options=[(level, self._words(f"dir.level.{level}")) for level in LEVELS],
            route_options=[(route, self._words(f"dir.route.{route}")) for route in ROUTES],
            days=DAYS,
            every=EVERY,
            rows=range(1, ROWS + 1),
            **values,
        )

    def _draft(self, visit: Visit, session: Session) -> Change:
        change = desk.get_change(session, person_of(visit), visit.request.path_params["change_id"])
        if change.author_id != visit.who.staff_id or change.state not in ("draft", "refused"):
            raise Refusal("missing")
        return change

    def _step(self, visit: Visit) -> str:
        step = visit.request.path_params["step"]
        if step not in STEPS:
            raise Refusal("missing")
        return str(step)

    def _language(self, visit: Visit) -> str:
        asked = visit.request.query_params.get("lang", "")
        return asked if asked in {one.code for one in supported()} else "en"

    def _done(self, visit: Visit) -> str:
        done = visit.request.query_params.get("done", "")
        return done if done in DONE else ""

    def _page(self, visit: Visit, template: str, *, http: int = 200, **values: Any) -> Response:
        common = {
            "who": visit.who,
            "home": HOME,
            "may_edit": bool(EDITS_DIRECTORY & visit.who.roles),
            "languages": [(one.code, one.name) for one in supported()],
        }
        return self._look.page(f"directory/{template}", http, **(common | values))

    def _reading(self, visit: Visit, show: Callable[[Session], Response]) -> Response:
        try:
            with Session(self._engine) as session:
                return show(session)
        except Refusal as refusal:
            return self._refused(visit, refusal)

    def _writing(self, visit: Visit, action: str, act: Callable[[Session], Response]) -> Response:
        # Recorded first: the two connections would wait for each other on SQLite.
        self._audit(visit, action, subject_of(visit))
        try:
            with writing(self._engine) as session:
                return act(session)
        except Refusal as refusal:
            return self._refused(visit, refusal)

    def _beginning(self, visit: Visit, action: str, begin: Callable[[Session], Change]) -> Response:
        def act(session: Session) -> Response:
            change = begin(session)
            if change.new:
                step = question_to_go_on_with(change, desk.wrongs_of(session, change))
                return self._to(f"{HOME}/changes/{change.id}/questions/{step}")
            return self._to(f"{HOME}/changes/{change.id}" + ("" if change.undoes else "/all"))

        return self._writing(visit, action, act)

    def _deciding(
        self, visit: Visit, action: str, decide: Callable[[Session, Person, str], object], done: str, back: str = ""
    ) -> Response:
        """Do it and go on, or show the change again with the reason why not; nothing is then changed."""
        change_id = visit.request.path_params["change_id"]
        self._audit(visit, action, subject_of(visit))
        try:
            with writing(self._engine) as session:
                decide(session, person_of(visit), change_id)
        except Refusal as refusal:
            if refusal.code == "missing":
                return self._refused(visit, refusal)
            code = refusal.code
            return self._reading(visit, lambda session: self._change(visit, session, http=409, refusal=code))
        where = back or f"{HOME}/changes/{change_id}"
        return self._to(f"{where}?done={done}" if done else where)

    def _refused(self, visit: Visit, refusal: Refusal) -> Response:
        http = 404 if refusal.code == "missing" else 409
        return self._page(visit, "refused.html", http=http, words=self._words(f"dir.refusal.{refusal.code}"))

    def _to(self, where: str) -> Response:
        return private(RedirectResponse(where, 303))

    def _audit(self, visit: Visit, action: str, subject: str = "") -> None:
        with self._services.database.write() as session:
            session.add(StaffAudit(staff_id=visit.who.staff_id, action=action, subject=subject))


class Looked(Exception):
    """Ends a transaction that was only for looking."""

    def __init__(self, seen: Outbound | None) -> None:
        self.seen = seen
        super().__init__("looked")


def subject_of(visit: Visit) -> str:
    """What a page or form is about, by our own id."""
    found = visit.request.path_params
    return next((f"{name}:{found[f'{name}_id']}"[:80] for name in ("service", "change", "step") if f"{name}_id" in found), "")


def question_of(field: str) -> str:
    """The question to which a field belongs."""
    return next(step for step, fields in STEPS.items() if field in fields)


def question_to_go_on_with(change: Change, wrong: Sequence[Wrong]) -> str:
    """The question after the one that was answered last, or that one again if it has a mistake; the first if none was."""
    if change.step not in ORDER:
        return ORDER[0]
    if any(one.field in STEPS[change.step] for one in wrong):
        return change.step
    return ORDER[min(ORDER.index(change.step) + 1, len(ORDER) - 1)]


def answers_from(form: Mapping[str, str], fields: tuple[str, ...]) -> dict[str, str]:
    """What a form says for `fields`: boxes that are ticked one by one (`needs.code`) are one answer."""
    given = {field: form.get(field, "") for field in fields}
    for field in ("needs", "modes"):
        if field in given:
            ticked = (name.removeprefix(f"{field}.") for name in form if name.startswith(f"{field}."))
            order = tuple(vocabulary().terms) if field == "needs" else MODES
            chosen = set(ticked)
            found = [code for code in order if code in chosen]
            given[field] = " ".join(sorted(found) if field == "needs" else found)
    return given
