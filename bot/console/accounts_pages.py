"""The pages of accounts, for administrators: who there is, adding, changing, switching off, new passwords, sign-ins, second factors.

An administrator of an area sees and makes accounts of that area alone. Whatever is done is recorded, and asks again who it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from bot.console import accounts, factor, logins
from bot.console.accounts import AccountError, tidy
from bot.console.guard import Visit
from bot.console.logins import SignedIn
from bot.console.look import Look, private
from bot.console.roles import ADMINISTRATOR, ROLES
from bot.console.services import ConsoleServices
from bot.storage.tables import Area, Staff, StaffAudit

SHOWS = ("open", "off")
ROWS = 50
EVERYWHERE = "*"
"""The value of the field `area` for an account of all areas."""

DONE = ("account_changed", "account_off", "account_on", "sessions_ended", "factor_reset")
IDS = {
    "username": "username",
    "first_name": "first-name",
    "job_title": "job-title",
    "email": "email",
    "roles": "role-editor",
    "area": "area",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One account in the list."""

    staff: Staff
    area: str
    factor: bool
    last: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountProblem:
    """Why nothing was done: the field to mend (one of `IDS`, or "") and words for it."""

    field: str
    words: str


class AccountPages:
    """The handlers behind the guard; they run in a thread."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._services, self._look, self._words = services, look, look.words

    # Pages

    def list(self, visit: Visit) -> Response:
        """Accounts by user name: `?show=` open or off, `?q=` part of a name, `?after=` a user name."""
        asked = visit.request.query_params
        show = asked.get("show", "") if asked.get("show", "") in SHOWS else SHOWS[0]
        like, after = asked.get("q", "").strip()[:60], asked.get("after", "")[:80]
        query = self._seen(visit.who).where(Staff.disabled_at.is_(None) if show == "open" else Staff.disabled_at.is_not(None))
        if like:
            part = tidy(like)
            named = func.lower(Staff.first_name).contains(part, autoescape=True)
            query = query.where(named | Staff.username.contains(part, autoescape=True))
        with self._services.database.read() as session:
            found = session.scalars(query.where(Staff.username > after).order_by(Staff.username).limit(ROWS + 1)).all()
            shown, areas = found[:ROWS], self._areas(session)
            with_factor = factor.with_factor(session, [staff.id for staff in shown])
            last = logins.last_sign_ins(session, [staff.id for staff in shown])
        lines = [
            Line(
                staff=staff,
                area=areas.get(staff.area_id or "", ""),
                factor=staff.id in with_factor,
                last=last.get(staff.id),
            )
            for staff in shown
        ]
        more = shown[-1].username if len(found) > ROWS else ""
        values: dict[str, Any] = {"lines": lines, "show": show, "shows": SHOWS, "like": like, "more": more, "later": bool(after)}
        return self._look.page("accounts.html", who=visit.who, **values)

    def new(self, visit: Visit) -> Response:
        """The form for one more account."""
        return self._form(visit, typed={"role_practitioner": "1"})

    def one(self, visit: Visit) -> Response:
        """One account, with all that may be done to it."""
        done = visit.request.query_params.get("done", "")
        return self._one(visit, done=done if done in DONE else "")

    # Acts

    def add(self, visit: Visit) -> Response:
        """Make an account; then what to pass on to its owner, once."""
        form, by_link = visit.form, visit.form.get("how") == "link"
        try:
            area_id = self._area(visit.who, form)
            with self._services.database.write() as session:
                staff = accounts.add_staff(
                    session,
                    username=form.get("username", ""),
                    first_name=form.get("first_name", ""),
                    job_title=form.get("job_title", ""),
                    password=None,
                    area_id=area_id,
                    email=form.get("email", "").strip() or None,
                    roles=_roles(form),
                    by=visit.who.staff_id,
                )
                secret = self._secret(session, staff, by_link, visit.who)
        except AccountError as error:
            return self._form(visit, typed=form, problem=self._problem(error))
        return self._hand_over(visit, staff, secret, by_link)

    def change(self, visit: Visit) -> Response:
        def act(session: Session, staff: Staff) -> None:
            form = visit.form
            roles = _roles(form)
            if self._is_break_glass(staff) and ADMINISTRATOR not in roles:
                raise AccountError(
                    "this is the account for emergencies: it stays an administrator", "roles", code="stays_administrator"
                )
            accounts.rewrite(
                session,
                staff,
                roles=roles,
                area_id=self._area(visit.who, form),
                email=form.get("email", "").strip() or None,
                first_name=form.get("first_name", "").strip() or " ",
                job_title=form.get("job_title", "").strip() or " ",
                by=visit.who.staff_id,
            )

        return self._act(visit, act, "account_changed")

    def off(self, visit: Visit) -> Response:
        def act(session: Session, staff: Staff) -> None:
            if self._is_break_glass(staff):
                raise AccountError("this is the account for emergencies (WREN_BREAK_GLASS): it stays open", code="stays_open")
            accounts.switch_off(session, staff, visit.who.staff_id)

        return self._act(visit, act, "account_off")

    def on(self, visit: Visit) -> Response:
        return self._act(visit, lambda session, staff: accounts.switch_on(session, staff, visit.who.staff_id), "account_on")

    def end_sessions(self, visit: Visit) -> Response:
        def act(session: Session, staff: Staff) -> None:
            logins.end_all(session, staff.id, but=visit.who.login_id)
            session.add(StaffAudit(staff_id=visit.who.staff_id, action="account.sessions", subject=f"staff:{staff.id}"))

        return self._act(visit, act, "sessions_ended")

    def reset_factor(self, visit: Visit) -> Response:
        def act(session: Session, staff: Staff) -> None:
            accounts.reset_factor(session, staff, visit.who.staff_id)

        return self._act(visit, act, "factor_reset")

    def new_password(self, visit: Visit) -> Response:
        """A one-time password, or a link (`how` is link), to pass on once."""
        by_link, made = visit.form.get("how") == "link", list[tuple[Staff, str]]()

        def act(session: Session, staff: Staff) -> None:
            if staff.disabled_at is not None:
                raise AccountError("this account is switched off: switch it on first", code="off")
            made.append((staff, self._secret(session, staff, by_link, visit.who)))

        answer = self._act(visit, act, "")
        return self._hand_over(visit, *made[0], by_link) if made else answer

    # What they share

    def _secret(self, session: Session, staff: Staff, by_link: bool, who: SignedIn) -> str:
        """What its owner needs to choose a password: the address of a link, or a one-time password."""
        if by_link:
            return f"{self._services.settings.url}/staff/set-password/{accounts.make_link(session, staff, who.staff_id)}"
        return accounts.give_one_time_password(session, staff, who.staff_id)

    def _hand_over(self, visit: Visit, staff: Staff, secret: str, by_link: bool) -> Response:
        return self._look.page("secret.html", who=visit.who, staff=staff, secret=secret, how="link" if by_link else "password")

    def _act(self, visit: Visit, act: Any, done: str) -> Response:
        """Do it to the account of the address, if the reader may see it; else the page again with why not."""
        try:
            with self._services.database.write() as session:
                staff = self._find(session, visit)
                if staff is None:
                    return self._missing(visit)
                act(session, staff)
        except AccountError as error:
            return self._one(visit, problem=self._problem(error), typed=visit.form)
        return private(RedirectResponse(f"/staff/accounts/{staff.id}?done={done}", 303))

    def _find(self, session: Session, visit: Visit) -> Staff | None:
        staff_id: int = visit.request.path_params["staff_id"]
        return session.scalar(self._seen(visit.who).where(Staff.id == staff_id)) if staff_id < 2**53 else None

    def _seen(self, who: SignedIn) -> Any:
        """The accounts that an administrator looks after: their area's, or for one of all areas everybody's."""
        query = select(Staff).where(Staff.demonstration.is_(False))
        return query if who.area_id is None else query.where(Staff.area_id == who.area_id)

    def _area(self, who: SignedIn, form: Mapping[str, str]) -> str | None:
        """The area that was chosen; an administrator of one area has no choice."""
        if who.area_id is not None:
            return who.area_id
        asked = form.get("area", "")
        if not asked:
            raise AccountError("choose an area, or all areas", "area", code="area")
        return None if asked == EVERYWHERE else asked

    def _areas(self, session: Session) -> dict[str, str]:
        """The names of all areas by id."""
        return dict(session.execute(select(Area.id, Area.name).order_by(Area.name)).tuples().all())

    def _is_break_glass(self, staff: Staff) -> bool:
        name = self._services.settings.break_glass
        return name is not None and staff.username == tidy(name)

    def _problem(self, error: AccountError) -> AccountProblem:
        field = error.field if error.field in IDS else ""
        return AccountProblem(field=field, words=self._words.refusal(error))

    def _form(self, visit: Visit, *, typed: Mapping[str, str], problem: AccountProblem | None = None) -> Response:
        with self._services.database.read() as session:
            areas = self._areas(session)
        values = {"typed": typed, "problem": problem, "areas": areas, "ids": IDS, "roles": ROLES}
        return self._look.page("account_add.html", 422 if problem else 200, who=visit.who, **values)

    def _one(
        self, visit: Visit, *, problem: AccountProblem | None = None, done: str = "", typed: Mapping[str, str] | None = None
    ) -> Response:
        with self._services.database.read() as session:
            staff = self._find(session, visit)
            if staff is None:
                return self._missing(visit)
            areas, has_factor = self._areas(session), factor.has_factor(session, staff.id)
            last = logins.last_sign_ins(session, [staff.id]).get(staff.id)
            signed_in = len(logins.of_staff(session, staff.id))
        if not typed or "first_name" not in typed:
            typed = {"first_name": staff.first_name, "job_title": staff.job_title, "email": staff.email or ""}
            typed |= {"area": staff.area_id or EVERYWHERE, **{f"role_{role}": "1" for role in staff.roles}}
        return self._look.page("account.html", 422 if problem else 200, who=visit.who, **{
            "staff": staff, "typed": typed, "problem": problem, "done": done, "areas": areas, "ids": IDS, "roles": ROLES,
            "has_factor": has_factor, "last": last, "signed_in": signed_in, "break_glass": self._is_break_glass(staff),
        })  # fmt: skip

    def _missing(self, visit: Visit) -> Response:
        return self._look.notice("no_account", 404, who=visit.who, back="/staff/accounts")


def _roles(form: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(role for role in ROLES if f"role_{role}" in form)
