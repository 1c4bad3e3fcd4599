"""What the Cloud API's errors mean, from `errors.yml` beside this file: by number, each with a name and one action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bot.channels import fault_of, mapping, number
from bot.messages import Delivery

FILE = Path(__file__).with_name("errors.yml")
ACTIONS = frozenset(
    {
        *("retry", "pair", "pause", "halt", "window_closed", "unreachable", "other_address", "marketing_stopped"),
        *("another_day", "template_fault", "refused"),
    }
)
WAITING = frozenset({"pause", "halt"})
"""Actions that stop the whole number for a while, so that they need a `wait`."""

PAIR_GROWTH = 4.0
LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Meaning:
    """One error: `name` is ours, `wait` in seconds, `fault` one of `bot.messages.FAULTS` or empty."""

    code: int
    name: str
    action: str
    wait: float = 0.0
    fault: str = ""

    @property
    def reason(self) -> str:
        """What the outbox keeps: our name and Meta's number."""
        return f"{self.name} ({self.code})"


@lru_cache(maxsize=1)
def meanings() -> Mapping[int, Meaning]:
    """Every error of the file by its number. Raises ValueError, in plain words, for a file that cannot be used."""
    return read(YAML(typ="safe").load(FILE.read_text(encoding="utf-8")))


def read(data: Any) -> Mapping[int, Meaning]:
    """The errors of the file's content. Raises ValueError with the entry that is wrong."""
    found: dict[int, Meaning] = {}
    entries = data.get("errors") if isinstance(data, Mapping) else None
    if not isinstance(entries, list):
        raise ValueError("errors.yml has no list called errors")
    for entry in entries:
        for code in _codes(entry):
            if code in found:
                raise ValueError(f"errors.yml names {code} twice")
            found[code] = _meaning(code, entry)
    return found


def _codes(entry: Any) -> list[int]:
    codes = entry.get("codes") if isinstance(entry, Mapping) else None
    if isinstance(codes, Mapping) and all(isinstance(codes.get(end), int) for end in ("from", "to")):
        return list(range(codes["from"], codes["to"] + 1))
    if isinstance(codes, list) and codes and all(isinstance(code, int) for code in codes):
        return codes
    raise ValueError(f"errors.yml: {entry!r} has no codes: write a list of numbers, or from and to")


def _meaning(code: int, entry: Mapping[str, Any]) -> Meaning:
    name, action, wait = entry.get("name"), entry.get("action"), entry.get("wait", 0)
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        raise ValueError(f"errors.yml: {code} needs a name of at most {LONGEST_NAME} characters")
    if action not in ACTIONS:
        raise ValueError(f"errors.yml: {code} has the action {action!r}; use one of {', '.join(sorted(ACTIONS))}")
    if not isinstance(wait, int | float) or wait < 0 or (action in WAITING and not wait):
        raise ValueError(f"errors.yml: {code} needs wait: the seconds until the next look")
    return Meaning(code, name, action, float(wait), fault_of(entry))


def meaning_of(code: int) -> Meaning:
    """What `code` means; one that the file does not know is our own fault until somebody looks it up."""
    return meanings().get(code) or Meaning(code, "not-known-to-us", "refused")


def code_of(error: object) -> int:
    """The number of an error object of the API or of a webhook, 131000 (unknown) if it has none."""
    found = number(mapping(error).get("code"))
    if found is None:
        text = mapping(error).get("code")
        return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 9 else 131000
    return int(found)


def delivery_of(meaning: Meaning, *, retry_after: float = 0.0) -> Delivery:
    """What an error that is said at once means for the message. `retry_after` is what the server itself asked for, in seconds."""
    reason, wait = meaning.reason, max(meaning.wait, retry_after)
    match meaning.action:
        case "retry":
            return Delivery(status="retry", reason=reason, retry_after=retry_after, fault=meaning.fault)
        case "pair":
            return Delivery(status="retry", reason=reason, retry_after=retry_after, grows=PAIR_GROWTH)
        case "pause":
            return Delivery(status="wait", reason=reason, retry_after=wait, pause=wait, fault=meaning.fault)
        case "halt":
            return Delivery(status="wait", reason=reason, retry_after=wait, pause=wait, action="halt", fault=meaning.fault)
        case "window_closed":
            return Delivery(status="hold", reason=reason, action="window_closed")
        case "unreachable":
            return Delivery(status="unreachable", reason=reason)
        case "other_address":
            return Delivery(status="other_address", reason=reason)
        case "marketing_stopped" | "another_day":
            return Delivery(status="refuse", reason=reason, action=meaning.action)
        case _:
            return Delivery(status="failed", reason=reason, action=meaning.action)
