"""The outbox: a turn that is tried again writes once; buttons keep their meaning; versions of words are kept. Both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from bot.conversation.render import Renderer
from bot.delivery.outbox import enqueue
from bot.delivery.sender import unpack_outbound
from bot.library import Library
from bot.messages import ButtonSpec, Reply
from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.tables import ButtonToken, ContentVersion, Outbox, now
from tests.storage.support import add_person

Queue = Callable[..., Outbox]
MESSAGE = "baby/crying/start-here"


@pytest.fixture
def queue(database: Database, keyring: Keyring, library: Library) -> Queue:
    with database.write() as session:
        people = {channel: add_person(session, keyring, channel) for channel in ("telegram", "webchat", "terminal")}

    def put(reply: Reply, key: str = "1:0", channel: str = "telegram", language: str = "en") -> Outbox:
        person, address = people[channel]
        with database.write() as session:
            return enqueue(
                session,
                keyring,
                Renderer(library),
                reply,
                key=key,
                person_id=person.id,
                address_id=address.id,
                channel=channel,
                language=language,
            )

    return put


def test_the_same_key_writes_once_and_leaves_no_second_buttons(database: Database, queue: Queue) -> None:
    reply = Reply(ref="text:thanks", buttons=(ButtonSpec(label="button.menu", action="help_menu"),))
    queue(reply)
    with pytest.raises(IntegrityError):
        queue(reply)
    with database.read() as session:
        assert len(session.scalars(select(Outbox)).all()) == 1
        assert len(session.scalars(select(ButtonToken)).all()) == 1


@pytest.mark.parametrize(
    ("channel", "state", "open_"), [("telegram", "queued", 1), ("webchat", "sent", 0), ("terminal", "sent", 0)]
)
def test_what_readers_fetch_themselves_is_handed_over_when_stored(queue: Queue, channel: str, state: str, open_: int) -> None:
    row = queue(Reply(ref="text:thanks"), channel=channel)
    assert (row.state, row.open, row.sent_at is not None) == (state, open_, state == "sent")


def test_a_button_means_what_was_stored_and_the_channel_sees_a_token_only(
    database: Database, keyring: Keyring, queue: Queue
) -> None:
    row = queue(
        Reply(ref="text:thanks", buttons=(ButtonSpec(label="button.more", action="topic", args={"topic": "baby/sleep"}),))
    )
    (button,) = unpack_outbound(keyring.open_json(row.sealed)).buttons
    assert button.token is not None
    with database.read() as session:
        meaning = session.get_one(ButtonToken, button.token)
    assert (meaning.action, meaning.args, meaning.title, meaning.outbox_key) == (
        "topic",
        {"topic": "baby/sleep"},
        button.title,
        "1:0",
    )
    assert timedelta(days=6, hours=23) < meaning.expires_at - now() < timedelta(days=7)


def test_a_link_needs_no_token(database: Database, keyring: Keyring, queue: Queue) -> None:
    row = queue(Reply(ref="text:thanks", buttons=(ButtonSpec(label="button.menu", action="", url="https://wren.test/"),)))
    (button,) = unpack_outbound(keyring.open_json(row.sealed)).buttons
    assert (button.url, button.token) == ("https://wren.test/", None)


def test_the_words_of_a_sent_version_are_kept_once(database: Database, library: Library, queue: Queue) -> None:
    rows = [queue(Reply(ref=f"message:{MESSAGE}"), key=f"{turn}:0") for turn in range(3)]
    with database.read() as session:
        (kept,) = session.scalars(select(ContentVersion)).all()
    assert {(row.content_id, row.content_version) for row in rows} == {(MESSAGE, kept.version)}
    assert kept.words == library.render(f"message:{MESSAGE}", "en").template


def test_words_whose_turn_was_undone_are_kept_with_the_next(
    database: Database, queue: Queue, keyring: Keyring, library: Library
) -> None:
    message = Reply(ref=f"message:{MESSAGE}")
    with database.write() as session:
        person, address = add_person(session, keyring, "webchat-undone")
        enqueue(
            session,
            keyring,
            Renderer(library),
            message,
            key="1:0",
            person_id=person.id,
            address_id=address.id,
            channel="webchat",
            language="en",
        )
        session.flush()
        session.rollback()
    queue(message)
    with database.read() as session:
        assert session.scalars(select(ContentVersion.content_id)).all() == [MESSAGE]


def test_personal_values_stay_out_of_the_kept_words(database: Database, queue: Queue) -> None:
    queue(Reply(ref="text:person.later", args={"when": "on Monday, dear Fictional Name"}))
    with database.read() as session:
        (kept,) = session.scalars(select(ContentVersion)).all()
    assert "Fictional" not in kept.words
    assert "{when}" in kept.words


def test_a_practitioners_own_words_are_no_content(database: Database, queue: Queue) -> None:
    row = queue(Reply(ref="person:reply", args={"text": "See you at ten", "name": "Ada", "role": "Health visitor"}))
    assert (row.content_id, row.content_version) == (None, None)
    with database.read() as session:
        assert session.scalars(select(ContentVersion)).all() == []


def test_no_words_can_be_read_in_the_outbox(queue: Queue) -> None:
    row = queue(Reply(ref="person:reply", args={"text": "See you at ten", "name": "Ada", "role": "Health visitor"}))
    assert b"See you" not in row.sealed


@pytest.mark.parametrize("where", ["buttons", "rows"])
def test_it_refuses_more_buttons_than_any_channel_shows(queue: Queue, where: str) -> None:
    with pytest.raises(ValueError, match="too many"):
        queue(
            Reply(
                ref="text:thanks",
                **{where: (ButtonSpec(label="button.menu", action="help_menu"),) * (4 if where == "buttons" else 11)},
            )
        )
