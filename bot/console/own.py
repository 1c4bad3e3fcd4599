"""Everybody's own account: their password, their second factor, where they are signed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import RedirectResponse, Response

from bot.console import factor, logins
from bot.console.accounts import AccountError, choose_password
from bot.console.guard import COOKIE, SIGN_IN, Visit, with_cookie
from bot.console.logins import SignedIn
from bot.console.look import Look, private
from bot.console.proof import Prover
from bot.console.services import ConsoleServices
from bot.console.stages import Stages
from bot.storage.tables import Staff, StaffAudit

HERE = "/staff/account"
DONE = ("password_changed", "factor_removed", "session_ended", "sessions_ended", "sso_linked")
IDS = {"old": "old", "new": "new", "factor": "factor-password", "code": "code"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnProblem:
    """Why nothing was done: the field to mend (one of `IDS`, or "") and words for it."""

    field: str
    words: str


class OwnAccount:
    """The handlers behind the guard; they run in a thread."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._services, self._look, self._words = services, look, look.words
        self._prover, self._stages = Prover(services), Stages(services, look)

    def page(self, visit: Visit) -> Response:
        """The account of the reader."""
        done = visit.request.query_params.get("done", "")
        return self._page(visit, done=done if done in DONE else "")

    def change_password(self, visit: Visit) -> Response:
        """A new password for the old one; all other sign-ins end, and this one goes on under a new cookie."""
        form, who = visit.form, visit.who
        if form.get("new", "") != form.get("repeat", ""):
            return self._page(visit, problem=self._problem("new", "password.error.repeat"))
        if not self._prover.fits_password(who, form.get("old", "")):
            return self._wrong(visit, "old")
        try:
            with self._services.database.write() as session:
                staff, council = session.get_one(Staff, who.staff_id), self._services.settings.council_name
                choose_password(session, staff, form.get("new", ""), but=who.login_id, council=council)
                value = logins.renew(session, who)
        except AccountError as error:
            return self._page(visit, problem=OwnProblem(field="new", words=self._words.refusal(error)))
        return self._back("password_changed", value)

    def begin_factor(self, visit: Visit) -> Response:
        """Make a key to set up, for the password; one in use stays in use until the new one is confirmed."""
        if not self._proved(visit):
            return self._wrong(visit, "factor")
        with self._services.database.write() as session:
            factor.begin(session, self._services.keyring, visit.who.staff_id)
        return private(RedirectResponse(f"{HERE}/second-factor", 303))

    def factor_page(self, visit: Visit) -> Response:
        """The key that waits to be confirmed."""
        return self._factor_page(visit)

    def confirm_factor(self, visit: Visit) -> Response:
        """The first code of the new key: then recovery codes, once; all other sign-ins end."""
        who = visit.who
        with self._services.database.write() as session:
            codes = factor.confirm(session, self._services.keyring, who.staff_id, visit.form.get("code", ""))
            if codes is None:
                over = logins.missed(session, who.login_id)
            else:
                session.add(StaffAudit(staff_id=who.staff_id, action="factor.added"))
                logins.end_all(session, who.staff_id, but=who.login_id)
                value = logins.renew(session, who)
        if codes is None:
            return self._over() if over else self._factor_page(visit, self._problem("code", "factor.error.first"))
        return self._codes(codes, value)

    def new_codes(self, visit: Visit) -> Response:
        """Ten new recovery codes instead of the old, for the password."""
        if not self._proved(visit):
            return self._wrong(visit, "factor")
        with self._services.database.write() as session:
            if not factor.has_factor(session, visit.who.staff_id):
                return self._back("")
            codes = factor.renew_recovery(session, self._services.keyring, visit.who.staff_id)
            session.add(StaffAudit(staff_id=visit.who.staff_id, action="factor.codes"))
            value = logins.renew(session, visit.who)
        return self._codes(codes, value)

    def remove_factor(self, visit: Visit) -> Response:
        """Take the second factor away, for the password, unless a role of theirs must have one."""
        if self._stages.demands(visit.who.roles):
            return self._page(visit, problem=self._problem("", "factor.error.demanded"))
        if not self._proved(visit):
            return self._wrong(visit, "factor")
        with self._services.database.write() as session:
            factor.remove(session, visit.who.staff_id)
            session.add(StaffAudit(staff_id=visit.who.staff_id, action="factor.removed"))
            logins.end_all(session, visit.who.staff_id, but=visit.who.login_id)
            value = logins.renew(session, visit.who)
        return self._back("factor_removed", value)

    def end_session(self, visit: Visit) -> Response:
        """End one of one's own sign-ins, or for `which` others all but this."""
        which, who = visit.form.get("which", ""), visit.who
        with self._services.database.write() as session:
            if which == "others":
                logins.end_all(session, who.staff_id, but=who.login_id)
            elif which != who.login_id:
                logins.end_one(session, who.staff_id, which)
            session.add(StaffAudit(staff_id=who.staff_id, action="account.sessions"))
        return self._back("sessions_ended" if which == "others" else "session_ended")

    def _proved(self, visit: Visit) -> bool:
        """Whether the form holds the password; without a password of one's own, whether one came by single sign-on just now."""
        if self._has_password(visit.who):
            return self._prover.fits_password(visit.who, visit.form.get("password", ""))
        return not self._prover.is_due(visit.who)

    def _has_password(self, who: SignedIn) -> bool:
        with self._services.database.read() as session:
            return bool(session.get_one(Staff, who.staff_id).password_hash)

    def _wrong(self, visit: Visit, field: str) -> Response:
        """The page again, or the end of a sign-in at which too many passwords did not fit."""
        with self._services.database.read() as session:
            still = logins.find(session, visit.request.cookies.get(COOKIE))
        if still is None:
            return self._over()
        has_password = self._has_password(visit.who)
        return self._page(visit, problem=self._problem(field, "own.error.password" if has_password else "own.error.again"))

    def _over(self) -> Response:
        return self._look.notice("signed_out", 401, back=SIGN_IN)

    def _codes(self, codes: list[str], value: str) -> Response:
        page = self._look.page("recovery.html", codes=codes, onward=HERE)
        return with_cookie(page, COOKIE, value, self._services.settings)

    def _back(self, done: str, value: str = "") -> Response:
        response = private(RedirectResponse(f"{HERE}?done={done}" if done else HERE, 303))
        return with_cookie(response, COOKIE, value, self._services.settings) if value else response

    def _problem(self, field: str, key: str) -> OwnProblem:
        return OwnProblem(field=field, words=self._words(key))

    def _factor_page(self, visit: Visit, problem: OwnProblem | None = None) -> Response:
        with self._services.database.read() as session:
            key = factor.waiting(session, self._services.keyring, visit.who.staff_id, visit.who.username)
        if key is None:
            return self._back("")
        return self._look.page("own_factor.html", 422 if problem else 200, who=visit.who, key=key, problem=problem, ids=IDS)

    def _page(self, visit: Visit, *, problem: OwnProblem | None = None, done: str = "") -> Response:
        who = visit.who
        with self._services.database.read() as session:
            staff = session.get_one(Staff, who.staff_id)
            values: Mapping[str, object] = {
                "staff": staff,
                "has_factor": factor.has_factor(session, who.staff_id),
                "codes_left": factor.recovery_left(session, who.staff_id),
                "sessions": logins.of_staff(session, who.staff_id),
            }
        return self._look.page("own.html", 422 if problem else 200, who=who, **values, **{
            "problem": problem, "done": done, "ids": IDS, "demanded": self._stages.demands(who.roles),
            "sso": bool(self._services.settings.sso_issuer),
        })  # fmt: skip
