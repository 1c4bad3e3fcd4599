"""Staff accounts: passwords are kept as Argon2id hashes only. Functions take an open session and never commit."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot.console import factor, logins
from bot.console.passwords import is_guessable
from bot.console.roles import ADMINISTRATOR, ROLES
from bot.handoff.hours import is_email
from bot.storage.tables import Area, Staff, StaffAudit, StaffLink, now

MIN_PASSWORD = 12
MAX_PASSWORD = 200
"""Longer ones are refused unread: hashing megabytes is a way to keep a server busy."""

DEMONSTRATION = "demo"
"""The user name of the demonstration account."""

DEMONSTRATION_ROLES = ("approver", "editor", "manager", "practitioner")
"""It shows all of the console's work; it works on this machine only."""

ONE_TIME = timedelta(days=7)
"""How long a one-time password lets its owner in to choose their own."""

LINK_LIFE = timedelta(days=3)

_hasher = PasswordHasher()


class AccountError(ValueError):
    """An account cannot be made or changed; the message says why in plain words, for the command line.

    `code` and `values` find the console's own words for it (`accounts.error.…`). `field` is what to mend, if one thing is.
    """

    def __init__(self, words: str, field: str = "", *, code: str, **values: str) -> None:
        super().__init__(words)
        self.field, self.code, self.values = field, code, values


class LastAdministrator(AccountError):
    """Nobody would be left who could look after the account's area."""

    def __init__(self) -> None:
        words = "this is the last administrator who can look after these accounts: make another one first"
        super().__init__(words, code="last_administrator")


def add_staff(
    session: Session,
    *,
    username: str,
    first_name: str,
    job_title: str,
    password: str | None,
    area_id: str | None = None,
    email: str | None = None,
    roles: Sequence[str] = ("practitioner",),
    one_time: bool = False,
    by: int | None = None,
) -> Staff:
    """Make an account. Parents see `first_name` and `job_title`; without `area_id` it sees all cases; alarms go to `email`.

    A `one_time` password must be replaced by its owner's at the first sign-in; with None for a password none fits until they choose
    one by a link or come by single sign-on. `by` is who makes it, if it is somebody. Raises `AccountError`.
    """
    name = tidy(username)
    if not name or len(name) > 80:
        raise AccountError("a user name has 1 to 80 characters", "username", code="username")
    _check_names(first_name, job_title)
    _check(session, roles=roles, email=email, area_id=area_id)
    if session.scalar(select(Staff.id).where(Staff.username == name)) is not None:
        raise AccountError(f"there is already an account called {name}", "username", code="taken", name=name)
    staff = Staff(
        area_id=area_id,
        username=name,
        first_name=first_name.strip()[:60],
        job_title=job_title.strip()[:80],
        email=email,
        roles=sorted(set(roles)),
        password_hash=_hash_of(password) if password is not None else "",
        password_ends_at=now() + ONE_TIME if one_time else None,
    )
    session.add(staff)
    session.flush()
    _record(session, staff, "account.added", by)
    return staff


def change_staff(
    session: Session,
    *,
    username: str,
    roles: Sequence[str] = (),
    email: str | None = None,
    area_id: str | None = None,
    disabled: bool = False,
) -> Staff:
    """Change what is given of an account; it holds from its next page on. `disabled` closes it. Raises `AccountError`."""
    staff = find_staff(session, username)
    _check(session, roles=roles or staff.roles, email=email, area_id=area_id)
    rewrite(
        session,
        staff,
        roles=roles or staff.roles,
        email=email if email is not None else staff.email,
        area_id=area_id if area_id is not None else staff.area_id,
    )
    if disabled:
        switch_off(session, staff)
    return staff


def rewrite(
    session: Session,
    staff: Staff,
    *,
    roles: Sequence[str],
    area_id: str | None,
    email: str | None,
    first_name: str | None = None,
    job_title: str | None = None,
    by: int | None = None,
) -> None:
    """Give an account these roles, area, address and names; it holds from its next page on. Raises `AccountError`."""
    _check(session, roles=roles, email=email, area_id=area_id)
    _check_names(first_name or staff.first_name, job_title or staff.job_title)
    if ADMINISTRATOR in staff.roles and (ADMINISTRATOR not in roles or area_id != staff.area_id):
        _keep_an_administrator(session, staff)
    staff.roles = sorted(set(roles))
    staff.area_id, staff.email = area_id, email
    staff.first_name = (first_name or staff.first_name).strip()[:60]
    staff.job_title = (job_title or staff.job_title).strip()[:80]
    _record(session, staff, "account.changed", by)


def switch_off(session: Session, staff: Staff, by: int | None = None) -> None:
    """Close an account and end its sign-ins. Raises `LastAdministrator`."""
    if ADMINISTRATOR in staff.roles:
        _keep_an_administrator(session, staff)
    staff.disabled_at = staff.disabled_at or now()
    end_links(session, staff.id)
    logins.end_all(session, staff.id)
    _record(session, staff, "account.off", by)


def switch_on(session: Session, staff: Staff, by: int | None = None) -> None:
    """Open a closed account again, with the password and second factor it had."""
    staff.disabled_at = None
    _record(session, staff, "account.on", by)


def reset_factor(session: Session, staff: Staff, by: int | None = None) -> bool:
    """Take somebody's second factor away, for a lost phone, and end their sign-ins; whether there was one."""
    had = factor.remove(session, staff.id)
    logins.end_all(session, staff.id)
    _record(session, staff, "factor.reset", by)
    return had


def reset_password(session: Session, *, username: str, password: str) -> Staff:
    """Give an account a new password and end all its sign-ins. Raises `AccountError`."""
    return _renew(session, find_staff(session, username), password)


def give_one_time_password(session: Session, staff: Staff, by: int | None = None) -> str:
    """A new password that lets its owner in to choose their own; ends all sign-ins."""
    password = new_password()
    _renew(session, staff, password, by)
    staff.password_ends_at = now() + ONE_TIME
    return password


def as_lines(session: Session, *, off: bool = False) -> list[list[str]]:
    """The open accounts, or those that are switched off, as lines of a table with a heading. No hash and no key is in it."""
    state = Staff.disabled_at.is_not(None) if off else Staff.disabled_at.is_(None)
    found = session.scalars(select(Staff).where(state).order_by(Staff.username)).all()
    ids = [staff.id for staff in found]
    last, with_factor = logins.last_sign_ins(session, ids), factor.with_factor(session, ids)
    lines = [["username", "first_name", "job_title", "roles", "area", "last_sign_in", "second_factor"]]
    for staff in found:
        at = last.get(staff.id)
        cells = [staff.username, staff.first_name, staff.job_title, " ".join(staff.roles), staff.area_id or ""]
        shown = at.isoformat(timespec="seconds") if at else ""
        lines.append([*map(_as_cell, cells), shown, "yes" if staff.id in with_factor else "no"])
    return lines


def choose_password(session: Session, staff: Staff, password: str, *, but: str = "", council: str | None = None) -> None:
    """Its owner's new password; ends all sign-ins except the one whose id is `but`. Raises `AccountError`.

    `council`: whose Wren this is, if it is somebody's: its name is among the first that are guessed.
    """
    if tidy(password) == staff.username:
        raise AccountError("a password cannot be the user name", "new", code="username_again")
    _check_length(password)
    if is_guessable(password, (staff.username, staff.first_name, staff.job_title, staff.email, council)):
        raise AccountError("that password is easy to guess: use a few words that do not belong together", "new", code="guessable")
    if staff.password_hash and check_password(staff.password_hash, password):
        raise AccountError("that is the password you have now: choose another one", "new", code="same_password")
    _renew(session, staff, password, but=but)


def make_link(session: Session, staff: Staff, by: int | None = None) -> str:
    """What a link holds by which `staff` chooses a password once within three days; earlier links end."""
    end_links(session, staff.id)
    token = secrets.token_urlsafe(32)
    session.add(StaffLink(id=_link_id(token), staff_id=staff.id, ends_at=now() + LINK_LIFE))
    _record(session, staff, "account.link", by)
    return token


def of_link(session: Session, token: str) -> Staff | None:
    """Whose link it is, if it is still good and their account is open."""
    found = select(Staff).join(StaffLink, StaffLink.staff_id == Staff.id)
    good = (StaffLink.id == _link_id(token), StaffLink.used_at.is_(None), StaffLink.ends_at > now(), Staff.disabled_at.is_(None))
    return session.scalar(found.where(*good))


def use_link(session: Session, token: str, password: str, *, council: str | None = None) -> Staff | None:
    """Set the password that was chosen by a link; None if the link is no longer good. Raises `AccountError`."""
    staff = of_link(session, token)
    one = update(StaffLink).where(StaffLink.id == _link_id(token), StaffLink.used_at.is_(None)).values(used_at=now())
    if staff is None or not session.execute(one).rowcount:  # type: ignore[attr-defined]
        return None
    choose_password(session, staff, password, council=council)
    return staff


def end_links(session: Session, staff_id: int) -> None:
    """End the links by which somebody could still choose a password."""
    session.execute(update(StaffLink).where(StaffLink.staff_id == staff_id, StaffLink.used_at.is_(None)).values(used_at=now()))


def ensure_demonstration(session: Session, area_id: str | None = None) -> tuple[str, str]:
    """The demonstration account's user name and a password made now; whoever was signed in with the last one no longer is."""
    staff = session.scalar(select(Staff).where(Staff.username == DEMONSTRATION))
    if staff is None:
        staff = Staff(
            area_id=area_id,
            username=DEMONSTRATION,
            first_name="Sam",
            job_title="Demonstration practitioner",
            password_hash="",
            demonstration=True,
        )
        session.add(staff)
        session.flush()
    if not staff.demonstration:
        raise AccountError(f"{DEMONSTRATION} is somebody's real account", code="not_demonstration")
    staff.roles = list(DEMONSTRATION_ROLES)
    factor.remove(session, staff.id)  # or a password made at each start would be of no use
    password = new_password()
    return _renew(session, staff, password).username, password


def check_password(stored: str | None, password: str) -> bool:
    """Whether `password` fits the hash, taking as long for nobody (`stored` None) as for somebody. About 0.1 s and 64 MiB."""
    try:
        right = _hasher.verify(stored or _nobodys(), password[:MAX_PASSWORD])
    except (VerificationError, InvalidHashError):
        return False
    return right and bool(stored) and len(password) <= MAX_PASSWORD


def needs_new_hash(stored: str) -> bool:
    """Whether a hash was made with older, weaker parameters."""
    return _hasher.check_needs_rehash(stored)


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def new_password() -> str:
    """A random password of 20 characters without look-alikes, in groups of five."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def tidy(username: str) -> str:
    """A user name as it is stored: without space around it, in small letters."""
    return username.strip().casefold()


def find_staff(session: Session, username: str) -> Staff:
    """The account of that user name. Raises `AccountError`."""
    staff = session.scalar(select(Staff).where(Staff.username == tidy(username)))
    if staff is None:
        raise AccountError(f"there is no account called {tidy(username)}", code="unknown")
    return staff


def _check(session: Session, *, roles: Sequence[str], email: str | None, area_id: str | None) -> None:
    """Raises `AccountError` for what an account cannot have."""
    if not roles or not set(roles) <= set(ROLES):
        raise AccountError(f"a role is one of {', '.join(ROLES)}", "roles", code="roles")
    if email is not None and not is_email(email):
        raise AccountError(f"{email} is no e-mail address", "email", code="email", email=email)
    if area_id is not None and session.get(Area, area_id) is None:
        raise AccountError(
            f"there is no area {area_id}: write it into content/team.yml first", "area", code="no_area", area=area_id
        )


def _as_cell(text: str) -> str:
    """`text` as a spreadsheet shows it and does not run it."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def _check_names(first_name: str, job_title: str) -> None:
    if not first_name.strip() or not job_title.strip():
        words = "parents are told who answers them: give a first name and a job title"
        raise AccountError(words, "job_title" if first_name.strip() else "first_name", code="names")


def _keep_an_administrator(session: Session, staff: Staff) -> None:
    """Raises `LastAdministrator` unless somebody else can look after all that `staff` looks after.

    All rows are locked first: two administrators who switch each other off at the same moment do it one after the other.
    """
    query = select(Staff).where(Staff.disabled_at.is_(None), Staff.demonstration.is_(False)).order_by(Staff.id)
    everybody = session.scalars(query.with_for_update().execution_options(populate_existing=True)).all()
    if staff not in everybody:
        return
    if not any(ADMINISTRATOR in one.roles and one.area_id in (None, staff.area_id) for one in everybody if one.id != staff.id):
        raise LastAdministrator


def _renew(session: Session, staff: Staff, password: str, by: int | None = None, but: str = "") -> Staff:
    staff.password_hash = _hash_of(password)
    staff.password_ends_at = None
    end_links(session, staff.id)
    factor.look_again(session, staff.id)
    logins.end_all(session, staff.id, but=but)
    _record(session, staff, "account.password", by)
    return staff


def _record(session: Session, staff: Staff, action: str, by: int | None) -> None:
    """Who did it: `by` to somebody's account, or for None the account's own doing or that of the command line."""
    mine = by is None or by == staff.id
    session.add(StaffAudit(staff_id=staff.id if mine else by, action=action, subject="" if mine else f"staff:{staff.id}"))


def _link_id(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _hash_of(password: str) -> str:
    _check_length(password)
    return _hasher.hash(password)


def _check_length(password: str) -> None:
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise AccountError(
            f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters",
            "new",
            code="password",
            least=str(MIN_PASSWORD),
            most=str(MAX_PASSWORD),
        )


@lru_cache(maxsize=1)
def _nobodys() -> str:
    return _hasher.hash(secrets.token_urlsafe(16))
