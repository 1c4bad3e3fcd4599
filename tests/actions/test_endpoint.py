"""The action endpoint speaks Rasa's action-server protocol; rasa-sdk is the oracle for what a server answers."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.interfaces import Tracker
from starlette.testclient import TestClient

from bot.actions.endpoint import action_app
from bot.conversation.state import FORM, SLOTS, DialogueState
from bot.conversation.turn import Turn
from bot.library.yamlfile import read_yaml
from bot.messages import Address, Inbound
from bot.people import PersonView
from bot.settings import ROOT
from bot.storage.tables import now
from bot.wiring import Parts
from tests.doubles.rasa_server import TOKEN

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
RANKING = [{"name": "topic_baby_crying", "confidence": 0.9}, {"name": "topic_baby_sleep", "confidence": 0.05}]


@pytest.fixture
def client(parts: Parts) -> Iterator[TestClient]:
    with TestClient(action_app(parts.actions, parts.registry, TOKEN)) as client:
        yield client


def a_turn(text: str = "hello", **values: Any) -> Turn:
    person = PersonView(
        id=1,
        pseudonym="P-ABCDEF",
        area_id="demonstration",
        language="en",
        language_chosen=True,
        nation=None,
        district=values.pop("district", None),
        role=None,
        campaign=None,
        stopped=False,
        bereaved=False,
        children=values.pop("children", ()),
    )
    address = Address(channel="terminal", kind="terminal", value="x")
    return Turn(
        inbox_id=1,
        turn_id="turn-1",
        inbound=Inbound(channel="terminal", external_id="1", addresses=(address,), text=text),
        person=person,
        state=DialogueState(),
        language="en",
        level="none",
        reasons=(),
        case=None,
        team=None,
        moment=now(),
        first=False,
        **values,
    )


def call(action: str, slots: dict[str, Any] | None = None, text: str = "hello", ranking: Any = RANKING) -> dict[str, Any]:
    """A call as Rasa makes it."""
    return {
        "next_action": action,
        "sender_id": "turn-1",
        "tracker": {
            "sender_id": "turn-1",
            "slots": {**dict.fromkeys((*SLOTS, "requested_slot")), **(slots or {})},
            "latest_message": {"text": text, "intent": {"name": "ask_topic", "confidence": 1.0}, "topic_ranking": ranking},
            "events": [],
            "active_loop": {},
            "latest_action_name": None,
            "paused": False,
            "followup_action": None,
        },
        "domain": {},
        "version": "3.6.21",
    }


# Who may call, and for what


def test_without_the_token_nobody_is_answered(client: TestClient) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Authorization": "Bearer "}):
        assert client.post("/webhook", json=call("action_answer"), headers=headers).status_code == 401


def test_an_unknown_action_is_404_in_the_protocols_words(client: TestClient) -> None:
    response = client.post("/webhook", json=call("action_fly"), headers=HEADERS)
    assert response.status_code == 404
    assert response.json()["action_name"] == "action_fly"
    assert set(response.json()) == {"error", "action_name"}


def test_a_late_call_finds_no_turn(client: TestClient, parts: Parts) -> None:
    with parts.registry.during(a_turn()):
        assert client.post("/webhook", json=call("action_answer"), headers=HEADERS).status_code == 200
    assert client.post("/webhook", json=call("action_answer"), headers=HEADERS).status_code == 409


def test_a_failing_action_is_an_error_without_the_parents_words(client: TestClient, parts: Parts, caplog: Any) -> None:
    broken = call("action_answer", text="wren-of-the-hill", ranking="not a ranking")
    with parts.registry.during(a_turn("wren-of-the-hill")):
        response = client.post("/webhook", json=broken, headers=HEADERS)
    assert response.status_code == 500
    assert "wren-of-the-hill" not in response.text + caplog.text


def test_a_compressed_call_is_read(client: TestClient, parts: Parts) -> None:
    body = zlib.compress(json.dumps(call("action_answer")).encode())
    with parts.registry.during(a_turn()):
        response = client.post("/webhook", content=body, headers={**HEADERS, "Content-Encoding": "deflate"})
    assert response.json()["responses"]


def test_it_names_the_actions_of_the_domain(client: TestClient, parts: Parts) -> None:
    assert [entry["name"] for entry in client.get("/actions").json()] == sorted(read_yaml(ROOT / "domain.yml", ROOT)["actions"])
    assert client.get("/health").json() == {"status": "ok"}


# The oracle


async def test_an_answer_has_the_shape_that_rasa_sdk_gives(client: TestClient, parts: Parts) -> None:
    async def the_same(dispatcher: Any, tracker: Tracker, domain: Any) -> list[dict[str, Any]]:
        dispatcher.utter_message(json_message={"ref": "x"})
        return [{"event": "slot", "timestamp": None, "name": "need", "value": "sleep"}]

    executor = ActionExecutor()
    executor.register_function("the_same", the_same)
    oracle = await executor.run(call("the_same"))
    assert oracle is not None
    with parts.registry.during(a_turn("sleep help near ZZ1")):
        ours = client.post("/webhook", json=call(f"validate_{FORM}"), headers=HEADERS).json()
        answer = client.post("/webhook", json=call("action_answer"), headers=HEADERS).json()
    oracle = oracle if isinstance(oracle, dict) else oracle.model_dump()
    assert set(ours) == set(answer) == set(oracle)
    assert {frozenset(event) for event in ours["events"]} == {frozenset(event) for event in oracle["events"]}
    assert set(answer["responses"][0]) <= set(oracle["responses"][0])


# What they read


def slots_of(client: TestClient, parts: Parts, turn: Turn, slots: dict[str, Any] | None = None) -> dict[str, Any]:
    with parts.registry.during(turn):
        response = client.post("/webhook", json=call(f"validate_{FORM}", slots, turn.text), headers=HEADERS)
    return {event["name"]: event["value"] for event in response.json()["events"]}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("anything on for babies near ZZ1?", {"need": "groups-and-activities", "place": "ZZ1"}),
        ("a baby group for my 8 month old near zz1 2ab", {"need": "baby-and-toddler-groups", "age": "8"}),
        ("find help near me", {}),
        ("sleep help on zoom", {"need": "sleep", "mode": "online"}),
    ],
)
def test_the_opening_words_fill_what_they_say(client: TestClient, parts: Parts, text: str, found: dict[str, str]) -> None:
    slots = slots_of(client, parts, a_turn(text))
    assert found.items() <= slots.items()
    if "ZZ1" not in text.upper():
        assert "place" not in slots


@pytest.mark.parametrize(
    ("asked", "text", "value"),
    [
        ("age", "3", "36"),
        ("age", "dim ots", "any"),
        ("place", "anywhere", "any"),
        ("mode", "phone", "phone"),
        ("need", "foodbank", "food-and-baby-bank"),
    ],
)
def test_an_answer_fills_the_slot_that_was_asked(client: TestClient, parts: Parts, asked: str, text: str, value: str) -> None:
    assert slots_of(client, parts, a_turn(text), {"requested_slot": asked})[asked] == value


def test_words_that_answer_nothing_leave_the_slot_empty(client: TestClient, parts: Parts) -> None:
    assert slots_of(client, parts, a_turn("what do you mean"), {"requested_slot": "age"}) == {}


def test_what_was_answered_before_is_not_changed_by_later_words(client: TestClient, parts: Parts) -> None:
    slots = slots_of(client, parts, a_turn("ZZ2 and he is 3 years"), {"requested_slot": "place", "age": "6"})
    assert "age" not in slots


def test_a_button_outweighs_words(client: TestClient, parts: Parts) -> None:
    turn = a_turn("online", given={"mode": "phone"})
    assert slots_of(client, parts, turn, {"requested_slot": "mode"})["mode"] == "phone"


def test_the_profile_fills_in_only_when_the_form_opens(client: TestClient, parts: Parts) -> None:
    born = f"{now().year - 1}-{now().month:02d}"
    known = {"children": (born,), "district": "ZZ1"}
    assert slots_of(client, parts, a_turn("find help near me", **known)) == {"age": "12", "place": "ZZ1"}
    assert slots_of(client, parts, a_turn("hm", **known), {"requested_slot": "need"}) == {}


def test_services_come_as_values_to_render_and_the_form_is_emptied(client: TestClient, parts: Parts) -> None:
    wanted = {"need": "baby-and-toddler-groups", "place": "ZZ1", "age": "8", "mode": "any"}
    with parts.registry.during(a_turn()):
        body = client.post("/webhook", json=call("action_find_services", wanted), headers=HEADERS).json()
    (response,) = body["responses"]
    assert response["custom"]["ref"] == "services:"
    assert 1 <= len(response["custom"]["items"]) <= 3
    assert all(item["name"] and item["why"] for item in response["custom"]["items"])
    assert response["custom"]["wanted"] == wanted
    assert {event["name"]: event["value"] for event in body["events"]} == dict.fromkeys(SLOTS)


@pytest.mark.parametrize(
    "wanted", [{}, dict.fromkeys(SLOTS, "any"), {"need": "sleep", "place": "nowhere on any map", "age": "2"}]
)
def test_a_search_with_little_to_go_by_still_answers(client: TestClient, parts: Parts, wanted: dict[str, str]) -> None:
    with parts.registry.during(a_turn()):
        assert client.post("/webhook", json=call("action_find_services", wanted), headers=HEADERS).status_code == 200


@pytest.mark.parametrize(
    ("ranking", "ref"),
    [
        (RANKING, "give:baby/crying/"),
        ([{"name": "topic_baby_crying", "confidence": 0.2}, {"name": "topic_baby_sleep", "confidence": 0.19}], "which:"),
        ([{"name": "topic_baby_crying", "confidence": 0.001}], "not_followed:"),
        ([], "not_followed:"),
    ],
)
def test_the_answer_action_passes_on_what_decide_says(client: TestClient, parts: Parts, ranking: Any, ref: str) -> None:
    with parts.registry.during(a_turn()):
        body = client.post("/webhook", json=call("action_answer", ranking=ranking), headers=HEADERS).json()
    assert [response["custom"]["ref"].startswith(ref) for response in body["responses"]] == [True]


def test_a_short_question_carries_on_with_the_topic_just_answered(client: TestClient, parts: Parts) -> None:
    turn = a_turn("what about at night?")
    turn.state.last_topic = "baby/feeding"
    unsure = [{"name": "topic_baby_sleep", "confidence": 0.16}, {"name": "topic_baby_crying", "confidence": 0.15}]
    with parts.registry.during(turn):
        body = client.post("/webhook", json=call("action_answer", text=turn.text, ranking=unsure), headers=HEADERS).json()
    assert body["responses"][0]["custom"]["ref"].startswith("give:baby/feeding/")


def test_actions_write_nothing(client: TestClient, parts: Parts) -> None:
    turn = a_turn("anything on for babies near ZZ1?")
    with parts.registry.during(turn):
        for name in parts.actions.names():
            client.post("/webhook", json=call(name), headers=HEADERS)
    assert (turn.replies, turn.effects, turn.outcome) == ([], [], None)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[" * 100_000, b'{"next_action": 1, "sender_id": "x", "tracker": {}}', b'{"next_action": "x"}', b"\xff\xfe"],
    ids=["empty", "null", "deep", "wrong", "half", "bytes"],
)
def test_what_is_no_call_is_refused_also_packed(client: TestClient, body: bytes) -> None:
    assert client.post("/webhook", content=body, headers=HEADERS).status_code == 400
    packed = {**HEADERS, "Content-Encoding": "deflate"}
    assert client.post("/webhook", content=zlib.compress(body), headers=packed).status_code == 400
    assert client.post("/webhook", content=body, headers=packed).status_code == 400


def test_what_unpacks_beyond_all_measure_is_not_unpacked(client: TestClient) -> None:
    bomb = zlib.compress(b'{"next_action": "x", "sender_id": "x", "tracker": {"a": "' + b"a" * 64 * 1024 * 1024 + b'"}}')
    assert len(bomb) < 100_000
    answer = client.post("/webhook", content=bomb, headers={**HEADERS, "Content-Encoding": "deflate"})
    assert answer.status_code == 400
