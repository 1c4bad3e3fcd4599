"""Providers of services: the e-mail that asks whether what the directory holds is still right, and the page its links lead to.

`letters` writes the words, `postman` sends what is due, `pages` is the page, which needs no account. Rules and tables are the
directory's own (`services_directory.freshness`). May import alarms' mail server, library, pages and settings; nothing of parents.
"""

from bot.providers.pages import routes
from bot.providers.postman import Postman

__all__ = ["Postman", "routes"]
