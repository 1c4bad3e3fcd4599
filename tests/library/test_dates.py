"""Times in words: each language in its own, whatever was asked for before."""

import json
import subprocess
import sys

import pytest

from bot.settings import ROOT

MONDAY = {
    "en": "Monday",
    "cy": "Dydd Llun",
    "pl": "poniedziałek",
    "ro": "luni",
    "ur": "پیر",
    "ar": "الاثنين",
    "bn": "সোমবার",
    "uk": "понеділок",
}
ASK = """
import json, sys
from datetime import UTC, date, datetime, time
from bot.library.dates import say_date, say_day, say_hours, say_time

week = [((time(9), time(17)),)] + [()] * 6
now = datetime(2026, 11, 24, 10, tzinfo=UTC)
said = {}
for language in json.loads(sys.argv[1]):
    hours = say_hours(week, language)
    said[language] = [hours, say_day(date(2026, 11, 30), language), say_time(datetime(2026, 11, 30, 9, tzinfo=UTC), now, language)]
print(json.dumps(said))
"""


@pytest.mark.parametrize("first", list(MONDAY))
def test_no_language_borrows_the_weekdays_of_one_asked_for_before(first: str) -> None:
    order = [first, *(language for language in MONDAY if language != first)]
    done = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps(order)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    said = json.loads(done.stdout)
    for language, texts in said.items():
        for text in texts:
            named = {code for code, name in MONDAY.items() if name.casefold() in text.casefold()}
            assert named == {language}, (language, text)
