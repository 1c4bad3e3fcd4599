"""What may say who asked is taken out of a question before it is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversation.identifiers import without_identifiers


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("my number is 07700 900123 ring me", "my number is … ring me"),
        ("call +44 (0)7700-900-123", "call …"),
        ("write to ada.b@example.org please", "write to … please"),
        ("see https://example.org/me or @ada_b", "see … or …"),
        ("anything near ZZ1 4AB", "anything near …"),
        ("we are at 12 Fictional Road", "we are at …"),
        ("she was born 3/4/2026", "she was born …"),
        ("my son Jayden bites. What can I do about Jayden", "my son … bites. What can I do about …"),
        ("Sophie-Mae won't eat", "Sophie-Mae won't eat"),  # the first word of a sentence: no way to know
        ("can Mum and I both go on Monday", "can Mum and I both go on Monday"),
        ("mój syn Kacper gryzie", "mój syn … gryzie"),
        ("моя донька Соломія кусається", "моя донька … кусається"),
        ("HELP MY BABY WONT SLEEP", "HELP MY BABY WONT SLEEP"),
        ("he is 2 and bites", "he is 2 and bites"),
        ("", ""),
    ],
)
def test_identifiers_become_dots_and_the_question_stays(written: str, kept: str) -> None:
    assert without_identifiers(written) == kept


@given(st.text(max_size=300))
def test_no_long_number_is_left_and_nothing_raises(text: str) -> None:
    kept = without_identifiers(text)
    assert not any(run.isdecimal() and len(run) >= 5 for run in kept.split())
