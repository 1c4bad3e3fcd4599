"""Triage: the rules, the model and a further reader, if there is one, joined into one level."""

import logging
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from bot.kept import Kept
from bot.languages import Detected, Detector
from bot.triage import compiled, rules
from bot.triage.levels import Assessment, Level, Reason
from bot.triage.model import Reader, windows
from bot.triage.rules import Findings, RuleBook
from bot.triage.thresholds import NAME as THRESHOLDS
from bot.triage.thresholds import Thresholds

log = logging.getLogger(__name__)

MODEL_NAME = "triage.npz"
LANGUAGE_MODEL = "languages.npz"
_BASE = "en"
_PIECE, _OVERLAP = 2000, 200
_WINDOW_WORDS, _MOST_WINDOWS = 60, 8
_MOST_QUOTED = 300
# "i cant", "no more": in a word or two a model hears more than is said. Rules know the short cries for help.
_FEWEST_WORDS = 3
# And it needs a story to tell an innocent one from a danger in the same words.
_FEWEST_TO_DOUBT = 6
_LATIN = re.compile("[A-Za-z]{2}")


class FurtherReader(Protocol):
    """A slower or larger reader that an installation may add. What it says can only raise a level, never lower one."""

    name: str

    def read(self, text: str, lang: str) -> Level:
        """The level that this reader sees in a message."""
        ...


class Triage:
    """Judges messages. Nothing is read or written once it is loaded, and one object may serve many threads."""

    def __init__(
        self,
        books: Mapping[str, RuleBook],
        detector: Detector,
        model: Reader | None = None,
        thresholds: Thresholds | None = None,
        further_reader: FurtherReader | None = None,
    ) -> None:
        self.books = dict(books)
        self.detector = detector
        self.model = model
        self.thresholds = thresholds or Thresholds()
        self.further_reader = further_reader

    @classmethod
    def load(
        cls,
        content_dir: Path,
        model_path: Path | None = None,
        further_reader: FurtherReader | None = None,
        kept: Kept | None = None,
    ) -> "Triage":
        """From `content_dir`/languages.yml and `content_dir`/safety/*.yml, and the trained file (rules alone where it is not
        there; the language model is taken from beside it). Phrases compiled before are taken from `kept`.

        Raises RuleFileError for a rule file that cannot be used, ValueError for a model that cannot.
        """
        beside = model_path.with_name(LANGUAGE_MODEL) if model_path else None
        detector = Detector.load(content_dir, beside)
        safety = content_dir / "safety"
        books = {language.code: book(safety, language.code, kept) for language in detector.catalogue}
        model = Reader.load(model_path) if model_path is not None and model_path.is_file() else None
        thresholds = Thresholds.load(safety / THRESHOLDS) if (safety / THRESHOLDS).is_file() else None
        return cls(books, detector, model, thresholds, further_reader)

    def prepare(self) -> None:
        """Read one message in every language, so that no parent waits for what is imported and made when first needed. Blocking."""
        for lang in self.books:
            self.assess("hello, how are you", lang)

    def assess(self, text: str, lang: str | None = None) -> Assessment:
        """Judge one message alone; `lang` is the language the writer chose. Never raises, whatever the text."""
        begun = time.perf_counter()
        detected = self.detector.detect(text, lang)
        reasons = [reason for piece in _pieces(text) for reason in self._piece(piece, detected, lang)]
        reasons += self._further(text, detected.lang)
        level = Level.highest(*(reason.level for reason in reasons))
        kept = _worth_saying(reasons)
        return Assessment(level, kept, detected.lang, (time.perf_counter() - begun) * 1000)

    def assess_recent(
        self, texts: Sequence[str], lang: str | None = None, *, alone: Assessment | None = None, seen: Level | None = None
    ) -> Assessment:
        """Judge the last of `texts` (oldest first), raised where they say more together than each of them alone.

        Where it is known already, `alone` is what the last one says by itself, and `seen` the highest level of those before it.
        """
        begun = time.perf_counter()
        if not texts:
            return self.assess("", lang)
        best = alone or self.assess(texts[-1], lang)
        if seen is None:
            seen = Level.highest(*(self.assess(text, lang).level for text in texts[:-1]))
        if len(texts) > 1:
            together = self._together(texts, lang)
            if Level.highest(*(reason.level for reason in together)).rank > max(seen.rank, best.level.rank):
                best = Assessment(together[0].level, together, best.lang, 0.0)
        return Assessment(best.level, best.reasons, best.lang, (time.perf_counter() - begun) * 1000)

    def _together(self, texts: Sequence[str], lang: str | None) -> tuple[Reason, ...]:
        """What messages say as one, highest first. Rules read them as one sentence and as several; for the model, and for the
        language, that is the same words."""
        one, several = " ".join(texts), ". ".join(texts)
        detected = self.detector.detect(one, lang)
        reasons: list[Reason] = []
        doubted = frozenset(self.thresholds.doubt)
        for piece in _pieces(one):
            found = self.findings(piece, detected, lang)
            chances = self._chances(*found[0], detected.lang)
            doubted &= self._doubted(found[0][0], chances)
            reasons += self._reasons(found, chances, detected.lang)
        for piece in _pieces(several):
            reasons += [reason for findings, _ in self.findings(piece, detected, lang) for reason in _of_rules(findings, doubted)]
        reasons += self._further(one, detected.lang)
        return tuple(replace(reason, by=f"together:{reason.by}") for reason in _worth_saying(reasons))

    def _piece(self, text: str, detected: Detected, lang: str | None) -> Iterator[Reason]:
        found = self.findings(text, detected, lang)
        return self._reasons(found, self._chances(*found[0], detected.lang), detected.lang)

    def _reasons(self, found: Sequence[tuple[Findings, RuleBook]], chances: Mapping[Level, float], lang: str) -> Iterator[Reason]:
        doubted = self._doubted(found[0][0], chances)
        for findings, _ in found:
            yield from _of_rules(findings, doubted)
        if self.model is not None and chances:
            yield from self._of_model(self.model, *found[0], chances, lang)

    def findings(self, text: str, detected: Detected, lang: str | None) -> list[tuple[Findings, RuleBook]]:
        """What the rules of every language that the message may be in find; the likeliest language comes first."""
        return [(book.find(text), book) for book in self._books(text, detected, lang)]

    def _books(self, text: str, detected: Detected, lang: str | None) -> list[RuleBook]:
        codes = [detected.lang, *([lang] if lang else []), *detected.others]
        if _LATIN.search(text):
            codes.append(_BASE)
        books = [self.books[code] for code in dict.fromkeys(codes) if code in self.books]
        return books or [rules.empty(detected.lang)]

    def _chances(self, findings: Findings, book: RuleBook, lang: str) -> Mapping[Level, float]:
        """The model's chance of each level; nothing where there is no model or no word."""
        if self.model is None or not findings.reading.words:
            return {}
        return self.model.chances(windows(findings, book, _WINDOW_WORDS, _MOST_WINDOWS), lang)

    def _doubted(self, findings: Findings, chances: Mapping[Level, float]) -> frozenset[str]:
        """The kinds of danger that the model is all but sure the message is not about."""
        if not chances or len(findings.reading.words) < _FEWEST_TO_DOUBT:
            return frozenset()
        return frozenset(kind for kind, below in self.thresholds.doubt.items() if chances[Level.URGENT] < below)

    def _of_model(
        self, model: Reader, findings: Findings, book: RuleBook, chances: Mapping[Level, float], lang: str
    ) -> Iterator[Reason]:
        enough = self.thresholds.for_language(lang)
        level = Level.CONCERN if chances[Level.CONCERN] >= enough[Level.CONCERN] else Level.NONE
        if chances[Level.URGENT] >= enough[Level.URGENT]:
            level = Level.EMERGENCY if chances[Level.EMERGENCY] >= enough[Level.EMERGENCY] else Level.URGENT
        if len(findings.reading.words) < _FEWEST_WORDS:
            level = level.capped(Level.CONCERN)
        if level is not Level.NONE:
            yield Reason(level, f"model:{lang}", model.telling_words(findings, book, level))

    def _further(self, text: str, lang: str) -> list[Reason]:
        if self.further_reader is None:
            return []
        try:
            level = self.further_reader.read(text, lang)
        except Exception as error:  # A reader that fails may not take triage down with it.
            log.error("triage: the further reader failed (%s)", type(error).__name__)
            return []
        return [Reason(level, f"further:{self.further_reader.name}", "")] if level is not Level.NONE else []


def book(safety: Path, lang: str, kept: Kept | None = None) -> RuleBook:
    """The rule book of a language; one without rules where there is no file yet."""
    path = safety / f"{lang}.yml"
    return compiled.load(path, kept) if path.is_file() else rules.empty(lang)


def _of_rules(findings: Findings, doubted: frozenset[str]) -> Iterator[Reason]:
    """The reasons that rules give; those of a kind that is `doubted` raise a message to concern only."""
    for hit in findings.hits:
        level = hit.rule.level
        if not hit.rule.firm:
            if findings.distant and not hit.own:
                level = Level.NONE
            elif findings.over:
                level = level.capped(hit.rule.when_past)
            if hit.rule.kind in doubted:
                level = level.capped(Level.CONCERN)
        if level is not Level.NONE:
            words = findings.reading.quote(hit.span.start, hit.span.end)
            yield Reason(level, f"rule:{hit.rule.id}", words[:_MOST_QUOTED], hit.rule.kind)


def _worth_saying(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """The reasons, highest first, rules before models, each once, at most eight."""
    once = {(reason.by, reason.level): reason for reason in reversed(reasons)}
    ordered = sorted(once.values(), key=lambda reason: (-reason.level.rank, reason.by.startswith("model:"), reason.by))
    return tuple(ordered[:8])


def _pieces(text: str) -> Iterator[str]:
    """The text in overlapping pieces, so that the time taken grows only with its length."""
    if len(text) <= _PIECE + _OVERLAP:
        yield text
        return
    for start in range(0, len(text), _PIECE):
        yield text[max(0, start - _OVERLAP) : start + _PIECE]
