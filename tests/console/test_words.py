"""The console's words: every key it uses is there, every key that is there is used, and times are said plainly."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from babel.messages.pofile import read_po

from bot.console.language import speaking
from bot.console.standin import BEGINS
from bot.console.words import StaffWords
from bot.delivery.can_send import WINDOW_CLOSED
from bot.handoff.cases import OUTCOMES
from bot.handoff.hours import load_teams
from bot.library import Library
from bot.settings import ROOT
from bot.triage.levels import KINDS, Level

CONSOLE = ROOT / "bot" / "console"
CATALOG = ROOT / "locales" / "en" / "LC_MESSAGES" / "console.po"


@pytest.fixture
def words(library: Library) -> StaffWords:
    return StaffWords(library.strings, load_teams(ROOT))


def keys() -> set[str]:
    with CATALOG.open("rb") as file:
        return {
            (message.id[0] if isinstance(message.id, tuple) else str(message.id)).removeprefix("console.")
            for message in read_po(file)
            if message.id
        }


def sources() -> str:
    """The console's own files, and the alarms', which say their keys whole."""
    files = [*CONSOLE.rglob("*.py"), *(CONSOLE / "templates").rglob("*.html"), *(CONSOLE.parent / "alarms").glob("*.py")]
    return "\n".join(file.read_text(encoding="utf-8").replace("console.alarm.", "alarm.") for file in files)


def test_every_key_that_is_written_out_has_words() -> None:
    call = re.compile(r"""(?:\bw|_words|\bself|\.either|\.count)\(\s*["']([a-z_]+(?:\.[a-z_]+)*)["']\s*[,)]""")
    written = set(call.findall(sources()))
    assert len(written) > 90
    assert written - keys() == set()


def test_every_string_is_used() -> None:
    text = sources()
    # Keys put together from a prefix and a code: "level." ~ name and the like.
    prefixes = set(re.findall(r"""["']([a-z_]+\.(?:[a-z_]+\.)*)["'] ~|f"([a-z_]+\.(?:[a-z_]+\.)*)\{""", text))
    started = tuple(prefix for pair in prefixes for prefix in pair if prefix)
    unused = [key for key in keys() if f'"{key}"' not in text and f"'{key}'" not in text and not key.startswith(started)]
    assert unused == []


def test_every_code_that_can_come_has_words(words: StaffWords) -> None:
    known = keys()
    for prefix, codes in {
        "level": list(Level),
        "danger": KINDS,
        "outcome": OUTCOMES,
        "event": (
            "opened",
            "raised",
            "claimed",
            "replied",
            "note",
            "not_meant",
            "handed_over",
            "released",
            "closed",
            "other_language",
            "interpreter_needed",
            "interpreter_done",
            "reopened",
            "paused",
            "resumed",
        ),
        "sent": ("queued", "sending", "sent", "delivered", "read", "failed", "refused"),
        "channel": ("telegram", "webchat", "whatsapp", "terminal"),
        "audit": (
            "sign_in",
            "sign_in.refused",
            "sign_out",
            "case.view",
            "case.claim",
            "case.reply",
            "case.note",
            "case.hand_over",
            "case.interpreter",
            "case.reopen",
            "case.mark",
            "case.address",
            "case.pause",
            "case.resume",
            "case.release",
            "case.close",
        ),
    }.items():
        assert {f"{prefix}.{code}" for code in codes} <= known, prefix


def test_every_reason_why_nothing_was_sent_has_words(words: StaffWords) -> None:
    rooms = [ROOT / "bot" / "delivery" / name for name in ("can_send.py", "sender.py", "held.py")]
    text = "".join(file.read_text(encoding="utf-8") for file in [*rooms, ROOT / "bot" / "alarms" / "alarmer.py"])
    written = re.findall(r'Verdict\("(?:refuse|wait)", "([^"]+)"|reason(?:=| = (?:"\w+", (?:0, )?)?)"([^"]+)"', text)
    reasons = {WINDOW_CLOSED, *(one or other for one, other in written)}
    assert len(reasons) > 15
    with speaking("cy"):
        assert [reason for reason in sorted(reasons) if BEGINS in words.because(reason)] == []


def test_every_reason_why_an_account_is_refused_has_words() -> None:
    text = "".join((CONSOLE / file).read_text(encoding="utf-8") for file in ("accounts.py", "accounts_pages.py"))
    codes = set(re.findall(r"\bcode=\"(\w+)\"", text))
    assert codes == {key.removeprefix("accounts.error.") for key in keys() if key.startswith("accounts.error.")}


def test_words_of_the_console_are_plain() -> None:
    """No exclamation marks, no "please note", and no sentence that needs a second breath."""
    with CATALOG.open("rb") as file:
        for message in read_po(file):
            for said in [message.string] if isinstance(message.string, str) else message.string or ():
                if message.id:
                    assert "!" not in said and "note that" not in said.lower(), message.id
                    assert all(len(sentence.split()) <= 24 for sentence in re.split(r"[.?]\s", said)), message.id


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=-5), "less than a minute"),
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=59, seconds=59), "59 minutes"),
        (timedelta(minutes=60), "1 hour"),
        (timedelta(hours=47, minutes=59), "47 hours"),
        (timedelta(hours=48), "2 days"),
    ],
)
def test_a_length_of_time_is_said_in_its_largest_unit(words: StaffWords, length: timedelta, said: str) -> None:
    assert words.span(length) == said


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ({"by": "rule:no-way-out"}, "A phrase rule (no way out)"),
        ({"by": "rule:ur-not-breathing"}, "A phrase rule in Urdu (not breathing)"),
        ({"by": "model:ur"}, "The trained model (Urdu)"),
        ({"by": "together:model:cy"}, "The trained model (Welsh), reading the last few messages together"),
        ({"by": "further:second_look"}, "A further reader (second look)"),
        ({"by": "parent"}, "The parent asked for a person"),
        ({"by": "something new"}, "something new"),
        ({}, ""),
    ],
)
def test_a_reason_is_said_in_plain_words(words: StaffWords, reason: dict[str, Any], said: str) -> None:
    assert words.reason(reason) == said
