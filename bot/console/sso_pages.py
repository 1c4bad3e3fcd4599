"""Where single sign-on begins and ends in the console: sent to the provider, come back, let in or refused."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console import logins
from bot.console.accounts import tidy
from bot.console.guard import COOKIE, SIGN_IN, same, with_cookie
from bot.console.logins import DONE, SignedIn
from bot.console.look import Look, private
from bot.console.proof import Prover
from bot.console.services import ConsoleServices
from bot.console.sso import Granted, NotBelieved, Provider, ProviderAway, SsoMistake, granted, known_as, mistakes
from bot.console.stages import Stages, inside
from bot.handoff.hours import is_email
from bot.pages.door import Door
from bot.storage.crypto import KeyMissing
from bot.storage.tables import Area, Staff, StaffAudit, now

log = logging.getLogger(__name__)
SSO_COOKIE = "wren_staff_sso"
MINUTES = 10
"""How long somebody may take at the provider."""

SIGN, AGAIN, LINK = "sign", "again", "link"
WAY = "sso"


class SignInBySso:
    """Open to strangers. What must be remembered until a browser comes back is sealed in a cookie of its own."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        for mistake in mistakes(services.settings):
            raise SsoMistake(mistake)
        self._services, self._look = services, look
        self._stages, self._prover = Stages(services, look), Prover(services)
        self._provider = Provider(services.settings) if services.settings.sso_issuer else None
        self._door = Door(per_address=services.tries_per_address, in_all=services.tries_in_all)

    async def start(self, request: Request) -> Response:
        """To the provider; `?again=1` to show who one is, `?link=1` to connect the account that is signed in here."""
        return await self._guarded(request, self._start)

    async def callback(self, request: Request) -> Response:
        """Back from the provider."""
        return await self._guarded(request, self._callback)

    async def _guarded(self, request: Request, act: Any) -> Response:
        if self._provider is None:
            return self._look.notice("no_sso", 404, back=SIGN_IN)
        if not self._door.admit(request.client.host if request.client else None):
            return self._look.notice("too_many", 429, back=SIGN_IN)
        try:
            response: Response = await run_in_threadpool(act, request, self._provider)
        except SQLAlchemyError:
            response = self._look.notice("unavailable", 503, back=SIGN_IN)
        except ProviderAway as error:
            log.warning("single sign-on: the provider is away (%s)", error)
            response = self._look.notice("sso_away", 503, back=SIGN_IN)
        except NotBelieved as error:
            log.warning("single sign-on: refused (%s)", error.reason)
            response = self._refused()
        return response

    def _start(self, request: Request, provider: Provider) -> Response:
        asked, who = request.query_params, self._who(request)
        purpose = AGAIN if asked.get("again") == "1" else LINK if asked.get("link") == "1" else SIGN
        if purpose != SIGN and who is None:
            return private(RedirectResponse(SIGN_IN, 303))
        begun = provider.start(again=purpose == AGAIN)
        kept = {
            "state": begun.state,
            "nonce": begun.nonce,
            "verifier": begun.verifier,
            "purpose": purpose,
            "login": who.login_id if who is not None and purpose != SIGN else "",
            "next": inside(asked.get("next", "")),
            "until": now().timestamp() + MINUTES * 60,
        }
        sealed = self._services.keyring.seal_json(kept).decode()
        return with_cookie(RedirectResponse(begun.address, 303), SSO_COOKIE, sealed, self._services.settings)

    def _callback(self, request: Request, provider: Provider) -> Response:
        kept, asked = self._kept(request), request.query_params
        if kept is None or not same(asked.get("state", ""), kept["state"]) or kept["until"] < now().timestamp():
            return self._forget(self._refused())
        if asked.get("iss", self._services.settings.sso_issuer) != self._services.settings.sso_issuer or not asked.get("code"):
            return self._forget(self._refused())
        try:
            claims = provider.finish(
                asked["code"], nonce=kept["nonce"], verifier=kept["verifier"], again=kept["purpose"] == AGAIN
            )
        except NotBelieved as error:
            log.warning("single sign-on: refused (%s)", error.reason)
            return self._forget(self._refused())
        if kept["purpose"] == SIGN:
            return self._forget(self._enter(request, claims, kept["next"]))
        who = self._who(request)
        if who is None or not same(kept["login"], who.login_id):
            return self._forget(self._refused())
        return self._forget(self._again(who, claims) if kept["purpose"] == AGAIN else self._link(who, claims))

    def _enter(self, request: Request, claims: Mapping[str, Any], page: str) -> Response:
        """Let somebody in with the roles and the area that their claims give, and no other."""
        given = granted(self._services.settings, claims)
        shown = isinstance(claims.get("amr"), list) and "mfa" in claims["amr"]
        with self._services.database.write() as session:
            staff = session.scalar(select(Staff).where(Staff.sso_id == known_as(claims)))
            if given is None or (given.area_id is not None and session.get(Area, given.area_id) is None):
                return self._turned_away(session, staff)
            if staff is None:
                staff = self._newcomer(session, claims, given)
            if staff is None or staff.disabled_at is not None or staff.demonstration:
                return self._turned_away(session, staff)
            if (staff.roles, staff.area_id) != (list(given.roles), given.area_id):
                staff.roles, staff.area_id = list(given.roles), given.area_id
                session.add(StaffAudit(staff_id=staff.id, action="account.changed"))
            logins.end(session, request.cookies.get(COOKIE))
            stage = self._stages.first(session, staff, way=WAY, factor_shown=shown)
            value = logins.start(session, staff.id, stage=stage, way=WAY)
            session.add(StaffAudit(staff_id=staff.id, action="sign_in.sso"))
            roles = list(staff.roles)
        return self._stages.onward(value, stage, page, roles)

    def _newcomer(self, session: Session, claims: Mapping[str, Any], given: Granted) -> Staff | None:
        """An account for somebody who comes for the first time; None if their name is somebody else's here."""
        names = [claims.get(name) for name in ("preferred_username", "email")]
        username = next((tidy(name)[:80] for name in names if isinstance(name, str) and tidy(name)), secrets.token_hex(6))
        if session.scalar(select(Staff.id).where(Staff.username == username)) is not None:
            return None  # an account with a password is connected by its owner, signed in, and never taken over by its name
        first = next((one for one in (claims.get("given_name"), claims.get("name")) if isinstance(one, str) and one.strip()), "")
        title = claims.get("job_title")
        email = claims.get("email") if claims.get("email_verified") is True else None
        staff = Staff(
            area_id=given.area_id,
            username=username,
            first_name=(first.split() or [username])[0][:60],
            job_title=title.strip()[:80] if isinstance(title, str) and title.strip() else self._look.words("role.practitioner"),
            email=email if isinstance(email, str) and is_email(email) else None,
            roles=list(given.roles),
            password_hash="",
            sso_id=known_as(claims),
        )
        session.add(staff)
        session.flush()
        session.add(StaffAudit(staff_id=staff.id, action="account.added"))
        return staff

    def _turned_away(self, session: Session, staff: Staff | None) -> Response:
        """Refuse; whoever is known and has no role any more is signed out everywhere."""
        if staff is not None:
            logins.end_all(session, staff.id)
            session.add(StaffAudit(staff_id=staff.id, action="sign_in.sso_refused"))
        return self._refused()

    def _again(self, who: SignedIn, claims: Mapping[str, Any]) -> Response:
        with self._services.database.write() as session:
            if session.get_one(Staff, who.staff_id).sso_id != known_as(claims):
                return self._refused()
            session.add(StaffAudit(staff_id=who.staff_id, action="step_up"))
            value = logins.renew(session, who)
        return self._stages.onward(value, DONE, "/staff", who.roles)

    def _link(self, who: SignedIn, claims: Mapping[str, Any]) -> Response:
        """Connect the account that is signed in, if it and they are not connected yet and it has shown lately who it is."""
        if who.demonstration or self._prover.is_due(who):
            return self._refused()
        with self._services.database.write() as session:
            staff = session.get_one(Staff, who.staff_id)
            if staff.sso_id is not None or session.scalar(select(Staff.id).where(Staff.sso_id == known_as(claims))) is not None:
                return self._refused()
            staff.sso_id = known_as(claims)
            session.add(StaffAudit(staff_id=who.staff_id, action="account.linked"))
        return private(RedirectResponse("/staff/account?done=sso_linked", 303))

    def _who(self, request: Request) -> SignedIn | None:
        with self._services.database.read() as session:
            return logins.find(session, request.cookies.get(COOKIE))

    def _kept(self, request: Request) -> dict[str, Any] | None:
        """What this browser was sent off with."""
        try:
            found = self._services.keyring.open_json(request.cookies.get(SSO_COOKIE, "").encode())
        except (KeyMissing, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def _refused(self) -> Response:
        return self._look.notice("sso_refused", 403, back=SIGN_IN)

    def _forget(self, response: Response) -> Response:
        """`response`, and the browser forgets what it was sent off with: it is of use once."""
        response.delete_cookie(SSO_COOKIE, path="/staff", httponly=True, samesite="lax")
        return response
