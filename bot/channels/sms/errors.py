"""What a gateway's refusals mean, from `errors.yml` beside this file: by name, each with one action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bot.channels import fault_of
from bot.messages import Delivery

FILE = Path(__file__).with_name("errors.yml")
ACTIONS = frozenset({"retry", "pause", "halt", "unreachable", "stopped", "refused"})
WAITING = frozenset({"pause", "halt"})
LONGEST_NAME = 40
LONGEST_CODE = 40


@dataclass(frozen=True, slots=True)
class Meaning:
    """One error; `wait` in seconds, `statuses` the HTTP statuses that mean it, `fault` as in `bot.messages.FAULTS`."""

    name: str
    action: str
    wait: float = 0.0
    statuses: tuple[int, ...] = ()
    fault: str = ""


NOT_KNOWN = Meaning("not-known-to-us", "refused")
"""Our own fault until somebody gives the code a name."""


@lru_cache(maxsize=1)
def meanings() -> Mapping[str, Meaning]:
    """Every error of the file by its name. Raises ValueError, in plain words, for a file that cannot be used."""
    return read(YAML(typ="safe").load(FILE.read_text(encoding="utf-8")))


def read(data: Any) -> Mapping[str, Meaning]:
    """The errors of the file's content. Raises ValueError with the entry that is wrong."""
    entries = data.get("errors") if isinstance(data, Mapping) else None
    if not isinstance(entries, list):
        raise ValueError("errors.yml has no list called errors")
    found: dict[str, Meaning] = {}
    taken: set[int] = set()
    for entry in entries:
        meaning = _meaning(entry)
        if meaning.name in found or taken & set(meaning.statuses):
            raise ValueError(f"errors.yml has {meaning.name} or one of its statuses twice")
        taken |= set(meaning.statuses)
        found[meaning.name] = meaning
    return found


def _meaning(entry: Any) -> Meaning:
    entry = entry if isinstance(entry, Mapping) else {}
    name, action, wait, statuses = entry.get("name"), entry.get("action"), entry.get("wait", 0), entry.get("statuses", [])
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        raise ValueError(f"errors.yml: {dict(entry)!r} needs a name of at most {LONGEST_NAME} characters")
    if action not in ACTIONS:
        raise ValueError(f"errors.yml: {name} has the action {action!r}; use one of {', '.join(sorted(ACTIONS))}")
    if not isinstance(wait, int | float) or wait < 0 or (action in WAITING and not wait):
        raise ValueError(f"errors.yml: {name} needs wait: the seconds until the next look")
    if not isinstance(statuses, list) or not all(isinstance(status, int) for status in statuses):
        raise ValueError(f"errors.yml: {name} has statuses that are no list of numbers")
    return Meaning(name, action, float(wait), tuple(statuses), fault_of(entry))


def meaning_of(code: str, names: Mapping[str, str], status: int = 0) -> Meaning:
    """What a gateway's code means by the names that the settings give its codes; without one, what the HTTP status means."""
    known = meanings()
    by_code = known.get(names.get(code, "")) or known.get(code)
    by_status = next((meaning for meaning in known.values() if status in meaning.statuses), None)
    if by_code is None and by_status is None and status >= 500:
        return known["gateway-fault"]
    return by_code or by_status or NOT_KNOWN


def reason_of(meaning: Meaning, code: str) -> str:
    """What the outbox keeps: our name and the gateway's code, as far as it is one and not a sentence with somebody's number in it."""
    plain = code if code.isascii() and code.replace("-", "").replace("_", "").isalnum() and len(code) <= LONGEST_CODE else ""
    number = sum(char.isdigit() for char in plain) >= 9
    return f"{meaning.name} ({plain})" if plain and not number and plain != meaning.name else meaning.name


def delivery_of(meaning: Meaning, code: str = "", *, retry_after: float = 0.0) -> Delivery:
    """What an error that is said at once means for the message. `retry_after` is what the gateway itself asked for, in seconds."""
    reason, wait = reason_of(meaning, code), max(meaning.wait, retry_after)
    match meaning.action:
        case "retry":
            return Delivery(status="retry", reason=reason, retry_after=retry_after, fault=meaning.fault)
        case "pause":
            return Delivery(status="wait", reason=reason, retry_after=wait, pause=wait, fault=meaning.fault)
        case "halt":
            return Delivery(status="wait", reason=reason, retry_after=wait, pause=wait, action="halt", fault=meaning.fault)
        case "unreachable":
            return Delivery(status="unreachable", reason=reason)
        case "stopped":
            return Delivery(status="unreachable", reason=reason, action="marketing_stopped")
        case _:
            return Delivery(status="failed", reason=reason, action="refused")


def action_of(meaning: Meaning) -> str:
    """What follows from an error that is told later, in a receipt (`DeliveryReceipt.action`)."""
    return {"unreachable": "unreachable", "stopped": "marketing_stopped"}.get(meaning.action, "")
