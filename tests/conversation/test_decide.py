"""`decide`: one ranked parse becomes answered, asked or refused, and the content is picked."""

from __future__ import annotations

from typing import Any

import pytest

from bot.conversation.decide import Decision, Profile, Thresholds, decide, label_of
from bot.library import Library
from bot.settings import ROOT
from bot.wiring import topic_ids

LIMITS = Thresholds(
    answer_at=0.4,
    answer_at_lead=0.2,
    lead=2.0,
    sensitive_at=0.6,
    sensitive_offer_at=0.12,
    refuse_below=0.05,
    move_on_at=0.9,
    second_at=0.2,
    choices=3,
    sensitive=frozenset({"wellbeing/abuse"}),
    not_ours=frozenset({"other/out-of-scope"}),
)


def judged(library: Library, *ranking: tuple[str, float], intent: str = "ask_topic", **profile: Any) -> Decision:
    seen, follows = profile.pop("seen", ()), profile.pop("follows", None)
    parse = {
        "intent": {"name": intent, "confidence": 0.9},
        "topic_ranking": [{"name": label_of(topic), "confidence": chance} for topic, chance in ranking],
    }
    return decide(
        parse, library=library, topics=topic_ids(), thresholds=LIMITS, profile=Profile(**profile), seen=seen, follows=follows
    )


@pytest.mark.parametrize(
    ("ranking", "outcome", "second"),
    [
        ([("baby/crying", 0.40), ("baby/sleep", 0.1)], "answered", None),
        ([("baby/crying", 0.50), ("baby/sleep", 0.2)], "answered", "baby/sleep"),
        ([("baby/crying", 0.20), ("baby/sleep", 0.1)], "answered", None),
        ([("baby/crying", 0.39), ("baby/sleep", 0.3)], "asked", None),
        ([("baby/crying", 0.19), ("baby/sleep", 0.05)], "asked", None),
        ([("baby/crying", 0.04), ("baby/sleep", 0.03)], "refused", None),
        ([], "refused", None),
    ],
)
def test_it_answers_when_sure_asks_when_torn_and_says_no_when_lost(
    library: Library, ranking: list[tuple[str, float]], outcome: str, second: str | None
) -> None:
    found = judged(library, *ranking)
    assert (found.outcome, found.second) == (outcome, second)
    assert (found.message is not None) == (outcome == "answered")
    assert found.topics == tuple(topic for topic, _ in ranking)[:3]


def test_a_sensitive_topic_needs_more_and_is_asked_below_it(library: Library) -> None:
    assert judged(library, ("wellbeing/abuse", 0.59)).outcome == "asked"
    assert judged(library, ("wellbeing/abuse", 0.60)).outcome == "answered"


def test_a_topic_that_is_not_ours_is_refused_with_its_own_words(library: Library) -> None:
    found = judged(library, ("other/out-of-scope", 0.8), ("baby/sleep", 0.3))
    assert (found.outcome, found.topic, found.second) == ("refused", "other/out-of-scope", None)
    assert found.message is not None
    assert found.message.topic == "other/out-of-scope"


def test_what_is_not_ours_is_never_offered_as_a_choice_or_as_second(library: Library) -> None:
    torn = judged(library, ("baby/sleep", 0.18), ("other/out-of-scope", 0.17), ("baby/crying", 0.16))
    assert torn.choices == ("baby/sleep", "baby/crying")
    assert judged(library, ("baby/sleep", 0.5), ("other/out-of-scope", 0.3)).second is None


def test_with_nothing_to_offer_it_says_no_rather_than_asking(library: Library) -> None:
    found = judged(library, ("other/out-of-scope", 0.15))
    assert (found.outcome, found.choices) == ("refused", ())


@pytest.mark.parametrize(("chance", "offered"), [(0.11, False), (0.12, True)])
def test_a_sensitive_topic_is_offered_as_a_choice_only_where_it_may_well_be_meant(
    library: Library, chance: float, offered: bool
) -> None:
    torn = judged(library, ("baby/crying", 0.3), ("baby/sleep", 0.25), ("wellbeing/abuse", chance), ("relax", 0.05))
    assert torn.choices == ("baby/crying", "baby/sleep", "wellbeing/abuse" if offered else "relax")


def test_it_offers_no_more_choices_than_it_may(library: Library) -> None:
    torn = judged(library, *((topic, 0.1) for topic in ("baby/sleep", "baby/crying", "baby/feeding", "baby/weaning")))
    assert len(torn.choices) == 3


def test_a_navigation_intent_has_no_topic(library: Library) -> None:
    found = judged(library, ("baby/sleep", 0.9), intent="talk_to_person")
    assert (found.intent, found.topic, found.outcome, found.message) == ("talk_to_person", None, "answered", None)


@pytest.mark.parametrize("parse", [{}, {"intent": None}, {"intent": {"name": None}}, {"intent": {}, "topic_ranking": None}])
def test_a_parse_with_nothing_in_it_is_refused(library: Library, parse: dict[str, Any]) -> None:
    found = decide(parse, library=library, topics=topic_ids(), thresholds=LIMITS, profile=Profile())
    assert (found.intent, found.outcome, found.confidence) == ("ask_topic", "refused", 0.0)


def test_labels_that_no_topic_has_are_left_out(library: Library) -> None:
    parse = {"topic_ranking": [{"name": "topic_gone", "confidence": 0.9}, {"name": label_of("baby/sleep"), "confidence": 0.5}]}
    found = decide(parse, library=library, topics=topic_ids(), thresholds=LIMITS, profile=Profile())
    assert (found.topic, found.outcome) == ("baby/sleep", "answered")


def test_the_age_and_what_was_seen_choose_among_a_topics_messages(library: Library) -> None:
    first = judged(library, ("baby/crying", 0.9), age_months=1)
    older = judged(library, ("baby/crying", 0.9), age_months=18)
    assert first.message is not None
    assert older.message is not None
    assert first.message.suits_age(1)
    assert older.message.suits_age(18)
    assert first.message.id != older.message.id
    again = judged(library, ("baby/crying", 0.9), seen=[first.message.id])
    assert again.message is not None
    assert again.message.id != first.message.id


def test_no_two_topics_share_a_label_and_none_has_a_slash() -> None:
    labels = [label_of(topic) for topic in topic_ids()]
    assert len(set(labels)) == len(labels)
    assert not any("/" in label for label in labels)


def test_the_thresholds_of_this_installation_name_topics_that_exist() -> None:
    found = Thresholds.load(ROOT)
    assert found.sensitive | found.not_ours <= set(topic_ids())
    assert found.refuse_below < found.answer_at_lead < found.answer_at <= found.sensitive_at


def test_a_short_question_carries_on_with_the_topic_just_answered(library: Library) -> None:
    first = judged(library, ("baby/sleep", 0.9))
    assert first.message is not None
    then = judged(library, ("baby/crying", 0.18), ("baby/sleep", 0.1), follows="baby/sleep", seen=[first.message.id])
    assert (then.outcome, then.topic, then.topics) == ("answered", "baby/sleep", ("baby/sleep", "baby/crying"))
    assert then.message is not None
    assert then.message.id != first.message.id
    assert judged(library, follows="baby/sleep").topic == "baby/sleep", "even where nothing was understood"


def test_a_question_that_clearly_names_another_topic_does_not_carry_on(library: Library) -> None:
    assert judged(library, ("child/potty", 0.9), follows="baby/sleep").topic == "child/potty"
    assert judged(library, ("child/potty", 0.89), follows="baby/sleep").topic == "baby/sleep", (
        "few words are soon sure of something"
    )


def test_nothing_is_said_twice_to_carry_on(library: Library) -> None:
    every = [message.id for message in library.messages.values() if message.topic == "baby/sleep"]
    assert judged(library, ("baby/crying", 0.18), ("baby/sleep", 0.1), follows="baby/sleep", seen=every).outcome == "asked"


def test_a_command_does_not_carry_on(library: Library) -> None:
    assert judged(library, ("baby/sleep", 0.1), intent="thanks", follows="baby/sleep").topic is None
