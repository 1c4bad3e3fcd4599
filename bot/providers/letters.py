"""The words of an e-mail to a provider: for each service its name, what we hold, and its link. In Welsh too for Wales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage
from email.utils import formatdate

from bot.library.dates import say_date
from bot.library.strings import Strings
from services_directory.freshness.held import held
from services_directory.freshness.links import Signer
from services_directory.freshness.reminders import Begun
from services_directory.models import Service

PATH = "/directory/check"
LONGEST_VALUE = 400
LANGUAGES = ("en", "cy")
"""The languages of providers' words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One service in a letter: what we hold of it as (part, value), when it was last checked, and its link."""

    name: str
    parts: Sequence[tuple[str, str]]
    checked: date | None
    link: str
    wales: bool


def link_of(url: str, signer: Signer, link_id: str) -> str:
    """The address that a provider opens."""
    return f"{url.rstrip('/')}{PATH}/{signer.token(link_id)}"


def asked(service: Service, link: str) -> Asked:
    """What a letter says of one service, which is in a session."""
    return Asked(
        name=one_line(service.name),
        parts=[(part, value) for part, value in held(service) if part != "name"],
        checked=service.assured_date,
        link=link,
        wales=any(link.location.nation == "wales" for link in service.service_at_locations),
    )


def message(strings: Strings, begun: Begun, services: Sequence[Asked], sender: str, days: int) -> EmailMessage:
    """The e-mail. `days` is how long its links work."""
    languages = LANGUAGES if any(service.wales for service in services) else LANGUAGES[:1]
    result = EmailMessage()
    subject = f"provider.mail.subject_{begun.letter.number}"
    organisation = one_line(begun.letter.organisation)
    result["Subject"] = " / ".join(strings.get(subject, language, organisation=organisation) for language in languages)
    result["From"], result["To"] = sender, begun.letter.address
    result["Date"] = formatdate()
    result["Message-ID"] = f"<directory-{begun.reminder_id}@wren.invalid>"
    result["Auto-Submitted"] = "auto-generated"
    result.set_content("\n\n\n".join(_body(strings, language, organisation, services, days) for language in languages) + "\n")
    return result


def one_line(text: str) -> str:
    """`text` without line breaks, so that no part of a record can write a header."""
    return " ".join(text.split())


def _body(strings: Strings, language: str, organisation: str, services: Sequence[Asked], days: int) -> str:
    parts = [strings.get("provider.mail.hello", language, organisation=organisation)]
    for service in services:
        lines = [service.name, "-" * min(60, len(service.name))]
        lines += [f"{strings.get(f'provider.part.{part}', language)}: {_short(value)}" for part, value in service.parts]
        lines.append(checked_words(strings, language, service.checked))
        lines += ["", strings.get("provider.mail.link", language), service.link]
        parts.append("\n".join(lines))
    parts.append(strings.get("provider.mail.end", language, days=str(days)))
    return "\n\n".join(parts)


def checked_words(strings: Strings, language: str, checked: date | None) -> str:
    """When a record was checked last, in words."""
    if checked is None:
        return strings.get("provider.never_checked", language)
    return strings.get("provider.checked", language, date=say_date(checked, language))


def _short(value: str) -> str:
    return value if len(value) <= LONGEST_VALUE else value[: LONGEST_VALUE - 1].rstrip() + "…"
