"""Writing rows into the outbox: rendered words, their content version, and the meaning of their buttons, in one transaction."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, event
from sqlalchemy import insert as sql_insert
from sqlalchemy.orm import Session

from bot.messages import Reply
from bot.storage.crypto import Keyring
from bot.storage.tables import ButtonToken, Case, ContentVersion, Outbox, Person, now
from bot.storage.upsert import insert

if TYPE_CHECKING:
    from bot.conversation.render import Renderer, Rendering

TOKEN_LIFE = timedelta(days=7)
"""How long a button does exactly what it says; later it does so only if that is still safe."""

_TOKENS = sql_insert(ButtonToken)
_KEPT: WeakKeyDictionary[Engine, set[tuple[str, str, str]]] = WeakKeyDictionary()

PULLED = frozenset({"webchat", "terminal"})
"""Channels whose readers fetch their messages: what is stored there has been handed over."""


def enqueue(
    session: Session,
    keyring: Keyring,
    renderer: Renderer,
    reply: Reply,
    *,
    key: str,
    person_id: int,
    address_id: int,
    channel: str,
    language: str,
    nation: str | None = None,
    campaign: str | None = None,
    inbox_id: int | None = None,
    case_id: int | None = None,
    staff_id: int | None = None,
) -> Outbox:
    """Render `reply` and queue it under `key` (unique: the same key twice is an IntegrityError)."""
    rendering = renderer.render(reply, language, nation)
    pulled = channel in PULLED
    row = Outbox(
        key=key,
        person_id=person_id,
        address_id=address_id,
        channel=channel,
        inbox_id=inbox_id,
        case_id=case_id,
        staff_id=staff_id,
        message_class=reply.message_class.value,
        ref=reply.ref,
        content_id=rendering.content_id if rendering.template else None,
        content_version=rendering.version if rendering.template else None,
        sealed=keyring.seal_json(asdict(rendering.outbound)),
        language=rendering.outbound.language,
        nation=nation,
        campaign=campaign,
        state="sent" if pulled else "queued",
        open=0 if pulled else 1,
        sent_at=now() if pulled else None,
    )
    session.add(row)
    keep_tokens(session, rendering, person_id, key)
    keep_version(session, rendering)
    return row


def keep_tokens(session: Session, rendering: Rendering, person_id: int, key: str) -> None:
    """Store what the buttons of the message under `key` mean."""
    if not rendering.tokens:
        return
    same = {"person_id": person_id, "outbox_key": key, "expires_at": now() + TOKEN_LIFE}
    rows = [
        {"token": token, "action": spec.action, "args": dict(spec.args), "title": title, **same}
        for token, spec, title in rendering.tokens
    ]
    session.connection().execute(_TOKENS, rows)


def enqueue_for_case(
    session: Session,
    keyring: Keyring,
    renderer: Renderer,
    reply: Reply,
    case: Case,
    person: Person,
    *,
    key: str,
    staff_id: int | None = None,
) -> Outbox:
    """`enqueue` for the parent of a case: where they last wrote from, in the case's language."""
    return enqueue(
        session,
        keyring,
        renderer,
        reply,
        key=key,
        person_id=person.id,
        address_id=case.address_id,
        channel=case.channel,
        language=case.language,
        nation=person.nation,
        campaign=person.campaign,
        case_id=case.id,
        staff_id=staff_id,
    )


def keep_version(session: Session, rendering: Rendering) -> None:
    """Store the words of a version the first time it is sent. What this process has seen stored it does not offer again."""
    if not rendering.template:
        return
    engine = session.connection().engine
    content_id, language, version = key = (rendering.content_id, rendering.outbound.language, rendering.version)
    kept = _KEPT.setdefault(engine, set())
    if key in kept:
        return
    session.execute(
        insert(session, ContentVersion)
        .values(content_id=content_id, language=language, version=version, words=rendering.template, first_sent_at=now())
        .on_conflict_do_nothing()
    )
    event.listen(session, "after_commit", lambda _: kept.add(key), once=True)
