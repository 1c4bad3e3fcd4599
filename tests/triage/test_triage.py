"""What level messages get."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.triage import Level, Triage
from bot.triage.check import entries_of, never_miss_files
from bot.triage.levels import KINDS

ROOT = Path(__file__).resolve().parents[2]
NEVER_MISS = [(path.stem, level, text) for path in never_miss_files(ROOT) for _, level, text in entries_of(path)]
ANY_TEXT = st.text(st.characters(), max_size=400)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=ANY_TEXT, lang=st.sampled_from([None, "en", "cy", "ur", "xx", ""]))
def test_any_text_gets_an_assessment(triage: Triage, text: str, lang: str | None) -> None:
    assessment = triage.assess(text, lang)
    assert assessment.level in Level
    assert all(reason.level is not Level.NONE for reason in assessment.reasons)
    assert (assessment.level is Level.NONE) == (not assessment.reasons)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t ",
        "\x00\x07\x1b[31m",
        "\ud800\udfff",
        "‮" * 50,
        "👶🏽" * 500,
        "a" * 100_000,
        "not " * 25_000,
        "؟" * 30_000,
        "1 2 " * 20_000,
    ],
    ids=[
        "empty",
        "blank",
        "control",
        "broken halves",
        "direction marks",
        "emoji",
        "one long word",
        "one word",
        "signs",
        "numbers",
    ],
)
def test_strange_and_long_texts_are_judged_in_seconds(triage: Triage, text: str) -> None:
    begun = time.perf_counter()
    assert triage.assess(text).level in Level
    assert time.perf_counter() - begun < 10


def test_a_danger_at_the_end_of_a_very_long_message_is_found(triage: Triage) -> None:
    assert triage.assess("we went to the park and had lunch. " * 2500 + "my baby is not breathing").level is Level.EMERGENCY


def test_an_ordinary_message_takes_milliseconds(triage: Triage) -> None:
    texts = ["how many naps does a six month old need, mine has three", "what time is the group on thursday please"] * 40
    for text in texts[:6]:
        triage.assess(text)
    begun = time.process_time()
    for text in texts:
        triage.assess(text)
    assert (time.process_time() - begun) / len(texts) < 0.015


@pytest.mark.parametrize(("lang", "level", "text"), NEVER_MISS)
def test_nothing_on_a_never_miss_list_is_missed(triage: Triage, lang: str, level: Level, text: str) -> None:
    assert triage.assess(text, lang).level.at_least(level)


def test_there_is_a_never_miss_list_in_english() -> None:
    assert sum(lang == "en" for lang, _, _ in NEVER_MISS) >= 100


@pytest.mark.parametrize("text", [text for lang, level, text in NEVER_MISS if lang == "en" and level is Level.EMERGENCY])
def test_the_rules_alone_catch_the_plainest_emergencies(rules_only: Triage, text: str) -> None:
    assert rules_only.assess(text).level is Level.EMERGENCY


@pytest.mark.parametrize(
    ("shouted", "quiet"),
    [
        ("HES NOT BREATHING!!!", "he's not breathing"),
        ("shes nt breathing shes not breathingg", "she is not breathing"),
        ("i want 2 dieee i want to die", "I want to die"),
        ("im gonna kms tonite", "I am going to kill myself tonight"),
        ("the wean swallied a battery", "the baby swallowed a battery"),
    ],
)
def test_text_speak_capitals_and_dialect_read_the_same(rules_only: Triage, shouted: str, quiet: str) -> None:
    assert rules_only.assess(shouted).level is rules_only.assess(quiet).level
    assert rules_only.assess(quiet).level.at_least(Level.URGENT)


@pytest.mark.parametrize(
    ("text", "at_most"),
    [
        # Denied
        ("I would never hurt my baby, what a question", Level.CONCERN),
        ("not suicidal or anything, just worn out and low", Level.CONCERN),
        ("he has never hit me", Level.CONCERN),
        ("she isn't floppy or anything, just a snotty nose. any tips?", Level.CONCERN),
        # Figures of speech
        ("I could murder a cup of tea", Level.NONE),
        ("my back is killing me after carrying the car seat", Level.NONE),
        ("bedtime will be the death of me lol", Level.NONE),
        ("he's a little devil today, drew all over the fridge", Level.NONE),
        ("drowning in washing here haha", Level.NONE),
        ("I'd kill for a lie in", Level.NONE),
        # Long over
        ("he had a seizure when he was one, he is 8 now and never had another", Level.NONE),
        ("my great aunt drowned in 1931, do you do swimming groups", Level.NONE),
        # Asked to learn
        ("what is postnatal psychosis? it is for my college essay", Level.NONE),
        ("I'm a student midwife, where can I read about coercive control", Level.NONE),
        ("where is a first aid course near me", Level.NONE),
        # Films and books
        ("that film where the mum dies, is it all right for a four year old", Level.NONE),
        ("EastEnders last night when he hit her with the bottle!", Level.NONE),
    ],
)
def test_denials_idioms_the_past_and_learning_lower_the_rules_in_english(rules_only: Triage, text: str, at_most: Level) -> None:
    assert rules_only.assess(text, "en").level.rank <= at_most.rank


@pytest.mark.parametrize(
    "text",
    [
        "i'm not coping and i want to die",
        "don't know what to do, he is strangling me",
        "i used to feel suicidal and it's come back again tonight",
        "i'm a midwife and my husband hits me",
        "watched a film to take my mind off it but i still want to kill myself",
    ],
)
def test_what_lowers_does_not_hide_a_present_danger(triage: Triage, text: str) -> None:
    assert triage.assess(text, "en").level.at_least(Level.URGENT)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("I've taken an overdose of tablets", "suicide"),
        ("he has a knife and is kicking the door in", "abuse"),
        ("my baby is not breathing", "medical"),
        ("I am hearing voices telling me things", "psychosis"),
        ("I am 12 and my mum drinks and I'm scared", "writer-child"),
        ("I've been cutting myself again", "self-harm"),
        ("I shook the baby", "harm-to-child"),
        ("I think someone has been touching my daughter", "child-at-risk"),
    ],
)
def test_the_deciding_reason_says_what_sort_of_danger(rules_only: Triage, text: str, kind: str) -> None:
    assessment = rules_only.assess(text, "en")
    assert kind in KINDS
    assert kind in {reason.kind for reason in assessment.reasons if reason.level is assessment.level}


def test_reasons_name_the_rule_and_quote_the_writer(rules_only: Triage) -> None:
    (reason, *_) = rules_only.assess("please help, Baby is NOT breathing", "en").reasons
    assert (reason.by, reason.words) == ("rule:not-breathing", "NOT breathing")


def test_the_model_names_itself_and_the_words_that_told_it(triage: Triage) -> None:
    text = "since the birth everything is grey and i just sit and cry, no idea who i am"
    (reason,) = [reason for reason in triage.assess(text, "en").reasons if reason.by == "model:en"]
    assert reason.words
    assert set(reason.words.lower().split()) <= set(text.replace(",", "").split())


def test_without_a_model_only_rules_speak(rules_only: Triage) -> None:
    assert rules_only.model is None
    assert all(reason.by.startswith("rule:") for reason in rules_only.assess("I want to die and I can't stop crying").reasons)


def test_broken_up_messages_are_read_together(triage: Triage) -> None:
    assert triage.assess_recent(["i cant", "do this", "anymore"], "en").level.at_least(Level.URGENT)
    assert triage.assess("do this", "en").level is Level.NONE


@pytest.mark.parametrize("words", ["i cant", "no more", "him again", "not now"])
def test_in_a_word_or_two_the_model_alone_sees_no_more_than_a_concern(triage: Triage, words: str) -> None:
    assert triage.assess(words, "en").level in (Level.NONE, Level.CONCERN)


def test_a_short_cry_for_help_is_still_known_by_its_rule(triage: Triage) -> None:
    assert triage.assess("baby choking", "en").level is Level.EMERGENCY


INNOCENT = [
    ("pl", "mój brat jako gówniarz wypił perfumy mamy, legenda rodzinna"),
    ("pl", "moj tata topil sie w wisle jak mial 8 lat, dzis uczy wnuki plywac"),
    ("cy", "dwy flynadd nôl gafodd o feningitis, mae'n rhedag rasys rwan"),
    ("en", "which carbon monoxide alarm is decent, boilers ancient"),
]
"""Ordinary messages, taught as such, in which a rule finds the words of a danger."""


def undoubting(triage: Triage) -> Triage:
    return Triage(triage.books, triage.detector, triage.model, replace(triage.thresholds, doubt={}))


def doubting(triage: Triage) -> Triage:
    """As a team might set it whose own marks allow it."""
    return Triage(triage.books, triage.detector, triage.model, replace(triage.thresholds, doubt={"medical": 0.02, "abuse": 0.02}))


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("en", "im in an abusive relationship and dont know what to do"),
        ("en", "my 2 month old has had a fever since this morning"),
        ("en", "my toddler hit his head and was knocked out"),
        ("ur", "mere baby ko fits aa rahe hain kya karun"),
        ("ur", "30 week hun aur baby kick nahi kar raha"),
    ],
)
def test_a_danger_said_plainly_is_never_doubted_at_the_shipped_number(triage: Triage, lang: str, text: str) -> None:
    assert triage.assess(text, lang).level.at_least(Level.URGENT)


@pytest.mark.parametrize(("lang", "text"), INNOCENT)
def test_where_the_model_is_all_but_sure_of_an_innocent_message_a_rule_raises_it_to_concern_only(
    triage: Triage, rules_only: Triage, lang: str, text: str
) -> None:
    assert rules_only.assess(text, lang).level.at_least(Level.URGENT)
    assert undoubting(triage).assess(text, lang).level.at_least(Level.URGENT)
    assert doubting(triage).assess(text, lang).level is Level.CONCERN


@pytest.mark.parametrize(("lang", "text"), INNOCENT)
def test_what_is_doubted_alone_is_doubted_when_it_is_read_with_earlier_messages(triage: Triage, lang: str, text: str) -> None:
    earlier = ["hello", "ok"]
    assert undoubting(triage).assess_recent([*earlier, text], lang).level.at_least(Level.URGENT)
    assert not doubting(triage).assess_recent([*earlier, text], lang).level.at_least(Level.URGENT)


def test_a_rule_of_a_kind_that_may_not_be_doubted_stands_whatever_the_model_says(triage: Triage) -> None:
    unheard = Triage(triage.books, triage.detector, _Sure(), replace(triage.thresholds, doubt=triage.thresholds.doubt))  # type: ignore[arg-type]
    assert unheard.assess("we were at the park all day and i want to kill myself", "en").level.at_least(Level.URGENT)
    assert unheard.assess("we were at the park and my baby is not breathing at all", "en").level is Level.CONCERN
    assert unheard.assess("baby not breathing", "en").level is Level.EMERGENCY, "too few words to doubt"


class _Sure:
    """A model that finds every message innocent."""

    def chances(self, samples: object, lang: str) -> dict[Level, float]:
        return dict.fromkeys((Level.CONCERN, Level.URGENT, Level.EMERGENCY), 0.0)


def test_reading_together_never_lowers_and_does_not_repeat_an_earlier_level(triage: Triage) -> None:
    assert triage.assess_recent(["thanks", "my baby is not breathing"]).level is Level.EMERGENCY
    assert triage.assess_recent(["my baby is not breathing", "thank you"]).level is Level.NONE
    assert triage.assess_recent([]).level is Level.NONE


def test_welsh_with_english_words_is_read_by_both_rule_books(rules_only: Triage) -> None:
    assert rules_only.assess("mae'r babi yn sal iawn, he's not breathing", "cy").level is Level.EMERGENCY


class _Shouts:
    name = "shouts"

    def __init__(self, level: Level) -> None:
        self.level = level

    def read(self, text: str, lang: str) -> Level:
        if not text:
            raise RuntimeError("nothing to read")
        return self.level


@pytest.mark.parametrize("level", list(Level))
def test_a_further_reader_can_raise_but_not_lower(rules_only: Triage, level: Level) -> None:
    joined = Triage(rules_only.books, rules_only.detector, further_reader=_Shouts(level))
    assert joined.assess("what time is the group").level is level
    assert joined.assess("I want to die").level is Level.highest(level, Level.URGENT)


def test_a_further_reader_that_fails_is_passed_over(rules_only: Triage) -> None:
    assert Triage(rules_only.books, rules_only.detector, further_reader=_Shouts(Level.URGENT)).assess("").level is Level.NONE
