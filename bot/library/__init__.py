"""Approved words: loads, checks, versions and renders everything a parent reads.

Reads `content/` and `locales/`, writes nothing, knows no person and no database: what staff have published is handed to it
(`wording.Published`). May import `bot.messages` and `bot.languages`.
"""

from bot.library.library import Library, Message, Rendered
from bot.library.strings import Strings

__all__ = ["Library", "Message", "Rendered", "Strings"]
