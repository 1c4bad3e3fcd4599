"""E-mail: smtplib in a thread, the whole of it within a deadline that is shorter than the lease. And alarms that go by it."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
import time
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from bot.alarms.ways import Notice, Outcome, on_this_machine
from bot.library.strings import Strings
from bot.settings import Settings

DEADLINE = 25.0
"""Seconds for one message, from the connection on."""

LANGUAGE = "en"


class MailServer:
    """The installation's mail server. One connection a message: messages are few, and a connection that was kept open would have
    died when it matters."""

    def __init__(self, settings: Settings, *, deadline: float = DEADLINE) -> None:
        self._settings, self._deadline = settings, deadline

    async def send(self, message: EmailMessage, to: tuple[str, ...]) -> Outcome:
        """Send to the addresses of the envelope. Never raises for what a server says or does."""
        if not to:
            return Outcome("failed", "nobody has an address")
        if not self._settings.smtp_from:
            return Outcome("failed", "no sender is set")
        if self._settings.smtp_security == "none" and not on_this_machine(self._settings.smtp_host or ""):
            return Outcome("failed", "the mail server asks for no encryption")
        return await asyncio.to_thread(self._send, message, to)

    def _send(self, message: EmailMessage, to: tuple[str, ...]) -> Outcome:
        try:
            refused = self._deliver(message, to)
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            return Outcome("retry" if any(code < 500 for code in codes) else "failed", f"no address was taken ({codes[0]})")
        except smtplib.SMTPResponseException as error:  # its words may hold an address: the number is enough
            return Outcome("failed" if error.smtp_code >= 500 else "retry", f"the mail server said {error.smtp_code}")
        except smtplib.SMTPNotSupportedError:
            return Outcome("failed", "the mail server cannot encrypt or sign in")
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return Outcome("retry", f"the mail server could not be used ({type(error).__name__})")
        return Outcome("sent", f"{refused} addresses were refused" if refused else "")

    def _deliver(self, message: EmailMessage, to: tuple[str, ...]) -> int:
        """Send; returns how many of the addresses were refused. Raises what smtplib raises, TimeoutError past the deadline."""
        chosen, ends = self._settings, time.monotonic() + self._deadline
        host, tls = chosen.smtp_host or "", ssl.create_default_context()
        server: smtplib.SMTP
        if chosen.smtp_security == "tls":
            server = smtplib.SMTP_SSL(host, chosen.smtp_port, timeout=self._deadline / 2, context=tls)
        else:
            server = smtplib.SMTP(host, chosen.smtp_port, timeout=self._deadline / 2)
        try:
            _in_time(server, ends)
            if chosen.smtp_security == "starttls":
                server.starttls(context=tls)
                _in_time(server, ends)
            if chosen.smtp_user:
                server.login(chosen.smtp_user, chosen.smtp_password.get_secret_value() if chosen.smtp_password else "")
                _in_time(server, ends)
            return self._hand_over(server, message, to, ends)
        finally:
            server.close()  # after the server's word, good or bad, there is nothing to say goodbye for

    def _hand_over(self, server: smtplib.SMTP, message: EmailMessage, to: tuple[str, ...], ends: float) -> int:
        """Sender, addresses and words, each with what is left of the deadline; smtplib's own way has no common one."""
        server.ehlo_or_helo_if_needed()
        _accepted(server.mail(self._settings.smtp_from or ""))
        refused: dict[str, tuple[int, bytes]] = {}
        for address in to:
            _in_time(server, ends)
            answer = server.rcpt(address)
            if answer[0] >= 300:
                refused[address] = answer
        if len(refused) == len(to):
            raise smtplib.SMTPRecipientsRefused(refused)
        _in_time(server, ends)
        _accepted(server.data(message.as_bytes(policy=SMTP)))
        return len(refused)


class MailWay:
    """Alarms by e-mail."""

    def __init__(self, settings: Settings, strings: Strings, *, deadline: float = DEADLINE) -> None:
        self._settings, self._strings, self._server = settings, strings, MailServer(settings, deadline=deadline)

    async def send(self, notice: Notice) -> Outcome:
        return await self._server.send(self.message(notice), notice.to)

    async def close(self) -> None:
        """Nothing is kept open."""

    def message(self, notice: Notice) -> EmailMessage:
        """The words; addresses of those it goes to stand on the envelope only."""
        values = {
            "level": self._strings.get(f"console.level.{notice.level}", LANGUAGE) if notice.level else "",
            "subject": _named(self._strings, notice.subject),
            "team": " ".join(notice.team.split()),
            "minutes": str(notice.age_minutes),
            "link": notice.link,
        }
        message = EmailMessage()
        message["Subject"] = self._strings.get(f"console.alarm.subject.{notice.cause}", LANGUAGE, **values)
        message["From"] = message["To"] = self._settings.smtp_from
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{notice.key}@wren.invalid>"
        message["Auto-Submitted"] = "auto-generated"
        message["X-Priority"] = "1"
        message.set_content(self._strings.get(f"console.alarm.body.{notice.audience}", LANGUAGE, **values) + "\n")
        return message


def _named(strings: Strings, subject: str) -> str:
    """A channel by its name; a machine as it is."""
    key = f"console.channel.{subject}"
    return strings.get(key, LANGUAGE) if strings.has(key, LANGUAGE) else subject


def _accepted(answer: tuple[int, bytes]) -> None:
    """Raises SMTPResponseException for an answer that is a refusal."""
    if answer[0] >= 300:
        raise smtplib.SMTPResponseException(*answer)


def _in_time(server: smtplib.SMTP, ends: float) -> None:
    """Give the next exchange what is left of the deadline. Raises TimeoutError if nothing is."""
    left = ends - time.monotonic()
    if left <= 0 or server.sock is None:
        raise TimeoutError
    server.sock.settimeout(left)
