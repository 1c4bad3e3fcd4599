"""People: who a person is (our own id, many addresses), what they told us, and forgetting it.

Functions take an open session and never commit. May import storage and messages only.
"""

from bot.people.people import PersonView, find_or_create, forget, view

__all__ = ["PersonView", "find_or_create", "forget", "view"]
