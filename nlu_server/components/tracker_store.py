"""Where Rasa keeps a conversation: in memory, for one turn.

The app owns what is remembered and hands it over with each message, so Rasa has nothing to keep: a turn's tracker is made
from the app's state, used, read and dropped. No message text reaches Rasa's disk, nothing grows with the conversation, and a
turn that is tried again can never meet its own half-done past.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Iterable, Optional, Text

from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker

MOST_TURNS = 1_000
"""Turns in flight at once; an abandoned one is pushed out by newer ones."""


class TurnTrackerStore(TrackerStore):
    """Holds the trackers of the turns being worked on. Not for `rasa shell`, which keeps its own."""

    _trackers: "OrderedDict[Text, DialogueStateTracker]" = OrderedDict()
    # On the class: Rasa wraps the store it is given and passes on no more than saving and reading.

    def __init__(
        self, domain: Domain, url: Optional[Text] = None, event_broker: Optional[EventBroker] = None, **kwargs: Any
    ) -> None:
        super().__init__(domain, event_broker, **kwargs)

    async def save(self, tracker: DialogueStateTracker) -> None:
        self._trackers[tracker.sender_id] = tracker
        while len(self._trackers) > MOST_TURNS:
            self._trackers.popitem(last=False)

    async def retrieve(self, sender_id: Text) -> Optional[DialogueStateTracker]:
        return self._trackers.get(sender_id)

    @classmethod
    def drop(cls, sender_id: Text) -> None:
        """Forget a turn."""
        cls._trackers.pop(sender_id, None)

    async def keys(self) -> Iterable[Text]:
        return list(self._trackers)

    @classmethod
    def count(cls) -> int:
        """How many turns are held."""
        return len(cls._trackers)
