"""What a parent reads lives in content/ and locales/ alone: the code and its templates hold references, never words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]

ROOMS = ("actions", "campaigns", "channels", "conversation", "delivery", "handoff", "pages", "people")
"""Rooms of bot/ on the way to a parent. The console is the staff's, whose words have keys of their own; the others are
the command line, training and storage, which speak to nobody."""

FILES = ("messages.py", "polling.py", "sweep.py", "wiring.py", "understand.py", "whatsapp.py", "sms.py")
FILES += ("telegram_webhook.py", "webhooks.py")

SAYING = {"say", "Reply", "ButtonSpec", "Button", "Outbound"}
"""Calls that carry something to a parent, wherever in bot/ they stand."""

LOGGING = {"debug", "info", "warning", "error", "exception", "critical"}
NOT_SAID = {*LOGGING, "_tell", "compile", "Problem", "Verdict", "Delivery", "note_incident", "__init__", "text"}
"""Calls whose words go to logs, patterns, staff, exceptions or the database (`text` is SQL)."""

QUIET = {
    "campaigns/cli.py",  # speaks to whoever runs Wren
    "campaigns/pdf.py",  # the same
    "pages/council.py",  # writes a stylesheet
    "actions/endpoint.py",  # answers Rasa
    "channels/telegram/parse.py",  # turns commands into what a parent would type
    "channels/telegram/poll.py",  # says in the log why polling failed
    "channels/telegram/send.py",  # says in the log why sending failed
    "channels/telegram/webhook.py",  # says to the doctor why Telegram would not deliver
    "channels/sms/gsm.py",  # holds the alphabet of text messages
    "channels/sms/parse.py",  # turns what networks take for STOP into what a parent would type
    "channels/sms/send.py",  # says in the log why sending failed
    "channels/whatsapp/send.py",  # the same
    "channels/whatsapp/errors.py",  # explains mistakes in its file
    "delivery/sender.py",  # the same
    "delivery/held.py",  # says in the outbox why a message waits
    "handoff/bank_holidays.py",  # explains mistakes in its file
    "handoff/hours.py",  # the same
}
"""Files of speaking rooms whose loose literals are for machines and logs; what they *say* is looked at all the same."""

TECHNICAL = {
    "Accept-Language, User-Agent, Sec-CH-UA-Mobile",  # names of headers
    "User-Agent, Sec-CH-UA-Mobile",
    "asked for a person",  # a reason in the staff's console
    "too many messages in a minute",  # an incident
    "they wrote too long ago for this channel",  # a verdict's reason
    "outcome unknown",  # a reason in the outbox
    "the title of the button that opens a list",  # names a limit in an exception
    "# Written by `bot content sync` from content/commands.yml: edit that file.",
    "status bad",  # a class
    "(pointer: fine)",  # a media query
    "wren_visit=; path=/chat; max-age=0",  # takes a cookie away
}
MARKUP = re.compile(r"<[a-z]|\n?event: |: still here|.*(charset=|max-age=)")

MACHINE_ROOMS = {
    "cli.py", "run.py", "models.py", "script.py", "rasatool.py", "doctor.py", "supervisor.py", "settings.py", "logs.py",
    "phrase_effect.py", "health.py", "backup.py",
}  # fmt: skip
"""Files that speak to whoever runs Wren; their `say` is a line of progress."""

TWO_WORDS = re.compile(r"[^\W\d_]{2,}[,;:!?.]?\s+[^\W\d_]{1,}")
REFERENCE = re.compile(r"[\w./:{}-]*")
ATTRIBUTES = {"alt", "aria-label", "aria-description", "content", "label", "placeholder", "title"}
LETTERS = re.compile(r"[^\W\d_]{2,}")
BODY_CLASS = re.compile(r"\{% block body_class %\}.*?\{% endblock %\}")
JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def literals(source: str, *, speaking: bool) -> Iterator[tuple[int, str]]:
    """Literals of Python source that look like words for a parent: (line, words).

    In a speaking room any literal of two or more words; elsewhere only those inside a call that carries something to a parent.
    """
    module = ast.parse(source)
    parents = {child: node for node in ast.walk(module) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(module):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or not TWO_WORDS.search(node.value):
            continue
        if node.value in TECHNICAL or MARKUP.match(node.value):
            continue
        chain = list(_ancestors(node, parents))
        if isinstance(chain[0], ast.Expr) or any(isinstance(above, ast.Raise) for above in chain):
            continue  # docstrings and exceptions
        calls = [_called(above) for above in chain if isinstance(above, ast.Call)]
        if any(call in SAYING for call in calls) or (speaking and not any(call in NOT_SAID for call in calls)):
            yield node.lineno, node.value


def _ancestors(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    while node in parents:
        node = parents[node]
        yield node


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


class Text(HTMLParser):
    """Collects text nodes and spoken attributes of a template, with what Jinja fills in taken out beforehand."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style")
        spoken = ATTRIBUTES - ({"content"} if ("name", "description") not in attrs else set())
        if tag in ("button", "input") and ("type", "hidden") not in attrs:
            spoken = spoken | {"value"}
        self.found += [value for name, value in attrs if name in spoken and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)


def template_words(source: str) -> list[str]:
    """Words that a template itself says to a parent."""
    parser = Text()
    parser.feed(JINJA.sub("", BODY_CLASS.sub("", source)))
    return [words.strip() for words in parser.found if LETTERS.search(words)]


def jinja_words(source: str) -> list[str]:
    """Literals of two words inside Jinja's own brackets."""
    quoted = (match for part in JINJA.findall(source) for match in re.findall(r"'([^']*)'|\"([^\"]*)\"", part))
    return [words for pair in quoted for words in pair if TWO_WORDS.search(words)]


def script_words(source: str) -> list[str]:
    """Literals of two words in a script, without its comments and without what it tells the people of another site in the browser's log."""
    code = re.sub(r"/\*.*?\*/|(?<![:\"'])//[^\n]*|console\.error\([^\n]*", "", source, flags=re.DOTALL)
    quoted = re.findall(r"\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'", code)
    return [words for pair in quoted for words in pair if TWO_WORDS.search(words) and words not in {"use strict", *TECHNICAL}]


def python_files() -> list[Path]:
    """All of bot/ but the console and the command line, which speak to staff and to whoever runs Wren."""
    return sorted(path for path in (ROOT / "bot").rglob("*.py") if not {"console", "commands"} & set(path.parts))


def is_speaking(path: Path) -> bool:
    parts = path.relative_to(ROOT / "bot").parts
    return (parts[0] in ROOMS and "/".join(parts) not in QUIET) or (len(parts) == 1 and parts[0] in FILES)


def test_the_code_says_nothing_to_a_parent_in_words_of_its_own() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {words!r}"
        for path in python_files()
        if path.name not in MACHINE_ROOMS
        for line, words in literals(path.read_text(encoding="utf-8"), speaking=is_speaking(path))
    ]
    assert found == []


@pytest.mark.parametrize("folder", ["campaigns", "channels/webchat", "pages"])
def test_the_pages_for_parents_hold_no_words_of_their_own(folder: str) -> None:
    templates = sorted((ROOT / "bot" / folder).rglob("templates/*.html"))
    assert templates
    found = {path.name: words for path in templates if (words := _all_words(path.read_text(encoding="utf-8")))}
    assert found == {}


def _all_words(source: str) -> list[str]:
    return [*template_words(source), *jinja_words(source)]


def test_the_scripts_for_parents_hold_no_words_of_their_own() -> None:
    scripts = sorted(path for folder in ("channels", "pages") for path in (ROOT / "bot" / folder).rglob("*.js"))
    assert scripts
    assert {path.name: words for path in scripts if (words := script_words(path.read_text(encoding="utf-8")))} == {}


def test_rasas_responses_are_references_only() -> None:
    responses = YAML(typ="safe").load((ROOT / "domain.yml").read_text(encoding="utf-8"))["responses"]
    assert responses
    for name, variants in responses.items():
        for variant in variants:
            assert set(variant) == {"custom"} and set(variant["custom"]) == {"ref"}, name
            assert REFERENCE.fullmatch(variant["custom"]["ref"]), name


def test_rasas_actions_and_rules_hold_no_words() -> None:
    rules = YAML(typ="safe").load((ROOT / "data" / "rules.yml").read_text(encoding="utf-8"))["rules"]
    steps = [value for rule in rules for step in rule["steps"] for value in step.values() if isinstance(value, str)]
    assert steps
    assert [step for step in steps if not REFERENCE.fullmatch(step)] == []


# The walk itself is seen to catch what it is for


@pytest.mark.parametrize(
    "source",
    [
        'turn.say("Here is a tip")',
        'turn.say(f"Hello {name}, how are you")',
        'Reply(ref="text:x", args={"until": "nine o\'clock"})',
        'Outbound(text="I am sorry " + name, language="en")',
        'ButtonSpec(label="Talk to a person", action="x")',
        'Button(title="Call now" if late else "Wait", token="t")',
    ],
)
def test_the_walk_catches_words_that_are_said_anywhere(source: str) -> None:
    assert list(literals(source, speaking=False))


@pytest.mark.parametrize("source", ['WORDS = "Try again later"', 'return_("You are welcome")', 'x = {"en": "Good night"}'])
def test_the_walk_catches_words_that_are_kept_in_a_speaking_room(source: str) -> None:
    assert list(literals(source, speaking=True))
    assert not list(literals(source, speaking=False))


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring of some words."""',
        'def f():\n    """What it does."""',
        'log.warning("sending failed again")',
        'raise ValueError("it is too long")',
        're.compile("one two")',
        'turn.say("text:menu.intro", buttons=(MENU,))',
        'ButtonSpec(label=f"topic.{topic}", action="topic")',
    ],
)
def test_the_walk_leaves_references_logs_errors_and_docstrings_alone(source: str) -> None:
    assert list(literals(source, speaking=True)) == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<p>{{ w.plain('webchat.you') }}</p>", []),
        ("<p>Write to us</p>", ["Write to us"]),
        ("<p>{{ name }} says</p>", ["says"]),
        ('<nav aria-label="Main menu"></nav>', ["Main menu"]),
        ("<nav aria-label=\"{{ w.plain('pages.languages') }}\"></nav>", []),
        ('<meta name="description" content="A free chat">', ["A free chat"]),
        ('<meta name="viewport" content="width=device-width">', []),
        ('<button value="help me">{{ x }}</button>', ["help me"]),
        ("<p>{{ x or 'not there yet' }}</p>", ["not there yet"]),
        ("<style>p { color: red }</style><p>·</p>", []),
    ],
)
def test_the_walk_reads_templates(source: str, words: list[str]) -> None:
    assert _all_words(source) == words


def test_the_walk_reads_scripts() -> None:
    assert script_words('tell(told.lost); // the line is lost\ntell("Try again");') == ["Try again"]
