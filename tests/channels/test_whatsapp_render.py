"""What the Cloud API would be sent, within each of its limits and without a word of our own."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pywa.client import WhatsApp
from pywa.types.callback import Button as PywaButton
from pywa.types.callback import Section, SectionList, SectionRow, URLButton

from bot.channels.whatsapp import render
from bot.messages import Address, Button, Outbound

PHONE = Address(channel="whatsapp", kind="phone", value="15550100301")
BSUID = Address(channel="whatsapp", kind="whatsapp_bsuid", value="GB.20260411000000000771")


def outbound(text: str = "Hello there", **fields: Any) -> Outbound:
    return Outbound(text=text, language="en", **fields)


def choices(count: int, length: int = 5) -> tuple[Button, ...]:
    return tuple(Button(title=f"{index:0{length}d}", token=f"t{index}") for index in range(count))


def body_of(request: dict[str, Any]) -> str:
    content = request[request["type"]]["body"]
    return str(content["text"] if isinstance(content, dict) else content)


def sent_by_pywa(**message: Any) -> dict[str, Any]:
    """The request body that pywa, which this project did not write, makes of the same message."""
    taken: list[dict[str, Any]] = []

    def take(request: httpx.Request) -> httpx.Response:
        taken.append(json.loads(request.content))
        return httpx.Response(200, json={"messages": [{"id": "wamid.1"}], "contacts": [{"wa_id": "1", "input": "1"}]})

    client = WhatsApp("100000000000901", "token", session=httpx.Client(transport=httpx.MockTransport(take)))
    client.send_message(to=PHONE.value, **message)
    return taken[0]


def same(requests: list[dict[str, Any]], theirs: dict[str, Any]) -> None:
    (ours,) = requests
    assert {key: value for key, value in ours.items() if key != "text"} == {
        key: value for key, value in theirs.items() if key != "text"
    }
    assert body_of(ours) == body_of(theirs)


def test_text_and_buttons_are_what_another_client_sends() -> None:
    same(render(outbound(), PHONE), sent_by_pywa(text="Hello there"))
    two = choices(2)
    theirs = sent_by_pywa(text="Hello there", buttons=[PywaButton(button.title, button.token or "") for button in two])
    same(render(outbound(buttons=two), PHONE), theirs)


def test_a_lone_link_is_what_another_client_sends() -> None:
    theirs = sent_by_pywa(text="Hello there", buttons=URLButton("Open", "https://wren.example/a"))
    same(render(outbound(buttons=(Button(title="Open", url="https://wren.example/a"),)), PHONE), theirs)


def test_a_list_is_what_another_client_sends_but_for_a_heading_we_do_not_have() -> None:
    rows = choices(10)
    section = Section("", [SectionRow(row.title, row.token or "") for row in rows])
    theirs = sent_by_pywa(text="Hello there", buttons=SectionList("Choose", [section]))
    del theirs["interactive"]["action"]["sections"][0]["title"]
    same(render(outbound(rows=rows, rows_title="Choose"), PHONE), theirs)


def test_a_number_goes_in_to_and_a_business_scoped_id_in_recipient() -> None:
    (by_number,) = render(outbound(), PHONE)
    (by_id,) = render(outbound(), BSUID)
    assert by_number["to"] == PHONE.value and "recipient" not in by_number
    assert by_id["recipient"] == BSUID.value and "to" not in by_id


@pytest.mark.parametrize(
    "message",
    [
        outbound(""),
        outbound("  \n "),
        outbound(buttons=choices(4)),
        outbound(buttons=choices(1, length=21)),
        outbound(buttons=(Button(title="", token="t"),)),
        outbound(buttons=(Button(title="Go"),)),
        outbound(buttons=(Button(title="Go", token="x" * 257),)),
        outbound(buttons=(Button(title="Go", token="a"), Button(title="Go", token="b"))),
        outbound(buttons=(Button(title="Go", token="a"), Button(title="Stay", token="a"))),
        outbound(buttons=(Button(title="Open", url="http://wren.example"),)),
        outbound(buttons=(Button(title="Open", url="javascript:alert(1)"),)),
        outbound(buttons=(Button(title="Open", url="https://wren.example", token="t"),)),
        outbound(rows=choices(11), rows_title="Choose"),
        outbound(rows=choices(9), buttons=choices(2, length=6), rows_title="Choose"),
        outbound(rows=choices(1, length=25), rows_title="Choose"),
        outbound(rows=choices(3), rows_title=""),
        outbound(rows=choices(3), rows_title="x" * 21),
        outbound(rows=(Button(title="Row", token="x" * 201),), rows_title="Choose"),
    ],
)
def test_it_refuses_what_cannot_be_said(message: Outbound) -> None:
    with pytest.raises(ValueError):
        render(message, PHONE)


def test_it_refuses_an_address_of_another_channel() -> None:
    with pytest.raises(ValueError):
        render(outbound(), Address(channel="telegram", kind="telegram_id", value="5"))


@pytest.mark.parametrize(
    "message",
    [
        outbound(buttons=choices(3, length=20)),
        outbound(rows=choices(10, length=24), rows_title="x" * 20),
        outbound(
            rows=choices(8),
            buttons=(Button(title="Back", token="b1"), Button(title="Menu", token="b2")),
            rows_title="C",
        ),
        outbound("x" * 1024, buttons=choices(1)),
        outbound("x" * 4096),
    ],
)
def test_it_sends_one_message_at_each_limit(message: Outbound) -> None:
    assert len(render(message, PHONE)) == 1


def test_links_beside_buttons_are_written_under_the_words() -> None:
    link = Button(title="Open", url="https://wren.example/a")
    (request,) = render(outbound(buttons=(*choices(1), link)), PHONE)
    assert body_of(request) == "Hello there\nOpen: https://wren.example/a"
    assert len(request["interactive"]["action"]["buttons"]) == 1


def test_buttons_stand_under_the_last_paragraph_of_a_long_text() -> None:
    first, last = "A long one. " * 120, "Shall I go on?"
    text, question = render(outbound(f"{first.strip()}\n\n{last}", buttons=choices(2)), PHONE)
    assert (text["type"], body_of(text)) == ("text", first.strip())
    assert (question["type"], body_of(question)) == ("interactive", last)


def test_a_long_last_paragraph_is_cut_between_sentences() -> None:
    head, tail = render(outbound("This is one sentence. " * 100 + "The end.", buttons=choices(1)), PHONE)
    assert body_of(head).endswith("sentence.")
    assert body_of(tail).startswith("This is") and len(body_of(tail)) <= 1024


NUMBER = "\u2066000 000 0000\u2069"


@pytest.mark.parametrize(
    ("text", "whole", "buttons"),
    [
        ("y" * 200 + f" {NUMBER} " + "z" * 1018, NUMBER, 1),
        ("y" * 200 + " *call us* " + "z" * 1020, "*call us*", 1),
        ("y" * 4090 + f" {NUMBER} z", NUMBER, 0),
        ("y" * 4090 + " *call us* z", "*call us*", 0),
    ],
)
def test_a_telephone_number_and_an_emphasis_stay_whole(text: str, whole: str, buttons: int) -> None:
    """Each text is so long that the nearest space to cut at is inside them."""
    bodies = [body_of(request) for request in render(outbound(text, buttons=choices(buttons)), PHONE)]
    assert len(bodies) == 2
    assert sum(whole in body for body in bodies) == 1


def test_who_speaks_is_shown_above_the_words() -> None:
    (request,) = render(outbound("I am here.", voice="practitioner", voice_name="Fern, health visitor"), PHONE)
    assert body_of(request) == "*Fern, health visitor*\nI am here."


@settings(max_examples=150, deadline=None)
@given(
    words=st.lists(st.text("abcdefg *.\u2066\u2069?", min_size=1, max_size=400), min_size=1, max_size=40),
    seam=st.sampled_from([" ", "\n", "\n\n"]),
    buttons=st.integers(0, 3),
)
def test_every_word_is_sent_once_in_order_within_the_limits(words: list[str], seam: str, buttons: int) -> None:
    text = seam.join(words)
    if not text.strip():
        return
    pieces = render(outbound(text, buttons=choices(buttons)), PHONE)
    without_spaces = "".join(re.sub(r"\s", "", body_of(piece)) for piece in pieces)
    assert without_spaces == re.sub(r"\s", "", text)
    assert [piece["type"] for piece in pieces] == ["text"] * (len(pieces) - bool(buttons)) + ["interactive"] * bool(buttons)
    for piece in pieces:
        assert 0 < len(body_of(piece)) <= (1024 if piece["type"] == "interactive" else 4096)
