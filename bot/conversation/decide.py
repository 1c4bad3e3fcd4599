"""The one place that turns a ranked parse into answered, asked or refused, and picks the content.

Pure: the answer action and `bot understand` both call `decide`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.library import Library, Message
from bot.library.yamlfile import DataError, Problem, read_yaml

ASK_TOPIC = "ask_topic"
LABEL_PREFIX = "topic_"
PROBABILITIES = ("answer_at", "answer_at_lead", "sensitive_at", "sensitive_offer_at", "refuse_below", "move_on_at", "second_at")
"""The numbers of `content/understanding.yml` that run from 0 to 1."""


def label_of(topic: str) -> str:
    """The NLU label of a topic id: `baby/safe-sleep` → `topic_baby_safe_sleep`."""
    return LABEL_PREFIX + topic.replace("/", "_").replace("-", "_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When to answer, ask or refuse; from `content/understanding.yml`."""

    answer_at: float
    answer_at_lead: float
    lead: float
    sensitive_at: float
    sensitive_offer_at: float
    refuse_below: float
    move_on_at: float
    second_at: float
    choices: int
    sensitive: frozenset[str]
    not_ours: frozenset[str]

    @classmethod
    def load(cls, root: Path) -> Thresholds:
        """Read the file. Raises `DataError` for a missing name or a value that is no number."""
        name = "content/understanding.yml"
        data = read_yaml(root / "content" / "understanding.yml", root)
        numbers = (*PROBABILITIES, "lead", "choices")
        problems = [
            Problem(name, None, key, "this must be a number.") for key in numbers if not isinstance(data.get(key), int | float)
        ] + [
            Problem(name, None, key, "this must be a list of topics.")
            for key in ("sensitive", "not_ours")
            if not isinstance(data.get(key), list)
        ]
        if problems:
            raise DataError(problems)
        return cls(
            **{key: data[key] for key in numbers}, sensitive=frozenset(data["sensitive"]), not_ours=frozenset(data["not_ours"])
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What the choice of content may depend on."""

    age_months: int | None = None
    nation: str | None = None
    audience: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`outcome` is answered, asked or refused. `topics` are ids, best first. `choices` are offered when Wren asks, and
    `second` is a close runner-up to offer after the answer."""

    intent: str
    outcome: str
    topic: str | None
    topics: tuple[str, ...]
    confidence: float
    message: Message | None = None
    choices: tuple[str, ...] = ()
    second: str | None = None


def decide(
    parse: Mapping[str, Any],
    *,
    library: Library,
    topics: Sequence[str],
    thresholds: Thresholds,
    profile: Profile,
    seen: Collection[str] = (),
    follows: str | None = None,
) -> Decision:
    """What to do about one parse of Rasa's (`intent`, `topic_ranking`). `topics` are all known topic ids.

    `follows` is the topic that a short message such as "what about at night?" carries on, unless it clearly names another.
    """
    intent = (parse.get("intent") or {}).get("name") or ASK_TOPIC
    confidence = float((parse.get("intent") or {}).get("confidence") or 0.0)
    by_label = {label_of(topic): topic for topic in topics}
    ranked = [
        (by_label[entry["name"]], float(entry["confidence"]))
        for entry in parse.get("topic_ranking") or ()
        if entry.get("name") in by_label
    ]
    ids = tuple(topic for topic, _ in ranked)
    if intent != ASK_TOPIC:
        return Decision(intent=intent, outcome="answered", topic=None, topics=ids[:3], confidence=confidence)
    further = _further(follows, ranked, library=library, thresholds=thresholds, profile=profile, seen=seen)
    if further is not None:
        topics_named = (further.topic, *(id_ for id_ in ids if id_ != further.topic))[:3]
        return Decision(
            intent=intent, outcome="answered", topic=further.topic, topics=topics_named, confidence=confidence, message=further
        )
    if not ranked or ranked[0][1] < thresholds.refuse_below:
        return Decision(
            intent=intent, outcome="refused", topic=ids[0] if ids else None, topics=ids[:3], confidence=_first(ranked)
        )
    topic, best = ranked[0]
    runner_up = ranked[1][1] if len(ranked) > 1 else 0.0
    message = library.choose(topic, age_months=profile.age_months, nation=profile.nation, audience=profile.audience, seen=seen)
    sure = _is_sure(ranked, thresholds)
    if topic in thresholds.not_ours and sure:
        return Decision(intent=intent, outcome="refused", topic=topic, topics=ids[:3], confidence=best, message=message)
    if not sure or message is None:
        choices = tuple(
            id_
            for id_, chance in ranked
            if id_ not in thresholds.not_ours
            # A choice that nobody meant costs little, but not this one: "Baby loss" under a question about crying.
            and (id_ not in thresholds.sensitive or chance >= thresholds.sensitive_offer_at)
            and library.choose(id_, nation=profile.nation)
        )
        return Decision(
            intent=intent,
            outcome="asked" if choices else "refused",
            topic=topic,
            topics=ids[:3],
            confidence=best,
            choices=choices[: thresholds.choices],
        )
    second = ids[1] if len(ids) > 1 and runner_up >= thresholds.second_at and ids[1] not in thresholds.not_ours else None
    return Decision(
        intent=intent, outcome="answered", topic=topic, topics=ids[:3], confidence=best, message=message, second=second
    )


def _is_sure(ranked: Sequence[tuple[str, float]], thresholds: Thresholds) -> bool:
    """Whether the first of the ranked topics is meant."""
    topic, best = ranked[0]
    if topic in thresholds.sensitive:
        return best >= thresholds.sensitive_at
    runner_up = ranked[1][1] if len(ranked) > 1 else 0.0
    return best >= thresholds.answer_at or (best >= thresholds.answer_at_lead and best >= thresholds.lead * runner_up)


def _further(
    follows: str | None,
    ranked: Sequence[tuple[str, float]],
    *,
    library: Library,
    thresholds: Thresholds,
    profile: Profile,
    seen: Collection[str],
) -> Message | None:
    """Another message of the topic that is carried on; None where the message means another topic, or all has been said."""
    # Few words and "night" or "he" among them are enough to be sure of some topic: to leave this one takes more.
    if follows is None or (ranked and ranked[0][1] >= thresholds.move_on_at and ranked[0][0] != follows):
        return None
    message = library.choose(follows, age_months=profile.age_months, nation=profile.nation, audience=profile.audience, seen=seen)
    return message if message is not None and message.id not in seen else None


def _first(ranked: Sequence[tuple[str, float]]) -> float:
    return ranked[0][1] if ranked else 0.0
