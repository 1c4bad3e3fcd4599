"""Whether a password that somebody chose is easy to guess: one that many have, a pattern of the keyboard, a name that is easily found out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from threading import Lock

from zxcvbn import zxcvbn

ENOUGH = 10**10
"""Guesses: a few words that do not belong together take more, a word with a year and a few signs takes fewer."""

READ = 72
"""Characters that are judged: what comes after them can only make it harder."""

FIRST_TRIED = (
    *(
        "wren",
        "council",
        "baby",
        "babies",
        "mother",
        "midwife",
        "nurse",
        "health",
        "visitor",
        "practitioner",
        "family",
        "hub",
        "staff",
    ),
    *("cyfrinair", "croeso", "cymru", "caerdydd", "abertawe", "cyngor", "babi", "teulu", "cariad", "iechyd", "nadolig", "gaeaf"),
    *("hasło", "haslo", "parola", "пароль", "password", "secret", "welcome"),
)
"""Words that whoever guesses at Wren's staff would begin with, beside those of the library, which are English for the most part."""

_BETWEEN = re.compile(r"[\W_]+")
_one_at_a_time = Lock()


def is_guessable(password: str, names: Iterable[str | None]) -> bool:
    """Whether `password` falls to fewer than `ENOUGH` guesses by somebody who knows `names`: the person's, their council's."""
    words = [word for name in names if name for word in (name, _together(name), *_BETWEEN.split(name)) if len(word) > 2]
    tried = [*words, *FIRST_TRIED]
    with _one_at_a_time:  # the library keeps the words of a call where all threads see them
        guesses = [zxcvbn(one[:READ], user_inputs=tried)["guesses"] for one in {password, _together(password)} if one]
    return min(guesses, default=0) < ENOUGH


def _together(text: str) -> str:
    """`text` without the spaces, dots and dashes that hide that words belong together."""
    return _BETWEEN.sub("", text)
