"""Conversations at a terminal and from a script: a fresh person and a temporary database, on the real parts."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import select

from bot.app import listen, working
from bot.channels.terminal import TerminalChannel, press, say
from bot.console.accounts import add_staff
from bot.conversation.rasa import RasaClient
from bot.handoff import cases, desk
from bot.jsonlines import as_line, read_line
from bot.messages import Kind
from bot.models import train_nlu, train_triage
from bot.settings import Settings
from bot.storage.tables import ButtonToken, Inbox, Outbox, PersonAddress, wait_in_script
from bot.supervisor import Child, free_port, rasa_child
from bot.wiring import Parts, build

TURN_SECONDS = 60.0
_WAIT = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class ScriptError(ValueError):
    """A line of a script cannot be played; the message says which and why."""


class Conversation:
    """One parent at a terminal."""

    def __init__(self, parts: Parts, language: str | None) -> None:
        self.parts = parts
        self.language = language
        self._person = secrets.token_hex(8)
        self._channel = TerminalChannel()
        self._shown = 0
        self._staff_id: int | None = None

    async def say(self, text: str) -> dict[str, Any]:
        """Write something and wait for the replies of that turn."""
        return await self._send(say(self._person, text, self.language))

    async def locate(self, text: str) -> dict[str, Any]:
        """Share a place by name."""
        return await self._send({**say(self._person, text, self.language), "kind": Kind.LOCATION.value})

    async def attach(self, media: str) -> dict[str, Any]:
        """Send something that Wren cannot read."""
        return await self._send({**say(self._person, "", self.language), "kind": Kind.UNSUPPORTED.value, "media": media})

    async def press(self, title: str) -> dict[str, Any]:
        """Press a button by its title: in the latest message that has one, then in older ones."""
        token = await asyncio.to_thread(self._token, title)
        if token is None:
            raise ScriptError(f"no button is called {title!r}")
        return await self._send(press(self._person, token, self.language))

    async def practitioner(self, text: str) -> dict[str, Any]:
        """A practitioner claims the open case, if nobody has, and writes."""
        await asyncio.to_thread(self._practitioner, text)
        return await asyncio.to_thread(self._result, None)

    async def _send(self, raw: dict[str, Any]) -> dict[str, Any]:
        inbound = self._channel.parse(raw)[0]
        receipt = await asyncio.to_thread(self.parts.intake.receive, inbound, raw)
        async with asyncio.timeout(TURN_SECONDS):
            while await asyncio.to_thread(self._open, receipt.inbox_id):
                await self.parts.hub.wait(f"person:{receipt.person_id}", 0.05)
        return await asyncio.to_thread(self._result, receipt.inbox_id)

    def _open(self, inbox_id: int | None) -> bool:
        with self.parts.database.read() as session:
            return session.scalar(select(Inbox.open).where(Inbox.id == inbox_id)) == 1

    def _person_id(self) -> int | None:
        lookup = self.parts.keyring.lookup("terminal", "terminal", self._person)
        with self.parts.database.read() as session:
            return session.scalar(select(PersonAddress.person_id).where(PersonAddress.lookup == lookup))

    def _token(self, title: str) -> str | None:
        with self.parts.database.read() as session:
            return session.scalar(
                select(ButtonToken.token)
                .join(Outbox, Outbox.key == ButtonToken.outbox_key)
                .where(ButtonToken.person_id == self._person_id(), ButtonToken.title == title)
                .order_by(Outbox.id.desc())
                .limit(1)
            )

    def _practitioner(self, text: str) -> None:
        with self.parts.database.write() as session:
            if self._staff_id is None:
                staff = add_staff(
                    session,
                    username=f"script-{secrets.token_hex(3)}",
                    first_name="Sam",
                    job_title="Practitioner",
                    password=secrets.token_urlsafe(16),
                )
                session.flush()
                self._staff_id = staff.id
            person_id = self._person_id()
            case = cases.current(session, person_id) if person_id else None
            if case is None:
                raise ScriptError("there is no open case for a practitioner to answer")
            case_id, claimed = case.id, case.state == "claimed"
        if not claimed:
            desk.claim_case(self.parts, case_id, self._staff_id)
        desk.send_reply(self.parts, case_id, self._staff_id, text, any_language=True)

    def _result(self, inbox_id: int | None) -> dict[str, Any]:
        person_id = self._person_id()
        with self.parts.database.read() as session:
            rows = session.scalars(
                select(Outbox)
                .where(Outbox.person_id == person_id, Outbox.id > self._shown, Outbox.state != "refused")
                .order_by(Outbox.id)
            ).all()
            level = session.scalar(select(Inbox.level).where(Inbox.id == inbox_id)) if inbox_id else None
            case = cases.current(session, person_id) if person_id else None
            case_id = case.id if case else None
        replies = []
        for row in rows:
            self._shown = max(self._shown, row.id)
            out = self.parts.keyring.open_json(row.sealed)
            replies.append(
                {
                    "text": out["text"],
                    "buttons": [button["title"] for button in (*out["buttons"], *out["rows"])],
                    "content_id": row.content_id,
                    "lang": row.language,
                }
            )
        return {"replies": replies, "level": level, "case": case_id}


async def until_ready(client: RasaClient, rasa: Child | None, seconds: float = 400.0) -> None:
    """Wait until Rasa answers. Raises RuntimeError if its process ends, TimeoutError if it takes too long."""
    async with asyncio.timeout(seconds):
        while not await client.ready():
            if rasa is not None and rasa.process is not None and rasa.process.poll() is not None:
                raise RuntimeError(f"Rasa did not start; see {rasa.log_path}")
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def stage(settings: Settings, say_progress: Callable[[str], None]) -> AsyncIterator[Parts]:
    """Real parts on a temporary database: workers, actions and a Rasa of its own (or the one that `rasa_url` names)."""
    with tempfile.TemporaryDirectory(prefix="wren-") as folder:
        train_triage(settings, say_progress)
        model = None if settings.rasa_url else train_nlu(settings, say_progress)
        action_port, rasa_port = free_port(), free_port()
        here = settings.model_copy(
            update={
                "database_url": f"sqlite:///{Path(folder) / 'wren.sqlite3'}",
                "action_port": action_port,
                "sweep_seconds": 0.2,
            }
        )
        rasa = rasa_child(settings, model, rasa_port, action_port) if model else None
        if rasa is not None:
            if rasa.log_path:
                rasa.log_path.parent.mkdir(parents=True, exist_ok=True)
            rasa.start()
        try:
            parts = await asyncio.to_thread(build, here)
            url = settings.rasa_url or f"http://127.0.0.1:{rasa_port}"
            parts.rasa = RasaClient(url, settings.rasa_token.get_secret_value(), settings.rasa_timeout)
            say_progress("Starting ...")
            async with working(parts, listen("127.0.0.1", action_port)):
                await until_ready(parts.rasa, rasa)
                yield parts
            parts.dispose()
        finally:
            if rasa is not None:
                await asyncio.to_thread(rasa.stop)


async def play(parts: Parts, lines: Iterable[str], language: str | None, out: TextIO) -> int:
    """Play a script (JSON lines), printing one result a line; returns the exit status."""
    conversation = Conversation(parts, language)
    status = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            result = await _step(conversation, line)
        except (ScriptError, ValueError, KeyError, TimeoutError) as error:
            result, status = {"error": f"line {number}: {str(error) or type(error).__name__}"}, 1
        if result is not None:
            print(as_line(result), file=out, flush=True)
    return status


async def _step(conversation: Conversation, line: str) -> dict[str, Any]:
    step = read_line(line)
    if not isinstance(step, dict) or len(step) != 1:
        raise ScriptError(
            'a line is {"say": …}, {"press": …}, {"practitioner": …}, {"wait": …}, {"location": …} or {"attach": …}'
        )
    ((verb, value),) = step.items()
    if verb == "wait":
        wait_in_script(_duration(str(value)))
        return await asyncio.to_thread(conversation._result, None)
    acts = {
        "say": conversation.say,
        "press": conversation.press,
        "practitioner": conversation.practitioner,
        "location": conversation.locate,
        "attach": conversation.attach,
    }
    if verb not in acts:
        raise ScriptError(f"there is no step called {verb!r}")
    return await acts[verb](str(value))


def _duration(text: str) -> timedelta:
    parts = _WAIT.findall(text)
    if not parts:
        raise ScriptError(f"{text!r} is not a time to wait, such as 40m or 2h")
    return timedelta(seconds=sum(float(amount) * _UNITS[unit] for amount, unit in parts))


async def talk(parts: Parts, language: str | None, read: Callable[[], str | None], out: TextIO) -> None:
    """A chat by hand. A number presses the button with that number in the last message."""
    conversation = Conversation(parts, language)
    titles: list[str] = []
    while (line := await asyncio.to_thread(read)) is not None:
        if not line.strip():
            continue
        chosen = titles[int(line) - 1] if line.strip().isdigit() and 0 < int(line) <= len(titles) else None
        result = await (conversation.press(chosen) if chosen else conversation.say(line))
        titles = []
        for reply in result["replies"]:
            print(f"\n{reply['text']}", file=out)
            for title in reply["buttons"]:
                titles.append(title)
                print(f"   {len(titles)}  {title}", file=out)
        print(file=out, flush=True)


__all__ = ["Conversation", "ScriptError", "play", "stage", "talk"]
