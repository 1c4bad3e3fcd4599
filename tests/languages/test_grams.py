"""Texts are taken apart as scikit-learn takes them apart, which training once did and other tools still do."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from bot.languages.grams import Grams

PAIRS = [
    (Grams("words", 1, 2), TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2))),
    (Grams("words", 1, 3, lower=False), TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 3), lowercase=False)),
    (Grams("words", 2, 3), TfidfVectorizer(token_pattern=r"\S+", ngram_range=(2, 3))),
    (Grams("letters", 1, 3), TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3))),
    (Grams("letters", 3, 5), TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5))),
]
TEXTS = st.text(st.sampled_from("aBİßé \n\t\u00a0\x1c\u2003'আা👶🏽1.") | st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.mark.parametrize(("grams", "theirs"), PAIRS)
@given(text=TEXTS)
@example(text="")
@example(text="a")
@example(text="  Two   WORDS \n and a\tthird ")
@settings(deadline=None, max_examples=150)
def test_a_text_gives_the_same_grams_in_the_same_order(grams: Grams, theirs: TfidfVectorizer, text: str) -> None:
    assert grams(text) == theirs.build_analyzer()(text)
