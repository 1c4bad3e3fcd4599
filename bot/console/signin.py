"""Signing in and out. After the password may come stages: a code, a second factor to set up, a password to choose."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console import known, logins
from bot.console.accounts import (
    AccountError,
    check_password,
    hash_password,
    needs_new_hash,
    of_link,
    tidy,
    use_link,
)
from bot.console.guard import COOKIE, SIGN_IN, Visit, on_this_machine, read_form, same, with_cookie
from bot.console.look import Look, private
from bot.console.roles import ADMINISTRATOR
from bot.console.services import ConsoleServices
from bot.console.stages import Stages, inside
from bot.pages.door import Door, from_our_pages
from bot.storage import tries
from bot.storage.tables import Staff, StaffAudit, now

FORM_COOKIE = "wren_staff_form"


class SignIn:
    """The only pages that strangers may see."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._services, self._look = services, look
        self._door = Door(per_address=services.tries_per_address, in_all=services.tries_in_all)
        self._stages = Stages(services, look)

    async def form(self, request: Request) -> Response:
        """The sign-in page."""
        return self._page(request, request.query_params.get("next", ""))

    async def enter(self, request: Request) -> Response:
        """Take a user name and a password: 303 inside, else the page again."""
        form = await self._own_form(request)
        if isinstance(form, Response):
            return form
        if not self._ours(request, form):
            return self._page(request, form.get("next", ""), self._look.words("sign_in.error.old"), form.get("username", ""), 403)
        if not self._door.admit(request.client.host if request.client else None):
            return self._look.notice("too_many", 429, back=SIGN_IN)
        return await self._guarded(lambda: self._check(request, form))

    async def stage(self, request: Request) -> Response:
        """The page of the stage that a half-done sign-in is at; whoever has none goes back to the beginning."""
        return await self._guarded(lambda: self._stages.page(request))

    async def pass_stage(self, request: Request) -> Response:
        """Take what the stage asks for: on to the next one or inside, else the page again."""
        form = await self._own_form(request)
        if isinstance(form, Response):
            return form
        if not self._door.admit(request.client.host if request.client else None):
            return self._look.notice("too_many", 429, back=SIGN_IN)
        return await self._guarded(lambda: self._stages.take(request, form))

    async def link_form(self, request: Request) -> Response:
        """Where a link leads by which somebody chooses a password. Looking at it does not use it up."""
        return await self._guarded(lambda: self._link_page(request))

    async def use_link(self, request: Request) -> Response:
        """Take the password that was chosen; then they sign in with it."""
        form = await self._own_form(request)
        if isinstance(form, Response):
            return form
        if not self._door.admit(request.client.host if request.client else None):
            return self._look.notice("too_many", 429, back=SIGN_IN)
        return await self._guarded(lambda: self._choose_by_link(request, form))

    def leave(self, visit: Visit) -> Response:
        """Sign this browser out."""
        with self._services.database.write() as session:
            logins.end(session, visit.request.cookies.get(COOKIE))
            session.add(StaffAudit(staff_id=visit.who.staff_id, action="sign_out"))
        return self._left()

    def leave_everywhere(self, visit: Visit) -> Response:
        """Sign every browser of this account out."""
        with self._services.database.write() as session:
            logins.end_all(session, visit.who.staff_id)
            session.add(StaffAudit(staff_id=visit.who.staff_id, action="sign_out_everywhere"))
        return self._left()

    def _check(self, request: Request, form: Mapping[str, str]) -> Response:
        """Inside or to the next stage if name and password fit, else the page again.

        A name that nobody has is counted, waits and is hashed like one that somebody has.
        """
        username, password = form.get("username", ""), form.get("password", "")
        key = known.counted_as(request, self._services.keyring, username)
        with self._services.database.write() as session:
            wait = tries.take(session, key)
        if wait is not None:
            return self._too_soon(request, form, wait)
        with self._services.database.read() as session:
            staff = session.scalar(select(Staff).where(Staff.username == tidy(username)))
        fits = check_password(staff.password_hash if staff else None, password)
        if staff is None or not (fits and staff.disabled_at is None and self._may_use_password(request, staff)):
            self._refused(key, staff)
            return self._page(request, form.get("next", ""), self._look.words("sign_in.error.wrong"), username, 403)
        with self._services.database.write() as session:
            tries.forget(session, key)
            if needs_new_hash(staff.password_hash):
                session.get_one(Staff, staff.id).password_hash = hash_password(password)
            logins.end(session, request.cookies.get(COOKIE))
            stage = self._stages.first(session, staff)
            value = logins.start(session, staff.id, stage=stage)
            session.add(StaffAudit(staff_id=staff.id, action="sign_in.begun" if stage else "sign_in"))
        onward = self._stages.onward(value, stage, inside(form.get("next", "")), staff.roles)
        return known.remembered(onward, self._services.keyring, staff.username, self._services.settings)

    def _refused(self, key: str, staff: Staff | None) -> None:
        """Record a try that did not fit, in a transaction that writes whether or not the name is somebody's."""
        with self._services.database.write() as session:
            waits = tries.missed(session, key)
            if staff is not None:
                session.add(StaffAudit(staff_id=staff.id, action="sign_in.refused"))
                if waits:
                    session.add(StaffAudit(staff_id=staff.id, action="sign_in.slowed"))

    def _too_soon(self, request: Request, form: Mapping[str, str], wait: timedelta) -> Response:
        """The page again, with how long to wait: the same for every name."""
        seconds = max(1, math.ceil(wait.total_seconds()))
        error = self._look.words("sign_in.error.too_soon", wait=self._look.words.wait(wait))
        page = self._page(request, form.get("next", ""), error, form.get("username", ""), 429)
        page.headers["Retry-After"] = str(seconds)
        return page

    def _may_use_password(self, request: Request, staff: Staff) -> bool:
        """Whether this account may come by password at all: here, now, and from where they are."""
        settings = self._services.settings
        if staff.demonstration and not on_this_machine(request, settings):
            return False
        if staff.password_ends_at is not None and staff.password_ends_at <= now():
            return False
        return settings.password_sign_in or (
            settings.break_glass is not None and staff.username == tidy(settings.break_glass) and ADMINISTRATOR in staff.roles
        )

    def _link_page(self, request: Request, error: str = "", status: int = 200) -> Response:
        with self._services.database.read() as session:
            staff = of_link(session, request.path_params["token"])
        if staff is None:
            return self._look.notice("link_over", 404, back=SIGN_IN)
        token = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(32)
        page = self._look.page("new_password.html", status, csrf=token, username=staff.username, error=error, next_page="")
        return with_cookie(page, FORM_COOKIE, token, self._services.settings)

    def _choose_by_link(self, request: Request, form: Mapping[str, str]) -> Response:
        if not self._ours(request, form):
            return self._link_page(request, self._look.words("sign_in.error.old"), 403)
        if form.get("new", "") != form.get("repeat", ""):
            return self._link_page(request, self._look.words("password.error.repeat"), 422)
        try:
            with self._services.database.write() as session:
                council = self._services.settings.council_name
                staff = use_link(session, request.path_params["token"], form.get("new", ""), council=council)
        except AccountError as error:
            return self._link_page(request, self._look.words.refusal(error), 422)
        if staff is None:
            return self._look.notice("link_over", 404, back=SIGN_IN)
        onward = private(RedirectResponse(f"{SIGN_IN}?chosen=1", 303))
        return known.remembered(onward, self._services.keyring, staff.username, self._services.settings)

    async def _own_form(self, request: Request) -> dict[str, str] | Response:
        """The fields of a form from one of our pages, else why it is not taken."""
        if not from_our_pages(request, self._services.settings.url):
            return self._look.notice("not_ours", 403, back=SIGN_IN)
        form = await read_form(request)
        return form if form is not None else self._look.notice("too_big", 413, back=SIGN_IN)

    def _ours(self, request: Request, form: Mapping[str, str]) -> bool:
        """Whether the form holds the token that its page gave to this browser."""
        cookie = request.cookies.get(FORM_COOKIE, "")
        return bool(cookie) and same(form.get("csrf", ""), cookie)

    async def _guarded(self, act: Callable[[], Response]) -> Response:
        try:
            return await run_in_threadpool(act)
        except SQLAlchemyError:
            return self._look.notice("unavailable", 503, back=SIGN_IN)

    def _page(self, request: Request, next_page: str, error: str = "", username: str = "", status: int = 200) -> Response:
        token, settings = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(32), self._services.settings
        asked = request.query_params
        done = next((name for name in ("left", "chosen") if asked.get(name) == "1"), "")
        response = self._look.page(
            "sign_in.html",
            status,
            csrf=token,
            next_page=inside(next_page),
            error=error or (self._look.words("sign_in.error.over") if asked.get("over") == "1" else ""),
            username=username[:80],
            done=done,
            by_password=settings.password_sign_in,
            break_glass=bool(settings.break_glass),
            by_sso=bool(settings.sso_issuer),
        )
        return with_cookie(response, FORM_COOKIE, token, settings)

    def _left(self) -> Response:
        response = private(RedirectResponse(f"{SIGN_IN}?left=1", 303))
        response.delete_cookie(COOKIE, path="/staff", httponly=True, samesite="lax")
        return response
