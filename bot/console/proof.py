"""Showing again who it is: a code of the second factor for whoever has one, else the password, else the single sign-on."""

from __future__ import annotations

from datetime import timedelta

from bot.console import factor, logins
from bot.console.accounts import check_password
from bot.console.logins import SignedIn
from bot.console.services import ConsoleServices
from bot.storage import tries
from bot.storage.tables import Staff, StaffAudit, now

CODE, PASSWORD, SSO = "code", "password", "sso"


class Prover:
    """Blocking: call from a thread."""

    def __init__(self, services: ConsoleServices) -> None:
        self._services = services

    def is_due(self, who: SignedIn) -> bool:
        """Whether so long has passed since they showed who they are that a sensitive act asks again."""
        minutes = self._services.settings.step_up_minutes
        return minutes > 0 and who.proved_at <= now() - timedelta(minutes=minutes)

    def asks(self, who: SignedIn) -> str:
        """What they can show: a code, a password, or a fresh single sign-on."""
        with self._services.database.read() as session:
            if factor.has_factor(session, who.staff_id):
                return CODE
            return PASSWORD if session.get_one(Staff, who.staff_id).password_hash else SSO

    def again(self, who: SignedIn, given: str) -> str | None:
        """The value of a new cookie if what was given fits, the old one ended; None if not, which is counted."""
        fits = self._fits_code(who, given) if self.asks(who) == CODE else self.fits_password(who, given)
        if not fits:
            return None
        with self._services.database.write() as session:
            session.add(StaffAudit(staff_id=who.staff_id, action="step_up"))
            return logins.renew(session, who)

    def fits_password(self, who: SignedIn, password: str) -> bool:
        """Whether it is their password; wrong ones are counted, end the sign-in at the fifth and make the next sign-in's wait."""
        key = self._services.keyring.hashed("proof", str(who.staff_id))
        with self._services.database.write() as session:
            too_soon = tries.take(session, key) is not None
        with self._services.database.read() as session:
            stored = session.get_one(Staff, who.staff_id).password_hash
        if check_password(stored, password) and not too_soon:
            with self._services.database.write() as session:
                tries.forget(session, key)
            return True
        with self._services.database.write() as session:
            tries.missed(session, key)
            logins.missed(session, who.login_id)
            session.add(StaffAudit(staff_id=who.staff_id, action="step_up.refused"))
        return False

    def _fits_code(self, who: SignedIn, code: str) -> bool:
        with self._services.database.write() as session:
            found = factor.check(session, self._services.keyring, who.staff_id, code)
            if found is None:
                logins.missed(session, who.login_id)
                session.add(StaffAudit(staff_id=who.staff_id, action="step_up.refused"))
            elif found == "recovery":
                session.add(StaffAudit(staff_id=who.staff_id, action="factor.recovery"))
        return found is not None
