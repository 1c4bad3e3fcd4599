"""The console's pages and forms. Pages read; forms call `bot.handoff.desk`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from bot.alarms import calls, ways_of
from bot.console import logins
from bot.console.accounts_pages import AccountPages
from bot.console.campaign_pages import CampaignDesk
from bot.console.casefile import CaseFile, Place, latest, read_case
from bot.console.desk import ContentDesk, TranslatorsFiles, desk_routes, translation_routes
from bot.console.directory.imports import BRINGS, Imports
from bot.console.directory.pages import directory_routes
from bot.console.events import follow
from bot.console.forms import whole_number
from bot.console.guard import COOKIE, SIGN_IN, Guard, Visit
from bot.console.insight_pages import InsightDesk
from bot.console.language_choice import LanguageChoice
from bot.console.look import ASSETS, Look, private
from bot.console.own import OwnAccount
from bot.console.questions import read_questions
from bot.console.queue import SHOWS, latest_event, read_queue
from bot.console.ready import chosen, offered
from bot.console.records import record_routes
from bot.console.review import Review
from bot.console.roles import (
    ANSWERS,
    CHANGES_ROTA,
    EVERYONE,
    LOOKS_AFTER_ACCOUNTS,
    PLANS_CONTENT,
    SEES_CAMPAIGNS,
    SEES_CASES,
    SEES_DIRECTORY,
    SEES_INSIGHT,
    SEES_QUESTIONS,
    SEES_ROTA,
    SEES_SERIES,
    SEES_TROUBLES,
)
from bot.console.rota import Rota
from bot.console.rules import rules
from bot.console.sample import Sample
from bot.console.series_pages import SeriesDesk, read_series
from bot.console.services import ConsoleServices
from bot.console.signin import SignIn
from bot.console.sso_pages import SignInBySso
from bot.console.stages import STAGE
from bot.console.to_write import ToWrite
from bot.console.told import read_told
from bot.console.troubles import HERE as TROUBLES
from bot.console.troubles import TroubleDesk
from bot.console.words import StaffWords
from bot.handoff import desk, marks
from bot.handoff.cases import OUTCOMES, NotClaimed
from bot.handoff.desk import MAX_WORDS, NoSuchCase, OtherLanguage, Refused, in_area, may_see
from bot.languages import supported
from bot.storage.tables import UNANSWERED_DAYS, Case, StaffAudit, TriageMark, now

AUDIT_ROWS = 100
ALARM_ROWS = 20
FAILURES_SHOWN = timedelta(hours=24)
MAX_ID = 2**53
BOXES = ("reply", "note", "handover", "reopen", "address")
"""Boxes of a case's page, each the field `text` of its own form."""

DONE = (
    "claimed",
    "acknowledged",
    "replied",
    "noted",
    "bereaved",
    "interpreter",
    "handed_over",
    "released",
    "closed",
    "reopened",
    "paused",
    "resumed",
    "marked",
    "series_stopped",
    "series_undone",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a form was refused: the field to mend, or "" for none, and words for the top of the page."""

    field: str
    words: str
    status: int


def routes(services: ConsoleServices) -> list[Route]:
    """Everything under `/staff`, and the fixed files of its pages. All but signing in is behind the guard, each for the roles named."""
    look = Look(StaffWords(services.strings, services.teams), demonstration=services.settings.demonstration)
    guard, sign_in, console, rota = Guard(services, look), SignIn(services, look), Console(services, look), Rota(services, look)
    sample, review, sso = Sample(services, look), Review(services, look), SignInBySso(services, look)
    series, troubles = SeriesDesk(services, look), TroubleDesk(services, look)
    look.troubles = troubles.how_many
    case = "/staff/cases/{case_id:int}"
    ours = [
        Route(SIGN_IN, guard.anybody(sign_in.form), methods=["GET"]),
        Route(SIGN_IN, guard.anybody(sign_in.enter), methods=["POST"]),
        Route(STAGE, guard.anybody(sign_in.stage), methods=["GET"]),
        Route(STAGE, guard.anybody(sign_in.pass_stage), methods=["POST"]),
        Route("/staff/sso/start", guard.anybody(sso.start), methods=["GET"]),
        Route("/staff/sso/callback", guard.anybody(sso.callback), methods=["GET"]),
        Route("/staff/set-password/{token}", guard.anybody(sign_in.link_form), methods=["GET"]),
        Route("/staff/set-password/{token}", guard.anybody(sign_in.use_link), methods=["POST"]),
        Route("/staff/language", guard.anybody(LanguageChoice(services, look, guard).choose), methods=["POST"]),
        Route("/staff/sign-out", guard.act(sign_in.leave, EVERYONE), methods=["POST"]),
        Route("/staff/sign-out-everywhere", guard.act(sign_in.leave_everywhere, EVERYONE), methods=["POST"]),
        Route("/staff", guard.page(console.queue, SEES_CASES), methods=["GET"]),
        Route("/staff/audit", guard.page(console.audit, EVERYONE), methods=["GET"]),
        Route("/staff/questions", guard.page(console.questions, SEES_QUESTIONS), methods=["GET"]),
        Route("/staff/to-write", guard.page(ToWrite(services, look).page, PLANS_CONTENT), methods=["GET"]),
        Route("/staff/triage", guard.page(console.triage, SEES_CASES), methods=["GET"]),
        Route("/staff/sample", guard.page(sample.page, SEES_CASES), methods=["GET"]),
        Route("/staff/sample/{sample_id:int}/mark", guard.act(sample.mark, SEES_CASES), methods=["POST"]),
        Route("/staff/sample/{sample_id:int}/case", guard.act(sample.open_case, SEES_CASES), methods=["POST"]),
        Route("/staff/review", guard.page(review.page, SEES_CASES), methods=["GET"]),
        Route("/staff/review/{person_id:int}/read", guard.act(review.read, ANSWERS), methods=["POST"]),
        Route("/staff/review/{person_id:int}/decide", guard.act(review.decide, ANSWERS), methods=["POST"]),
        Route("/staff/events", guard.stream(console.events, SEES_CASES), methods=["GET"]),
        Route("/staff/rota", guard.page(rota.page, SEES_ROTA), methods=["GET"]),
        Route("/staff/rota/add", guard.act(rota.add, CHANGES_ROTA), methods=["POST"]),
        Route("/staff/rota/{shift_id:int}/remove", guard.act(rota.remove, CHANGES_ROTA), methods=["POST"]),
        Route(case, guard.page(console.case, SEES_CASES), methods=["GET"]),
        Route(f"{case}/claim", guard.act(console.claim, ANSWERS), methods=["POST"]),
        Route(f"{case}/acknowledge", guard.act(console.acknowledge, SEES_CASES), methods=["POST"]),
        Route(f"{case}/reply", guard.act(console.reply, ANSWERS), methods=["POST"]),
        Route(f"{case}/ready", guard.act(console.ready, ANSWERS), methods=["POST"]),
        Route(f"{case}/look", guard.act(console.look_again, ANSWERS), methods=["POST"]),
        Route(f"{case}/note", guard.act(console.note, SEES_CASES), methods=["POST"]),
        Route(f"{case}/bereaved", guard.act(console.bereaved, SEES_CASES), methods=["POST"]),
        Route(f"{case}/address", guard.act(console.address, ANSWERS, again=True), methods=["POST"]),
        Route(f"{case}/mark", guard.act(console.mark, SEES_CASES), methods=["POST"]),
        Route(f"{case}/reopen", guard.act(console.reopen, ANSWERS), methods=["POST"]),
        Route(f"{case}/pause", guard.act(console.pause, ANSWERS), methods=["POST"]),
        Route(f"{case}/resume", guard.act(console.resume, ANSWERS), methods=["POST"]),
        Route(f"{case}/interpreter", guard.act(console.interpreter, SEES_CASES), methods=["POST"]),
        Route(f"{case}/hand-over", guard.act(console.hand_over, ANSWERS), methods=["POST"]),
        Route(f"{case}/release", guard.act(console.release, ANSWERS), methods=["POST"]),
        Route(f"{case}/close", guard.act(console.close, ANSWERS), methods=["POST"]),
        Route(f"{case}/series/stop", guard.act(console.stop_series, SEES_CASES), methods=["POST"]),
        Route(f"{case}/series/undo", guard.act(console.undo_series, ANSWERS), methods=["POST"]),
        Route("/staff/series", guard.page(series.list, SEES_SERIES), methods=["GET"]),
        Route("/staff/series/{series:str}", guard.page(series.one, SEES_SERIES), methods=["GET"]),
        Route(TROUBLES, guard.page(troubles.page, SEES_TROUBLES), methods=["GET"]),
        Route(f"{TROUBLES}/{{trouble_id:int}}/acknowledge", guard.act(troubles.acknowledge, SEES_TROUBLES), methods=["POST"]),
        *account_routes(guard, services, look),
        *record_routes(guard, services, look),
        *_campaign_routes(guard, CampaignDesk(services, look)),
        *_insight_routes(guard, InsightDesk(services, look)),
        *_import_routes(guard, Imports(services, look)),
        *directory_routes(services, guard, look),
        *desk_routes(ContentDesk(services, look), guard),
        *translation_routes(TranslatorsFiles(services, look), guard),
        Route("/staff/{path:path}", guard.page(console.nowhere, EVERYONE), methods=["GET"]),
    ]
    rules(ours)  # whoever forgets to say who may use a route finds out before anybody else does
    return [*ours, ASSETS.route()]


def account_routes(guard: Guard, services: ConsoleServices, look: Look) -> list[Route]:
    """Accounts, for administrators, and everybody's own."""
    pages, own = AccountPages(services, look), OwnAccount(services, look)
    one, acts = (
        "/staff/accounts/{staff_id:int}",
        {
            "change": pages.change,
            "off": pages.off,
            "on": pages.on,
            "end-sessions": pages.end_sessions,
            "password": pages.new_password,
            "reset-second-factor": pages.reset_factor,
        },
    )
    mine = {
        "password": own.change_password,
        "second-factor/begin": own.begin_factor,
        "second-factor/confirm": own.confirm_factor,
        "second-factor/codes": own.new_codes,
        "second-factor/remove": own.remove_factor,
        "sessions/end": own.end_session,
    }
    return [
        Route("/staff/accounts", guard.page(pages.list, LOOKS_AFTER_ACCOUNTS), methods=["GET"]),
        Route("/staff/accounts/add", guard.page(pages.new, LOOKS_AFTER_ACCOUNTS), methods=["GET"]),
        Route("/staff/accounts/add", guard.act(pages.add, LOOKS_AFTER_ACCOUNTS, again=True), methods=["POST"]),
        Route(one, guard.page(pages.one, LOOKS_AFTER_ACCOUNTS), methods=["GET"]),
        *(
            Route(f"{one}/{name}", guard.act(act, LOOKS_AFTER_ACCOUNTS, again=True), methods=["POST"])
            for name, act in acts.items()
        ),
        Route("/staff/account", guard.page(own.page, EVERYONE), methods=["GET"]),
        Route("/staff/account/second-factor", guard.page(own.factor_page, EVERYONE), methods=["GET"]),
        *(Route(f"/staff/account/{name}", guard.act(act, EVERYONE), methods=["POST"]) for name, act in mine.items()),
    ]


def _campaign_routes(guard: Guard, desk: CampaignDesk) -> list[Route]:
    one = "/staff/campaigns/{code:str}"
    return [
        Route("/staff/campaigns", guard.page(desk.list, SEES_CAMPAIGNS), methods=["GET"]),
        Route(one, guard.page(desk.one, SEES_CAMPAIGNS), methods=["GET"]),
        Route(f"{one}/links", guard.act(desk.add_link, SEES_CAMPAIGNS), methods=["POST"]),
        Route(f"{one}/links/{{link_id:int}}/end", guard.act(desk.end_link, SEES_CAMPAIGNS), methods=["POST"]),
        Route(f"{one}/{{language:str}}/{{file:str}}", guard.page(desk.file, SEES_CAMPAIGNS), methods=["GET"]),
    ]


def _insight_routes(guard: Guard, desk: InsightDesk) -> list[Route]:
    one = "/staff/insight/{page:str}"
    return [
        Route("/staff/insight", guard.page(desk.overview, SEES_INSIGHT), methods=["GET"]),
        Route(one, guard.page(desk.one, SEES_INSIGHT), methods=["GET"]),
        Route(f"{one}/{{table:str}}.csv", guard.page(desk.file, SEES_INSIGHT), methods=["GET"]),
    ]


def _import_routes(guard: Guard, imports: Imports) -> list[Route]:
    page = "/staff/directory/import"
    return [
        Route(page, guard.page(imports.page, SEES_DIRECTORY), methods=["GET"]),
        Route(page, guard.bring(imports.bring, BRINGS), methods=["POST"]),
        Route(f"{page}/template.csv", guard.page(imports.template, SEES_DIRECTORY), methods=["GET"]),
        Route(f"{page}/questions", guard.page(imports.asked, SEES_DIRECTORY), methods=["GET"]),
        Route(f"{page}/questions", guard.act(imports.answer, BRINGS), methods=["POST"]),
        Route(f"{page}/{{import_id:str}}", guard.page(imports.report, SEES_DIRECTORY), methods=["GET"]),
        Route(f"{page}/{{import_id:str}}/apply", guard.act(imports.apply, BRINGS), methods=["POST"]),
        Route(f"{page}/{{import_id:str}}/discard", guard.act(imports.discard, BRINGS), methods=["POST"]),
        Route("/staff/directory/export", guard.page(imports.exports, SEES_DIRECTORY), methods=["GET"]),
        Route("/staff/directory/export/{form:str}", guard.page(imports.export, SEES_DIRECTORY), methods=["GET"]),
    ]


class Console:
    """The handlers behind the guard; all but `events` run in a thread."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._services, self._look, self._words = services, look, look.words
        self._rota = Rota(services, look)

    # Pages

    def queue(self, visit: Visit) -> Response:
        """Open cases by level, then waiting time: `?show=` unclaimed, mine or all, `?after=` a case id."""
        asked = visit.request.query_params
        show = asked.get("show", "")
        show = show if show in SHOWS else SHOWS[0]
        after = whole_number(asked.get("after", ""))
        with self._services.database.read() as session:
            queue = read_queue(
                session,
                staff_id=visit.who.staff_id,
                area_id=visit.who.area_id,
                show=show,
                after=after,
            )
            duty = self._rota.on_duty(session, visit.who)
            failed = calls.failed_since(session, now() - FAILURES_SHOWN, visit.who.area_id)
        return self._look.page(
            "queue.html",
            who=visit.who,
            queue=queue,
            show=show,
            shows=SHOWS,
            later=bool(asked.get("after")),
            done=_done(visit.request),
            duty=duty,
            alarms_failed=failed,
            alarm_ways=ways_of(self._services.settings),
        )

    def case(self, visit: Visit) -> Response:
        """One case with its conversation, or the part of it before a place (`?before=`)."""
        return self._case(visit, done=_done(visit.request))

    def audit(self, visit: Visit) -> Response:
        """What the reader has done and looked at, latest first."""
        with self._services.database.read() as session:
            query = select(StaffAudit).where(StaffAudit.staff_id == visit.who.staff_id).order_by(StaffAudit.id.desc())
            rows = session.scalars(query.limit(AUDIT_ROWS)).all()
        return self._look.page("audit.html", who=visit.who, rows=rows, most=AUDIT_ROWS)

    def questions(self, visit: Visit) -> Response:
        """Questions without a good answer (`?lang=` one language). That they were looked at is recorded before they are shown."""
        asked = visit.request.query_params.get("lang", "")
        language = asked if asked in {one.code for one in supported()} else ""
        with self._services.database.read() as session:
            keyring, area = self._services.keyring, visit.who.area_id
            found = read_questions(session, keyring, area_id=area, language=language)
        with self._services.database.write() as session:
            session.add(StaffAudit(staff_id=visit.who.staff_id, action="questions.view", subject=language))
        return self._look.page("questions.html", who=visit.who, questions=found, language=language, days=UNANSWERED_DAYS)

    def triage(self, visit: Visit) -> Response:
        """How often staff found triage right, too high or too low, by language and level; of the blind sample apart too."""
        with self._services.database.read() as session:
            mine = in_area(TriageMark.area_id, visit.who.area_id)
            found, sampled = marks.counts(session, mine), marks.sample_counts(session, mine)
        by_language = {count.language: [one for one in found if one.language == count.language] for count in found}
        levels = tuple(reversed(marks.LEVELS))
        return self._look.page("triage.html", who=visit.who, languages=by_language, sampled=sampled, levels=levels)

    async def events(self, visit: Visit) -> Response:
        """News for an open page: of one case (`?case=`), else of the queue."""
        asked = visit.request.query_params.get("case", "")
        case_id = whole_number(asked)
        if asked and case_id is None:
            return private(PlainTextResponse("", 404))
        look = self._watch_queue(visit) if case_id is None else self._watch_case(visit, case_id)
        if await run_in_threadpool(look) is None:  # a stream that ends at once would be asked for again and again
            return private(PlainTextResponse("", 404))
        known = visit.request.headers.get("last-event-id") or visit.request.query_params.get("after", "")
        stream = follow(
            hub=self._services.hub,
            topic="queue",  # published for every message and every act
            look=look,
            known=known,
            gone=visit.request.is_disconnected,
            closing=self._services.closing,
        )
        response = private(StreamingResponse(stream, media_type="text/event-stream"))
        response.headers["X-Accel-Buffering"] = "no"
        return response

    # Acts

    def claim(self, visit: Visit) -> Response:
        return self._act(visit, desk.claim_case, "claimed")

    def acknowledge(self, visit: Visit) -> Response:
        return self._act(visit, desk.acknowledge_case, "acknowledged")

    def reply(self, visit: Visit) -> Response:
        def send(services: ConsoleServices, case_id: int, staff_id: int) -> None:
            text, form_id = visit.form.get("text", ""), visit.form.get("form", "")
            desk.send_reply(services, case_id, staff_id, text, form_id=form_id, any_language="meant" in visit.form)

        return self._act(visit, send, "replied", field="reply")

    def ready(self, visit: Visit) -> Response:
        """Send the ready reply that was shown. What stood in the box beside it stays there."""

        def send(services: ConsoleServices, case_id: int, staff_id: int) -> None:
            desk.send_ready(services, case_id, staff_id, visit.form.get("shown", ""), form_id=visit.form.get("form", ""))

        answer = self._act(visit, send, "replied", field="reply")
        typed = visit.form.get("text", "")
        return (
            self._case(visit, done="replied", typed={"reply": typed}) if answer.status_code == 303 and typed.strip() else answer
        )

    def look_again(self, visit: Visit) -> Response:
        """The case as it is now, with what has been typed so far and the ready reply that was chosen."""
        into = "into" in visit.form
        ready = visit.form.get("shown" if into else "ready", "")
        return self._case(visit, ready=ready, into=into, typed={"reply": visit.form.get("text", "")})

    def note(self, visit: Visit) -> Response:
        def write(services: ConsoleServices, case_id: int, staff_id: int) -> None:
            desk.add_note(services, case_id, staff_id, visit.form.get("text", ""), form_id=visit.form.get("form", ""))

        return self._act(visit, write, "noted", field="note")

    def bereaved(self, visit: Visit) -> Response:
        """`mark` is yes or no."""
        act = partial(desk.mark_bereaved, bereaved=visit.form.get("mark", "") == "yes")
        return self._act(visit, act, "bereaved")

    def stop_series(self, visit: Visit) -> Response:
        """End a series that the parent gets."""
        stop = partial(desk.stop_series, subscription_id=whole_number(visit.form.get("subscription", "")) or 0)
        return self._act(visit, stop, "series_stopped")

    def undo_series(self, visit: Visit) -> Response:
        """Take back a wrong end, for a reason (`text`)."""
        subscription = whole_number(visit.form.get("subscription", "")) or 0
        undo = partial(desk.undo_series, subscription_id=subscription, reason=visit.form.get("text", ""))
        return self._act(visit, undo, "series_undone", field="series")

    def mark(self, visit: Visit) -> Response:
        message = whole_number(visit.form.get("message", "")) or 0
        say = partial(desk.mark_triage, inbox_id=message, should_be=visit.form.get("should_be", ""))
        return self._act(visit, say, "marked")

    def address(self, visit: Visit) -> Response:
        """The parent's addresses, once, for a reason; they are in this answer and on no other page."""
        seen: list[desk.SeenAddress] = []

        def look(services: ConsoleServices, case_id: int, staff_id: int) -> None:
            seen.extend(desk.see_addresses(services, case_id, staff_id, visit.form.get("text", "")))

        answer = self._act(visit, look, "", field="address")
        return self._case(visit, seen=seen) if answer.status_code == 303 else answer

    def reopen(self, visit: Visit) -> Response:
        again = partial(desk.reopen_case, reason=visit.form.get("text", ""))
        return self._act(visit, again, "reopened", field="reopen")

    def pause(self, visit: Visit) -> Response:
        return self._act(visit, partial(desk.pause_bot, paused=True), "paused")

    def resume(self, visit: Visit) -> Response:
        return self._act(visit, partial(desk.pause_bot, paused=False), "resumed")

    def interpreter(self, visit: Visit) -> Response:
        """Say that an interpreter is needed (`needed` is 1) or no longer (0)."""
        say = partial(desk.set_interpreter, needed=visit.form.get("needed") == "1")
        return self._act(visit, say, "interpreter")

    def hand_over(self, visit: Visit) -> Response:
        colleague = whole_number(visit.form.get("colleague", "")) or 0
        give = partial(desk.hand_over_case, to_staff_id=colleague, note=visit.form.get("text", ""))
        return self._act(visit, give, "handed_over", field="handover")

    def release(self, visit: Visit) -> Response:
        give = partial(desk.release_case, note=visit.form.get("text", ""))
        return self._act(visit, give, "released", to="/staff", field="handover")

    def close(self, visit: Visit) -> Response:
        outcome = visit.form.get("outcome", "")
        if outcome not in OUTCOMES:
            return self._case(visit, problem=Problem(field="outcome", words=self._words("error.outcome"), status=422))
        return self._act(visit, partial(desk.close_case, outcome=outcome), "closed", to="/staff")

    def _act(
        self, visit: Visit, act: Callable[[ConsoleServices, int, int], None], done: str, *, field: str = "", to: str = ""
    ) -> Response:
        """Do it and show the page it leads to; if refused, the case again with why and with what was typed."""
        case_id = _case_id(visit.request)
        typed = {field: visit.form.get("text", "")} if field else {}
        try:
            act(self._services, case_id, visit.who.staff_id)
        except NoSuchCase:
            return self._missing(visit)
        except NotClaimed as refusal:
            words = self._not_claimed(case_id, refusal)
            return self._case(visit, problem=Problem(field="", words=words, status=409), typed=typed)
        except OtherLanguage as question:
            words = self._words("error.language", speech=self._words.language(question.language))
            return self._case(visit, problem=Problem(field=field, words=words, status=422), meant=question.language, typed=typed)
        except Refused as refusal:
            words = self._words(f"error.{refusal.code}", most=f"{MAX_WORDS:,}")
            where = "colleague" if refusal.code == "colleague" else field
            return self._case(visit, problem=Problem(field=where, words=words, status=422), typed=typed)
        except ValueError:  # a form without its id: not one of ours
            return self._case(visit, problem=Problem(field="", words=self._words("error.form"), status=422), typed=typed)
        return private(RedirectResponse(f"{to or f'/staff/cases/{case_id}'}?done={done}", 303))

    def _not_claimed(self, case_id: int, refusal: NotClaimed) -> str:
        if refusal.holder:
            return self._words("error.held", holder=refusal.holder)
        with self._services.database.read() as session:
            return self._words("error.closed" if session.get_one(Case, case_id).state == "closed" else "error.unclaimed")

    # One case

    def _case(
        self,
        visit: Visit,
        *,
        problem: Problem | None = None,
        done: str = "",
        ready: str = "",
        into: bool = False,
        meant: str = "",
        seen: Sequence[desk.SeenAddress] = (),
        typed: Mapping[str, str] | None = None,
    ) -> Response:
        """The case's page, with what was `typed` in its boxes and a `ready` reply shown, or put into the box after what is there.

        `meant` is a language that is not the parent's: whether the reply is meant to be in it is asked.

        That the case was looked at is recorded before it is shown.
        """
        case_id = _case_id(visit.request)
        before = Place.parse(visit.request.query_params.get("before"))
        with self._services.database.read() as session:
            file = read_case(session, self._services.keyring, case_id=case_id, area_id=visit.who.area_id, before=before)
            if file is None:
                return self._missing(visit)
            call = next(iter(calls.calling(session, now(), [case_id])), None)
            alarms = calls.of_case(session, case_id, ALARM_ROWS)
            told = read_told(session, self._services.keyring, case_id)
            series = read_series(session, self._services.renderer.library, file.person.id)
        with self._services.database.write() as session:
            session.add(StaffAudit(staff_id=visit.who.staff_id, action="case.view", subject=f"case:{case_id}"))
        shown = chosen(self._services, file, visit.who, ready)
        boxes = {**dict.fromkeys(BOXES, ""), **(typed or {})}
        if shown is not None and into:
            boxes["reply"] = "\n\n".join(filter(None, (boxes["reply"].strip(), shown.text)))
            shown = None
        return self._look.page("case.html", problem.status if problem else 200, **self._of(visit, file), **{
            "problem": problem, "done": done, "older": before is not None, **boxes,
            "shown": shown, "meant": meant, "seen": seen, "told": told, "series": series,
            "subscription": whole_number(visit.form.get("subscription", "")) or 0,
            "call": call, "alarms": alarms, "alarm_ways": ways_of(self._services.settings),
        })  # fmt: skip

    def _of(self, visit: Visit, file: CaseFile) -> dict[str, Any]:
        """What the template needs of a case for this reader."""
        return {
            "who": visit.who,
            "case": file,
            "answers": bool(ANSWERS & visit.who.roles),
            "mine": file.state == "claimed" and file.holder_id == visit.who.staff_id,
            "outcomes": OUTCOMES,
            "levels": tuple(reversed(marks.LEVELS)),
            "ready": offered(self._services, file.area_id),
            "team": self._services.teams.of(file.area_id),
            "form_id": secrets.token_urlsafe(12),
            "most": MAX_WORDS,
        }

    def nowhere(self, visit: Visit) -> Response:
        """Any other address under `/staff`: mistyped, from an old note, or a form's own, loaded again."""
        return self._look.notice("no_page", 404, who=visit.who)

    def _missing(self, visit: Visit) -> Response:
        return self._look.notice("no_case", 404, who=visit.who)

    # News

    def _watch_queue(self, visit: Visit) -> Callable[[], str | None]:
        def look() -> str | None:
            with self._services.database.read() as session:
                return str(latest_event(session)) if logins.find(session, visit.request.cookies.get(COOKIE)) else None

        return look

    def _watch_case(self, visit: Visit, case_id: int) -> Callable[[], str | None]:
        cookie = visit.request.cookies.get(COOKIE)

        def look() -> str | None:
            with self._services.database.read() as session:
                who, case = logins.find(session, cookie), session.get(Case, case_id)
                if who is None or case is None or not may_see(who.area_id, case.area_id):
                    return None
                return str(latest(session, case.id, case.person_id))

        return look


def _case_id(request: Request) -> int:
    """The id in the address; 0, which no case has, for a number no database can hold."""
    case_id: int = request.path_params["case_id"]
    return case_id if case_id < MAX_ID else 0


def _done(request: Request) -> str:
    done = request.query_params.get("done", "")
    return done if done in DONE else ""
