"""WhatsApp Cloud API: tells Meta's webhooks from forged ones, reads them, and sends by aiohttp.

`parse` reads messages, `events` takes a whole webhook apart (messages, receipts, changed identifiers, templates), `signature` says
whether it is Meta's, `render` makes request bodies within Meta's limits, `send` is the channel object, and `errors.yml` says what
each of the API's errors means. The route is in `bot.whatsapp`, which joins all this to intake. May import `bot.messages`,
`bot.settings` and the helpers of `bot.channels`; nothing else of the app.
"""

from bot.channels.whatsapp.events import Event, events
from bot.channels.whatsapp.parse import parse
from bot.channels.whatsapp.render import numbered_tokens, render
from bot.channels.whatsapp.send import GraphError, WhatsAppChannel
from bot.channels.whatsapp.signature import verify_signature, verify_token

__all__ = [
    "Event",
    "GraphError",
    "WhatsAppChannel",
    "events",
    "numbered_tokens",
    "parse",
    "render",
    "verify_signature",
    "verify_token",
]
