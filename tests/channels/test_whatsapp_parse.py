"""What the Cloud API's webhooks hold, as the app hears it."""

from __future__ import annotations

import hashlib
import hmac
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pywa.client import WhatsApp
from pywa.types.callback import CallbackButton, CallbackSelection
from pywa.types.message import EditedMessage, Message

from bot.channels.whatsapp import parse, verify_signature
from bot.channels.whatsapp.parse import opaque
from bot.messages import Kind
from tests.channels.support import ANY_JSON, as_expected, damaged, fixtures, load

ALL = fixtures("whatsapp")
RAWS = [load(path)["raw"] for path in ALL]


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_it_hears_each_recorded_webhook_as_written_down(path: Path) -> None:
    fixture = load(path)
    found = parse(fixture["raw"])
    wanted = fixture["expected"]
    assert len(found) == len(wanted)
    assert [as_expected(inbound, want) for inbound, want in zip(found, wanted, strict=True)] == wanted


@pytest.mark.parametrize(
    ("name", "reader", "field", "of"),
    [
        ("text", Message, "text", "text"),
        ("text_business_scoped_id_only", Message, "text", "text"),
        ("image", Message, "caption", "text"),
        ("location", Message, "location.latitude", "latitude"),
        ("referral", Message, "referral.source_id", "start_payload"),
        ("button_reply", CallbackButton, "data", "token"),
        ("template_button", CallbackButton, "data", "token"),
        ("list_reply", CallbackSelection, "data", "token"),
        ("edited_text", EditedMessage, "message.text", "text"),
    ],
)
def test_it_agrees_with_another_reader_of_the_same_webhook(name: str, reader: Any, field: str, of: str) -> None:
    """pywa, which this project did not write, finds the same sender, time and content in our fixtures."""
    (raw,) = (load(path)["raw"] for path in ALL if path.stem == name)
    (ours,) = parse(raw)
    theirs = reader.from_update(WhatsApp("100000000000901", "token"), raw)
    assert opaque(theirs.id) == ours.external_id
    assert theirs.timestamp == ours.sent_at
    assert [theirs.from_user.bsuid, theirs.from_user.wa_id] == [
        next((address.value for address in ours.addresses if address.kind == kind), None) for kind in ("whatsapp_bsuid", "phone")
    ]
    assert attrgetter(field)(theirs) == getattr(ours, of)


def test_the_same_webhook_gives_the_same_ids_each_time() -> None:
    (raw,) = (load(path)["raw"] for path in ALL if path.stem == "batch")
    ids = [inbound.external_id for inbound in parse(raw)]
    assert ids == [inbound.external_id for inbound in parse(raw)]
    assert len(set(ids)) == 4


def test_a_message_is_known_by_a_hash_of_its_id_which_spells_the_number_and_is_still_unique() -> None:
    first, second = (text_message(id="wamid." + "A" * 400 + last) for last in "xy")
    ids = {inbound.external_id for raw in (first, second) for inbound in parse(raw)}
    assert len(ids) == 2
    assert all(len(external_id) <= 180 and "AAAA" not in external_id for external_id in ids)


def test_a_group_or_a_nameless_sender_is_not_answered() -> None:
    assert parse(text_message(**{"from": "not a number"})) == []
    assert parse(text_message(group_id="g")) == []


@settings(max_examples=300)
@given(raw=ANY_JSON)
def test_it_never_raises_on_any_json(raw: Any) -> None:
    assert isinstance(parse(raw), list)


@settings(max_examples=300)
@given(raw=damaged(RAWS))
def test_it_never_raises_on_a_damaged_webhook(raw: Any) -> None:
    for inbound in parse(raw):
        assert inbound.addresses
        assert inbound.external_id
        inbound.text.encode("utf-8")
        if inbound.kind is Kind.UNSUPPORTED:
            assert inbound.media


@given(secret=st.text(min_size=1), body=st.binary())
def test_a_true_signature_is_accepted_and_any_change_refused(secret: str, body: bytes) -> None:
    header = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    assert verify_signature(secret, body, header)
    assert not verify_signature(secret, body + b" ", header)
    assert not verify_signature(secret + "x", body, header)
    assert not verify_signature(secret, body, header[:-1])
    assert not verify_signature(secret, body, header.replace("sha256=", "sha1="))


@pytest.mark.parametrize("header", [None, "", "sha256=", "sha256=é", "sha256=" + "0" * 64, "nonsense"])
def test_a_missing_or_strange_signature_is_refused(header: str | None) -> None:
    assert not verify_signature("secret", b"{}", header)


def test_an_empty_secret_verifies_nothing() -> None:
    assert not verify_signature("", b"{}", "sha256=" + hmac.new(b"", b"{}", hashlib.sha256).hexdigest())


def text_message(**changes: Any) -> dict[str, Any]:
    message = {
        "from": "15550100301",
        "id": "wamid.X",
        "timestamp": "1793000000",
        "type": "text",
        "text": {"body": "hi"},
    }
    value = {"messaging_product": "whatsapp", "messages": [message | changes]}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}],
    }
