"""A Rasa that knows nothing but the form for finding a service: it takes every message for one, and keeps the rules of
data/rules.yml by calling the app's own actions over HTTP, as Rasa does. What is asked, read and found is then the app's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from bot.conversation.state import FORM, SLOTS
from tests.doubles.rasa_server import TOKEN, Answer, turn


@dataclass(frozen=True)
class FormRules:
    """For `RasaDouble.respond`. `actions`: the address of the app's action endpoint."""

    actions: str

    def __call__(self, body: dict[str, Any]) -> Answer:
        slots = dict.fromkeys(SLOTS) | body["slots"]
        asked = body["requested_slot"] if body["form"] else None
        done = self._run(f"validate_{FORM}", body, slots | {"requested_slot": asked})
        slots |= {event["name"]: event["value"] for event in done["events"]}
        missing = next((name for name in SLOTS if slots[name] is None), None)
        if missing is not None:
            kept = {name: value for name, value in slots.items() if value is not None}
            return turn({"ref": f"ask:{missing}"}, form=FORM, requested_slot=missing, slots=kept)
        found = self._run("action_find_services", body, slots | {"requested_slot": None})
        return turn(*(response["custom"] for response in found["responses"]))

    def _run(self, action: str, body: Mapping[str, Any], slots: Mapping[str, Any]) -> dict[str, Any]:
        tracker = {
            "sender_id": body["turn"],
            "slots": slots,
            "latest_message": {"text": body["text"], "intent": {"name": "find_service", "confidence": 1.0}},
        }
        call = {"next_action": action, "sender_id": body["turn"], "tracker": tracker}
        answer = httpx.post(f"{self.actions}/webhook", json=call, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found
