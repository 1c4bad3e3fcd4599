"""Signing in and out."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console import logins
from bot.console.accounts import check_password, hash_password, needs_new_hash, tidy
from bot.console.guard import COOKIE, SIGN_IN, Visit, on_this_machine, read_form, same
from bot.console.look import Look, private
from bot.console.roles import landing
from bot.console.services import ConsoleServices
from bot.pages.door import Door, from_our_pages
from bot.storage.tables import Staff, StaffAudit

FORM_COOKIE = "wren_staff_form"
INSIDE = re.compile(r"/staff(/cases/\d{1,18}|/audit|/questions|/rota)?")
"""Where a sign-in may lead."""


class SignIn:
    """The only pages that strangers may see."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._services, self._look = services, look
        self._door = Door(per_address=services.tries_per_address, in_all=services.tries_in_all)

    async def form(self, request: Request) -> Response:
        """The sign-in page."""
        return self._page(request, request.query_params.get("next", ""))

    async def enter(self, request: Request) -> Response:
        """Take a user name and a password: 303 inside, else the page again."""
        if not from_our_pages(request, self._services.settings.url):
            return self._look.notice("not_ours", 403, back=SIGN_IN)
        form = await read_form(request)
        if form is None:
            return self._look.notice("too_big", 413, back=SIGN_IN)
        cookie = request.cookies.get(FORM_COOKIE, "")
        if not cookie or not same(form.get("csrf", ""), cookie):
            return self._page(request, form.get("next", ""), "sign_in.error.old", form.get("username", ""), 403)
        if not self._door.admit(request.client.host if request.client else None):
            return self._look.notice("too_many", 429, back=SIGN_IN)
        try:
            value = await run_in_threadpool(self._check, request, form)
        except SQLAlchemyError:
            return self._look.notice("unavailable", 503, back=SIGN_IN)
        if value is None:
            return self._page(request, form.get("next", ""), "sign_in.error.wrong", form.get("username", ""), 403)
        cookie, roles = value
        page = _inside(form.get("next", ""))
        return self._with_cookie(RedirectResponse(landing(roles) if page == "/staff" else page, 303), COOKIE, cookie)

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

    def _check(self, request: Request, form: Mapping[str, str]) -> tuple[str, list[str]] | None:
        """A new cookie's value and the account's roles if name and password fit. The slow hash is made whether or not the name is known."""
        password = form.get("password", "")
        with self._services.database.read() as session:
            staff = session.scalar(select(Staff).where(Staff.username == tidy(form.get("username", ""))))
        fits = check_password(staff.password_hash if staff else None, password)
        if staff is None:
            return None
        allowed = fits and staff.disabled_at is None
        if staff.demonstration and not on_this_machine(request, self._services.settings):
            allowed = False
        with self._services.database.write() as session:
            session.add(StaffAudit(staff_id=staff.id, action="sign_in" if allowed else "sign_in.refused"))
            if not allowed:
                return None
            if needs_new_hash(staff.password_hash):
                session.get_one(Staff, staff.id).password_hash = hash_password(password)
            logins.end(session, request.cookies.get(COOKIE))
            return logins.start(session, staff.id), staff.roles

    def _page(self, request: Request, next_page: str, error: str = "", username: str = "", status: int = 200) -> Response:
        token = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(32)
        left = request.query_params.get("left") == "1"
        response = self._look.page(
            "sign_in.html", status, csrf=token, next_page=_inside(next_page), error=error, username=username[:80], left=left
        )
        return self._with_cookie(response, FORM_COOKIE, token)

    def _left(self) -> Response:
        response = private(RedirectResponse(f"{SIGN_IN}?left=1", 303))
        response.delete_cookie(COOKIE, path="/staff", httponly=True, samesite="lax")
        return response

    def _with_cookie(self, response: Response, name: str, value: str) -> Response:
        """`response` with a cookie that scripts and other sites cannot use and that ends with the browser."""
        secure = self._services.settings.url.startswith("https:")
        response.set_cookie(name, value, path="/staff", httponly=True, samesite="lax", secure=secure)
        return private(response)


def _inside(page: str) -> str:
    return page if INSIDE.fullmatch(page) else "/staff"
