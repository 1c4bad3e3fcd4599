"""What the console needs from the rest of the process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Engine

from bot.conversation.render import Renderer
from bot.delivery.hub import Hub
from bot.handoff.hours import Teams
from bot.handoff.sampling import Reviewing, Sampling
from bot.library.strings import Strings
from bot.people.forgotten import ForgottenList
from bot.retention.schedule import Schedule
from bot.settings import Settings
from bot.storage.crypto import Keyring
from bot.storage.engine import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleServices:
    """Set `closing` when the server is told to stop: open event streams then end. The two limits are sign-in tries a minute.

    `directory_engine`: the services directory; without it the console has no pages for it.
    `is_command` says whether words are a command's, in any language, and nothing else.
    """

    database: Database
    keyring: Keyring
    renderer: Renderer
    strings: Strings
    hub: Hub
    settings: Settings
    teams: Teams
    sampling: Sampling
    reviewing: Reviewing
    schedule: Schedule
    is_command: Callable[[str], bool]
    directory_engine: Engine | None = None
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    tries_per_address: int = 30
    tries_in_all: int = 120

    @property
    def forgotten(self) -> ForgottenList:
        """The list beside the database of who was forgotten."""
        return ForgottenList(self.settings.forgotten_path, self.keyring)
