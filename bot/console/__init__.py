"""The staff web pages, under `/staff`: sign in, the queue of cases, one case, one's own actions.

Server-rendered and complete without JavaScript; a small script only tells of news. Pages read here and act through
`bot.handoff.desk`, on texts through `bot.desk`; every page but sign-in is behind `guard.Guard`. May import handoff, alarms, desk,
delivery's hub, people, storage, library, languages, settings, the channels' renderers and the shared look of `bot.pages`; never
conversation's journey or triage.
"""

from bot.console.accounts import add_staff, ensure_demonstration, reset_password
from bot.console.services import ConsoleServices
from bot.console.views import routes

__all__ = ["ConsoleServices", "add_staff", "ensure_demonstration", "reset_password", "routes"]
