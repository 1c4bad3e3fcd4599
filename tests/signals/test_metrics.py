"""What an installation tells Prometheus: who may read it, that it counts what happens, and that docs/metrics.md says what there is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML
from starlette.testclient import TestClient

from bot.app import web_app
from bot.conversation.worker import Workers
from bot.messages import Delivery, MessageClass
from bot.settings import ROOT
from bot.signals import metrics
from bot.signals.gauges import read_gauges
from bot.storage.engine import Database
from bot.storage.incidents import note_incident
from bot.storage.tables import Case, Inbox, now
from bot.wiring import Parts
from tests.conversation.support import Parent, understanding
from tests.delivery.test_sender import SENT, Post, Provider
from tests.doubles.rasa_server import Answer, RasaDouble

PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
TOKEN = "a-token-for-prometheus"


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by its name and labels, read by the library's own parser."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(text: str, name: str, **labels: str) -> float:
    return samples(text).get((name, frozenset(labels.items())), 0.0)


def told(database: Database) -> str:
    return metrics.text(read_gauges(database)).decode()


async def work_until_done(parts: Parts) -> None:
    """Let the real workers answer whatever waits."""
    workers = Workers(parts.journey, parts.hub, at_once=4, look_every=0.05)
    running = asyncio.create_task(workers.run())
    async with asyncio.timeout(60):
        while value(await asyncio.to_thread(told, parts.database), "wren_inbox_waiting") or workers._busy:
            await asyncio.sleep(0.02)
        workers.stop()
        await running


# Who may read it


def client(parts: Parts, host: str = "127.0.0.1") -> TestClient:
    return TestClient(web_app(parts), base_url="http://127.0.0.1:8080", client=(host, 50_000))


def test_without_a_token_this_machine_alone_may_read_it(parts: Parts) -> None:
    answer = client(parts).get("/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain")
    assert "wren_store_up 1.0" in answer.text
    assert client(parts, "192.0.2.7").get("/metrics").status_code == 404
    assert client(parts).get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 404


def test_with_a_public_address_this_machine_needs_the_token_too(build_parts: Callable[..., Parts], sqlite_address: str) -> None:
    parts = build_parts(sqlite_address, public_url="https://wren.example")
    assert client(parts).get("/metrics").status_code == 404


def test_with_a_token_whoever_names_it_may_read_it_and_nobody_else(
    build_parts: Callable[..., Parts], sqlite_address: str
) -> None:
    parts = build_parts(sqlite_address, metrics_token=TOKEN, public_url="https://wren.example")
    far = client(parts, "192.0.2.7")
    assert far.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    for wrong in (None, "", "Bearer", f"Bearer {TOKEN}x", TOKEN, f"Basic {TOKEN}"):
        headers = {"Authorization": wrong} if wrong is not None else {}
        assert far.get("/metrics", headers=headers).status_code == 404
        assert client(parts).get("/metrics", headers=headers).status_code == 404


# What is counted


def test_a_message_is_counted_with_its_outcome_and_its_level(parts_on_both: Parts) -> None:
    parent = Parent(parts_on_both)
    before = told(parts_on_both.database)
    first = parent.inbound("how long should a nap be")
    for _ in range(2):
        parts_on_both.intake.receive(first, {})
    parent.send("my baby is not breathing")
    after = told(parts_on_both.database)

    def more(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    assert more("wren_messages_received_total", channel="terminal", outcome="stored") == 2
    assert more("wren_messages_received_total", channel="terminal", outcome="duplicate") == 1
    assert more("wren_messages_triaged_total", level="none", language="en") == 1
    assert more("wren_messages_triaged_total", level="emergency", language="en") == 1
    assert value(after, "wren_inbox_waiting") == 2


def test_what_the_store_did_not_take_is_counted_as_spooled(parts: Parts) -> None:
    before = told(parts.database)
    with parts.database.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE raw_event RENAME TO raw_event_gone")
        connection.commit()
    assert not Parent(parts).send("hello").stored
    name, labels = "wren_messages_received_total", {"channel": "terminal", "outcome": "spooled"}
    assert value(told(parts.database), name, **labels) - value(before, name, **labels) == 1


async def test_a_turn_the_time_of_its_answer_and_rasa_s_failure_are_counted(parts: Parts, rasa: RasaDouble) -> None:
    rasa.answers(Answer(status=500))
    before = told(parts.database)
    async with understanding(parts, rasa.url):
        await asyncio.to_thread(Parent(parts, language="en").send, "tell me of the wren on the hill")
        await work_until_done(parts)
    after = told(parts.database)
    for name, labels in (
        ("wren_rasa_failures_total", {"reason": "status"}),
        ("wren_rasa_seconds_count", {}),
        ("wren_turns_total", {"result": "done"}),
        ("wren_answer_seconds_count", {"channel": "terminal"}),
    ):
        assert value(after, name, **labels) - value(before, name, **labels) == 1, name


@pytest.mark.parametrize(
    ("delivery", "message_class", "result", "reason"),
    [
        (SENT, "reply", "sent", "none"),
        (Delivery(status="retry", reason="x", fault="down"), "reply", "retry", "down"),
        (Delivery(status="wait", reason="x", retry_after=5, pause=5, fault="rate"), "reply", "wait", "rate"),
        (Delivery(status="failed", reason="x"), "reply", "failed", "message"),
        (SENT, "series", "refuse", "rules"),
    ],
)
async def test_a_try_to_send_is_counted_with_a_class_of_reasons(
    database: Database, keyring: Any, library: Any, delivery: Delivery, message_class: str, result: str, reason: str
) -> None:
    post = Post(database, keyring, library, Provider(answers=[delivery]))
    labels = {"channel": "telegram", "result": result, "reason": reason}
    before = value(told(database), "wren_sends_total", **labels)
    post.put("hello", message_class=message_class)
    await post.run_once()
    assert value(told(database), "wren_sends_total", **labels) - before == 1


# How things stand


def test_states_are_those_of_the_store(parts_on_both: Parts) -> None:
    database, parent = parts_on_both.database, Parent(parts_on_both)
    parent.send("my baby is not breathing")
    with database.write() as session:
        session.query(Inbox).update({"received_at": now() - timedelta(seconds=90)})
        session.query(Case).update({"reply_due_at": now() - timedelta(seconds=1)})
        note_incident(session, "message-failed")
        note_incident(session, "message-failed")
    text = told(database)
    assert value(text, "wren_inbox_waiting") == 1 and 90 <= value(text, "wren_inbox_oldest_seconds") < 180
    assert value(text, "wren_cases", level="emergency", state="open") == 1
    assert value(text, "wren_cases_overdue", level="emergency") == 1
    assert value(text, "wren_incidents", kind="message-failed") == 2
    for message_class in MessageClass:
        assert value(text, "wren_outbox_waiting", message_class=message_class) == 0  # the terminal fetches its own
        assert ("wren_outbox_waiting", frozenset({("message_class", message_class.value)})) in samples(text)


async def test_what_waits_to_be_sent_is_told_by_class(database: Database, keyring: Any, library: Any) -> None:
    post = Post(database, keyring, library, Provider())
    post.put("a reply")
    post.put("call 999", message_class="safety")
    text = told(database)
    assert value(text, "wren_outbox_waiting", message_class="reply") == 1
    assert value(text, "wren_outbox_waiting", message_class="safety") == 1
    await asyncio.to_thread(post.sender().claim, 5)  # in a sender's hands it waits no longer
    assert value(told(database), "wren_outbox_waiting", message_class="safety") == 0


def test_a_store_that_is_away_is_told_and_the_counts_stay_readable(parts: Parts) -> None:
    with parts.database.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE inbox RENAME TO inbox_gone")
        connection.commit()
    text = client(parts).get("/metrics").text
    assert value(text, "wren_store_up") == 0.0 and "wren_messages_received_total" in text


# What the documents say


def said() -> dict[str, set[str]]:
    """The labels of each metric by the tables of docs/metrics.md."""
    rows = re.findall(r"^\| `(wren_\w+)` \|([^|]*)\|", PAGE, re.M)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def test_the_page_has_every_metric_with_its_labels_and_no_other(database: Database) -> None:
    there = {
        f"{one._name}_total" if isinstance(one, metrics.Counter) else one._name: set(one._labelnames) for one in metrics.COUNTED
    }
    there |= {gauge.name: set(gauge.labels) for gauge in read_gauges(database)}
    assert said() == there


def test_the_example_alerts_name_only_metrics_that_there_are(database: Database) -> None:
    rules = YAML(typ="safe").load((ROOT / "docs" / "metrics-alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    assert len(rules) >= 8
    for rule in rules:
        named = {re.sub(r"_(bucket|count|sum)$", "", name) for name in re.findall(r"wren_\w+", rule["expr"])}
        assert named and named <= set(said()), rule["alert"]
        assert rule["annotations"]["summary"].endswith(".")


def test_no_label_can_hold_a_person_or_an_area(parts: Parts) -> None:
    Parent(parts, value="parent-of-secrets").send("xylophone")
    text = told(parts.database)
    assert "xylophone" not in text and "parent-of-secrets" not in text and parts.settings.area not in text
