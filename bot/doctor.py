"""What is missing before the public may use an installation: plain sentences, and exit status 1 while anything is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.alarms import calls, ways_of
from bot.alarms.ways import mistakes
from bot.channels.sms.errors import meanings as sms_errors
from bot.channels.sms.gateway import ANSWER, FIELDS, INBOUND, RECEIPT
from bot.channels.telegram.webhook import mistake
from bot.console.accounts import tidy
from bot.console.factor import UnknownRole, demanded_roles, with_factor
from bot.console.guard import is_loopback
from bot.console.roles import ADMINISTRATOR
from bot.console.sso import mistakes as mistakes_of_sign_in
from bot.handoff.hours import Teams, load_teams
from bot.languages import supported
from bot.library import Library, approvals
from bot.library.yamlfile import DataError
from bot.models import RASA_PYTHON, nlu_model_path, triage_model_path
from bot.settings import Settings
from bot.storage import troubles
from bot.storage.engine import Database
from bot.storage.tables import Outbox, Staff, now
from bot.telegram_webhook import webhook_url
from bot.triage.measured import ENOUGH, Measured, MeasuredError
from bot.triage.measured import NAME as MEASURED
from bot.whatsapp_templates import missing

FAILURES_TOLD = timedelta(days=7)


def report(settings: Settings, root: Path, out: TextIO) -> int:
    """Write what is missing; returns 0 when nothing is."""
    findings = list(_findings(settings, root))
    for finding in findings:
        print(f"- {finding}", file=out)
    print(
        "Nothing is missing." if not findings else f"{len(findings)} things to see to before the public may use this.", file=out
    )
    return 1 if findings else 0


def _findings(settings: Settings, root: Path) -> Iterator[str]:
    yield from _settings(settings)
    yield from _models(settings)
    library: Library | None = None
    try:
        library = Library.load(root)
        yield from _words(library)
        yield from _measured(root)
        yield from _approvals(root)
    except MeasuredError as error:
        yield f"content/{MEASURED} cannot be used: {error}."
    except DataError as error:
        yield f"The content cannot be used: {len(error.problems)} mistakes. Run `bot content check`."
    yield from _ways(settings)
    yield from _telegram(settings)
    yield from _whatsapp(settings)
    yield from _sms(settings)
    teams: Teams | None = None
    try:
        teams = load_teams(root)
        yield from _teams(settings, teams)
    except DataError as error:
        yield from (str(problem) for problem in error.problems)
    yield from _people(settings, teams, library)


def _settings(settings: Settings) -> Iterator[str]:
    if settings.demonstration:
        yield "This is a demonstration: the services are made up and the login works on this machine only. Set WREN_DEMONSTRATION=false."
    if settings.secret_keys is None:
        yield "The encryption key lies beside the database (var/secret.key). Keep it apart: set WREN_SECRET_KEYS."
    if not settings.url.startswith("https://"):
        yield "The public address is not https. Put a TLS proxy in front and set WREN_PUBLIC_URL."
    if settings.area == "demonstration":
        yield "No area is set. Describe your team in content/team.yml and set WREN_AREA to its id."


def _models(settings: Settings) -> Iterator[str]:
    if not RASA_PYTHON.exists():
        yield "Rasa's environment is missing: run `make setup`."
    if not nlu_model_path(settings).exists():
        yield "The language understanding is not trained for this version: run `bot train`."
    if not triage_model_path(settings).exists():
        yield "The triage models are not trained for this version; triage runs on its rules alone. Run `bot train`."


def _words(library: Library) -> Iterator[str]:
    unconfirmed = sum(line.confirmed is None for line in library.helplines.lines.values())
    if unconfirmed:
        yield f"{unconfirmed} helplines have no `confirmed` date: a local owner must ring each one (content/helplines.yml)."
    unreviewed = sum(message.status != "approved" for message in library.messages.values())
    if unreviewed:
        yield f"{unreviewed} of {len(library.messages)} messages are not approved by a clinical lead (status in message.yml)."
    drafts = Counter(
        language
        for message in library.messages.values()
        if message.topic == "safety"
        for language, words in message.words.items()
        if words.translation == "machine-draft"
    )
    for language in supported():
        if drafts[language.code]:
            yield (
                f"{language.english} is not ready for the public: {drafts[language.code]} safety texts are machine drafts "
                "that no native speaker and no clinician has signed off."
            )


def _measured(root: Path) -> Iterator[str]:
    measured = Measured.load(root / "content" / MEASURED)
    for language in supported():
        caught, of = (measured.caught or {}).get(language.code, (0, 0))
        if not of:
            yield f"{language.english}: triage has not been measured, so every reply offers help: python -m benchmarks.held_out --write"
        elif measured.needs_help(language.code):
            yield (
                f"{language.english}: triage caught {caught} of {of} serious messages written apart (at least "
                f"{100 * measured.lower_bound(language.code):.0f} %, and {100 * ENOUGH:.0f} % is asked), so every reply offers help."
            )


def _approvals(root: Path) -> Iterator[str]:
    """Safety files that are not as somebody approved them: they are used all the same, and this says so."""
    unsigned = list(approvals.standing(root))
    never = [file for file, approval in unsigned if approval is None]
    if never:
        yield (
            f"Nobody has approved {len(never)} of {len(approvals.safety_files(root))} safety files, which decide what triage catches: "
            f"{', '.join(never)} (in content/safety; record an approval with `bot content approve`)."
        )
    for file, approval in unsigned:
        if approval is not None:
            yield f"content/safety/{file} has been changed since it was approved ({approval})."


def _ways(settings: Settings) -> Iterator[str]:
    if not ways_of(settings):
        yield "No alarm can go out: set WREN_SMTP_HOST, WREN_ALARM_HOOK_URL or both (docs/settings.md)."
    yield from mistakes(settings)


SHORTEST_SECRET = 16


def _telegram(settings: Settings) -> Iterator[str]:
    """What is missing of a Telegram that somebody has begun to set up."""
    secrets = settings.telegram_secrets()
    if not settings.telegram_token:
        if secrets:
            yield "Telegram's webhook has a secret and the bot has no token, so no message is taken in: set WREN_TELEGRAM_TOKEN."
        return
    if not settings.telegram_username:
        yield "Telegram lacks the bot's name, so the landing page has no link to it: set WREN_TELEGRAM_USERNAME."
    if not secrets:
        return
    wrong = mistake(webhook_url(settings), secrets)
    if wrong is not None:
        yield f"Telegram's webhook cannot be used, so Wren polls: {wrong} (WREN_PUBLIC_URL, WREN_TELEGRAM_WEBHOOK_SECRET)."
    if any(len(secret) < SHORTEST_SECRET for secret in secrets):
        yield f"WREN_TELEGRAM_WEBHOOK_SECRET can be guessed: make each secret at least {SHORTEST_SECRET} characters long."


WHATSAPP = {
    "whatsapp_token": "the access token, so nothing can be sent",
    "whatsapp_phone_number_id": "the number's id at Meta, so nothing can be sent",
    "whatsapp_business_id": "the business account's id, so templates cannot be handed in",
    "whatsapp_app_secret": "the app's secret, so no message is taken in",
    "whatsapp_verify_token": "a verify token, so Meta cannot be told this address",
    "whatsapp_number": "the number itself, so the landing page has no link to it",
}


def _whatsapp(settings: Settings) -> Iterator[str]:
    """What is missing of a WhatsApp that somebody has begun to set up; nothing of one that nobody wants."""
    lacking = [name for name in WHATSAPP if not getattr(settings, name)]
    begun = [name for name in WHATSAPP if name not in lacking and name != "whatsapp_number"]
    if not begun:
        return
    for name in lacking:
        yield f"WhatsApp lacks {WHATSAPP[name]}: set WREN_{name.upper()} (docs/whatsapp.md)."
    if not settings.url.startswith("https://"):
        yield "WhatsApp delivers to an https address only: set WREN_PUBLIC_URL to the one that parents and Meta reach."


def _sms(settings: Settings) -> Iterator[str]:
    """What is missing or wrong of an SMS gateway that somebody has begun to describe."""
    if not settings.sms_url and not settings.sms_secrets():
        return
    if not settings.sms_url:
        yield "The SMS gateway has no address, so nothing is sent or taken in: set WREN_SMS_URL (docs/sms.md)."
    if settings.sms_url and not settings.sms_url.startswith("https://"):
        yield "Parents' words would go to the SMS gateway unencrypted: WREN_SMS_URL is not https."
    if not settings.sms_secrets():
        yield "The SMS gateway has no secret, so no message is taken in: set WREN_SMS_INBOUND_SECRET (docs/sms.md)."
    if settings.sms_auth != "none" and not settings.sms_secret:
        yield "The SMS gateway does not know us: set WREN_SMS_SECRET, or WREN_SMS_AUTH=none."
    if settings.sms_auth in ("basic", "header") and not settings.sms_auth_name:
        yield f"WREN_SMS_AUTH is {settings.sms_auth}, and WREN_SMS_AUTH_NAME is not set."
    for name in sorted(set(settings.sms_errors.values()) - set(sms_errors())):
        yield f"WREN_SMS_ERRORS has the name {name}, which docs/sms.md does not know."
    for word in sorted(set(settings.sms_statuses.values()) - {"sent", "delivered", "failed"}):
        yield f"WREN_SMS_STATUSES has {word}: use sent, delivered or failed."
    for setting, known in SMS_NAMES.items():
        for name in sorted(getattr(settings, setting).keys() - known.keys()):
            yield f"WREN_{setting.upper()} has {name}: use {', '.join(known)}."


SMS_NAMES = {"sms_fields": FIELDS, "sms_answer": ANSWER, "sms_inbound": INBOUND, "sms_receipt": RECEIPT}


def _templates(session: Session, settings: Settings, library: Library) -> Iterator[str]:
    """Templates that cannot be sent; only where WhatsApp is used."""
    if not settings.whatsapp_token:
        return
    for why, which in missing(session, library.templates).items():
        yield (
            f"WhatsApp templates that cannot be sent as they were meant ({why}): {', '.join(which)}. "
            "See `bot whatsapp templates`; parents who wrote over a day ago are not told there that an answer waits."
        )


def _teams(settings: Settings, teams: Teams) -> Iterator[str]:
    """What each team of content/team.yml lacks."""
    if settings.area not in teams:
        yield f"WREN_AREA is {settings.area}, which content/team.yml does not know: its parents get the team of {teams.default.name}."
    for team in teams.values():
        if not any(team.spells):
            yield f"Nobody answers in {team.name}: content/team.yml gives no opening hours."
        elif team.next_open(now()) is None:
            yield f"Nobody answers in {team.name} for months: look at its closures in content/team.yml."
        if not team.alarms.supervisor:
            yield f"Alarms of {team.name} climb to nobody: content/team.yml names no supervisor."
        if team.safeguarding is None:
            yield f"{team.name} has no safeguarding contact in content/team.yml."
        if team.bank_holidays is None:
            yield f"{team.name} keeps no bank holidays: set nation or bank_holidays in content/team.yml if it should."
        known_until = max((closure.last for closure in team.closures), default=None)
        if known_until is None:
            yield f"content/team.yml gives no closures of {team.name}: if it closes at Christmas, say so."
        elif known_until < now().astimezone(team.zone).date():
            yield f"content/team.yml gives no closures of {team.name} after {known_until}: write the coming ones."


def _reach(session: Session, settings: Settings, teams: Teams) -> Iterator[str]:
    """Teams whose alarms by e-mail would reach nobody, and alarms that did not."""
    if settings.smtp_host:
        for team in teams.values():
            if not calls.recipients(session, team, "team", now()):
                yield f"Alarms of {team.name} by e-mail reach nobody: give addresses in content/team.yml or `bot staff change --email`."
    failed = calls.failed_since(session, now() - FAILURES_TOLD)
    if failed:
        yield f"{failed} alarms of the last week could not be sent. Their cases in the console say why."


def _troubles(session: Session) -> Iterator[str]:
    """What does not work at this moment."""
    for one in troubles.going_on(session):
        yield f"Not working since {one.began_at:%d %B %H:%M} UTC: {one.kind.replace('_', ' ')} ({one.subject}). The console says what to do."


def _sign_in(session: Session, settings: Settings) -> Iterator[str]:
    """What is weak or broken in how staff sign in."""
    yield from mistakes_of_sign_in(settings)
    try:
        demanded_roles(settings.second_factor_roles)
    except UnknownRole as error:
        yield f"{error}."
    everybody = session.scalars(select(Staff).where(Staff.demonstration.is_(False), Staff.disabled_at.is_(None))).all()
    administrators = {staff.id: staff for staff in everybody if ADMINISTRATOR in staff.roles}
    if everybody and not administrators:
        yield "No account is an administrator's, so nobody can look after accounts in the console: `bot staff roles NAME administrator`."
    served_here = is_loopback(settings.host) and is_loopback(urlsplit(settings.url).hostname or "")
    without = sorted(staff.username for id_, staff in administrators.items() if id_ not in with_factor(session, administrators))
    if without and not served_here:
        yield (
            f"Administrators without a second factor: {', '.join(without)}. A stolen password of theirs opens every account. "
            'Set one up under "Your account", or demand it with WREN_SECOND_FACTOR_ROLES.'
        )
    if settings.break_glass and tidy(settings.break_glass) not in {staff.username for staff in administrators.values()}:
        yield f"WREN_BREAK_GLASS names {settings.break_glass}, which is no open administrator's account."


def _people(settings: Settings, teams: Teams | None, library: Library | None) -> Iterator[str]:
    database = Database(settings.database)
    try:
        with database.read() as session:
            staff = session.scalar(
                select(func.count()).select_from(Staff).where(Staff.demonstration.is_(False), Staff.disabled_at.is_(None))
            )
            failed = session.scalar(select(func.count()).select_from(Outbox).where(Outbox.state == "failed"))
            unguarded = list(_sign_in(session, settings))
            templates = list(_templates(session, settings, library)) if library is not None else []
            not_working = list(_troubles(session))
            unreached = list(_reach(session, settings, teams)) if teams is not None else []
        yield from unguarded
        yield from not_working
        yield from unreached
        yield from templates
        if not staff:
            yield "Nobody can sign in to the staff console: add a practitioner with `bot staff add`."
        if failed:
            yield f"{failed} messages to parents could not be sent (state failed in the outbox)."
    except SQLAlchemyError:
        yield "The database is not there yet: `bot run` makes it."
    finally:
        database.dispose()
