"""Parents who write while parts of Wren are killed, and what must be true of the database afterwards. For tests and benchmarks."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from sqlalchemy import func, select

from bot.storage.engine import Database
from bot.storage.tables import Inbox, Outbox

SAID = (
    "my 5 week old cries all evening what can i do",
    "menu",
    "anything on for babies near ZZ1?",
    "how do i get her to nap",
    "help now",
    "he bites the other children",
    "what do you know about me",
    "is it ok to sleep with the baby in my bed",
    "another one",
    "no garden, ideas for a rainy day",
)


@dataclass
class Crowd:
    """`people` who write `messages` in all, shared out evenly, each to one of the servers at `bases`, for `deadline` seconds at most.

    Each message is sent again with the same id until a server says that it is stored; `promised` holds the ids of which one did.
    """

    bases: list[str]
    people: int
    messages: int
    deadline: float
    pause: float = 0.2
    promised: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _writers: list[threading.Thread] = field(default_factory=list)

    @property
    def stored(self) -> int:
        return len(self.promised)

    def begin(self) -> None:
        self._writers = [threading.Thread(target=self._write, args=(number,)) for number in range(self.people)]
        for writer in self._writers:
            writer.start()

    def until_stored(self, number: int) -> None:
        until(lambda: self.stored >= number, self.deadline, "the writers are stuck")

    def end(self) -> None:
        for writer in self._writers:
            writer.join(self.deadline)
        assert not any(writer.is_alive() for writer in self._writers), "a message was never accepted"
        assert self.stored == self.messages, "a message was never accepted"

    def _write(self, number: int) -> None:
        dice = random.Random(number)
        mine = range(number, self.messages, self.people)
        client = self._client(dice.choice(self.bases))
        insist(lambda: client.get("/chat").status_code == 200, self.deadline)
        for turn in mine:
            form = {"id": f"crowd-{number:03d}-{turn:05d}", "text": dice.choice(SAID), "lang": "en", "chosen": "1"}
            if insist(lambda form=form: self._post(client, dice, form), self.deadline):
                with self._lock:
                    self.promised.append(form["id"])
            time.sleep(dice.uniform(0, self.pause))
        client.close()

    def _client(self, base: str) -> httpx.Client:
        return httpx.Client(base_url=base, timeout=10, trust_env=False, headers={"Wren-Fetch": "1", "Origin": base})

    def _post(self, client: httpx.Client, dice: random.Random, form: dict[str, str]) -> bool:
        """One try; the next goes to any of the servers, as behind a proxy."""
        base = dice.choice(self.bases)
        client.base_url, client.headers["Origin"] = httpx.URL(base), base
        return client.post("/chat/send", data=form).status_code in (204, 303)


def insist(attempt: Callable[[], bool], seconds: float) -> bool:
    """Try until it works, as a parent's page does; says whether it did in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if attempt():
                return True
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    return False


def until(ready: Callable[[], bool], seconds: float, otherwise: str) -> None:
    """Wait for something; AssertionError with `otherwise` if it takes longer."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, otherwise
        time.sleep(0.2)


def is_answered(database: Database, messages: int) -> bool:
    """Whether all of `messages` are there and none is open. A database that is away says no."""
    try:
        with database.read() as session:
            total, still_open = session.execute(
                select(func.count(), func.coalesce(func.sum(Inbox.open), 0)).select_from(Inbox)
            ).one()
    except Exception:
        return False
    return total == messages and still_open == 0


def check(database: Database) -> list[Inbox]:
    """Every message is answered exactly once, and in order; returns them."""
    with database.read() as session:
        inbox = session.scalars(select(Inbox).order_by(Inbox.id)).all()
        outbox = session.scalars(select(Outbox).order_by(Outbox.id)).all()
    assert {row.state for row in inbox} == {"done"}
    first_answers = [row.inbox_id for row in outbox if row.key.endswith(":0")]
    assert sorted(first_answers) == [row.id for row in inbox], "every message has exactly one first answer"
    for person in {row.person_id for row in inbox}:
        answered = [row.inbox_id for row in outbox if row.person_id == person]
        assert answered == sorted(answered), "the answers follow the order of the questions"
    return list(inbox)
