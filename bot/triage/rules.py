"""The phrase rules of one language: loading `content/safety/<lang>.yml`, and finding what a message says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from bot.triage.levels import KINDS, Level
from bot.triage.phrases import Compiler, Heard, Phrase, PhraseError, Span, Words
from bot.triage.text import Reading, Spelling, plain

APPROVALS = "approvals.yml"
"""The one file among the phrases that triage does not read: who approved them (`bot.library.approvals`)."""
_UNKNOWN = "_"
_FIGURE = "figureofspeech"
_SELF = "self"
_NEAR = 10
"""So many words may lie between a phrase and what makes an exception of it (`without`)."""
_TOP = {"language", "spelling", "lists", "reading", "rules"}
_SPELLING = {"short", "emoji", "sounds", "misspelt", "real_words", "mutations", "numbers"}
_READING = {"negation", "negation_reaches_over", "long_past", "long_ago", "well_now", "still_now", "story", "learning", "figures"}
_RULE = {"id", "level", "why", "says", "with", "without", "who", "when_past", "firm", "negation", "kind"}
_WHO = {"anyone": None, "writer": "writer", "child": "who_child"}
_WORD_IN_PHRASE = re.compile(r"[^\s/()\[\]<>#|*.\d]+(?:['’.][^\s/()\[\]<>#|*.\d]+)*")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a data file, for the person who edits it: where, what, and how to mend it."""

    file: str
    line: int
    field: str
    message: str
    mend: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}, {self.field}: {self.message}. {self.mend}"


class RuleFileError(ValueError):
    """A rule file that cannot be used; `problems` says where and why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, compiled. `when_past` is the level left when the message says that it is long over."""

    id: str
    level: Level
    why: str
    says: tuple[Phrase, ...]
    with_: tuple[Phrase, ...]
    without: tuple[Phrase, ...]
    when_past: Level
    firm: bool
    negation: bool
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that fits, and the words that it fits; `own` where these speak of the writer ("i", "my", the list "self")."""

    rule: Rule
    span: Span
    own: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """What the rules of one language find in one message.

    `over` means that the writer says it is long past and well now; `distant` that this is a story, or a question asked to
    learn; `figures` are the words that only belong to figures of speech and denials.
    """

    reading: Reading
    hits: tuple[Hit, ...]
    over: bool
    distant: bool
    figures: frozenset[int]


@dataclass
class RuleBook:
    """All the rules of one language; `known` are the words that any phrase of theirs knows."""

    lang: str
    spelling: Spelling
    numbering: Words
    rules: tuple[Rule, ...]
    cues: Mapping[str, tuple[Phrase, ...]]
    negation: frozenset[str]
    reaches_over: frozenset[str]
    concepts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    known: frozenset[str] = frozenset()

    @cached_property
    def _beginnings(self) -> tuple[str, ...]:
        return tuple({beginning for phrase in self._phrases() for beginning in phrase.beginnings})

    def _phrases(self) -> Iterator[Phrase]:
        for rule in self.rules:
            yield from (*rule.says, *rule.with_, *rule.without)
        for phrases in self.cues.values():
            yield from phrases

    @cached_property
    def _commonness(self) -> Counter[str]:
        """How many phrases need each word: what many need, many messages have."""
        return Counter(word for phrase in self._phrases() for need in phrase.needs for word in need)

    def _filed_under(self, phrase: Phrase) -> Iterable[str]:
        """The words that may set a phrase off: of those it needs, the ones that come up least."""
        if not phrase.needs:
            return (_UNKNOWN,)
        return min(phrase.needs, key=lambda need: sum(self._commonness[word] for word in need))

    @cached_property
    def _by_word(self) -> dict[str, list[tuple[int, int]]]:
        """Which phrases of which rules a word may set off."""
        index: dict[str, list[tuple[int, int]]] = {}
        for number, rule in enumerate(self.rules):
            for place, phrase in enumerate(rule.says):
                for word in self._filed_under(phrase):
                    index.setdefault(word, []).append((number, place))
        return index

    def find(self, text: str) -> Findings:
        """Everything the rules find in a message; never raises."""
        reading = self.spelling.read(text)
        forms = [self._form(word.form) for word in reading.words]
        if not forms:
            return Findings(reading, (), False, False, frozenset())
        heard = self._heard(reading, forms)
        figures = frozenset(place for span in self._cue("figures", heard) for place in range(span.start, span.end))
        over, distant = self._over(heard), self._distant(heard)
        if figures:
            heard = self._heard(reading, [_FIGURE if place in figures else form for place, form in enumerate(forms)])
        return Findings(reading, tuple(self._hits(heard)), over, distant, figures)

    def _form(self, form: str) -> str:
        # Words that no rule knows are not kept: spaCy never forgets a string it has seen.
        if form in self.known or form in self.negation or form in self.reaches_over:
            return form
        return form if self._beginnings and form.startswith(self._beginnings) and len(form) < 30 else _UNKNOWN

    def _heard(self, reading: Reading, forms: Sequence[str]) -> Heard:
        return Heard(reading, forms, frozenset(forms) | {_UNKNOWN}, self.numbering)

    def _cue(self, name: str, heard: Heard) -> Iterator[Span]:
        index = self._cues_by_word.get(name, {})
        for phrase in dict.fromkeys(phrase for word in heard.words for phrase in index.get(word, ())):
            yield from phrase.find(heard)

    @cached_property
    def _cues_by_word(self) -> dict[str, dict[str, list[Phrase]]]:
        """By cue, which phrases a word may set off, filed like those of the rules."""
        indices: dict[str, dict[str, list[Phrase]]] = {}
        for name, phrases in self.cues.items():
            index = indices.setdefault(name, {})
            for phrase in phrases:
                for word in self._filed_under(phrase):
                    index.setdefault(word, []).append(phrase)
        return indices

    def _has(self, name: str, heard: Heard) -> bool:
        return any(True for _ in self._cue(name, heard))

    def _over(self, heard: Heard) -> bool:
        if self._has("still_now", heard):
            return False
        if self._has("long_ago", heard):
            return True
        return self._has("long_past", heard) and self._has("well_now", heard)

    def _distant(self, heard: Heard) -> bool:
        return self._has("story", heard) or self._has("learning", heard)

    def _hits(self, heard: Heard) -> Iterator[Hit]:
        found: set[int] = set()
        candidates = {candidate for word in heard.words for candidate in self._by_word.get(word, ())}
        for number, place in sorted(candidates):  # in the rules' order, so that the same message always has the same reasons
            if number in found:
                continue
            rule = self.rules[number]
            span = self._first(rule, rule.says[place], heard)
            if span:
                found.add(number)
                yield Hit(rule, span, self._own(span, heard.reading))

    def _first(self, rule: Rule, phrase: Phrase, heard: Heard) -> Span | None:
        """Where the phrase stands with the company that its rule asks for, not undone by "not", and with no exception near."""
        spans = phrase.find(heard)
        if rule.negation:
            spans = [span for span in spans if not self._negated(span, phrase, heard.reading)]
        if not spans or (rule.with_ and not any(other.find(heard) for other in rule.with_)):
            return None
        exceptions = [exception for other in rule.without for exception in other.find(heard)]
        return next((span for span in spans if not any(_near(span, exception) for exception in exceptions)), None)

    def _own(self, span: Span, reading: Reading) -> bool:
        words = reading.words[max(0, span.start - 1) : span.end]
        return any(_SELF in self.concepts.get(word.form, ()) for word in words)

    def _negated(self, span: Span, phrase: Phrase, reading: Reading) -> bool:
        words = reading.words
        inside = any(words[place].form in self.negation for place in range(span.start, span.end))
        if inside and phrase.words.isdisjoint(self.negation):
            return True
        for place in range(span.start - 1, max(-1, span.start - 6), -1):
            if words[place].sentence != words[span.start].sentence:
                return False
            if words[place].form in self.negation:
                return True
            if words[place].form not in self.reaches_over:
                return False
        return False


def _near(span: Span, exception: Span) -> bool:
    """Whether an exception stands so near that it speaks of the same thing: a fear told in a message that goes on to a bath stays a
    fear."""
    return exception.start - span.end <= _NEAR and span.start - exception.end <= _NEAR


class DataFile:
    """One YAML file with the line of every key and entry."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self.data: Any = None
        try:
            self.data = YAML(typ="rt").load(StringIO(path.read_text(encoding="utf-8")))
        except OSError:
            self.add(1, "the file", "it cannot be opened", "Put the file back, or take its language out of languages.yml")
        except UnicodeDecodeError:
            self.add(1, "the file", "it is not saved as UTF-8", "Save it again, choosing UTF-8")
        except YAMLError as error:
            mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
            what = str(getattr(error, "problem", None) or error).splitlines()[0]
            self.add(
                mark.line + 1 if mark else 1,
                "the layout",
                f"it cannot be read here ({what})",
                "Look for a missing quote, colon or dash, or an entry that is not lined up with its neighbours",
            )

    def add(self, line: int, name: str, message: str, mend: str) -> None:
        self.problems.append(Problem(self.path.name, line, name, message, mend))

    @staticmethod
    def line(holder: Any, key: Any) -> int:
        """The line, from 1, of a key of a mapping or an entry of a list."""
        try:
            found = holder.lc.key(key) if hasattr(holder, "items") else holder.lc.item(key)
            return int(found[0]) + 1
        except (AttributeError, KeyError, TypeError, IndexError):
            return 1

    def mapping(self, holder: Any, key: str, allowed: set[str] | None = None) -> Any:
        """A mapping inside a mapping; an empty one, with a problem noted, where it is something else."""
        value = holder.get(key, {})
        if value is None or not hasattr(value, "items"):
            self.add(
                self.line(holder, key), key, "it must be names with values under it", f'Write "{key}:" and, indented, name: value'
            )
            return {}
        for name in value if allowed else ():
            if name not in (allowed or ()):
                self.add(
                    self.line(value, name),
                    f"{key}: {name}",
                    "this name is not known",
                    f"Use one of: {', '.join(sorted(allowed or ()))}",
                )
        return value

    def texts(self, holder: Any, key: str, label: str) -> list[tuple[int, str]]:
        """A list of texts with their lines."""
        value = holder.get(key, [])
        if not isinstance(value, list):
            self.add(self.line(holder, key), label, "it must be a list", 'Put each entry on its own line after "- "')
            return []
        texts = []
        for place, entry in enumerate(value):
            if isinstance(entry, (str, int)) and not isinstance(entry, bool):
                texts.append((self.line(value, place), str(entry)))
            else:
                self.add(self.line(value, place), label, f"the entry {entry!r} is not plain words", "Put it in double quotes")
        return texts


class _Loader:
    def __init__(self, path: Path) -> None:
        self.file = DataFile(path)
        self.lang = path.stem

    def load(self) -> RuleBook:
        file = self.file
        if file.data is not None and not hasattr(file.data, "items"):
            file.add(1, "the file", "it must start with names such as language: and rules:", "Compare it with en.yml")
        if file.problems:
            raise RuleFileError(file.problems)
        data = file.data if file.data is not None else {}
        for name in data:
            if name not in _TOP:
                file.add(file.line(data, name), str(name), "this name is not known", f"Use one of: {', '.join(sorted(_TOP))}")
        if data.get("language") != self.lang:
            file.add(1, "language", f"it must be {self.lang}, like the file's name", f'Write "language: {self.lang}"')
        book = self._book(data)
        if file.problems:
            raise RuleFileError(file.problems)
        return book

    def _book(self, data: Any) -> RuleBook:
        file = self.file
        lists = {str(name): file.texts(data["lists"], name, f"list {name}") for name in file.mapping(data, "lists")}
        reading = file.mapping(data, "reading", _READING)
        compiler = self._compiler(data, lists, reading)
        for name, entries in lists.items():
            self._check_list(compiler, name, entries)
        negation = self._forms(compiler, file.texts(reading, "negation", "negation"))
        reaches = self._forms(compiler, file.texts(reading, "negation_reaches_over", "negation_reaches_over"))
        names = sorted(_READING - {"negation", "negation_reaches_over"})
        cues = {name: tuple(self._phrases(compiler, file.texts(reading, name, name), name)) for name in names}
        rules = tuple(self._rules(data, compiler))
        concepts: dict[str, list[str]] = {}
        for name in lists:
            for word in compiler.list_place(name).singles:
                concepts.setdefault(word, []).append(name)
        fixed = {word: tuple(sorted(names)) for word, names in concepts.items()}
        known = frozenset(word for phrase in compiler.phrases() for word in phrase.words)
        return RuleBook(self.lang, compiler.spelling, compiler.numbering, rules, cues, negation, reaches, fixed, known)

    def _compiler(self, data: Any, lists: Mapping[str, list[tuple[int, str]]], reading: Any) -> Compiler:
        file = self.file
        raw = file.mapping(data, "spelling", _SPELLING)
        spelling = Spelling(
            short={str(key): str(value) for key, value in file.mapping(raw, "short").items()},
            emoji={str(key): str(value) for key, value in file.mapping(raw, "emoji").items()},
            sounds=self._sounds(raw),
            misspelt=[text for _, text in file.texts(raw, "misspelt", "misspelt")],
        )
        known = [text for _, text in file.texts(raw, "real_words", "real_words")]
        known += [text for entries in lists.values() for _, text in entries]
        known += [text for name in reading for text in _strings(reading[name])]
        known += [text for rule in data.get("rules") or () for text in _strings(rule)]
        for text in known:
            spelling.known.update(spelling.sounded(plain(word)) for word in _WORD_IN_PHRASE.findall(text))
        mutations = {str(key): [str(part) for part in value] for key, value in file.mapping(raw, "mutations").items()}
        numbers = [text for _, text in file.texts(raw, "numbers", "numbers")]
        texts = {name: [text for _, text in entries] for name, entries in lists.items()}
        return Compiler(spelling, Words(), texts, mutations, numbers)

    def _sounds(self, raw: Any) -> list[tuple[str, str]]:
        pairs = []
        for place, pair in enumerate(raw.get("sounds", [])):
            if isinstance(pair, list) and len(pair) == 2:
                pairs.append((str(pair[0]), str(pair[1])))
            else:
                self.file.add(
                    self.file.line(raw["sounds"], place),
                    "sounds",
                    "each entry is two letter groups",
                    'Write "- [written, heard]"',
                )
        return pairs

    @staticmethod
    def _forms(compiler: Compiler, texts: Iterable[tuple[int, str]]) -> frozenset[str]:
        return frozenset(form for _, text in texts for form in compiler.spelling.forms(text))

    def _check_list(self, compiler: Compiler, name: str, entries: Sequence[tuple[int, str]]) -> None:
        line = entries[0][0] if entries else 1
        if not entries:
            self.file.add(line, f"list {name}", "it is empty", "Add at least one word, or take the list out")
        for line, text in entries:
            if re.search(r"[()<>#|/]|\.\.", text):
                self.file.add(
                    line,
                    f"list {name}",
                    f'"{text}" has a sign that only a phrase may have',
                    "Write plain words, one entry a line",
                )

    def _phrases(self, compiler: Compiler, texts: Iterable[tuple[int, str]], label: str) -> Iterator[Phrase]:
        for line, text in texts:
            try:
                yield compiler.phrase(text)
            except PhraseError as error:
                self.file.add(line, label, f'the phrase "{text}" cannot be read: {error}', "Change the phrase")

    def _rules(self, data: Any, compiler: Compiler) -> Iterator[Rule]:
        file, seen = self.file, set()
        entries = data.get("rules") or []
        if not isinstance(entries, list):
            file.add(file.line(data, "rules"), "rules", "it must be a list", 'Start each rule with "- id:"')
            entries = []
        for place, entry in enumerate(entries):
            line = file.line(entries, place)
            if not hasattr(entry, "items"):
                file.add(line, "rules", "this is not a rule", 'Start each rule with "- id:"')
                continue
            label = f"rule {entry.get('id', place + 1)}"
            if entry.get("id") in seen:
                file.add(line, label, "another rule has the same id", "Give it an id of its own")
            seen.add(entry.get("id"))
            rule = self._rule(entry, label, line, compiler)
            if rule:
                yield rule

    def _rule(self, entry: Any, label: str, line: int, compiler: Compiler) -> Rule | None:
        file = self.file
        before = len(file.problems)
        for name in entry:
            if name not in _RULE:
                file.add(file.line(entry, name), label, f'"{name}" is not known', f"Use one of: {', '.join(sorted(_RULE))}")
        for name in ("id", "level", "why", "says"):
            if not entry.get(name):
                file.add(line, label, f'it has no "{name}"', f'Add a line "{name}: …"')
        level = self._level(entry, "level", label, Level.NONE)
        when_past = self._level(entry, "when_past", label, Level.NONE)
        who = entry.get("who", "anyone")
        if who not in _WHO:
            file.add(file.line(entry, "who"), label, f'"{who}" is not a "who"', f"Use one of: {', '.join(sorted(_WHO))}")
        kind = entry.get("kind")
        if kind is not None and kind not in KINDS:
            file.add(file.line(entry, "kind"), label, f'"{kind}" is not a kind of danger', f"Use one of: {', '.join(KINDS)}")
        says = tuple(self._phrases(compiler, file.texts(entry, "says", label), label))
        with_ = tuple(self._phrases(compiler, file.texts(entry, "with", label), label))
        without = tuple(self._phrases(compiler, file.texts(entry, "without", label), label))
        whose = _WHO.get(who)
        if whose and not with_:
            with_ = tuple(self._phrases(compiler, [(line, f"<{whose}>")], label))
        if len(file.problems) > before:
            return None
        firm, negation = bool(entry.get("firm", False)), entry.get("negation", "read") == "read"
        return Rule(str(entry["id"]), level, str(entry["why"]), says, with_, without, when_past, firm, negation, kind)

    def _level(self, entry: Any, name: str, label: str, default: Level) -> Level:
        value = entry.get(name, default)
        if value in list(Level):
            return Level(value)
        self.file.add(self.file.line(entry, name), label, f'"{value}" is not a level', f"Use one of: {', '.join(Level)}")
        return default


def _strings(value: Any) -> Iterator[str]:
    """Every text inside lists and mappings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)
    elif hasattr(value, "values"):
        for part in value.values():
            yield from _strings(part)


def empty(lang: str) -> RuleBook:
    """A book without rules: words are read plainly, and only the models judge."""
    return RuleBook(lang, Spelling(), Words(), (), {}, frozenset(), frozenset())


def load(path: Path) -> RuleBook:
    """The rule book in one file. Raises RuleFileError, with every problem found, where the file cannot be used."""
    return _Loader(path).load()
