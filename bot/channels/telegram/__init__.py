"""Telegram: reads Bot API updates, sends through python-telegram-bot, and polls, or takes a webhook, so that nothing is lost.

python-telegram-bot's own updater confirms an update before it is handled, and drops one that it cannot read; so
intake is our own loop over raw JSON (`poll.py`), and the library is used for what it does well: sending, with typed
errors. May import `bot.messages`, `bot.settings` and the helpers of `bot.channels`; nothing else of the app.
"""

from bot.channels.telegram.commands import publish_commands
from bot.channels.telegram.parse import external_id, parse, reachability
from bot.channels.telegram.poll import TelegramPoller
from bot.channels.telegram.send import TelegramChannel

__all__ = ["TelegramChannel", "TelegramPoller", "external_id", "parse", "publish_commands", "reachability"]
