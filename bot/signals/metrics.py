"""Counting what happens, for Prometheus. A count is an addition in memory; docs/metrics.md says what each means.

Each process counts for itself, from 0 at its start. Labels are our own codes: nothing of a person, no area, nothing that grows without end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
CONTENT_TYPE = CONTENT_TYPE_LATEST

RECEIVED = Counter("wren_messages_received", "Messages that came in.", ("channel", "outcome"), registry=REGISTRY)
TRIAGED = Counter(
    "wren_messages_triaged", "New messages by the level that triage gave.", ("level", "language"), registry=REGISTRY
)
TURNS = Counter("wren_turns", "Turns that a worker ended.", ("result",), registry=REGISTRY)
SENDS = Counter("wren_sends", "Tries to send a message.", ("channel", "result", "reason"), registry=REGISTRY)
RASA_FAILURES = Counter("wren_rasa_failures", "Messages answered without Rasa.", ("reason",), registry=REGISTRY)
RASA_SECONDS = Histogram(
    "wren_rasa_seconds",
    "Seconds that Rasa took for a message.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4),
    registry=REGISTRY,
)
ANSWER_SECONDS = Histogram(
    "wren_answer_seconds",
    "Seconds from receiving a message until a reply to it was accepted.",
    ("channel",),
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600),
    registry=REGISTRY,
)
COUNTED = (RECEIVED, TRIAGED, TURNS, SENDS, RASA_FAILURES, RASA_SECONDS, ANSWER_SECONDS)

ProcessCollector(registry=REGISTRY)


Values = dict[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class Gauge:
    """Something as it is now. `values` by the values of `labels`, in their order; () where there are no labels."""

    name: str
    help: str
    labels: tuple[str, ...]
    values: Values


class _Now(Collector):
    """Gauges that were read a moment ago."""

    def __init__(self, gauges: Iterable[Gauge]) -> None:
        self._gauges = tuple(gauges)

    def collect(self) -> Iterable[Metric]:
        for gauge in self._gauges:
            family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
            for labels, value in gauge.values.items():
                family.add_metric(labels, value)
            yield family


def text(gauges: Iterable[Gauge]) -> bytes:
    """Everything that was counted, then `gauges`, in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_Now(gauges))
    return generate_latest(REGISTRY) + generate_latest(registry)
