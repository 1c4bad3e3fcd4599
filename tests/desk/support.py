"""Hands for the desk's tests: everybody's part of a text's way to a parent."""

from __future__ import annotations

from dataclasses import dataclass

from bot.desk import checks, store
from bot.desk.rules import Person
from bot.desk.store import Edit, Texts
from bot.library.written import Written
from bot.storage.engine import Database
from bot.storage.tables import TextVersion

EDITOR = Person(1, "Edie", frozenset({"editor"}))
LEAD = Person(2, "Lena", frozenset({"clinical_lead"}))
TRANSLATOR = Person(3, "Umar", frozenset({"translator"}))
SECOND = Person(4, "Sana", frozenset({"translator"}))
READER = Person(5, "Mo", frozenset({"manager"}))
CRYING = "baby/crying/start-here"
BODY = "Crying is hard to hear. You are doing fine.\n\n*Try this:* hum a slow tune.\n\n*Why:* she knows your voice."
HELP = "she is hot or hard to wake: {urgent_health}. If she is floppy: {emergency}."
BODY_UR = "بچی کا رونا سننا آسان نہیں۔\n\n*یہ کر کے دیکھیں:* لوری سنائیں۔"
HELP_UR = "بچی کو بخار ہو: {urgent_health}۔ جسم ڈھیلا ہو: {emergency}۔"


@dataclass
class Desk:
    database: Database
    texts: Texts
    content_id: str = CRYING

    def live(self, language: str = "en", content_id: str = "") -> Written:
        found = checks.live(self.texts.library, content_id or self.content_id, language)
        assert found is not None
        return found

    def said(self, language: str = "en") -> str:
        """What a parent gets."""
        return self.texts.library.render(f"message:{self.content_id}", language).text

    def open(self, language: str = "en") -> TextVersion:
        with self.database.read() as session:
            found = store.open_version(session, self.content_id, language)
            assert found is not None
            return found

    def save(self, person: Person = EDITOR, language: str = "en", *, body: str = "", help_if: str = "", seen: str = "") -> int:
        """Save a draft over what is there now, or over what `seen` names; returns the version."""
        with store.changing(self.database, self.texts) as session:
            before = store.open_version(session, self.content_id, language)
            live = checks.live(self.texts.library, self.content_id, language)
            edit = Edit(
                body=body or (BODY if language == "en" else BODY_UR),
                help_if=help_if or ("" if self.content_id != CRYING else HELP if language == "en" else HELP_UR),
                seen=seen or store.mark(before, live),
                english=None if language == "en" else self.live().hash,
            )
            return store.save(session, self.texts, person, self.content_id, language, edit).id

    def send(self, version: int, person: Person = EDITOR) -> None:
        with store.changing(self.database, self.texts) as session:
            store.send(session, self.texts, person, version)

    def approve(self, version: int, person: Person = LEAD, *, native: bool = False) -> None:
        with store.changing(self.database, self.texts) as session:
            store.approve(session, self.texts, person, version, native=native)

    def publish(self, version: int, person: Person = EDITOR, *, same_meaning: bool = False) -> None:
        with store.changing(self.database, self.texts) as session:
            store.publish(session, self.texts, person, version, same_meaning=same_meaning)

    def whole_way(self, language: str = "en", *, body: str = "", same_meaning: bool = False) -> int:
        """From a draft to a parent's screen."""
        version = self.save(language=language, body=body)
        self.send(version)
        self.approve(version)
        self.publish(version, same_meaning=same_meaning)
        return version

    def go_back(self, version: int, person: Person = EDITOR) -> int:
        with store.changing(self.database, self.texts) as session:
            return store.go_back(session, self.texts, person, version).id

    def kinds(self, language: str = "en") -> list[str]:
        """What the history says, oldest first."""
        with self.database.read() as session:
            return [event.kind for event, _ in reversed(store.history(session, self.content_id, language))]
