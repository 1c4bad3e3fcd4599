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

from bot.channels.whatsapp import numbered_tokens, render
from bot.messages import Address, Button, Outbound
from tests.doubles.graph_limits import GraphLimits

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
        outbound(buttons=(Button(title="", token="t"),)),
        outbound(buttons=(Button(title="Go"),)),
        outbound(buttons=(Button(title="Go", token="x" * 257),)),
        outbound(buttons=(Button(title="Go", token="a"), Button(title="Stay", token="a"))),
        outbound(buttons=(Button(title="Open", url="http://wren.example"),)),
        outbound(buttons=(Button(title="Open", url="javascript:alert(1)"),)),
        outbound(buttons=(Button(title="Open", url="https://wren.example", token="t"),)),
        outbound(rows=(Button(title="Row", token="x" * 201),), rows_title="Choose"),
        outbound(buttons=(Button(title="Go", token="a"),), rows=(Button(title="Stay", token="a"),), rows_title="Choose"),
        outbound(template="one", template_values=("x",)),
        outbound(template="one", template_language="pl", template_values=(" ",)),
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
    (request,) = render(message, PHONE)
    assert GraphLimits.mistakes(request) == []


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


# What fits no button and no list


SAME = (Button(title="Go", token="a"), Button(title="Go", token="b"))


@pytest.mark.parametrize(
    "message",
    [
        outbound(buttons=choices(4)),
        outbound(buttons=choices(2, length=21)),
        outbound(buttons=SAME),
        outbound(rows=choices(11), rows_title="Choose"),
        outbound(rows=choices(10), buttons=(Button(title="Menu", token="m"),), rows_title="Choose"),
        outbound(rows=choices(2, length=25), rows_title="Choose"),
        outbound(rows=choices(3), rows_title=""),
        outbound(rows=choices(3), rows_title="x" * 21),
        outbound(rows=choices(2), rows_title="Choose", ask_location=True),
    ],
)
def test_choices_that_whatsapp_would_refuse_become_numbered_lines_in_their_order(message: Outbound) -> None:
    bodies = [body_of(request) for request in render(message, PHONE)]
    shown = [*message.rows, *message.buttons]
    assert numbered_tokens(message) == tuple(choice.token for choice in shown)
    for number, choice in enumerate(shown, start=1):
        assert f"\u2068{number}.\u2069 {choice.title}" in bodies[-1]


def test_four_to_ten_choices_become_a_list_and_an_eleventh_makes_numbers() -> None:
    kinds = []
    for count in (3, 4, 10, 11):
        (request,) = render(outbound(buttons=choices(count), rows_title="Choose", number_hint="Say the number"), PHONE)
        kinds.append(request["interactive"]["type"] if request["type"] == "interactive" else request["type"])
    assert kinds == ["button", "list", "list", "text"]
    assert body_of(request).endswith("Say the number")


def test_what_is_shown_as_buttons_or_a_list_is_not_answered_by_number() -> None:
    assert numbered_tokens(outbound(buttons=choices(3))) == ()
    assert numbered_tokens(outbound(rows=choices(10), rows_title="Choose")) == ()
    assert numbered_tokens(outbound()) == ()


def test_a_place_is_asked_for_with_whatsapps_own_button() -> None:
    (request,) = render(outbound("Where are you?", ask_location=True), PHONE)
    assert request["interactive"] == {
        "type": "location_request_message",
        "action": {"name": "send_location"},
        "body": {"text": "Where are you?"},
    }


def test_a_template_is_its_name_its_language_its_values_and_our_token_for_its_button() -> None:
    message = outbound(
        "Hello from Sunny Lane.",
        buttons=(Button(title="Read it", token="t1"),),
        template="reply_waiting_00",
        template_language="pl",
        template_values=("Sunny\n Lane",),
    )
    (request,) = render(message, BSUID)
    assert request["type"] == "template"
    assert request["template"] == {
        "name": "reply_waiting_00",
        "language": {"code": "pl"},
        "components": [
            {"type": "body", "parameters": [{"type": "text", "text": "Sunny Lane"}]},
            {"type": "button", "sub_type": "quick_reply", "index": "0", "parameters": [{"type": "payload", "payload": "t1"}]},
        ],
    }


TITLES = st.text("abcde ঢ়م", min_size=1, max_size=30).filter(str.strip)


@settings(max_examples=150, deadline=None)
@given(
    text=st.text("abc *.\n؟", max_size=5000).filter(str.strip),
    titles=st.lists(TITLES, max_size=14),
    as_rows=st.booleans(),
    opener=st.sampled_from(["", "Choose", "x" * 21]),
    link=st.booleans(),
    ask=st.booleans(),
)
def test_whatever_the_choices_every_request_is_within_metas_limits_and_no_choice_is_lost(
    text: str, titles: list[str], as_rows: bool, opener: str, link: bool, ask: bool
) -> None:
    made = tuple(Button(title=title, token=f"t{place}") for place, title in enumerate(titles))
    links = (Button(title="Open", url="https://wren.example/a"),) if link else ()
    message = outbound(
        text, rows=made if as_rows else (), buttons=(*(() if as_rows else made), *links), rows_title=opener, ask_location=ask
    )
    requests = render(message, PHONE)
    for request in requests:
        assert GraphLimits.mistakes(request) == []
    offered = [token for request in requests for token in GraphLimits.tokens(request)]
    assert offered == [choice.token for choice in made] or list(numbered_tokens(message)) == [choice.token for choice in made]
