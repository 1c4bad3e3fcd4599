"""A parent gets what was published in their very next turn, on each database, and every version that was sent is kept."""

from __future__ import annotations

import asyncio

from sqlalchemy import select

from bot.desk.store import Texts
from bot.library.check_files import Tree
from bot.settings import ROOT
from bot.storage.tables import ContentVersion
from bot.wiring import Parts
from tests.conversation.support import Parent
from tests.desk.support import CRYING, Desk


async def test_a_parent_gets_the_new_words_in_the_next_turn_and_the_old_ones_stay_on_record(parts_on_both: Parts) -> None:
    parts = parts_on_both
    parent = Parent(parts, language="en")
    await parent.say("menu")
    before = (await parent.start(CRYING))[-1].text
    elsewhere = parts.library.overlaid(_Nothing())
    desk = Desk(parts.database, Texts(elsewhere, Tree(ROOT)))  # another process: it tells this one nothing
    await asyncio.to_thread(desk.whole_way)
    after = (await parent.start(CRYING))[-1].text
    assert "hum a slow tune" in after and "hum a slow tune" not in before
    with parts.database.read() as session:
        kept = session.scalars(select(ContentVersion.words).where(ContentVersion.content_id == CRYING)).all()
    assert len(kept) == 2 and sum("hum a slow tune" in words for words in kept) == 1


class _Nothing:
    """Of another process, in which nothing has been published."""

    def words(self, content_id: str, language: str) -> None:
        return None

    def refresh(self) -> None: ...
