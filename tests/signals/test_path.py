"""The path of one message: its number is in every line from webhook to receipt, nothing of its writer is, and `bot doctor trace` shows it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any, Literal

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient
from typer.testing import CliRunner

from bot import cli
from bot.actions.endpoint import action_app
from bot.commands import doctor
from bot.conversation.registry import TurnRegistry
from bot.delivery.receipts import apply_receipt
from bot.delivery.sender import Sender
from bot.logs import about, configure
from bot.messages import Delivery, DeliveryReceipt
from bot.settings import Settings
from bot.signals.trace import trace
from bot.storage.tables import Outbox, now
from bot.wiring import Parts
from tests.conversation.support import Parent, understanding
from tests.delivery.test_sender import Provider
from tests.doubles.rasa_server import Answer, RasaDouble
from tests.signals.test_metrics import work_until_done

SECRETS = ("xylophone", "Marmaduke", "447700900301", "parent-in-the-log")
WORDS = "xylophone, my name is Marmaduke and my number is 447700900301"


@contextmanager
def logged(form: Literal["plain", "json"] = "json") -> Iterator[StringIO]:
    """What is logged inside, everything, as whoever runs Wren gets it; the loggers are as they were afterwards."""
    root, written = logging.getLogger(), StringIO()
    handlers, level = root.handlers[:], root.level
    configure("DEBUG", form)
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    try:
        yield written
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def lines(written: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


async def send_all(parts: Parts, provider: Provider) -> None:
    sender = Sender(parts.database, parts.keyring, {"telegram": provider}, parts.hub, lease_seconds=60, look_every=5)
    while parcels := await asyncio.to_thread(sender.claim, 20):
        await asyncio.gather(*(sender.send(parcel) for parcel in parcels))


def answer_rows(parts: Parts) -> list[Outbox]:
    with parts.database.read() as session:
        return list(session.scalars(select(Outbox).order_by(Outbox.id)))


@pytest.fixture
async def told(parts: Parts, rasa: RasaDouble) -> tuple[int, list[dict[str, Any]], Parts]:
    """A whole journey by Telegram, with Rasa failing: the message's number and every line that was logged."""
    rasa.answers(Answer(status=500))
    parent = Parent(parts, channel="telegram", value="parent-in-the-log", language="en")
    with logged() as written:
        async with understanding(parts, rasa.url):
            receipt = await asyncio.to_thread(parent.send, WORDS)
            await work_until_done(parts)
        await send_all(parts, Provider(answers=[Delivery(status="sent", provider_id="p-1")]))
        mark = (answer_rows(parts)[0].key, 0, 1)
        with parts.database.write() as session:
            apply_receipt(session, "telegram", DeliveryReceipt(provider_id="p-1", state="delivered", at=now(), mark=mark))
    assert receipt.inbox_id is not None
    return receipt.inbox_id, lines(written), parts


async def test_every_step_is_a_line_with_the_same_number(told: tuple[int, list[dict[str, Any]], Parts]) -> None:
    number, found, _ = told
    ours = [line for line in found if line.get("message") == number]
    events = [(line["logger"].removeprefix("bot."), line["event"].split(" with ")[0].split(" (")[0]) for line in ours]
    assert events == [
        ("conversation.intake", "received"),
        ("conversation.journey", "answered without understanding"),
        ("conversation.worker", "answered"),
        ("delivery.sender", "handed over: sent"),
        ("delivery.receipts", "the provider says: delivered"),
    ]
    assert all({"timestamp", "level", "logger"} <= set(line) for line in ours)
    assert {line["channel"] for line in ours if "channel" in line} == {"telegram"}
    assert [line for line in found if line["logger"].startswith("bot.") and "message" not in line] == []


async def test_no_line_holds_words_a_name_a_number_or_an_address(told: tuple[int, list[dict[str, Any]], Parts]) -> None:
    _, found, parts = told
    assert len(found) >= 5
    everything = json.dumps(found, ensure_ascii=False)
    assert [secret for secret in SECRETS if secret in everything] == []
    said = parts.keyring.open_json(answer_rows(parts)[0].sealed)["text"]
    assert said[:20] not in everything


async def test_the_trace_shows_states_and_times_without_words(told: tuple[int, list[dict[str, Any]], Parts]) -> None:
    number, _, parts = told
    with parts.database.read() as session:
        path = trace(session, number)
        assert trace(session, number + 1_000) is None
    assert path is not None
    text = "\n".join(path)
    for step in (f"message {number} received by telegram (text)", "done, taken up once", "written (reply, en)", "delivered"):
        assert step in text
    assert [secret for secret in SECRETS if secret in text] == []


def test_the_trace_of_a_message_that_waits_and_of_a_case(parts_on_both: Parts) -> None:
    parent = Parent(parts_on_both)
    waiting, serious = parent.send("hello").inbox_id, parent.send("my baby is not breathing").inbox_id
    with parts_on_both.database.read() as session:
        assert "waits for a worker; taken up 0 times" in "\n".join(trace(session, waiting or 0) or ())
        assert "no answer was written" in "\n".join(trace(session, waiting or 0) or ())
        assert "case 1: opened" in "\n".join(trace(session, serious or 0) or ())
        assert "(safety, en)" in "\n".join(trace(session, serious or 0) or ())


def test_the_command_says_the_path_or_that_there_is_none(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    number = Parent(parts).send("hello").inbox_id
    monkeypatch.setattr(doctor, "started", lambda: Settings.model_validate({"database_url": parts.settings.database_url}))
    found = CliRunner().invoke(cli.app, ["doctor", "trace", str(number)])
    assert found.exit_code == 0 and f"message {number} received by terminal" in found.output
    assert CliRunner().invoke(cli.app, ["doctor", "trace", "999999"]).exit_code == 1


def test_an_event_that_waited_in_a_file_is_found_again_by_the_file_s_name(parts: Parts) -> None:
    def rename(old: str, new: str) -> None:
        with parts.database.engine.connect() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")
            connection.commit()

    with logged() as written:
        rename("raw_event", "raw_event_gone")
        Parent(parts).send("hello")
        rename("raw_event_gone", "raw_event")
        assert parts.intake.import_spooled() == 1
    found = lines(written)
    (kept,) = [line["event"] for line in found if "kept in a file" in line["event"]]
    (received,) = [line for line in found if line["event"] == "received"]
    assert f"({received['spooled']})" in kept and received["message"] > 0


def test_an_action_s_lines_carry_the_number_of_its_turn(parts: Parts) -> None:
    number = Parent(parts).send("hello").inbox_id
    (work,) = parts.journey.claim(1)
    registry = TurnRegistry()
    client = TestClient(action_app(parts.actions, registry, "t"))
    body = {"next_action": parts.actions.names()[0], "sender_id": work.turn.turn_id, "tracker": {}}
    with registry.during(work.turn), logged() as written:
        client.post("/webhook", json=body, headers={"Authorization": "Bearer t"})
    assert [line["message"] for line in lines(written) if line["logger"] == "bot.actions.endpoint"] == [number]


def test_plain_lines_carry_it_too_and_a_block_s_values_end_with_it() -> None:
    with logged("plain") as written:
        with about(message=7, outgoing=None):
            logging.getLogger("bot.test").info("inside")
        logging.getLogger("bot.test").info("outside")
    inside, outside = written.getvalue().splitlines()
    assert "message=7" in inside and "outgoing" not in inside and "message=" not in outside
