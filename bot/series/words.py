"""What a series says: the words and buttons of each of its messages.

Where many people are due at once, their messages are queued with the words alone, sealed once for all who read the same ones; the
buttons, which are each person's own, are added when the message is sent (docs/decisions/0025).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from bot.delivery.outbox import keep_tokens, keep_version
from bot.library.series import AllSeries, Series
from bot.messages import ButtonSpec, MessageClass, Outbound, Reply
from bot.series.plan import BORN, CLOSING, Due
from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.tables import Outbox, Person, SeriesSubscription

if TYPE_CHECKING:
    from bot.conversation.render import Renderer

TEMPLATE = "series_waiting"
PERSON = ButtonSpec(label="button.person", action="talk_to_person")
MENU = ButtonSpec(label="button.menu", action="help_menu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What sending needs. `team_name` is the name of an area's team, for templates."""

    database: Database
    keyring: Keyring
    renderer: Renderer
    team_name: Callable[[str | None], str]

    @property
    def all_series(self) -> AllSeries:
        return self.renderer.library.series


def reply_of(row: SeriesSubscription, series: Series, due: Due, message_class: MessageClass = MessageClass.SERIES) -> Reply:
    """The words and buttons of what is due."""
    if due.kind == BORN:
        buttons = tuple(
            ButtonSpec(label=f"button.born_{name}", action="series_born", args={"id": row.id, "said": name})
            for name in ("yes", "not_yet", "lost")
        )
        return Reply(ref="text:series.born_ask", buttons=buttons, message_class=message_class)
    if due.kind == CLOSING:
        rows = [ButtonSpec(label=f"menu.series.{one}", action="series_join", args={"series": one}) for one in series.next]
        return Reply(ref=f"text:series.closing.{series.id}", rows=(*rows, PERSON, MENU), message_class=message_class)
    return replace(step_reply(f"message:{due.message}", row.id), message_class=message_class)


def step_reply(ref: str, subscription_id: int) -> Reply:
    """A step's message with its buttons."""
    change = ButtonSpec(label="button.series_change", action="series_change", args={"id": subscription_id})
    return Reply(ref=ref, buttons=(change, PERSON, MENU), message_class=MessageClass.SERIES)


def template_reply(sending: Sending, area_id: str | None) -> Reply:
    """The template that says that something is here."""
    return Reply(ref=f"template:{TEMPLATE}", args={"team": sending.team_name(area_id)}, message_class=MessageClass.SERIES)


def complete(sending: Sending, session: Session, row: Outbox, outbound: Outbound) -> Outbound | None:
    """`outbound` as it is to be sent: one of a series that was queued with many others gets the words of now, and its buttons, which
    are stored with the row. None if its message has been taken out since."""
    if outbound.message_class is not MessageClass.SERIES or outbound.buttons or outbound.rows:
        return outbound
    person = session.get_one(Person, row.person_id)
    reply = template_reply(sending, person.area_id)
    if row.ref != reply.ref:
        reply = step_reply(row.ref, int(row.key.split(":")[1]))
    try:
        rendering = sending.renderer.render(reply, person.language, person.nation)
    except KeyError:
        return None
    row.sealed, row.language = sending.keyring.seal_json(asdict(rendering.outbound)), rendering.outbound.language
    row.content_id, row.content_version = rendering.content_id, rendering.version
    keep_tokens(session, rendering, person.id, row.key)
    keep_version(session, rendering)
    return rendering.outbound
