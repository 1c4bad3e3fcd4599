"""A whole webhook taken apart: messages, receipts, changed identifiers, templates; old and new shapes, and damaged ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pywa.client import WhatsApp
from pywa.types.message_status import MessageStatus
from pywa.types.system import PhoneNumberChange

from bot.channels.whatsapp import Event, events
from bot.channels.whatsapp.events import AddressChange, MarketingChoice, TemplateNews
from bot.channels.whatsapp.parse import opaque
from bot.messages import Address, Kind
from tests.channels.support import ANY_JSON, damaged, fixtures, load
from tests.doubles.graph_server import NUMBER_ID, GraphServer, Parent, Sent, envelope, together

OLD = Parent(user_id=None)
BOTH = Parent()
HIDDEN = Parent(phone=None, user_id="GB.777")


def bsuid(value: str) -> Address:
    return Address(channel="whatsapp", kind="whatsapp_bsuid", value=value)


def phone(value: str) -> Address:
    return Address(channel="whatsapp", kind="phone", value=value)


def one(payload: Any) -> Event:
    (event,) = events(payload)
    return event


def system(kind: str, **fields: Any) -> dict[str, Any]:
    sender = {name: fields.pop(name) for name in ("from", "from_user_id") if name in fields}
    message = {**sender, "id": "wamid.SYS1", "timestamp": "1793000000", "type": "system"}
    return envelope(messages=[{**message, "system": {"body": "x", "type": kind, **fields}}])


CHANGES = {
    "a number, as it was before business-scoped ids": (
        system("user_changed_number", **{"from": "447700900301"}, wa_id="447700900302"),
        AddressChange(old=(phone("447700900301"),), new=(phone("447700900302"),)),
    ),
    "a number, in the oldest shape": (
        system("customer_changed_number", **{"from": "447700900301"}, customer="447700900301", new_wa_id="447700900302"),
        AddressChange(old=(phone("447700900301"),), new=(phone("447700900302"),)),
    ),
    "a number and the business-scoped id that goes with it": (
        system("user_changed_number", **{"from": "447700900301"}, from_user_id="GB.1", wa_id="447700900302", user_id="GB.2"),
        AddressChange(old=(bsuid("GB.1"), phone("447700900301")), new=(bsuid("GB.2"), phone("447700900302"))),
    ),
    "a business-scoped id alone": (
        system("user_changed_user_id", from_user_id="GB.1", user_id="GB.2"),
        AddressChange(old=(bsuid("GB.1"),), new=(bsuid("GB.2"),)),
    ),
    "a business-scoped id, in its own field": (
        envelope("user_id_update", user_id_update=[{"user_id": {"previous": "GB.1", "current": "GB.2"}, "timestamp": "1"}]),
        AddressChange(old=(bsuid("GB.1"),), new=(bsuid("GB.2"),)),
    ),
    "nothing that helps": (system("user_changed_number", **{"from": "447700900301"}, wa_id="447700900301"), None),
    "an identity key, which is none of our business": (system("customer_identity_changed", **{"from": "447700900301"}), None),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_identifier_names_the_old_and_the_new(name: str) -> None:
    payload, change = CHANGES[name]
    event = one(payload)
    assert event.change == change
    assert event.inbound is None


def test_another_reader_sees_the_same_change_of_number() -> None:
    """pywa, which this project did not write."""
    payload, change = CHANGES["a number and the business-scoped id that goes with it"]
    theirs = PhoneNumberChange.from_update(WhatsApp(NUMBER_ID, "token"), payload)
    assert change is not None
    assert [theirs.old_wa_id, theirs.new_wa_id, theirs.new_user_id] == ["447700900301", "447700900302", "GB.2"]


@pytest.mark.parametrize("state", ["sent", "delivered", "read"])
def test_a_receipt_names_the_message_its_state_and_our_mark(state: str) -> None:
    sent = Sent("wamid.OUT1", {"type": "text", "to": "447700900301", "biz_opaque_callback_data": "12:0#1/2"})
    receipt = one(GraphServer().status(sent, state, at=1793000000)).receipt
    assert receipt is not None
    assert (receipt.provider_id, receipt.state, receipt.mark) == (opaque("wamid.OUT1"), state, ("12:0", 1, 2))
    assert int(receipt.at.timestamp()) == 1793000000


@pytest.mark.parametrize(
    ("code", "action"),
    [(131047, "window_closed"), (131026, "unreachable"), (131050, "marketing_stopped"), (131049, "another_day")],
)
def test_a_failed_receipt_says_by_name_what_follows(code: int, action: str) -> None:
    sent = Sent("wamid.OUT1", {"type": "text", "to": "447700900301"})
    receipt = one(GraphServer().status(sent, "failed", error=code)).receipt
    assert receipt is not None
    assert receipt.action == action and str(code) in receipt.reason and receipt.mark is None


def test_another_reader_sees_the_same_receipt() -> None:
    sent = Sent("wamid.OUT1", {"type": "text", "to": "447700900301"})
    payload = GraphServer().status(sent, "failed", error=131026)
    payload["entry"][0]["changes"][0]["value"]["contacts"] = [BOTH.contact()]  # pywa drops a receipt without
    theirs = MessageStatus.from_update(WhatsApp(NUMBER_ID, "token"), payload)
    ours = one(payload).receipt
    assert ours is not None and theirs.error is not None
    assert (opaque(theirs.id), theirs.status.value) == (ours.provider_id, ours.state)
    assert str(theirs.error.code) in ours.reason


@pytest.mark.parametrize("mark", ["nonsense", "key#2/2", "#/", "key#1/", 5, None, "key#-1/2", "k" * 600 + "#0/1"])
def test_a_mark_that_is_not_ours_is_left_alone(mark: Any) -> None:
    status = {"id": "wamid.1", "status": "sent", "timestamp": "1", "biz_opaque_callback_data": mark}
    receipt = one(envelope(statuses=[status])).receipt
    assert receipt is not None and receipt.mark is None


@pytest.mark.parametrize("status", [{"status": "sent"}, {"id": "x", "status": "deleted"}, {"id": 5, "status": "sent"}])
def test_a_receipt_without_id_or_of_an_unknown_state_is_kept_and_not_followed(status: dict[str, Any]) -> None:
    event = one(envelope(statuses=[status]))
    assert event.receipt is None and event.raw["entry"]


def test_news_of_a_template_names_state_and_category() -> None:
    status = {"event": "REJECTED", "message_template_id": 9, "message_template_name": "late_1", "reason": "TAG_CONTENT_MISMATCH"}
    status |= {"message_template_language": "pl"}
    assert one(envelope("message_template_status_update", **status)).raw
    raw = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [
        {"field": "message_template_status_update", "value": status},
        {"field": "template_category_update", "value": {
            "message_template_id": 9, "message_template_name": "late_1", "message_template_language": "pl",
            "previous_category": "UTILITY", "new_category": "MARKETING"}},
        {"field": "template_category_update", "value": {
            "message_template_id": 9, "message_template_name": "late_1", "message_template_language": "pl",
            "new_category": "UTILITY", "correct_category": "MARKETING", "category_update_timestamp": 1793000000}},
    ]}]}  # fmt: skip
    rejected, changed, coming = (event.template for event in events(raw))
    assert rejected == TemplateNews(
        name="late_1", language="pl", provider_id="9", status="rejected", reason="TAG_CONTENT_MISMATCH"
    )
    assert changed is not None and changed.category == "marketing"
    assert coming is not None and coming.category == "marketing", "a change that is announced counts at once"


def test_a_choice_about_marketing_names_who_and_what() -> None:
    preference = {
        "wa_id": "447700900301",
        "detail": "x",
        "category": "marketing_messages",
        "value": "stop",
        "timestamp": 1793000000,
    }
    payload = envelope("user_preferences", contacts=[BOTH.contact()], user_preferences=[preference])
    choice = one(payload).choice
    assert choice is not None
    assert choice == MarketingChoice(addresses=(bsuid(BOTH.user_id or ""), phone("447700900301")), wanted=False, at=choice.at)
    assert one(envelope("user_preferences", user_preferences=[{**preference, "value": "resume"}])).choice.wanted is True  # type: ignore[union-attr]


def test_news_of_our_account_is_for_staff() -> None:
    assert one(envelope("account_update", event="DISABLED_UPDATE")).notice == "whatsapp-account_update"
    assert one(envelope(errors=[{"code": 131031, "title": "locked"}])).notice == "whatsapp-account-locked"
    assert one(envelope("history", history=[])).notice == ""


def test_a_message_of_nobody_is_kept_and_staff_hear_of_it() -> None:
    event = one(envelope(messages=[{"id": "wamid.1", "type": "text", "text": {"body": "help"}, "timestamp": "1"}]))
    assert event.inbound is None and event.notice == "whatsapp-message-of-nobody"


def test_what_came_to_another_number_of_the_same_app_is_kept_and_not_read() -> None:
    payload = GraphServer().says(BOTH, "hello")
    assert one(payload).inbound is not None
    (event,) = events(payload, phone_number_id="another")
    assert event.inbound is None and event.notice == "whatsapp-another-number"


def test_each_event_of_a_batch_carries_its_own_slice_and_nobody_elses() -> None:
    double = GraphServer()
    batch = together(
        double.says(OLD, "one"),
        double.says(HIDDEN, "two"),
        double.status(Sent("wamid.OUT1", {"type": "text"}), "read"),
        double.says(OLD, "three"),
    )
    found = events(batch)
    assert [event.inbound.text if event.inbound else event.receipt.state for event in found] == ["one", "two", "read", "three"]  # type: ignore[union-attr]
    assert len({event.key for event in found}) == 4
    assert OLD.phone not in json.dumps(found[1].raw) and "GB.777" not in json.dumps(found[0].raw)


def test_a_batch_in_one_change_gives_each_its_own_contact() -> None:
    double = GraphServer()
    values = [double.says(who, "hi")["entry"][0]["changes"][0]["value"] for who in (BOTH, HIDDEN)]
    payload = envelope(contacts=[value["contacts"][0] for value in values], messages=[value["messages"][0] for value in values])
    first, second = events(payload)
    assert first.inbound is not None and second.inbound is not None
    assert [address.value for address in first.inbound.addresses] == [BOTH.user_id, BOTH.phone]
    assert [address.value for address in second.inbound.addresses] == ["GB.777"]
    assert "GB.777" not in json.dumps(first.raw)


@pytest.mark.parametrize("path", fixtures("whatsapp"), ids=lambda path: path.stem)
def test_the_slices_of_a_webhook_say_what_the_whole_says(path: Any) -> None:
    fixture = load(path)
    found = [event.inbound for event in events(fixture["raw"]) if event.inbound]
    assert [(inbound.external_id, inbound.kind.value, inbound.text) for inbound in found] == [
        (opaque(wanted["external_id"]), wanted["kind"], wanted.get("text", "")) for wanted in fixture["expected"]
    ]
    assert all(inbound.kind in Kind for inbound in found)


def test_the_same_webhook_has_the_same_keys_each_time_and_in_any_order_of_fields() -> None:
    payloads = [load(path)["raw"] for path in fixtures("whatsapp")] + [payload for payload, _ in CHANGES.values()]
    for payload in payloads:
        again = json.loads(json.dumps(payload, sort_keys=True))
        keys = [event.key for event in events(payload)]
        assert keys == [event.key for event in events(again)]
        assert all(0 < len(key) <= 200 for key in keys)


@settings(max_examples=300, deadline=None)
@given(raw=ANY_JSON)
def test_any_json_gives_at_least_one_event_to_keep(raw: Any) -> None:
    assert events(raw)


@settings(max_examples=300, deadline=None)
@given(raw=damaged([payload for payload, _ in CHANGES.values()] + [load(path)["raw"] for path in fixtures("whatsapp")]))
def test_a_damaged_webhook_never_raises_and_is_kept(raw: Any) -> None:
    found = events(raw, phone_number_id=NUMBER_ID)
    assert found
    for event in found:
        json.dumps(event.raw, default=str)
        assert 0 < len(event.key) <= 200


@given(st.binary(max_size=40))
def test_what_is_no_json_at_all_is_kept_too(body: bytes) -> None:
    assert one({"unreadable": body.decode("utf-8", "replace")}).inbound is None
