"""Finding texts by what there is to do, and reading what changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from bot.desk import listing
from bot.desk.difference import Piece, difference
from bot.desk.listing import Asked
from bot.desk.rules import Person
from bot.library import Library
from bot.storage.tables import TextEvent, now
from tests.desk.support import CRYING, EDITOR, LEAD, TRANSLATOR, Desk


def shown(desk: Desk, show: str, language: str = "en", person: Person = EDITOR) -> list[str]:
    with desk.database.read() as session:
        found = listing.find(session, desk.texts.library, person, Asked(show=show, language=language))
        return [one.content_id for one in found]


def test_each_sees_what_waits_for_them_and_nobody_their_own(desk: Desk) -> None:
    version = desk.save()
    desk.send(version)
    with desk.database.read() as session:
        counts = [listing.waiting(session, desk.texts.library, person)["messages"] for person in (EDITOR, LEAD, TRANSLATOR)]
    assert counts == [0, 1, 0]
    assert shown(desk, "waiting", person=LEAD) == [CRYING] == shown(desk, "open")
    desk.approve(version)
    assert shown(desk, "waiting") == [CRYING]


def test_new_english_makes_its_translations_out_of_date(desk: Desk) -> None:
    assert shown(desk, "stale", "ur") == []
    desk.whole_way()
    assert shown(desk, "stale", "ur") == [CRYING] == shown(desk, "published")


def test_a_review_is_overdue_after_a_year(desk: Desk) -> None:
    desk.whole_way()
    assert shown(desk, "overdue") == []
    with desk.database.write() as session:
        session.execute(update(TextEvent).values(at=now() - timedelta(days=400)))
    assert shown(desk, "overdue") == [CRYING]


def test_a_file_that_changes_under_published_words_is_listed(desk: Desk, library: Library) -> None:
    desk.whole_way()
    assert shown(desk, "file-changed") == []
    message = library.messages[CRYING]
    newer = replace(message.words["en"], text="Crying is hard. New from upstream.")
    desk.texts.library.messages = {**library.messages, CRYING: replace(message, words={**message.words, "en": newer})}
    assert shown(desk, "file-changed") == [CRYING] and "hum a slow tune" in desk.said()


@pytest.mark.parametrize(
    ("before", "after", "pieces"),
    [
        ("hum a tune", "hum a slow tune", [Piece("same", "hum a "), Piece("added", "slow "), Piece("same", "tune")]),
        ("آہستہ سانس", "آہستہ گنیں", [Piece("same", "آہستہ "), Piece("removed", "سانس"), Piece("added", "گنیں")]),
        ("", "new", [Piece("added", "new")]),
        ("same", "same", [Piece("same", "same")]),
    ],
)
def test_a_difference_is_told_word_by_word(before: str, after: str, pieces: list[Piece]) -> None:
    assert difference(before, after) == pieces


@given(st.text(alphabet="ab \n۔", max_size=40), st.text(alphabet="ab \n۔", max_size=40))
def test_both_texts_can_be_read_out_of_a_difference(before: str, after: str) -> None:
    pieces = difference(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind != "added") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "removed") == after
