"""WhatsApp Cloud API: reads its webhooks and writes its request bodies.

There is no server and no client here yet: nothing is received from or sent to Meta until a host with a verified
number adds a webhook route and a sender around these three functions. They are pure, so that what is translated is
settled and tested before that day. May import `bot.messages` and the helpers of `bot.channels`; nothing else of the
app.
"""

from bot.channels.whatsapp.parse import parse
from bot.channels.whatsapp.render import render
from bot.channels.whatsapp.signature import verify_signature

__all__ = ["parse", "render", "verify_signature"]
