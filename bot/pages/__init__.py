"""The public web pages: a landing page and a privacy page a language, and the look that the web chat shares with them.

Server-rendered and without any script. Words come from `locales/`, helpline numbers from `content/helplines.yml`. It
may import `bot.languages`, `bot.library` and `bot.settings`; never storage, conversation or a channel: a page keeps
nothing and knows nobody.
"""

from bot.pages.landing import PageServices, routes, troubles

__all__ = ["PageServices", "routes", "troubles"]
