"""Reading the fixtures, and JSON of every kind for the tests that try to make a parser raise."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from bot.channels.whatsapp.parse import opaque
from bot.messages import Inbound

FIXTURES = Path(__file__).parent / "fixtures"

NUMBERS = st.integers() | st.floats() | st.sampled_from([0, -1, True, 2**63, 2**200, 10**30, float("nan"), float("inf")])
TEXTS = st.text() | st.sampled_from(["", "\0", "\ud800", "private", "text", "kicked", "/start", "/start a b", "*"])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def fixtures(channel: str) -> list[Path]:
    """The fixture files of a channel: JSON objects with `about`, `raw` and `expected`."""
    found = sorted((FIXTURES / channel).glob("*.json"))
    assert found, f"no fixtures for {channel}"
    return found


def load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def as_expected(inbound: Inbound, wanted: dict[str, Any]) -> dict[str, Any]:
    """What a fixture can say of an `Inbound`: its fields that are not empty, the time only if it has one."""
    found = {name: value for name, value in asdict(inbound).items() if value not in (None, "")}
    if "external_id" in found and inbound.channel == "whatsapp" and wanted["external_id"].startswith("wamid."):
        found["external_id"] = {opaque(wanted["external_id"]): wanted["external_id"]}.get(
            inbound.external_id, inbound.external_id
        )
    found["kind"] = inbound.kind.value
    found["addresses"] = [[address.channel, address.kind, address.value] for address in inbound.addresses]
    sent_at = found.pop("sent_at")
    if "sent_at" in wanted:
        found["sent_at"] = int(sent_at.timestamp())
    return found


@st.composite
def damaged(draw: st.DrawFn, whole: list[dict[str, Any]]) -> Any:
    """A recorded event with one to three of its values, anywhere in it, replaced by any JSON or left out."""
    event = copy.deepcopy(draw(st.sampled_from(whole)))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(event))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        if draw(st.booleans()):
            holder[key] = draw(ANY_JSON)
        else:
            del holder[key]
    return event


def _places(value: Any) -> Any:
    """Every (container, key or index) in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items):
        yield value, key
        yield from _places(item)
