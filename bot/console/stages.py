"""What may lie between a right password, or a single sign-on, and the console: a code, a second factor to set up, a password to choose.

Each is a page of its own, at one address, and opens nothing but itself. Passing it gives the browser a new cookie.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import urlencode

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console import factor, logins
from bot.console.accounts import AccountError, choose_password
from bot.console.guard import COOKIE, SIGN_IN, on_this_machine, same, with_cookie
from bot.console.logins import DONE, ENROL, FACTOR, PASSWORD, SignedIn
from bot.console.look import Look, private
from bot.console.roles import landing
from bot.console.services import ConsoleServices
from bot.storage.tables import Staff, StaffAudit

STAGE = "/staff/sign-in/next"
INSIDE = re.compile(
    r"/staff(/cases/\d{1,18}(/records)?|/audit|/questions|/to-write|/triage|/review|/sample|/rota|/account(/second-factor)?|/accounts(/\d{1,18})?"
    r"|/retention|/troubles"
    r"|/campaigns(/[a-z]{3,10}[2-9]{1,2})?"
    r"|/content(/(texts|edit)/[a-z]{2,3}/[a-z0-9/-]{1,120}|/translations|/files(/content\.zip)?)?"
    r"|/series(/[a-z0-9-]{1,40})?|/insight(/[a-z]{1,20})?"
    r"|/directory(/(todo|pending(/brought-in)?|freshness|export|import|import/questions)|/(services|changes|import)/[0-9a-f-]{36})?)?"
)
"""Where a sign-in may lead."""

BEFORE = re.compile(r"/staff/(sign-in(/next)?|set-password/[\w-]{1,100})")
"""The pages before signing in."""


class Stages:
    """Blocking: call from a thread."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._services, self._look, self._words = services, look, look.words
        self._demanded = factor.demanded_roles(services.settings.second_factor_roles)

    def first(self, session: Session, staff: Staff, *, way: str = PASSWORD, factor_shown: bool = False) -> str:
        """What comes first for somebody whose password or single sign-on is right. `factor_shown` is the provider's word that they
        showed a second factor there."""
        if not factor_shown:
            if factor.has_factor(session, staff.id):
                return FACTOR
            if self._demanded & set(staff.roles) and not staff.demonstration:
                factor.begin(session, self._services.keyring, staff.id)
                return ENROL
        return self._after(staff, way)

    def demands(self, roles: Collection[str]) -> bool:
        """Whether somebody with `roles` must have a second factor."""
        return bool(self._demanded & set(roles))

    def onward(self, value: str, stage: str, page: str, roles: Collection[str]) -> Response:
        """To the stage, or inside, with the cookie of this step."""
        to = f"{STAGE}?{urlencode({'next': page})}" if stage != DONE else _landing(page, roles)
        return with_cookie(RedirectResponse(to, 303), COOKIE, value, self._services.settings)

    def page(self, request: Request) -> Response:
        """The page of the stage that this browser's sign-in is at."""
        who = self._who(request)
        return _over() if who is None else self._page(who, request.query_params.get("next", ""))

    def take(self, request: Request, form: Mapping[str, str]) -> Response:
        """What the stage asked for."""
        who = self._who(request)
        if who is None or not same(form.get("csrf", ""), who.csrf):
            return _over()
        return {FACTOR: self._code, ENROL: self._enrol, PASSWORD: self._password}[who.stage](who, form)

    def _who(self, request: Request) -> SignedIn | None:
        with self._services.database.read() as session:
            who = logins.find_unfinished(session, request.cookies.get(COOKIE))
        return None if who is None or (who.demonstration and not on_this_machine(request, self._services.settings)) else who

    def _code(self, who: SignedIn, form: Mapping[str, str]) -> Response:
        """A code of the app or a recovery code. Too many wrong ones end the sign-in."""
        with self._services.database.write() as session:
            found = factor.check(session, self._services.keyring, who.staff_id, form.get("code", ""))
            session.add(StaffAudit(staff_id=who.staff_id, action="factor.taken" if found else "factor.refused"))
            if found is None:
                over = logins.missed(session, who.login_id)
            else:
                if found == "recovery":
                    session.add(StaffAudit(staff_id=who.staff_id, action="factor.recovery"))
                return self._passed(session, who, form)
        return _over() if over else self._page(who, form.get("next", ""), self._words("factor.error.code"), 403)

    def _enrol(self, who: SignedIn, form: Mapping[str, str]) -> Response:
        """The first code of the new key: then the recovery codes, once."""
        with self._services.database.write() as session:
            codes = factor.confirm(session, self._services.keyring, who.staff_id, form.get("code", ""))
            if codes is None:
                over = logins.missed(session, who.login_id)
            else:
                session.add(StaffAudit(staff_id=who.staff_id, action="factor.added"))
                answer = self._passed(session, who, form)
        if codes is None:
            return _over() if over else self._page(who, form.get("next", ""), self._words("factor.error.first"), 403)
        page = self._look.page("recovery.html", codes=codes, onward=answer.headers["location"])
        page.headers["set-cookie"] = answer.headers["set-cookie"]
        return page

    def _password(self, who: SignedIn, form: Mapping[str, str]) -> Response:
        """The password that its owner chose instead of the one-time one."""
        if form.get("new", "") != form.get("repeat", ""):
            return self._page(who, form.get("next", ""), self._words("password.error.repeat"), 422)
        try:
            with self._services.database.write() as session:
                staff, council = session.get_one(Staff, who.staff_id), self._services.settings.council_name
                choose_password(session, staff, form.get("new", ""), but=who.login_id, council=council)
                return self._passed(session, who, form)
        except AccountError as error:
            return self._page(who, form.get("next", ""), self._words.refusal(error), 422)

    def _passed(self, session: Session, who: SignedIn, form: Mapping[str, str]) -> Response:
        stage = DONE if who.stage == PASSWORD else self._after(session.get_one(Staff, who.staff_id), who.way)
        if stage == DONE:
            session.add(StaffAudit(staff_id=who.staff_id, action="sign_in"))
        return self.onward(logins.renew(session, who, stage=stage), stage, form.get("next", ""), who.roles)

    def _after(self, staff: Staff, way: str) -> str:
        """What is left once the second factor is settled."""
        return PASSWORD if way == PASSWORD and staff.password_ends_at is not None else DONE

    def _page(self, who: SignedIn, next_page: str, error: str = "", status: int = 200) -> Response:
        values = {"csrf": who.csrf, "next_page": next_page, "error": error, "username": who.username}
        if who.stage == PASSWORD:
            return self._look.page("new_password.html", status, **values)
        with self._services.database.read() as session:
            locked = factor.locked_for(session, who.staff_id)
            key = factor.waiting(session, self._services.keyring, who.staff_id, who.username) if who.stage == ENROL else None
        if who.stage == ENROL and key is None:
            return _over()
        values["error"] = self._words("factor.error.locked", wait=self._words.wait(locked)) if locked else error
        return self._look.page("enrol.html" if key else "code.html", status, key=key, **values)


def inside(page: str) -> str:
    """Where a sign-in leads: `page` if it is one of ours, else the first."""
    return page if INSIDE.fullmatch(page) else "/staff"


def nearest(page: str) -> str:
    """`page`, or the nearest above it, that anybody may load again: one of ours, or of those before signing in; else the first."""
    while page and not (INSIDE.fullmatch(page) or BEFORE.fullmatch(page)):
        page = page.rpartition("/")[0]
    return page or "/staff"


def _landing(page: str, roles: Collection[str]) -> str:
    page = inside(page)
    return landing(roles) if page == "/staff" else page


def _over() -> Response:
    """Back to the beginning: the half-done sign-in is gone."""
    return private(RedirectResponse(f"{SIGN_IN}?over=1", 303))
