"""A Rasa channel for one turn: the app posts a message and what it remembers; Rasa answers what was meant and what comes next.

POST /webhooks/turn/turn with the header `Authorization: Bearer <token>` and
    {"turn": id, "text": words, "slots": {name: value}, "form": name or null, "requested_slot": name or null}
answers
    {"parse": {...}, "messages": [custom payloads, in order], "slots": {...}, "form": ..., "requested_slot": ...}
401 without the token, 400 for a body of another shape. A failed action gives fewer messages, perhaps none: the app treats an
empty list as an error.
"""

from __future__ import annotations

import hmac
import os
from typing import Any, Awaitable, Callable, Dict, List, Optional, Text

from rasa.core.channels.channel import CollectingOutputChannel, InputChannel, UserMessage
from rasa.shared.core.constants import ACTION_LISTEN_NAME, ACTION_SESSION_START_NAME, REQUESTED_SLOT
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, SessionStarted, SlotSet
from rasa.shared.core.trackers import DialogueStateTracker
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

from nlu_server.components.tracker_store import TurnTrackerStore

TOKEN_VARIABLE = "WREN_RASA_TOKEN"


class TurnInput(InputChannel):
    """Rasa finds it through `credentials.yml`; the token comes from the environment."""

    @classmethod
    def name(cls) -> Text:
        return "turn"

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        blueprint = Blueprint("turn_webhook", __name__)

        @blueprint.route("/", methods=["GET"])
        async def health(request: Request) -> HTTPResponse:
            return response.json({"status": "ok"})

        @blueprint.route("/turn", methods=["POST"])
        async def turn(request: Request) -> HTTPResponse:
            if not _authorised(request):
                return response.json({"error": "a loopback token is needed"}, status=401)
            body = request.json
            if not isinstance(body, dict) or not isinstance(body.get("turn"), str) or not isinstance(body.get("text"), str):
                return response.json({"error": "expected an object with turn and text"}, status=400)
            return response.json(await _handle(request.app.ctx.agent, body))

        return blueprint


async def _handle(agent: Any, body: Dict[Text, Any]) -> Dict[Text, Any]:
    store = agent.tracker_store
    tracker = DialogueStateTracker.from_events(body["turn"], _remembered(body), slots=agent.domain.slots, domain=agent.domain)
    await store.save(tracker)
    try:
        output = CollectingOutputChannel()
        await agent.handle_message(
            UserMessage(body["text"], output, body["turn"], input_channel="turn", metadata={"turn": body["turn"]})
        )
        after = await store.retrieve(body["turn"]) or tracker
        return {
            "parse": after.latest_message.parse_data if after.latest_message else {},
            "messages": [message["custom"] for message in output.messages if "custom" in message],
            "slots": {name: value for name, value in after.current_slot_values().items() if value is not None},
            "form": after.active_loop_name,
            "requested_slot": after.get_slot(REQUESTED_SLOT),
        }
    finally:
        TurnTrackerStore.drop(body["turn"])


def _remembered(body: Dict[Text, Any]) -> List[Event]:
    """The events that bring a fresh tracker to where the app's saved dialogue stands."""
    events: List[Event] = [ActionExecuted(ACTION_SESSION_START_NAME), SessionStarted()]
    events += [SlotSet(name, value) for name, value in (body.get("slots") or {}).items()]
    form: Optional[Text] = body.get("form")
    if form:
        events += [ActionExecuted(form), ActiveLoop(form), SlotSet(REQUESTED_SLOT, body.get("requested_slot"))]
    events.append(ActionExecuted(ACTION_LISTEN_NAME))
    return events


def _authorised(request: Request) -> bool:
    expected = os.environ.get(TOKEN_VARIABLE, "")
    given = request.headers.get("Authorization", "").replace("Bearer ", "", 1)
    return bool(expected) and hmac.compare_digest(expected.encode(), given.encode())
