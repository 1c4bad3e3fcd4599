"""Facts read from text: ages, ways to take part and needs, in the languages whose words are there."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.conversation.facts import OLDEST, YOUNGEST, FactWords, simple
from bot.settings import ROOT

WORDS = FactWords.load(ROOT)

AGES = [
    ("18mo", 18),
    ("she is 9 wks old", 2),
    ("my two year old bites", 24),
    ("nearly 3", 36),
    ("he's two and a half years old", 30),
    ("2½ years", 30),
    ("2 1/2 yrs", 30),
    ("1 year", 12),
    ("10 days old", 0),
    ("half a year", 6),
    ("newborn", 0),
    ("28 weeks pregnant", -3),
    ("im 5 months preg", -4),
    ("we are expecting", -1),
    ("groups for 3 year olds", 36),
    ("groups for 18 months", 18),
    ("a year old", 12),
    # Welsh
    ("mae hi'n 6 mis oed", 6),
    ("dwy flwydd oed", 24),
    ("dau fis oed", 2),
    ("3 oed", 36),
    ("dwi'n feichiog", -1),
    ("newydd-anedig", 0),
    # Urdu, in both scripts
    ("میرا بیٹا ۳ سال کا ہے", 36),
    ("۶ ماہ کی ہے", 6),
    ("دو سال کی بیٹی", 24),
    ("ڈیڑھ سال", 18),
    ("do saal ka beta", 24),
    ("dhai saal", 30),
    ("حاملہ ہوں", -1),
    # Arabic: the dual, and a unit alone
    ("ابني عمره شهرين", 2),
    ("بنتي عمرها سنة", 12),
    ("عنده سنتين وما يحكي", 24),
    # Polish, Ukrainian: a year without its number
    ("synek ma rok", 12),
    ("йому рік", 12),
    # Years and months
    ("1 year 6 months", 18),
    ("a year and 3 months", 15),
    ("2y 4m", 28),
    ("2 lata i 3 miesiące", 27),
    ("un an și 2 luni", 14),
    # Digits of other scripts
    ("٣ months", 3),
    ("৬ months", 6),
    ("੬ months", 6),
    ("६ months", 6),
    ("１８ months", 18),
]
NO_AGES = [
    "anything on one day next week",
    "twice a day",
    "3 times a week",
    "he has been crying for 3 days",
    "she has had a cough for two weeks",
    "we moved here 2 years ago",
    "i was there 3 weeks ago",
    "in 2 weeks",
    "feeding every 3 hours",
    "every 2 weeks",
    "ers 3 wythnos",
    "تین دن سے رو رہا ہے",
    "3 din se ro raha hai",
    "I am 34 years old",
    "منذ شهرين لم ننم",
    "1 year 2 months ago",
    "i am so tired",
    "i have 2 kids",
    "call 999",
    "ZZ1 2AB",
    "",
    "🙂",
]


@pytest.mark.parametrize(("text", "months"), AGES)
def test_it_reads_a_childs_age(text: str, months: int) -> None:
    assert WORDS.age_months(text) == months


@pytest.mark.parametrize("text", NO_AGES)
def test_it_takes_no_other_amount_of_time_for_an_age(text: str) -> None:
    assert WORDS.age_months(text) is None


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("3", 36),
        ("he is 2", 24),
        ("2.5", 30),
        ("2 and a half", 30),
        ("two", 24),
        ("۳", 36),
        ("دو", 24),
        ("dwy", 24),
        ("6 months", 6),
    ],
)
def test_a_bare_number_answers_how_old(text: str, months: int) -> None:
    assert WORDS.bare_age(text) == months


@pytest.mark.parametrize("text", ["0", "9", "2026", "12", "no", "why do you ask", "1" * 300])
def test_a_number_that_is_no_young_childs_age_is_none(text: str) -> None:
    assert WORDS.bare_age(text) is None


@pytest.mark.parametrize(
    "text", ["1" * 4000, "9" * 400 + " years", "1 " * 2000, "a year " * 500, "1." * 2000, "½" * 4000, "٣" * 4000], ids=range(7)
)
def test_no_text_takes_long_or_breaks_it(text: str) -> None:
    begun = time.perf_counter()
    WORDS.age_months(text)
    WORDS.bare_age(text)
    assert time.perf_counter() - begun < 1.0


@settings(max_examples=300, deadline=None)
@given(st.text() | st.from_regex(r"\A[0-9.,½٣ ]{0,30} ?(months|years|wks|mis|سال|weeks pregnant)\Z"))
def test_any_age_that_is_read_is_one_of_a_young_child(text: str) -> None:
    for found in (WORDS.age_months(text), WORDS.bare_age(text)):
        assert found is None or YOUNGEST <= found <= OLDEST


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("can it be on zoom", "online"),
        ("Dros y ffôn", "phone"),
        ("فون پر", "phone"),
        ("ghar pe", "home"),
        ("someone could come to us", "home"),
        ("in person please", "go"),
        ("wyneb yn wyneb", "go"),
        ("we moved homeland", None),
        ("crying", None),
    ],
)
def test_it_reads_how_they_can_take_part(text: str, mode: str | None) -> None:
    assert WORDS.mode(text) == mode


@pytest.mark.parametrize("text", ["don't mind", "Dim ots!", "koi bhi", "کوئی بھی", "not sure tbh"])
def test_it_reads_that_anything_will_do(text: str) -> None:
    assert WORDS.any_will_do(text)


@pytest.mark.parametrize(
    ("text", "need"),
    [
        ("is there a baby bank near me", "food-and-baby-bank"),
        ("baby massage", "baby-and-toddler-groups"),
        ("english classes for my wife", "new-to-the-uk"),
        ("parenting classes", "parenting-courses"),
        ("فوڈ بینک کہاں ہے", "food-and-baby-bank"),
        ("talaq ke baad madad", "separated-parents"),
        ("hello", None),
    ],
)
def test_the_longest_word_decides_the_need(text: str, need: str | None) -> None:
    assert WORDS.need(text) == need


def test_capitals_accents_quotes_and_letter_shapes_do_not_matter() -> None:
    assert simple("Dros Y FFÔN’s") == "dros y ffon's"
    assert simple("كيك  ي") == simple("کیک ی")
    assert simple("١٢٣ ۱۲۳ ১২৩ १२३") == "123 123 123 123"


@given(st.text())
def test_simple_words_are_already_simple(text: str) -> None:
    assert simple(simple(text)) == simple(text)


@pytest.mark.parametrize(
    "text",
    [
        "what about at night?",
        "And if that doesn't work",
        "but he won't let me",
        "beth am yn y nos?",
        "a co jeśli nie zadziała?",
        "dar dacă nu merge?",
        "اور اگر یہ کام نہ کرے؟",
        "lekin raat ko?",
        "طيب وإذا ما زبط؟",
        "আর রাতে?",
        "а якщо не допоможе?",
    ],
)
def test_a_short_question_about_what_was_just_said_is_known_by_its_beginning(text: str) -> None:
    assert WORDS.carries_on(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "my baby cries at night",
        "whatever",
        "what about my sister who has just had twins and does not know how to feed them both",
    ],
)
def test_a_new_or_long_question_does_not_carry_on(text: str) -> None:
    assert not WORDS.carries_on(text)
